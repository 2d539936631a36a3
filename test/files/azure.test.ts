/** Azure's own lists, in the shapes that its tools print; the identifiers are invented. */
import { describe, expect, it } from 'vitest'
import { readPolicies } from '../../src/files/load.ts'

const SUBSCRIPTION = '/subscriptions/11111111-2222-3333-4444-555555555555'
const GROUP = `${SUBSCRIPTION}/resourceGroups/Images`
const REGISTRY = `${GROUP}/providers/Microsoft.ContainerRegistry/registries/contoso`
const OTHER = `${GROUP}/providers/Microsoft.ContainerRegistry/registries/fabrikam`
const roleId = (guid: string) => `${SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/${guid}`
const READER = 'b93aa761-3e63-49ed-ac28-beffa264f7ac'
const CUSTOM = 'aaaaaaaa-0000-4000-8000-000000000001'
const ALICE = 'ABCDEF00-0000-4000-8000-00000000000A'

const CONDITION = `(
 (
  !(ActionMatches{'Microsoft.ContainerRegistry/registries/repositories/content/read'})
 )
 OR
 (
  @Request[Microsoft.ContainerRegistry/registries/repositories:name] StringStartsWithIgnoreCase 'backend/'
 )
)`

const assignment = (change: object = {}) => ({
  condition: null,
  conditionVersion: null,
  createdBy: ALICE,
  createdOn: '2024-10-14T20:25:32.172518+00:00',
  delegatedManagedIdentityResourceId: null,
  description: null,
  id: `${REGISTRY}/providers/Microsoft.Authorization/roleAssignments/99999999-0000-4000-8000-000000000001`,
  name: '99999999-0000-4000-8000-000000000001',
  principalId: ALICE,
  principalName: 'alice@contoso.example',
  principalType: 'User',
  resourceGroup: 'Images',
  roleDefinitionId: roleId(READER),
  roleDefinitionName: 'Container Registry Repository Reader',
  scope: REGISTRY,
  type: 'Microsoft.Authorization/roleAssignments',
  updatedBy: ALICE,
  updatedOn: '2024-10-14T20:25:32.172518+00:00',
  ...change,
})

const SETTINGS = `registry: { service: contoso.azurecr.io }
issuers:
  entra: { issuer: "https://login.microsoftonline.com/t/v2.0", audiences: [a], subjectClaim: oid }
`

/** Load lists next to a file of ours. */
const load = (lists: Readonly<Record<string, unknown>>, settings = SETTINGS) =>
  readPolicies([
    { path: 'own.yaml', text: settings },
    ...Object.entries(lists).map(([path, list]) => ({ path, text: JSON.stringify(list, null, 2) })),
  ])

