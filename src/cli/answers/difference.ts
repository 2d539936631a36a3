/**
 * The difference of two policies as the command line tells it: rights by whom and on what, and what else decides who may do
 * what. Never reads either policy.
 */

import { shortList } from '../../base/text.ts'
import { formatTime } from '../../base/time.ts'
import { difference, type Right, type RightChange } from '../../policy/analysis/difference.ts'
import type { CompiledPolicy } from '../../policy/decide/compiled.ts'
import { scaleOf } from '../../policy/decide/name-pattern.ts'
import type { EpochSeconds } from '../../policy/model.ts'
import * as output from '../terminal/output.ts'

/** What one policy allows and another does not. */
export type PolicyDifference = {
  readonly changed: boolean
  readonly groups: readonly Group[]
  readonly definitions: readonly Definition[]
}

/** Compares the rights that two policies give, at one time. */
export function compare(older: CompiledPolicy, newer: CompiledPolicy, now: EpochSeconds): PolicyDifference {
  const groups = grouped(difference(older, newer, now, formatTime))
  const definitions = changedDefinitions(older, newer)
  return { changed: groups.length > 0 || definitions.length > 0, groups, definitions }
}

/** A difference as `--json` prints it: `schema/commands/diff.schema.json`. */
export const differenceJson = ({ changed, groups, definitions }: PolicyDifference) => ({
  changed,
  changes: groups.flatMap(groupJson),
  definitions,
})

/** For people: a line for each principal or set of principals, and below it one for each change. */
export function* differenceLines({ groups, definitions }: PolicyDifference): Iterable<string> {
  for (const group of groups) yield* formatGroup(group)
  for (const { name, was, is } of definitions) {
    yield `${output.outStyle('yellow', 'redefined')} ${name}`
    yield `  was  ${was}`
    yield `  is   ${is}`
  }
}

/** The same change of several permissions. */
type Line = Omit<RightChange, 'principal' | 'action'> & { readonly permissions: readonly string[] }

/** Principals for which exactly the same changed. */
type Group = { readonly principals: readonly string[]; readonly lines: readonly Line[] }

function grouped(changes: readonly RightChange[]): readonly Group[] {
  const groups = new Map<string, { principals: string[]; lines: readonly Line[] }>()
  for (const [principal, own] of Map.groupBy(changes, (change) => change.principal)) {
    const perChange = Map.groupBy(own, ({ principal: _, action: __, ...rest }) => JSON.stringify(rest))
    const lines = [...perChange.values()].flatMap((same) => {
      const [first] = same
      if (first === undefined) return []
      const { principal: _, action: __, ...rest } = first
      return [{ ...rest, permissions: same.map(({ action }) => action) }]
    })
    const key = JSON.stringify(lines)
    const known = groups.get(key)
    if (known === undefined) groups.set(key, { principals: [principal], lines })
    else known.principals.push(principal)
  }
  return [...groups.values()]
}

const groupJson = ({ principals, lines }: Group) =>
  lines.map(({ on, ...line }) => ({
    ...line,
    principals,
    ...(on === undefined ? {} : { on, scale: scaleOf(on) }),
  }))

const STYLES = { gained: 'green', lost: 'red', changed: 'yellow' } as const
const SCALES = { everything: 'every repository', prefix: 'all below', repository: 'one repository' } as const
function* formatGroup({ principals, lines }: Group): Iterable<string> {
  yield shortList(principals)
  for (const line of lines) {
    const { kind, permissions, on, except, exact } = line
    const exceptions = except.length === 0 ? '' : ` except ${except.join(', ')}`
    const where = on === undefined ? '' : ` on ${on}${exceptions} (${SCALES[scaleOf(on)]})`
    const sign = exact ? ' ' : '~'
    yield `  ${output.outStyle(STYLES[kind], kind.padEnd(7))}${sign} ${permissions.join(', ')}${where}${formatRights(line)}`
  }
}

/** Only what a condition decides needs words. */
const formatRights = ({ was, is, exact }: Line): string =>
  exact ? '' : `: was ${formatRight(was)}; is ${formatRight(is)}`

function formatRight({ always, if: conditions, unless }: Right): string {
  const granted = always ? 'always' : conditions.length === 0 ? 'never' : `if ${conditions.join(' or if ')}`
  return unless.length === 0 ? granted : `${granted}, unless ${unless.join(' or ')}`
}

/** In place of a definition that one of two policies does not have. */
const ABSENT = 'absent'

type Definition = { readonly name: string; readonly was: string; readonly is: string }

/** Who a principal is, and what the catalog shows: no right of a rule, and yet a change of who may do what. */
function changedDefinitions(
  { common: older }: CompiledPolicy,
  { common: newer }: CompiledPolicy,
): readonly Definition[] {
  const pairs = [
    ...pair('identity', older.identities, newer.identities),
    ...pair('issuer', older.issuers, newer.issuers),
    ...everyPair('protection', older.protections ?? [], newer.protections ?? []),
    { name: 'registry.catalog', was: older.catalog, is: newer.catalog },
    { name: 'registry.service', was: older.service, is: newer.service },
  ]
  return pairs.filter(({ was, is }) => was !== is)
}

function pair<T extends { readonly name: string }>(
  kind: string,
  older: readonly T[],
  newer: readonly T[],
): readonly Definition[] {
  const text = ({ name: _, ...rest }: T) => JSON.stringify(rest)
  const known = new Map(older.map((item) => [item.name, text(item)]))
  return newer.flatMap((item) => {
    const was = known.get(item.name)
    return was === undefined ? [] : [{ name: `${kind} ${item.name}`, was, is: text(item) }]
  })
}

/** As {@link pair}, also for what only one policy has: no right tells of it. */
function everyPair<T extends { readonly name: string }>(
  kind: string,
  older: readonly T[],
  newer: readonly T[],
): readonly Definition[] {
  const text = (item: T | undefined): string => {
    if (item === undefined) return ABSENT
    const { name: _, ...rest } = item
    return JSON.stringify(rest)
  }
  const names = [...new Set([...older, ...newer].map(({ name }) => name))]
  const find = (list: readonly T[], name: string) => text(list.find((item) => item.name === name))
  return names.map((name) => ({ name: `${kind} ${name}`, was: find(older, name), is: find(newer, name) }))
}
