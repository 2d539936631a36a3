/** `dockgate who-can`: every principal that holds a permission, and by which rule. */
import { Command } from 'commander'
import { count, shortList } from '../../base/text.ts'
import { formatTime } from '../../base/time.ts'
import { type DenyEffect, overlaps } from '../../policy/analysis/deny-effect.ts'
import type { HeldGrant } from '../../policy/analysis/held-grant.ts'
import { type Holder, type WhoCan, whoCan } from '../../policy/analysis/who-can.ts'
import { formatCondition } from '../../policy/condition/format.ts'
import type { CommonData, ProtectionData } from '../../policy/decide/compiled.ts'
import { protectionsOn } from '../../policy/decide/protections.ts'
import { takesRepository } from '../../registry/permission.ts'
import { DEFAULT_DIRECTORY, type Policies, questionOf, readPolicies } from '../answers/policies.ts'
import { protectionText } from '../answers/protection-text.ts'
import { readAction, readRepositoryFor, readTime } from '../answers/question-options.ts'
import { formatReference } from '../answers/verdict.ts'
import { wrap } from '../terminal/help.ts'
import * as output from '../terminal/output.ts'

type Options = { readonly policies: string; readonly at?: string; readonly json?: true }

const EXAMPLES = `
Examples:
  dockgate who-can content/delete samples/app
  dockgate who-can content/write                 on any repository, with the repositories of each rule
  dockgate who-can catalog/read --json

Denies are taken away, and conditions that only a request can meet are shown. "everyone" is everybody who is
authenticated, "anonymous" is everybody; "but not" names whom a deny keeps from what everybody has, "except for"
those whom it spares if the caller is one of them too. Each principal is listed as what it is and nothing else; a
caller is denied by a deny on a group or an identity as well if its claims do not say whether it is one. Exit status 0 if somebody can, 1 if nobody.`

/** The command `dockgate who-can` with its arguments, options and action. */
export const whoCanCommand = (): Command =>
  new Command('who-can')
    .description('list every principal that holds a permission, and by which rule')
    .argument('<permission>', "such as content/write, in any spelling, or one of Azure's control-plane actions")
    .argument('[repository]', 'for permissions that are about one; absent: on any')
    .option('--at <time>', 'when, as RFC 3339 time (default: now)')
    .option('--policies <dir>', 'policy folder', DEFAULT_DIRECTORY)
    .option('--json', 'print the principals as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (permission: string, text: string | undefined, options: Options) => {
      const action = readAction(permission)
      const repository = takesRepository(action) && text === undefined ? undefined : readRepositoryFor(action, text)
      const now = options.at === undefined ? Math.floor(Date.now() / 1000) : readTime(options.at)
      const policies = await readPolicies(options.policies, questionOf(options))
      const { holders, except, doubtful } = whoCan(policies.compiled, {
        action,
        now,
        ...(repository === undefined ? {} : { repository }),
      })
      const protections = protectionsFor(policies.compiled.common, action, repository)
      process.exitCode = holders.length > 0 ? 0 : 1
      if (options.json === true) {
        output.json('who-can', {
          permission: action,
          ...(repository === undefined ? {} : { repository }),
          principals: holders.map((holder) => holderJson(policies, holder)),
          except: except.map(({ principal, ...deny }) => ({ principal, by: limitedJson(policies, deny) })),
          ...(doubtful.length === 0
            ? {}
            : { doubtful: doubtful.map(({ principal, ...deny }) => ({ principal, by: limitedJson(policies, deny) })) }),
          ...(protections.length === 0
            ? {}
            : { protections: protections.map(({ name }) => policies.reference({ kind: 'protection', id: name })) }),
        })
        return
      }
      if (holders.length === 0)
        output.note(`nobody has ${action}${repository === undefined ? '' : ` on ${repository}`}`)
      output.out(layOut([...rowsOf(policies, holders, except)]))
      for (const { principal, ...deny } of doubtful.slice(0, SHOWN)) {
        const rule = formatLimited(policies, deny)
        output.note(`a caller whose claims do not say whether it is ${principal} is kept out too, by ${rule}`)
      }
      for (const { name, mode, permissions } of policies.set.denyAssignments) {
        if (mode !== 'audit' || !permissions.some((permission) => permission === action)) continue
        output.note(`${formatReference(policies.reference({ kind: 'denyAssignment', id: name }))} is only audited`)
      }
      for (const protection of protections.slice(0, SHOWN)) {
        const { name, on, audit } = protection
        const rule = formatReference(policies.reference({ kind: 'protection', id: name }))
        const where = on === undefined || repository !== undefined ? '' : `, on ${on.join(', ')}`
        const text = protectionText({ ...protection, mode: audit === true ? 'audit' : 'enforce' })
        output.note(`${rule} holds in addition: ${text}${where}`)
      }
    })

