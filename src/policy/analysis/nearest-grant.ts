/**
 * For a right that nobody granted: the rule that comes nearest to granting it, and what it lacks. The caller's own rules
 * come first, then those of others. Never decides.
 */
import { azureAction, isDataPermission, type Permission } from '../../registry/permission.ts'
import { isActionGranted } from '../action-pattern.ts'
import type { Caller } from '../caller.ts'
import { ruleOf } from '../compile/rule.ts'
import {
  type CompiledPolicy,
  type ControlGrantData,
  type GrantData,
  type NamePattern,
  type PrincipalData,
  parseRule,
  type Rule,
} from '../decide/compiled.ts'
import type { Context } from '../decide/condition/evaluate.ts'
import { namePatternCovers } from '../decide/name-pattern.ts'
import type { EpochSeconds, PolicySet, Question } from '../model.ts'
import type { NearIdentity, UnmetRule } from '../near-identity.ts'
import { PERMISSION_BITS, permissionsOf } from '../permission-bits.ts'
import { ANONYMOUS, EVERYONE, type PrincipalKey, principalKey } from '../principal.ts'
import { permissionsOfRole } from './least-role.ts'
import { type UnmetTest, unmetTests } from './unmet-tests.ts'

/** What keeps a rule from granting, nearest first. */
export type Mismatch =
  /** Its window has not begun, or is over. */
  | { readonly code: 'not_begun'; readonly from: EpochSeconds }
  | { readonly code: 'ended'; readonly until: EpochSeconds }
  /** Its condition is not met. */
  | { readonly code: 'condition'; readonly tests: readonly UnmetTest[] }
  /** It grants just this to an identity that the caller nearly is. */
  | { readonly code: 'identity'; readonly unmet: readonly UnmetRule[] }
  /** It grants the permission on other repositories. */
  | { readonly code: 'repository'; readonly on: readonly NamePattern[] }
  /** Its role means nothing in this registry's mode, though it has the permission in the other one. */
  | { readonly code: 'mode'; readonly role: string }
  /** It covers the repository, with other permissions. */
  | { readonly code: 'permission'; readonly permissions: readonly Permission[] }
  /** It grants just this, to somebody else. */
  | { readonly code: 'principal' }

/** The grant that comes closest to a question, and why it does not apply. */
export type NearestGrant = { readonly rule: Rule; readonly principal: PrincipalKey; readonly lack: Mismatch }

const ORDER: readonly Mismatch['code'][] = [
  'not_begun',
  'ended',
  'condition',
  'identity',
  'mode',
  'repository',
  'permission',
  'principal',
]

/** A rule that is about this caller is nearer than one about everybody, unless only the moment keeps it from granting. */
function rankOf({ lack, principal }: NearestGrant): number {
  const rank = ORDER.indexOf(lack.code)
  const isShared = principal === EVERYONE || principal === ANONYMOUS
  return isShared && rank > ORDER.indexOf('condition') ? rank + ORDER.length : rank
}

/** Everything that a caller is, `everyone` and `anonymous` included. */
const rolesPlayed = ({ authenticated, acts }: Caller): readonly PrincipalKey[] =>
  authenticated ? [...acts, EVERYONE, ANONYMOUS] : [ANONYMOUS]

/**
 * @param compiled of everybody; the caller's own rules are looked at first
 * @param near identities that the caller nearly is
 */
export const nearestGrant = (
  policies: PolicySet,
  compiled: CompiledPolicy,
  caller: Caller,
  question: Question,
  near: readonly NearIdentity[],
): NearestGrant | undefined =>
  (caller.authenticated ? undefined : grantTo(EVERYONE, compiled.common.everyone, question)) ??
  nearestOwnGrant(policies, compiled, caller, question, near) ??
  grantOfAnother(compiled, rolesPlayed(caller), question)

/** The nearest among the rules of everything that the caller is, or nearly is. */
export function nearestOwnGrant(
  policies: PolicySet,
  compiled: CompiledPolicy,
  caller: Caller,
  question: Question,
  near: readonly NearIdentity[] = [],
): NearestGrant | undefined {
  const own = rolesPlayed(caller)
  const candidates: NearestGrant[] = own.flatMap((principal) => {
    const data = dataOf(compiled, principal)
    return data === undefined
      ? []
      : [...mismatchesOf(data, question)].map(([rule, lack]) => ({ rule, principal, lack }))
  })
  candidates.push(...ofOtherMode(policies, own, question), ...ofNearIdentities(compiled, near, question))
  const [best] = candidates
    .map((candidate) => ({ candidate, shared: sharedPrefix(candidate.lack, question.repository) }))
    .sort((a, b) => rankOf(a.candidate) - rankOf(b.candidate) || b.shared - a.shared)
  return best?.candidate
}

function dataOf({ common, principals }: CompiledPolicy, key: PrincipalKey): PrincipalData | undefined {
  if (key === EVERYONE) return common.everyone
  return key === ANONYMOUS ? common.anonymous : principals.get(key)
}

const contextOf = ({ action, repository, attributes, now }: Question): Context => ({
  action: azureAction(action),
  ...(repository === undefined ? {} : { name: repository }),
  attributes,
  now,
})

