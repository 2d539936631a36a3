/**
 * The files that the importers read against what the original programs' libraries made of them (see vectors/README.md):
 * each value is read as they read it, or the file is refused with a place.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readDockerAuth } from '../../src/import/docker-auth-file.ts'
import { ImportError } from '../../src/import/input.ts'
import { readZot } from '../../src/import/zot-file.ts'

const read = (name: string) => JSON.parse(readFileSync(`${import.meta.dirname}/vectors/${name}.json`, 'utf8'))

/** A value, or why the file is refused. */
function attempt<T>(run: () => T): { value: T } | { refused: string } {
  try {
    return { value: run() }
  } catch (cause) {
    if (cause instanceof ImportError) return { refused: cause.message }
    throw cause
  }
}

type DockerAuth = {
  users?: Record<string, { labels?: Record<string, string[] | null> } | null> | null
  acl?: { match: Record<string, unknown> | null; actions: string[] | null }[] | null
}
type Zot = {
  AccessControl: null | {
    Repositories: null | Record<
      string,
      { Policies: Policy[] | null; DefaultPolicy: string[] | null; AnonymousPolicy: string[] | null }
    >
    AdminPolicy: Policy
    Groups: null | Record<string, { Users: string[] | null }>
  }
}
type Policy = Record<'Users' | 'Actions' | 'Groups', string[] | null> & { Conditions: unknown[] | null }

const DOCKER_AUTH: readonly [text: string, decoded: DockerAuth | null][] = read('yaml-v2').rows
const ZOT: readonly [file: string, text: string, decoded: Zot | null | 'versions differ'][] = read('viper').rows

/** What docker_auth keeps, in one shape: users that exist, and entries. */
const ofOriginal = ({ users, acl }: DockerAuth) => ({
  users: Object.fromEntries(
    Object.entries(users ?? {}).flatMap(([name, user]) =>
      user === null
        ? []
        : [
            [
              name,
              Object.fromEntries(Object.entries(user.labels ?? {}).map(([label, values]) => [label, values ?? []])),
            ],
          ],
    ),
  ),
  acl: (acl ?? []).map(({ match, actions }) => ({ match, actions })),
})

function ofImporter(text: string) {
  const { users, acl } = readDockerAuth('c.yml', text)
  return {
    users: Object.fromEntries([...users].map(([name, { labels }]) => [name, Object.fromEntries(labels)])),
    acl: acl.map(({ match: { labels, ...fields }, actions }) => ({
      match: {
        ...Object.fromEntries(Object.entries(fields).map(([field, value]) => [field, value.text])),
        ...(labels.size === 0
          ? {}
          : { labels: Object.fromEntries([...labels].map(([label, { text: value }]) => [label, value])) }),
      },
      actions: actions.map((action) => action.text),
    })),
  }
}