describe('role assignments', () => {
  it('are read as the CLI prints them', () => {
    const { policies, problems } = load({
      'a.json': [
        assignment({ condition: CONDITION, conditionVersion: '2.0' }),
        assignment({ name: 'g', principalType: 'Group', scope: GROUP.toLowerCase() }),
        assignment({ name: 'sp', principalType: 'ServicePrincipal', scope: SUBSCRIPTION, condition: '' }),
        assignment({ name: 'mg', scope: '/providers/Microsoft.Management/managementGroups/root' }),
        assignment({ name: 'root', scope: '/' }),
      ],
    })
    expect(problems).toEqual([])
    const subject = `subject:entra/${ALICE.toLowerCase()}`
    expect(policies?.roleAssignments).toMatchObject([
      {
        name: '99999999-0000-4000-8000-000000000001',
        principal: subject,
        role: { name: 'Container Registry Repository Reader' },
        condition: { text: CONDITION, expression: { type: 'or' } },
        source: { file: 'a.json', line: 2, column: 3 },
      },
      { name: 'g', principal: `group:entra/${ALICE.toLowerCase()}` },
      { name: 'sp', principal: subject },
      { name: 'mg' },
      { name: 'root' },
    ])
    expect(policies?.roleAssignments[2]).not.toHaveProperty('condition')
  })

  it('are read as REST bodies, alone or in a page', () => {
    const { id, name, type, ...properties } = assignment({ condition: CONDITION, conditionVersion: '2.0' })
    const rest = { id, name, type, properties }
    expect(load({ 'a.json': { value: [rest] } }).policies?.roleAssignments).toMatchObject([{ name, condition: {} }])
    expect(load({ 'a.json': [rest] }).problems).toEqual([])
    expect(load({ 'a.json': rest }).policies?.roleAssignments).toHaveLength(1)
  })

  it.each([
    ['an unknown role', { roleDefinitionId: roleId(CUSTOM), roleDefinitionName: '' }, 'azure_role'],
    ['a GUID that is not that of the name', { roleDefinitionId: roleId(CUSTOM) }, 'azure_role'],
    ["another registry's scope", { scope: OTHER }, 'azure_scope'],
    ['a scope inside a registry', { scope: `${REGISTRY}/repositories/a` }, 'azure_scope'],
    ['another resource group', { scope: `${SUBSCRIPTION}/resourceGroups/other` }, 'azure_scope'],
    ['another subscription', { scope: '/subscriptions/other' }, 'azure_scope'],
    [
      'another kind of resource',
      { scope: `${GROUP}/providers/Microsoft.Storage/storageAccounts/contoso` },
      'azure_scope',
    ],
    ['a device', { principalType: 'Device' }, 'azure_principal'],
    ['a group of another tenant', { principalType: 'ForeignGroup' }, 'azure_principal'],
    ['a principal of no type', { principalType: null }, 'azure_principal'],
  ])('grant nothing for %s', (_, change, code) => {
    const { policies, problems } = load({ 'a.json': [assignment({ name: 'own' }), assignment(change)] })
    expect(problems).toMatchObject([{ severity: 'warning', code, source: { file: 'a.json' } }])
    expect(policies?.roleAssignments.map(({ name }) => name)).toEqual(['own'])
  })

  it('say which of several registries is meant, or grant nothing', () => {
    const lists = { 'a.json': [assignment(), assignment({ name: 'other', scope: OTHER })] }
    const own = SETTINGS.replace('contoso.azurecr.io', 'registry.example.com')
    const granted = (settings: string) => load(lists, settings).policies?.roleAssignments.map(({ name }) => name)
    expect(granted(own)).toEqual([])
    expect(granted(own.replace('service:', 'azureRegistry: Fabrikam, service:'))).toEqual(['other'])
    expect(granted(SETTINGS.replace('contoso', 'Fabrikam'))).toEqual(['other'])
  })

  it('of the only registry there is belong to this one, whatever its host', () => {
    const own = SETTINGS.replace('contoso.azurecr.io', 'registry.example.com')
    expect(load({ 'a.json': [assignment()] }, own).policies?.roleAssignments).toHaveLength(1)
  })

  it.each([
    ['no principal', { principalId: null }, 'missing_key'],
    ['no scope', { scope: null }, 'missing_key'],
    ['a condition that cannot be read', { condition: '@Request[', conditionVersion: '2.0' }, 'condition_invalid'],
  ])('are refused with %s', (_, change, code) => {
    const { policies, problems } = load({ 'a.json': [assignment(change)] })
    expect(problems).toMatchObject([{ severity: 'error', code }])
    expect(policies).toBeUndefined()
  })

  it.each(['1.0', '3.0', 1, 'x'])('grant nothing with a condition of version %j, and say so', (conditionVersion) => {
    const { policies, problems } = load({ 'a.json': [assignment({ condition: CONDITION, conditionVersion })] })
    expect(problems).toMatchObject([
      {
        severity: 'warning',
        code: 'azure_condition_version',
        message: `the condition is of version "${conditionVersion}", and only 2.0 is understood`,
        hint: 'this assignment grants nothing',
      },
    ])
    expect(policies?.roleAssignments).toEqual([])
  })

  it.each([
    [{ conditionVersion: '1.0' }],
    [{ condition: '', conditionVersion: '1.0' }],
    [{ condition: CONDITION, conditionVersion: '' }],
    [{ condition: CONDITION, conditionVersion: 2 }],
  ])('do not mind the version of no condition, nor another spelling: %j', (change) => {
    expect(load({ 'a.json': [assignment(change)] }).policies?.roleAssignments).toHaveLength(1)
  })

  it('point into a condition that JSON escapes', () => {
    const condition = "@Request[Microsoft.ContainerRegistry/registries/repositories:name]\n  StringEqual 'a'"
    const [problem] = load({ 'a.json': [assignment({ condition, conditionVersion: '2.0' })] }).problems
    expect(problem).toMatchObject({ code: 'condition_invalid', source: { line: 3, column: 89 } })
  })

  it('lose their condition in rbac mode, with a warning', () => {
    const { policies, problems } = load(
      { 'a.json': [assignment({ condition: CONDITION, conditionVersion: '2.0' })] },
      SETTINGS.replace('service:', 'mode: rbac, service:'),
    )
    expect(problems).toMatchObject([{ severity: 'warning', code: 'mode_rbac', source: { line: 3 } }])
    expect(policies?.roleAssignments[0]).not.toHaveProperty('condition')
  })

  it('are refused twice under one name', () => {
    expect(load({ 'a.json': [assignment()], 'b.json': [assignment()] }).problems).toMatchObject([
      { code: 'duplicate_name', source: { file: 'b.json' } },
    ])
  })

  describe('belong to an issuer', () => {
    const issuer = (name: string, claim: string) =>
      `  ${name}: { issuer: "https://${name}.example", audiences: [a], subjectClaim: ${claim} }\n`
    const settings = (named: string, ...issuers: string[]) =>
      `registry: { service: contoso.azurecr.io${named} }\nissuers:\n${issuers.join('')}`
    it.each([
      ['the only one with oid', settings('', issuer('a', 'sub'), issuer('b', 'oid')), 'b'],
      ['the named one of two', settings(', entraIssuer: b', issuer('a', 'oid'), issuer('b', 'oid')), 'b'],
      ['the named one without oid', settings(', entraIssuer: a', issuer('a', 'sub')), 'a'],
    ])('%s', (_, text, name) => {
      const { policies } = load({ 'a.json': [assignment()] }, text)
      expect(policies?.roleAssignments[0]?.principal).toBe(`subject:${name}/${ALICE.toLowerCase()}`)
    })

    it.each([
      ['none', settings('', issuer('a', 'sub')), 'define an issuer with subjectClaim: oid'],
      ['two', settings('', issuer('a', 'oid'), issuer('b', 'oid')), 'name one of them in registry.entraIssuer'],
    ])('or are refused: %s', (_, text, hint) => {
      const { problems } = load({ 'a.json': [assignment()] }, text)
      expect(problems).toMatchObject([{ code: 'entra_issuer_missing', hint }])
    })
  })
})

