import { readFileSync } from 'node:fs'
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { ImportError } from '../../src/importers/input.ts'
import { importZot } from '../../src/importers/zot.ts'
import { ImportedPolicy, names } from './imported.ts'
import { type AccessControl, zotAllows } from './original-zot.ts'

const FIXTURE = readFileSync(`${import.meta.dirname}/fixtures/zot.json`, 'utf8')
const STRICT = { createIsWrite: false }

type Difference = { user: string; permission: string; name: string; original: boolean; imported: boolean }

/** Every question of a grid that the two answer differently; if `isWider`, beyond what anonymous callers may. */
function differences(
  control: AccessControl,
  text: string,
  users: readonly string[],
  repositories: readonly string[],
  isWider: boolean,
): readonly Difference[] {
  const policy = new ImportedPolicy(text)
  const found: Difference[] = []
  for (const user of users) {
    const who = user === '' ? 'anonymous' : user === 'stranger' ? 'everyone' : `token:${user}`
    for (const name of repositories) {
      const may = (action: string) =>
        zotAllows(control, user, action, name) || (isWider && zotAllows(control, '', action, name))
      const answers: [string, boolean][] = [
        ['content/read', may('read')],
        ['metadata/read', may('read')],
        ['content/write', may('create') && may('update')],
        ['content/delete', may('delete')],
        ['metadata/delete', may('delete')],
        ['metadata/write', false],
      ]
      for (const [permission, original] of answers) {
        const imported = policy.allows(who, permission, name)
        if (imported !== original) found.push({ user, permission, name, original, imported })
      }
    }
  }
  return found
}

const wrap = (accessControl: unknown) => JSON.stringify({ http: { accessControl } })
const lostOf = (control: unknown, options = STRICT) =>
  importZot('c.json', wrap(control), options).findings.filter(({ severity }) => severity === 'lost')

