/**
 * The policy of the bundle in force, whole, to compare a new one with. What the new one has too is not read again: after one
 * change that is all shards but one.
 */

import { err, ok, type Result } from '../../base/result.ts'
import { shardKey } from '../../bundle/digest.ts'
import { encodeBundle } from '../../bundle/encode.ts'
import type { VerificationKeys } from '../../bundle/keys.ts'
import { digestsOf, type Manifest } from '../../bundle/manifest.ts'
import type { BundleProblem } from '../../bundle/problem.ts'
import { restorePolicy } from '../../bundle/restore.ts'
import { verifyManifest } from '../../bundle/verify.ts'
import type { CompiledPolicy } from '../../policy/decide/compiled.ts'
import type { BulkKv } from './kv.ts'

/** The policy under a pointer, and its bundle. */
export type PolicyInForce = {
  readonly policy: CompiledPolicy
  /** Absent where nothing was pushed yet. */
  readonly bundle?: Manifest
}

/**
 * The policy under a pointer: of a bundle that was signed for it. Where no bundle exists yet nobody has any right. A bundle
 * that these keys cannot vouch for is a problem.
 */
export async function policyInForce(
  kv: BulkKv,
  pointer: string,
  keys: VerificationKeys,
  newer: CompiledPolicy,
): Promise<Result<PolicyInForce, BundleProblem>> {
  const text = await kv.get(pointer)
  if (text === undefined) return ok({ policy: withoutRights(newer) })
  const verified = await verifyManifest(text, keys, { pointer })
  if (!verified.ok) return verified
  const { manifest } = verified.value
  const shared = await sharedShards(manifest, newer)
  const missing = [...digestsOf(manifest)].filter((digest) => !shared.has(digest))
  const read = await kv.getAll(missing.map(shardKey))
  const policy = await restorePolicy(manifest, async (digest) => {
    const shard = shared.get(digest) ?? read.get(shardKey(digest))
    return shard === undefined ? err(missingFrom(kv, digest)) : ok(new TextEncoder().encode(shard).buffer)
  })
  return policy.ok ? ok({ policy: policy.value, bundle: manifest }) : policy
}

const withoutRights = ({ common }: CompiledPolicy): CompiledPolicy => ({
  common: { ...common, everyone: {}, anonymous: {} },
  principals: new Map(),
})

/** Those shards of a bundle that a policy has as well, by digest. */
async function sharedShards(manifest: Manifest, policy: CompiledPolicy): Promise<ReadonlyMap<string, string>> {
  const wanted = digestsOf(manifest)
  const shared = new Map<string, string>()
  const { pointer, serial, created, bits } = manifest
  await encodeBundle(policy, { pointer, serial, created, previousBits: bits }, ({ digest, text }) => {
    if (wanted.has(digest)) shared.set(digest, text)
  })
  return shared
}

const missingFrom = ({ place }: BulkKv, digest: string): BundleProblem => ({
  code: 'shard_missing',
  message: `${shardKey(digest)} is not in ${place}; \`dockgate push --all\` uploads every shard again`,
})
