/**
 * The order of names in a list. The distribution-spec asks for a lexical order; registries sort by bytes, by the parts of a
 * path, so that `a/b` comes before `a-b`, or without regard to letter case.
 */

/** What is compared in each order, byte by byte. */
const KEYS: readonly ((name: string) => string)[] = [
  (name) => name,
  (name) => name.replaceAll('/', '\0'),
  (name) => name.toLowerCase(),
]

/** Whether names are in one of the orders that registries have. */
export const isOrdered = (names: readonly string[]): boolean => keyOf(names) !== undefined

/** Names in the order of the registry, and that order. */
export type Sorted = {
  readonly names: readonly string[]
  /** Whether a name comes after another one in the order of the names. */
  readonly isAfter: (name: string, other: string) => boolean
}

/** Names in the order that they have; sorted by bytes where they have none. */
export function sorted(names: readonly string[]): Sorted {
  const known = keyOf(names)
  const key = known ?? ((name: string) => name)
  return {
    names: known === undefined ? names.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0)) : names,
    isAfter: (name, other) => key(name) > key(other),
  }
}

const keyOf = (names: readonly string[]) => KEYS.find((key) => isAscending(names.map(key)))

const isAscending = (keys: readonly string[]): boolean =>
  keys.every((key, index) => index === 0 || (keys[index - 1] ?? '') <= key)
