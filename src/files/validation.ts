/**
 * Checks one entry of a file against its definition, and says what is wrong in the words and at the place of the file.
 * Never says it in the words of the validator.
 */
import * as z from 'zod'
import { isRecord } from '../base/json.ts'
import { nearest } from '../base/spelling.ts'
import type { Source } from '../policy/model.ts'
import { isMapping, type Mapping, type Path } from './document.ts'
import { type Complaint, complaint, type Report } from './problem.ts'

/** Where the parts of a value are, and how the file writes them. */
type Places = {
  at(...path: Path): Source
  keyAt(...path: Path): Source
  sourceText(...path: Path): string | undefined
}

/** For some definitions: the hint for a value of the wrong type, if a better one than the usual is known. */
export const repairs = z.registry<(input: unknown) => string | undefined>()

/** zod makes code for a definition when it is first used, which takes longer than it saves for few entries. */
const FEW_ENTRIES = 1000
let validated = 0

/** Parse a value; undefined if what is wrong with it was reported. */
export function validate<T extends z.ZodType>(
  schema: T,
  value: unknown,
  places: Places,
  report: Report,
): z.output<T> | undefined {
  const result = schema.safeParse(value, { reportInput: true, jitless: ++validated <= FEW_ENTRIES })
  if (result.success) return result.data
  for (const issue of result.error.issues) reportIssue(issue, schema, places, report)
  return undefined
}

function reportIssue(issue: z.core.$ZodIssue, schema: z.ZodType, places: Places, report: Report): void {
  const path = issue.path.filter((step) => typeof step !== 'symbol')
  if (issue.code === 'unrecognized_keys') {
    const known = keysOf(schemaAt(schema, path))
    const mapping = isMapping(issue.input) ? issue.input : {}
    for (const key of issue.keys) report.error(places.keyAt(...path, key), unknownKey(key, known, mapping))
    return
  }
  const last = path.at(-1)
  const isMissing = issue.input === undefined && typeof last === 'string'
  if (isMissing) report.error(places.keyAt(...path), missingKey(last))
  else if (issue.code === 'invalid_key') report.error(places.keyAt(...path), describe(issue))
  else {
    const definition = schemaAt(schema, path)
    const hint = definition === undefined ? undefined : repairs.get(definition)?.(issue.input)
    const reason = describe(issue, places.sourceText(...path))
    report.error(places.at(...path), hint === undefined ? reason : { ...reason, hint })
  }
}

/** A file whose root is not a mapping may be anything (a link to a secret): its text is not quoted. */
export const notAMapping = (root: unknown): Complaint =>
  complaint('wrong_type', `expected a mapping, found ${typeof root === 'object' ? nounOf(root) : 'a single value'}`)

/**
 * Report the keys of a file's root that are not known. In a file with none that is, only keys that are nearly right are
 * quoted, and one report is enough for the others: the file may not be a policy at all.
 */
export function reportUnknownKeys(
  root: Places & { readonly value: unknown },
  known: readonly string[],
  report: Report,
): void {
  if (!isMapping(root.value)) return
  const unknown = Object.keys(root.value).filter((key) => !known.includes(key))
  const isStrange = unknown.length === Object.keys(root.value).length
  const [strange] = isStrange ? unknown.filter((key) => similarKey(key, known) === undefined) : []
  for (const key of unknown) {
    if (!isStrange || similarKey(key, known) !== undefined || isSlashComment(key)) {
      report.error(root.keyAt(key), unknownKey(key, known, root.value))
    } else if (key === strange) {
      report.error(
        root.keyAt(key),
        complaint('unknown_key', 'this key is not known', `known here: ${known.join(', ')}`),
      )
    }
  }
}

