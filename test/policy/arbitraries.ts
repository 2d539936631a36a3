/**
 * Random policy sets, callers, questions and requests that collide often: few names, all of them prefixes of each other;
 * few texts, times and addresses, chosen where operators change their mind.
 */
import { fc } from '@fast-check/vitest'
import { BUILT_IN_ROLES } from '../../src/policy/built-in-roles.ts'
import { ANONYMOUS_CALLER, type Caller } from '../../src/policy/caller.ts'
import {
  type Attribute,
  type Expression,
  type Literal,
  OPERATORS,
  type Operand,
  type Operator,
  QUANTIFIERS,
} from '../../src/policy/condition/expression.ts'
import type {
  Attributes,
  Condition,
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
import { SYSTEM_SCOPE_MAPS } from '../../src/policy/scope-maps.ts'
import { parseRegistryRequest } from '../../src/registry/parse.ts'
import { DATA_ACTIONS, PERMISSIONS, parseAction, takesRepository } from '../../src/registry/permission.ts'
import type { RegistryRequest } from '../../src/registry/request.ts'
import type { Result } from '../../src/registry/result.ts'

function valid<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(`the pools of this file hold an invalid value: ${JSON.stringify(result.error)}`)
  return result.value
}

const SOURCE = { file: 'random', line: 1, column: 1 }
const pick = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values)
const some = <T>(arbitrary: fc.Arbitrary<T>, maxLength: number, minLength = 1) =>
  fc.array(arbitrary, { minLength, maxLength })
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 })
/** The object without its undefined members. */
function compact<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }
}

/** Repositories that are asked for. */
export const NAMES = ['a', 'ab', 'a/b', 'a/bc', 'a/b/c', 'a/b/c/d', 'b', 'b/a', 'c'] as const

const PATTERNS = ['*', 'a', 'ab', 'a/b', 'a/bc', 'a/b/c', 'b', 'a/*', 'a/b/*', 'b/*', 'ab/*'].map((text) =>
  valid(parseRepositoryPattern(text)),
)
const pattern = pick(...PATTERNS)

const key = (text: string) => principalKey(valid(parsePrincipal(text)))
const TOKENS = ['t1', 't2', 't3']
const OTHERS = ['identity:i1', 'identity:i2', 'subject:e/u', 'group:e/g', 'group:e/h', 'group:f/g'].map(key)
const KEYS = [...TOKENS.map((name) => key(`token:${name}`)), ...OTHERS]
const principal = fc.oneof(
  { weight: 3, arbitrary: pick(...KEYS) },
  { weight: 2, arbitrary: pick(key('everyone'), key('anonymous')) },
)

