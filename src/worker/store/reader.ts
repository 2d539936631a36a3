/**
 * Reads bundles from Workers KV. A read that throws or hangs says nothing about whether the value exists.
 *
 * Source: Cloudflare "Workers KV: How KV works", "Read key-value pairs" (cacheTtl, negative look-ups).
 */
import { shardKey } from '../../bundle/digest.ts'
import type { BundleProblem } from '../../bundle/problem.ts'
import { err, ok, type Result } from '../../registry/result.ts'
import { LATE, within } from './deadline.ts'

export const READ_TIMEOUT_MS = 5000

/** The smallest that KV takes. */
const POINTER_TTL_SECONDS = 30
/** A shard never changes: its name is its digest. */
const SHARD_TTL_SECONDS = 86_400

export async function readPointer(kv: KVNamespace, key: string): Promise<Result<string, BundleProblem>> {
  const value = await attempt(`the pointer ${key}`, () => kv.get(key, { type: 'text', cacheTtl: POINTER_TTL_SECONDS }))
  if (!value.ok) return value
  if (value.value !== null) return ok(value.value)
  return err({ code: 'pointer_missing', message: `there is no policy under the key ${key}; run dockgate push` })
}

export async function readShard(kv: KVNamespace, digest: string): Promise<Result<ArrayBuffer, BundleProblem>> {
  const key = shardKey(digest)
  const get = (cacheTtl: number) => attempt(key, () => kv.get(key, { type: 'arrayBuffer', cacheTtl }))
  const first = await get(SHARD_TTL_SECONDS)
  // KV remembers an absence for as long as it would remember a value: ask again in a way that it forgets soon.
  const value = first.ok && first.value === null ? await get(POINTER_TTL_SECONDS) : first
  if (!value.ok) return value
  if (value.value !== null) return ok(value.value)
  return err({
    code: 'shard_missing',
    message: `${key} is not in KV, or not visible here yet; if it stays so, push again`,
  })
}

async function attempt<T>(what: string, read: () => Promise<T>): Promise<Result<T, BundleProblem>> {
  try {
    const value = await within(READ_TIMEOUT_MS, read())
    if (value !== LATE) return ok(value)
    return err({ code: 'store_unavailable', message: `KV did not answer for ${what} in ${READ_TIMEOUT_MS / 1000} s` })
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return err({ code: 'store_unavailable', message: `KV could not read ${what}: ${why}` })
  }
}
