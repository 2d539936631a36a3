/**
 * Why a question is answered as it is: what it needs and which rule gives it; for a refusal the rule that comes nearest and
 * the smallest change that would allow it. The decision is that of {@link decide} and {@link authorize}, never another one.
 */

import type { Caller } from '../caller.ts'
import type { Authorization } from '../decide/authorize.ts'
import type { CompiledPolicy } from '../decide/compiled.ts'
import type { PolicySet } from '../model.ts'
import type { NearIdentity } from '../near-identity.ts'
import type { PrincipalKey } from '../principal.ts'
import { type AccessQuestion, answer, type Need, needsOf, placeIn, questionOf } from './access-question.ts'
import type { Change } from './change.ts'
import { type NearestGrant, nearestGrant } from './nearest-grant.ts'
import { smallestChange } from './smallest-change.ts'

export type { AccessQuestion, Need } from './access-question.ts'
export type { Change } from './change.ts'
export type { Mismatch, NearestGrant } from './nearest-grant.ts'

/** A decision with the nearest grant and the smallest change that would allow it. */
export type Explanation = {
  /** Who asked, and so who gets what is missing. */
  readonly principal: PrincipalKey
  readonly authorization: Authorization
  /** Empty where a credential is all that is needed. */
  readonly needs: readonly Need[]
  /** Only where nothing grants it. */
  readonly nearest?: NearestGrant
  /** In the order in which they are to be made; absent when it is allowed, and when no change of the policy helps. */
  readonly changes?: readonly Change[]
}

/**
 * @param compiled of the whole policy set
 * @param principal the caller as it was named
 * @param near identities that the caller nearly is
 */
export function explain(
  policies: PolicySet,
  compiled: CompiledPolicy,
  caller: Caller,
  principal: PrincipalKey,
  asked: AccessQuestion,
  near: readonly NearIdentity[] = [],
): Explanation {
  const place = placeIn(policies, caller)
  const authorization = answer(place, asked)
  const needs = needsOf(place, asked)
  if (authorization.effect === 'allow') return { principal, authorization, needs }
  const refused = needs.find((need) => need.authorization.effect === 'deny')
  const nearest =
    authorization.reason.code === 'no_grant' && refused !== undefined
      ? nearestGrant(policies, compiled, caller, questionOf(place, asked, refused), near)
      : undefined
  const changes = smallestChange(policies, caller, principal, asked, near)
  return {
    principal,
    authorization,
    needs,
    ...(nearest === undefined ? {} : { nearest }),
    ...(changes === undefined ? {} : { changes }),
  }
}
