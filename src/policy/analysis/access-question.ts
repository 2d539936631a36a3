/**
 * A question and the caller who asks it, so that it can be put to any policy set: the one in force, or one with a change.
 * Asks {@link decide} and {@link authorize}; never decides itself.
 */
import { parseRepositoryName } from '../../registry/name.ts'
import type { Requirement } from '../../registry/permission.ts'
import type { RegistryRequest } from '../../registry/request.ts'
import { namedTags, requirements } from '../../registry/required-permissions.ts'
import type { Caller } from '../caller.ts'
import { compile } from '../compile/compile.ts'
import { type Authorization, attributesOf, authorize, type Facts } from '../decide/authorize.ts'
import type { CompiledPolicy } from '../decide/compiled.ts'
import { decide } from '../decide/decide.ts'
import {
  type Common,
  type EffectiveRights,
  effectiveRightsOf,
  indexCommon,
  indexPrincipal,
} from '../decide/effective-rights.ts'
import type { PolicySet, Question } from '../model.ts'
import { ANONYMOUS, EVERYONE, type PrincipalKey } from '../principal.ts'

/** What is asked: a permission on a repository, or a registry request. */
export type AccessQuestion =
  | { readonly kind: 'permission'; readonly question: Question }
  | { readonly kind: 'request'; readonly request: RegistryRequest; readonly facts: Facts }

/** A caller's place in a policy set. */
export type EvaluationContext = {
  readonly rights: EffectiveRights
  readonly common: Common
  /** What was compiled for it: the rules of this caller, and no others. */
  readonly compiled: CompiledPolicy
}

/** Compiles only what can matter to this caller, so that asking often is cheap in a large policy set too. */
export function placeIn(policies: PolicySet, caller: Caller): EvaluationContext {
  const compiled = compile(narrow(policies, caller))
  const common = indexCommon(compiled.common)
  const own = caller.acts.flatMap((key) => {
    const data = compiled.principals.get(key)
    return data === undefined ? [] : [indexPrincipal(data)]
  })
  return { compiled, common, rights: effectiveRightsOf(caller, common, own) }
}

function narrow(policies: PolicySet, { acts, groupsUnknownOf, mayBe = [] }: Caller): PolicySet {
  const keys = new Set<PrincipalKey>([...acts, EVERYONE, ANONYMOUS])
  const denied = new Set<PrincipalKey>([...keys, ...mayBe])
  const unknownGroup = groupsUnknownOf === undefined ? undefined : `group:${groupsUnknownOf}/`
  const tokens = policies.tokens.filter(({ name }) => acts.some((key) => key === `token:${name}`))
  return {
    ...policies,
    tokens,
    scopeMaps: policies.scopeMaps.filter(({ name }) => tokens.some(({ scopeMap }) => scopeMap === name)),
    roleAssignments: policies.roleAssignments.filter(({ principal }) => keys.has(principal)),
    denyAssignments: policies.denyAssignments.filter(({ principals }) =>
      principals.some((key) => denied.has(key) || (unknownGroup !== undefined && key.startsWith(unknownGroup))),
    ),
  }
}

/** Decides a question. */
export const answer = ({ rights, common }: EvaluationContext, asked: AccessQuestion): Authorization =>
  asked.kind === 'permission' ? decide(rights, asked.question) : authorize(rights, common, asked.request, asked.facts)

/** One thing that a request needs, and whether the caller has it. */
export type Need = Requirement & { readonly authorization: Authorization }

/** Everything that is needed, also what comes after the first refusal. */
export function needsOf({ rights, common }: EvaluationContext, asked: AccessQuestion): readonly Need[] {
  if (asked.kind === 'permission') {
    const { action, repository } = asked.question
    return [{ ...needOf(action, repository), authorization: decide(rights, asked.question) }]
  }
  const { request, facts } = asked
  if (request.operation === 'listCatalog' && common.catalog === 'filtered') return []
  return requirements(request).map((need) => ({
    ...need,
    authorization: authorize(rights, common, request, facts, [need]),
  }))
}

const needOf = (action: Question['action'], name: string | undefined): Requirement => {
  const repository = name === undefined ? undefined : parseRepositoryName(name)
  return { action, ...(repository?.ok ? { repository: repository.value } : {}) }
}

/** The question behind a need that is not met: that of the first tag, if the request names some, for which it is not. */
export function questionOf(
  { rights }: EvaluationContext,
  asked: AccessQuestion,
  { action, repository }: Requirement,
): Question {
  if (asked.kind === 'permission') return asked.question
  const { request, facts } = asked
  const attributes = attributesOf(rights, request, facts)
  const question = { action, ...(repository === undefined ? {} : { repository }), attributes, now: facts.now }
  const perTag = namedTags(request).map((tag) => ({ ...question, attributes: { ...attributes, tag } }))
  return perTag.find((each) => decide(rights, each).effect === 'deny') ?? perTag[0] ?? question
}