/** Instants, in seconds, where a calendar is easily wrong. */
const SECONDS = [
  ...[0, 100, 200],
  ...['2023-02-28T23:59:59Z', '2023-03-01T00:00:00Z', '2024-02-29T00:00:00Z', '2024-03-01T00:00:00Z'],
  ...['2024-12-31T23:59:59Z', '2025-01-01T00:00:00Z', '2000-02-29T12:30:15Z', '2100-02-28T00:00:00Z'],
  ...['2100-03-01T00:00:00Z', '1969-12-31T23:59:59Z', '1600-02-29T00:00:00Z', '1900-03-01T00:00:00Z'],
  ...['2026-04-30T10:00:00Z', '2026-05-31T10:00:00Z', '2026-06-30T10:00:00Z', '2026-07-31T10:00:00Z'],
  ...['2026-08-31T10:00:00Z', '2026-09-30T10:00:00Z', '2026-10-31T10:00:00Z', '2026-11-30T10:00:00Z'],
].map((time) => (typeof time === 'number' ? time : Date.parse(time) / 1000))
const INVALID_TIMES = [
  ...[
    '',
    '2024',
    '2024-02-29',
    '2024-02-29T00:00Z',
    '2024-02-29 00:00:00Z',
    '2024-02-29T00:00:00',
    '2023-02-29T00:00:00Z',
  ],
  ...[
    '2100-02-29T00:00:00Z',
    '2024-04-31T00:00:00Z',
    '2024-13-01T00:00:00Z',
    '2024-00-01T00:00:00Z',
    '2024-01-00T00:00:00Z',
  ],
  ...[
    '2024-01-32T00:00:00Z',
    '2024-01-01T24:00:00Z',
    '2024-01-01T00:60:00Z',
    '2024-01-01T00:00:60Z',
    '0000-01-01T00:00:00Z',
  ],
  ...[
    '2024-01-01T00:00:00.12345678Z',
    '2024-01-01T00:00:00.Z',
    '2024-01-01T00:00:00+24:00',
    '2024-01-01T00:00:00+00:60',
  ],
]
/** Earlier than the first of {@link SECONDS}, later than the last, and each of them just so or a little off. */
const windowSeconds = pick(0, 100, 200)
const now = fc.oneof(
  { weight: 3, arbitrary: pick(-1, 0, 50, 99, 100, 150, 199, 200, 201) },
  { weight: 1, arbitrary: fc.tuple(pick(...SECONDS), pick(-1, 0, 0.5, 1)).map(([at, off]) => at + off) },
)
const dateTime = fc.oneof(
  {
    weight: 9,
    arbitrary: fc
      .record({
        at: pick(...SECONDS),
        fraction: pick('', '', '.0', '.0000001', '.5', '.9999999'),
        zone: pick('Z', 'Z', '+00:00', '+01:00', '-01:00', '+23:59', '-05:30'),
      })
      .map(({ at, fraction, zone }) => {
        const minutes = zone === 'Z' ? 0 : Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4))
        const local = at + (zone.startsWith('-') ? -60 : 60) * minutes
        return `${new Date(local * 1000).toISOString().slice(0, 19)}${fraction}${zone}`
      }),
  },
  { weight: 1, arbitrary: pick(...INVALID_TIMES) },
)

const ADDRESSES = [
  ...['10.1.2.3', '10.1.2.4', '11.0.0.0', '192.0.2.1', '255.255.255.255', '::1', '::', '2001:db8::1', '2001:db8:1::1'],
  ...[
    '2001:DB8:0:0:0:0:0:1',
    '::ffff:10.1.2.3',
    '::ffff:a01:203',
    '::fffe:10.1.2.3',
    '1:2:3:4:5:6:7:8',
    '1::2:3:4:5:6:7',
  ],
  ...[
    'nonsense',
    '',
    '010.1.2.3',
    '10.1.2',
    '10.1.2.256',
    '10.1.2.3.4',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
  ],
  ...[
    '1::2:3:4:5:6:7:8',
    '::10.1.2.3:1',
    '10.1.2.3::',
    '1:2:3:4:5:6:7:10.1.2.3',
    '1:2:3:4:5:6:10.1.2.3',
    '12345::',
    'fe80::1%1',
  ],
]
const RANGES = [
  ...[
    '10.0.0.0/8',
    '10.1.2.2/31',
    '10.1.2.4/30',
    '10.1.2.3/32',
    '10.1.2.3',
    '0.0.0.0/0',
    '192.0.2.0/24',
    '10.1.0.0/17',
  ],
  ...[
    '2001:db8::/32',
    '2001:db8::/47',
    '2001:db8::/48',
    '::/0',
    '::1',
    '::1/128',
    '::ffff:10.0.0.0/104',
    '::ffff:0:0/96',
  ],
  ...[
    '::ffff:0:0/95',
    '::ffff:10.1.2.3',
    '::ffff:10.1.2.2/127',
    '1:2:3:4:5:6:7:8/112',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/08',
  ],
  ...['10.0.0.0/-1', '10.0.0.0/8/8', '/8', '2001:db8::/129', 'nonsense', '::ffff:10.1.2.3/128', '::ffff:10.1.2.3/32'],
]

