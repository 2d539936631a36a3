/**
 * From a compiled policy to the parts of a bundle. Deterministic: the same policy gives the same shards, and with the same
 * serial and times the same manifest. Never signs and never stores.
 */
import type { CompiledPolicy, PrincipalData } from '../policy/decide/compiled.ts'
import type { EpochSeconds } from '../policy/model.ts'
import type { PrincipalKey } from '../policy/principal.ts'
import { digestOf } from './digest.ts'
import { FORMAT, type Manifest } from './manifest.ts'
import { formatShard } from './shard.ts'
import { shardBits, shardOf } from './sharding.ts'

/** How long a bundle is valid by default: a year. */
export const VALIDITY_SECONDS = 31_536_000

/** Options of {@link encodeBundle}. Times are seconds since the epoch. */
export type EncodeOptions = {
  /** The key of the store for which the bundle is made. */
  readonly pointer: string
  readonly serial: number
  readonly created: EpochSeconds
  /** Default: {@link VALIDITY_SECONDS} after `created`. */
  readonly expires?: EpochSeconds
  /** `bits` of the bundle in force, which is kept while it fits. */
  readonly previousBits?: number
  /** What the bundle is made from, for people; see {@link Manifest.label}. */
  readonly label?: string
}

/** One encoded shard. */
export type EncodedShard = {
  readonly index: number
  readonly digest: string
  readonly text: string
  readonly bytes: number
}

/**
 * Encode a policy. Each shard is handed to `emit` as it is made and may be let go afterwards, so that a large policy is
 * never held twice in memory; `emit` is awaited.
 */
export async function encodeBundle(
  policy: CompiledPolicy,
  options: EncodeOptions,
  emit: (shard: EncodedShard) => void | Promise<void>,
): Promise<Manifest> {
  const { pointer, serial, created, expires = created + VALIDITY_SECONDS, previousBits, label } = options
  const bits = shardBits(encodedLength(policy), previousBits)
  const groups: (readonly [PrincipalKey, PrincipalData])[][] = Array.from({ length: 2 ** bits }, () => [])
  for (const entry of policy.principals) groups[shardOf(entry[0], bits)]?.push(entry)
  const encoder = new TextEncoder()
  const digests: string[] = []
  let total = 0
  for (const [index, entries] of groups.entries()) {
    const text = formatShard(entries)
    const bytes = encoder.encode(text)
    const digest = await digestOf(Uint8Array.from(bytes))
    digests.push(digest)
    total += bytes.byteLength
    await emit({ index, digest, text, bytes: bytes.byteLength })
  }
  return {
    format: FORMAT,
    pointer,
    serial,
    created,
    expires,
    ...(label === undefined ? {} : { label }),
    bits,
    shards: digests.join(''),
    principals: policy.principals.size,
    grants: countGrants(policy),
    bytes: total,
    common: policy.common,
  }
}

/** Principals whose data is measured to choose the number of shards; of a larger policy, as many, evenly spread. */
const SAMPLE = 16_384

/** About the bytes that the principals take. */
function encodedLength({ principals }: CompiledPolicy): number {
  const stride = Math.ceil(principals.size / SAMPLE)
  let length = 2
  let index = 0
  for (const [key, data] of principals) {
    if (index++ % stride === 0) length += (key.length + JSON.stringify(data).length + 4) * stride
  }
  return length
}

/** How many single grants a policy holds. */
export function countGrants({ common, principals }: CompiledPolicy): number {
  const count = ({ grants, control }: PrincipalData) => (grants?.length ?? 0) + (control?.length ?? 0)
  let grants = count(common.everyone) + count(common.anonymous)
  for (const data of principals.values()) grants += count(data)
  return grants
}
