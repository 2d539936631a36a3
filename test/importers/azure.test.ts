import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { importAzure } from '../../src/importers/azure.ts'
import { ImportError } from '../../src/importers/input.ts'
import { ImportedPolicy, names } from './imported.ts'
import { type Lists, principalMay, tokenMay } from './original-azure.ts'

const NAMES = ['assignments', 'definitions', 'scope-maps', 'tokens'] as const
const FILES = NAMES.map((name) => ({
  path: `${name}.json`,
  text: readFileSync(`${import.meta.dirname}/fixtures/azure/${name}.json`, 'utf8'),
}))
const [assignments, definitions, scopeMaps, tokens] = FILES.map(({ text }) => JSON.parse(text))
const LISTS: Lists = { assignments, definitions, scopeMaps, tokens }
const REGISTRY =
  '/subscriptions/aaaaaaaa-0000-0000-0000-00000000000a/resourceGroups/rg-hub/providers/Microsoft.ContainerRegistry/registries/hubreg'
const TENANT = '99999999-1111-2222-3333-444444444444'

const PERMISSIONS = [
  'content/read',
  'content/write',
  'content/delete',
  'metadata/read',
  'metadata/write',
  'metadata/delete',
]
const person = (n: number) => `${String(n).padStart(8, '0')}-1111-2222-3333-444444444444`
const REPOSITORIES = names(['web', 'shop', 'tmp', 'webs', 'x'])

describe('the lists of a registry', () => {
  it.each(['abac', 'rbac'] as const)('decide as they did on a grid, in %s mode', (mode) => {
    const { text } = importAzure(FILES, { mode, tenant: TENANT, registry: 'hubreg' })
    const policy = new ImportedPolicy(text)
    const differences: unknown[] = []
    const compare = (about: object, original: boolean, imported: boolean) => {
      if (original !== imported) differences.push({ ...about, original, imported })
    }
    for (const name of REPOSITORIES) {
      for (const permission of PERMISSIONS) {
        for (const n of [101, 102, 103, 104, 105, 106]) {
          for (const groups of [[], [person(201)]]) {
            const original = principalMay(LISTS, REGISTRY, mode, [person(n), ...groups], permission, name)
            const imported = policy.allows(`subject:entra/${person(n)}`, permission, name, undefined, groups)
            compare({ n, groups, permission, name }, original, imported)
          }
        }
        for (const token of ['shop-edge', 'mirror', 'old-edge']) {
          const imported = policy.allows(`token:${token}`, permission, name)
          compare({ token, permission, name }, tokenMay(LISTS, token, permission, name), imported)
        }
      }
    }
    expect(differences).toEqual([])
  })

  it('keep their conditions to the letter', () => {
    const { text } = importAzure(FILES, { mode: 'abac', tenant: TENANT, registry: 'hubreg' })
    const imported: { roleAssignments: { condition?: string }[] } = parse(text)
    const kept = imported.roleAssignments.flatMap(({ condition }) => condition ?? [])
    const original = LISTS.assignments.flatMap(({ condition }) => condition ?? [])
    expect(kept).toEqual(original)
  })

  it('name the registry and the tenant', () => {
    const { text } = importAzure(FILES, { mode: 'abac', tenant: TENANT, registry: 'hubreg' })
    expect(parse(text)).toMatchObject({
      registry: { service: 'hubreg.azurecr.io', mode: 'abac' },
      issuers: { entra: { issuer: `https://login.microsoftonline.com/${TENANT}/v2.0`, subjectClaim: 'oid' } },
    })
  })
})

