/** Lints of what policies make of callers' claims: who everyone is, and what a claim that is missing or short does. */

import { formatAttribute } from '../policy/condition/format.ts'
import type { Expression } from '../policy/expression.ts'
import type { Condition, Identity, Issuer } from '../policy/model.ts'
import { EVERYONE, parsePrincipal } from '../policy/principal.ts'
import type { Lint } from './lint.ts'
import { publicIssuerOf } from './public-issuers.ts'

/** The lint `?`. */
export const everyoneOfPublicIssuer: Lint = {
  id: 'everyone_of_public_issuer',
  explanation:
    'An issuer that signs in anybody who opens an account makes everyone the whole world: what everyone may do, strangers may do.',
  fix: 'give the role to identities, groups or tokens that you know; to mean the whole world, write principal: anonymous',
  *find({ policies }) {
    const issuer = policies.issuers.find((each) => publicIssuerOf(each) !== undefined)
    if (issuer === undefined) return
    const accounts = publicIssuerOf(issuer)?.accounts
    for (const { name, principal, role, source } of policies.roleAssignments) {
      if (principal !== EVERYONE) continue
      const message = `role assignment ${name} gives everyone the role ${role.name}, and the issuer ${issuer.name} signs in ${accounts}`
      yield { source, message }
    }
  },
}

/** The lint `?`. */
export const doubtfulDeny: Lint = {
  id: 'doubtful_deny',
  explanation:
    'A caller whose JWT does not hold the claim by which a denied group or identity is known may belong to it, and is denied too.',
  fix: 'let the issuer send the claim always; if it leaves the claim out to say "none", list it in claimsOmittedWhenEmpty of the issuer, which may be an empty list',
  *find({ policies }) {
    if (policies.denyAssignments.length === 0) return
    const issuers = new Map(policies.issuers.map((issuer) => [issuer.name, issuer]))
    const identities = new Map(policies.identities.map((identity) => [identity.name, identity]))
    for (const { name, principals, source } of policies.denyAssignments) {
      const claims = new Map<string, Set<string>>()
      for (const key of principals) {
        const [issuer, needed] = claimsBehind(key, issuers, identities)
        if (issuer === undefined || issuer.claimsOmittedWhenEmpty !== undefined) continue
        claims.set(issuer.name, new Set([...(claims.get(issuer.name) ?? []), ...needed]))
      }
      for (const [issuer, needed] of claims) {
        if (needed.size === 0) continue
        const list = [...needed].sort().join(', ')
        yield { source, message: `deny assignment ${name} also denies callers of ${issuer} whose JWT lacks ${list}` }
      }
    }
  },
}

/** By which claims of which issuer a group or an identity is known. */
function claimsBehind(
  key: string,
  issuers: ReadonlyMap<string, Issuer>,
  identities: ReadonlyMap<string, Identity>,
): readonly [Issuer | undefined, readonly string[]] {
  const parsed = parsePrincipal(key)
  if (!parsed.ok) return [undefined, []]
  if (parsed.value.kind === 'group') {
    const issuer = issuers.get(parsed.value.issuer)
    return [issuer, issuer === undefined ? [] : [issuer.groupsClaim]]
  }
  if (parsed.value.kind !== 'identity') return [undefined, []]
  const identity = identities.get(parsed.value.name)
  const issuer = issuers.get(identity?.issuer ?? '')
  // The subject's own claim is always there.
  return [issuer, Object.keys(identity?.claims ?? {}).filter((claim) => claim !== issuer?.subjectClaim)]
}

/** The lint `?`. */
export const prefixFromClaim: Lint = {
  id: 'prefix_from_claim',
  explanation:
    'A claim used as a prefix covers all names that only begin alike, and one used as a pattern is read with its wildcards: a caller of team a reaches ab/x.',
  fix: 'compare with StringBelow, which covers what is below the claim with a slash',
  *find({ policies }) {
    for (const { name, condition, source } of policies.roleAssignments) {
      for (const text of prefixesOf(condition)) {
        yield { source, message: `the condition of role assignment ${name} takes ${text}` }
      }
    }
    for (const { name, condition, source } of policies.denyAssignments) {
      for (const text of prefixesOf(condition)) {
        yield { source, message: `the condition of deny assignment ${name} takes ${text}` }
      }
    }
  },
}

function prefixesOf(condition: Condition | undefined): ReadonlySet<string> {
  const found = new Set<string>()
  const visit = (expression: Expression): void => {
    if (expression.type === 'and' || expression.type === 'or') {
      visit(expression.left)
      visit(expression.right)
    } else if (expression.type === 'not') visit(expression.operand)
    else if (expression.type === 'comparison' && expression.right.type === 'attribute') {
      const { operator, right } = expression
      if (right.source !== 'Principal') return
      if (operator.includes('StartsWith')) found.add(`a prefix from ${formatAttribute(right)}`)
      if (operator.includes('Like')) found.add(`a pattern from ${formatAttribute(right)}`)
    }
  }
  if (condition !== undefined) visit(condition.expression)
  return found
}
