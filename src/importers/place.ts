/**
 * Patterns of other systems as places. A reader of one pattern syntax turns a pattern into ways, each a sequence of
 * items; this module says in which repositories a way matches. The answer is exact, or there is none.
 *
 * Source: OCI distribution specification, "Pulling manifests", for the characters of repository names.
 */
import { and, EVERYWHERE, not, or, type Where } from './where.ts'

/** The characters of one segment of a repository name. */
export const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789._-'
/** All characters of repository names. */
export const NAME_CHARACTERS = `${ALPHABET}/`
/** More ways than this are not written out. */
export const MAX_WAYS = 100

/**
 * One step of a way: one character out of `set` (a part of `NAME_CHARACTERS`), or a run of any number of characters,
 * slashes included if it is `deep`.
 */
export type Item = { readonly kind: 'one'; readonly set: string } | { readonly kind: 'run'; readonly deep: boolean }
/** A sequence of items that matches a whole name. */
export type Way = readonly Item[]

/** Any characters, slashes included. */
export const DEEP: Item = { kind: 'run', deep: true }
/** Any characters except a slash. */
export const FLAT: Item = { kind: 'run', deep: false }

/** The item of a set of characters; characters that no name has are left out. */
export const oneOf = (isMember: (char: string) => boolean): Item => ({
  kind: 'one',
  set: [...NAME_CHARACTERS].filter(isMember).join(''),
})

/** Exactly one character. */
export const literal = (char: string): Item => oneOf((other) => other === char)

/** Every combination of the ways of two parts, one behind the other; nothing if there are too many. */
export function sequence(first: readonly Way[], second: readonly Way[]): readonly Way[] | undefined {
  if (first.length * second.length > MAX_WAYS) return undefined
  return first.flatMap((head) => second.map((tail) => [...head, ...tail]))
}

/** Where one of the ways matches; nothing if a condition cannot say it. */
export function placeOfWays(ways: readonly Way[]): Where | undefined {
  const possible = ways.map(withoutOddSlashes).filter(isPossible)
  return possible.reduce((sum, way) => sum + choicesOf(way), 0) > MAX_WAYS ? undefined : placeOfAny(possible)
}

function placeOfAny(ways: readonly Way[]): Where | undefined {
  const places: Where[] = []
  for (const way of ways) {
    const place = placeOfWay(way)
    if (place === undefined) return undefined
    places.push(place)
  }
  return or(...places)
}

const isPossible = (way: Way): boolean => way.every((item) => item.kind === 'run' || item.set !== '')

function placeOfWay(way: Way): Where | undefined {
  const at = way.findIndex((item) => item.kind === 'one' && isClass(item.set))
  const item = way[at]
  if (item?.kind !== 'one') return placeOfPlain(way)
  const base = item.set.includes('/') ? NAME_CHARACTERS : ALPHABET
  const before = way.slice(0, at)
  const replaced = (set: string): Way => [...before, { kind: 'one', set }, ...way.slice(at + 1)]
  if (isSaidByExceptions(way, at)) {
    const place = placeOfWay(replaced(base))
    const head = before.map((one) => characterOf(one)).join('')
    const excluded = [...base].filter((char) => !item.set.includes(char))
    return place && and(place, ...excluded.map((char) => not(like(`${head}${char}*`))))
  }
  return placeOfAny([...item.set].map(replaced))
}

/** How many ways without classes a way comes to. */
const choicesOf = (way: Way): number =>
  way.reduce(
    (count, item, at) =>
      item.kind === 'one' && isClass(item.set) && !isSaidByExceptions(way, at) ? count * item.set.length : count,
    1,
  )

/** Few exceptions at a fixed offset are shorter to say than many members. */
function isSaidByExceptions(way: Way, at: number): boolean {
  const item = way[at]
  if (item?.kind !== 'one') return false
  const base = item.set.includes('/') ? NAME_CHARACTERS : ALPHABET
  return item.set.length > base.length / 2 && way.slice(0, at).every(({ kind }) => kind === 'one')
}

/** No name starts or ends with a slash, or has two in a row. */
function withoutOddSlashes(way: Way): Way {
  const isSlash = (item: Item | undefined): boolean => item?.kind === 'one' && item.set === '/'
  return way.map((item, index): Item => {
    if (item.kind === 'run') return item
    const isBeside = isSlash(way[index - 1]) || (isSlash(way[index + 1]) && item.set !== '/')
    const isOdd = index === 0 || index === way.length - 1 || isBeside
    return isOdd ? { kind: 'one', set: item.set.replace('/', '') } : item
  })
}

/** Whether it takes more than one character or wildcard to say a set. */
const isClass = (set: string): boolean => set.length > 1 && set !== ALPHABET && set !== NAME_CHARACTERS

const characterOf = (item: Item): string => (item.kind === 'run' ? '*' : item.set.length === 1 ? item.set : '?')

/** A way of single characters, `?` and runs. */
function placeOfPlain(way: Way): Where | undefined {
  const items = way.filter((item, index) => {
    const last = way[index - 1]
    return !(item.kind === 'run' && last?.kind === 'run' && (last.deep || !item.deep))
  })
  const merged = items.filter((item, index) => !(item.kind === 'run' && !item.deep && items[index + 1]?.kind === 'run'))
  const pattern = merged.map(characterOf).join('')
  const isFlat = (item: Item): boolean => (item.kind === 'run' ? !item.deep : item.set === ALPHABET)
  const isDeep = (item: Item): boolean => (item.kind === 'run' ? item.deep : item.set === NAME_CHARACTERS)
  if (!merged.some(isFlat)) return like(pattern)
  // A name with the slashes of the pattern and no more leaves none for a wildcard.
  if (!merged.some(isDeep)) {
    const where = like(pattern)
    return where.kind === 'equals' ? where : and(where, atMostSlashes(pattern.split('/').length - 1))
  }
  // At a fixed offset a wildcard may take slashes, if that is excluded by itself.
  const start = merged.findIndex(({ kind }) => kind === 'run')
  const fixed = merged.slice(0, start < 0 ? merged.length : start)
  const exclusions = fixed.flatMap((item, index) => (isFlat(item) ? [not(like(`${pattern.slice(0, index)}/*`))] : []))
  const rest = merged.slice(fixed.length)
  // The first slash ends the flat run; everything may follow it.
  const [run, slash, end, ...others] = rest
  const isEnd = end?.kind === 'run' && end.deep && others.length === 0
  const isSplit = run !== undefined && isFlat(run) && slash?.kind === 'one' && slash.set === '/' && isEnd
  return isSplit || !rest.some(isFlat) ? and(like(pattern), ...exclusions) : undefined
}

/** Names with at most this many slashes. */
const atMostSlashes = (count: number): Where => not({ kind: 'like', pattern: `${'*/'.repeat(count + 1)}*` })

/** `*` and `?` that may take a slash, as `StringLike` reads them. */
function like(pattern: string): Where {
  const short = pattern.replace(/\*+/g, '*')
  if (short === '*') return EVERYWHERE
  if (!/[*?]/.test(short)) return { kind: 'equals', name: short }
  const prefix = /^([^*?]+)\*$/.exec(short)?.[1]
  return prefix === undefined ? { kind: 'like', pattern: short } : { kind: 'prefix', prefix }
}
