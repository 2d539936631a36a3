/**
 * Signs the gate's own tokens, and verifies them when a client presents them. `./identify.ts` checks whether the credential
 * that a token was issued for is still valid.
 *
 * Sources: RFC 7515, RFC 7519, RFC 8725 (algorithm and type are fixed, keys come only from `TOKEN_SIGNING_KEY`).
 */
import { jwtVerify, SignJWT } from 'jose'
import { JWKSNoMatchingKey, JWTExpired } from 'jose/errors'
import { isRecord } from '../../base/json.ts'
import { err, ok, type Result } from '../../base/result.ts'
import {
  audienceOf,
  type Issue,
  type Minted,
  mintedClaims,
  parseMintedClaims,
  TOKEN_TYPES,
  type TokenUse,
} from '../../identity/token-claims.ts'
import type { EpochSeconds } from '../../policy/model.ts'
import type { TokenKeys } from './keys.ts'

const ALGORITHM = 'ES256'

/** How far clocks may differ. */
export const LEEWAY_SECONDS = 60

/** Signs a token: a compact JWS. */
export function mint(use: TokenUse, minted: Minted, issue: Issue, { signing }: TokenKeys): Promise<string> {
  return new SignJWT(mintedClaims(use, minted, issue))
    .setProtectedHeader({ typ: TOKEN_TYPES[use], alg: ALGORITHM, kid: signing.kid })
    .sign(signing.key)
}

/** Verifies signature, type, issuer, audience and times of a minted token. Never rejects. */
export async function verifyMinted(
  use: TokenUse,
  token: string,
  service: string,
  { accepted }: TokenKeys,
  now: EpochSeconds,
): Promise<Result<Minted & { readonly expires: EpochSeconds }, 'credential_invalid' | 'credential_expired'>> {
  try {
    const { payload } = await jwtVerify(
      token,
      ({ kid }) => {
        const key = kid === undefined ? undefined : accepted.get(kid)
        if (key === undefined) throw new JWKSNoMatchingKey()
        return key
      },
      {
        algorithms: [ALGORITHM],
        typ: TOKEN_TYPES[use],
        issuer: service,
        audience: audienceOf(use, service),
        requiredClaims: ['sub', 'iat', 'nbf', 'exp', 'jti'],
        clockTolerance: LEEWAY_SECONDS,
        currentDate: new Date(now * 1000),
      },
    )
    const minted = isRecord(payload) ? parseMintedClaims(use, payload) : err('token_invalid')
    if (!minted.ok || payload.exp === undefined) return err('credential_invalid')
    const { until } = minted.value
    if (until !== undefined && now >= until + LEEWAY_SECONDS) return err('credential_expired')
    return ok({ ...minted.value, expires: payload.exp })
  } catch (error) {
    return err(error instanceof JWTExpired ? 'credential_expired' : 'credential_invalid')
  }
}
