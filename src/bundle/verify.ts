/**
 * What a bundle must pass before a gate uses it: a signature of a known key, a format that this code reads, a time at which
 * it is valid, and a serial that does not go back. The shards follow by digest ({@link openShard}).
 */
import { base64url, compactVerify, decodeProtectedHeader, type ProtectedHeaderParameters } from 'jose'
import type { EpochSeconds } from '../policy/model.ts'
import { err, ok, type Result } from '../registry/result.ts'
import { ALGORITHMS, type VerificationKeys } from './keys.ts'
import { MANIFEST_TYPE, type Manifest, parseManifest } from './manifest.ts'
import type { BundleProblem, BundleProblemCode } from './problem.ts'

/** A manifest whose signature was verified. */
export type VerifiedManifest = { readonly manifest: Manifest; readonly keyId: string }

const problem = (code: BundleProblemCode, message: string) => err<BundleProblem>({ code, message })

/** Verify the signature of a pointer's value, and read it. Says nothing of its time and serial: see {@link admit}. */
export async function verifyManifest(
  jws: string,
  keys: VerificationKeys,
): Promise<Result<VerifiedManifest, BundleProblem>> {
  let header: ProtectedHeaderParameters
  try {
    header = decodeProtectedHeader(jws)
  } catch {
    return problem('manifest_malformed', 'the pointer does not hold a signed manifest; push again')
  }
  const { alg, kid, typ } = header
  if (typ !== MANIFEST_TYPE || !ALGORITHMS.some((known) => known === alg)) {
    return problem('manifest_malformed', 'the pointer holds something else than a signed manifest; push again')
  }
  const known = kid === undefined ? undefined : keys.get(kid)
  if (known === undefined) {
    return problem(
      'key_unknown',
      `the bundle is signed by the key ${JSON.stringify(kid ?? null)}, which is not among the public keys; add it, or push with a key that is`,
    )
  }
  try {
    const { payload } = await compactVerify(jws, known.key, { algorithms: [known.algorithm] })
    const parsed = parseManifest(payload)
    return parsed.ok ? ok({ manifest: parsed.value, keyId: known.id }) : parsed
  } catch {
    return problem('signature_invalid', `the bundle's signature by the key ${known.id} does not hold; push again`)
  }
}

/** How far ahead the clock of whoever pushed may be. */
export const LEEWAY_SECONDS = 300

/** May this manifest take effect now, after `current`? */
export function admit(
  { manifest }: VerifiedManifest,
  current: Pick<Manifest, 'serial'> | undefined,
  now: EpochSeconds,
): Result<Manifest, BundleProblem> {
  const { serial, created, expires } = manifest
  if (now >= expires) {
    return problem('expired', `bundle ${serial} expired at ${iso(expires)}; push again`)
  }
  if (created > now + LEEWAY_SECONDS) {
    return problem(
      'not_yet_valid',
      `bundle ${serial} was made at ${iso(created)}, which is still to come; set the clocks`,
    )
  }
  if (current !== undefined && serial < current.serial) {
    return problem(
      'serial_backwards',
      `the pointer went back from bundle ${current.serial} to ${serial}; to return to old rights use dockgate rollback`,
    )
  }
  if (current !== undefined && serial === current.serial) {
    return problem('serial_conflict', `there are two bundles ${serial} with different content; push again`)
  }
  return ok(manifest)
}

const iso = (seconds: EpochSeconds) => new Date(seconds * 1000).toISOString()

/** What a pointer's value says, with nothing of it proved: to find out what not to delete, never to decide by. */
export function decodeManifest(jws: string): Result<Manifest, BundleProblem> {
  const [, payload = ''] = jws.split('.')
  try {
    return parseManifest(base64url.decode(payload))
  } catch {
    return problem('manifest_malformed', 'the value is not a signed manifest')
  }
}
