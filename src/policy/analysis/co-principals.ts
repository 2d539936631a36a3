/**
 * Which principals one caller can be at once: a subject of an issuer, any of its groups, and any identity over its claims. A
 * token is nothing else.
 */
import type { Identity } from '../model.ts'
import { type Principal, type PrincipalKey, parsePrincipal } from '../principal.ts'

/** Tells whether a caller that is the one can be the other as well. */
export function companions(
  identities: readonly Pick<Identity, 'name' | 'issuer'>[],
): (one: PrincipalKey, other: PrincipalKey) => boolean {
  const issuers = new Map(identities.map(({ name, issuer }) => [name, issuer]))
  const issuerOf = (principal: Principal): string | undefined => {
    if (principal.kind === 'identity') return issuers.get(principal.name)
    return principal.kind === 'subject' || principal.kind === 'group' ? principal.issuer : undefined
  }
  return (one, other) => {
    const [left, right] = [parsePrincipal(one), parsePrincipal(other)]
    if (!left.ok || !right.ok || one === other) return false
    const issuer = issuerOf(left.value)
    const areTwoSubjects = left.value.kind === 'subject' && right.value.kind === 'subject'
    return issuer !== undefined && issuer === issuerOf(right.value) && !areTwoSubjects
  }
}
