/**
 * A caller by the name of its principal, without a credential: for questions on the command line and in decision tests.
 * Never used where a request is answered.
 */
import { ANONYMOUS_CALLER, type Caller } from '../policy/caller.ts'
import type { CommonData } from '../policy/decide/compiled.ts'
import { type Principal, type PrincipalKey, principalKey } from '../policy/principal.ts'
import { type ClaimTexts, callerOfSubject, groupKeys, type Membership } from './federation.ts'

/** What else is said of the caller. Absent groups are a JWT without the groups claim; an empty list says that there are none. */
export type CallerAttributes = { readonly claims?: ClaimTexts; readonly groups?: readonly string[] }

/**
 * The caller that `principal` would be. A subject is a JWT with just these claims: it is also every identity that it
 * matches, and what it does not say is unknown, as at the gate. An identity or a group is a caller that is this and its
 * groups, and surely nothing else. Groups are of the issuer of the principal, and mean nothing for a token. `everyone` is a
 * caller that is authenticated and nothing more.
 */
export function callerOfPrincipal(
  principal: Principal,
  { claims = {}, groups }: CallerAttributes,
  policy: Membership & Pick<CommonData, 'issuers'>,
): Caller {
  switch (principal.kind) {
    case 'anonymous':
      return ANONYMOUS_CALLER
    case 'everyone':
      return { authenticated: true, acts: [], claims }
    case 'subject': {
      const issuer = policy.issuers.find(({ name }) => name === principal.issuer) ?? { name: principal.issuer }
      return callerOfSubject(issuer, principal.id, groups ?? 'missing', { texts: claims, odd: [] }, policy)
    }
    default: {
      const issuer = issuerOfPrincipal(principal, policy)
      const acts = new Set<PrincipalKey>([principalKey(principal)])
      if (issuer !== undefined) for (const key of groupKeys(issuer, groups ?? [])) acts.add(key)
      return { authenticated: true, acts: [...acts], claims }
    }
  }
}

function issuerOfPrincipal(principal: Principal, { identities }: Membership): string | undefined {
  if (principal.kind === 'group') return principal.issuer
  return principal.kind === 'identity' ? identities.find(({ name }) => name === principal.name)?.issuer : undefined
}
