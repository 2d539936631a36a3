/** The rules that documents leave open, one test for each sentence of docs/policies.md that decides something. */
import { describe, expect, it } from 'vitest'
import { policy, problemsOf } from './ask.ts'

const READER = 'Container Registry Repository Reader'
const WRITER = 'Container Registry Repository Writer'
const CONTRIBUTOR = 'Container Registry Repository Contributor'
const LISTER = 'Container Registry Repository Catalog Lister'
const DIGEST = `sha256:${'0'.repeat(64)}`
const entra = { issuer: 'https://login.example/', audiences: ['registry.example.com'], subjectClaim: 'oid' }
const errorsOf = (file: Parameters<typeof problemsOf>[0]) =>
  problemsOf(file).filter(({ severity }) => severity === 'error')

describe('names', () => {
  it.each([['a'], ['A-b_9'], ['x'.repeat(50)]])('%s is one', (name) => {
    expect(errorsOf({ tokens: { [name]: { scopeMap: '_repositories_pull' } } })).toEqual([])
  })

  it.each([[''], ['x'.repeat(51)], ['a b'], ['a.b'], ['a/b'], ['ä']])('%j is none', (name) => {
    expect(errorsOf({ tokens: { [name]: { scopeMap: '_repositories_pull' } } })).not.toEqual([])
  })

  it('of principals compare with letter case', () => {
    const ask = policy({ tokens: { Ci: { scopeMap: '_repositories_pull' } } })
    expect([ask('token:Ci', 'content/read', 'a'), ask('token:ci', 'content/read', 'a')]).toEqual(['allow', 'no_grant'])
  })

  it.each([['acrpull'], ['ACRPULL'], ['7F951DDA-4ED3-4680-A7CA-43FE172D538D']])(
    'of roles compare without: %s',
    (role) => {
      const ask = policy({ registry: { mode: 'rbac' }, roleAssignments: [{ principal: 'everyone', role }] })
      expect(ask('token:t', 'content/read', 'a')).toBe('allow')
    },
  )

  it.each([['CONTENT/Read'], ['Microsoft.ContainerRegistry/Registries/repositories/content/READ']])(
    'of permissions compare without: %s',
    (permission) => {
      const ask = policy({ roleAssignments: [{ principal: 'everyone', role: READER }] })
      expect(ask('token:t', permission, 'a')).toBe('allow')
    },
  )
})

describe('control-plane actions', () => {
  it.each([
    ['abac', 'allow'],
    ['rbac', 'allow'],
  ])('are matched against actions, in %s mode too', (mode, expected) => {
    const ask = policy({ registry: { mode }, roleAssignments: [{ principal: 'everyone', role: 'AcrPull' }] })
    expect(ask('token:t', 'Microsoft.ContainerRegistry/registries/pull/read')).toBe(expected)
    expect(ask('token:t', 'Microsoft.ContainerRegistry/registries/push/write')).toBe('no_grant')
  })
})

describe('the catalog', () => {
  it.each([
    ['filtered', READER, 'allow'],
    ['filtered', LISTER, 'allow'],
    ['exact', READER, 'no_grant'],
    ['exact', LISTER, 'allow'],
  ])('%s, %s: %s', (catalog, role, expected) => {
    const ask = policy({ registry: { catalog }, roleAssignments: [{ principal: 'everyone', role }] })
    expect(ask('token:t', 'GET /v2/_catalog')).toBe(expected)
  })
})

