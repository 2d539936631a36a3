import { readFileSync } from 'node:fs'
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { importDockerAuth } from '../../src/importers/docker-auth.ts'
import type { Finding } from '../../src/importers/finding.ts'
import { ImportError } from '../../src/importers/input.ts'
import { ImportedPolicy, names } from './imported.ts'
import { type AclEntry, aclAllows } from './original-docker-auth.ts'

type Config = { users: Record<string, unknown>; acl: AclEntry[] }
const FIXTURE = readFileSync(`${import.meta.dirname}/fixtures/auth_config.yml`, 'utf8')

/** Docker's action and the permissions that it is here. */
const ACTIONS = {
  pull: ['content/read', 'metadata/read'],
  push: ['content/write'],
  delete: ['content/delete', 'metadata/delete'],
}
const ADDRESSES = ['10.1.2.3', '192.0.2.1', '203.0.113.9']

type Difference = { account: string; action: string; name: string; ip: string; original: boolean; imported: boolean }

/**
 * Every question of a grid that the two answer differently. For `wider` accounts, beyond what anonymous callers may: that
 * is what the report says of them.
 */
function differences(
  { users, acl }: Config,
  text: string,
  repositories: readonly string[],
  wider: ReadonlySet<string>,
): readonly Difference[] {
  const policy = new ImportedPolicy(text)
  const accounts = Object.keys(users)
  const found: Difference[] = []
  const originally = (account: string, type: string, action: string, name: string, ip: string) =>
    aclAllows(acl, { account, type, action, name, ip }) ||
    (wider.has(account) && aclAllows(acl, { account: '', type, action, name, ip }))
  for (const account of accounts) {
    const who = account === '' ? 'anonymous' : `token:${account}`
    for (const ip of ADDRESSES) {
      for (const name of repositories) {
        for (const [action, permissions] of Object.entries(ACTIONS)) {
          const original = originally(account, 'repository', action, name, ip)
          for (const permission of permissions) {
            const imported = policy.allows(who, permission, name, ip)
            if (imported !== original) found.push({ account, action, name, ip, original, imported })
          }
        }
      }
      const original = originally(account, 'registry', '*', 'catalog', ip)
      const imported = policy.allows(who, 'catalog/read', undefined, ip)
      if (imported !== original) found.push({ account, action: 'catalog', name: '', ip, original, imported })
    }
  }
  return found
}

/** The accounts of which the report says that they get more. */
const widerAccounts = (findings: readonly Finding[]): ReadonlySet<string> =>
  new Set(
    findings.flatMap(({ severity, message }) =>
      severity === 'wider' ? (/^(\S+) has at least the rights of anonymous/.exec(message)?.[1] ?? []) : [],
    ),
  )

const WORDS = [
  'root',
  'mia',
  'guest',
  'build',
  'build-bot',
  'secret',
  'secrets',
  'base',
  'a1',
  'bz',
  'cc',
  'public',
  'hello',
].concat(['tools', 'lint', 'test-dev', 'deep', 'x', 'other'])

