/**
 * Where a rule holds: for which repositories and from which addresses. Built up by importers, simplified as it grows,
 * written as an Azure condition or, where it can be said so, as a list of repository patterns. Never evaluated here.
 */
import { CONDITION_MAX_BYTES } from '../policy/condition/parse.ts'
import {
  formatRepositoryPattern,
  parseRepositoryPattern,
  type RepositoryPattern,
} from '../policy/repository-pattern.ts'

/** On which repositories, and for which claims, a rule holds. */
export type Where =
  | { readonly kind: 'constant'; readonly value: boolean }
  | { readonly kind: 'equals'; readonly name: string }
  /** Names that start with this text, which need not end in a slash. */
  | { readonly kind: 'prefix'; readonly prefix: string }
  /** `*` is any run of characters, slashes too; `?` is one. */
  | { readonly kind: 'like'; readonly pattern: string }
  | { readonly kind: 'ip'; readonly range: string }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Where[] }
  | { readonly kind: 'not'; readonly part: Where }

/** Holds always. */
export const EVERYWHERE: Where = { kind: 'constant', value: true }
/** Holds never. */
export const NOWHERE: Where = { kind: 'constant', value: false }

/** Holds where all parts hold. */
export const and = (...parts: readonly Where[]): Where => join('and', parts)
/** Holds where one of the parts holds. */
export const or = (...parts: readonly Where[]): Where => join('or', parts)

/** Holds where the part does not hold. */
export function not(part: Where): Where {
  if (part.kind === 'constant') return part.value ? NOWHERE : EVERYWHERE
  if (part.kind === 'or') return and(...part.parts.map(not))
  return part.kind === 'not' ? part.part : { kind: 'not', part }
}

function join(kind: 'and' | 'or', parts: readonly Where[]): Where {
  const [absorbing, neutral] = kind === 'or' ? [EVERYWHERE, NOWHERE] : [NOWHERE, EVERYWHERE]
  const flat = parts.flatMap((part) => (part.kind === kind ? part.parts : [part]))
  if (flat.some((part) => part.kind === 'constant' && part.value === (kind === 'or'))) return absorbing
  const kept = flat.filter((part) => part.kind !== 'constant')
  const byText = new Map(kept.map((part) => [JSON.stringify(part), part]))
  const unique = [...byText.values()]
  if (unique.some((part) => part.kind === 'not' && byText.has(JSON.stringify(part.part)))) return absorbing
  const settled = kind === 'and' ? settle(unique) : unique
  const [only] = settled
  if (only === undefined) return neutral
  return settled.length === 1 ? only : { kind, parts: settled }
}

/** Parts that hold together, without those that add nothing to the others. */
function settle(parts: readonly Where[]): readonly Where[] {
  const known = parts.find((part) => part.kind === 'equals')
  if (known !== undefined) {
    const rest = parts.filter((part) => part !== known).map((part) => given(part, known.name))
    if (rest.some((part) => part.kind === 'constant')) {
      const whole = and(known, ...rest)
      return whole.kind === 'and' ? whole.parts : [whole]
    }
    return parts
  }
  const positive = parts.filter((part) => part.kind !== 'not')
  if (positive.some((part, index) => positive.slice(index + 1).some((other) => isDisjoint(part, other))))
    return [NOWHERE]
  const excluded = parts.filter((part) => part.kind === 'not')
  if (excluded.some(({ part }) => positive.some((other) => covers(part, other)))) return [NOWHERE]
  return parts.filter((part) => part.kind !== 'not' || !positive.some((other) => isDisjoint(part.part, other)))
}

/** Surely no name is in both. */
export function isDisjoint(a: Where, b: Where): boolean {
  if (a.kind === 'or') return a.parts.every((part) => isDisjoint(part, b))
  if (b.kind === 'or') return isDisjoint(b, a)
  if (a.kind === 'and') return a.parts.some((part) => isDisjoint(part, b))
  if (b.kind === 'and') return isDisjoint(b, a)
  if (a.kind === 'constant') return !a.value
  if (a.kind === 'equals') return isNowhere(given(b, a.name))
  if (b.kind === 'equals' || b.kind === 'constant') return isDisjoint(b, a)
  const [one, other] = [headOf(a), headOf(b)]
  return one !== undefined && other !== undefined && !one.startsWith(other) && !other.startsWith(one)
}

const MAX_CLAUSES = 2000

/** Whether surely every name and address of `inner` is in `outer`. */
export function isWithin(inner: Where, outer: Where): boolean {
  const clauses = clausesOf(and(inner, not(outer)))
  return clauses?.every((parts) => isNowhere(and(...parts))) === true
}

