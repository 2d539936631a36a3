/** `dockgate push`: puts a policy folder into force. */
import { Command } from 'commander'
import { count } from '../../base/text.ts'
import { formatTime } from '../../base/time.ts'
import type { SigningKey } from '../../bundle/keys.ts'
import { compare, differenceJson, differenceLines, type PolicyDifference } from '../answers/difference.ts'
import { tellFailures } from '../answers/failing-tests.ts'
import { DEFAULT_DIRECTORY, type Policies, readPolicies } from '../answers/policies.ts'
import { requireOwnPolicies } from '../bundles/example-policies.ts'
import { requireState, waitUntilInForce } from '../bundles/gate-status.ts'
import type { BulkKv } from '../bundles/kv.ts'
import { addKvOptions, type KvOptions, needTarget, withKv } from '../bundles/kv-options.ts'
import { addLabelOptions, type LabelOptions, labelOf, named } from '../bundles/label.ts'
import { policyInForce } from '../bundles/policy-in-force.ts'
import { type PublishReport, publish } from '../bundles/publish.ts'
import { needSigningKey } from '../keys/key-files.ts'
import { keyOptions } from '../keys/key-options.ts'
import { CommandError } from '../terminal/command-error.ts'
import { formatBytes, formatCount } from '../terminal/format.ts'
import * as output from '../terminal/output.ts'
import { showing } from '../terminal/progress.ts'

type Options = KvOptions &
  LabelOptions & {
    readonly policies: string
    readonly key?: string
    readonly validDays?: number
    readonly url?: string
    readonly yes?: true
    readonly all?: true
    readonly dryRun?: true
    readonly requireTests?: true
    readonly json?: true
  }

const EXAMPLES = `
Examples:
  dockgate push --local                                     for the gate of \`dockgate dev\`
  dockgate push --remote --key keys/policy-signing-key.json --url https://registry.example.com
  dockgate push --remote --dry-run                          say which rights would change

The target has no default. A set that is the example is refused for --remote.

Runs the decision tests first and shows those that fail. They keep nothing from being pushed, since a right may have
to go at once, whatever the tests say; with --require-tests, for pipelines, they do.

Uploads the shards that changed, then switches the pointer; a gate sees the old policy or the new one,
never a mixture. A push that removes more than half of the grants stops unless --yes. A dry run compares
with the bundle in force, as \`dockgate diff\` does; with --json it says all.`

/** The command `dockgate push` with its arguments, options and action. */
export const pushCommand = (): Command =>
  addLabelOptions(addKvOptions(new Command('push').description('compile, sign and upload the policies')))
    .option('--policies <dir>', 'policy folder', DEFAULT_DIRECTORY)
    .option('--key <file>', 'private key that signs (default: DOCKGATE_SIGNING_KEY, then that of the local state)')
    .option('--valid-days <n>', 'days until the bundle expires (default: 365)', validDays)
    .option('--url <url>', 'wait until the gate there uses the new bundle')
    .option('--all', 'upload every shard, also those that should be there')
    .option('--yes', 'push also when most grants go, or when the bundle in force is not one to build upon')
    .option('--require-tests', 'push nothing when a decision test fails')
    .option('--dry-run', 'change nothing; say which rights would change')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: Options, command: Command) => {
      const { policies: directory } = options
      const target = needTarget(options, command)
      const key = await needSigningKey(keyOptions(options))
      const policies = await readPolicies(directory, { json: options.json })
      if (target === 'remote') requireOwnPolicies(policies.set, directory)
      runTests(policies, Math.floor(Date.now() / 1000), options.requireTests === true)
      await withKv(target, options, (kv) => push(options, policies, kv, key))
    })

async function push(options: Options, policies: Policies, kv: BulkKv, key: SigningKey): Promise<void> {
  const { validDays: days, url, yes = false, all = false, dryRun = false, pointer } = options
  const { compiled } = policies
  const now = Math.floor(Date.now() / 1000)
  if (url !== undefined && compiled.common.protections !== undefined) await requireState(url)
  const label = await labelOf(options, options.policies)
  const report = await showing(`pushing to ${kv.place}`, (tell) =>
    publish({
      policy: compiled,
      kv,
      key,
      now,
      pointer,
      ...(label === undefined ? {} : { label }),
      ...(days === undefined ? {} : { validSeconds: days * 86_400 }),
      force: yes,
      all,
      dryRun,
      onProgress: tell,
    }),
  )
  const older = dryRun
    ? await showing('comparing with the bundle in force', () => policyInForce(kv, pointer, key.accepted, compiled))
    : undefined
  const rights = older?.ok ? compare(older.value.policy, compiled, now) : undefined
  const seconds = url === undefined || dryRun ? undefined : await waitUntilInForce(url, report)
  if (options.json === true) {
    output.json('push', {
      ...report,
      expires: formatTime(report.expires),
      place: kv.place,
      dryRun,
      ...(dryRun ? { rights: rights === undefined ? null : differenceJson(rights) } : {}),
      ...(seconds === undefined ? {} : { seconds }),
    })
    return
  }
  printReport(report, kv.place, dryRun)
  if (rights !== undefined) output.out(rightsLines(rights))
  if (older?.ok === false) output.out(`cannot say which rights change: ${older.error.message}`)
  if (seconds !== undefined) output.out(`in force at ${url} after ${seconds.toFixed(1)} s`)
}

/**
 * Show the decision tests that fail.
 *
 * @throws {@link CommandError} 1 when there are any and they are required to pass
 */
function runTests(policies: Policies, now: number, required: boolean): void {
  const failures = tellFailures(policies, now)
  if (failures === undefined) return
  if (!required) {
    output.warning(`${failures} failed: the policies are pushed all the same; --require-tests pushes nothing then`)
    return
  }
  throw new CommandError(1, `${failures} failed: nothing is pushed`, {
    hint: 'mend the policies or the tests; without --require-tests they are pushed all the same',
  })
}

function validDays(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text)
  throw new CommandError(2, `'${text}' is not a number of days`, { hint: 'e.g. --valid-days 90' })
}

function printReport(report: PublishReport, place: string, dryRun: boolean): void {
  const { serial, label, previousSerial, previousLabel, principals, grants, shards, bytes, expires, changed } = report
  const before = previousSerial === undefined ? 'the first one' : `after ${named(previousSerial, previousLabel)}`
  output.out(`${dryRun ? 'would push' : 'pushed'} bundle ${named(serial, label)} to ${place}, ${before}`)
  if (!changed) output.out('  nothing changed but its age')
  output.out(`  principals  ${change(principals)}`)
  output.out(`  grants      ${change(grants)}`)
  output.out(`  shards      ${formatCount(shards.uploaded)} of ${formatCount(shards.total)} uploaded`)
  output.out(
    `  size        ${formatBytes(bytes.uploaded)} of ${formatBytes(bytes.total)}, and the manifest's ${formatBytes(bytes.manifest)}`,
  )
  output.out(`  valid until ${formatTime(expires)}`)
}

/** Lines that a person may read before a push. */
const SHOWN = 40

function rightsLines(rights: PolicyDifference): readonly string[] {
  if (!rights.changed) return ['no right changes']
  const lines = [...differenceLines(rights)]
  const more = lines.length - SHOWN
  return [
    'rights that change:',
    ...lines.slice(0, SHOWN),
    ...(more > 0 ? [`and ${count(more, 'more line')}; the same command with --json says all`] : []),
  ]
}

const change = ({ before, after }: { before: number; after: number }): string =>
  before === after ? formatCount(after) : `${formatCount(before)} -> ${formatCount(after)}`