const GUIDS = [
  '0f3c0000-0000-0000-0000-00000000000a',
  '0F3C0000-0000-0000-0000-00000000000A',
  'ffffffff-0000-0000-0000-00000000000b',
]
const TEXTS = [
  ...[...NAMES, 'A', 'A/B', 'aB', 'a/', 'a/b/', 'A/', 'a/B/', ''],
  ...[
    '*',
    'a*',
    'a/*',
    'a/b*',
    'A*',
    '?',
    '??',
    'a?',
    'a/?',
    '*b',
    '*c',
    '*/b/*',
    'a*c',
    '*b*',
    '**',
    'a\\*',
    '\\?',
    'a\\',
    '*a*b*c*',
  ],
  ...['a/b?', 'a*b?', '?*', '*?', 'a/b/c?', '\\a', 'a\\?', 'b*a', 'a/**', 'a/*/c'],
  ...['v1', 'V1', 'v*', 'v?', '\u{1f600}', '\u{1f600}a', '?a', '*\u{1f600}', 'GET', 'PUT', 'DELETE', 'main'],
]
const text = fc.oneof(
  { weight: 8, arbitrary: pick(...TEXTS) },
  { weight: 1, arbitrary: fc.string({ unit: pick('a', 'b', 'c', 'A', '/', '*', '?', '\\'), maxLength: 6 }) },
)

const attribute = (source: Attribute['source'], name: string): Attribute => ({ type: 'attribute', source, name })
const NAME = 'Microsoft.ContainerRegistry/registries/repositories:name'
const nameAttribute = pick(attribute('Request', NAME), attribute('Request', NAME), attribute('Resource', NAME))
const tagAttribute = fc.constant(attribute('Request', 'Dockgate/request:tag'))
const CLAIMS = ['sub', 'roles', 'none', 'constructor', 'empty'].map((name) =>
  attribute('Principal', `Dockgate/claims:${name}`),
)
const textAttribute = fc.oneof(
  { weight: 8, arbitrary: nameAttribute },
  { weight: 3, arbitrary: tagAttribute },
  { weight: 3, arbitrary: pick(...CLAIMS) },
  {
    weight: 2,
    arbitrary: pick(
      ...['digest', 'method', 'mediaType', 'artifactType', 'clientIp'].map((name) =>
        attribute('Request', `Dockgate/request:${name}`),
      ),
      attribute('Principal', 'Microsoft.Directory/CustomSecurityAttributes/Id:x'),
      attribute('Environment', 'isPrivateLink'),
      attribute('Resource', 'Dockgate/request:tag'),
    ),
  },
)
const anyAttribute = fc.oneof(
  { weight: 9, arbitrary: textAttribute },
  { weight: 1, arbitrary: fc.constant(attribute('Environment', 'UtcNow')) },
)

const string = (value: fc.Arbitrary<string>) => value.map((value): Literal => ({ type: 'string', value }))
const STRING = string(text)
const INTEGER = fc.integer({ min: -2, max: 2 }).map((value): Literal => ({ type: 'integer', value }))
const BOOLEAN = fc.boolean().map((value): Literal => ({ type: 'boolean', value }))
const GUID = fc.oneof(
  string(pick(...GUIDS, `{${GUIDS[0]}}`)),
  pick(...GUIDS).map((value): Literal => ({ type: 'guid', value: value.toLowerCase() })),
)
const DATE_TIME = string(dateTime)
const anyLiteral = fc.oneof(STRING, INTEGER, BOOLEAN, GUID, DATE_TIME, string(pick(...RANGES)))

type Sides = {
  readonly left: fc.Arbitrary<Operand>
  readonly right: fc.Arbitrary<Literal>
  readonly plain: fc.Arbitrary<Literal>
}

