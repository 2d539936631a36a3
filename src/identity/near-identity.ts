/**
 * The identities that a subject nearly is, and what of their rules it does not meet: for explanations. Never makes anybody an
 * identity; see `./federation.ts` for that.
 */
import type { NearIdentity, UnmetRule } from '../policy/near-identity.ts'
import type { Principal } from '../policy/principal.ts'
import { matchesClaimPattern } from './claim-pattern.ts'
import type { ClaimTexts, IdentityRule } from './federation.ts'
import type { CallerAttributes } from './named-caller.ts'

/** The nearest first: those that miss least, then those that meet most. */
export function nearIdentities(
  principal: Principal,
  { claims = {} }: Pick<CallerAttributes, 'claims'>,
  identities: readonly IdentityRule[],
): readonly NearIdentity[] {
  if (principal.kind !== 'subject') return []
  return identities
    .filter(({ issuer }) => issuer === principal.issuer)
    .flatMap((identity) => {
      const unmet = [...unmetSubject(identity, principal.id), ...unmetClaims(identity, claims)]
      const count = Object.keys(identity.claims).length + (identity.subject === undefined ? 0 : 1)
      return isNear(count, unmet) ? [{ name: identity.name, unmet, met: count - unmet.length }] : []
    })
    .sort((a, b) => a.unmet.length - b.unmet.length || b.met - a.met)
    .map(({ name, unmet }) => ({ name, unmet }))
}

const unmetSubject = ({ subject }: IdentityRule, id: string): readonly UnmetRule[] =>
  subject === undefined || subject === id ? [] : [{ claim: 'subject', wanted: subject, value: id }]

const unmetClaims = (identity: IdentityRule, claims: ClaimTexts): readonly UnmetRule[] =>
  Object.entries(identity.claims).flatMap(([claim, wanted]) => {
    const value = Object.hasOwn(claims, claim) ? claims[claim] : undefined
    if (value === undefined) return [{ claim, wanted }]
    // A list matches nothing.
    if (typeof value !== 'string') return [{ claim, wanted, value: `[${value.join(', ')}]` }]
    return matchesClaimPattern(wanted, value) ? [] : [{ claim, wanted, value }]
  })

/** One rule of several is not met, or nothing is said of those that are not; or the only one is met in its first part. */
function isNear(count: number, unmet: readonly UnmetRule[]): boolean {
  const [first] = unmet
  if (first === undefined) return false
  if (count > unmet.length) return unmet.length === 1 || unmet.every(({ value }) => value === undefined)
  return count === 1 && first.value !== undefined && isAlike(first.wanted, first.value)
}

/** Issuers write subjects as fields between colons, of which the first two say what it is and its name. */
function isAlike(wanted: string, value: string): boolean {
  const [fields, others] = [wanted.split(':'), value.split(':')]
  return fields.length > 2 && others.length > 2 && fields[0] === others[0] && fields[1] === others[1]
}
