import { createHash } from 'node:crypto'
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { readPolicies } from '../../src/files/load.ts'

const SHA = createHash('sha256').update('secret').digest('hex')
const NAME = '@Request[Microsoft.ContainerRegistry/registries/repositories:name]'
const yaml = (...texts: string[]) => readPolicies(texts.map((text, index) => ({ path: `${index}.yaml`, text })))
const REGISTRY = 'registry: { service: registry.example.com }'

/** The policies of texts without any problem. */
const good = (...texts: string[]) => {
  const { policies, problems } = yaml(REGISTRY, ...texts)
  expect(problems).toEqual([])
  if (policies === undefined) throw new Error('no policies')
  return policies
}

describe('registry', () => {
  it('has defaults', () => {
    expect(good().registry).toEqual({
      service: 'registry.example.com',
      mode: 'abac',
      catalog: 'filtered',
      anonymous: [],
      tokenLifetimeSeconds: 900,
    })
  })

  it('is read', () => {
    const text = `registry:
  service: r
  mode: rbac
  catalog: exact
  tokenLifetimeSeconds: 60
  anonymous:
    - repositories/public/*/content/read`
    expect(yaml(text).policies?.registry).toEqual({
      service: 'r',
      mode: 'rbac',
      catalog: 'exact',
      tokenLifetimeSeconds: 60,
      anonymous: [
        {
          repository: { kind: 'prefix', prefix: 'public/' },
          permission: 'content/read',
          source: { file: '0.yaml', line: 7, column: 7 },
        },
      ],
    })
  })

  it('is missed', () => {
    const { policies, problems } = yaml('tokens: {}')
    expect(policies).toBeUndefined()
    expect(problems).toMatchObject([{ code: 'nothing_declared', source: { file: '.', line: 1, column: 1 } }])
  })
})

