/**
 * Reads bundles from Workers KV. A read that throws or hangs is `store_unavailable`: the value may exist.
 *
 * Source: Cloudflare "Workers KV: How KV works", "Read key-value pairs" (cacheTtl, negative look-ups).
 */

import { err, ok, type Result } from '../../base/result.ts'
import { shardKey } from '../../bundle/digest.ts'
import type { BundleProblem } from '../../bundle/problem.ts'
import type { PolicyKv } from '../platform/env.ts'
import { TIMED_OUT, within } from '../platform/timeout.ts'

/** How long one read of KV may take. */
export const READ_TIMEOUT_MS = 5000

/** The smallest value that KV accepts. */
const POINTER_TTL_SECONDS = 30
/** A shard never changes: its name is its digest. */
const SHARD_TTL_SECONDS = 86_400

/** The signed pointer, not verified yet. Problems: `pointer_missing`, `store_unavailable`. Never rejects. */
export async function readPointer(kv: PolicyKv, key: string): Promise<Result<string, BundleProblem>> {
  const value = await attempt(`the pointer ${key}`, () => kv.get(key, { type: 'text', cacheTtl: POINTER_TTL_SECONDS }))
  if (!value.ok) return value
  if (value.value !== null) return ok(value.value)
  return err({ code: 'pointer_missing', message: `the store has no policy under the key ${key}; run dockgate push` })
}

/**
 * The bytes of a shard, not verified yet. Problems: `shard_missing`, `store_unavailable`. Never rejects.
 *
 * @param fresh avoids the cached copy of this location, as far as KV allows. KV caches a missing or damaged value for as
 *   long as a good one
 */
export async function readShard(
  kv: PolicyKv,
  digest: string,
  fresh: boolean,
): Promise<Result<ArrayBuffer, BundleProblem>> {
  const key = shardKey(digest)
  const cacheTtl = fresh ? POINTER_TTL_SECONDS : SHARD_TTL_SECONDS
  const value = await attempt(key, () => kv.get(key, { type: 'arrayBuffer', cacheTtl }))
  if (!value.ok) return value
  if (value.value !== null) return ok(value.value)
  return err({
    code: 'shard_missing',
    message: `${key} is not in the store, or not visible here yet; if it stays so, run dockgate push --all`,
  })
}

async function attempt<T>(what: string, read: () => Promise<T>): Promise<Result<T, BundleProblem>> {
  try {
    const value = await within(READ_TIMEOUT_MS, read())
    if (value !== TIMED_OUT) return ok(value)
    return err({
      code: 'store_unavailable',
      message: `the store did not answer for ${what} in ${READ_TIMEOUT_MS / 1000} s`,
    })
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return err({ code: 'store_unavailable', message: `the store could not read ${what}: ${why}` })
  }
}
