/**
 * Sets of repository names that an index can hold: exact names and prefixes. Lists of keys are kept sorted and without
 * redundant members, so that equal sets are equal lists.
 */

/** A prefix may end anywhere, not only at a slash; the empty prefix is every name. */
export type NameKey =
  | { readonly kind: 'exact'; readonly name: string }
  | { readonly kind: 'prefix'; readonly prefix: string }

/** The index entry for every repository name. */
export const EVERY_NAME: readonly NameKey[] = [{ kind: 'prefix', prefix: '' }]

/** Whether these keys are all names. */
export const isEveryName = (keys: readonly NameKey[]): boolean =>
  keys.some((key) => textOf(key) === '' && key.kind === 'prefix')

const textOf = (key: NameKey): string => (key.kind === 'exact' ? key.name : key.prefix)

/** A prefix sorts directly before all it covers. */
function order(left: NameKey, right: NameKey): number {
  const [l, r] = [textOf(left), textOf(right)]
  if (l !== r) return l < r ? -1 : 1
  return left.kind === right.kind ? 0 : left.kind === 'prefix' ? -1 : 1
}

/** Whether every name of `inner` is one of `outer`. */
const covers = (outer: NameKey, inner: NameKey): boolean =>
  outer.kind === 'prefix' ? textOf(inner).startsWith(outer.prefix) : inner.kind === 'exact' && inner.name === outer.name

/** All names of `keys`, in any order and with any overlap. */
export function unite(keys: readonly NameKey[]): readonly NameKey[] {
  const result: NameKey[] = []
  for (const key of [...keys].sort(order)) {
    const last = result.at(-1)
    if (last === undefined || !covers(last, key)) result.push(key)
  }
  return result
}

/** The names that both lists hold; each is a result of this file. */
export const intersect = (left: readonly NameKey[], right: readonly NameKey[]): readonly NameKey[] =>
  unite([...coveredBy(left, right), ...coveredBy(right, left)])

/** The members of `keys` that one of `outer` covers; only the last one that does not sort after a key can. */
function coveredBy(keys: readonly NameKey[], outer: readonly NameKey[]): readonly NameKey[] {
  let next = 0
  return keys.filter((key) => {
    for (;;) {
      const candidate = outer[next]
      if (candidate === undefined || order(candidate, key) > 0) break
      next += 1
    }
    const last = outer[next - 1]
    return last !== undefined && covers(last, key)
  })
}