describe('sections', () => {
  it('reads scope maps and tokens', () => {
    const { scopeMaps, tokens } = good(`scopeMaps:
  push: { description: CI, actions: [repositories/*/content/read, repositories/a/metadata/write] }
tokens:
  ci:
    scopeMap: push
    credentials:
      password1: { sha256: ${SHA.toUpperCase()}, expires: 2027-03-01T00:00:00+01:00 }
      password2: { sha256: "${SHA}" }
  old: { scopeMap: _repositories_pull, status: disabled }`)
    expect(scopeMaps).toEqual([
      {
        name: 'push',
        description: 'CI',
        actions: [
          { repository: { kind: 'all' }, permission: 'content/read', source: { file: '1.yaml', line: 2, column: 38 } },
          {
            repository: { kind: 'exact', name: 'a' },
            permission: 'metadata/write',
            source: { file: '1.yaml', line: 2, column: 67 },
          },
        ],
        source: { file: '1.yaml', line: 2, column: 3 },
      },
    ])
    expect(tokens).toEqual([
      {
        name: 'ci',
        scopeMap: 'push',
        status: 'enabled',
        credentials: [
          { name: 'password1', sha256: SHA, expires: Date.parse('2027-02-28T23:00:00Z') / 1000 },
          { name: 'password2', sha256: SHA },
        ],
        source: { file: '1.yaml', line: 4, column: 3 },
      },
      {
        name: 'old',
        scopeMap: '_repositories_pull',
        status: 'disabled',
        credentials: [],
        source: { file: '1.yaml', line: 9, column: 3 },
      },
    ])
  })

  it('reads issuers and identities', () => {
    const { issuers, identities } = good(`issuers:
  github:
    issuer: https://token.actions.githubusercontent.com
    audiences: [registry.example.com]
  local:
    issuer: http://127.0.0.1:8080/x
    audiences: [a, b]
    jwks: { keys: [ { kty: OKP, crv: Ed25519, x: AAAA, kid: k } ] }
    algorithms: [EdDSA]
    subjectClaim: oid
    groupsClaim: roles
identities:
  exact: { issuer: github, subject: "repo:acme/app:ref:refs/heads/main" }
  tags: { issuer: github, claims: { repository: acme/app, ref: "refs/tags/**" } }`)
    expect(issuers).toMatchObject([
      {
        name: 'github',
        algorithms: ['RS256', 'ES256', 'EdDSA'],
        subjectClaim: 'sub',
        groupsClaim: 'groups',
        audiences: ['registry.example.com'],
      },
      { name: 'local', jwks: { keys: [{ kid: 'k' }] }, subjectClaim: 'oid', groupsClaim: 'roles' },
    ])
    expect(issuers[0]).not.toHaveProperty('jwks')
    expect(identities).toMatchObject([
      { name: 'exact', issuer: 'github', subject: 'repo:acme/app:ref:refs/heads/main', claims: {} },
      { name: 'tags', claims: { repository: 'acme/app', ref: 'refs/tags/**' } },
    ])
  })

  it('reads role assignments, with a name by position where they have none', () => {
    const { roleAssignments } = good(`tokens: { ci: { scopeMap: _repositories_pull } }
roleAssignments:
  - principal: token:ci
    role: b93aa761-3e63-49ed-ac28-beffa264f7ac
    condition: "${NAME} StringEquals 'app'"
    conditionVersion: 2.0
    repositories: [acme/*, app, "*"]
    notBefore: 2026-01-01T00:00:00Z
    notAfter: 2027-01-01t00:00:00.000z
  - { name: n, principal: everyone, role: acrpull }
  - { principal: everyone, role: AcrPull }
  - { principal: everyone, role: AcrPull }`)
    expect(roleAssignments).toMatchObject([
      {
        name: '1.yaml:3',
        principal: 'token:ci',
        role: { name: 'Container Registry Repository Reader', builtIn: true },
        condition: { text: `${NAME} StringEquals 'app'`, expression: { type: 'comparison' } },
        repositories: [{ kind: 'prefix', prefix: 'acme/' }, { kind: 'exact', name: 'app' }, { kind: 'all' }],
        notBefore: 1767225600,
        notAfter: 1798761600,
        source: { file: '1.yaml', line: 3, column: 5 },
      },
      { name: 'n', principal: 'everyone', role: { name: 'AcrPull' } },
      { name: '1.yaml:11' },
      { name: '1.yaml:12' },
    ])
  })

  it('tells two rules of one line apart', () => {
    const rule = '{ principal: everyone, role: AcrPull }'
    expect(good(`roleAssignments: [${rule}, ${rule}]`).roleAssignments.map(({ name }) => name)).toEqual([
      '1.yaml:1',
      '1.yaml:1:59',
    ])
  })

  it.each([
    ['content/delete', ['content/delete'], []],
    ['Microsoft.ContainerRegistry/registries/repositories/content/READ', ['content/read'], []],
    ['"content/*"', ['content/read', 'content/write', 'content/delete'], []],
    [
      'repositories/*',
      ['content/read', 'content/write', 'content/delete', 'metadata/read', 'metadata/write', 'metadata/delete'],
      [],
    ],
    ['quarantine/*', ['quarantine/read', 'quarantine/write'], []],
    ['"*/delete"', ['content/delete', 'metadata/delete'], ['*/delete']],
    ['registries/importImage/action', [], ['Microsoft.ContainerRegistry/registries/importImage/action']],
    ['Microsoft.ContainerRegistry/registries/tasks/*', [], ['Microsoft.ContainerRegistry/registries/tasks/*']],
  ])('denies %s', (text, permissions, actions) => {
    const { denyAssignments } = good(`denyAssignments: [ { principals: [everyone], permissions: [${text}] } ]`)
    expect(denyAssignments[0]).toMatchObject({ permissions, actions, except: [], principals: ['everyone'] })
  })

  it('denies everything with *', () => {
    const { denyAssignments } = good(`issuers: { entra: { issuer: "https://e.example", audiences: [a] } }
denyAssignments:
  - name: freeze
    principals: [everyone, anonymous]
    except: [group:entra/ops]
    permissions: ["*"]
    repositories: [release/*]
    condition: "${NAME} StringLike '*/prod'"
    message: Ask us.`)
    expect(denyAssignments[0]?.permissions).toHaveLength(10)
    expect(denyAssignments[0]).toMatchObject({
      name: 'freeze',
      actions: ['*'],
      except: ['group:entra/ops'],
      message: 'Ask us.',
    })
  })

  it.each([
    [
      'the creation file',
      '{ Name: AcrImport, Id: null, IsCustom: true, Description: d, AssignableScopes: [/], Actions: [Microsoft.ContainerRegistry/registries/push/write], NotActions: [], DataActions: [content/read], NotDataActions: [] }',
    ],
    [
      'the list',
      '{ name: 00000000-1111-2222-3333-444444444444, roleName: AcrImport, roleType: CustomRole, permissions: [ { actions: [Microsoft.ContainerRegistry/registries/push/write], dataActions: [repositories/content/read] } ] }',
    ],
    [
      'mixed case',
      '{ NAME: AcrImport, Permissions: [ { ACTIONS: [Microsoft.ContainerRegistry/registries/push/write], dataactions: [Microsoft.ContainerRegistry/registries/repositories/content/read] } ] }',
    ],
  ])('reads a custom role in the shape of %s', (_, text) => {
    const { roles, roleAssignments } = good(
      `roles: [ ${text} ]\nroleAssignments: [ { principal: everyone, role: acrIMPORT } ]`,
    )
    expect(roles).toMatchObject([
      {
        name: 'AcrImport',
        builtIn: false,
        permissions: [
          {
            actions: ['Microsoft.ContainerRegistry/registries/push/write'],
            notActions: [],
            dataActions: ['Microsoft.ContainerRegistry/registries/repositories/content/read'],
            notDataActions: [],
          },
        ],
      },
    ])
    expect(roleAssignments[0]?.role).toBe(roles[0])
  })

  it('keeps the condition of a permission element', () => {
    const { roles } = good(
      `roles: [ { Name: R, permissions: [ { dataActions: ["content/*"], condition: "${NAME} StringEquals 'a'", conditionVersion: "2.0" } ] } ]`,
    )
    expect(roles[0]?.permissions[0]).toMatchObject({ condition: { expression: { type: 'comparison' } } })
    expect(roles[0]?.permissions[0]?.dataActions).toHaveLength(3)
  })

  it.each([['tokens:'], ['roleAssignments:'], ['{}'], ['[]'], ['$schema: x']])('accepts %j', (text) => {
    good(text)
  })

  it('warns of gateways, and grants nothing for them', () => {
    const { policies, problems } = yaml(REGISTRY, 'scopeMaps: { m: { actions: [gateway/g/config/read] } }')
    expect(problems).toMatchObject([{ severity: 'warning', code: 'gateway_action', source: { line: 1, column: 29 } }])
    expect(policies?.scopeMaps[0]?.actions).toEqual([])
  })

  it('warns of a * that is none', () => {
    const { problems } = yaml(
      REGISTRY,
      'issuers: { gh: { issuer: "https://gh.example", audiences: [a] } }\nidentities: { i: { issuer: gh, subject: "repo:*" } }',
    )
    expect(problems).toMatchObject([{ severity: 'warning', code: 'subject_wildcard', source: { line: 2, column: 41 } }])
  })
})

