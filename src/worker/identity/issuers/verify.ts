/**
 * Verifies a JWT of a configured issuer: issuer, audience, algorithm and key are matched as one tuple, of one
 * entry of the policy. Nothing that the token names (`jwk`, `jku`, `x5u`, `x5c`) is ever used as a key.
 *
 * Sources: RFC 7519 section 7.2, RFC 8725.
 */
import { decodeJwt, decodeProtectedHeader, errors, type JWTHeaderParameters, jwtVerify } from 'jose'
import { err, ok, type Result } from '../../../base/result.ts'
import { JWT_MAX_LENGTH } from '../../../identity/compact-jws.ts'
import { type Claims, type IssuerRule, isRecord, textsOf, type VerifiedBy } from '../../../identity/federation.ts'
import type { EpochSeconds } from '../../../policy/model.ts'
import type { Background } from '../../platform/background.ts'
import { LEEWAY_SECONDS } from '../minted.ts'
import { keysOf } from './issuer-keys.ts'
import type { Sealing } from './shared-keys.ts'

/** A JWT that is valid for longer than this, in seconds, was not made for signing in. */
export const LIFETIME_MAX_SECONDS = 366 * 86_400

/** Signatures by a public key only, whatever a policy may say. */
const ASYMMETRIC = /^(?:(?:RS|PS|ES)(?:256|384|512)|EdDSA|Ed25519)$/

export type Verified = {
  readonly issuer: IssuerRule
  readonly claims: Claims
  readonly key: VerifiedBy
  readonly expires: EpochSeconds
}

/** @throws Fault `issuer_unavailable` when the keys of the issuer that is meant cannot be read */
export async function verifyIssuerJwt(
  jwt: string,
  issuers: readonly IssuerRule[],
  ctx: Background,
  now: EpochSeconds,
  sealing: Sealing,
): Promise<Result<Verified, 'credential_invalid' | 'credential_expired'>> {
  const header = jwt.length > JWT_MAX_LENGTH ? undefined : readHeader(jwt)
  if (header === undefined || header.crit !== undefined) return err('credential_invalid')
  const issuer = issuerMeant(jwt, header, issuers)
  if (issuer === undefined) return err('credential_invalid')
  const { set, read } = await keysOf(issuer, { kid: header.kid }, ctx, now, sealing)
  try {
    const { key, thumbprint } = await set.find(header)
    const { payload, protectedHeader } = await jwtVerify(jwt, key, {
      algorithms: [...issuer.algorithms],
      issuer: issuer.issuer,
      audience: [...issuer.audiences],
      requiredClaims: ['exp'],
      clockTolerance: LEEWAY_SECONDS,
      currentDate: new Date(now * 1000),
    })
    const { exp, iat } = payload
    if (!isRecord(payload) || exp === undefined || exp > now + LIFETIME_MAX_SECONDS) return err('credential_invalid')
    // jose reads `iat` only when it is asked for an age.
    if (iat !== undefined && (typeof iat !== 'number' || iat > now + LEEWAY_SECONDS)) return err('credential_invalid')
    // It may have a fraction (RFC 7519 section 2), and what we sign has none.
    const verifiedBy = { thumbprint, algorithm: protectedHeader.alg, ...(read === undefined ? {} : { read }) }
    return ok({ issuer, claims: payload, key: verifiedBy, expires: Math.floor(exp) })
  } catch (error) {
    return err(error instanceof errors.JWTExpired ? 'credential_expired' : 'credential_invalid')
  }
}

function readHeader(jwt: string): JWTHeaderParameters | undefined {
  try {
    const header = decodeProtectedHeader(jwt)
    return typeof header.alg === 'string' ? { ...header, alg: header.alg } : undefined
  } catch {
    return undefined
  }
}

/** The issuer that this JWT can be of, by what it says itself; no two have the same URL. */
function issuerMeant(
  jwt: string,
  { alg }: JWTHeaderParameters,
  issuers: readonly IssuerRule[],
): IssuerRule | undefined {
  if (!ASYMMETRIC.test(alg)) return undefined
  const { iss, aud } = decodeClaims(jwt)
  const audiences = textsOf(aud) ?? []
  return issuers.find(
    (issuer) =>
      issuer.issuer === iss &&
      issuer.algorithms.includes(alg) &&
      issuer.audiences.some((audience) => audiences.includes(audience)),
  )
}

function decodeClaims(jwt: string): Claims {
  try {
    return decodeJwt(jwt)
  } catch {
    return {}
  }
}
