/**
 * Puts a compiled policy into force: new shards, then the manifest's copy for the history, then the pointer. Used by
 * `dockgate push` and `dockgate dev`. A push that is interrupted has changed nothing that a gate reads.
 */

import { shardKey } from '../../bundle/digest.ts'
import { countGrants, type EncodedShard, encodeBundle, VALIDITY_SECONDS } from '../../bundle/encode.ts'
import type { SigningKey } from '../../bundle/keys.ts'
import { digestsOf, type Manifest } from '../../bundle/manifest.ts'
import type { BundleProblemCode } from '../../bundle/problem.ts'
import { signManifest } from '../../bundle/sign.ts'
import type { CompiledPolicy } from '../../policy/decide/compiled.ts'
import { CommandError } from '../terminal/command-error.ts'
import { formatCount } from '../terminal/format.ts'
import { claimedSerial, historyKey, nextSerial, readBundle, sameContent, UntrustedBundle } from './bundle-history.ts'
import type { Kv, KvPair } from './kv.ts'
import { DEFAULT_POINTER } from './kv-options.ts'

/** Of one bulk call; KV takes 10,000 keys and 100 MB of JSON, in which a value may grow by half. */
const BATCH_KEYS = 1000
const BATCH_BYTES = 40_000_000
/** Of one value in KV. */
const VALUE_BYTES = 25 * 1024 * 1024

/** Options of {@link publish}. Times are seconds since the epoch. */
export type PublishOptions = {
  readonly policy: CompiledPolicy
  readonly kv: Kv
  readonly key: SigningKey
  /** Seconds since the epoch. */
  readonly now: number
  readonly pointer?: string
  /** What the policy is, for people: see {@link Manifest.label}. */
  readonly label?: string
  readonly validSeconds?: number
  /** Also when most grants go, or the bundle in force is not signed by this key. */
  readonly force?: boolean
  /** Upload every shard, also those that should be there. */
  readonly all?: boolean
  /** Change nothing. */
  readonly dryRun?: boolean
  readonly onProgress?: (text: string) => void
}

/** What {@link publish} did. */
export type PublishReport = {
  readonly serial: number
  /** For what the bundle was signed. */
  readonly pointer: string
  readonly service: string
  readonly label?: string
  readonly previousSerial?: number
  readonly previousLabel?: string
  /** The key that signed. */
  readonly keyId: string
  readonly expires: number
  /** Does it say anything else than the bundle before it? */
  readonly changed: boolean
  readonly principals: Count
  readonly grants: Count
  readonly shards: { readonly total: number; readonly uploaded: number }
  readonly bytes: { readonly total: number; readonly uploaded: number; readonly manifest: number }
}

type Count = { readonly before: number; readonly after: number }

/** @throws {@link CommandError} 1 when a guard stops it, 3 when the store fails */
export async function publish(options: PublishOptions): Promise<PublishReport> {
  const { policy, kv, key, now, pointer = DEFAULT_POINTER, force = false, dryRun = false } = options
  const previous = await previousBundle(kv, pointer, key, force)
  if (!force) {
    guardGrants(previous, countGrants(policy))
    guardService(previous, policy.common.service)
  }
  const known = previous === undefined || options.all === true ? new Set<string>() : digestsOf(previous)
  const upload = new Upload(kv, known, dryRun, options.onProgress ?? (() => {}))
  const manifest = await encodeBundle(
    policy,
    {
      pointer,
      serial: nextSerial(previous ?? (await claimedSerial(kv, pointer, now)), now),
      created: now,
      expires: now + (options.validSeconds ?? VALIDITY_SECONDS),
      ...(previous === undefined ? {} : { previousBits: previous.bits }),
      ...(options.label === undefined ? {} : { label: options.label }),
    },
    (shard) => upload.add(shard),
  )
  const text = await signManifest(manifest, key)
  checkSize(text.length, 'the manifest', 'fewer identities and issuers, or shorter texts, make it smaller')
  await upload.send({ key: historyKey(pointer, manifest.serial), value: text })
  if (!dryRun) await kv.put(pointer, text)
  return {
    serial: manifest.serial,
    pointer,
    service: manifest.common.service,
    ...(options.label === undefined ? {} : { label: options.label }),
    ...(previous === undefined ? {} : { previousSerial: previous.serial }),
    ...(previous?.label === undefined ? {} : { previousLabel: previous.label }),
    keyId: key.id,
    expires: manifest.expires,
    changed: previous === undefined || !sameContent(previous, manifest),
    principals: { before: previous?.principals ?? 0, after: manifest.principals },
    grants: { before: previous?.grants ?? 0, after: manifest.grants },
    shards: { total: 2 ** manifest.bits, uploaded: upload.count },
    bytes: { total: manifest.bytes, uploaded: upload.bytes, manifest: text.length },
  }
}