/** What a permission does that each kind of protection may refuse. */
const CHANGES: ReadonlySet<string> = new Set(['content/write', 'content/delete', 'metadata/delete'])

/** The protections that may refuse what a permission allows, on a repository or on any. */
function protectionsFor(
  common: Pick<CommonData, 'protections'>,
  action: string,
  repository: string | undefined,
): readonly ProtectionData[] {
  const all = repository === undefined ? (common.protections ?? []) : protectionsOn(common, repository)
  return all.filter(
    ({ writeOnce, quarantine }) =>
      (writeOnce === true && CHANGES.has(action)) || (quarantine === true && action === 'content/read'),
  )
}

/** Who, and by which rule. */
type Row = readonly [who: string, how: string]

function* rowsOf(policies: Policies, holders: readonly Holder[], except: WhoCan['except']): Generator<Row> {
  for (const holder of holders) yield* holderRows(policies, holder)
  for (const { principal, ...deny } of except.slice(0, SHOWN)) {
    yield ['but not', `${principal}, by ${formatLimited(policies, deny)}`]
  }
  if (except.length > SHOWN) yield ['but not', count(except.length - SHOWN, 'other')]
}

/** Columns of the second part of a row, at least: below that it has lines of its own. */
const ROOM = 40

/**
 * Two columns; one row is one line, for programs that read it. On a terminal what does not fit goes on below, in the second
 * column.
 */
function* layOut(rows: readonly Row[]): Generator<string> {
  const width = Math.min(
    40,
    rows.reduce((most, [who]) => Math.max(most, who.length), 0),
  )
  const columns = output.isTerminal('stdout') ? output.columns('stdout') : Number.POSITIVE_INFINITY
  for (const [who, how] of rows) {
    const line = `${who.padEnd(width)}  ${how}`
    const room = columns - width - 2
    if (line.length <= columns) yield line
    else if (room >= ROOM && who.length <= width) {
      for (const [index, part] of wrap(how, room).entries()) {
        yield `${(index === 0 ? who : '').padEnd(width)}  ${part}`
      }
    } else {
      if (who !== '') yield who
      for (const part of wrap(how, columns - 4)) yield `    ${part}`
    }
  }
}

const SHOWN = 20

const holderJson = (policies: Policies, { principal, by, unless, passwords }: Holder) => ({
  principal,
  ...(passwords === undefined ? {} : { passwords }),
  by: by.map((grant) => limitedJson(policies, grant)),
  ...(unless.length === 0 ? {} : { unless: unless.map((deny) => limitedJson(policies, deny)) }),
})

const limitedJson = (policies: Policies, limited: HeldGrant | DenyEffect) => ({
  ...policies.reference(limited.rule),
  ...(limited.on === undefined ? {} : { on: typeof limited.on === 'string' ? [limited.on] : limited.on }),
  ...('except' in limited ? { except: limited.except } : {}),
  ...(limited.when === undefined ? {} : { if: formatCondition(limited.when, 'line') }),
  ...('until' in limited && limited.until !== undefined ? { until: formatTime(limited.until) } : {}),
})

function* holderRows(policies: Policies, { principal, by, unless, passwords }: Holder): Generator<Row> {
  const expired = passwords === undefined ? '' : ', but its passwords have expired'
  for (const [index, holding] of by.entries()) {
    const who = index === 0 ? principal : ''
    const effects = unless
      .filter((deny) => overlaps(deny, holding))
      .map((deny) => `, unless ${formatLimited(policies, deny)}`)
    yield [who, `by ${formatLimited(policies, holding)}${effects.join('')}${expired}`]
  }
}

/** A rule, and how far it reaches. */
function formatLimited(policies: Policies, of: HeldGrant | DenyEffect): string {
  const on = of.on === undefined ? '' : ` on ${typeof of.on === 'string' ? of.on : of.on.join(', ')}`
  const except = 'except' in of && of.except !== undefined ? ` except for ${shortList(of.except)}` : ''
  const until = 'until' in of && of.until !== undefined ? `, until ${formatTime(of.until)}` : ''
  const when = of.when === undefined ? '' : `, if ${formatCondition(of.when, 'line')}`
  return `${formatReference(policies.reference(of.rule))}${on}${except}${until}${when}`
}