describe('repositories', () => {
  const assigned = (repositories: readonly string[], more: object = {}) =>
    policy({ roleAssignments: [{ principal: 'everyone', role: CONTRIBUTOR, repositories, ...more }] })

  it.each([
    [['*'], 'any/thing', 'allow'],
    [['a'], 'a', 'allow'],
    [['a'], 'a/b', 'no_grant'],
    [['a/*'], 'a/b/c', 'allow'],
    [['a/*'], 'a', 'no_grant'],
    [['a/*'], 'ab', 'no_grant'],
    [['x', 'a/*'], 'a/b', 'allow'],
  ])('%j on %s: %s', (repositories, name, expected) => {
    for (const permission of ['content/read', 'content/delete', 'metadata/write']) {
      expect(assigned(repositories)('token:t', permission, name)).toBe(expected)
    }
  })

  it('do not restrict what has no repository', () => {
    const roleAssignments = [{ principal: 'everyone', role: LISTER, repositories: ['a'] }]
    expect(policy({ roleAssignments })('token:t', 'catalog/read')).toBe('allow')
  })

  it('hold next to a condition: both must be true', () => {
    const condition = "@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringLike '*/app'"
    const ask = assigned(['a/*'], { condition })
    expect(['a/app', 'a/x', 'b/app'].map((name) => ask('token:t', 'content/read', name))).toEqual([
      'allow',
      'no_grant',
      'no_grant',
    ])
  })

  it.each([
    ['repositories', ['a']],
    ['condition', "@Request[Dockgate/request:method] StringEquals 'GET'"],
  ])('%s of an assignment is an error in rbac mode', (key, value) => {
    const roleAssignments = [{ principal: 'everyone', role: 'AcrPull', [key]: value }]
    expect(errorsOf({ registry: { mode: 'rbac' }, roleAssignments })).not.toEqual([])
  })
})

describe('deny assignments', () => {
  const denying = (deny: object) =>
    policy({
      issuers: { entra },
      registry: { anonymous: ['repositories/*/content/read'] },
      roleAssignments: [
        { principal: 'everyone', role: CONTRIBUTOR },
        { principal: 'everyone', role: LISTER },
      ],
      denyAssignments: [{ name: 'no', principals: ['everyone'], permissions: ['content/read'], ...deny }],
    })

  it('win over every grant', () => expect(denying({})('token:t', 'content/read', 'a')).toBe('deny_assignment'))

  it('deny nothing else', () => expect(denying({})('token:t', 'content/write', 'a')).toBe('allow'))

  it('without repositories hold for every repository, and for permissions that have none', () => {
    const ask = denying({ permissions: ['*'] })
    expect(ask('token:t', 'metadata/delete', 'never/pushed')).toBe('deny_assignment')
    expect(ask('token:t', 'catalog/read')).toBe('deny_assignment')
  })

  it('with repositories hold for those', () => {
    const ask = denying({ repositories: ['a', 'b/*'] })
    const names = ['a', 'b/x', 'b', 'a/x']
    expect(names.map((name) => ask('token:t', 'content/read', name) === 'allow')).toEqual([false, false, true, true])
  })

  it.each([
    ["@Principal[Dockgate/claims:team] StringEquals 'x'", 'a missing claim'],
    ["@Request[Dockgate/request:clientIp] IpInRange '10.0.0.0/8'", 'a missing address'],
    ["@Request[Dockgate/request:mediaType] StringNotEquals 'x'", 'a missing type, also for Not'],
    ["NOT @Request[Dockgate/request:digest] StringEquals 'x'", 'a negation of something missing'],
  ])('what cannot be evaluated denies: %s (%s)', (condition) => {
    expect(denying({ condition })('token:t', 'content/read', 'a')).toBe('deny_assignment')
  })

  it('everyone includes anonymous callers', () =>
    expect(denying({})('anonymous', 'content/read', 'a')).toBe('deny_assignment'))

  it('spare anyone who acts as one of except', () => {
    const ask = denying({ except: ['group:entra/g'] })
    expect(ask('subject:entra/u', 'content/read', 'a', { groups: ['g'] })).toBe('allow')
    expect(ask('subject:entra/u', 'content/read', 'a', { groups: ['h'] })).toBe('deny_assignment')
  })
})

describe('everyone and anonymous', () => {
  it('everyone in a role assignment is everyone who is authenticated', () => {
    const ask = policy({ roleAssignments: [{ principal: 'everyone', role: READER }] })
    expect([ask('token:t', 'content/read', 'a'), ask('anonymous', 'content/read', 'a')]).toEqual(['allow', 'no_grant'])
  })

  it('everyone who is authenticated has at least the rights of anonymous', () => {
    const roleAssignments = [{ principal: 'anonymous', role: READER, repositories: ['b'] }]
    const ask = policy({ registry: { anonymous: ['repositories/a/content/read'] }, roleAssignments })
    for (const name of ['a', 'b']) {
      expect(ask('anonymous', 'content/read', name)).toBe('allow')
      expect(ask('token:t', 'content/read', name)).toBe('allow')
    }
  })

  it('a disabled token has none at all', () => {
    const tokens = { t: { scopeMap: '_repositories_admin', status: 'disabled' } }
    const ask = policy({ registry: { anonymous: ['repositories/*/content/read'] }, tokens })
    expect(ask('token:t', 'content/read', 'a')).toBe('token_disabled')
    expect(ask('token:t', 'GET /v2/')).toBe('token_disabled')
  })
})

