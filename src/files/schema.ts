/**
 * The JSON Schemas of policy files and decision tests, for editors: made from the definition that validates. Looser than
 * it where a schema cannot say it: names are not followed, conditions not parsed.
 */
import * as z from 'zod'
import { isRecord } from '../base/json.ts'
import { TOKEN_NAME } from '../policy/principal.ts'
import { PolicyFile, Role, TestFile } from './definition.ts'

type Json = { [key: string]: unknown }

/** `name` as a pattern for any letter case. */
const anyCase = (name: string) =>
  `^${name.replace(/[a-z]/gi, (letter) => `[${letter.toLowerCase()}${letter.toUpperCase()}]`)}$`

const isJson = (value: unknown): value is Json => isRecord(value)

/** Keys of a role are read in any letter case; completion offers the usual one. */
function inAnyCase(schema: Json): void {
  const { properties } = schema
  if (!isJson(properties)) return
  schema.patternProperties = Object.fromEntries(Object.entries(properties).map(([key, value]) => [anyCase(key), value]))
  const elements = properties.permissions
  if (isJson(elements) && isJson(elements.items)) inAnyCase(elements.items)
}

function toJsonSchema(definition: z.ZodType): Json {
  const schema: Json = z.toJSONSchema(definition, {
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema === Role) inAnyCase(jsonSchema)
      // Names are the keys of sections; a transform keeps its pattern to itself.
      if (isJson(jsonSchema.propertyNames) && jsonSchema.propertyNames.description?.startsWith('Name ')) {
        jsonSchema.propertyNames = { pattern: TOKEN_NAME.source }
      }
    },
  })
  return schema
}

const WIDTH = 120

/** JSON as the project's formatter lays it out: a list of plain values stays in its line if it fits. */
function print(value: unknown, indent: string, used: number): string {
  const inner = `${indent}  `
  if (Array.isArray(value)) {
    const line = `[${value.map((item) => JSON.stringify(item)).join(', ')}]`
    if (!value.some((item) => typeof item === 'object') && used + line.length < WIDTH) return line
    return `[\n${value.map((item) => inner + print(item, inner, inner.length)).join(',\n')}\n${indent}]`
  }
  if (!isJson(value) || Object.keys(value).length === 0) return JSON.stringify(value)
  const members = Object.entries(value).map(([key, item]) => {
    const start = `${inner}${JSON.stringify(key)}: `
    return start + print(item, inner, start.length)
  })
  return `{\n${members.join(',\n')}\n${indent}}`
}

/** A schema as the text of a file. */
export const schemaText = (schema: object): string => `${print(schema, '', 0)}\n`

/** The schemas of policy files by their names in `schema/`, as text. */
export const schemaFiles = (): Readonly<Record<string, string>> => ({
  'policy.schema.json': schemaText(toJsonSchema(PolicyFile)),
  'test.schema.json': schemaText(toJsonSchema(TestFile)),
})
