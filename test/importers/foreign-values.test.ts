/**
 * Values that are not of the type that an importer expects are never taken for absent ones, and every rule decides as the
 * original program would. Each row is a whole file; the answers are written from the original's documentation.
 */
import { describe, expect, it } from 'vitest'
import { importDockerAuth } from '../../src/importers/docker-auth.ts'
import { importZot } from '../../src/importers/zot.ts'
import { ImportedPolicy } from './imported.ts'

const USERS = 'users: {"": {}, ann: {}, 1001: {}, guest: {}, guest1: {}, app: {}, dev: {labels: {team: [web, 7]}}}\n'

type DockerAuthRow = {
  title: string
  acl: string
  /** `account repository`; pull. */
  allowed: string[]
  denied: string[]
}
const DOCKER_AUTH: DockerAuthRow[] = [
  {
    title: 'a number is an account',
    acl: '- {match: {account: 1001, name: "payroll/*"}, actions: [pull]}',
    allowed: ['1001 payroll/x'],
    denied: ['ann payroll/x', ' payroll/x', '1001 other/x'],
  },
  {
    title: 'a number is not an account of another spelling',
    acl: '- {match: {account: 0x3E9}, actions: [pull]}',
    allowed: [],
    denied: ['1001 a', 'ann a'],
  },
  {
    title: 'a date, a truth value and a float are accounts',
    acl: '- {match: {account: 2020-01-01}, actions: [pull]}\n- {match: {account: yes}, actions: [pull]}\n- {match: {account: 1.0}, actions: [pull]}',
    allowed: [],
    denied: ['ann a', '1001 a', ' a'],
  },
  {
    title: 'merged keys',
    acl: '- {match: &one {account: ann}, actions: []}\n- {match: {<<: {account: guest}, name: "release/*"}, actions: [pull]}',
    allowed: ['guest release/x'],
    denied: ['ann release/x', 'app release/x', 'guest a', ' release/x'],
  },
  {
    title: 'an alias',
    acl: '- {match: &one {account: guest, name: a}, actions: []}\n- {match: {name: a, account: "/./"}, actions: [pull]}\n- {match: *one, actions: [pull]}',
    allowed: ['ann a'],
    denied: ['guest a', ' a'],
  },
  {
    title: 'Go anchors',
    acl: '- {match: {account: "/\\\\Aguest/"}, actions: [pull]}',
    allowed: ['guest a', 'guest1 a'],
    denied: ['ann a', ' a'],
  },
  {
    title: 'Go classes',
    acl: '- {match: {account: "/^[[:alpha:]]+$/"}, actions: [pull]}',
    allowed: ['guest a', 'ann a'],
    denied: ['guest1 a', '1001 a', ' a'],
  },
  {
    title: 'a refusal by Go syntax',
    acl: '- {match: {account: "/^(?i:GUEST)\\\\z/"}, actions: []}\n- {match: {account: "/./"}, actions: [pull]}',
    allowed: ['ann a', 'guest1 a'],
    denied: ['guest a'],
  },
  {
    title: 'a quoted text in an expression',
    acl: '- {match: {name: "/^\\\\Qa.b\\\\E$/"}, actions: [pull]}',
    allowed: ['ann a.b'],
    denied: ['ann axb', 'ann a.bc'],
  },
  {
    title: 'a refusal where the account is the name',
    acl: '- {match: {account: "${name}"}, actions: []}\n- {match: {account: "/./"}, actions: [pull]}',
    allowed: ['app a', 'ann app'],
    denied: ['app app', 'ann ann'],
  },
  {
    title: 'a refusal where the account starts with the name',
    acl: '- {match: {account: "${name}1"}, actions: []}\n- {match: {account: "/./"}, actions: [pull]}',
    allowed: ['guest1 guest1', 'ann guest'],
    denied: ['guest1 guest'],
  },
  {
    title: 'a refusal where the name must be the name',
    acl: '- {match: {account: ann, name: "${name}"}, actions: []}\n- {match: {account: "/./"}, actions: [pull]}',
    allowed: ['app a'],
    denied: ['ann a', 'ann b/c'],
  },
  {
    title: 'the type as a name',
    acl: '- {match: {name: "${type}/*"}, actions: [pull]}',
    allowed: ['ann repository/x'],
    denied: ['ann registry/x', 'ann x/x'],
  },
  {
    title: 'a refusal by the type',
    acl: '- {match: {type: "${type}", account: ann}, actions: []}\n- {match: {account: "/./"}, actions: [pull]}',
    allowed: ['app a'],
    denied: ['ann a'],
  },
  {
    title: 'a refusal by label',
    acl: '- {match: {labels: {team: web}}, actions: []}\n- {match: {account: "/./"}, actions: [pull]}',
    allowed: ['ann a'],
    denied: ['dev a'],
  },
  {
    title: 'a label that is a number',
    acl: '- {match: {labels: {team: 7}}, actions: [pull]}',
    allowed: ['dev a'],
    denied: ['ann a', ' a'],
  },
  {
    title: 'a label that a user does not have',
    acl: '- {match: {labels: {team: "*", group: "*"}}, actions: [pull]}',
    allowed: [],
    denied: ['dev a', 'ann a'],
  },
  {
    title: 'labels in a name',
    acl: '- {match: {name: "${labels:team}/*"}, actions: [pull]}',
    allowed: ['dev web/x', 'dev 7/x'],
    denied: ['dev a/x', 'ann web/x'],
  },
  {
    title: 'a class of path.Match, in which ! is a character',
    acl: '- {match: {account: ann, name: "[!s]*/x"}, actions: [pull]}',
    allowed: ['ann sa/x'],
    denied: ['ann a/x'],
  },
  {
    title: 'a captured text, in the first spelling only',
    acl: '- {match: {account: "/^(gue)st$/", name: "${account:1}/*"}, actions: [pull]}\n- {match: {account: "/^(an)n$/", name: "${ACCOUNT:1}/*"}, actions: [pull]}',
    allowed: ['guest gue/x'],
    denied: ['ann an/x', 'guest guest/x'],
  },
  {
    title: 'an absent account, which is everybody there too',
    acl: '- {match: {account: ~, name: a}, actions: [pull]}',
    allowed: ['ann a', ' a', '1001 a'],
    denied: ['ann b'],
  },
  {
    title: 'a range of addresses that only IPv6 callers have',
    acl: '- {match: {ip: "::/0"}, actions: [pull]}',
    allowed: [],
    denied: ['ann a', ' a'],
  },
  {
    title: 'an empty pattern, which matches no repository',
    acl: '- {match: {name: ""}, actions: [pull]}\n- {match: {name: "[a"}, actions: [pull]}',
    allowed: [],
    denied: ['ann a', ' a'],
  },
]