/** What each rule of one principal lacks; of several parts of a rule the nearest counts. */
function mismatchesOf(data: PrincipalData, question: Question): Iterable<readonly [Rule, Mismatch]> {
  const found = new Map<string, Mismatch>()
  const add = (rule: string, mismatch: Mismatch | undefined): void => {
    if (mismatch === undefined) return
    const known = found.get(rule)
    if (known?.code === 'repository' && mismatch.code === 'repository') {
      found.set(rule, { code: 'repository', on: [...known.on, ...mismatch.on] })
    } else if (known?.code === 'permission' && mismatch.code === 'permission') {
      found.set(rule, {
        code: 'permission',
        permissions: [...new Set([...known.permissions, ...mismatch.permissions])],
      })
    } else if (known === undefined || ORDER.indexOf(mismatch.code) < ORDER.indexOf(known.code))
      found.set(rule, mismatch)
  }
  const context = contextOf(question)
  const { action } = question
  if (isDataPermission(action)) {
    for (const grant of data.grants ?? []) add(grant.rule, lackOfGrant(grant, PERMISSION_BITS[action], context))
  } else {
    for (const grant of data.control ?? []) {
      if (isActionGranted(grant.actions, grant.notActions ?? [], context.action))
        add(grant.rule, lackOfLimits(grant, context))
    }
  }
  return [...found].map(([rule, lack]) => [parseRule(rule), lack] as const)
}

function lackOfGrant(grant: GrantData, bit: number, context: Context): Mismatch | undefined {
  const isCovered = context.name === undefined ? grant.on === '*' : namePatternCovers(grant.on, context.name)
  if ((grant.bits & bit) === 0) {
    return isCovered ? { code: 'permission', permissions: permissionsOf(grant.bits) } : undefined
  }
  return isCovered ? lackOfLimits(grant, context) : { code: 'repository', on: [grant.on] }
}

function lackOfLimits({ from, until, when }: GrantData | ControlGrantData, context: Context): Mismatch | undefined {
  if (from !== undefined && context.now < from) return { code: 'not_begun', from }
  if (until !== undefined && context.now >= until) return { code: 'ended', until }
  const tests = when === undefined ? [] : unmetTests(when, context)
  return tests.length === 0 ? undefined : { code: 'condition', tests }
}

/** How much of the name the nearest of the rule's repositories has in common with the one that was asked for. */
function sharedPrefix(mismatch: Mismatch, name: string | undefined): number {
  if (mismatch.code !== 'repository' || name === undefined) return 0
  return Math.max(
    ...mismatch.on.map((pattern) => {
      let length = 0
      while (length < pattern.length && pattern[length] === name[length]) length += 1
      return length
    }),
  )
}

/** Assignments of roles that would have the permission if the registry were in the other mode. */
function ofOtherMode(policies: PolicySet, own: readonly PrincipalKey[], { action }: Question): readonly NearestGrant[] {
  if (!isDataPermission(action)) return []
  const { mode } = policies.registry
  const other = mode === 'abac' ? 'rbac' : 'abac'
  return policies.roleAssignments
    .filter(
      ({ principal, role }) =>
        own.includes(principal) &&
        permissionsOfRole(role, mode).length === 0 &&
        permissionsOfRole(role, other).includes(action),
    )
    .map((assignment) => ({
      rule: ruleOf.roleAssignment(assignment),
      principal: assignment.principal,
      lack: { code: 'mode', role: assignment.role.name },
    }))
}

/** The rules that would grant just this if the caller were an identity that it nearly is. */
const ofNearIdentities = (
  { principals }: CompiledPolicy,
  near: readonly NearIdentity[],
  question: Question,
): readonly NearestGrant[] =>
  near.flatMap(({ name, unmet }) => {
    const key = principalKey({ kind: 'identity', name })
    const data = principals.get(key)
    const grant = data === undefined ? undefined : grantTo(key, data, question)
    return grant === undefined ? [] : [{ ...grant, lack: { code: 'identity', unmet } as const }]
  })

/** The first rule of anybody else that grants just this. */
function grantOfAnother(
  { principals }: CompiledPolicy,
  own: readonly PrincipalKey[],
  question: Question,
): NearestGrant | undefined {
  for (const [principal, data] of principals) {
    if (own.includes(principal) || data.token?.status === 'disabled') continue
    const grant = grantTo(principal, data, question)
    if (grant !== undefined) return grant
  }
  return undefined
}

function grantTo(principal: PrincipalKey, data: PrincipalData, question: Question): NearestGrant | undefined {
  const context = contextOf(question)
  const { action } = question
  const bit = isDataPermission(action) ? PERMISSION_BITS[action] : 0
  const grant =
    bit !== 0
      ? data.grants?.find((item) => (item.bits & bit) !== 0 && lackOfGrant(item, bit, context) === undefined)
      : data.control?.find(
          (item) =>
            isActionGranted(item.actions, item.notActions ?? [], context.action) &&
            lackOfLimits(item, context) === undefined,
        )
  return grant === undefined ? undefined : { rule: parseRule(grant.rule), principal, lack: { code: 'principal' } }
}