describe('role definitions', () => {
  const listed = (change: object = {}) => ({
    assignableScopes: ['/'],
    createdBy: null,
    description: 'Imports',
    id: roleId(CUSTOM),
    name: CUSTOM,
    permissions: [
      {
        actions: ['Microsoft.ContainerRegistry/registries/importImage/action', 'Dynatrace.Observability/*'],
        condition: null,
        conditionVersion: null,
        dataActions: ['Microsoft.ContainerRegistry/registries/repositories/content/read'],
        notActions: [],
        notDataActions: [],
        someNewField: 1,
      },
    ],
    roleName: 'Importer',
    roleType: 'CustomRole',
    type: 'Microsoft.Authorization/roleDefinitions',
    ...change,
  })

  it('are read as the CLI prints them, and found by GUID', () => {
    const { policies, problems } = load({
      'r.json': [listed()],
      'a.json': [assignment({ roleDefinitionId: roleId(CUSTOM) })],
    })
    expect(problems).toEqual([])
    expect(policies?.roles).toMatchObject([{ name: 'Importer', id: CUSTOM, builtIn: false }])
    expect(policies?.roleAssignments[0]?.role.name).toBe('Importer')
  })

  it.each([
    [
      'REST',
      {
        id: roleId(CUSTOM),
        name: CUSTOM,
        type: 'Microsoft.Authorization/roleDefinitions',
        properties: {
          roleName: 'Importer',
          type: 'CustomRole',
          description: '',
          assignableScopes: ['/'],
          permissions: [{ actions: ['*/read'] }],
        },
      },
    ],
    [
      'PowerShell',
      {
        Name: 'Importer',
        Id: CUSTOM,
        IsCustom: true,
        Description: '',
        Actions: ['*/read'],
        NotActions: [],
        DataActions: [],
        NotDataActions: [],
        AssignableScopes: ['/'],
      },
    ],
  ])('are read in the shape of %s', (_, role) => {
    const { policies, problems } = load({ 'r.json': [role] })
    expect(problems).toEqual([])
    expect(policies?.roles).toMatchObject([
      { name: 'Importer', id: CUSTOM, builtIn: false, permissions: [{ actions: ['*/read'] }] },
    ])
  })

  it('may repeat built-in roles; the export counts', () => {
    const reader = listed({
      id: roleId(READER),
      name: READER,
      roleName: 'Container Registry Repository Reader',
      roleType: 'BuiltInRole',
    })
    const { policies, problems } = load({ 'a.json': [assignment()], 'r.json': [reader], 's.json': [reader] })
    expect(problems).toEqual([])
    expect(policies?.roleAssignments[0]?.role).toMatchObject({
      builtIn: true,
      permissions: [{ dataActions: ['Microsoft.ContainerRegistry/registries/repositories/content/read'] }],
    })
  })

  it('keep a condition of their own', () => {
    const [element] = listed().permissions
    const role = listed({ permissions: [{ ...element, condition: CONDITION, conditionVersion: '2.0' }] })
    expect(load({ 'r.json': [role] }).policies?.roles[0]?.permissions[0]?.condition?.text).toBe(CONDITION)
  })

  it.each([
    ['a custom role with the GUID of a built-in one', listed({ id: roleId(READER), name: READER }), 'duplicate_name'],
    ['a custom role with the name of a built-in one', listed({ roleName: 'acrpull' }), 'duplicate_name'],
    [
      'a condition that cannot be read',
      listed({ permissions: [{ actions: ['*'], condition: 'x' }] }),
      'condition_invalid',
    ],
    [
      'a condition of version 1.0',
      listed({ permissions: [{ actions: ['*'], conditionVersion: '1.0' }] }),
      'not_allowed',
    ],
  ])('are refused: %s', (_, role, code) => {
    expect(load({ 'r.json': [role] }).problems).toMatchObject([{ severity: 'error', code }])
  })
})

