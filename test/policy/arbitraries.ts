/**
 * Random policy sets, callers, questions and requests that collide often: see the pools.
 */
import { fc } from '@fast-check/vitest'
import { BUILT_IN_ROLES } from '../../src/policy/azure/built-in-roles.ts'
import { SYSTEM_SCOPE_MAPS } from '../../src/policy/azure/scope-maps.ts'
import { ANONYMOUS_CALLER, type Caller } from '../../src/policy/caller.ts'
import type {
  Attributes,
  DenyAssignment,
  PolicySet,
  Question,
  RoleAssignment,
  RoleDefinition,
  RolePermission,
  ScopeMapAction,
} from '../../src/policy/model.ts'
import { parsePrincipal, principalKey } from '../../src/policy/principal.ts'
import { parseRepositoryPattern } from '../../src/policy/repository-pattern.ts'
import { parseRegistryRequest } from '../../src/registry/parse.ts'
import { PERMISSIONS, takesRepository } from '../../src/registry/permission.ts'
import type { RegistryRequest } from '../../src/registry/request.ts'
import { condition } from './arbitrary-condition.ts'
import {
  ADDRESSES,
  actionPattern,
  CONTROL_ACTIONS,
  compact,
  DIGEST,
  dateTime,
  GUIDS,
  LIKES,
  maybe,
  NAMES,
  now,
  pick,
  RANGES,
  some,
  text,
  valid,
  windowSeconds,
} from './pools.ts'

const SOURCE = { file: 'random', line: 1, column: 1 }
const PATTERNS = ['*', 'a', 'ab', 'a/b', 'a/bc', 'a/b/c', 'b', 'a/*', 'a/b/*', 'b/*', 'ab/*'].map((text) =>
  valid(parseRepositoryPattern(text)),
)
const pattern = pick(...PATTERNS)

const key = (text: string) => principalKey(valid(parsePrincipal(text)))
const TOKENS = ['t1', 't2', 't3']
const OTHERS = ['identity:i1', 'identity:i2', 'subject:e/u', 'group:e/g', 'group:e/h', 'group:f/g'].map(key)
const IDENTITY_KEYS = OTHERS.filter((other) => other.startsWith('identity:'))
const KEYS = [...TOKENS.map((name) => key(`token:${name}`)), ...OTHERS]
const principal = fc.oneof(
  { weight: 3, arbitrary: pick(...KEYS) },
  { weight: 2, arbitrary: pick(key('everyone'), key('anonymous')) },
)

const window = fc.record({ notBefore: maybe(windowSeconds), notAfter: maybe(windowSeconds) })

const element: fc.Arbitrary<RolePermission> = fc
  .record({
    actions: some(actionPattern, 2, 0),
    notActions: fc.oneof(fc.constant([]), some(actionPattern, 2, 0)),
    dataActions: some(actionPattern, 3, 0),
    notDataActions: fc.oneof(fc.constant([]), some(actionPattern, 2, 0)),
    condition: fc.option(condition, { nil: undefined, freq: 5 }),
  })
  .map(compact)
/** Also under the GUID of a built-in one: what Azure says of that one is not said of it. */
const customRole: fc.Arbitrary<RoleDefinition> = fc
  .record({ permissions: some(element, 2), id: maybe(pick(...BUILT_IN_ROLES.flatMap(({ id }) => id ?? []))) })
  .map((members) => compact({ name: 'Custom', builtIn: false, ...members }))
/** The three that hold everything about repositories, so that conditions decide. */
const REPOSITORY_ROLES = BUILT_IN_ROLES.filter(({ name }) =>
  /Repository (?:Writer|Contributor)$|^AcrPush$|^Defender/.test(name),
)
const role = fc.oneof(
  { weight: 3, arbitrary: pick(...REPOSITORY_ROLES) },
  { weight: 2, arbitrary: pick(...BUILT_IN_ROLES) },
  { weight: 2, arbitrary: customRole },
)

const roleAssignment = fc
  .record({
    principal,
    role,
    condition: fc.option(condition, { nil: undefined, freq: 4 }),
    repositories: fc.option(some(pattern, 3), { nil: undefined, freq: 2 }),
    window: fc.option(window, { nil: {}, freq: 2 }),
  })
  .map(({ window, ...members }) => compact({ ...members, ...window, source: SOURCE }))

