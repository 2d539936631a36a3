/**
 * From a policy set to a compiled one: everything that can be known before a request comes is worked out here, once.
 * Deterministic; never fails, since the model holds nothing invalid.
 */
import { azureAction, type Permission, takesRepository } from '../../registry/permission.ts'
import { permissionBits } from '../azure/mode.ts'
import { SYSTEM_SCOPE_MAPS } from '../azure/scope-maps.ts'
import type {
  CommonData,
  ControlGrantData,
  DenyData,
  GrantData,
  PrincipalData,
  ProtectionData,
  TokenData,
} from '../decide/compiled.ts'
import { type CompiledPolicy, formatRule } from '../decide/compiled.ts'
import { CLAIMS, MEDIA_TYPE, REPOSITORY_NAME } from '../decide/condition/attribute.ts'
import type { Attribute, Expression } from '../expression.ts'
import type {
  DenyAssignment,
  PolicySet,
  Protection,
  RoleAssignment,
  RolePermission,
  ScopeMapAction,
  Window,
} from '../model.ts'
import { bitsOf, permissionsOf } from '../permission-bits.ts'
import { ANONYMOUS, EVERYONE, type PrincipalKey, principalKey } from '../principal.ts'
import { formatRepositoryPattern, type RepositoryPattern } from '../repository-pattern.ts'
import { lowerName } from './condition/lower.ts'
import { specialize } from './condition/specialize.ts'
import { ruleOf } from './rule.ts'

/** One principal while it is being collected. */
type Draft = {
  token?: TokenData
  grants: GrantData[]
  control: ControlGrantData[]
  denies: DenyData[]
  audits: DenyData[]
}

/** Compiles a policy set. The same set gives the same result. */
export function compile(policies: PolicySet): CompiledPolicy {
  const drafts = new Map<PrincipalKey, Draft>()
  const draft = (key: PrincipalKey): Draft => {
    const known = drafts.get(key)
    if (known !== undefined) return known
    const created: Draft = { grants: [], control: [], denies: [], audits: [] }
    drafts.set(key, created)
    return created
  }

  draft(ANONYMOUS).grants.push(...scopeMapGrants(policies.registry.anonymous, formatRule(ruleOf.anonymous)))
  compileTokens(policies, draft)
  const parts: Parts = new Map()
  for (const assignment of policies.roleAssignments)
    compileAssignment(policies, assignment, draft(assignment.principal), parts)
  const groupDenies = new Map<string, DenyData[]>()
  const identityDenies = new Map<string, DenyData[]>()
  for (const deny of policies.denyAssignments) {
    const data = compileDeny(deny)
    for (const key of new Set(deny.principals)) {
      if (deny.mode === 'audit') {
        draft(key).audits.push(data)
        continue
      }
      draft(key).denies.push(data)
      const issuer = /^group:([^/]+)\//.exec(key)?.[1]
      if (issuer !== undefined) groupDenies.set(issuer, [...(groupDenies.get(issuer) ?? []), data])
      if (key.startsWith('identity:')) identityDenies.set(key, [...(identityDenies.get(key) ?? []), data])
    }
  }

  const everyone = finish(draft(EVERYONE))
  const anonymous = finish(draft(ANONYMOUS))
  drafts.delete(EVERYONE)
  drafts.delete(ANONYMOUS)
  const principals = new Map(
    [...drafts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [key, finish(value)] as const),
  )
  return { common: compileCommon(policies, everyone, anonymous, { groupDenies, identityDenies }), principals }
}

function compileCommon(
  policies: PolicySet,
  everyone: PrincipalData,
  anonymous: PrincipalData,
  denies: Readonly<Record<'groupDenies' | 'identityDenies', ReadonlyMap<string, readonly DenyData[]>>>,
): CommonData {
  const { service, mode, catalog, tokenLifetimeSeconds } = policies.registry
  const attributes = attributesRead(policies)
  return {
    service,
    mode,
    catalog,
    tokenLifetimeSeconds,
    issuers: policies.issuers.map(({ source: _, ...issuer }) => issuer),
    identities: policies.identities.map(({ source: _, ...identity }) => identity),
    claims: claimsRead(policies, attributes),
    readsMediaType: attributes.has(MEDIA_TYPE),
    everyone,
    anonymous,
    groupDenies: Object.fromEntries(denies.groupDenies),
    identityDenies: Object.fromEntries(denies.identityDenies),
    ...(policies.protections.length === 0 ? {} : { protections: policies.protections.map(compileProtection) }),
  }
}