function sidesOf(operator: Operator): Sides {
  if (operator.startsWith('String')) return { left: textAttribute, right: STRING, plain: STRING }
  if (operator.startsWith('Numeric')) return { left: INTEGER, right: INTEGER, plain: INTEGER }
  if (operator.startsWith('Bool')) return { left: BOOLEAN, right: BOOLEAN, plain: BOOLEAN }
  if (operator.startsWith('Guid')) {
    return { left: fc.oneof(pick(...CLAIMS), tagAttribute, GUID), right: GUID, plain: GUID }
  }
  if (operator.startsWith('DateTime')) {
    const clock = fc.constant(attribute('Environment', 'UtcNow'))
    return { left: fc.oneof({ weight: 4, arbitrary: clock }, DATE_TIME), right: DATE_TIME, plain: DATE_TIME }
  }
  const addresses = string(pick(...ADDRESSES))
  const client = fc.constant(attribute('Request', 'Dockgate/request:clientIp'))
  return {
    left: fc.oneof<fc.Arbitrary<Operand>[]>(client, addresses, tagAttribute),
    right: string(pick(...RANGES)),
    plain: addresses,
  }
}

const set = (literal: fc.Arbitrary<Literal>) => some(literal, 3).map((items): Operand => ({ type: 'set', items }))

/** Mostly what a parser lets through, sometimes what it would refuse. */
function comparison(operator: Operator): fc.Arbitrary<Expression> {
  const { left, right, plain } = sidesOf(operator)
  const compare = (sides: {
    left: fc.Arbitrary<Operand>
    right: fc.Arbitrary<Operand>
    quantifier?: fc.Arbitrary<(typeof QUANTIFIERS)[number]>
  }) => fc.record(sides).map((members): Expression => ({ type: 'comparison', operator, ...members }))
  const usual = compare({ left, right })
  const quantified = compare({
    quantifier: pick(...QUANTIFIERS),
    left: fc.oneof(left, set(plain)),
    right: fc.oneof({ weight: 3, arbitrary: set(right) }, right),
  })
  const ranges = compare({ left, right: set(right) })
  return fc.oneof(
    { weight: 10, arbitrary: usual },
    {
      weight: operator.startsWith('String') || operator.startsWith('Numeric') || operator.startsWith('Guid') ? 6 : 1,
      arbitrary: quantified,
    },
    { weight: operator === 'IpInRange' ? 5 : 1, arbitrary: ranges },
    { weight: 1, arbitrary: compare({ left: right, right: left }) },
    {
      weight: 1,
      arbitrary: compare({ left: fc.oneof(anyAttribute, anyLiteral), right: fc.oneof(anyLiteral, anyAttribute) }),
    },
    {
      weight: 1,
      arbitrary: compare({ quantifier: pick(...QUANTIFIERS), left: set(anyLiteral), right: set(anyLiteral) }),
    },
  )
}

const ACTIONS = Object.values(DATA_ACTIONS)
export const CONTROL_ACTIONS = [
  'Microsoft.ContainerRegistry/registries/importImage/action',
  'Microsoft.ContainerRegistry/registries/tasks/write',
  'Microsoft.ContainerRegistry/registries/pull/read',
  'Microsoft.ContainerRegistry/registries/deleted/read',
  'Microsoft.ContainerRegistry/registries/deleted/restore/action',
  'microsoft.containerregistry/registries/PUSH/write',
  'Microsoft.Authorization/roleAssignments/write',
  'Microsoft.Network/virtualNetworks/read',
].map((text) => valid(parseAction(text)))
const ACTION_PATTERNS = [
  ...[
    '*',
    '*/read',
    '*/write',
    '*/delete',
    '*READ',
    'Microsoft.ContainerRegistry/*',
    'Microsoft.ContainerRegistry/registries/*',
  ],
  ...['Microsoft.ContainerRegistry/registries/*/read', 'Microsoft.ContainerRegistry/registries/repositories/*'],
  ...[
    'Microsoft.ContainerRegistry/registries/repositories/content/*',
    '*/content/*',
    '*content*read',
    '*/action',
    'x/*',
  ],
  ...['Microsoft.ContainerRegistry/registries/pull/read', 'Microsoft.ContainerRegistry/registries/push/write'],
  ...['Microsoft.ContainerRegistry/registries/artifacts/delete', 'Microsoft.ContainerRegistry/registries/metadata/*'],
  ...[
    'Microsoft.ContainerRegistry/registries/quarantine/*',
    'Microsoft.ContainerRegistry/registries/sign/write',
    '**',
    '',
    '*ad*d',
  ],
  ...[
    'Microsoft.ContainerRegistry/registries/tasks/*',
    'Microsoft.Authorization/*/write',
    '*registries*registries*',
    '*read/read',
  ],
]
const actionPattern = fc.oneof(
  { weight: 3, arbitrary: pick(...ACTION_PATTERNS) },
  { weight: 2, arbitrary: pick(...ACTIONS, ...ACTIONS.map((action) => action.toUpperCase())) },
  { weight: 1, arbitrary: pick<string>(...CONTROL_ACTIONS) },
)

