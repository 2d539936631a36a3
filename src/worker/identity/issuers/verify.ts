/**
 * Verifies a JWT of a configured issuer. Issuer, audience, algorithm and key must all match the same entry of the policy.
 * Keys that the token itself names (`jwk`, `jku`, `x5u`, `x5c`) are never used.
 *
 * Sources: RFC 7519 section 7.2, RFC 8725.
 */
import { decodeJwt, decodeProtectedHeader, type JWTHeaderParameters, jwtVerify } from 'jose'
import { JWTExpired } from 'jose/errors'
import { isRecord } from '../../../base/json.ts'
import { err, ok, type Result } from '../../../base/result.ts'
import { JWT_MAX_LENGTH } from '../../../identity/compact-jws.ts'
import { type Claims, type IssuerRule, textsOf, type VerifiedBy } from '../../../identity/federation.ts'
import type { EpochSeconds } from '../../../policy/model.ts'
import { LEEWAY_SECONDS } from '../minted.ts'
import { keysOf } from './issuer-keys.ts'
import type { KeyAccess } from './remote-keys.ts'

/** JWTs that are valid for longer are refused: they were not issued for signing in. */
const LIFETIME_MAX_SECONDS = 366 * 86_400

/** Only signatures with a public key, whatever a policy says. */
const ASYMMETRIC = /^(?:(?:RS|PS|ES)(?:256|384|512)|EdDSA|Ed25519)$/

/** A verified JWT. */
export type Verified = {
  readonly issuer: IssuerRule
  readonly claims: Claims
  readonly key: VerifiedBy
  readonly expires: EpochSeconds
}

/**
 * Verifies a JWT.
 *
 * @throws Fault `issuer_unavailable` when the keys of its issuer cannot be read
 */
export async function verifyIssuerJwt(
  jwt: string,
  issuers: readonly IssuerRule[],
  access: KeyAccess,
): Promise<Result<Verified, 'credential_invalid' | 'credential_expired'>> {
  const { now } = access
  const header = jwt.length > JWT_MAX_LENGTH ? undefined : readHeader(jwt)
  if (header === undefined || header.crit !== undefined) return err('credential_invalid')
  const issuer = issuerMeant(jwt, header, issuers)
  if (issuer === undefined) return err('credential_invalid')
  const { set, read } = await keysOf(issuer, { kid: header.kid }, access)
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
    // jose checks `iat` only if `maxTokenAge` is set.
    if (iat !== undefined && (typeof iat !== 'number' || iat > now + LEEWAY_SECONDS)) return err('credential_invalid')
    // `exp` may have a fraction (RFC 7519 section 2). EpochSeconds are whole.
    const verifiedBy = { thumbprint, algorithm: protectedHeader.alg, ...(read === undefined ? {} : { read }) }
    return ok({ issuer, claims: payload, key: verifiedBy, expires: Math.floor(exp) })
  } catch (error) {
    return err(error instanceof JWTExpired ? 'credential_expired' : 'credential_invalid')
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

/** The issuer of a JWT by its unverified claims. No two issuers of a policy have the same URL. */
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