describe('scope maps and tokens', () => {
  const map = (change: object = {}) => ({
    actions: ['repositories/Samples/Hello-World/content/Read', 'repositories/samples/*/metadata/read'],
    creationDate: '2020-01-01T00:00:00Z',
    description: 'A map',
    id: `${REGISTRY}/scopeMaps/MyScopeMap`,
    name: 'MyScopeMap',
    provisioningState: 'Succeeded',
    resourceGroup: 'Images',
    scopeMapType: 'UserDefined',
    type: 'Microsoft.ContainerRegistry/registries/scopeMaps',
    ...change,
  })
  const token = (change: object = {}) => ({
    creationDate: '2020-01-01T00:00:00Z',
    credentials: { certificates: [], passwords: [{ name: 'password1', value: null }], username: 'MyToken' },
    id: `${REGISTRY}/tokens/MyToken`,
    name: 'MyToken',
    objectId: null,
    provisioningState: 'Succeeded',
    resourceGroup: 'Images',
    scopeMapId: `${REGISTRY}/scopeMaps/MyScopeMap`,
    status: 'enabled',
    type: 'Microsoft.ContainerRegistry/registries/tokens',
    ...change,
  })

  it('are read; a token has no password yet', () => {
    const { policies, problems } = load({ 'm.json': [map()], 't.json': [token()] })
    expect(problems).toMatchObject([
      { severity: 'warning', code: 'token_without_password', source: { file: 't.json', line: 2 } },
    ])
    expect(policies?.scopeMaps).toMatchObject([
      {
        name: 'MyScopeMap',
        actions: [
          { repository: { kind: 'exact', name: 'samples/hello-world' }, permission: 'content/read' },
          { repository: { kind: 'prefix', prefix: 'samples/' }, permission: 'metadata/read' },
        ],
      },
    ])
    expect(policies?.tokens).toMatchObject([
      { name: 'MyToken', scopeMap: 'MyScopeMap', status: 'enabled', credentials: [] },
    ])
  })

  it('need no file of ours', () => {
    const { policies } = readPolicies([{ path: 'm.json', text: JSON.stringify([map()]) }])
    expect(policies?.registry.service).toBe('contoso.azurecr.io')
  })

  it('take passwords from a file of ours', () => {
    const sha256 = 'a'.repeat(64)
    const own = `${SETTINGS}tokens: { MyToken: { credentials: { password1: { sha256: ${sha256} } } } }`
    const { policies, problems } = load({ 'm.json': [map()], 't.json': [token({ status: 'disabled' })] }, own)
    expect(problems).toEqual([])
    expect(policies?.tokens).toMatchObject([
      { name: 'MyToken', status: 'disabled', credentials: [{ name: 'password1', sha256 }] },
    ])
  })

  it('are read as ARM bodies', () => {
    const body = {
      id: `${REGISTRY}/scopeMaps/m`,
      name: 'm',
      type: 'Microsoft.ContainerRegistry/registries/scopeMaps',
      properties: { type: 'UserDefined', actions: ['repositories/a/content/read'] },
    }
    const { policies, problems } = load({ 'm.json': [body] })
    expect(problems).toEqual([])
    expect(policies?.scopeMaps).toMatchObject([{ name: 'm', actions: [{ permission: 'content/read' }] }])
  })

  it('may repeat the system-defined maps, and use them', () => {
    const { policies, problems } = load({
      'm.json': [
        map({ name: '_repositories_pull', scopeMapType: 'SystemDefined', actions: ['repositories/*/content/read'] }),
      ],
      't.json': [token({ scopeMapId: `${REGISTRY}/scopeMaps/_repositories_pull` })],
    })
    expect(problems).toMatchObject([{ code: 'token_without_password' }])
    expect(policies?.scopeMaps).toEqual([])
    expect(policies?.tokens[0]?.scopeMap).toBe('_repositories_pull')
  })

  it.each([
    ['gateway/g/config/read', 'gateway_action'],
    ['repositories/a/contentWrite', 'scope_map_action_invalid'],
    ['repositories/a/metadata/delete', 'scope_map_action_invalid'],
    ['repositories/a*/content/read', 'pattern_invalid'],
  ])('grant nothing for %s', (action, code) => {
    const { policies, problems } = load({ 'm.json': [map({ actions: [action, 'repositories/b/content/read'] })] })
    expect(problems).toMatchObject([{ severity: 'warning', code, source: { line: 4, column: 7 } }])
    expect(policies?.scopeMaps[0]?.actions).toHaveLength(1)
  })

  it("of another registry grant nothing, and may have this one's names", () => {
    const { policies, problems } = load({
      'm.json': [map(), map({ id: `${OTHER}/scopeMaps/MyScopeMap` })],
      't.json': [token(), token({ id: `${OTHER}/tokens/MyToken` })],
    })
    expect(problems.map(({ code, severity }) => `${severity} ${code}`)).toEqual([
      'warning azure_scope',
      'warning token_without_password',
      'warning azure_scope',
    ])
    expect(policies?.tokens).toHaveLength(1)
    expect(policies?.scopeMaps).toHaveLength(1)
  })

  it.each([
    ['an unknown map', { 't.json': [token()] }, ['unknown_scope_map', 'token_without_password']],
    [
      'two tokens of one name',
      { 'm.json': [map()], 't.json': [token()], 'u.json': [token()] },
      ['token_without_password', 'duplicate_name'],
    ],
    [
      'two tokens of one name, with passwords of ours',
      { 'm.json': [map()], 't.json': [token()], 'u.json': [token()] },
      ['duplicate_name'],
      `${SETTINGS}tokens: { MyToken: { credentials: { password1: { sha256: ${'a'.repeat(64)} } } } }`,
    ],
    ['two maps of one name', { 'm.json': [map()], 'n.json': [map()] }, ['duplicate_name']],
  ])('are refused: %s', (_, lists, codes, own = SETTINGS) => {
    const { policies, problems } = load(lists, own)
    expect(problems.map(({ code }) => code)).toEqual(expect.arrayContaining(codes))
    expect(policies).toBeUndefined()
  })

  it('leave an unknown status disabled', () => {
    const { policies, problems } = load({ 'm.json': [map()], 't.json': [token({ status: 'paused' })] })
    expect(problems.map(({ code }) => code)).toContain('not_allowed')
    expect(policies?.tokens[0]?.status).toBe('disabled')
  })
})

describe('a list of something else', () => {
  it.each([
    ['a number', [1]],
    ['a virtual machine', [{ id: '/x', name: 'vm', type: 'Microsoft.Compute/virtualMachines' }]],
    ['an empty object', [{}]],
  ])('is refused: %s', (_, list) => {
    expect(load({ 'x.json': list }).problems).toMatchObject([{ severity: 'error', code: 'azure_unknown' }])
  })
})