describe('an acl decides as docker_auth decides by', () => {
  it.each(DOCKER_AUTH)('$title', ({ acl, allowed, denied }) => {
    const { text, findings } = importDockerAuth('c.yml', `${USERS}acl:\n${acl.replace(/^/gm, '  ')}\n`, {})
    expect(findings.filter(({ severity }) => severity === 'lost')).toEqual([])
    const policy = new ImportedPolicy(text)
    const isAllowed = (row: string) => {
      const [account = '', name] = row.split(' ')
      return policy.allows(account === '' ? 'anonymous' : `token:${account}`, 'content/read', name)
    }
    expect([allowed.filter((row) => !isAllowed(row)), denied.filter(isAllowed)]).toEqual([[], []])
  })

  it('grants nothing where a label or a name is not understood, nor behind it', () => {
    const acl = '- {match: {labels: {team: "/(?m)web/"}}, actions: []}\n  - {match: {account: "/./"}, actions: [pull]}'
    const { text, findings } = importDockerAuth('c.yml', `${USERS}acl:\n  ${acl}\n`, {})
    expect(findings.filter(({ severity }) => severity === 'lost')).toHaveLength(1)
    const policy = new ImportedPolicy(text)
    // Only the user with the label might have been refused.
    expect([policy.allows('token:dev', 'content/read', 'a'), policy.allows('token:ann', 'content/read', 'a')]).toEqual([
      false,
      true,
    ])
  })

  it('keeps quiet about anonymous callers where everyone has their rights anyway', () => {
    const acl =
      '- {match: {account: "/./", name: "${account}/*"}, actions: [push, pull]}\n  - {match: {name: "public/*"}, actions: [pull]}'
    const { findings } = importDockerAuth('c.yml', `${USERS}acl:\n  ${acl}\n`, {})
    expect(findings.filter(({ severity }) => severity !== 'note')).toEqual([])
  })
})