/** A place as alternatives, each of parts that hold together; nothing if there are too many. */
function clausesOf(where: Where): readonly (readonly Where[])[] | undefined {
  if (where.kind === 'or') return flatClauses(where.parts.map(clausesOf))
  if (where.kind === 'not' && where.part.kind === 'and') {
    return flatClauses(where.part.parts.map((part) => clausesOf(not(part))))
  }
  if (where.kind !== 'and') return isNowhere(where) ? [] : [[where]]
  let clauses: readonly (readonly Where[])[] = [[]]
  for (const part of where.parts) {
    const more = clausesOf(part)
    if (more === undefined || clauses.length * more.length > MAX_CLAUSES) return undefined
    clauses = clauses
      .flatMap((clause) => more.map((parts) => [...clause, ...parts]))
      .filter((parts) => !isNowhere(and(...parts)))
  }
  return clauses
}

function flatClauses(lists: readonly (readonly (readonly Where[])[] | undefined)[]) {
  const known = lists.filter((list) => list !== undefined)
  return known.length < lists.length ? undefined : known.flat()
}

const isNowhere = (where: Where): boolean => where.kind === 'constant' && !where.value

/** What every name of a place starts with. */
const headOf = (where: Where): string | undefined =>
  where.kind === 'prefix' ? where.prefix : where.kind === 'like' ? /^[^*?]*/.exec(where.pattern)?.[0] : undefined

/** Surely every name of `inner` is in `outer`. */
function covers(outer: Where, inner: Where): boolean {
  if (inner.kind === 'or') return inner.parts.every((part) => covers(outer, part))
  if (outer.kind !== 'prefix') return isSame(outer, inner)
  return headOf(inner)?.startsWith(outer.prefix) === true
}

/** What is left of a place when the repository is known. */
function given(where: Where, name: string): Where {
  switch (where.kind) {
    case 'equals':
      return where.name === name ? EVERYWHERE : NOWHERE
    case 'prefix':
      return name.startsWith(where.prefix) ? EVERYWHERE : NOWHERE
    case 'like':
      return likeRegExp(where.pattern).test(name) ? EVERYWHERE : NOWHERE
    case 'not':
      return not(given(where.part, name))
    case 'and':
    case 'or':
      return join(
        where.kind,
        where.parts.map((part) => given(part, name)),
      )
    default:
      return where
  }
}

const likeRegExp = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replace(/[.\\+^$(){}|[\]/-]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
    's',
  )

const isSame = (a: Where, b: Where): boolean => JSON.stringify(a) === JSON.stringify(b)

const NAME = '@Request[Microsoft.ContainerRegistry/registries/repositories:name]'
const ADDRESS = '@Request[Dockgate/request:clientIp]'

/** The condition, version 2.0, that says the same. */
export function formatWhere(where: Where): string {
  switch (where.kind) {
    case 'constant':
      // The language has no literal truth; every name has a character.
      return where.value ? `${NAME} StringLike '*'` : `NOT (${NAME} StringLike '*')`
    case 'equals':
      return `${NAME} StringEquals '${where.name}'`
    case 'prefix':
      return `${NAME} StringStartsWith '${where.prefix}'`
    case 'like':
      return `${NAME} StringLike '${where.pattern}'`
    case 'ip':
      return `${ADDRESS} IpInRange '${where.range}'`
    case 'not':
      return `NOT (${formatWhere(where.part)})`
    case 'and':
    case 'or':
      return where.parts.map((part) => `(${formatWhere(part)})`).join(where.kind === 'and' ? ' AND ' : ' OR ')
  }
}

/** The repositories as patterns of policy files; nothing if it takes a condition. */
function patternsOf(where: Where): readonly string[] | undefined {
  const parts = where.kind === 'or' ? where.parts : [where]
  const patterns = parts.map((part): RepositoryPattern | undefined => {
    if (part.kind === 'constant') return part.value ? { kind: 'all' } : undefined
    const text = part.kind === 'equals' ? part.name : part.kind === 'prefix' ? `${part.prefix}*` : ''
    const parsed = parseRepositoryPattern(text)
    return parsed.ok && parsed.value.kind !== 'all' ? parsed.value : undefined
  })
  const known = patterns.filter((pattern) => pattern !== undefined)
  return known.length === parts.length ? known.map(formatRepositoryPattern) : undefined
}

/** How a rule says where it holds; nothing if the condition would be longer than the language allows. */
export function placeOf(
  where: Where,
): { readonly repositories?: readonly string[]; readonly condition?: string } | undefined {
  if (where.kind === 'constant' && where.value) return {}
  const repositories = patternsOf(where)
  if (repositories !== undefined) return { repositories }
  const condition =
    where.kind === 'and' || where.kind === 'or'
      ? where.parts.map((part) => `(${formatWhere(part)})`).join(`\n${where.kind.toUpperCase()} `)
      : formatWhere(where)
  return condition.length > CONDITION_MAX_BYTES ? undefined : { condition }
}
