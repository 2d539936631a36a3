/**
 * A second evaluator of policies, as slow and literal as the documents' prose: it takes the policy set as its author
 * meant it, walks all rules for every question, and shares no code with what it judges. Only tests use it.
 *
 * Source: Azure "overview" and "deny-assignments" (order of evaluation), "container-registry-rbac-abac-repository-
 * permissions" (modes), "container-registry-token-based-repository-permissions" (scope maps).
 */

import { SYSTEM_SCOPE_MAPS } from '../../src/policy/azure/scope-maps.ts'
import type { Caller } from '../../src/policy/caller.ts'
import type {
  Attributes,
  DenyAssignment,
  Mode,
  PolicySet,
  Question,
  RoleAssignment,
  RoleDefinition,
  RolePermission,
  Window,
} from '../../src/policy/model.ts'
import type { RepositoryPattern } from '../../src/policy/repository-pattern.ts'
import type { RegistryRequest } from '../../src/registry/request.ts'
import { type Asked, actionMatches, conditionDenies, conditionGrants } from './reference-condition.ts'

/** `by` names every rule that says so, as `kind name`. */
export type Verdict =
  | { readonly effect: 'allow'; readonly by: readonly string[] }
  | { readonly effect: 'deny'; readonly code: 'token_disabled' | 'no_grant' | 'authentication_required' }
  | { readonly effect: 'deny'; readonly code: 'deny_assignment'; readonly by: readonly string[] }

/** The data permissions: Azure's data action, and the legacy actions that stand for it (acr-model, tables 1.1 and 11). */
const DATA: Readonly<
  Record<string, { readonly data: string; readonly legacy: readonly string[]; readonly named: boolean }>
> = {
  'content/read': { data: 'repositories/content/read', legacy: ['pull/read'], named: true },
  'content/write': { data: 'repositories/content/write', legacy: ['push/write'], named: true },
  'content/delete': { data: 'repositories/content/delete', legacy: ['artifacts/delete'], named: true },
  'metadata/read': { data: 'repositories/metadata/read', legacy: ['pull/read', 'metadata/read'], named: true },
  'metadata/write': { data: 'repositories/metadata/write', legacy: ['metadata/write'], named: true },
  'metadata/delete': { data: 'repositories/metadata/delete', legacy: ['artifacts/delete'], named: true },
  'quarantine/read': { data: 'quarantinedArtifacts/read', legacy: ['quarantine/read'], named: true },
  'quarantine/write': { data: 'quarantinedArtifacts/write', legacy: ['quarantine/write'], named: true },
  'sign/write': { data: 'trustedCollections/write', legacy: ['sign/write'], named: true },
  'catalog/read': { data: 'catalog/read', legacy: ['pull/read'], named: false },
}

const full = (action: string) => `Microsoft.ContainerRegistry/registries/${action}`

/** Whether the question is about one repository, or about every one at once. */
export const isAboutRepositories = ({ action }: Question): boolean => DATA[action]?.named === true

/** Steps 1 to 6 of Azure's "how a role assignment is evaluated", with Dockgate's own rules where they add some. */
export function verdict(policies: PolicySet, caller: Caller, question: Question): Verdict {
  if (isDisabled(policies, caller)) return { effect: 'deny', code: 'token_disabled' }
  const denying = denyingRules(policies, caller, question)
  if (denying.length > 0) return { effect: 'deny', code: 'deny_assignment', by: denying }
  const granting = grantingRules(policies, caller, question)
  return granting.length > 0 ? { effect: 'allow', by: granting } : { effect: 'deny', code: 'no_grant' }
}

function isDisabled(policies: PolicySet, caller: Caller): boolean {
  const tokens = policies.tokens.filter(({ name }) => caller.acts.some((key) => key === `token:${name}`))
  return tokens.some(({ status }) => status === 'disabled')
}

