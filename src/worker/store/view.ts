/** A verified bundle as a {@link PolicyView}. It uses only shards whose digests are in its own manifest. */
import { digestFor } from '../../bundle/manifest.ts'
import type { BundleProblem } from '../../bundle/problem.ts'
import { malformed, type Shard } from '../../bundle/shard.ts'
import type { VerifiedManifest } from '../../bundle/verify.ts'
import { indexCommon } from '../../policy/decide/effective-rights.ts'
import type { PrincipalKey } from '../../policy/principal.ts'
import { Fault } from '../platform/fault.ts'
import type { PolicyView } from './policy-view.ts'
import type { Shards } from './shards.ts'

/**
 * The view of a bundle.
 *
 * @param report is called with the problem when a shard cannot be read, and with undefined when one was read
 */
export function openView(
  { manifest, keyId }: VerifiedManifest,
  shards: Shards,
  report: (problem: BundleProblem | undefined) => void,
): PolicyView {
  const { serial, label, created, expires } = manifest
  const unavailable = (problem: BundleProblem): Fault => {
    report(problem)
    return new Fault('policy_unavailable', `bundle ${serial} is not complete: ${problem.message}`)
  }
  const find = (shard: Shard, digest: string, key: PrincipalKey) => {
    try {
      return shard.principal(key)
    } catch (error) {
      return Promise.reject(unavailable(malformed(digest, error)))
    }
  }
  return {
    serial,
    ...(label === undefined ? {} : { label }),
    keyId,
    created,
    expires,
    common: indexCommon(manifest.common),
    principal(key) {
      const digest = digestFor(manifest, key)
      const kept = shards.get(digest)
      if (kept !== undefined) return find(kept, digest, key)
      return shards.load(digest).then((shard) => {
        if (!shard.ok) throw unavailable(shard.error)
        report(undefined)
        return find(shard.value, digest, key)
      })
    },
  }
}
