/**
 * Passwords of tokens. They are generated secrets of high entropy, so that one SHA-256 is enough to keep them. Never sees
 * a password, only digests.
 */
import type { Credential, EpochSeconds } from '../policy/model.ts'

/** What a password's digest is compared with when there is nothing: the work is the same for unknown names. */
const NOTHING = '0'.repeat(64)

/** A token has at most two passwords. */
const COMPARISONS = 2

/**
 * The credential whose password has this SHA-256 (hex, lower case) and has not expired. Takes the same time whether and
 * where one matches.
 */
export function findCredential(
  credentials: readonly Credential[],
  sha256: string,
  now: EpochSeconds,
): Credential | undefined {
  let found: Credential | undefined
  for (let at = 0; at < Math.max(COMPARISONS, credentials.length); at++) {
    const candidate = credentials[at]
    const equal = equalDigests(candidate?.sha256 ?? NOTHING, sha256)
    if (equal && candidate !== undefined && isUnexpired(candidate, now)) found ??= candidate
  }
  return found
}

/** Whether a password has not expired yet. */
export const isUnexpired = ({ expires }: Credential, now: EpochSeconds): boolean =>
  expires === undefined || now < expires

function equalDigests(left: string, right: string): boolean {
  let difference = left.length ^ right.length
  for (let at = 0; at < left.length; at++) difference |= left.charCodeAt(at) ^ right.charCodeAt(at)
  return difference === 0
}

/**
 * What a minted token remembers of the password it came from: enough to die with it, too little to find it. 64 bits of
 * the digest of a secret of high entropy.
 */
export const credentialFingerprint = ({ sha256 }: Credential): string => sha256.slice(0, 16)
