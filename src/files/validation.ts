/**
 * Checks one entry of a file against its definition, and says what is wrong in the words and at the place of the file.
 * Never says it in the words of the validator.
 */
import type { z } from 'zod'
import type { Source } from '../policy/model.ts'
import { nearest } from '../policy/nearest.ts'
import { isMapping, type Mapping, type Path } from './document.ts'
import { type Complaint, complaint, type Report } from './problem.ts'

/** Where the parts of a value stand. */
type Places = { at(...path: Path): Source; keyAt(...path: Path): Source }

/** Parse a value; undefined if what is wrong with it was reported. */
export function validate<T extends z.ZodType>(
  schema: T,
  value: unknown,
  places: Places,
  report: Report,
): z.output<T> | undefined {
  const result = schema.safeParse(value, { reportInput: true })
  if (result.success) return result.data
  for (const issue of result.error.issues) reportIssue(issue, schema, places, report)
  return undefined
}

function reportIssue(issue: z.core.$ZodIssue, schema: z.ZodType, places: Places, report: Report): void {
  const path = issue.path.filter((step) => typeof step !== 'symbol')
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, path)
    const beside = isMapping(issue.input) ? issue.input : {}
    for (const key of issue.keys) report.error(places.keyAt(...path, key), unknownKey(key, known, beside))
    return
  }
  const last = path.at(-1)
  const isMissing = issue.input === undefined && typeof last === 'string'
  if (isMissing) report.error(places.keyAt(...path), missingKey(last))
  else if (issue.code === 'invalid_key') report.error(places.keyAt(...path), describe(issue))
  else report.error(places.at(...path), describe(issue))
}

/** @param beside the mapping that holds the key */
export function unknownKey(key: string, known: readonly string[], beside: Mapping): Complaint {
  const otherNumber = key.endsWith('y') ? key.replace(/y$/, 'ies') : key.replace(/ies$/, 'y')
  const guess = nearest(key, known) ?? nearest(otherNumber, known)
  const empty = guess === undefined ? emptyBefore(key, known, beside) : undefined
  const otherwise = empty === undefined ? `known here: ${known.join(', ')}` : `indent it below ${empty}, which is empty`
  return complaint('unknown_key', `unknown key "${key}"`, guess === undefined ? otherwise : `did you mean ${guess}?`)
}

/** The key to which another one would belong, if its line were indented. */
function emptyBefore(key: string, known: readonly string[], beside: Mapping): string | undefined {
  const keys = Object.keys(beside)
  const before = keys.slice(0, keys.indexOf(key)).findLast((candidate) => known.includes(candidate))
  return before !== undefined && beside[before] === null ? before : undefined
}

const missingKey = (key: string): Complaint => complaint('missing_key', `${key} is missing`, `add ${key}`)

function describe(issue: z.core.$ZodIssue): Complaint {
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
      return wrongType(issue.expected, issue.input)
    case 'invalid_union':
      return wrongType('string', issue.input)
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

/** What kind of value was expected and what is there. */
export function wrongType(expected: string, input: unknown): Complaint {
  const wanted = NOUNS[expected] ?? expected
  return complaint('wrong_type', `expected ${wanted}, found ${nounOf(input)}`, repair(expected, input))
}

function repair(expected: string, input: unknown): string | undefined {
  const isScalar = ['string', 'number', 'boolean'].includes(typeof input)
  if (expected === 'string' && isScalar) return `quote it: "${input}"`
  if (expected === 'array' && isScalar) return `write a list: [${input}]`
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

/** The keys that a definition knows at a path. */
function keysAt(schema: z.core.$ZodType, path: Path): readonly string[] {
  const definition: Readonly<Record<string, unknown>> = { ...schema._zod.def }
  const wrapped = definition.innerType ?? definition.in
  if (isSchema(wrapped)) return keysAt(wrapped, path)
  const shape = definition.shape
  const [step, ...rest] = path
  if (step === undefined) return isRecord(shape) ? Object.keys(shape) : []
  const next = (isRecord(shape) ? shape[step] : undefined) ?? definition.element ?? definition.valueType
  return isSchema(next) ? keysAt(next, rest) : []
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null
const isSchema = (value: unknown): value is z.core.$ZodType => isRecord(value) && '_zod' in value