const denyAssignment = fc
  .record({
    principals: some(principal, 3),
    except: some(principal, 2, 0),
    permissions: fc.uniqueArray(pick(...PERMISSIONS), { maxLength: 4 }),
    actions: some(actionPattern, 2, 0),
    repositories: maybe(some(pattern, 2)),
    condition: maybe(condition),
    message: maybe(pick('ask the platform team')),
    window: fc.option(window, { nil: {}, freq: 2 }),
  })
  .map(({ window, ...members }) => compact({ ...members, ...window, source: SOURCE }))

const scopeMapAction: fc.Arbitrary<ScopeMapAction> = fc.record({
  repository: pattern,
  permission: pick(
    ...(['content/read', 'content/write', 'content/delete', 'metadata/read', 'metadata/write'] as const),
  ),
  source: fc.constant(SOURCE),
})

/** The rules get names by their position, so that a decision's rule can be told. */
export const policySet: fc.Arbitrary<PolicySet> = fc
  .record({
    mode: fc.oneof({ weight: 3, arbitrary: fc.constant('abac' as const) }, fc.constant('rbac' as const)),
    catalog: pick('filtered' as const, 'exact' as const),
    anonymous: some(scopeMapAction, 2, 0),
    scopeMaps: fc.tuple(some(scopeMapAction, 4, 0), some(scopeMapAction, 2, 0)),
    tokens: fc.tuple(
      ...TOKENS.map(() =>
        fc.record({
          scopeMap: pick('m0', 'm1', 'm0', 'm1', ...SYSTEM_SCOPE_MAPS.map(({ name }) => name)),
          status: fc.oneof({ weight: 6, arbitrary: fc.constant('enabled' as const) }, fc.constant('disabled' as const)),
        }),
      ),
    ),
    roleAssignments: some(roleAssignment, 6, 1),
    denyAssignments: some(denyAssignment, 2, 0),
  })
  .map(({ mode, catalog, anonymous, scopeMaps, tokens, roleAssignments, denyAssignments }) => ({
    registry: { service: 'registry.example', mode, catalog, anonymous, tokenLifetimeSeconds: 900 },
    scopeMaps: scopeMaps.map((actions, index) => ({ name: `m${index}`, actions, source: SOURCE })),
    tokens: tokens.map((token, index) => ({ ...token, name: `t${index + 1}`, credentials: [], source: SOURCE })),
    issuers: [],
    identities: [],
    roles: [],
    roleAssignments: roleAssignments.map((rule, index): RoleAssignment => ({ ...rule, name: `r${index}` })),
    denyAssignments: denyAssignments.map((rule, index): DenyAssignment => ({ ...rule, name: `d${index}` })),
    protections: [],
  }))

const claims = fc
  .record({
    sub: maybe(fc.oneof(text, pick(...LIKES), pick(...GUIDS), dateTime)),
    roles: maybe(fc.oneof(some(fc.oneof(text, pick(...GUIDS)), 3, 0), some(pick(...RANGES), 2))),
    empty: maybe(fc.constant([])),
  })
  .map(compact)

/** A token; or a subject with groups and identities, some of whose groups may be unknown; or nobody. */
export const caller: fc.Arbitrary<Caller> = fc.oneof(
  { weight: 1, arbitrary: fc.constant(ANONYMOUS_CALLER) },
  { weight: 3, arbitrary: pick(...TOKENS).map((name) => ({ authenticated: true, acts: [key(`token:${name}`)] })) },
  {
    weight: 4,
    arbitrary: fc
      .record({
        acts: fc.subarray(OTHERS, { minLength: 1 }),
        groupsUnknownOf: fc.option(pick('e', 'f'), { nil: undefined, freq: 3 }),
        mayBe: fc.option(fc.subarray(IDENTITY_KEYS, { minLength: 1 }), { nil: undefined, freq: 3 }),
        claims: fc.option(claims, { nil: undefined, freq: 5 }),
      })
      .map(({ acts, groupsUnknownOf, mayBe, claims }): Caller => {
        const known = acts.filter(
          (act) =>
            mayBe?.includes(act) !== true &&
            (groupsUnknownOf === undefined || !act.startsWith(`group:${groupsUnknownOf}/`)),
        )
        return { authenticated: true, acts: known, ...compact({ groupsUnknownOf, mayBe, claims }) }
      }),
  },
)