const OTHER_HINT = 'if you know why, e.g. because the key is new, repeat with --yes; every shard is uploaded then'
/** What to do about a bundle in force that cannot be vouched for. */
const HINTS: { readonly [K in BundleProblemCode]?: string } = {
  format_unsupported:
    'after an update of dockgate repeat with --yes, and deploy the gate of this version; every shard is uploaded then',
  pointer_mismatch:
    'find out who may write to the store; then repeat with --yes, which puts these policies in its place',
}

async function previousBundle(kv: Kv, pointer: string, key: SigningKey, force: boolean): Promise<Manifest | undefined> {
  try {
    return (await readBundle(kv, pointer, key.accepted))?.manifest
  } catch (error) {
    if (!(error instanceof UntrustedBundle)) throw error
    if (force) return undefined
    throw new CommandError(1, error.message, { hint: HINTS[error.code] ?? OTHER_HINT, cause: error })
  }
}

function guardGrants(previous: Manifest | undefined, after: number): void {
  if (previous === undefined || after * 2 >= previous.grants) return
  throw new CommandError(
    1,
    `this push removes more than half of the grants: ${previous.grants} now, ${after} after it`,
    {
      hint: 'if that is meant, repeat with --yes; with --yes --dry-run the command only says what would change',
    },
  )
}

function guardService(previous: Manifest | undefined, after: string): void {
  if (previous === undefined || previous.common.service === after) return
  throw new CommandError(
    1,
    `these policies are for the service '${after}', and the bundle in force is for '${previous.common.service}'`,
    {
      hint: 'name another --pointer or store if this is another gate; if the service has a new name, repeat with --yes and deploy the gate with POLICY_SERVICE set to it',
    },
  )
}

function checkSize(bytes: number, what: string, hint: string): void {
  if (bytes <= VALUE_BYTES) return
  throw new CommandError(1, `${what} takes ${bytes} bytes, more than the ${VALUE_BYTES} that KV stores`, { hint })
}

/** Collects new shards and sends them in batches. */
class Upload {
  count = 0
  bytes = 0
  readonly #kv: Kv
  readonly #known: ReadonlySet<string>
  readonly #dryRun: boolean
  readonly #onProgress: (text: string) => void
  readonly #seen = new Set<string>()
  #batch: KvPair[] = []
  #batchBytes = 0

  constructor(kv: Kv, known: ReadonlySet<string>, dryRun: boolean, onProgress: (text: string) => void) {
    this.#kv = kv
    this.#known = known
    this.#dryRun = dryRun
    this.#onProgress = onProgress
  }

  async add({ digest, text, bytes }: EncodedShard): Promise<void> {
    if (this.#known.has(digest) || this.#seen.has(digest)) return
    this.#seen.add(digest)
    this.#onProgress(`${formatCount(this.#seen.size)} new shards encoded`)
    checkSize(bytes, 'one shard', 'one principal has too many grants: give them to a group, or use patterns')
    if (this.#batch.length === BATCH_KEYS || this.#batchBytes + bytes > BATCH_BYTES) await this.send()
    this.#batch.push({ key: shardKey(digest), value: text })
    this.#batchBytes += bytes
    this.count++
    this.bytes += bytes
  }

  /** Send what has been collected, and `last` with it. */
  async send(last?: KvPair): Promise<void> {
    const batch = last === undefined ? this.#batch : [...this.#batch, last]
    this.#batch = []
    this.#batchBytes = 0
    if (this.#dryRun || batch.length === 0) return
    await this.#kv.putAll(batch)
    this.#onProgress(`${formatCount(this.count)} new shards uploaded`)
  }
}
