/** `dockgate logs`: audit records as people read them, chosen, followed and summarised. */
import { Command, Option } from 'commander'
import { count } from '../../base/text.ts'
import { DEFAULT_DIRECTORY, type Policies, readPolicies } from '../answers/policies.ts'
import type { AuditRecord } from '../answers/record.ts'
import { type LogEntry, readRecords } from '../records/read-records.ts'
import { type RefusalGroup, Refusals } from '../records/refusals.ts'
import { CommandError } from '../terminal/command-error.ts'
import * as output from '../terminal/output.ts'

type Options = {
  readonly principal?: string
  readonly repository?: string
  readonly decision?: 'allow' | 'deny'
  readonly since?: Date
  readonly follow?: true
  readonly summary?: true
  readonly policies?: string
  readonly json?: true
}

const EXAMPLES = `
Examples:
  dockgate logs requests.ndjson --decision deny
  dockgate logs requests.ndjson --follow --repository 'prod/*'
  npx wrangler tail --format json | dockgate logs -
  dockgate logs old.ndjson.gz requests.ndjson --since 7d --summary

Reads lines of the gate, what \`wrangler tail --format json\` prints, and exports of Workers Logs and Logpush, compressed
with gzip or not. A terminal gets columns; a pipe gets the records, one line of JSON each.

--summary groups refusals by principal, reason, permission and repository, and names the smallest change of the policies
that would allow each.`

/** The command `dockgate logs` with its arguments, options and action. */
export const logsCommand = (): Command =>
  new Command('logs')
    .description('read the audit records of a gate')
    .argument('[file...]', 'logs; absent or -: standard input', ['-'])
    .option('--principal <principal>', 'only of this one, also where it is one of several that the caller was')
    .option('--repository <pattern>', 'only about this repository; prefix/* for those below a prefix')
    .addOption(new Option('--decision <decision>', 'only these').choices(['allow', 'deny']))
    .option('--since <time>', 'only from then on: RFC 3339, or 30m, 24h, 7d', since)
    .option('--follow', 'wait for more at the end of the last file')
    .option('--summary', 'group the refusals')
    .option('--policies <dir>', `policy folder for --summary (default: ${DEFAULT_DIRECTORY}, if there is one)`)
    .option('--json', 'print the summary as JSON')
    .addHelpText('after', EXAMPLES)
    .action(run)

async function run(files: readonly string[], options: Options): Promise<void> {
  if (options.json === true && options.summary !== true) {
    throw new CommandError(2, '--json goes with --summary', { hint: 'records are JSON already, through a pipe' })
  }
  if (options.follow === true && options.summary === true) {
    throw new CommandError(2, '--follow does not go with --summary', { hint: 'keep one of them' })
  }
  const isWanted = filterOf(options)
  const stopped = new AbortController()
  if (options.follow === true)
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stopped.abort())
  const entries = readRecords(files, options.follow === true ? { signal: stopped.signal } : undefined)
  if (options.summary === true) await summarise(entries, isWanted, options)
  else await show(entries, isWanted)
}

async function show(entries: AsyncIterable<LogEntry>, isWanted: (record: AuditRecord) => boolean): Promise<void> {
  const isTerminal = output.isTerminal('stdout')
  for await (const entry of entries) {
    if (entry === undefined || !isWanted(entry.record)) continue
    if (isTerminal) output.out(lineOf(entry.record))
    else await output.record(entry.line)
  }
}

async function summarise(
  entries: AsyncIterable<LogEntry>,
  isWanted: (record: AuditRecord) => boolean,
  { policies: directory, json }: Options,
): Promise<void> {
  const refusals = new Refusals()
  let [requests, unread] = [0, 0]
  for await (const entry of entries) {
    if (entry === undefined) unread++
    else if (isWanted(entry.record)) {
      requests++
      refusals.add(entry.record)
    }
  }
  const groups = refusals.groups(await policiesFor(directory))
  if (json === true) {
    output.json('logs', { requests, unread, refusals: groups })
    return
  }
  for (const group of groups) output.out(groupLines(group))
  output.note(`${count(requests, 'record')}, ${count(groups.length, 'group')} of refusals`)
}

/** Without --policies a summary needs no policy folder. */
async function policiesFor(directory: string | undefined): Promise<Policies | undefined> {
  if (directory !== undefined) return readPolicies(directory)
  return readPolicies(DEFAULT_DIRECTORY).catch(() => undefined)
}

function filterOf({ principal, repository, decision, since: from }: Options): (record: AuditRecord) => boolean {
  const prefix = repository?.endsWith('*') === true ? repository.slice(0, -1) : undefined
  const start = from?.getTime() ?? Number.NEGATIVE_INFINITY
  return (record) => {
    if (decision !== undefined && record.decision !== decision) return false
    if (principal !== undefined && record.principal !== principal && record.as?.includes(principal) !== true)
      return false
    if (Date.parse(record.time) < start) return false
    if (repository === undefined) return true
    const name = record.repository
    return prefix === undefined ? name === repository : name?.startsWith(prefix) === true
  }
}

const STYLES = { allow: 'green', deny: 'red' } as const

/** One record in columns. */
function lineOf(record: AuditRecord): string {
  const { time, decision, status, principal = 'nobody', operation = 'request', repository = '', reason, rule } = record
  const { reference = '' } = record
  const separator = reference === '' ? '' : reference.includes(':') ? '@' : ':'
  const what = reason ?? rule ?? ''
  return [
    output.outStyle('dim', time.slice(0, 19).replace('T', ' ')),
    output.outStyle(STYLES[decision], decision.padEnd(5)),
    String(status),
    principal.padEnd(24),
    operation.padEnd(14),
    `${repository}${separator}${reference}`,
    output.outStyle('dim', what),
  ]
    .join('  ')
    .trimEnd()
}

function groupLines({ principal, reason, permission, repository, requests, last, change }: RefusalGroup) {
  const what = [permission, repository === undefined ? undefined : `on ${repository}`].filter(
    (part) => part !== undefined,
  )
  return [
    `${count(requests, 'request')}  ${principal ?? 'nobody'}  ${reason}${what.length === 0 ? '' : `  ${what.join(' ')}`}  last ${last}`,
    ...(change === undefined ? [] : [`    change  ${change}`]),
  ]
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A time, or how long ago. */
function since(text: string): Date {
  const [, amount, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  const time = amount === undefined ? Date.parse(text) : Date.now() - Number(amount) * (UNITS[unit] ?? 0)
  if (Number.isFinite(time) && (amount !== undefined || /^\d{4}-\d\d-\d\dT/.test(text))) return new Date(time)
  throw new CommandError(2, `'${text}' is not a time`, { hint: 'write 2026-11-26T12:00:00Z, or 30m, 24h, 7d' })
}