describe('rbac mode', () => {
  const RBAC = 'registry: { service: x, mode: rbac }'

  it('refuses what it would ignore', () => {
    const { policies, problems } = yaml(
      RBAC,
      `roleAssignments: [ { principal: everyone, role: AcrPull, repositories: [a], condition: "${NAME} StringEquals 'a'" } ]`,
    )
    expect(policies).toBeUndefined()
    expect(problems).toMatchObject([
      { severity: 'error', code: 'mode_rbac', source: { column: 58 } },
      { severity: 'error', code: 'mode_rbac', source: { column: 77 } },
    ])
  })

  it('lets deny assignments be narrow', () => {
    const deny = 'denyAssignments: [ { principals: [everyone], permissions: [content/delete], repositories: [a] } ]'
    expect(yaml(RBAC, deny).problems).toEqual([])
  })
})

describe('decision tests', () => {
  const tests = (text: string) =>
    readPolicies([
      { path: '0.yaml', text: REGISTRY },
      { path: 'x/a.test.yaml', text },
    ])

  it('are read apart from policies', () => {
    const result = tests(`tests:
  - { as: token:ci, can: content/write, on: samples/app, expect: allow, tag: v1, ip: 10.0.0.1, at: 2026-01-01T00:00:00Z, claim: { a: b, c: [d, e] }, groups: [g] }
  - { as: anonymous, can: registries/catalog/read, expect: deny }
  - { as: token:ci, request: DELETE /v2/samples/app/manifests/v1, expect: deny, reason: no_grant }
  - { as: token:ci, request: "GET /v2/../x", expect: deny, reason: not_a_registry_request }`)
    expect(result.problems).toEqual([])
    expect(result.tests).toEqual([
      {
        as: { kind: 'token', name: 'ci' },
        question: { kind: 'can', action: 'content/write', repository: 'samples/app' },
        expect: 'allow',
        tag: 'v1',
        ip: '10.0.0.1',
        at: 1767225600,
        claims: { a: 'b', c: ['d', 'e'] },
        groups: ['g'],
        source: { file: 'x/a.test.yaml', line: 2, column: 5 },
      },
      {
        as: { kind: 'anonymous' },
        question: { kind: 'can', action: 'catalog/read' },
        expect: 'deny',
        claims: {},
        source: { file: 'x/a.test.yaml', line: 3, column: 5 },
      },
      {
        as: { kind: 'token', name: 'ci' },
        question: { kind: 'request', method: 'DELETE', path: '/v2/samples/app/manifests/v1' },
        expect: 'deny',
        reason: 'no_grant',
        claims: {},
        source: { file: 'x/a.test.yaml', line: 4, column: 5 },
      },
      {
        as: { kind: 'token', name: 'ci' },
        question: { kind: 'request', method: 'GET', path: '/v2/../x' },
        expect: 'deny',
        reason: 'not_a_registry_request',
        claims: {},
        source: { file: 'x/a.test.yaml', line: 5, column: 5 },
      },
    ])
  })

  it.each([
    { text: 'test: []', line: 1, column: 1, code: 'unknown_key', message: 'unknown key "test"' },
    { text: 'tests: {}', line: 1, column: 8, code: 'wrong_type', message: 'expected a list, found a mapping' },
    { text: '- x', line: 1, column: 1, code: 'wrong_type', message: 'expected a mapping, found a list' },
    {
      text: 'tests: [ { as: token:ci, can: content/read, on: a } ]',
      line: 1,
      column: 10,
      code: 'missing_key',
      message: 'expect is missing',
    },
    {
      text: 'tests: [ { can: content/read, on: a, expect: allow } ]',
      line: 1,
      column: 10,
      code: 'missing_key',
      message: 'as is missing',
    },
    {
      text: 'tests: [ { as: everyone, expect: allow } ]',
      line: 1,
      column: 10,
      code: 'missing_key',
      message: 'can is missing',
    },
    {
      text: 'tests: [ { as: everyone, can: content/read, expect: allow } ]',
      line: 1,
      column: 10,
      code: 'missing_key',
      message: 'on is missing',
    },
    {
      text: 'tests: [ { as: everyone, can: catalog/read, on: a, expect: allow } ]',
      line: 1,
      column: 45,
      code: 'ambiguous',
      message: 'catalog/read is not about one repository',
    },
    {
      text: 'tests: [ { as: everyone, can: content/rea, on: a, expect: allow } ]',
      line: 1,
      column: 31,
      code: 'permission_unknown',
      message: '"content/rea" is not a permission',
    },
    {
      text: 'tests: [ { as: everyone, can: content/read, on: A, expect: allow } ]',
      line: 1,
      column: 49,
      code: 'name_invalid',
      message: '"A" is not a repository name',
    },
    {
      text: 'tests: [ { as: everyone, can: content/read, on: a/*, expect: allow } ]',
      line: 1,
      column: 49,
      code: 'name_invalid',
      message: '"a/*" is not a repository name',
    },
    {
      text: 'tests: [ { as: everyone, request: GET, expect: allow } ]',
      line: 1,
      column: 35,
      code: 'request_invalid',
      message: '"GET" is not a request',
    },
    {
      text: 'tests: [ { as: everyone, request: GET /v2/, can: catalog/read, expect: allow } ]',
      line: 1,
      column: 45,
      code: 'ambiguous',
      message: 'can and request are both given',
    },
    {
      text: 'tests: [ { as: everyone, request: GET /v2/, on: a, expect: allow } ]',
      line: 1,
      column: 45,
      code: 'ambiguous',
      message: 'a request names its repository itself',
    },
    {
      text: 'tests: [ { as: everyone, request: GET /v2/, expect: maybe } ]',
      line: 1,
      column: 53,
      code: 'not_allowed',
      message: '"maybe" is not one of allow, deny',
    },
    {
      text: 'tests: [ { as: everyone, request: GET /v2/, expect: deny, reason: nogrant } ]',
      line: 1,
      column: 67,
      code: 'not_allowed',
      message:
        '"nogrant" is not one of no_grant, deny_assignment, token_disabled, authentication_required, not_a_registry_request, write_once, quarantined',
    },
    {
      text: 'tests: [ { as: everyone, request: GET /v2/, expect: deny, ip: 10.0.0 } ]',
      line: 1,
      column: 63,
      code: 'ip_invalid',
      message: '"10.0.0" is not an IP address',
    },
    {
      text: 'tests: [ { as: everyone, request: GET /v2/, expect: deny, tag: a/b } ]',
      line: 1,
      column: 64,
      code: 'tag_invalid',
      message: '"a/b" is not a tag',
    },
    {
      text: 'tests: [ { as: everyone, request: GET /v2/, expect: deny, claim: { a: 5 } } ]',
      line: 1,
      column: 71,
      code: 'wrong_type',
      message: 'expected text, found 5',
    },
    {
      text: 'tests: [ { as: everyone, request: GET /v2/, expect: deny, group: [a] } ]',
      line: 1,
      column: 59,
      code: 'unknown_key',
      message: 'unknown key "group"',
    },
    { text: 'tests: [1', line: 1, column: 10, code: 'yaml_syntax', message: undefined },
  ])('refuses $text', ({ text, line, column, code, message }) => {
    const result = tests(text)
    expect(result.tests).toEqual([])
    expect(result.problems).toMatchObject([
      { code, source: { file: 'x/a.test.yaml', line, column }, ...(message === undefined ? {} : { message }) },
    ])
  })

  it('are not policies', () => {
    expect(tests('tokens: {}').problems).toMatchObject([{ code: 'unknown_key' }])
    expect(yaml(REGISTRY, 'tests: []').problems).toMatchObject([{ code: 'unknown_key' }])
  })
})

