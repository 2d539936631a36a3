/**
 * The smallest change of a policy set under which a refused question is allowed. Every change is tried before it is named:
 * what is returned, applied in order, makes the decision allow. Never applies anything itself.
 */
import { type Action, isDataPermission, takesRepository } from '../../registry/permission.ts'
import { SYSTEM_SCOPE_MAPS } from '../azure/scope-maps.ts'
import type { Caller } from '../caller.ts'
import type { PolicySet, Token } from '../model.ts'
import type { NearIdentity } from '../near-identity.ts'
import { ANONYMOUS, type PrincipalKey, principalKey } from '../principal.ts'
import { parseRepositoryPattern, type RepositoryPattern } from '../repository-pattern.ts'
import {
  type AccessQuestion,
  answer,
  type EvaluationContext,
  type Need,
  needsOf,
  placeIn,
  questionOf,
} from './access-question.ts'
import { applyChange, type Change, isScopeMapPermission, type ScopeMapLine } from './change.ts'
import { leastRole } from './least-role.ts'
import { nearestOwnGrant } from './nearest-grant.ts'

/** More than one refusal may stand in the way: several denies, a disabled token, missing rights of two kinds. */
const MAX_CHANGES = 32

type State = { readonly policies: PolicySet; readonly caller: Caller }

/** Who asks, and so who is to get the right; and the identities that this nearly is. */
type Requester = { readonly principal: PrincipalKey; readonly near: readonly NearIdentity[] }

/**
 * @param principal who asks, and so who is to get the right
 * @param near identities that the caller nearly is: rather than granting more, it comes as one of them
 * @returns in the order in which refusals are met; nothing when no change of the policy helps
 */
export function smallestChange(
  policies: PolicySet,
  caller: Caller,
  principal: PrincipalKey,
  asked: AccessQuestion,
  near: readonly NearIdentity[] = [],
): readonly Change[] | undefined {
  const changes: Change[] = []
  let state: State = { policies, caller }
  while (changes.length < MAX_CHANGES) {
    const place = placeIn(state.policies, state.caller)
    const authorization = answer(place, asked)
    if (authorization.effect === 'allow') return changes
    const change = nextChange(state, place, { principal, near }, asked, authorization.reason)
    if (change === undefined) return undefined
    changes.push(change)
    state = applied(state, change)
  }
  return undefined
}

/** A policy set and a caller, once a change is made. */
export const applied = ({ policies, caller }: State, change: Change): State => ({
  policies: applyChange(policies, change),
  caller:
    change.kind === 'authenticate'
      ? { ...caller, authenticated: true }
      : change.kind === 'comeAs'
        ? asIdentity(caller, change.identity)
        : caller,
})

const asIdentity = (caller: Caller, name: string): Caller => ({
  ...caller,
  acts: [...caller.acts, principalKey({ kind: 'identity', name })],
})

type Reason = Extract<ReturnType<typeof answer>, { effect: 'deny' }>['reason']

function nextChange(
  state: State,
  place: EvaluationContext,
  asker: Requester,
  asked: AccessQuestion,
  reason: Reason,
): Change | undefined {
  switch (reason.code) {
    case 'authentication_required':
      return { kind: 'authenticate' }
    case 'token_disabled': {
      const token = state.policies.tokens.find(
        ({ name, status }) => status === 'disabled' && state.caller.acts.some((key) => key === `token:${name}`),
      )
      return token && { kind: 'enableToken', token: token.name, source: token.source }
    }
    case 'deny_assignment':
      return { kind: 'spare', rule: reason.rule, principal: asker.principal }
    case 'no_grant':
      return grantMissing(state, place, asker, asked)
  }
}

/** What nobody granted yet, leaving aside what is denied: rights on a repository before others. */
function missing(place: EvaluationContext, asked: AccessQuestion): readonly Need[] {
  const needs = needsOf(place, asked).filter(
    ({ authorization }) => authorization.effect === 'deny' && authorization.reason.code === 'no_grant',
  )
  const [first] = needs
  return needs.filter(({ action }) => first !== undefined && kindOf(action) === kindOf(first.action))
}

const kindOf = (action: Action) =>
  takesRepository(action) ? 'repository' : isDataPermission(action) ? 'registry' : 'control'