const finish = ({ token, grants, control, denies, audits }: Draft): PrincipalData => ({
  ...(token === undefined ? {} : { token }),
  ...(grants.length === 0 ? {} : { grants }),
  ...(control.length === 0 ? {} : { control }),
  ...(denies.length === 0 ? {} : { denies }),
  ...(audits.length === 0 ? {} : { audits }),
})

function compileTokens(policies: PolicySet, draft: (key: PrincipalKey) => Draft): void {
  const grantsOf = new Map<string, readonly GrantData[]>()
  for (const map of [...SYSTEM_SCOPE_MAPS, ...policies.scopeMaps]) {
    grantsOf.set(map.name, scopeMapGrants(map.actions, formatRule(ruleOf.scopeMap(map))))
  }
  for (const { name, status, credentials, scopeMap } of policies.tokens) {
    const target = draft(principalKey({ kind: 'token', name }))
    target.token = { status, credentials }
    target.grants.push(...(grantsOf.get(scopeMap) ?? []))
  }
}

function scopeMapGrants(actions: readonly Omit<ScopeMapAction, 'source'>[], rule: string): readonly GrantData[] {
  const bits = new Map<string, number>()
  for (const { repository, permission } of actions) {
    const on = formatRepositoryPattern(repository)
    bits.set(on, (bits.get(on) ?? 0) | bitsOf([permission]))
  }
  return [...bits].map(([on, value]) => ({ on, bits: value, rule }))
}

const TRUE: Expression = { type: 'constant', value: true }

const allOf = (left: Expression, right: Expression): Expression =>
  left.type === 'constant' && left.value ? right : { type: 'and', left, right }

/** What each element of a role gives where it has no condition: the same for every assignment of the role. */
type Parts = Map<RolePermission, readonly Part[]>
type Part = { bits: number; when: Expression; named: boolean }

function compileAssignment(policies: PolicySet, assignment: RoleAssignment, target: Draft, parts: Parts): void {
  const { role, repositories } = assignment
  const { mode } = policies.registry
  const rule = formatRule(ruleOf.roleAssignment(assignment))
  const limits = windowOf(assignment)
  for (const element of role.permissions) {
    const conditions = [element.condition, mode === 'abac' ? assignment.condition : undefined]
    const condition = conditions.reduce((all, next) => (next === undefined ? all : allOf(all, next.expression)), TRUE)
    const known = condition === TRUE ? parts.get(element) : undefined
    const mine = known ?? specialized(permissionsOf(permissionBits(role, element, mode)), condition)
    if (condition === TRUE) parts.set(element, mine)
    for (const { bits, when, named } of mine) {
      const places = named ? placesWhen(when, repositories ?? [{ kind: 'all' }]) : placeWithout(when)
      for (const place of places) target.grants.push({ ...place, bits, rule, ...limits })
    }
    if (element.actions.length > 0) {
      target.control.push({
        actions: element.actions,
        ...(element.notActions.length === 0 ? {} : { notActions: element.notActions }),
        ...(condition === TRUE ? {} : { when: condition }),
        rule,
        ...limits,
      })
    }
  }
}

