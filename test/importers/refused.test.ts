/**
 * Every reason for which an importer refuses a file, in full: the place, what is wrong, and what to do. No value of another
 * type than the expected one is taken for an absent one.
 */
import { describe, expect, it } from 'vitest'
import { importAzure } from '../../src/importers/azure.ts'
import { importDockerAuth } from '../../src/importers/docker-auth.ts'
import type { Imported } from '../../src/importers/finding.ts'
import { ImportError } from '../../src/importers/input.ts'
import { importZot } from '../../src/importers/zot.ts'

const withHint = (text: string, hint: string | undefined): string => (hint === undefined ? text : `${text} (${hint})`)

function refusal(run: () => Imported): string {
  try {
    run()
  } catch (cause) {
    if (cause instanceof ImportError) return withHint(`refused: ${cause.message}`, cause.hint)
    throw cause
  }
  return 'imported'
}

describe('a file of docker_auth is refused', () => {
  it.each([
    ['acl: []\n---\nacl: []\n', 'refused: c.yml:2:1: a second document starts here (put it into a file of its own)'],
    ['# x\n%YAML 1.1\n---\nacl: []\n', 'refused: c.yml:2:1: a YAML directive is not understood here (remove it)'],
    [
      'acl: []\r# x\n',
      'refused: c.yml:1:8: this character ends a line for some YAML libraries only (end lines with a line feed, and write the character as an escape)',
    ],
    ['acl: [*a]\n', 'refused: c.yml:1:7: no anchor &a stands before this alias (write the values out)'],
    ['acl: &a [*a]\n', 'refused: c.yml:1:10: the alias *a is inside its own anchor (write the values out)'],
    ['acl: {match: {}}\n', 'refused: c.yml:1:6: acl must be a list, and is a mapping (write it in brackets)'],
    ['acl: x\n', 'refused: c.yml:1:6: acl must be a list, and is text (write it in brackets)'],
    ['acl: [x]\n', 'refused: c.yml:1:7: the acl entry must be a mapping, and is text'],
    [
      'acl: [{actions: []}]\n',
      'refused: c.yml:1:7: the acl entry has no match (docker_auth fails on it; match: {} is everything)',
    ],
    [
      'acl: [{match: {}}]\n',
      'refused: c.yml:1:7: the acl entry has no actions (docker_auth fails on it; actions: [] denies)',
    ],
    ['acl: [{match: x, actions: []}]\n', 'refused: c.yml:1:15: match must be a mapping, and is text'],
    [
      'acl: [{match: {}, actions: pull}]\n',
      'refused: c.yml:1:28: actions must be a list, and is text (write it in brackets)',
    ],
    [
      'acl: [{match: {}, actions: [~]}]\n',
      "refused: c.yml:1:29: an action must be text, and is empty (to mean an empty text, write '')",
    ],
    [
      'acl: [{match: {}, action: [], actions: []}]\n',
      'refused: c.yml:1:19: the acl entry has no key "action" (docker_auth ignores it; it knows match, actions, comment)',
    ],
    [
      'acl: [{match: {nmae: x}, actions: []}]\n',
      'refused: c.yml:1:16: match has no key "nmae" (docker_auth ignores it; it knows account, type, name, service, ip, labels)',
    ],
    ['acl: [{match: {account: [x]}, actions: []}]\n', 'refused: c.yml:1:25: account must be text, and is a list'],
    ['acl: [{match: {account: {x: y}}, actions: []}]\n', 'refused: c.yml:1:25: account must be text, and is a mapping'],
    [
      'acl: [{match: {account: NULL}, actions: []}]\n',
      'refused: c.yml:1:25: NULL is not read in one way by all YAML libraries (write ~, or quote the text)',
    ],
    [
      'acl: [{match: {account: !foo x}, actions: []}]\n',
      'refused: c.yml:1:30: the YAML tag !foo is not understood here (write the value without it)',
    ],
    [
      'acl: [{match: {account: "a\\/b"}, actions: []}]\n',
      'refused: c.yml:1:25: the escape \\/ is not understood by yaml.v2 (write / alone)',
    ],
    [
      'acl: [{match: {account: a, account: b}, actions: []}]\n',
      'refused: c.yml:1:28: the key "account" is here twice, first at c.yml:1:16 (keep one of them)',
    ],
    [
      'acl: [{match: {<<: x}, actions: []}]\n',
      'refused: c.yml:1:20: only mappings can be merged with << (write the values out)',
    ],
    ['acl: [{match: {[a]: x}, actions: []}]\n', 'refused: c.yml:1:16: this cannot be a key (a key is plain text)'],
    ['acl: [{match: {~: x}, actions: []}]\n', 'refused: c.yml:1:16: this key is empty (quote it)'],
    ['users: {x: y}\nacl: []\n', 'refused: c.yml:1:12: the user "x" must be a mapping, and is text'],
    ['users: []\nacl: []\n', 'refused: c.yml:1:8: users must be a mapping, and is a list'],
    ['users: {x: {labels: []}}\nacl: []\n', 'refused: c.yml:1:21: labels must be a mapping, and is a list'],
    [
      'users: {x: {labels: {t: dev}}}\nacl: []\n',
      'refused: c.yml:1:25: a label must be a list, and is text (write it in brackets)',
    ],
    ['acl: [{match: {}, actions: [], comment: [x]}]\n', 'refused: c.yml:1:41: a comment must be text, and is a list'],
    ['- acl\n', 'refused: c.yml:1:1: the configuration must be a mapping, and is a list'],
    [`acl: ${'['.repeat(1001)}`, 'refused: c.yml:1:1: values are nested too deeply'],
    [
      'acl: ["a\u2028b"]\n',
      'refused: c.yml:1:9: this character ends a line for some YAML libraries only (end lines with a line feed, and write the character as an escape)',
    ],
  ])('%j', (text, expected) => {
    expect(refusal(() => importDockerAuth('c.yml', text, {}))).toEqual(expected)
  })

  it('if it is larger than people write', () => {
    const text = `acl: [] #${' '.repeat(64 * 1024 * 1024)}`
    expect(refusal(() => importDockerAuth('c.yml', text, {}))).toEqual(
      'refused: c.yml:1:1: the file is larger than 64 MiB',
    )
  })
})

