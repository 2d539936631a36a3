/**
 * What a bundle must pass before a gate uses it: a signature of a known key, a format that this code reads, the pointer key
 * and the service for which it was signed, a time at which it is valid, and a serial that does not go back. The shards
 * follow by digest ({@link openShard}).
 */
import { base64url, compactVerify, decodeProtectedHeader, type ProtectedHeaderParameters } from 'jose'
import { err, ok, type Result } from '../base/result.ts'
import type { EpochSeconds } from '../policy/model.ts'
import { ALGORITHMS, type VerificationKeys } from './keys.ts'
import { MANIFEST_TYPE, type Manifest, type Outline, parseManifest, parseOutline } from './manifest.ts'
import type { BundleProblem, BundleProblemCode } from './problem.ts'

/** A manifest whose signature was verified. */
export type VerifiedManifest = { readonly manifest: Manifest; readonly keyId: string }

const problem = (code: BundleProblemCode, message: string) => err<BundleProblem>({ code, message })

/** What a bundle has to be signed for where it is used. */
export type BundleContext = {
  /** The key of the store that names the policy in force, also where an old record of it is read. */
  readonly pointer: string
  /** Absent where nobody says which it must be. */
  readonly service?: string
}

/**
 * Verify the signature of a bundle and what it was signed for, and read it. Says nothing of its time and serial: see
 * {@link admit}.
 *
 * @param jws value of the pointer, or of one of its records
 */
export async function verifyManifest(
  jws: string,
  keys: VerificationKeys,
  context: BundleContext,
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
    if (!parsed.ok) return parsed
    const misplaced = misplacement(parsed.value, context)
    return misplaced === undefined ? ok({ manifest: parsed.value, keyId: known.id }) : err(misplaced)
  } catch {
    return problem('signature_invalid', `the bundle's signature by the key ${known.id} does not hold; push again`)
  }
}

/** Why a bundle was not signed for where it is used; nothing when it was. */
function misplacement({ serial, pointer, common }: Manifest, context: BundleContext): BundleProblem | undefined {
  if (pointer !== context.pointer) {
    return {
      code: 'pointer_mismatch',
      message: `bundle ${serial} was signed for the pointer ${JSON.stringify(pointer)} and lies under ${JSON.stringify(context.pointer)}: somebody copied it; push again with --pointer ${context.pointer}`,
    }
  }
  if (context.service === undefined || common.service === context.service) return undefined
  return {
    code: 'service_mismatch',
    message: `bundle ${serial} is for the service ${JSON.stringify(common.service)} and this is ${JSON.stringify(context.service)}: push the policies of this service; if the service has a new name, deploy the gate with it in POLICY_SERVICE`,
  }
}

/** How far ahead the clock of the machine that pushed may be, in seconds. */
const LEEWAY_SECONDS = 300

/**
 * May this manifest take effect now?
 *
 * @param context for what it must have been signed; without a service, that of `current` counts
 * @param current the bundle in force, if there is one
 */
export function admit(
  { manifest }: VerifiedManifest,
  context: BundleContext,
  current: Pick<Manifest, 'serial' | 'common'> | undefined,
  now: EpochSeconds,
): Result<Manifest, BundleProblem> {
  const { serial, created, expires } = manifest
  const misplaced = misplacement(
    manifest,
    current === undefined ? context : { service: current.common.service, ...context },
  )
  if (misplaced !== undefined) return err(misplaced)
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
export function decodeOutline(jws: string): Result<Outline, BundleProblem> {
  const [, payload = ''] = jws.split('.')
  try {
    return parseOutline(base64url.decode(payload))
  } catch {
    return problem('manifest_malformed', 'the value is not a signed manifest')
  }
}