describe('the report', () => {
  const findingsOf = (files = FILES, options = {}) =>
    importAzure(files, { mode: 'abac', registry: 'hubreg', ...options }).findings
  const messages = (severity: string, ...args: Parameters<typeof findingsOf>) =>
    findingsOf(...args).flatMap((finding) => (finding.severity === severity ? [finding.message] : []))

  it('says which assignment is of another registry, and where', () => {
    const lost = findingsOf().filter(({ severity }) => severity === 'lost')
    expect(lost.map(({ source }) => source.file)).toEqual(['assignments.json'])
    expect(lost[0]?.message).toContain('otherreg')
  })

  it('asks for passwords, and for the tenant', () => {
    const notes = messages('note')
    for (const name of ['shop-edge', 'mirror', 'old-edge'])
      expect(notes).toContain(`${name} needs a new password: Azure exports none`)
    expect(notes.join('\n')).toContain('nobody can sign in yet')
    expect(messages('note', FILES, { tenant: TENANT }).join('\n')).not.toContain('nobody can sign in yet')
  })

  it('warns of a list without inherited assignments, and not of one that has some', () => {
    const isOwn = ({ scope }: { scope: string }) => scope === REGISTRY
    const own = { path: 'own.json', text: JSON.stringify(LISTS.assignments.filter(isOwn)) }
    const others = FILES.slice(1)
    expect(messages('note', [own, ...others]).join('\n')).toContain('no assignment is inherited')
    expect(messages('note').join('\n')).not.toContain('no assignment is inherited')
  })

  it('says what a role that is not in the lists costs', () => {
    const [first] = LISTS.assignments
    const unknown = {
      ...first,
      roleDefinitionId: first?.roleDefinitionId.replace('b93aa761', '00000001'),
      roleDefinitionName: 'Lost',
    }
    const lost = messages('lost', [{ path: 'a.json', text: JSON.stringify([unknown]) }])
    expect(lost.join('\n')).toContain('the role "Lost" is not known')
  })

  it.each(['', '# nothing\n', 'null', '[', '[{"a": 1}]', '{"tokens": []}', '"x"'])('refuses %s', (text) => {
    expect(() => importAzure([{ path: 'a.json', text }], { mode: 'abac' })).toThrow(ImportError)
  })
})

const ROOT = '/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries'
const SHOWN = {
  name: 'hub',
  type: 'Microsoft.ContainerRegistry/registries',
  loginServer: 'hub-d4e5.azurecr.io',
  roleAssignmentMode: 'LegacyRegistryPermissions',
  anonymousPullEnabled: false,
  adminUserEnabled: false,
}
const CONDITION =
  "((!(ActionMatches{'Microsoft.ContainerRegistry/registries/repositories/content/read'})) OR (@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringEqualsIgnoreCase 'a'))"
const assignment = (role: string, more: object = {}) => ({
  name: 'one',
  principalId: person(1),
  principalType: 'User',
  roleDefinitionId: `/providers/Microsoft.Authorization/roleDefinitions/${role}`,
  roleDefinitionName: '',
  scope: `${ROOT}/hub`,
  ...more,
})
const ACR_PULL = '7f951dda-4ed3-4680-a7ca-43fe172d538d'
const CONTRIBUTOR = 'b24988ac-6180-42a0-ab88-20f7382dd24c'
const REPOSITORY_READER = 'b93aa761-3e63-49ed-ac28-beffa264f7ac'
const file = (path: string, value: unknown) => ({ path, text: JSON.stringify(value) })
const run = (shown: object | undefined, items: readonly object[], options = {}) =>
  importAzure([...(shown === undefined ? [] : [file('r.json', shown)]), file('a.json', items)], {
    tenant: TENANT,
    ...options,
  })
const refusalOf = (...args: Parameters<typeof run>): readonly (string | undefined)[] => {
  try {
    run(...args)
  } catch (cause) {
    if (cause instanceof ImportError) return [cause.message, cause.hint]
    throw cause
  }
  return []
}

