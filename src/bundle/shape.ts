/**
 * Readers of parsed JSON: each takes an unknown value to one of a known type, or throws a {@link ShapeError} that says
 * where it is wrong. A field that the shape does not name is wrong too: an older gate that ignored a newer restriction
 * would grant too much.
 */

import { isRecord } from '../base/json.ts'

/** `at` is the place of the value, such as `grants[2].on`. */
export type Read<T> = (value: unknown, at: string) => T

/** A value does not have the shape that was expected. The message names its place. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError'
}

const wrong = (at: string, expected: string): never => {
  throw new ShapeError(`${at === '' ? 'the value' : at} is not ${expected}`)
}

/**
 * Reads a text.
 *
 * @throws {@link ShapeError}
 */
export const text: Read<string> = (value, at) => (typeof value === 'string' ? value : wrong(at, 'text'))

/**
 * Reads true or false.
 *
 * @throws {@link ShapeError}
 */
export const flag: Read<boolean> = (value, at) => (typeof value === 'boolean' ? value : wrong(at, 'true or false'))

/** A whole number, also negative, that a double holds exactly. */
export const integer: Read<number> = (value, at) =>
  typeof value === 'number' && Number.isSafeInteger(value) ? value : wrong(at, 'a whole number')

/** A whole number from 0. */
export const natural: Read<number> = (value, at) => {
  const number = integer(value, at)
  return number >= 0 ? number : wrong(at, 'a whole number from 0')
}

/** Makes a reader of texts that match a pattern. */
export const matching =
  (pattern: RegExp, expected: string): Read<string> =>
  (value, at) => {
    const string = text(value, at)
    return pattern.test(string) ? string : wrong(at, expected)
  }

/** Makes a reader of texts of a fixed list. */
export const oneOf =
  <T extends string>(values: readonly T[]): Read<T> =>
  (value, at) =>
    values.find((known) => known === value) ?? wrong(at, `one of ${values.join(', ')}`)

/** Makes a reader of lists. */
export const listOf =
  <T>(read: Read<T>): Read<readonly T[]> =>
  (value, at) =>
    Array.isArray(value) ? value.map((item, index) => read(item, `${at}[${index}]`)) : wrong(at, 'a list')

/** An object whatever it holds. */
export const object: Read<Readonly<Record<string, unknown>>> = (value, at) =>
  isRecord(value) ? value : wrong(at, 'an object')

/** An object with keys of any name. */
export const recordOf =
  <T>(read: Read<T>): Read<Readonly<Record<string, T>>> =>
  (value, at) =>
    Object.fromEntries(Object.entries(object(value, at)).map(([key, item]) => [key, read(item, `${at}.${key}`)]))

type OptionalKey<T> = { [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? K : never }[keyof T]

/** The readers of an object's fields; those of optional ones apart. Keeps the order in which the fields came. */
export function objectOf<T extends object>(
  required: { readonly [K in Exclude<keyof T, OptionalKey<T>>]: Read<T[K]> },
  optional: { readonly [K in OptionalKey<T>]: Read<Exclude<T[K], undefined>> },
): Read<T> {
  const needed = Object.keys(required)
  const readers = new Map<string, Read<unknown>>([...Object.entries(required), ...Object.entries(optional)] as [
    string,
    Read<unknown>,
  ][])
  return (value, at) => {
    const fields: Record<string, unknown> = {}
    for (const [key, item] of Object.entries(object(value, at))) {
      const place = at === '' ? key : `${at}.${key}`
      const read = readers.get(key) ?? wrong(place, 'a field that this version knows')
      fields[key] = read(item, place)
    }
    for (const key of needed) if (!Object.hasOwn(fields, key)) wrong(at === '' ? key : `${at}.${key}`, 'there')
    // Every field has gone through its reader, none is missing and none is left over: this is what T says.
    return fields as T
  }
}