describe('an accessControl', () => {
  it('decides as it did on a grid', () => {
    const { text, findings } = importZot('zot.json', FIXTURE, STRICT)
    expect(findings.filter(({ severity }) => severity !== 'note')).toEqual([])
    const control: AccessControl = JSON.parse(FIXTURE).http.accessControl
    const users = ['', 'stranger', 'carl', 'olga', 'otto', 'wim', 'mallory', 'ada']
    const words = ['tmp', 'infra', 'team-a', 'team', 'site', 'www', 'shop', 'private', 'mirror', 'v1', 'v', 'x']
    expect(differences(control, text, users, names(words), false)).toEqual([])
  }, 60_000)

  it('reads the older form, in YAML and in any letter case', () => {
    const text =
      'http:\n  accesscontrol:\n    "a/**":\n      Policies: [{Users: [ann], Actions: [read]}]\n    adminPolicy: {users: [ada], actions: [delete]}\n'
    const policy = new ImportedPolicy(importZot('c.yaml', text, STRICT).text)
    expect(policy.allows('token:ann', 'content/read', 'a/b/c')).toBe(true)
    expect(policy.allows('token:ann', 'content/read', 'b')).toBe(false)
    expect(policy.allows('token:ada', 'content/delete', 'b')).toBe(true)
  })

  it.each([
    [
      'create alone',
      { repositories: { '**': { policies: [{ users: ['ann'], actions: ['read', 'create'] }] } } },
      'may create but not update',
    ],
    ['update alone', { repositories: { '**': { defaultPolicy: ['update'] } } }, 'everyone may update but not create'],
    [
      'conditions',
      {
        repositories: {
          '**': { policies: [{ users: ['ann'], actions: ['read'], conditions: [{ expression: 'true' }] }] },
        },
      },
      'conditions in CEL',
    ],
    [
      'a group of others',
      { repositories: { '**': { policies: [{ groups: ['ldap'], actions: ['read'] }] } } },
      'members of the group ldap',
    ],
    [
      'a name',
      { repositories: { '**': { policies: [{ users: ['a@b'], actions: ['read'] }] } } },
      '"a@b" cannot be the name',
    ],
    ['an action', { repositories: { '**': { defaultPolicy: ['pull'] } } }, 'zot knows no action "pull"'],
    ['a pattern', { repositories: { '**/a*': { defaultPolicy: ['read'] } } }, '**/a* cannot be said'],
    [
      'namespaces of users',
      { repositories: { '${username}/**': { defaultPolicy: ['read'] } } },
      '${username}/** cannot be said',
    ],
    [
      'a tie',
      { repositories: { 'a*/b': { defaultPolicy: ['read'] }, 'ab/*': { defaultPolicy: [] } } },
      'are equally long',
    ],
  ])('says what is lost: %s', (_, control, message) => {
    const lost = lostOf(control)
    expect(lost.map((finding) => finding.message).join('\n')).toContain(message)
    expect(lost.every(({ source, hint }) => source.file === 'c.json' && source.line === 1 && hint !== undefined)).toBe(
      true,
    )
    const { text } = importZot('c.json', wrap(control), STRICT)
    expect(new ImportedPolicy(text).allows('token:ann', 'content/write', 'ab/b')).toBe(false)
  })

  it('never lets a shorter pattern into a place that it cannot say', () => {
    const control = { repositories: { '**': { defaultPolicy: ['read'] }, 'x/**/a*': { defaultPolicy: [] } } }
    const policy = new ImportedPolicy(importZot('c.json', wrap(control), STRICT).text)
    expect(policy.allows('everyone', 'content/read', 'x/y/ab')).toBe(false)
    expect(policy.allows('everyone', 'content/read', 'y')).toBe(true)
  })

  it('grants writing for create when told so', () => {
    const control = { repositories: { '**': { defaultPolicy: ['read', 'create'] } } }
    const { text, findings } = importZot('c.json', wrap(control), { createIsWrite: true })
    expect(new ImportedPolicy(text).allows('everyone', 'content/write', 'a')).toBe(true)
    expect(findings.map(({ message }) => message)).toEqual([expect.stringContaining('may overwrite tags here')])
  })

  it('tells where signing in gives the rights of anonymous callers', () => {
    const control = { repositories: { 'a/**': { anonymousPolicy: ['read'], defaultPolicy: [] } } }
    const { findings } = importZot('c.json', wrap(control), STRICT)
    expect(findings[0]?.message).toContain('at least the rights of anonymous callers here: read on a/**')
  })

  it.each(['{}', '{"http": {}}', '{"http": {"accessControl": []}}', '{', ''])('refuses %j', (text) => {
    expect(() => importZot('c.json', text, STRICT)).toThrow(ImportError)
  })
})

const segment = fc.constantFrom('a', 'b', '*', 'a*', '?', '**', '[ab]', '{a,b}', '*b')
const pattern = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
const actions = fc.subarray(['read', 'create', 'update', 'delete'])
const policies = fc.array(fc.record({ users: fc.subarray(['ann', 'bob']), groups: fc.subarray(['team']), actions }), {
  maxLength: 2,
})
const control = fc.record({
  groups: fc.constant({ team: { users: ['bob', 'cid'] } }),
  repositories: fc.dictionary(pattern, fc.record({ policies, defaultPolicy: actions, anonymousPolicy: actions }), {
    maxKeys: 5,
  }),
  adminPolicy: fc.record({ users: fc.subarray(['ann']), groups: fc.subarray(['team']), actions }),
})
const REPOSITORIES = names(['a', 'b', 'ab', 'c', '1b'])

describe('any accessControl', () => {
  test.prop([control], { numRuns: 60 })(
    'never gives more than it did, and the same where nothing is lost',
    (given) => {
      const { text, findings } = importZot('c.json', wrap(given), STRICT)
      const lengths = Object.keys(given.repositories).map(({ length }) => length)
      const hasTies = new Set(lengths).size < lengths.length
      const isWider = findings.some(({ severity }) => severity === 'wider')
      const found = differences(given, text, ['', 'stranger', 'ann', 'bob', 'cid'], REPOSITORIES, isWider)
      const isLossless = !hasTies && findings.every(({ severity }) => severity !== 'lost')
      expect(found.filter(({ imported }) => imported || isLossless)).toEqual([])
    },
    60_000,
  )
})
