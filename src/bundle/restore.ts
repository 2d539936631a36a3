/** From the parts of a bundle back to the compiled policy, whole: for comparing and inspecting, never for deciding. */

import { err, ok, type Result } from '../base/result.ts'
import type { CompiledPolicy, PrincipalData } from '../policy/decide/compiled.ts'
import { type PrincipalKey, parsePrincipal, principalKey } from '../policy/principal.ts'
import { digestAt, type Manifest, shardCount } from './manifest.ts'
import { readPrincipalData } from './policy-shape.ts'
import type { BundleProblem } from './problem.ts'
import { malformed, openShard } from './shard.ts'

/** @param read the bytes of a shard by digest */
export async function restorePolicy(
  manifest: Manifest,
  read: (digest: string) => Promise<Result<ArrayBuffer, BundleProblem>>,
): Promise<Result<CompiledPolicy, BundleProblem>> {
  const entries: (readonly [PrincipalKey, PrincipalData])[] = []
  for (let index = 0; index < shardCount(manifest); index++) {
    const digest = digestAt(manifest, index)
    const bytes = await read(digest)
    if (!bytes.ok) return bytes
    const shard = await openShard(digest, bytes.value)
    if (!shard.ok) return shard
    try {
      for (const [key, data] of shard.value.entries()) {
        const principal = parsePrincipal(key)
        if (!principal.ok) throw new Error(`${JSON.stringify(key)} is not a principal`)
        entries.push([principalKey(principal.value), readPrincipalData(data, key)])
      }
    } catch (error) {
      return err(malformed(digest, error))
    }
  }
  entries.sort(([a], [b]) => (a < b ? -1 : 1))
  return ok({ common: manifest.common, principals: new Map(entries) })
}