describe('a file of zot is refused', () => {
  it.each([
    [
      'c.toml',
      '[http]',
      'refused: c.toml:1:1: zot reads the file as toml, which is not understood here (convert it to JSON)',
    ],
    ['c.json', '{"http":{"accessControl":"x"}}', 'refused: c.json:1:26: accessControl must be a mapping, and is text'],
    [
      'c.json',
      '{"http":{"accessControl":{"repositories":[1]}}}',
      'refused: c.json:1:42: repositories must be a mapping, and is a list',
    ],
    [
      'c.json',
      '{"http":{"accessControl":{"repositories":{"a":[1]}}}}',
      'refused: c.json:1:47: the value of a pattern must be a mapping, and is a list',
    ],
    [
      'c.json',
      '{"http":{"accessControl":{"repositories":{"a[":{"defaultPolicy":["read"]}}}}}',
      'refused: c.json:1:43: a[ is not a pattern (zot refuses it)',
    ],
    [
      'c.json',
      '{"http":{"accessControl":{"repositories":{"a::b":{"defaultPolicy":["read"]}}}}}',
      'refused: c.json:1:43: zot splits the key a::b at "::" (rename it)',
    ],
    [
      'c.json',
      '{"http":{"accessControl":{"repositories":{"é":{"defaultPolicy":["read"]}}}}}',
      'refused: c.json:1:43: a key is plain ASCII text (no repository has another name)',
    ],
    [
      'c.json',
      '{"http":{"accessControl":{"repositories":{"A":{"defaultPolicy":[]},"a":{"defaultPolicy":[]}}}}}',
      'refused: c.json:1:68: zot does not tell a from the key at c.json:1:43, and takes one of them by chance (keep one of them)',
    ],
    [
      'c.json',
      '{"http":{"accessControl":{"repositories":{"a":{"nope":1}}}}}',
      'refused: c.json:1:48: the value of a pattern has no key "nope" (zot refuses it; it knows policies, defaultpolicy, anonymouspolicy)',
    ],
    [
      'c.json',
      '{"http":{"accessControl":{"repositories":{"a":{"policies":[{"user":["a"]}]}}}}}',
      'refused: c.json:1:61: a policy has no key "user" (zot refuses it; it knows users, groups, actions, conditions)',
    ],
    [
      'c.json',
      '{"http":{"accessControl":{"repositories":{"a":{"policies":["x"]}}}}}',
      'refused: c.json:1:60: a policy must be a mapping, and is text',
    ],
    [
      'c.json',
      '{"http":{"accessControl":{"repositories":{"a":{"policies":[{"users":"a,b"}]}}}}}',
      'refused: c.json:1:69: the versions of zot read "a,b" as different lists (write a list, in brackets)',
    ],
    [
      'c.json',
      '{"http":{"accessControl":{"repositories":{"a":{"policies":[{"users":{"a":1}}]}}}}}',
      'refused: c.json:1:69: users must be a list of texts, and is a mapping',
    ],
    [
      'c.json',
      '{"http":{"accessControl":{"repositories":{"a":{"policies":[{"users":[["a"]]}]}}}}}',
      'refused: c.json:1:70: users must hold texts, and holds a list',
    ],
    [
      'c.json',
      '{"http":{"accessControl":{"repositories":{"a":{"policies":[{"users":[1e21]}]}}}}}',
      'refused: c.json:1:70: 1e21 is not read in one way by all versions of zot (quote it)',
    ],
    [
      'c.json',
      '{"http":{"accessControl":{"repositories":{"a":{"policies":[{"conditions":"x"}]}}}}}',
      'refused: c.json:1:74: a condition must be a mapping, and is text',
    ],
    [
      'c.json',
      '{"http":{"accessControl":{"repositories":{"a":{"defaultPolicy":[]}},"groups":{"web":["wim"]}}}}',
      'refused: c.json:1:85: a group must be a mapping, and is a list',
    ],
    [
      'c.json',
      '{"http":{"accessControl":{"repositories":{"a":{"defaultPolicy":[]}},"groups":{"web":{"members":["wim"]}}}}}',
      'refused: c.json:1:86: a group has no key "members" (zot refuses it; it knows users)',
    ],
    [
      'c.json',
      '{"http":{"accessControl":{"repositories":{"a":{"defaultPolicy":[]}},"nope":1}}}',
      'refused: c.json:1:69: accessControl has no key "nope" (zot refuses it; it knows repositories, adminpolicy, groups, metrics)',
    ],
    [
      'c.json',
      '{"http":{"accessControl":{"repositories":{"a":{"defaultPolicy":[]}},"adminPolicy":[1]}}}',
      'refused: c.json:1:83: a policy must be a mapping, and is a list',
    ],
    [
      'c.yaml',
      'http: {accessControl: {repositories: {1001: {defaultPolicy: [read]}}}}',
      'refused: c.yaml:1:39: the key 1001 is not read in one way by all versions of zot (quote it)',
    ],
    [
      'c.yaml',
      'http: {accessControl: {repositories: {a: {defaultPolicy: [yes]}}}}',
      'refused: c.yaml:1:59: yes is not read in one way by all versions of zot (quote it)',
    ],
    ['c.json', '{"http":["x"]}', 'refused: c.json:1:9: http must be a mapping, and is a list'],
    ['c.json', '["x"]', 'refused: c.json:1:1: the configuration must be a mapping, and is a list'],
    [
      'c.json',
      '{http: {}}',
      "refused: c.json:1:1: not valid JSON: Expected property name or '}' in JSON at position 1 (line 1 column 2) (zot reads it as JSON)",
    ],
  ])('%s %s', (file, text, expected) => {
    expect(refusal(() => importZot(file, text, { createIsWrite: false }))).toEqual(expected)
  })
})