/** Every rule that grants what is asked, whatever is denied. A question that names no repository is asked literally. */
export function grantingRules(policies: PolicySet, caller: Caller, question: Question): readonly string[] {
  const isDataQuestion = DATA[question.action] !== undefined
  const anonymous = policies.registry.anonymous.filter(
    ({ permission, repository }) => permission === question.action && covers(repository, question.repository),
  )
  const tokens = caller.authenticated
    ? policies.tokens.filter(({ name }) => caller.acts.some((key) => key === `token:${name}`))
    : []
  const maps = tokens.flatMap(({ scopeMap }) => {
    const own = policies.scopeMaps.find(({ name }) => name === scopeMap)
    const map = own ?? SYSTEM_SCOPE_MAPS.find(({ name }) => name === scopeMap)
    const grants = map?.actions.some(
      ({ permission, repository }) => permission === question.action && covers(repository, question.repository),
    )
    return grants === true ? [`scopeMap ${scopeMap}`] : []
  })
  const assignments = policies.roleAssignments.filter(
    (assignment) =>
      isAssignedTo(assignment, caller) &&
      isOpen(assignment, question.now) &&
      (isDataQuestion
        ? grantsData(assignment, policies.registry.mode, question)
        : grantsControl(assignment, policies.registry.mode, question)),
  )
  return [
    ...(anonymous.length > 0 ? ['anonymous registry.anonymous'] : []),
    ...maps,
    ...assignments.map(({ name }) => `roleAssignment ${name}`),
  ]
}

/** Without a name only `*` covers what is asked: all repositories at once. */
function covers(pattern: RepositoryPattern, name: string | undefined): boolean {
  if (pattern.kind === 'all') return true
  if (name === undefined) return false
  return pattern.kind === 'exact' ? pattern.name === name : name.indexOf(pattern.prefix) === 0
}

/** Everyone who is authenticated is part of `everyone`, and has at least the rights of `anonymous`. */
function isAssignedTo({ principal }: RoleAssignment, caller: Caller): boolean {
  if (principal === 'anonymous') return true
  return caller.authenticated && (principal === 'everyone' || caller.acts.includes(principal))
}

const isOpen = ({ notBefore, notAfter }: Window, now: number): boolean =>
  !(notBefore !== undefined && now < notBefore) && !(notAfter !== undefined && now >= notAfter)

const matchesSome = (patterns: readonly string[], action: string) =>
  patterns.filter((pattern) => actionMatches(pattern, action)).length > 0

function grantsData(assignment: RoleAssignment, mode: Mode, question: Question): boolean {
  const row = DATA[question.action]
  if (row === undefined || !isHonoured(assignment.role, mode, question.action)) return false
  const { repositories } = assignment
  if (row.named && repositories?.some((pattern) => covers(pattern, question.repository)) === false) return false
  return assignment.role.permissions.some((element) => {
    const granted =
      mode === 'abac'
        ? matchesSome(element.dataActions, full(row.data)) && !matchesSome(element.notDataActions, full(row.data))
        : row.legacy.some(
            (action) => matchesSome(element.actions, full(action)) && !matchesSome(element.notActions, full(action)),
          )
    return granted && conditionsGrant(assignment, element, mode, asked(question))
  })
}

function grantsControl(assignment: RoleAssignment, mode: Mode, question: Question): boolean {
  return assignment.role.permissions.some(
    (element) =>
      matchesSome(element.actions, question.action) &&
      !matchesSome(element.notActions, question.action) &&
      conditionsGrant(assignment, element, mode, asked(question)),
  )
}

/** In rbac mode an assignment has no condition; one inside the role holds in both. */
function conditionsGrant(assignment: RoleAssignment, element: RolePermission, mode: Mode, about: Asked): boolean {
  const own = mode === 'abac' ? assignment.condition : undefined
  return [element.condition, own].every(
    (condition) => condition === undefined || conditionGrants(condition.expression, about),
  )
}