describe('a file of docker_auth', () => {
  it.each(DOCKER_AUTH)('is read as yaml.v2 reads it, or refused with a place: %j', (text, decoded) => {
    const own = attempt(() => ofImporter(text))
    if ('refused' in own) expect(own.refused).toMatch(/^c\.yml(?::\d+:\d+: | has no acl$)/)
    else expect(own.value).toEqual(decoded === null ? 'refused' : ofOriginal(decoded))
  })

  it.each([
    ['account: 1001', '1001'],
    ['account: 0x1F', '0x1F'],
    ['account: 1.50', '1.50'],
    ['account: yes', 'yes'],
    ['account: 2020-01-01', '2020-01-01'],
    ['account: !!str 5', '5'],
    ["account: 'null'", 'null'],
    ["account: ''", ''],
    ['account: ~', undefined],
    ['account:', undefined],
  ])('reads %s', (field, expected) => {
    const { acl } = readDockerAuth('c.yml', `acl:\n  - match:\n      ${field}\n    actions: [pull]\n`)
    expect(acl[0]?.match.account?.text).toBe(expected)
  })

  it('merges keys as yaml.v2 does', () => {
    const text = 'x: &ci {account: ci}\nacl:\n  - match: {<<: *ci, name: "release/*"}\n    actions: [pull]\n'
    const { match } = readDockerAuth('c.yml', text).acl[0] ?? {}
    expect([match?.account?.text, match?.name?.text]).toEqual(['ci', 'release/*'])
  })

  it.each([
    ['{nmae: x}', 'c.yml:2:13: match has no key "nmae"'],
    ['{Account: x}', 'c.yml:2:13: match has no key "Account"'],
    ['{1: x}', 'c.yml:2:13: match has no key "1"'],
    ['{account: [x]}', 'c.yml:2:22: account is text, not a list'],
    ['{account: {x: y}}', 'c.yml:2:22: account is text, not a mapping'],
    ['{account: !foo x}', 'c.yml:2:27: the YAML tag !foo is not understood here'],
    ['{account: NULL}', 'c.yml:2:22: NULL is not read in one way by all YAML libraries'],
    ['{account: a, account: b}', 'c.yml:2:25: the key "account" is here twice, first at c.yml:2:13'],
    ['{account: a, <<: {account: b}}', 'c.yml:2:25: the key "account" is here twice, first at c.yml:2:13'],
    ['{<<: x}', 'c.yml:2:17: only mappings can be merged with <<'],
    ['{[a]: x}', 'c.yml:2:13: this cannot be a key'],
    ['{~: x}', 'c.yml:2:13: this key is empty'],
    ['x', 'c.yml:2:12: match is a mapping, not a text'],
    ['[]', 'c.yml:2:12: match is a mapping, not a list'],
    ['*x', 'c.yml:2:12: no anchor &x stands before this alias'],
  ])('refuses match: %s', (match, message) => {
    expect(attempt(() => readDockerAuth('c.yml', `acl:\n  - match: ${match}\n    actions: [pull]\n`))).toEqual({
      refused: message,
    })
  })

  it.each([
    ['acl: []\n---\nacl: []\n', 'c.yml:2:1: a second document starts here'],
    ['# x\n%YAML 1.1\n---\nacl: []\n', 'c.yml:2:1: a YAML directive is not understood here'],
    ['acl: []\r# x\n', 'c.yml:1:8: this character ends a line for some YAML libraries only'],
    ['acl: ["a\u2028b"]\n', 'c.yml:1:9: this character ends a line for some YAML libraries only'],
    ['acl: &a [*a]\n', 'c.yml:1:10: the alias *a is inside its own anchor'],
    [`acl: ${'['.repeat(1001)}`, 'c.yml:1:1: values are nested too deeply'],
    ['acl: {match: {}}\n', 'c.yml:1:6: acl is a list, not a mapping'],
    ['acl: x\n', 'c.yml:1:6: acl is a list, not a text'],
    ['acl:\n  - actions: []\n', 'c.yml:2:5: an acl entry without match'],
    ['acl:\n  - match: {}\n', 'c.yml:2:5: an acl entry without actions'],
    ['acl:\n  - {match: {}, actions: pull}\n', 'c.yml:2:26: actions is a list, not a text'],
    ['acl:\n  - {match: {}, actions: [~]}\n', 'c.yml:2:27: an action is text, and empty here'],
    ['acl:\n  - {match: {}, action: [pull], actions: []}\n', 'c.yml:2:17: an acl entry has no key "action"'],
    ['users: {x: y}\nacl: []\n', 'c.yml:1:12: the user "x" is a mapping, not a text'],
    ['users: {x: {labels: {t: dev}}}\nacl: []\n', 'c.yml:1:25: a label is a list, not a text'],
  ])('refuses %j', (text, message) => {
    expect(attempt(() => readDockerAuth('c.yml', text))).toEqual({ refused: message })
  })
})

const policyOf = ({ Users, Actions, Groups, Conditions }: Policy) => ({
  users: Users ?? [],
  actions: Actions ?? [],
  groups: Groups ?? [],
  isConditional: (Conditions ?? []).length > 0,
})

const controlOf = ({ AccessControl }: Zot) =>
  AccessControl && {
    repositories: Object.fromEntries(
      Object.entries(AccessControl.Repositories ?? {}).map(([pattern, group]) => [
        pattern,
        {
          policies: (group.Policies ?? []).map(policyOf),
          defaultPolicy: group.DefaultPolicy ?? [],
          anonymousPolicy: group.AnonymousPolicy ?? [],
        },
      ]),
    ),
    adminPolicy: policyOf(AccessControl.AdminPolicy),
    groups: Object.fromEntries(
      Object.entries(AccessControl.Groups ?? {}).map(([name, { Users }]) => [name, Users ?? []]),
    ),
  }

