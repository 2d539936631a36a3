/** `dockgate diff`: the rights that two policies do not share. */
import { Command } from 'commander'
import type { CompiledPolicy } from '../policy/compiled.ts'
import { difference, type Right, type RightChange } from '../policy/difference.ts'
import { scaleOf } from '../policy/name-pattern.ts'
import { formatTime } from './explanation.ts'
import * as output from './output.ts'
import { count } from './policies.ts'
import { readCompiled } from './policy-source.ts'
import { readTime } from './question.ts'

type Options = { readonly at?: string; readonly json?: true }

const EXAMPLES = `
Examples:
  dockgate diff main/policies policies
  dockgate diff dist/policy policies            against a bundle of dockgate build -o
  dockgate diff old new --json

Says which rights are gained and lost, by whom and on what; rules that only moved or were renamed change nothing.
Exact where repositories decide; marked ~ where a condition does, then the texts of the conditions were compared.
Exit status 0 if no right changes, 1 if some do.`

export const diffCommand = (): Command =>
  new Command('diff')
    .description('list the rights gained and lost between two policies')
    .argument('<old>', 'policy folder or bundle')
    .argument('<new>', 'policy folder or bundle')
    .option('--at <time>', 'when, as RFC 3339 time, for rules that begin or end (default: now)')
    .option('--json', 'print the changes as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (oldPath: string, newPath: string, options: Options) => {
      const now = options.at === undefined ? Math.floor(Date.now() / 1000) : readTime(options.at)
      const [older, newer] = [await readCompiled(oldPath), await readCompiled(newPath)]
      const groups = grouped(difference(older, newer, now, formatTime))
      const definitions = changedDefinitions(older, newer)
      const isChanged = groups.length > 0 || definitions.length > 0
      process.exitCode = isChanged ? 1 : 0
      if (options.json === true) {
        output.json({ changed: isChanged, changes: groups.flatMap(groupJson), definitions })
        return
      }
      if (!isChanged) output.note('no right changes')
      for (const group of groups) for (const line of formatGroup(group)) output.out(line)
      for (const { name, was, is } of definitions) {
        output.out(`${output.outStyle('yellow', 'redefined')} ${name}`)
        output.out(`  was  ${was}`)
        output.out(`  is   ${is}`)
      }
    })

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
const SHOWN = 5

function* formatGroup({ principals, lines }: Group): Iterable<string> {
  const more = principals.length - SHOWN
  yield `${principals.slice(0, SHOWN).join(', ')}${more > 0 ? ` and ${count(more, 'other')}` : ''}`
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

type Definition = { readonly name: string; readonly was: string; readonly is: string }

/** Who a principal is, and what the catalog shows: no right of a rule, and yet a change of who may do what. */
function changedDefinitions(
  { common: older }: CompiledPolicy,
  { common: newer }: CompiledPolicy,
): readonly Definition[] {
  const pairs = [
    ...pair('identity', older.identities, newer.identities),
    ...pair('issuer', older.issuers, newer.issuers),
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