/** The condition as it is for each permission; permissions for which it is the same stay together. */
function specialized(permissions: readonly Permission[], condition: Expression): readonly Part[] {
  const groups = new Map<string, Part>()
  for (const permission of permissions) {
    const named = takesRepository(permission)
    const when = specialize(condition, azureAction(permission))
    const key = `${named} ${JSON.stringify(when)}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { bits: bitsOf([permission]), when, named })
    else group.bits |= bitsOf([permission])
  }
  return [...groups.values()]
}

type Place = Pick<GrantData, 'on' | 'when'>

/**
 * Where in the index a grant is that holds for the repositories of any pattern, under a condition, and what is left of
 * the condition there. A condition that is never true leaves no place.
 */
function placesWhen(when: Expression, patterns: readonly RepositoryPattern[]): readonly Place[] {
  return patterns.flatMap((pattern): readonly Place[] => {
    if (when.type === 'constant') return when.value ? [{ on: formatRepositoryPattern(pattern) }] : []
    const { keys, residual } = lowerName(allOf(nameCondition(pattern), when))
    const rest = residual === undefined ? {} : { when: residual }
    if (keys === 'any') return [{ on: '*', ...rest }]
    return keys.flatMap((key) => {
      if (key.kind === 'prefix') return [{ on: `${key.prefix}*`, ...rest }]
      // No name has a star, so equality with such a text finds nothing; as a pattern it would be a prefix.
      return key.name.includes('*') ? [] : [{ on: key.name, ...rest }]
    })
  })
}

/** The same for a permission that has no repository. */
function placeWithout(when: Expression): readonly Place[] {
  if (when.type === 'constant') return when.value ? [{ on: '*' }] : []
  return [{ on: '*', when }]
}

const NAME: Attribute = { type: 'attribute', source: 'Request', name: REPOSITORY_NAME }

/** The condition that one pattern of the `repositories` shorthand means. */
function nameCondition(pattern: RepositoryPattern): Expression {
  if (pattern.kind === 'all') return TRUE
  const [operator, value] =
    pattern.kind === 'exact'
      ? (['StringEqualsIgnoreCase', pattern.name] as const)
      : (['StringStartsWithIgnoreCase', pattern.prefix] as const)
  return { type: 'comparison', operator, left: NAME, right: { type: 'string', value } }
}

function compileDeny(deny: DenyAssignment): DenyData {
  const { permissions, actions, repositories, condition, except, message } = deny
  return {
    ...(repositories === undefined ? {} : { on: repositories.map(formatRepositoryPattern) }),
    bits: bitsOf(permissions),
    ...(actions.length === 0 ? {} : { actions }),
    ...(except.length === 0 ? {} : { except }),
    ...(condition === undefined ? {} : { when: condition.expression }),
    ...(message === undefined ? {} : { message }),
    rule: formatRule(ruleOf.denyAssignment(deny)),
    ...windowOf(deny),
  }
}

function compileProtection(protection: Protection): ProtectionData {
  const { name, repositories, tags, writeOnce, quarantine, except, mode, message } = protection
  return {
    name,
    ...(repositories === undefined ? {} : { on: repositories.map(formatRepositoryPattern) }),
    ...(tags === undefined ? {} : { tags }),
    ...(writeOnce ? { writeOnce } : {}),
    ...(quarantine === undefined ? {} : { quarantine: true, ...quarantine }),
    ...(except.length === 0 ? {} : { except }),
    ...(mode === 'audit' ? { audit: true } : {}),
    ...(message === undefined ? {} : { message }),
  }
}

const windowOf = ({ notBefore, notAfter }: Window) => ({
  ...(notBefore === undefined ? {} : { from: notBefore }),
  ...(notAfter === undefined ? {} : { until: notAfter }),
})

function claimsRead(policies: PolicySet, attributes: ReadonlySet<string>): readonly string[] {
  const names = new Set(policies.identities.flatMap((identity) => Object.keys(identity.claims)))
  for (const name of attributes) if (name.startsWith(CLAIMS)) names.add(name.slice(CLAIMS.length))
  return [...names].sort()
}

/** The names of all attributes that some condition asks for. */
function attributesRead(policies: PolicySet): ReadonlySet<string> {
  const names = new Set<string>()
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    if ('type' in value && value.type === 'attribute' && 'name' in value && typeof value.name === 'string') {
      names.add(value.name)
    }
    for (const child of Object.values(value)) visit(child)
  }
  for (const { condition, role } of policies.roleAssignments) {
    visit(condition?.expression)
    for (const element of role.permissions) visit(element.condition?.expression)
  }
  for (const { condition } of policies.denyAssignments) visit(condition?.expression)
  return names
}
