/** The tables of docs/policies.md: the keys of policy files and decision tests, from the JSON Schemas that editors use. */
import { schemaFiles } from '../../src/files/schema.ts'
import { code, table } from './markdown.ts'

type Json = { readonly [key: string]: unknown }

const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const child = (schema: Json, key: string): Json => {
  const value = schema[key]
  return isJson(value) ? value : {}
}

/** Parts of the page, by the names of their marks: one for each section, and one for decision tests. */
export function referenceParts(): Readonly<Record<string, string>> {
  const parts = Object.entries(child(schemaOf('policy.schema.json'), 'properties')).flatMap(([section, schema]) =>
    section === '$schema' || !isJson(schema) ? [] : [[section, keyTable(entryOf(schema))] as const],
  )
  const tests = child(child(schemaOf('test.schema.json'), 'properties'), 'tests')
  return { ...Object.fromEntries(parts), tests: keyTable(entryOf(tests)) }
}

function schemaOf(name: string): Json {
  const schema: unknown = JSON.parse(schemaFiles()[name] ?? 'null')
  if (!isJson(schema)) throw new Error(`there is no ${name}`)
  return schema
}

/** What one entry of a section looks like: the section itself, an element of its list, or what a name means. */
function entryOf(schema: Json): Json {
  const real = withoutNull(schema)
  if (real.type === 'array') return child(real, 'items')
  return isJson(real.additionalProperties) ? child(real, 'additionalProperties') : real
}

/** Of what may be null or left empty, what it is when it is there. */
function withoutNull(schema: Json): Json {
  const { anyOf } = schema
  if (!Array.isArray(anyOf)) return schema
  const real = anyOf.filter(isJson).filter(({ type }) => type !== 'null')
  const [only] = real
  return real.length === 1 && only !== undefined ? { ...schema, anyOf: undefined, ...only } : schema
}

const keyTable = (entry: Json): string => table(['key', 'value', 'meaning'], rowsOf(entry, ''))

function rowsOf(schema: Json, prefix: string): readonly (readonly string[])[] {
  const required = Array.isArray(schema.required) ? schema.required : []
  return Object.entries(child(schema, 'properties')).flatMap(([key, raw]) => {
    if (!isJson(raw)) return []
    const value = withoutNull(raw)
    const notes = [
      ...(required.includes(key) ? ['required'] : []),
      ...('default' in value && !isEmpty(value.default) ? [`default ${plain(value.default)}`] : []),
    ]
    const meaning = [descriptionOf(raw, value), ...notes.map((note) => `_${note}_`)].filter((text) => text !== '')
    const inner = value.type === 'array' ? child(value, 'items') : value
    const path = `${prefix}${key}`
    const row = [code(path), typeOf(value), meaning.join('; ')]
    return [row, ...rowsOf(inner, value.type === 'array' ? `${path}[].` : `${path}.`)]
  })
}

const isEmpty = (value: unknown): boolean => Array.isArray(value) && value.length === 0

function plain(value: unknown): string {
  return Array.isArray(value) ? value.map((item) => code(String(item))).join(', ') : code(String(value))
}

function descriptionOf(raw: Json, value: Json): string {
  const texts = [raw.description ?? value.description, child(value, 'items').description]
  const [own, ofElements] = texts.map((text) => (typeof text === 'string' ? text : ''))
  const text = [own, value.type === 'array' && ofElements ? `each: ${ofElements}` : ''].filter(Boolean).join('; ')
  return text.replaceAll('*', '\\*')
}

function typeOf(schema: Json): string {
  const { type, minimum, maximum } = schema
  const choices = schema.enum
  if (Array.isArray(choices)) return choices.map((choice) => code(choice === '' ? '""' : String(choice))).join(' or ')
  if (type === 'integer') return `${String(minimum)} to ${String(maximum)}`
  if (type === 'array') {
    const items = child(schema, 'items')
    return items.enum === undefined ? `list of ${plural(items)}` : `list of ${typeOf(items)}`
  }
  if (type === 'object') return isJson(schema.properties) ? 'object' : 'map of names'
  return type === 'boolean' ? '`true` or `false`' : 'text'
}

const plural = ({ type }: Json): string => (type === 'object' ? 'objects' : 'texts')