const ROOT = '/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries'
const assignment = (role: string, more: object = {}) => ({
  name: 'one',
  principalId: 'p',
  principalType: 'User',
  roleDefinitionId: `/providers/Microsoft.Authorization/roleDefinitions/${role}`,
  roleDefinitionName: '',
  scope: `${ROOT}/hub`,
  ...more,
})
const PULL = assignment('7f951dda-4ed3-4680-a7ca-43fe172d538d')
const shown = (more: object = {}) =>
  JSON.stringify({
    name: 'hub',
    loginServer: 'hub.azurecr.io',
    adminUserEnabled: false,
    roleAssignmentMode: 'LegacyRegistryPermissions',
    ...more,
  })
const list = (...items: readonly object[]) => JSON.stringify(items)

describe('lists of Azure are refused', () => {
  it.each([
    [[''], {}, 'refused: 0.json is empty (the command that should have filled it failed: export it again)'],
    [
      ['[]', '[]'],
      {},
      'refused: the lists are empty: 0.json, 1.json (export role assignments, scope maps and tokens of the registry)',
    ],
    [[], {}, 'refused: nothing to import was found (export role assignments, scope maps and tokens of the registry)'],
    [
      [list(PULL)],
      {},
      'refused: 0.json:1:2: the mode of the registry is not known, and the role AcrPull gives content/read, metadata/read, catalog/read in rbac mode, nothing in abac mode (give what az acr show prints too, or --mode (az acr show --query roleAssignmentMode: LegacyRegistryPermissions is rbac))',
    ],
    [
      [list({ ...PULL, scope: '/subscriptions/s' })],
      { mode: 'rbac' },
      'refused: the lists do not say which registry they are about (give what az acr show prints too, or the host name of the gate with --service)',
    ],
    [
      [list(PULL, { ...PULL, name: 'b', scope: `${ROOT}/other` })],
      { mode: 'rbac' },
      'refused: the lists name several registries: hub, other (choose one with --registry)',
    ],
    [
      [list(PULL), shown()],
      { mode: 'abac' },
      'refused: the registry hub is in rbac mode, not in abac mode (leave out --mode)',
    ],
    [
      [list(PULL), shown({ name: 'other' })],
      {},
      'refused: the lists are not of the registry that is shown: other (name the registry with --registry, and give what az acr show prints of it)',
    ],
    [
      [list(PULL), shown(), shown()],
      {},
      'refused: several registries: hub, hub (name the registry with --registry, and give what az acr show prints of it)',
    ],
    [
      [list(PULL), shown({ roleAssignmentMode: 'x' })],
      {},
      'refused: 1.json:1:92: unknown mode "x" (export it again with az acr show)',
    ],
    [
      [list(PULL), shown({ roleAssignmentMode: 5 })],
      {},
      'refused: 1.json:1:92: roleAssignmentMode is not text (export it again with az acr show)',
    ],
    [
      [list(PULL), shown({ adminUserEnabled: 'x' })],
      {},
      'refused: 1.json:1:65: adminUserEnabled is not true or false (export it again with az acr show)',
    ],
    [
      [list(PULL), shown({ loginServer: '' })],
      {},
      'refused: 1.json:1:29: the registry has no loginServer (export it again with az acr show)',
    ],
  ] as [string[], { mode?: 'abac' | 'rbac' }, string][])('%# %j', (texts, options, expected) => {
    const files = texts.map((text, at) => ({ path: `${at}.json`, text }))
    expect(refusal(() => importAzure(files, options))).toEqual(expected)
  })
})