const attributes: fc.Arbitrary<Attributes> = fc
  .record({
    tag: maybe(pick('v1', 'V1', 'a', 'ab', 'v2')),
    everyTag: fc.option(fc.constant(true), { nil: undefined, freq: 1 }),
    digest: maybe(pick(DIGEST, 'a')),
    method: maybe(pick('GET', 'PUT', 'DELETE')),
    mediaType: maybe(pick('a', 'a/b')),
    artifactType: maybe(pick('a', 'a/b')),
    clientIp: maybe(pick(...ADDRESSES)),
  })
  .map(compact)

/** One question to a policy, by one caller. */
export const question: fc.Arbitrary<{ readonly caller: Caller; readonly question: Question }> = fc
  .record({
    caller,
    action: fc.oneof(
      { weight: 8, arbitrary: pick(...PERMISSIONS, 'content/read' as const, 'content/write' as const) },
      { weight: 1, arbitrary: pick(...CONTROL_ACTIONS) },
    ),
    name: fc.option(pick(...NAMES), { nil: undefined, freq: 12 }),
    attributes,
    now,
  })
  .map(({ caller, action, name, attributes, now }) => ({
    caller,
    question: {
      action,
      ...(name !== undefined && takesRepository(action) ? { repository: name } : {}),
      attributes: { ...attributes, ...compact({ claims: caller.claims }) },
      now,
    },
  }))

const TARGETS = NAMES.slice(0, 6).flatMap((name) => [
  ...['GET', 'HEAD', 'PUT', 'DELETE'].map((method) => [method, `/v2/${name}/manifests/v1`] as const),
  ...['GET', 'PUT', 'DELETE'].map((method) => [method, `/v2/${name}/manifests/${DIGEST}`] as const),
  ...['GET', 'DELETE'].map((method) => [method, `/v2/${name}/blobs/${DIGEST}`] as const),
  ...['v1?tag=V1', `${DIGEST}?tag=v1&tag=V1`, `${DIGEST}?tag=a&tag=ab&tag=v1`, 'ab?tag=a'].map(
    (reference) => ['PUT', `/v2/${name}/manifests/${reference}`] as const,
  ),
  ['GET', `/v2/${name}/tags/list?n=5`] as const,
  ['GET', `/v2/${name}/referrers/${DIGEST}`] as const,
  ['POST', `/v2/${name}/blobs/uploads/`] as const,
  ['POST', `/v2/${name}/blobs/uploads/?mount=${DIGEST}&from=b`] as const,
  ['GET', `/v2/${name}/blobs/uploads/session`] as const,
  ['PATCH', `/v2/${name}/blobs/uploads/session`] as const,
  ['PUT', `/v2/${name}/blobs/uploads/session?digest=${DIGEST}`] as const,
  ['DELETE', `/v2/${name}/blobs/uploads/session`] as const,
  ...['GET', 'PATCH', 'DELETE'].map((method) => [method, `/acr/v1/${name}`] as const),
  ...['GET', 'PATCH', 'DELETE'].map((method) => [method, `/acr/v1/${name}/_tags/v1`] as const),
  ['DELETE', `/acr/v1/${name}/_manifests/${DIGEST}/_metadata/x`] as const,
  ...['_streaming', '_metadata/_query'].map((end) => ['POST', `/acr/v1/${name}/${end}`] as const),
])
const REGISTRY_TARGETS = [
  ['GET', '/v2/'] as const,
  ['GET', '/v2/_catalog'] as const,
  ['GET', '/acr/v1/_catalog'] as const,
  ['POST', '/acr/v1/_metadata/_query'] as const,
  ['GET', '/acr/v1/_deleted/_catalog'] as const,
  ['POST', `/acr/v1/_deleted/a/_manifests/${DIGEST}`] as const,
]
const requestsOf = (targets: readonly (readonly [string, string])[]): fc.Arbitrary<RegistryRequest> =>
  pick(...targets.map(([method, target]) => valid(parseRegistryRequest(method, target))))

/** One registry request, by one caller. */
export const request = fc.record({
  caller,
  request: fc.oneof({ weight: 9, arbitrary: requestsOf(TARGETS) }, requestsOf(REGISTRY_TARGETS)),
  facts: fc
    .record({
      mediaType: maybe(pick('a', 'a/b')),
      artifactType: maybe(pick('a')),
      clientIp: maybe(pick(...ADDRESSES)),
      now: now,
    })
    .map(compact),
})