describe('a set of files', () => {
  const parts = [
    { path: 'registry.yaml', text: REGISTRY },
    { path: 'a.yaml', text: 'tokens: { a: { scopeMap: m }, b: { scopeMap: _repositories_pull } }' },
    { path: 'b/b.json', text: '{"scopeMaps": {"m": {"actions": ["repositories/*/content/read"]}}}' },
    {
      path: 'c.yml',
      text: 'roleAssignments: [ { principal: token:a, role: Own } ]\nroles: [ { Name: Own, Actions: ["*"] } ]',
    },
    { path: 'd.yaml', text: 'denyAssignments: [ { principals: [token:b], permissions: ["*"] } ]' },
  ]

  test.prop([fc.shuffledSubarray(parts, { minLength: parts.length })])('means the same in any order', (files) => {
    expect(readPolicies(files)).toEqual(readPolicies(parts))
    expect(readPolicies(files).problems).toEqual([])
  })

  it('names the first place of a second definition in another file', () => {
    const problems = yaml(
      REGISTRY,
      'tokens: { a: { scopeMap: _repositories_pull } }',
      '\n\ntokens: { a: { scopeMap: _repositories_push } }',
    ).problems
    expect(problems).toMatchObject([
      {
        code: 'duplicate_name',
        source: { file: '2.yaml', line: 3, column: 11 },
        message: 'the token "a" is defined twice, first at 1.yaml:1:11',
      },
    ])
  })

  it.each([
    ['{ scopeMap: _repositories_pull }', '{ credentials: {} }'],
    ['{ credentials: {} }', '{ scopeMap: _repositories_pull }'],
  ])('refuses a token whose passwords stand apart from it: %s, %s', (...entries) => {
    const { problems } = yaml(REGISTRY, ...entries.map((entry) => `tokens: { a: ${entry} }`))
    expect(problems.find(({ code }) => code === 'duplicate_name')).toMatchObject({
      severity: 'error',
      source: { file: '2.yaml', line: 1, column: 11 },
    })
  })

  it('reports every mistake once, by file and line', () => {
    const { problems } = yaml(
      'registry: { service: x, mode: y }',
      'tokens:\n  b: { scopeMap: nope }\n  a: 1',
      'roleAssignments: [ { principal: token:a, role: X }, { principal: token:c, role: Owner } ]',
    )
    expect(problems.map(({ source, code }) => `${source.file}:${source.line} ${code}`)).toEqual([
      '0.yaml:1 not_allowed',
      '1.yaml:2 unknown_scope_map',
      '1.yaml:3 wrong_type',
      '2.yaml:1 unknown_role',
      '2.yaml:1 unknown_token',
    ])
  })

  it('does not complain of names that a broken file defines', () => {
    const { problems } = yaml(
      REGISTRY,
      'tokens:\n  a: { scopeMap: _repositories_pull }\n  b: @',
      'roleAssignments: [ { principal: token:a, role: Owner } ]',
    )
    expect(problems).toMatchObject([{ code: 'yaml_syntax', source: { line: 3, column: 6 } }])
  })
})

describe('the size of a set', () => {
  it('reads ten thousand assignments and tokens', () => {
    const range = Array.from({ length: 10_000 }, (_, index) => index)
    const text = `tokens:\n${range.map((i) => `  t${i}: { scopeMap: _repositories_pull }`).join('\n')}
roleAssignments:\n${range.map((i) => `  - { principal: token:t${i}, role: Owner, repositories: [team-${i}/*] }`).join('\n')}`
    const policies = good(text)
    expect(policies.tokens).toHaveLength(10_000)
    expect(policies.roleAssignments).toHaveLength(10_000)
  }, 60_000)
})