function grantMissing(
  state: State,
  place: EvaluationContext,
  { principal, near }: Requester,
  asked: AccessQuestion,
): Change | undefined {
  const needs = missing(place, asked)
  const [first] = needs
  if (first === undefined) return undefined
  const moved = moveWindow(state, place, asked, first)
  if (moved !== undefined) return moved
  const { policies, caller } = state
  const identity = near.find(
    ({ name }) => answer(placeIn(policies, asIdentity(caller, name)), asked).effect === 'allow',
  )
  if (identity !== undefined) return { kind: 'comeAs', identity: identity.name, unmet: identity.unmet }
  if (principal === ANONYMOUS && isForEveryone(state, asked)) return { kind: 'authenticate' }
  const actions = needs.map(({ action }) => action)
  const repository = patternOf(first.repository)
  const lines = actions.flatMap((permission) => (isScopeMapPermission(permission) ? [{ repository, permission }] : []))
  if (lines.length === actions.length) {
    if (principal === ANONYMOUS) {
      const [line] = policies.registry.anonymous
      return { kind: 'extendAnonymous', lines, ...(line === undefined ? {} : { source: line.source }) }
    }
    if (principal.startsWith('token:')) return grantToToken(policies, principal.slice('token:'.length), lines)
  }
  const role = leastRole(actions, policies)
  const isNarrow = takesRepository(first.action) && policies.registry.mode === 'abac' && repository.kind !== 'all'
  return {
    kind: 'assignRole',
    principal,
    role,
    isNewRole: !role.builtIn && !policies.roles.includes(role),
    ...(isNarrow ? { repositories: [repository] } : {}),
  }
}

/** Whether any credential would do. */
const isForEveryone = ({ policies, caller }: State, asked: AccessQuestion): boolean =>
  answer(placeIn(policies, { ...caller, authenticated: true }), asked).effect === 'allow'

const ALL: RepositoryPattern = { kind: 'all' }

/** One repository; or all of them, when the question is about the whole registry. */
function patternOf(name: string | undefined): RepositoryPattern {
  const pattern = name === undefined ? undefined : parseRepositoryPattern(name)
  return pattern?.ok ? pattern.value : ALL
}

/** A date is smaller than a right: if a rule of the caller would do at another time, it is the rule to change. */
function moveWindow(
  { policies, caller }: State,
  place: EvaluationContext,
  asked: AccessQuestion,
  need: Need,
): Change | undefined {
  const question = questionOf(place, asked, need)
  const nearest = nearestOwnGrant(policies, place.compiled, caller, question)
  if (nearest === undefined) return undefined
  const { rule, lack } = nearest
  const change: Change | undefined =
    lack.code === 'not_begun'
      ? { kind: 'beginEarlier', rule, time: question.now }
      : lack.code === 'ended'
        ? { kind: 'endLater', rule, time: question.now }
        : undefined
  if (change === undefined) return undefined
  // The rule may lack something else besides: then its window is not what is to change.
  const then = placeIn(applyChange(policies, change), caller)
  return missing(then, asked).some(({ action }) => action === need.action) ? undefined : change
}

function grantToToken(policies: PolicySet, name: string, lines: readonly ScopeMapLine[]): Change {
  const token = policies.tokens.find((candidate) => candidate.name === name)
  if (token === undefined) return { kind: 'defineToken', token: name, lines }
  const map = policies.scopeMaps.find((candidate) => candidate.name === token.scopeMap)
  if (map === undefined) return useSystemMap(token, lines)
  const sharedWith = policies.tokens
    .filter((other) => other.scopeMap === map.name && other.name !== name && other.status === 'enabled')
    .map((other) => other.name)
  return { kind: 'extendScopeMap', scopeMap: map.name, lines, source: map.source, sharedWith }
}

/** The smallest system-defined scope map that has what is missing and all that the token has now. */
function useSystemMap({ name, scopeMap, source }: Token, lines: readonly ScopeMapLine[]): Change {
  const current = SYSTEM_SCOPE_MAPS.find((map) => map.name === scopeMap)?.actions ?? []
  const wanted = [...current, ...lines].map(({ permission }) => permission)
  const [smallest] = SYSTEM_SCOPE_MAPS.filter((map) =>
    wanted.every((permission) => map.actions.some((action) => action.permission === permission)),
  ).toSorted((a, b) => a.actions.length - b.actions.length)
  return { kind: 'useScopeMap', token: name, scopeMap: smallest?.name ?? ADMIN, source }
}

/** Holds every permission that a scope map can hold. */
const ADMIN = '_repositories_admin'
