/**
 * Query strings, read strictly and once. An operation takes the keys that it knows. Other keys are never forwarded.
 *
 * Values are decoded as `application/x-www-form-urlencoded` (WHATWG URL), as registries decode them. So the registry reads
 * the same value that the gate decided on.
 */
import { err, ok, type Result } from '../base/result.ts'

/** The values of each key, in order. A key without `=` has the empty value. */
export type Query = ReadonlyMap<string, readonly string[]>

/** What is wrong with a query parameter. `problem` continues a sentence that starts with the key. */
export type QueryError = {
  readonly code: 'query_invalid'
  readonly key: string
  readonly problem: string
}

/** The largest page. Larger numbers are not forwarded, because registries read them into 32 or 64 bits. */
const COUNT_MAX = 1_000_000

/** Parses a page size and limits it to {@link COUNT_MAX}. Returns undefined if the text is not a whole number. */
export const parseCount = (text: string): number | undefined =>
  /^[0-9]+$/.test(text) ? Math.min(Number(text), COUNT_MAX) : undefined

const EMPTY: Query = new Map()

const decode = (text: string): string | undefined => {
  if (!text.isWellFormed()) return undefined
  if (!text.includes('%') && !text.includes('+')) return text
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}

/**
 * Parses the known keys of a query. A key that cannot be decoded is dropped like an unknown one. A known key whose value
 * cannot be decoded is an error.
 *
 * @param text the raw query, without `?`
 */
export function parseQuery(text: string, known: ReadonlySet<string>): Result<Query, QueryError> {
  if (text === '' || known.size === 0) return ok(EMPTY)
  const query = new Map<string, string[]>()
  for (const pair of text.split('&')) {
    const equals = pair.indexOf('=')
    const key = decode(equals < 0 ? pair : pair.slice(0, equals))
    if (key === undefined || !known.has(key)) continue
    const value = equals < 0 ? '' : decode(pair.slice(equals + 1))
    if (value === undefined)
      return err({
        code: 'query_invalid',
        key,
        problem: 'is not valid percent-encoded UTF-8',
      })
    const values = query.get(key)
    if (values === undefined) query.set(key, [value])
    else values.push(value)
  }
  return ok(query)
}

/** The one value of a key. Undefined if the key is missing or its value is empty; an error if the key is repeated. */
export function single(query: Query, key: string): Result<string | undefined, QueryError> {
  const values = query.get(key)
  if (values === undefined) return ok(undefined)
  if (values.length > 1)
    return err({
      code: 'query_invalid',
      key,
      problem: 'is given more than once',
    })
  return ok(values[0] === '' ? undefined : values[0])
}

/** Writes a query: `?a=b&c=d`, or the empty text. Leaves out pairs without a value. */
export function formatQuery(pairs: readonly (readonly [key: string, value: string | number | undefined])[]): string {
  let text = ''
  for (const [key, value] of pairs) {
    if (value !== undefined) text += `${text === '' ? '?' : '&'}${key}=${encodeURIComponent(value)}`
  }
  return text
}
