/** `dockgate rollback`: brings back the rights of an earlier bundle, under a new serial. */
import { Command } from 'commander'
import { count } from '../../base/text.ts'
import { formatTime } from '../../base/time.ts'
import { shardKey } from '../../bundle/digest.ts'
import { VALIDITY_SECONDS } from '../../bundle/encode.ts'
import type { SigningKey } from '../../bundle/keys.ts'
import { digestsOf, type Manifest } from '../../bundle/manifest.ts'
import { signManifest } from '../../bundle/sign.ts'
import {
  historyKey,
  nextSerial,
  openBundle,
  readBundle,
  type Stored,
  sameContent,
  serialsIn,
} from '../bundles/bundle-history.ts'
import { waitUntilInForce } from '../bundles/gate-status.ts'
import type { BulkKv } from '../bundles/kv.ts'
import { addKvOptions, type KvOptions, needTarget, sameStore, withKv } from '../bundles/kv-options.ts'
import { named } from '../bundles/label.ts'
import { needSigningKey } from '../keys/key-files.ts'
import { keyOptions } from '../keys/key-options.ts'
import { CommandError } from '../terminal/command-error.ts'
import { commandLine } from '../terminal/command-line.ts'
import { formatCount } from '../terminal/format.ts'
import * as output from '../terminal/output.ts'
import { showing } from '../terminal/progress.ts'

type Options = KvOptions & {
  readonly key?: string
  readonly url?: string
  readonly dryRun?: true
  readonly json?: true
}

const EXAMPLES = `
Examples:
  dockgate rollback --remote                    to the rights before the last change
  dockgate rollback 1781234567 --remote         to those of that bundle; \`dockgate status\` lists them`

/** The command `dockgate rollback` with its arguments, options and action. */
export const rollbackCommand = (): Command =>
  addKvOptions(new Command('rollback').description('return to the rights of an earlier bundle'))
    .argument('[serial]', 'the bundle to return to (default: the last one that said something else)', serialOf)
    .option('--key <file>', 'private key that signs (default: DOCKGATE_SIGNING_KEY, then that of the local state)')
    .option('--url <url>', 'wait until the gate there uses it')
    .option('--dry-run', 'change nothing; say what would change')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (wanted: number | undefined, options: Options, command: Command) => {
      const target = needTarget(options, command)
      const key = await needSigningKey(keyOptions(options))
      const now = Math.floor(Date.now() / 1000)
      const { url, pointer, dryRun = false } = options
      const { report, place } = await withKv(target, options, async (kv) => {
        const given = { kv, key, pointer, now, dryRun, ...(wanted === undefined ? {} : { wanted }) }
        const commands = {
          push: commandLine('push', sameStore(options)),
          status: commandLine('status', sameStore(options)),
        }
        const done = await showing(`reading bundles from ${kv.place}`, () => rollBack({ ...given, commands }))
        return { report: done, place: kv.place }
      })
      const seconds = url === undefined || dryRun ? undefined : await waitUntilInForce(url, report)
      if (options.json === true) {
        output.json('rollback', {
          ...report,
          made: formatTime(report.made),
          place,
          dryRun,
          ...(seconds === undefined ? {} : { seconds }),
        })
        return
      }
      const { serial, label, rollbackOf, previousSerial, previousLabel, made, grants } = report
      output.out(
        `${dryRun ? 'would return' : 'returned'} from bundle ${named(previousSerial, previousLabel)} to the rights of ${named(rollbackOf, label)}, made ${formatTime(made)}`,
      )
      output.out(`  grants      ${formatCount(grants.before)} -> ${formatCount(grants.after)}`)
      output.out(`  new serial  ${serial}`)
      if (seconds !== undefined) output.out(`in force at ${url} after ${seconds.toFixed(1)} s`)
    })

/** Options of a roll-back. Times are seconds since the epoch. */
export type RollBackOptions = {
  readonly kv: BulkKv
  readonly key: SigningKey
  readonly pointer: string
  readonly now: number
  readonly wanted?: number
  readonly dryRun?: boolean
  /** What hints say to run. */
  readonly commands?: Commands
}

type Commands = { readonly push: string; readonly status: string }

/** What a roll-back did. */
export type RollBackReport = {
  /** For what the bundle was signed. */
  readonly pointer: string
  readonly service: string
  readonly serial: number
  /** Of the bundle that is brought back, which the new one keeps. */
  readonly label?: string
  readonly rollbackOf: number
  readonly previousSerial: number
  readonly previousLabel?: string
  /** When the bundle was made that is brought back. */
  readonly made: number
  readonly grants: { readonly before: number; readonly after: number }
}

