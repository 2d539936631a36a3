/** `dockgate prune`: removes what no bundle that is kept names. */
import { Command } from 'commander'
import { SHARD_PREFIX, shardKey } from '../../bundle/digest.ts'
import { digestsOf, type Outline } from '../../bundle/manifest.ts'
import { decodeOutline } from '../../bundle/verify.ts'
import type { BulkKv } from '../bundles/kv.ts'
import { addKvOptions, type KvOptions, needTarget, withKv } from '../bundles/kv-options.ts'
import { CommandError } from '../terminal/command-error.ts'
import { formatCount } from '../terminal/format.ts'
import * as output from '../terminal/output.ts'
import { showing } from '../terminal/progress.ts'

type Options = KvOptions & { readonly keep: number; readonly dryRun?: true; readonly json?: true }

/** A gate that has not heard of a newer bundle may still read the shards of one this young. */
const YOUNG_SECONDS = 86_400

const DELETE_BATCH = 1000

const EXAMPLES = `
Examples:
  dockgate prune --remote --dry-run
  dockgate prune --remote --keep 3

Not while a push is under way: what it has uploaded is not named by any bundle yet.`

/** The command `dockgate prune` with its arguments, options and action. */
export const pruneCommand = (): Command =>
  addKvOptions(new Command('prune').description('remove old bundles, and shards that no other bundle names'))
    .option(
      '--keep <n>',
      'bundles to keep for roll-back, in addition to the one in force and those of the last day',
      keepCount,
      10,
    )
    .option('--dry-run', 'change nothing; say what would go')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: Options, command: Command) => {
      const target = needTarget(options, command)
      const now = Math.floor(Date.now() / 1000)
      const { keep, dryRun = false } = options
      const { report, place } = await withKv(target, options, async (kv) => {
        const done = await showing(`pruning ${kv.place}`, (tell) => prune({ kv, now, keep, dryRun, onProgress: tell }))
        return { report: done, place: kv.place }
      })
      if (options.json === true) {
        output.json('prune', { ...report, place, dryRun })
        return
      }
      const verb = dryRun ? 'would remove' : 'removed'
      output.out(
        `${verb} ${formatCount(report.bundles.removed)} bundles and ${formatCount(report.shards.removed)} shards from ${place}`,
      )
      output.out(`  kept ${formatCount(report.bundles.kept)} bundles and ${formatCount(report.shards.kept)} shards`)
    })

/** Options of a prune. Times are seconds since the epoch. */
export type PruneOptions = {
  readonly kv: BulkKv
  readonly now: number
  readonly keep: number
  readonly dryRun?: boolean
  readonly onProgress?: (text: string) => void
}

type Tally = { readonly kept: number; readonly removed: number }
/** How many bundles and shards were kept and deleted. */
export type PruneReport = { readonly bundles: Tally; readonly shards: Tally }

/**
 * Remove old bundles of every pointer in the store, and the shards that are left without one.
 *
 * @throws {@link CommandError} 1 when a value is not a bundle that this version can read: its shards would be lost
 */
export async function prune({
  kv,
  now,
  keep,
  dryRun = false,
  onProgress = () => {},
}: PruneOptions): Promise<PruneReport> {
  const all = await kv.list('')
  const shards = all.filter((key) => key.startsWith(SHARD_PREFIX))
  const bundles = all.filter((key) => !key.startsWith(SHARD_PREFIX))
  const texts = await kv.getAll(bundles)
  const manifests = new Map(bundles.map((key) => [key, manifestOf(kv, key, texts.get(key))]))
  const { old, kept } = oldBundles(manifests, now, keep)
  const named = new Set<string>()
  for (const [key, manifest] of manifests) {
    if (!old.has(key)) for (const digest of digestsOf(manifest)) named.add(shardKey(digest))
  }
  const orphans = shards.filter((key) => !named.has(key))
  // Bundles before shards: what is interrupted leaves shards without a bundle, never a bundle without shards.
  const gone = [...old, ...orphans]
  for (let start = 0; start < gone.length && !dryRun; start += DELETE_BATCH) {
    await kv.deleteAll(gone.slice(start, start + DELETE_BATCH))
    onProgress(`removed ${Math.min(start + DELETE_BATCH, gone.length)} of ${gone.length}`)
  }
  return {
    bundles: { kept, removed: old.size },
    shards: { kept: shards.length - orphans.length, removed: orphans.length },
  }
}

function manifestOf(kv: BulkKv, key: string, text: string | undefined): Outline {
  const decoded = text === undefined ? undefined : decodeOutline(text)
  if (decoded?.ok === true) return decoded.value
  throw new CommandError(
    1,
    `'${key}' in ${kv.place} is not a bundle that this version reads, so its shards are not known`,
    {
      hint: 'remove the key with `npx wrangler kv key delete` if it does not belong there, or use a newer dockgate',
    },
  )
}

/** Keys of history that neither the number to keep nor their youth keeps. A key that is not part of the history is a pointer. */
function oldBundles(
  manifests: ReadonlyMap<string, Outline>,
  now: number,
  keep: number,
): { readonly old: ReadonlySet<string>; readonly kept: number } {
  const histories = new Map<string, string[]>()
  for (const [key, { serial }] of manifests) {
    const pointer = key.endsWith(`:${serial}`) ? key.slice(0, -`:${serial}`.length) : undefined
    if (pointer !== undefined && manifests.has(pointer))
      histories.set(pointer, [...(histories.get(pointer) ?? []), key])
  }
  const serialOf = (key: string) => manifests.get(key)?.serial ?? 0
  const old = new Set<string>()
  for (const [pointer, keys] of histories) {
    const older = keys.filter((key) => serialOf(key) !== serialOf(pointer)).sort((a, b) => serialOf(b) - serialOf(a))
    for (const key of older.slice(keep)) {
      if ((manifests.get(key)?.created ?? now) < now - YOUNG_SECONDS) old.add(key)
    }
  }
  return { old, kept: [...histories.values()].flat().length - old.size }
}

function keepCount(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text)
  throw new CommandError(2, `'${text}' is not a number of bundles`, { hint: 'e.g. --keep 3' })
}
