/**
 * Makes the tokens of an answer from a verified credential. A token never reaches further than the credential it is made
 * from, in scope or in time: whatever is presented, its own `access` and its end are handed on.
 *
 * Source: distribution `docs/content/spec/auth/token.md` (answer; no token under 60 seconds).
 */

import type { Minted, TokenUse } from '../../identity/token-claims.ts'
import { grantScopes } from '../../identity/token-scopes.ts'
import type { EpochSeconds } from '../../policy/model.ts'
import type { Access } from '../../registry/scope.ts'
import type { AuthContext, Verified } from '../identity/identify.ts'
import { tokenKeys } from '../identity/keys.ts'
import { mint } from '../identity/minted.ts'

/** The shortest life of an access token: clients count on it. */
const ACCESS_MIN_SECONDS = 60
/** Of a refresh token that a password got. It dies with the password in any case. */
export const REFRESH_SECONDS = 30 * 86_400
/** Of a refresh token for a JWT, which it outlives: as long as Azure's. */
export const EXCHANGED_SECONDS = 3 * 3600

export type AccessToken = {
  readonly token: string
  readonly granted: readonly Access[]
  readonly issuedAt: EpochSeconds
  readonly lifetimeSeconds: number
}

/** An access token for what policy grants of `asked`. */
export async function issueAccess(
  verified: Verified,
  asked: readonly Access[],
  auth: AuthContext,
): Promise<AccessToken> {
  const { view, now, clientIp } = auth
  const { identified, proof, until } = verified
  const granted = grantScopes(asked, {
    rights: identified.rights,
    catalog: view.common.catalog,
    now,
    ...(clientIp === undefined ? {} : { clientIp }),
    ...(identified.access === undefined ? {} : { bound: identified.access }),
  })
  const remaining = Math.floor((until ?? Number.POSITIVE_INFINITY) - now)
  const lifetimeSeconds = Math.max(ACCESS_MIN_SECONDS, Math.min(view.common.tokenLifetimeSeconds, remaining))
  const minted: Minted = { proof, access: granted, ...(until === undefined ? {} : { until }) }
  const token = await sign('access', minted, lifetimeSeconds, auth)
  return { token, granted, issuedAt: Math.floor(now), lifetimeSeconds }
}

/** A refresh token, or nothing for an anonymous caller. */
export async function issueRefresh(verified: Verified, auth: AuthContext): Promise<string | undefined> {
  const { identified, proof, source, until } = verified
  if (proof.kind === 'anonymous') return undefined
  const { now } = auth
  const end =
    source === 'jwt'
      ? now + EXCHANGED_SECONDS
      : Math.min(
          until ?? Number.POSITIVE_INFINITY,
          now + (proof.kind === 'token' ? REFRESH_SECONDS : EXCHANGED_SECONDS),
        )
  const { access } = identified
  const minted: Minted = { proof, ...(access === undefined ? {} : { access }), until: Math.floor(end) }
  return sign('refresh', minted, Math.floor(end - now), auth)
}

async function sign(use: TokenUse, minted: Minted, lifetimeSeconds: number, auth: AuthContext): Promise<string> {
  const { view, env, now } = auth
  const issuedAt = Math.floor(now)
  const issue = {
    service: view.common.service,
    issuedAt,
    expires: issuedAt + lifetimeSeconds,
    id: crypto.randomUUID(),
  }
  return mint(use, minted, issue, await tokenKeys(env))
}