describe('an acl', () => {
  it('decides as it did on a grid', () => {
    const { text, findings } = importDockerAuth('auth_config.yml', FIXTURE, {})
    expect(findings.filter(({ severity }) => severity === 'lost')).toEqual([])
    expect(differences(parse(FIXTURE), text, names(WORDS), widerAccounts(findings))).toEqual([])
  }, 60_000)

  it.each([
    [
      'a name that is not a condition',
      `[{match: {name: "/^[a-z]+$/"}, actions: ["*"]}]`,
      'cannot be said in a condition',
      3,
    ],
    [
      'a class that is too large',
      `[{match: {name: "*[a-z][a-z]"}, actions: ["*"]}]`,
      'cannot be said in a condition',
      3,
    ],
    [
      'a service',
      `[{match: {service: "Docker registry"}, actions: ["*"]}]`,
      'say which is imported, with --service',
      3,
    ],
    ['an address', `[{match: {ip: "10.0.0"}, actions: ["*"]}]`, 'is not an address or range', 3],
    ['an account that is not understood', `[{match: {account: "/(?m)ann/"}, actions: ["*"]}]`, 'is not understood', 3],
  ])('says what is lost, with its line: %s', (_, acl, message, line) => {
    const { text, findings } = importDockerAuth('c.yml', `users: { ann: {} }\n# x\nacl: ${acl}\n`, {})
    const lost = findings.filter(({ severity }) => severity === 'lost')
    expect(lost).toEqual([expect.objectContaining({ message: expect.stringContaining(message) })])
    expect(lost[0]?.source).toMatchObject({ file: 'c.yml', line })
    expect(new ImportedPolicy(text).allows('token:ann', 'content/read', 'aa')).toBe(false)
  })

  it('grants nothing behind a refusal that it cannot say', () => {
    const acl = `[{match: {name: "/^[a-z]+$/"}, actions: []}, {match: {}, actions: [pull]}]`
    const policy = new ImportedPolicy(importDockerAuth('c.yml', `users: { ann: {} }\nacl: ${acl}\n`, {}).text)
    expect(policy.allows('token:ann', 'content/read', 'aa')).toBe(false)
  })

  it('knows the service that it was told', () => {
    const config = `users: { ann: {} }\nacl: [{match: {service: "Docker*"}, actions: [pull]}]\n`
    const allows = (service: string) =>
      new ImportedPolicy(importDockerAuth('c.yml', config, { service }).text).allows('token:ann', 'content/read', 'a')
    expect([allows('Docker registry'), allows('Other')]).toEqual([true, false])
  })

  it.each([
    ['users elsewhere', 'ldap_auth: { addr: x }\nusers: {}\nacl: []\n', 'the users of ldap_auth are not in the file'],
    ['rules elsewhere', 'acl_mongo: { x: 1 }\nacl: []\n', 'the rules of acl_mongo are not in the file'],
    ['a name that no key is', 'users: { "constructor": {}, "robot x": {} }\nacl: []\n', '"robot x" cannot be the name'],
    ['a name that no token has', 'users: { "a@b.c": {} }\nacl: []\n', '"a@b.c" cannot be the name of a token'],
  ])('reports %s', (_, config, message) => {
    const { findings } = importDockerAuth('c.yml', config, {})
    expect(findings.map((finding) => finding.message).join('\n')).toContain(message)
  })

  it('imports the accounts that rules name when users are elsewhere', () => {
    const config = 'ldap_auth: { addr: x }\nacl: [{match: {account: "ann"}, actions: [pull]}]\n'
    const policy = new ImportedPolicy(importDockerAuth('c.yml', config, {}).text)
    expect([policy.allows('token:ann', 'content/read', 'a'), policy.allows('token:bob', 'content/read', 'a')]).toEqual([
      true,
      false,
    ])
  })

  it('asks for a new password of everybody', () => {
    const { findings } = importDockerAuth('auth_config.yml', FIXTURE, {})
    expect(findings.filter(({ severity }) => severity === 'note').map(({ hint }) => hint)).toEqual(
      ['root', 'mia', 'build-bot', 'guest'].map((name) => `dockgate token rotate ${name}`),
    )
  })

  it.each(['', 'a: 1', 'acl: x', '[', 'acl: &a [*a]'])('refuses %j', (text) => {
    expect(() => importDockerAuth('c.yml', text, {})).toThrow(ImportError)
  })
})

const word = fc.constantFrom('a', 'b', 'ab', 'a1')
const piece = fc.constantFrom('a', 'b', '*', '?', 'a*', '*b', '[ab]', '[^a]', '1')
const glob = fc.array(piece, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
const atom = fc.constantFrom(
  'a',
  'b',
  '/',
  '.',
  '.*',
  '.+',
  '[^/]+',
  '[^/]*',
  '(a|b)',
  '[ab1]',
  'a?',
  '\\.',
  '\\d',
  '(?:a/b|1)',
  '[a-c]+',
)
const regex = fc
  .tuple(fc.constantFrom('', '^'), fc.array(atom, { minLength: 1, maxLength: 4 }), fc.constantFrom('', '$'))
  .map(([start, parts, end]) => `/${start}${parts.join('')}${end}/`)
const entry = fc.record({
  match: fc.record(
    {
      account: fc.constantFrom(
        'a',
        'b',
        '',
        '*',
        '/.+/',
        '/^(a)b?$/',
        '/^[ab]$/',
        '?',
        '${name}',
        '/^${name}$/',
        'a${name}',
      ),
      type: fc.constantFrom('repository', 'registry', '*', '/^reg/'),
      name: fc.oneof(
        glob,
        regex,
        fc.constantFrom(
          '${account}/*',
          '${account}',
          '${account:1}/b',
          'catalog',
          '/^${account}(-.*)?$/',
          '${name}',
          '${type}/*',
        ),
      ),
      ip: fc.constantFrom('10.0.0.0/8', '192.0.2.1'),
    },
    { requiredKeys: [] },
  ),
  actions: fc.constantFrom([], ['*'], ['pull'], ['push', 'pull'], ['delete'], ['*', 'pull']),
})
const REPOSITORIES = names(['a', 'b', 'ab', 'a1', 'c', '1']).concat(
  ['a/b/a/b', 'catalog', 'a-b', 'b-/a'].filter((name) => name !== 'b-/a'),
)

describe('any acl', () => {
  test.prop([fc.array(entry, { maxLength: 6 }), fc.array(word, { minLength: 1, maxLength: 2 })], { numRuns: 60 })(
    'never gives more than it did, and the same where nothing is lost',
    (acl, extra) => {
      const users = Object.fromEntries(['a', 'b', 'ab', '', ...extra].map((name) => [name, {}]))
      const config = { users, acl }
      const { text, findings } = importDockerAuth('c.yml', JSON.stringify(config), {})
      const found = differences(config, text, REPOSITORIES, widerAccounts(findings))
      const isLossless = findings.every(({ severity }) => severity !== 'lost')
      expect(found.filter(({ imported }) => imported || isLossless)).toEqual([])
    },
    60_000,
  )
})
