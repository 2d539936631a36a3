/** `dockgate rollback`: brings back the rights of an earlier bundle, under a new serial. */
import { Command } from 'commander'
import { SHARD_PREFIX, shardKey } from '../bundle/digest.ts'
import { VALIDITY_SECONDS } from '../bundle/encode.ts'
import type { SigningKey } from '../bundle/keys.ts'
import { digestsOf, type Manifest } from '../bundle/manifest.ts'
import { signManifest } from '../bundle/sign.ts'
import { CommandError } from './command-error.ts'
import { historyKey, nextSerial, readBundle, type Stored, sameContent, serialsOf } from './history.ts'
import { needSigningKey } from './key-files.ts'
import type { Kv } from './kv.ts'
import { addKvOptions, type KvOptions, kvOf } from './kv-options.ts'
import { named } from './label.ts'
import * as output from './output.ts'
import { count } from './policies.ts'
import { keyOptions, waited } from './push.ts'
import { formatCount, formatTime } from './sizes.ts'

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

export const rollbackCommand = (): Command =>
  addKvOptions(new Command('rollback').description('return to the rights of an earlier bundle'))
    .argument('[serial]', 'the bundle to return to (default: the last one that said something else)', serialOf)
    .option('--key <file>', 'private key that signs (default: DOCKGATE_SIGNING_KEY, then that of the local state)')
    .option('--url <url>', 'wait until the gate there uses it')
    .option('--dry-run', 'change nothing; say what would change')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (wanted: number | undefined, options: Options) => {
      const kv = kvOf(options)
      const key = await needSigningKey(keyOptions(options))
      const now = Math.floor(Date.now() / 1000)
      const dryRun = options.dryRun === true
      const report = await rollBack({
        kv,
        key,
        pointer: options.pointer,
        now,
        dryRun,
        ...(wanted === undefined ? {} : { wanted }),
      })
      const { url } = options
      const seconds = url === undefined || dryRun ? undefined : await waited(url, report.serial)
      if (options.json === true) {
        output.json('rollback', {
          ...report,
          made: formatTime(report.made),
          place: kv.place,
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

export type RollBackOptions = {
  readonly kv: Kv
  readonly key: SigningKey
  readonly pointer: string
  readonly now: number
  readonly wanted?: number
  readonly dryRun?: boolean
}

export type RollBackReport = {
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
  const live = await readBundle(kv, pointer, key.accepted)
  if (live === undefined) throw new CommandError(1, `${kv.place} has no bundle yet`, { hint: 'run `dockgate push`' })
  const target = wanted === undefined ? await lastOther(options, live) : await recorded(options, live, wanted)
  await needShards(kv, target.manifest)
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
async function recorded({ kv, key, pointer }: RollBackOptions, live: Stored, serial: number): Promise<Stored> {
  const { service } = live.manifest.common
  const target = await readBundle(kv, pointer, key.accepted, { serial, service })
  if (target?.manifest.serial === serial) return target
  throw new CommandError(1, `${kv.place} has no bundle ${serial}`, { hint: '`dockgate status` lists those it has' })
}

/** The newest bundle before the live one, or before the one that it brought back, that says something else. */
async function lastOther(options: RollBackOptions, live: Stored): Promise<Stored> {
  const { kv, pointer } = options
  const before = live.manifest.rollbackOf ?? live.manifest.serial
  for (const serial of await serialsOf(kv, pointer)) {
    if (serial >= before) continue
    const candidate = await recorded(options, live, serial)
    if (!sameContent(candidate.manifest, live.manifest)) return candidate
  }
  throw new CommandError(1, `${kv.place} has no bundle before ${before} that says something else`, {
    hint: 'change the policies and run `dockgate push`',
  })
}

async function needShards(kv: Kv, manifest: Manifest): Promise<void> {
  const there = new Set(await kv.list(SHARD_PREFIX))
  const missing = [...digestsOf(manifest)].filter((digest) => !there.has(shardKey(digest))).length
  if (missing === 0) return
  const are = missing === 1 ? 'is' : 'are'
  const what = `${count(missing, 'shard')} of bundle ${manifest.serial} ${are} no longer in ${kv.place}`
  throw new CommandError(1, what, {
    hint: 'check out the policies of that time and run `dockgate push`',
  })
}

function serialOf(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new CommandError(2, `'${text}' is not a serial number`, { hint: '`dockgate status` lists them' })
}
