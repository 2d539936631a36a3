import { describe, expect, it } from 'vitest'
import { BUILT_IN_ROLES, findRole, roleGuid } from '../../../src/policy/azure/roles.ts'
import { SYSTEM_SCOPE_MAPS } from '../../../src/policy/azure/scope-maps.ts'

const R = 'Microsoft.ContainerRegistry/registries'
const READER = 'b93aa761-3e63-49ed-ac28-beffa264f7ac'
const custom = [{ name: 'AcrImport', id: '00000000-1111-2222-3333-444444444444', builtIn: false, permissions: [] }]

describe('the table of built-in roles (Azure "built-in-roles/containers")', () => {
  it('names every role and GUID once', () => {
    expect(BUILT_IN_ROLES).toHaveLength(25)
    expect(new Set(BUILT_IN_ROLES.map((role) => role.name)).size).toBe(25)
    expect(new Set(BUILT_IN_ROLES.map((role) => role.id)).size).toBe(25)
    for (const { id = '', builtIn } of BUILT_IN_ROLES) {
      expect(roleGuid(id)).toBe(id)
      expect(builtIn).toBe(true)
    }
  })

  it.each([
    ['Owner', ['*'], []],
    ['Reader', ['*/read'], []],
    ['AcrPull', [`${R}/pull/read`], []],
    ['AcrPush', [`${R}/pull/read`, `${R}/push/write`], []],
    ['AcrDelete', [`${R}/artifacts/delete`], []],
    ['AcrImageSigner', [`${R}/sign/write`], [`${R}/trustedCollections/write`]],
    ['AcrQuarantineReader', [`${R}/quarantine/read`], [`${R}/quarantinedArtifacts/read`]],
    [
      'AcrQuarantineWriter',
      [`${R}/quarantine/read`, `${R}/quarantine/write`],
      [`${R}/quarantinedArtifacts/read`, `${R}/quarantinedArtifacts/write`],
    ],
    ['Container Registry Repository Reader', [], [`${R}/repositories/metadata/read`, `${R}/repositories/content/read`]],
    ['Container Registry Repository Catalog Lister', [], [`${R}/catalog/read`]],
    [
      'Container Registry Data Importer and Data Reader',
      [`${R}/importImage/action`, `${R}/read`, `${R}/pull/read`],
      [`${R}/repositories/content/read`, `${R}/repositories/metadata/read`, `${R}/catalog/read`],
    ],
    ['Container Registry Cache Rule Reader', [`${R}/cacheRules/read`, `${R}/cacheRules/operationStatuses/read`], []],
    [
      'Container Registry Transfer Pipeline Contributor',
      [
        `${R}/exportPipelines/read`,
        `${R}/exportPipelines/write`,
        `${R}/exportPipelines/delete`,
        `${R}/importPipelines/read`,
        `${R}/importPipelines/write`,
        `${R}/importPipelines/delete`,
        `${R}/pipelineRuns/read`,
        `${R}/pipelineRuns/write`,
        `${R}/pipelineRuns/delete`,
        `${R}/pipelineRuns/operationStatuses/read`,
      ],
      [],
    ],
  ])('%s', (name, actions, dataActions) => {
    expect(findRole(name, [])?.permissions).toEqual([{ actions, notActions: [], dataActions, notDataActions: [] }])
  })

  it.each([
    ['Container Registry Repository Writer', 0, 4],
    ['Container Registry Repository Contributor', 0, 6],
    ['Container Registry Contributor and Data Access Configuration Administrator', 55, 0],
    ['Container Registry Configuration Reader and Data Access Configuration Reader', 27, 0],
    ['Container Registry Tasks Contributor', 24, 0],
    ['Defender Registry Access', 3, 6],
  ])('%s has %i actions and %i data actions, none twice', (name, actions, dataActions) => {
    const [permission] = findRole(name, [])?.permissions ?? []
    expect(new Set(permission?.actions).size).toBe(actions)
    expect(permission?.actions).toHaveLength(actions)
    expect(new Set(permission?.dataActions).size).toBe(dataActions)
  })

  it('takes from Contributor what it may not do', () => {
    expect(findRole('Contributor', [])?.permissions[0]?.notActions).toHaveLength(11)
    expect(findRole('Contributor', [])?.permissions[0]?.notActions).toContain('Microsoft.Authorization/*/Write')
  })
})

describe('findRole', () => {
  it.each([
    ['container registry repository READER'],
    [READER],
    [READER.toUpperCase()],
    [`/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/${READER}`],
    [`/providers/microsoft.authorization/ROLEDEFINITIONS/${READER.toUpperCase()}`],
  ])('finds %s', (name) => {
    expect(findRole(name, custom)?.id).toBe(READER)
  })

  it.each([
    ['acrimport'],
    ['00000000-1111-2222-3333-444444444444'],
    ['/providers/Microsoft.Authorization/roleDefinitions/00000000-1111-2222-3333-444444444444'],
  ])('finds the custom role %s', (name) => {
    expect(findRole(name, custom)?.name).toBe('AcrImport')
  })

  it('prefers the export of a built-in role to the table', () => {
    const exported = { name: 'AcrPull', id: '7f951dda-4ed3-4680-a7ca-43fe172d538d', builtIn: true, permissions: [] }
    expect(findRole('AcrPull', [exported])).toBe(exported)
  })

  it.each([
    [''],
    ['Acr'],
    ['AcrPull '],
    ['00000000-0000-0000-0000-000000000000'],
    [`/subscriptions/s/${READER}`],
    [`${READER}/x`],
    ['__proto__'],
  ])('knows no role %j', (name) => {
    expect(findRole(name, custom)).toBeUndefined()
  })
})

describe('system-defined scope maps', () => {
  it.each([
    ['_repositories_admin', 'content/delete content/read content/write metadata/read metadata/write'],
    ['_repositories_pull', 'content/read'],
    ['_repositories_pull_metadata_read', 'content/read metadata/read'],
    ['_repositories_push', 'content/read content/write'],
    ['_repositories_push_metadata_write', 'content/read content/write metadata/read metadata/write'],
  ])('%s', (name, permissions) => {
    const actions = SYSTEM_SCOPE_MAPS.find((map) => map.name === name)?.actions ?? []
    expect(
      actions
        .map((action) => action.permission)
        .sort()
        .join(' '),
    ).toBe(permissions)
    expect(actions.every((action) => action.repository.kind === 'all')).toBe(true)
  })

  it('are five', () => expect(SYSTEM_SCOPE_MAPS).toHaveLength(5))
})