describe('what az acr show says', () => {
  it.each([
    ['LegacyRegistryPermissions', 'rbac', true],
    ['legacyregistrypermissions', 'rbac', true],
    ['AbacRepositoryPermissions', 'abac', false],
    ['rbac-abac', 'abac', false],
  ])('is the mode: %s', (roleAssignmentMode, mode, mayPull) => {
    const { text } = run({ ...SHOWN, roleAssignmentMode }, [assignment(ACR_PULL)])
    expect(parse(text)).toMatchObject({ registry: { service: 'hub-d4e5.azurecr.io', mode } })
    const policy = new ImportedPolicy(text)
    expect(policy.allows(`subject:entra/${person(1)}`, 'content/read', 'a')).toBe(mayPull)
    expect(policy.allows(`subject:entra/${person(1)}`, 'content/write', 'a')).toBe(false)
  })

  it('is read from a REST body and from az acr list too', () => {
    const { name, type, ...properties } = SHOWN
    for (const shown of [
      { name, type, properties },
      [SHOWN, { ...SHOWN, name: 'other', loginServer: 'other.azurecr.io' }],
    ]) {
      expect(parse(run(shown, [assignment(ACR_PULL)]).text)).toMatchObject({
        registry: { service: 'hub-d4e5.azurecr.io', mode: 'rbac' },
      })
    }
  })

  it('opens pulling to anonymous callers where Azure does', () => {
    const { text, findings } = run({ ...SHOWN, anonymousPullEnabled: true }, [assignment(ACR_PULL)])
    const policy = new ImportedPolicy(text)
    expect(
      ['content/read', 'metadata/read', 'content/write'].map((right) => policy.allows('anonymous', right, 'a')),
    ).toEqual([true, true, false])
    expect(policy.allows('anonymous', 'catalog/read')).toBe(false)
    expect(findings.map(({ severity, message }) => `${severity}: ${message}`)).toContain(
      'note: anonymous callers may pull everything, as in Azure',
    )
  })

  it.each([
    [{ adminUserEnabled: true }, 'lost: the admin user may pull and push everything there, and is not imported'],
    [
      { publicNetworkAccess: 'Disabled' },
      'wider: publicNetworkAccess is disabled: that is not imported, and the gate answers all the same',
    ],
    [
      { networkRuleSet: { defaultAction: 'Deny', ipRules: [] } },
      'wider: networkRuleSet denies other addresses: that is not imported, and the gate answers all the same',
    ],
    [
      { policies: { quarantinePolicy: { status: 'enabled' } } },
      'wider: quarantinePolicy is enabled: that is not imported, and the gate answers all the same',
    ],
  ])('is not a success where it is not imported: %j', (settings, expected) => {
    const { findings } = run({ ...SHOWN, ...settings }, [assignment(ACR_PULL)])
    expect(findings.map(({ severity, message }) => `${severity}: ${message}`)).toContain(expected)
  })

  it.each([
    [{ roleAssignmentMode: 'Other' }, {}, 'r.json:1:120: unknown mode "Other"'],
    [{ roleAssignmentMode: 5 }, {}, 'r.json:1:120: roleAssignmentMode is not text'],
    [{ anonymousPullEnabled: 'true' }, {}, 'r.json:1:171: anonymousPullEnabled is not true or false'],
    [{ loginServer: '' }, {}, 'r.json:1:77: the registry has no loginServer'],
    [{}, { mode: 'abac' }, 'the registry hub is in rbac mode, not in abac mode'],
    [{ name: 'other' }, {}, 'the lists are not of the registry that is shown: other'],
  ])('is refused if it is not understood: %j %j', (settings, options, message) => {
    expect(refusalOf({ ...SHOWN, ...settings }, [assignment(ACR_PULL)], options)[0]).toBe(message)
  })
})

describe('the mode of a registry', () => {
  it.each([
    [ACR_PULL, 'AcrPull gives content/read, metadata/read, catalog/read in rbac mode, nothing in abac mode'],
    [
      REPOSITORY_READER,
      'Container Registry Repository Reader gives nothing in rbac mode, content/read, metadata/read in abac mode',
    ],
  ])('is never guessed where it decides: %s', (role, what) => {
    expect(refusalOf(undefined, [assignment(role)])).toEqual([
      `a.json:1:2: the mode of the registry is not known, and the role ${what}`,
      'give what az acr show prints too, or --mode (az acr show --query roleAssignmentMode: LegacyRegistryPermissions is rbac)',
    ])
  })

  it('is not needed for scope maps', () => {
    const map = {
      id: `${ROOT}/hub/scopeMaps/m`,
      name: 'm',
      actions: ['repositories/a/content/read'],
      scopeMapType: 'x',
    }
    expect(parse(run(undefined, [map]).text)).toMatchObject({ registry: { service: 'hub.azurecr.io', mode: 'abac' } })
  })

  it.each([
    ['abac', CONTRIBUTOR, 'the role Contributor gives nothing in abac mode, in Azure too: '],
    [
      'rbac',
      REPOSITORY_READER,
      'the role Container Registry Repository Reader gives nothing in rbac mode, in Azure too: content/read, metadata/read in abac mode',
    ],
    [
      'abac',
      'fb382eab-e894-4461-af04-94435c366c3f',
      'the role Container Registry Tasks Contributor gives no right to the content of a registry',
    ],
  ])('says what a role gives: %s %s', (mode, role, expected) => {
    const { findings } = run(undefined, [assignment(role)], { mode })
    const notes = findings.flatMap(({ severity, message }) => (severity === 'note' ? [message] : []))
    expect(notes.some((message) => message.startsWith(expected))).toBe(true)
    expect(findings.filter(({ severity }) => severity !== 'note')).toEqual([])
  })
})

