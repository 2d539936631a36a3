/**
 * The files that the importers read against what the original programs' libraries made of them (see vectors/README.md):
 * each value is read as they read it, or the file is refused with a place.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readDockerAuth } from '../../src/importers/docker-auth-file.ts'
import { ImportError } from '../../src/importers/input.ts'
import { readZot } from '../../src/importers/zot-file.ts'

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
})