type ZotRow = {
  title: string
  control: object
  /** `user permission repository`; `everyone` is a user without rules. */
  allowed: string[]
  denied: string[]
  lost?: string[]
}
const READ = ['read']
const ZOT: ZotRow[] = [
  {
    title: 'one condition for a list of one',
    control: {
      repositories: {
        '**': { policies: [{ users: ['ann'], actions: ['create', 'update'], conditions: { expression: 'false' } }] },
      },
    },
    allowed: [],
    denied: ['ann content/write a'],
    lost: ['a policy with conditions in CEL is not imported'],
  },
  {
    title: 'one action for a list of one',
    control: { repositories: { '**': { defaultPolicy: 'read' } } },
    allowed: ['everyone content/read a'],
    denied: ['anonymous content/read a'],
  },
  {
    title: 'one policy for a list of one',
    control: { repositories: { '**': { policies: { users: 'ann', actions: 'read' } } } },
    allowed: ['ann content/read a'],
    denied: ['everyone content/read a', 'anonymous content/read a'],
  },
  {
    title: 'numbers and truth values for users',
    control: { repositories: { '**': { policies: [{ users: [1001, true], actions: READ }] } } },
    allowed: ['1001 content/read a', '1 content/read a'],
    denied: ['everyone content/read a', 'anonymous content/read a'],
  },
  {
    title: 'patterns in lower case',
    control: { repositories: { 'Secret/**': { defaultPolicy: [] }, '**': { defaultPolicy: READ } } },
    allowed: ['everyone content/read a'],
    denied: ['everyone content/read secret/x', 'everyone content/read secret'],
  },
  {
    title: 'classes in lower case',
    control: { repositories: { '[A-C]*': { defaultPolicy: READ } } },
    allowed: ['everyone content/read a', 'everyone content/read cx'],
    denied: ['everyone content/read d'],
  },
  {
    title: 'groups in lower case',
    control: {
      groups: { WEB: { users: ['wim'] } },
      repositories: { '**': { policies: [{ groups: ['web'], actions: READ }] } },
    },
    allowed: ['wim content/read a'],
    denied: ['everyone content/read a'],
  },
  {
    title: 'a group that is not found in its own letter case',
    control: {
      groups: { Web: { users: ['wim'] } },
      repositories: { '**': { policies: [{ groups: ['Web'], actions: READ }] } },
    },
    allowed: [],
    denied: ['everyone content/read a'],
    lost: ['the members of the group Web are not in the file'],
  },
  {
    title: 'a class with !',
    control: { repositories: { '[!s]*/**': { defaultPolicy: READ } } },
    allowed: ['everyone content/read te', 'everyone content/read team/s', 'everyone content/read x/secret/y'],
    denied: [
      // The name ends before the `*`, and doublestar does not take `*/**` for empty.
      'everyone content/read a',
      'everyone content/read secret',
      'everyone content/read secret/x',
      'everyone content/read s/a/b',
    ],
  },
  {
    title: 'a class with ! that closes',
    control: { repositories: { '**': { defaultPolicy: READ }, '[!s]*/**': { defaultPolicy: [] } } },
    allowed: ['everyone content/read secret/x', 'everyone content/read a'],
    denied: ['everyone content/read te', 'everyone content/read team/x'],
  },
  {
    title: 'an empty pattern, which zot does not see',
    control: { repositories: { '**': { defaultPolicy: READ }, 'shop/**': {}, 'site/**': { policies: null } } },
    allowed: ['everyone content/read shop/x', 'everyone content/read site/x'],
    denied: ['anonymous content/read shop/x'],
  },
  {
    title: 'a user without a name, who is the anonymous caller',
    control: { repositories: { '**': { defaultPolicy: READ, policies: [{ users: [''], actions: READ }] } } },
    allowed: ['anonymous content/read a', 'everyone content/read a'],
    denied: ['anonymous content/write a'],
  },
  {
    title: 'keys in any letter case',
    control: {
      REPOSITORIES: { '**': { POLICIES: [{ USERS: 'ann', ACTIONS: 'read' }] } },
      ADMINPOLICY: { Users: 'ada', Actions: 'delete' },
    },
    allowed: ['ann content/read a', 'ada content/delete a'],
    denied: ['everyone content/read a', 'ann content/delete a'],
  },
  {
    title: 'choices in braces',
    control: { repositories: { '{site,shop}/**': { defaultPolicy: READ }, 'site/{a,b{c,d}}': { defaultPolicy: [] } } },
    allowed: ['everyone content/read site/x', 'everyone content/read shop/a'],
    denied: ['everyone content/read site/a', 'everyone content/read site/bc', 'everyone content/read other/a'],
  },
]

describe('an accessControl decides as zot decides by', () => {
  it.each(ZOT)('$title', ({ control, allowed, denied, lost = [] }) => {
    const file = JSON.stringify({ http: { accessControl: control } })
    const { text, findings } = importZot('c.json', file, { createIsWrite: false })
    const messages = findings.flatMap(({ severity, message }) => (severity === 'note' ? [] : [message]))
    expect(messages).toEqual(lost)
    const policy = new ImportedPolicy(text)
    const isAllowed = (row: string) => {
      const [user = '', permission = '', name] = row.split(' ')
      return policy.allows(/^(?:anonymous|everyone)$/.test(user) ? user : `token:${user}`, permission, name)
    }
    expect([allowed.filter((row) => !isAllowed(row)), denied.filter(isAllowed)]).toEqual([[], []])
  })
})