describe('the registry of the lists', () => {
  it('is not another one for the resource type in a condition', () => {
    const { text } = run(
      undefined,
      [assignment(REPOSITORY_READER, { condition: CONDITION, conditionVersion: '2.0' })],
      { mode: 'abac' },
    )
    expect(parse(text)).toMatchObject({ registry: { service: 'hub.azurecr.io' } })
  })

  it.each([
    [
      [assignment(ACR_PULL), assignment(ACR_PULL, { name: 'two', scope: `${ROOT}/other` })],
      'the lists name several registries: hub, other',
    ],
    [[assignment(ACR_PULL, { scope: '/subscriptions/s' })], 'the lists do not say which registry they are about'],
  ])('is never the default of every gate', (items, message) => {
    expect(refusalOf(undefined, items, { mode: 'rbac' })[0]).toBe(message)
    expect(parse(run(undefined, items, { mode: 'rbac', registry: 'hub' }).text)).toMatchObject({
      registry: { service: 'hub.azurecr.io' },
    })
  })
})

describe('an empty export', () => {
  it.each(['', '\n', '# az failed\n', 'null'])('is a failure: %j', (text) => {
    expect(() =>
      importAzure([file('b.json', [assignment(ACR_PULL)]), { path: 'a.json', text }], { mode: 'rbac' }),
    ).toThrow(new ImportError('a.json is empty', 'the command that should have filled it failed: export it again'))
  })

  it.each([[['[]']], [['[]', '[]']], [['{"value": []}']], [[]]])('is a failure if it is all there is: %j', (texts) => {
    const files = texts.map((text, at) => ({ path: `${at}.json`, text }))
    const expected =
      files.length === 0
        ? 'nothing to import was found'
        : `the lists are empty: ${files.map(({ path }) => path).join(', ')}`
    expect(() => importAzure(files, { mode: 'rbac', service: 'x' })).toThrow(
      new ImportError(expected, 'export role assignments, scope maps and tokens of the registry'),
    )
  })

  it('is none if another list holds something', () => {
    const files = [file('a.json', [assignment(ACR_PULL)]), file('b.json', [])]
    expect(() => importAzure(files, { mode: 'rbac' })).not.toThrow()
  })
})

describe('one odd assignment', () => {
  const good = assignment(ACR_PULL, { name: 'good', principalId: person(2) })
  it.each([
    [
      assignment(REPOSITORY_READER, { condition: CONDITION, conditionVersion: '1.0' }),
      'lost: the condition is of version "1.0", and only 2.0 is understood',
    ],
    [
      assignment('12345678-0000-0000-0000-000000000000'),
      'lost: the role "12345678-0000-0000-0000-000000000000" is not known; export it with az role definition list',
    ],
    [
      assignment('12345678-0000-0000-0000-000000000000', { roleDefinitionName: 'Ours' }),
      'lost: the role "Ours" is not known; export it with az role definition list',
    ],
    [
      assignment('2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'),
      'note: the role "Storage Blob Data Reader" is built in and gives no right in a registry',
    ],
    [
      assignment('9980e02c-c2be-4d73-94e8-173b1dc7cf3c', { roleDefinitionName: 'Virtual Machine Contributor' }),
      'note: the role "Virtual Machine Contributor" is built in and gives no right in a registry',
    ],
  ])('is named, and does not stop the others: %#', (odd, expected) => {
    const { text, findings } = run(undefined, [odd, good], { mode: 'rbac' })
    expect(findings.map(({ severity, message }) => `${severity}: ${message}`)).toContain(expected)
    const policy = new ImportedPolicy(text)
    expect([1, 2].map((n) => policy.allows(`subject:entra/${person(n)}`, 'content/read', 'a'))).toEqual([false, true])
  })

  it('is named by its definition if the export holds it', () => {
    const id = '12345678-0000-0000-0000-000000000001'
    const definition = {
      id: `/providers/Microsoft.Authorization/roleDefinitions/${id}`,
      name: id,
      roleName: 'Other Service Reader',
      roleType: 'BuiltInRole',
      type: 'Microsoft.Authorization/roleDefinitions',
      permissions: [{ actions: ['Microsoft.Other/things/read'], notActions: [], dataActions: [], notDataActions: [] }],
    }
    const { findings } = run(undefined, [definition, assignment(id), good], { mode: 'rbac' })
    expect(findings.map(({ severity, message }) => `${severity}: ${message}`)).toContain(
      'note: the role Other Service Reader gives no right to the content of a registry',
    )
    expect(findings.filter(({ severity }) => severity !== 'note')).toEqual([])
  })
})