/** A note that is tested elsewhere. */
const INHERITED = /no [^ ]*assignment is inherited/

describe('the report of an import from Azure', () => {
  const findings = (files: readonly string[], mode?: 'abac' | 'rbac') =>
    importAzure(
      files.map((text, at) => ({ path: `${at}.json`, text })),
      { tenant: 't', ...(mode === undefined ? {} : { mode }) },
    )
      .findings.map(({ severity, source: { file, line, column }, message, hint }) =>
        withHint(`${severity}: ${file}:${line}:${column} ${message}`, hint),
      )
      .filter((text) => !INHERITED.test(text))

  it.each([
    [
      list({ ...PULL, condition: 'x', conditionVersion: '1.0' }),
      'rbac',
      'lost: 0.json:1:322 the condition is of version "1.0", and only 2.0 is understood (this assignment grants nothing)',
    ],
    [
      list(assignment('12345678-0000-0000-0000-000000000000')),
      'rbac',
      'lost: 0.json:1:76 the role "12345678-0000-0000-0000-000000000000" is not known; export it with az role definition list (this assignment grants nothing)',
    ],
    [
      list(assignment('2a2b9908-6ea1-4ae2-8e65-a410df84e7d1')),
      'rbac',
      'note: 0.json:1:76 the role "Storage Blob Data Reader" is built in and gives no right in a registry (this assignment grants nothing)',
    ],
    [
      list(PULL),
      'abac',
      'note: 0.json:1:2 the role AcrPull gives nothing in abac mode, in Azure too: content/read, metadata/read, catalog/read in rbac mode',
    ],
    [
      list(assignment('fb382eab-e894-4461-af04-94435c366c3f')),
      'rbac',
      'note: 0.json:1:2 the role Container Registry Tasks Contributor gives no right to the content of a registry',
    ],
  ] as [string, 'abac' | 'rbac', string][])('names one odd assignment: %#', (text, mode, expected) => {
    expect(findings([text], mode)).toEqual([expected])
  })

  it('says what the settings of the registry come to', () => {
    const settings = shown({
      adminUserEnabled: true,
      anonymousPullEnabled: true,
      publicNetworkAccess: 'Disabled',
      networkRuleSet: { defaultAction: 'Deny' },
      policies: { quarantinePolicy: { status: 'enabled' } },
    })
    const hint = 'close the gate in the same way, or keep the registry behind it closed'
    expect(findings([list(PULL), settings])).toEqual([
      'lost: 1.json:1:1 the admin user may pull and push everything there, and is not imported (make a token for each program that uses it (dockgate token create), and disable the admin user)',
      'note: 1.json:1:1 anonymous callers may pull everything, as in Azure (remove registry.anonymous to end it)',
      `wider: 1.json:1:1 publicNetworkAccess is disabled: that is not imported, and the gate answers all the same (${hint})`,
      `wider: 1.json:1:1 networkRuleSet denies other addresses: that is not imported, and the gate answers all the same (${hint})`,
      `wider: 1.json:1:1 quarantinePolicy is enabled: that is not imported, and the gate answers all the same (${hint})`,
    ])
  })
})
