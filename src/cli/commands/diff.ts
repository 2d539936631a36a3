/** `dockgate diff`: the rights that two policies do not share. */
import { Command } from 'commander'
import { compare, differenceJson, differenceLines } from '../answers/difference.ts'
import { DEFAULT_DIRECTORY, questionOf, type Reading } from '../answers/policies.ts'
import { readTime } from '../answers/question-options.ts'
import { addKvOptions, type KvOptions, needTarget, withKv } from '../bundles/kv-options.ts'
import { named } from '../bundles/label.ts'
import { policyInForce } from '../bundles/policy-in-force.ts'
import { readSource, type Source } from '../bundles/policy-source.ts'
import { addVerificationOptions, type VerificationOptions, verificationKeys } from '../keys/verification-keys.ts'
import { CommandError } from '../terminal/command-error.ts'
import * as output from '../terminal/output.ts'

type Options = KvOptions & VerificationOptions & { readonly inForce?: true; readonly at?: string; readonly json?: true }

const EXAMPLES = `
Examples:
  dockgate diff main/policies policies
  dockgate diff dist/policy policies            against a bundle of dockgate build -o
  dockgate diff --in-force --remote             what a push of policies would change
  dockgate diff --in-force deploy/policies --local
  dockgate diff old new --json

Says which rights are gained and lost, by whom and on what; rules that only moved or were renamed change nothing.
Exact where repositories decide; marked ~ where a condition does, then the texts of the conditions were compared.
Exit status 0 if no right changes, 1 if some do.`

/** The command `dockgate diff` with its arguments, options and action. */
export const diffCommand = (): Command =>
  addVerificationOptions(
    addKvOptions(
      new Command('diff')
        .description('list the rights gained and lost between two policies')
        .argument('[old]', 'policy folder or bundle')
        .argument('[new]', 'policy folder or bundle')
        .option(
          '--in-force',
          `compare the bundle in force with one policy folder or bundle (default: ${DEFAULT_DIRECTORY})`,
        ),
    ),
  )
    .option('--at <time>', 'when, as RFC 3339 time, for rules that begin or end (default: now)')
    .option('--json', 'print the changes as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (first: string | undefined, second: string | undefined, options: Options, command: Command) => {
      const now = options.at === undefined ? Math.floor(Date.now() / 1000) : readTime(options.at)
      const reading = questionOf(options)
      const [older, newer] = await (options.inForce === true
        ? withInForce(first, second, options, command, reading)
        : ofPaths(first, second, reading))
      warnOfPointers(older, newer)
      const difference = compare(older.policy, newer.policy, now)
      process.exitCode = difference.changed ? 1 : 0
      if (options.json === true) {
        output.json('diff', differenceJson(difference))
        return
      }
      if (!difference.changed) output.note('no right changes')
      output.out(differenceLines(difference))
    })

type Pair = readonly [older: Source, newer: Source]

async function ofPaths(older: string | undefined, newer: string | undefined, reading: Reading): Promise<Pair> {
  if (older === undefined || newer === undefined) {
    throw new CommandError(2, 'diff compares two policies, and one is missing', {
      hint: 'e.g. `dockgate diff main/policies policies`, or `dockgate diff --in-force policies`',
    })
  }
  return [await readSource(older, reading), await readSource(newer, reading)]
}

async function withInForce(
  path = DEFAULT_DIRECTORY,
  second: string | undefined,
  options: Options,
  command: Command,
  reading: Reading,
): Promise<Pair> {
  if (second !== undefined) {
    throw new CommandError(2, 'diff --in-force takes one policy folder or bundle', {
      hint: 'the other one is the bundle in force',
    })
  }
  const target = needTarget(options, command)
  const keys = await verificationKeys(options)
  const newer = await readSource(path, reading)
  const { inForce, place } = await withKv(target, options, async (kv) => ({
    inForce: await policyInForce(kv, options.pointer, keys, newer.policy),
    place: kv.place,
  }))
  if (!inForce.ok) {
    throw new CommandError(1, `the bundle in force in ${place} is not to be trusted: ${inForce.error.message}`)
  }
  const { bundle } = inForce.value
  output.note(
    bundle === undefined
      ? `${place} has no bundle under '${options.pointer}': nobody has any right yet`
      : `in force in ${place}: bundle ${named(bundle.serial, bundle.label)}`,
  )
  return [inForce.value, newer]
}

/** Of another service tells the difference itself. */
function warnOfPointers({ bundle: older }: Source, { bundle: newer }: Source): void {
  if (older === undefined || newer === undefined || older.pointer === newer.pointer) return
  output.warning(
    `the bundles are for two pointers, '${older.pointer}' and '${newer.pointer}': they are not of one gate`,
  )
}