const COMMENT_HINT = 'start comments with #'
/** A comment in the style of JavaScript is part of the key after it. */
const isSlashComment = (key: string): boolean => /^\/[/*]/.test(key)

const similarKey = (key: string, known: readonly string[]): string | undefined => {
  const otherNumber = key.endsWith('y') ? key.replace(/y$/, 'ies') : key.replace(/ies$/, 'y')
  return nearest(key, known) ?? nearest(otherNumber, known)
}

/** @param mapping the mapping that holds the key */
function unknownKey(key: string, known: readonly string[], mapping: Mapping): Complaint {
  if (isSlashComment(key)) return complaint('unknown_key', 'a comment cannot start with /', COMMENT_HINT)
  const guess = similarKey(key, known)
  const empty = guess === undefined ? emptyBefore(key, known, mapping) : undefined
  const otherwise = empty === undefined ? `known here: ${known.join(', ')}` : `indent it below ${empty}, which is empty`
  return complaint('unknown_key', `unknown key "${key}"`, guess === undefined ? otherwise : `did you mean ${guess}?`)
}

/** The key to which another one would belong, if its line were indented. */
function emptyBefore(key: string, known: readonly string[], mapping: Mapping): string | undefined {
  const keys = Object.keys(mapping)
  const before = keys.slice(0, keys.indexOf(key)).findLast((candidate) => known.includes(candidate))
  return before !== undefined && mapping[before] === null ? before : undefined
}

const missingKey = (key: string): Complaint => complaint('missing_key', `${key} is missing`, `add ${key}`)

/** @param source how the file writes the value, if it is a plain one */
function describe(issue: z.core.$ZodIssue, source?: string): Complaint {
  switch (issue.code) {
    case 'custom': {
      const { code, hint } = issue.params ?? {}
      return complaint(
        typeof code === 'string' ? code : 'invalid',
        issue.message,
        typeof hint === 'string' ? hint : undefined,
      )
    }
    case 'invalid_type':
      return wrongType(issue.expected, issue.input, source)
    case 'invalid_union':
      return wrongType('string', issue.input, source)
    case 'invalid_value': {
      const choices = [...new Set(issue.values.map(String))].filter((choice) => choice !== '')
      const guess = typeof issue.input === 'string' ? nearest(issue.input, choices) : undefined
      const hint =
        guess === undefined ? `write ${choices.join(', ')}`.replace(/, ([^,]+)$/, ' or $1') : `did you mean ${guess}?`
      return complaint('not_allowed', `${show(issue.input)} is not one of ${choices.join(', ')}`, hint)
    }
    case 'too_small':
      if (issue.origin === 'string') return complaint('empty', 'the text is empty', 'write a value, or remove the key')
      if (issue.origin === 'array') return complaint('empty', 'the list is empty', 'name at least one')
      return complaint('out_of_range', `${show(issue.input)} is too small`, `write at least ${issue.minimum}`)
    case 'too_big':
      return complaint('out_of_range', `${show(issue.input)} is too large`, `write at most ${issue.maximum}`)
    case 'invalid_key':
      return complaint('key_invalid', 'the key is empty', 'name the claim')
    default:
      return complaint('invalid', issue.message)
  }
}

const NOUNS: Readonly<Record<string, string>> = {
  string: 'text',
  int: 'a whole number',
  number: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
}

/**
 * What kind of value was expected and what is there.
 *
 * @param source how the file writes the value: a number may be written in ways that its value does not show (`1.0`)
 */
export function wrongType(expected: string, input: unknown, source?: string): Complaint {
  const wanted = NOUNS[expected] ?? expected
  return complaint('wrong_type', `expected ${wanted}, found ${nounOf(input)}`, repair(expected, input, source))
}

function repair(expected: string, input: unknown, source?: string): string | undefined {
  const isScalar = ['string', 'number', 'boolean'].includes(typeof input)
  const written = isScalar && typeof input !== 'string' ? (source ?? input) : input
  if (expected === 'string' && isScalar) return `quote it: "${written}"`
  if (expected === 'array' && isScalar) return `write a list: [${written}]`
  const isLarge = ['array', 'object', 'record'].includes(expected)
  if (input === null && isLarge) return 'the next line is not indented below it: indent it, or remove the key'
  if (input === null) return 'write a value, or remove the key'
  return isLarge && typeof input === 'string' && /^[\w-]+:\S/.test(input) ? 'put a space after the colon' : undefined
}

function nounOf(value: unknown): string {
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (isMapping(value)) return 'a mapping'
  return typeof value === 'string' ? `text "${shorten(value)}"` : show(value)
}

function show(value: unknown): string {
  if (typeof value === 'object') return nounOf(value)
  return typeof value === 'string' ? `"${shorten(value)}"` : shorten(String(value))
}
const shorten = (text: string) => (text.length > 60 ? `${text.slice(0, 57)}...` : text)

/** The definition of what is at a path. */
function schemaAt(schema: z.core.$ZodType, path: Path): z.core.$ZodType | undefined {
  const { innerType, shape, element, valueType }: Readonly<Record<string, unknown>> = { ...schema._zod.def }
  if (isSchema(innerType)) return schemaAt(innerType, path)
  const [step, ...rest] = path
  if (step === undefined) return schema
  const next = (isRecord(shape) ? shape[step] : undefined) ?? element ?? valueType
  return isSchema(next) ? schemaAt(next, rest) : undefined
}

/** The keys that a definition knows. */
function keysOf(schema: z.core.$ZodType | undefined): readonly string[] {
  const { shape }: Readonly<Record<string, unknown>> = { ...schema?._zod.def }
  return isRecord(shape) ? Object.keys(shape) : []
}

const isSchema = (value: unknown): value is z.core.$ZodType => isRecord(value) && '_zod' in value
