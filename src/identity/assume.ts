/**
 * A caller by the name of its principal, without a credential: for questions on the command line and in decision tests.
 * Never used where a request is answered.
 */
import { ANONYMOUS_CALLER, type Caller } from '../policy/caller.ts'
import type { CommonData } from '../policy/compiled.ts'
import { type Principal, type PrincipalKey, principalKey } from '../policy/principal.ts'
import { type ClaimTexts, groupKeys, identityKeys } from './federation.ts'

/** What else is said of the caller. */
export type Extras = { readonly claims?: ClaimTexts; readonly groups?: readonly string[] }

/**
 * The caller that `principal` would be. A subject is also every identity that its id and claims match; groups are of the
 * issuer of the subject, group or identity, and mean nothing for a token. `everyone` is somebody who is authenticated and
 * nothing more.
 */
export function callerOfPrincipal(
  principal: Principal,
  { claims = {}, groups = [] }: Extras,
  identities: CommonData['identities'],
): Caller {
  if (principal.kind === 'anonymous') return ANONYMOUS_CALLER
  const acts = new Set<PrincipalKey>(principal.kind === 'everyone' ? [] : [principalKey(principal)])
  const issuer = issuerOfPrincipal(principal, identities)
  if (issuer !== undefined) for (const key of groupKeys(issuer, groups)) acts.add(key)
  if (principal.kind === 'subject') {
    for (const key of identityKeys(principal.issuer, principal.id, claims, identities)) acts.add(key)
  }
  return { authenticated: true, acts: [...acts], claims }
}

function issuerOfPrincipal(principal: Principal, identities: CommonData['identities']): string | undefined {
  switch (principal.kind) {
    case 'subject':
    case 'group':
      return principal.issuer
    case 'identity':
      return identities.find(({ name }) => name === principal.name)?.issuer
    default:
      return undefined
  }
}