const leaf: fc.Arbitrary<Expression> = fc.oneof(
  { weight: 9, arbitrary: fc.oneof(...OPERATORS.filter((operator) => operator.startsWith('String')).map(comparison)) },
  { weight: 5, arbitrary: fc.oneof(...OPERATORS.map(comparison)) },
  { weight: 1, arbitrary: comparison('IpInRange') },
  { weight: 3, arbitrary: some(actionPattern, 2).map((patterns): Expression => ({ type: 'actionMatches', patterns })) },
  { weight: 1, arbitrary: fc.constant<Expression>({ type: 'subOperationMatches', suboperations: ['x'] }) },
  { weight: 2, arbitrary: anyAttribute.map((attribute): Expression => ({ type: 'exists', attribute })) },
)

const joined =
  (type: 'and' | 'or') =>
  (left: Expression, right: Expression): Expression => ({ type, left, right })

export const expression: fc.Arbitrary<Expression> = fc.letrec<{ tree: Expression }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc
      .tuple(pick('and' as const, 'or' as const), some(tie('tree'), 3, 2))
      .map(([type, operands]) => operands.reduce(joined(type))),
    fc
      .tuple(pick('and' as const, 'or' as const), tie('tree'), tie('tree'))
      .map(([type, left, right]): Expression => ({ type, left, right })),
    tie('tree').map((operand): Expression => ({ type: 'not', operand })),
  ),
})).tree

/** Azure's canonical shape: not my action, or the expression. */
const canonical = fc.tuple(some(pick(...ACTIONS), 3), expression).map(([actions, right]): Expression => {
  const others = actions.map(
    (action): Expression => ({ type: 'not', operand: { type: 'actionMatches', patterns: [action] } }),
  )
  return { type: 'or', left: others.reduce(joined('and')), right }
})

const condition: fc.Arbitrary<Condition> = fc
  .oneof({ weight: 2, arbitrary: expression }, canonical)
  .map((expression) => ({ text: '', expression }))

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
const customRole: fc.Arbitrary<RoleDefinition> = some(element, 2).map((permissions) => ({
  name: 'Custom',
  builtIn: false,
  permissions,
}))
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
  }))

const claims = fc
  .record({
    sub: maybe(fc.oneof(text, pick(...GUIDS), dateTime)),
    roles: maybe(some(fc.oneof(text, pick(...GUIDS)), 3, 0)),
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
        claims: maybe(claims),
      })
      .map(({ acts, groupsUnknownOf, claims }): Caller => {
        const known = acts.filter(
          (act) => groupsUnknownOf === undefined || !act.startsWith(`group:${groupsUnknownOf}/`),
        )
        return { authenticated: true, acts: known, ...compact({ groupsUnknownOf, claims }) }
      }),
  },
)

const DIGEST = `sha256:${'0'.repeat(64)}`
const attributes: fc.Arbitrary<Attributes> = fc
  .record({
    tag: maybe(pick('v1', 'V1', 'a', 'ab', 'v2')),
    everyTag: fc.option(fc.constant(true), { nil: undefined, freq: 4 }),
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
  ['PUT', `/v2/${name}/manifests/${DIGEST}?tag=v1&tag=V1`] as const,
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