/** Four built-in roles give less than their definitions say (acr-model, sections 3.2 and 11, row 2, and table 2.4). */
function isHonoured({ name, builtIn }: RoleDefinition, mode: Mode, action: string): boolean {
  if (!builtIn) return true
  if (name === 'Role Based Access Control Administrator' || name === 'User Access Administrator') return mode === 'abac'
  if (action !== 'sign/write') return true
  if (name === 'Owner' || name === 'Contributor') return mode === 'abac'
  return name !== 'AcrImageSigner' || mode === 'rbac'
}

function asked({ action, repository, attributes, now }: Question): Asked {
  const row = DATA[action]
  const name = repository === undefined ? {} : { name: repository }
  return { action: row === undefined ? action : full(row.data), ...name, attributes, now }
}

/** Every deny assignment that forbids what is asked. */
export const denyingRules = (policies: PolicySet, caller: Caller, question: Question): readonly string[] =>
  policies.denyAssignments.filter((deny) => forbids(deny, caller, question)).map(({ name }) => `denyAssignment ${name}`)

function forbids(deny: DenyAssignment, caller: Caller, question: Question): boolean {
  if (!deny.principals.some((key) => meets(key, caller)) || deny.except.some((key) => is(key, caller))) return false
  if (!isOpen(deny, question.now)) return false
  const isListed =
    DATA[question.action] === undefined
      ? matchesSome(deny.actions, question.action)
      : deny.permissions.some((permission) => permission === question.action)
  if (!isListed) return false
  // All repositories at once: a deny of some is enough. A permission that has no repository is not restricted by them.
  const { repositories, condition } = deny
  const isRestricted = isAboutRepositories(question) && question.repository !== undefined
  if (isRestricted && repositories?.some((pattern) => covers(pattern, question.repository)) === false) return false
  if (condition === undefined) return true
  if (isAboutRepositories(question) && question.repository === undefined && speaksOfName(condition)) return true
  return conditionDenies(condition.expression, asked(question))
}

/** A condition, or whatever holds one, that tests the repository's name. */
export const speaksOfName = (value: unknown): boolean => /registries\/repositories:name/.test(JSON.stringify(value))

/**
 * `everyone` includes anonymous callers here; where groups are not known, the caller may be in any of them, and where claims
 * are not known, it may be any of the identities that they decide about.
 */
function meets(key: string, caller: Caller): boolean {
  if (key === 'everyone') return true
  const { groupsUnknownOf, mayBe } = caller
  if (is(key, caller)) return true
  if (mayBe?.some((identity) => identity === key)) return true
  return groupsUnknownOf !== undefined && key.startsWith(`group:${groupsUnknownOf}/`)
}

/** What a caller surely is. */
function is(key: string, caller: Caller): boolean {
  if (!caller.authenticated) return key === 'anonymous'
  return key === 'everyone' || caller.acts.some((act) => act === key)
}

export type Facts = Pick<Attributes, 'mediaType' | 'artifactType' | 'clientIp'> & { readonly now: number }

/** A registry request: all that it needs, for all tags that it names (acr-model, table 1.5). */
export function requestVerdict(policies: PolicySet, caller: Caller, request: RegistryRequest, facts: Facts): Verdict {
  if (isDisabled(policies, caller)) return { effect: 'deny', code: 'token_disabled' }
  const isForAll = request.operation === 'listCatalog' && policies.registry.catalog === 'filtered'
  if (request.operation === 'ping' || isForAll) {
    return caller.authenticated ? { effect: 'allow', by: [] } : { effect: 'deny', code: 'authentication_required' }
  }
  const needs = needsOf(request)
  const plain = needsVerdict(policies, caller, request, facts, needs)
  if (plain.effect === 'allow' || plain.code !== 'no_grant' || !isSignaturePush(request)) return plain
  // Signing takes sign/write in place of content/write.
  const signing = needs.map(
    (need) => ({ ...need, action: need.action === 'content/write' ? 'sign/write' : need.action }) as const,
  )
  const signed = needsVerdict(policies, caller, request, facts, signing)
  return signed.effect === 'allow' ? signed : plain
}