describe('grants add up', () => {
  it('the same principal and role twice is accepted', () => {
    const rule = { principal: 'everyone', role: READER }
    const ask = policy({
      roleAssignments: [
        { ...rule, repositories: ['a'] },
        { ...rule, repositories: ['b'] },
      ],
    })
    const names = ['a', 'b', 'c']
    expect(names.map((name) => ask('token:t', 'content/read', name))).toEqual(['allow', 'allow', 'no_grant'])
  })

  it('a caller acts as its subject and its groups at once', () => {
    const roleAssignments = [
      { principal: 'subject:entra/u', role: READER, repositories: ['a'] },
      { principal: 'group:entra/g', role: READER, repositories: ['b'] },
    ]
    const ask = policy({ issuers: { entra }, roleAssignments })
    const groups = ['g']
    expect(ask('subject:entra/u', 'content/read', 'a', { groups })).toBe('allow')
    expect(ask('subject:entra/u', 'content/read', 'b', { groups })).toBe('allow')
    expect(ask('subject:entra/u', 'content/read', 'b')).toBe('no_grant')
  })
})

describe('custom roles', () => {
  const R = 'Microsoft.ContainerRegistry/registries'
  const custom = (permissions: object, mode = 'abac') =>
    policy({
      registry: { mode },
      roles: [{ Name: 'Own', permissions: [permissions] }],
      roleAssignments: [{ principal: 'everyone', role: 'Own' }],
    })

  it.each([
    [['*'], [], 'content/write', 'allow'],
    [[`${R}/*/read`], [], 'content/read', 'allow'],
    [[`${R}/*/read`], [], 'content/write', 'no_grant'],
    [[`${R}/repositories/*`], [`${R}/repositories/content/*`], 'content/read', 'no_grant'],
    [[`${R}/repositories/*`], [`${R}/repositories/content/*`], 'metadata/read', 'allow'],
  ])('wildcards match properly: %j minus %j, %s', (dataActions, notDataActions, permission, expected) => {
    expect(custom({ dataActions, notDataActions })('token:t', permission, 'a')).toBe(expected)
  })

  it('* in actions never grants data actions', () =>
    expect(custom({ actions: ['*'] })('token:t', 'content/read', 'a')).toBe('no_grant'))

  it('what one role subtracts another may grant', () => {
    const ask = policy({
      roles: [{ Name: 'Own', permissions: [{ dataActions: ['*'], notDataActions: ['*/delete'] }] }],
      roleAssignments: ['Own', CONTRIBUTOR].map((role) => ({ principal: 'everyone', role })),
    })
    expect(ask('token:t', 'content/delete', 'a')).toBe('allow')
  })

  it('* signs, other than Owner', () => {
    expect(custom({ actions: ['*'] }, 'rbac')('token:t', 'sign/write', 'a')).toBe('allow')
  })
})

describe('windows', () => {
  const inWindow = (window: object, at: string) =>
    policy({ roleAssignments: [{ principal: 'everyone', role: READER, ...window }] })('token:t', 'content/read', 'a', {
      at,
    })

  it.each([
    [{ notBefore: '2026-01-01T00:00:00Z' }, '2025-12-31T23:59:59Z', 'no_grant'],
    [{ notBefore: '2026-01-01T00:00:00Z' }, '2026-01-01T00:00:00Z', 'allow'],
    [{ notAfter: '2027-01-01T00:00:00Z' }, '2026-12-31T23:59:59Z', 'allow'],
    [{ notAfter: '2027-01-01T00:00:00Z' }, '2027-01-01T00:00:00Z', 'no_grant'],
  ])('%j at %s: %s', (window, at, expected) => expect(inWindow(window, at)).toBe(expected))
})