function controlOfImporter(file: string, text: string) {
  const { repositories, adminPolicy, groups } = readZot(file, text)
  const plain = (texts: { items: readonly { text: string }[] }) => texts.items.map((item) => item.text)
  const policy = (given: NonNullable<typeof adminPolicy>) => ({
    users: plain(given.users),
    actions: plain(given.actions),
    groups: plain(given.groups),
    isConditional: given.conditions !== undefined,
  })
  return {
    repositories: Object.fromEntries(
      repositories.map((group) => [
        group.pattern,
        {
          policies: group.policies.map(policy),
          defaultPolicy: plain(group.defaultPolicy),
          anonymousPolicy: plain(group.anonymousPolicy),
        },
      ]),
    ),
    adminPolicy:
      adminPolicy === undefined ? { users: [], actions: [], groups: [], isConditional: false } : policy(adminPolicy),
    groups: Object.fromEntries([...groups].map(([name, items]) => [name, plain({ items })])),
  }
}

describe('a file of zot', () => {
  it.each(ZOT)('%s is read as viper and mapstructure read it, or refused with a place: %j', (file, text, decoded) => {
    const own = attempt(() => controlOfImporter(file, text))
    const place = /^c\.(?:json|yaml)(?::\d+:\d+: | has no http\.accessControl$)/
    if ('refused' in own) expect(own.refused).toMatch(place)
    else expect(own.value).toEqual(decoded === null || decoded === 'versions differ' ? 'refused' : controlOf(decoded))
  })

  const inPolicy = (policy: string) => `{"http":{"accessControl":{"repositories":{"a":{"policies":[${policy}]}}}}}`
  it.each([
    ['{"users":"a,b"}', 'c.json:1:69: the versions of zot read "a,b" as different lists'],
    ['{"users":{"a":1}}', 'c.json:1:69: users is a list of texts, not a mapping'],
    ['{"users":[["a"]]}', 'c.json:1:70: users holds texts, not a list'],
    ['{"users":[1e21]}', 'c.json:1:70: 1e21 is not read in one way by all versions of zot'],
    ['{"user":["a"]}', 'c.json:1:61: a policy has no key "user"'],
    [
      '{"users":["a"],"Users":["b"]}',
      'c.json:1:75: zot does not tell Users from the key at c.json:1:61, and takes one of them by chance',
    ],
    ['{"conditions":"x"}', 'c.json:1:74: a condition is a mapping, not a text'],
    ['"x"', 'c.json:1:60: a policy is a mapping, not a text'],
  ])('refuses the policy %s', (policy, message) => {
    expect(attempt(() => readZot('c.json', inPolicy(policy)))).toEqual({ refused: message })
  })

  it.each([
    [
      'c.json',
      '{"http":{"accessControl":{"repositories":{"a[":{"defaultPolicy":["read"]}}}}}',
      'c.json:1:43: a[ is not a pattern',
    ],
    [
      'c.json',
      '{"http":{"accessControl":{"repositories":{"a::b":{"defaultPolicy":["read"]}}}}}',
      'c.json:1:43: zot splits the key a::b at "::"',
    ],
    [
      'c.json',
      '{"http":{"accessControl":{"repositories":{"é":{"defaultPolicy":["read"]}}}}}',
      'c.json:1:43: a key is plain ASCII text',
    ],
    [
      'c.json',
      '{"http":{"accessControl":{"repositories":{"A":{"defaultPolicy":["read"]},"a":{"defaultPolicy":[]}}}}}',
      'c.json:1:74: zot does not tell a from the key at c.json:1:43, and takes one of them by chance',
    ],
    ['c.json', '{"http":{"accessControl":{"repositories":[]}}}', 'c.json:1:42: repositories is a mapping, not a list'],
    ['c.toml', '[http]', 'c.toml:1:1: zot reads the file as toml, which is not understood here'],
    [
      'c.yaml',
      'http: {accessControl: {repositories: {1001: {defaultPolicy: [read]}}}}',
      'c.yaml:1:39: the key 1001 is not read in one way by all versions of zot',
    ],
    [
      'c.yaml',
      'http: {accessControl: {repositories: {a: {defaultPolicy: [yes]}}}}',
      'c.yaml:1:59: yes is not read in one way by all versions of zot',
    ],
  ])('refuses %s: %s', (file, text, message) => {
    expect(attempt(() => readZot(file, text))).toEqual({ refused: message })
  })

  it('refuses JSON that only YAML libraries read', () => {
    const own = attempt(() => readZot('c.json', '{http: {}}'))
    expect('refused' in own && own.refused).toMatch(/^c\.json:1:1: not valid JSON: /)
  })
})