/** Uploads, pushes by digest, and pushes of one tag that signers use. */
function isSignaturePush(request: RegistryRequest): boolean {
  const tags = tagsOf(request)
  const isPush = request.operation !== 'metadata' && needsOf(request).some(({ action }) => action === 'content/write')
  return (
    isPush &&
    (tags.length === 0 || (tags.length === 1 && /^sha256-[0-9a-f]{64}(\.(sig|att|sbom))?$/.test(tags[0] ?? '')))
  )
}

function needsVerdict(
  policies: PolicySet,
  caller: Caller,
  request: RegistryRequest,
  facts: Facts,
  needs: readonly Need[],
): Verdict {
  const attributes = attributesOf(request, caller, facts)
  const { now } = facts
  const tags = tagsOf(request)
  const by = new Set<string>()
  for (const need of needs) {
    for (const tag of tags.length === 0 ? [undefined] : tags) {
      const about = {
        ...(need.repository === undefined ? {} : { repository: need.repository }),
        attributes: tag === undefined ? attributes : { ...attributes, tag },
        now,
      }
      const verdicts = [need.action, ...(need.orElse === undefined ? [] : [need.orElse])].map((action) =>
        verdict(policies, caller, { ...about, action }),
      )
      const forbidden = verdicts.find((one) => one.effect === 'deny' && one.code === 'deny_assignment')
      if (forbidden !== undefined) return forbidden
      const allowed = verdicts.filter((one) => one.effect === 'allow')
      if (allowed.length === 0) return { effect: 'deny', code: 'no_grant' }
      for (const one of allowed) for (const rule of one.by) by.add(rule)
    }
  }
  return { effect: 'allow', by: [...by] }
}

/** What a request says of itself, apart from its tags. */
export const attributesOf = (request: RegistryRequest, caller: Caller, { now: _, ...known }: Facts): Attributes => ({
  ...known,
  method: request.method,
  ...digestOf(request),
  ...(caller.claims === undefined ? {} : { claims: caller.claims }),
  ...(changesAllTags(request) ? { everyTag: true } : {}),
})

type Need = Pick<Question, 'action' | 'repository'> & { readonly orElse?: Question['action'] }

function needsOf(request: RegistryRequest): readonly Need[] {
  if (request.operation === 'metadata') return request.requirements
  if (request.operation === 'listCatalog') return [{ action: 'catalog/read' }]
  if (request.operation === 'ping') return []
  const repository = request.name
  if (request.operation === 'listTags') return [{ action: 'metadata/read', repository }]
  const isUpload = 'session' in request || request.method === 'POST' || request.method === 'PUT'
  if (isUpload) {
    return [
      { action: 'content/write', repository },
      { action: 'content/read', repository },
    ]
  }
  return [{ action: request.method === 'DELETE' ? 'content/delete' : 'content/read', repository }]
}

function tagsOf(request: RegistryRequest): readonly string[] {
  const further = 'tags' in request ? request.tags : []
  if ('tag' in request && request.tag !== undefined) return [request.tag]
  return 'reference' in request && request.reference.kind === 'tag' ? [request.reference.tag, ...further] : further
}

function digestOf(request: RegistryRequest): { digest?: string } {
  if ('digest' in request && request.digest !== undefined) return { digest: request.digest }
  return 'reference' in request && request.reference.kind === 'digest' ? { digest: request.reference.digest } : {}
}

/** Deleting by digest; and any other change of a manifest or a repository by way of the metadata API. */
function changesAllTags(request: RegistryRequest): boolean {
  if (tagsOf(request).length > 0) return false
  if (request.operation === 'metadata') return request.method !== 'GET'
  return request.method === 'DELETE' && !('session' in request)
}
