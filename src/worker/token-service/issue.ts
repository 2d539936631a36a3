/**
 * Issues tokens for a verified credential. A token never has a wider scope or a later expiry than the credential that it is
 * issued for: the `access` and the end of a presented token are copied into the new one.
 *
 * Source: distribution `docs/content/spec/auth/token.md` (response; no token under 60 seconds).
 */

import type { Minted, TokenUse } from '../../identity/token-claims.ts'
import { grantScopes } from '../../identity/token-scopes.ts'
import type { EpochSeconds } from '../../policy/model.ts'
import type { Access } from '../../registry/scope.ts'
import type { AuthContext, Verified } from '../identity/identify.ts'
import { tokenKeys } from '../identity/keys.ts'
import { mint } from '../identity/minted.ts'

/** The shortest lifetime of an access token. Clients rely on it. */
const ACCESS_MIN_SECONDS = 60
/** Lifetime of a refresh token for a password. It also ends when the password is removed. */
const REFRESH_SECONDS = 30 * 86_400
/** Lifetime of a refresh token for a JWT, as in Azure. It may be longer than the JWT's. */
const EXCHANGED_SECONDS = 3 * 3600

/** An access token that was just issued. */
export type AccessToken = {
  readonly token: string
  readonly granted: readonly Access[]
  readonly issuedAt: EpochSeconds
  readonly lifetimeSeconds: number
}

/**
 * An access token for the part of `asked` that policy grants.
 *
 * @throws Fault `signing_key_unavailable`
 */
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
  return { token, granted, issuedAt: now, lifetimeSeconds }
}

/**
 * A refresh token; undefined for an anonymous caller.
 *
 * @throws Fault `signing_key_unavailable`
 */
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
  const minted: Minted = { proof, ...(access === undefined ? {} : { access }), until: end }
  return sign('refresh', minted, end - now, auth)
}

async function sign(use: TokenUse, minted: Minted, lifetimeSeconds: number, auth: AuthContext): Promise<string> {
  const { view, env, now } = auth
  const { service } = view.common
  const issue = { service, issuedAt: now, expires: now + lifetimeSeconds, id: crypto.randomUUID() }
  return mint(use, minted, issue, await tokenKeys(env))
}