describe('tags', () => {
  const TAG = '@Request[Dockgate/request:tag]'
  const writing = (condition: string) =>
    policy({ roleAssignments: [{ principal: 'everyone', role: CONTRIBUTOR, condition }] })
  const kept = policy({
    roleAssignments: [{ principal: 'everyone', role: CONTRIBUTOR }],
    denyAssignments: [
      {
        principals: ['everyone'],
        permissions: ['content/write', 'content/delete'],
        condition: `${TAG} StringLike 'v*'`,
      },
    ],
  })
  const dev = writing(`${TAG} StringLike 'dev-*'`)

  it.each([
    ['PUT /v2/a/manifests/dev-1', 'allow'],
    ['PUT /v2/a/manifests/v1', 'no_grant'],
    // Every tag that is named must be allowed.
    [`PUT /v2/a/manifests/${DIGEST}?tag=dev-1&tag=dev-2`, 'allow'],
    [`PUT /v2/a/manifests/${DIGEST}?tag=dev-1&tag=v1`, 'no_grant'],
    // None is named: as the most permissive tag would be.
    ['POST /v2/a/blobs/uploads/', 'allow'],
    [`PUT /v2/a/manifests/${DIGEST}`, 'allow'],
    [`GET /v2/a/manifests/${DIGEST}`, 'allow'],
    // Deleting by digest reaches every tag: as the least permissive one would be.
    ['DELETE /v2/a/manifests/dev-1', 'allow'],
    [`DELETE /v2/a/manifests/${DIGEST}`, 'no_grant'],
    ['DELETE /acr/v1/a', 'no_grant'],
  ])('granted for dev-*: %s is %s', (request, expected) => expect(dev('token:t', request)).toBe(expected))

  it.each([
    ['PUT /v2/a/manifests/dev-1', 'allow'],
    ['PUT /v2/a/manifests/v1', 'deny_assignment'],
    [`PUT /v2/a/manifests/${DIGEST}?tag=dev-1&tag=v1`, 'deny_assignment'],
    ['POST /v2/a/blobs/uploads/', 'allow'],
    ['DELETE /v2/a/manifests/dev-1', 'allow'],
    ['DELETE /v2/a/manifests/v1', 'deny_assignment'],
    [`DELETE /v2/a/manifests/${DIGEST}`, 'deny_assignment'],
  ])('denied for v*: %s is %s', (request, expected) => expect(kept('token:t', request)).toBe(expected))

  it.each([
    ['dev-1', 'allow'],
    ['v1', 'no_grant'],
    [undefined, 'allow'],
  ])('asked by name, with tag %s: %s', (tag, expected) => {
    expect(dev('token:t', 'content/write', 'a', tag === undefined ? {} : { tag })).toBe(expected)
  })

  it.each([['digest'], ['mediaType'], ['artifactType'], ['clientIp']])(
    '%s that a request lacks grants nothing',
    (name) => {
      for (const condition of [
        `@Request[Dockgate/request:${name}] StringNotEquals 'x'`,
        `NOT @Request[Dockgate/request:${name}] StringEquals 'x'`,
      ]) {
        expect(writing(condition)('token:t', 'content/read', 'a')).toBe('no_grant')
      }
    },
  )
})

describe('identities', () => {
  const github = { issuer: 'https://token.example/', audiences: ['registry.example.com'] }

  it('need a subject or claims', () => {
    expect(errorsOf({ issuers: { github }, identities: { all: { issuer: 'github' } } })).not.toEqual([])
    expect(errorsOf({ issuers: { github }, identities: { one: { issuer: 'github', subject: 's' } } })).toEqual([])
  })

  it('have what is assigned to them, and no other identity has it', () => {
    const identities = { one: { issuer: 'github', subject: 's' }, two: { issuer: 'github', subject: 't' } }
    const ask = policy({
      issuers: { github },
      identities,
      roleAssignments: [{ principal: 'identity:one', role: WRITER }],
    })
    expect(ask('identity:one', 'content/write', 'a')).toBe('allow')
    expect(ask('identity:two', 'content/write', 'a')).toBe('no_grant')
  })
})
