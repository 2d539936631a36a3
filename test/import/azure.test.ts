import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { importAzure } from '../../src/import/azure.ts'
import { ImportError } from '../../src/import/input.ts'
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

  it.each(['[', '[{"a": 1}]', '{"tokens": []}', '"x"'])('refuses %s', (text) => {
    expect(() => importAzure([{ path: 'a.json', text }], { mode: 'abac' })).toThrow(ImportError)
  })
})
