/**
 * A query string, read once and strictly. Operations take from it the keys they know; the rest is never forwarded.
 *
 * A value is decoded as `application/x-www-form-urlencoded` (WHATWG URL), which is how registries read it, so that what
 * is judged is what they will see when it is encoded again.
 */
import { err, ok, type Result } from '../base/result.ts'

/** The values of each key, in order; a key without a value has the empty one. */
export type Query = ReadonlyMap<string, readonly string[]>

export type QueryError = {
  readonly code: 'query_invalid'
  readonly key: string
  readonly problem: string
}

/** No page is larger, and no larger number is passed on: registries read it as one of 32 or 64 bits. */
const COUNT_MAX = 1_000_000

/** A page size, clamped to {@link COUNT_MAX}; nothing for what is no whole number. */
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

/** Keys that cannot be decoded are unknown to every operation, hence dropped; a known key with such a value is an error. */
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

/** The one value of a key; absent when it is missing or empty; an error when the key is repeated. */
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

/** The inverse: `?a=b&c=d`, or nothing when there is no pair. Pairs without a value are left out. */
export function formatQuery(pairs: readonly (readonly [key: string, value: string | number | undefined])[]): string {
  let text = ''
  for (const [key, value] of pairs) {
    if (value !== undefined) text += `${text === '' ? '?' : '&'}${key}=${encodeURIComponent(value)}`
  }
  return text
}