/** @throws {@link CommandError} 1 when there is nothing to return to, or it is not whole or not signed by this key */
export async function rollBack(options: RollBackOptions): Promise<RollBackReport> {
  const { kv, key, pointer, now, wanted, dryRun = false } = options
  const { commands = { push: commandLine('push'), status: commandLine('status') } } = options
  // Each access may take seconds: all keys at once, and while the pointer is read.
  const [live, keys] = await Promise.all([readBundle(kv, pointer, key.accepted), kv.list('')])
  if (live === undefined) {
    throw new CommandError(1, `${kv.place} has no bundle yet`, { hint: `run \`${commands.push}\`` })
  }
  const serials = serialsIn(keys, pointer)
  const target =
    wanted === undefined
      ? await lastOther(options, live, serials, commands)
      : await recorded(options, live, wanted, commands)
  needShards(kv, new Set(keys), target.manifest, commands)
  const serial = nextSerial(live.manifest, now)
  const rollbackOf = target.manifest.serial
  const manifest = { ...target.manifest, serial, created: now, expires: now + VALIDITY_SECONDS, rollbackOf }
  if (!dryRun) {
    const text = await signManifest(manifest, key)
    await kv.put(historyKey(pointer, serial), text)
    await kv.put(pointer, text)
  }
  const grants = { before: live.manifest.grants, after: manifest.grants }
  const { serial: previousSerial, label: previousLabel } = live.manifest
  const { label, created: made } = target.manifest
  return {
    pointer,
    service: manifest.common.service,
    serial,
    ...(label === undefined ? {} : { label }),
    rollbackOf,
    previousSerial,
    ...(previousLabel === undefined ? {} : { previousLabel }),
    made,
    grants,
  }
}

/** The record of a serial: signed for this pointer, and for the service of the bundle in force. */
async function recorded(
  { kv, key, pointer }: RollBackOptions,
  live: Stored,
  serial: number,
  { status }: Commands,
): Promise<Stored> {
  const { service } = live.manifest.common
  const target = await readBundle(kv, pointer, key.accepted, { serial, service })
  if (target?.manifest.serial === serial) return target
  throw new CommandError(1, `${kv.place} has no bundle ${serial}`, { hint: `\`${status}\` lists those it has` })
}

/** Bundles that are read at once. */
const CANDIDATES = 20

/** The newest bundle before the live one, or before the one that it brought back, that says something else. */
async function lastOther(
  { kv, key, pointer }: RollBackOptions,
  live: Stored,
  serials: readonly number[],
  { push }: Commands,
): Promise<Stored> {
  const { service } = live.manifest.common
  const before = live.manifest.rollbackOf ?? live.manifest.serial
  const older = serials.filter((serial) => serial < before)
  for (let start = 0; start < older.length; start += CANDIDATES) {
    const records = older
      .slice(start, start + CANDIDATES)
      .map((serial) => [serial, historyKey(pointer, serial)] as const)
    const texts = await kv.getAll(records.map(([, name]) => name))
    for (const [serial, name] of records) {
      const text = texts.get(name)
      if (text === undefined) continue
      const candidate = await openBundle(kv, name, text, key.accepted, { pointer, service })
      // A record of another serial was copied here: it does not tell what came before.
      if (candidate.manifest.serial !== serial) continue
      if (!sameContent(candidate.manifest, live.manifest)) return candidate
    }
  }
  throw new CommandError(1, `${kv.place} has no bundle before ${before} that says something else`, {
    hint: `change the policies and run \`${push}\``,
  })
}

function needShards(kv: BulkKv, there: ReadonlySet<string>, manifest: Manifest, { push }: Commands): void {
  const missing = [...digestsOf(manifest)].filter((digest) => !there.has(shardKey(digest))).length
  if (missing === 0) return
  const are = missing === 1 ? 'is' : 'are'
  const what = `${count(missing, 'shard')} of bundle ${manifest.serial} ${are} no longer in ${kv.place}`
  throw new CommandError(1, what, {
    hint: `check out the policies of that time and run \`${push}\``,
  })
}

function serialOf(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new CommandError(2, `'${text}' is not a serial number`, { hint: '`dockgate status` lists them' })
}
