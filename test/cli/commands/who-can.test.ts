/** What `who-can` prints next to denies, line by line; and that the lines say what is decided. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { canCommand } from '../../../src/cli/commands/can.ts'
import { whoCanCommand } from '../../../src/cli/commands/who-can.ts'

/** The denies of a case follow from line 24 on, one a line. */
const POLICY = `registry:
  service: registry.example.com
  anonymous: [repositories/public/*/content/read]

issuers:
  entra: { issuer: https://login.example.com/tenant/v2.0, audiences: [registry.example.com], subjectClaim: oid }
  github: { issuer: https://token.actions.githubusercontent.com, audiences: [registry.example.com] }
identities:
  build: { issuer: github, subject: "repo:acme/app:ref:refs/heads/main" }
  staff: { issuer: entra, claims: { employee: "yes" } }
scopeMaps:
  app: { actions: [repositories/app/content/read, repositories/app/content/write] }
tokens:
  ci: { scopeMap: app }
  old: { scopeMap: app, status: disabled }

roleAssignments:
  - { name: docs, principal: everyone, role: Container Registry Repository Reader, repositories: [docs/*] }
  - { name: team, principal: group:entra/team, role: Container Registry Repository Writer, repositories: [app] }
  - { name: ann, principal: subject:entra/ann, role: Container Registry Repository Writer, repositories: [app] }
  - { name: build, principal: identity:build, role: Container Registry Repository Writer, repositories: [app] }

denyAssignments:
`

const TAG = "@Request[Dockgate/request:tag] StringEquals 'latest'"

type Case = {
  readonly denies: readonly string[]
  readonly lines: readonly string[]
  /** What `can` answers. */
  readonly decided: Readonly<Record<string, 'allow' | 'deny'>>
}

const CASES: Readonly<Record<string, Readonly<Record<string, Case>>>> = {
  'content/write app': {
    'one who denies something else': {
      denies: ['principals: [everyone], permissions: [content/delete]'],
      lines: [
        'group:entra/team   by role assignment team (policies/p.yaml:19) on app',
        'identity:build     by role assignment build (policies/p.yaml:21) on app',
        'subject:entra/ann  by role assignment ann (policies/p.yaml:20) on app',
        'token:ci           by scope map app (policies/p.yaml:12) on app',
      ],
      decided: { 'token:ci': 'allow', 'token:old': 'deny', everyone: 'deny', 'group:entra/leads': 'deny' },
    },
    'one that is over': {
      denies: ['principals: [everyone], permissions: ["*"], notAfter: 2020-01-01T00:00:00Z, except: [token:ci]'],
      lines: [
        'group:entra/team   by role assignment team (policies/p.yaml:19) on app',
        'identity:build     by role assignment build (policies/p.yaml:21) on app',
        'subject:entra/ann  by role assignment ann (policies/p.yaml:20) on app',
        'token:ci           by scope map app (policies/p.yaml:12) on app',
      ],
      decided: { 'identity:build': 'allow', anonymous: 'deny' },
    },
    'one of everybody': {
      denies: ['principals: [everyone], permissions: [content/write]'],
      lines: ['nobody has content/write on app'],
      decided: { 'token:ci': 'deny', 'subject:entra/ann --group team': 'deny', anonymous: 'deny' },
    },
    'one of everybody, on other repositories': {
      denies: ['principals: [everyone], permissions: [content/write], repositories: [app/*]'],
      lines: [
        'group:entra/team   by role assignment team (policies/p.yaml:19) on app',
        'identity:build     by role assignment build (policies/p.yaml:21) on app',
        'subject:entra/ann  by role assignment ann (policies/p.yaml:20) on app',
        'token:ci           by scope map app (policies/p.yaml:12) on app',
      ],
      decided: { 'group:entra/team': 'allow', everyone: 'deny' },
    },
    'one of everybody but a token': {
      denies: ['principals: [everyone], permissions: [content/write], except: [token:ci]'],
      lines: ['token:ci  by scope map app (policies/p.yaml:12) on app'],
      decided: { 'token:ci': 'allow', 'subject:entra/ann --group team': 'deny', 'identity:build': 'deny' },
    },
    'one of everybody but a token that is disabled': {
      denies: ['principals: [everyone], permissions: [content/write], except: [token:old]'],
      lines: ['nobody has content/write on app'],
      decided: { 'token:old': 'deny', 'token:ci': 'deny' },
    },
    // Anyone who is in the group may: the group by its own rule, and ann by hers if she is.
    'one of everybody but a group that may': {
      denies: ['principals: [everyone], permissions: [content/write], except: [group:entra/team]'],
      lines: [
        'group:entra/team   by role assignment team (policies/p.yaml:19) on app',
        'subject:entra/ann  by role assignment ann (policies/p.yaml:20) on app, unless deny assignment p.yaml:24 (policies/p.yaml:24) except for group:entra/team',
      ],
      decided: {
        'group:entra/team': 'allow',
        'subject:entra/ann': 'deny',
        'subject:entra/ann --group team': 'allow',
        'identity:build --group team': 'deny',
        'token:ci': 'deny',
      },
    },
    'one of everybody but a group without a rule of its own': {
      denies: ['principals: [everyone], permissions: [content/write], except: [group:entra/leads]'],
      lines: [
        'group:entra/team   by role assignment team (policies/p.yaml:19) on app, unless deny assignment p.yaml:24 (policies/p.yaml:24) except for group:entra/leads',
        'subject:entra/ann  by role assignment ann (policies/p.yaml:20) on app, unless deny assignment p.yaml:24 (policies/p.yaml:24) except for group:entra/leads',
      ],
      decided: {
        'group:entra/leads': 'deny',
        'subject:entra/bob --group leads': 'deny',
        'subject:entra/bob --group leads --group team': 'allow',
        'subject:entra/ann --group leads': 'allow',
        'subject:entra/ann': 'deny',
      },
    },
    'one of everybody but a group of another issuer': {
      denies: ['principals: [everyone], permissions: [content/write], except: [group:github/acme]'],
      lines: [
        'identity:build  by role assignment build (policies/p.yaml:21) on app, unless deny assignment p.yaml:24 (policies/p.yaml:24) except for group:github/acme',
      ],
      decided: { 'identity:build --group acme': 'allow', 'identity:build': 'deny', 'subject:entra/ann': 'deny' },
    },
    'one of everybody but another subject': {
      denies: ['principals: [everyone], permissions: [content/write], except: [subject:entra/bob, identity:staff]'],
      lines: [
        'group:entra/team   by role assignment team (policies/p.yaml:19) on app, unless deny assignment p.yaml:24 (policies/p.yaml:24) except for subject:entra/bob, identity:staff',
        'subject:entra/ann  by role assignment ann (policies/p.yaml:20) on app, unless deny assignment p.yaml:24 (policies/p.yaml:24) except for identity:staff',
      ],
      decided: {
        'subject:entra/bob --group team': 'allow',
        'subject:entra/ann --claim employee=yes': 'allow',
        'subject:entra/ann --group team': 'deny',
        'subject:entra/bob': 'deny',
      },
    },
    'two of everybody, each with its exception': {
      denies: [
        'principals: [everyone], permissions: [content/write], except: [group:entra/team]',
        'principals: [everyone], permissions: [content/write], except: [group:entra/team, group:entra/leads]',
        'principals: [everyone], permissions: [content/write], except: [group:entra/leads]',
      ],
      lines: [
        'group:entra/team   by role assignment team (policies/p.yaml:19) on app, unless deny assignment p.yaml:26 (policies/p.yaml:26) except for group:entra/leads',
        'subject:entra/ann  by role assignment ann (policies/p.yaml:20) on app, unless deny assignment p.yaml:24 (policies/p.yaml:24) except for group:entra/team, unless deny assignment p.yaml:25 (policies/p.yaml:25) except for group:entra/team, group:entra/leads, unless deny assignment p.yaml:26 (policies/p.yaml:26) except for group:entra/leads',
      ],
      decided: {
        'subject:entra/ann --group team': 'deny',
        'subject:entra/ann --group leads': 'deny',
        'subject:entra/ann --group team --group leads': 'allow',
      },
    },
    'one of everybody but a token, under a condition': {
      denies: [`principals: [everyone], permissions: [content/write], except: [token:ci], condition: "${TAG}"`],
      lines: [
        `group:entra/team   by role assignment team (policies/p.yaml:19) on app, unless deny assignment p.yaml:24 (policies/p.yaml:24), if ${TAG}`,
        `identity:build     by role assignment build (policies/p.yaml:21) on app, unless deny assignment p.yaml:24 (policies/p.yaml:24), if ${TAG}`,
        `subject:entra/ann  by role assignment ann (policies/p.yaml:20) on app, unless deny assignment p.yaml:24 (policies/p.yaml:24), if ${TAG}`,
        'token:ci           by scope map app (policies/p.yaml:12) on app',
      ],
      decided: {
        'identity:build --tag latest': 'deny',
        'identity:build --tag v1': 'allow',
        'token:ci --tag latest': 'allow',
      },
    },
  },

  'content/read public/site': {
    'one of everybody': {
      denies: ['principals: [everyone], permissions: [content/read]'],
      lines: ['nobody has content/read on public/site'],
      decided: { anonymous: 'deny', everyone: 'deny' },
    },
    'one of everybody, on that folder': {
      denies: ['principals: [everyone], permissions: [content/read], repositories: [docs/*, public/*]'],
      lines: ['nobody has content/read on public/site'],
      decided: { anonymous: 'deny', 'token:ci': 'deny' },
    },
    'one of anonymous callers': {
      denies: ['principals: [anonymous], permissions: [content/read]'],
      lines: ['everyone  by rule registry.anonymous (policies/p.yaml:3) on public/*'],
      decided: { anonymous: 'deny', everyone: 'allow', 'token:ci': 'allow' },
    },
    'one of anonymous callers, about something else': {
      denies: ['principals: [anonymous], permissions: [content/write]'],
      lines: ['anonymous  by rule registry.anonymous (policies/p.yaml:3) on public/*'],
      decided: { anonymous: 'allow', everyone: 'allow' },
    },
    'one of everybody but everyone who is authenticated': {
      denies: ['principals: [everyone], permissions: [content/read], except: [everyone]'],
      lines: ['everyone  by rule registry.anonymous (policies/p.yaml:3) on public/*'],
      decided: { anonymous: 'deny', everyone: 'allow', 'token:ci': 'allow' },
    },
    'one of everybody but anonymous callers': {
      denies: ['principals: [everyone], permissions: [content/read], except: [anonymous]'],
      lines: [
        'anonymous  by rule registry.anonymous (policies/p.yaml:3) on public/*',
        'but not    everyone, by deny assignment p.yaml:24 (policies/p.yaml:24)',
      ],
      decided: { anonymous: 'allow', everyone: 'deny', 'token:ci': 'deny' },
    },
    'one of everybody but anonymous callers and a token': {
      denies: ['principals: [everyone], permissions: [content/read], except: [anonymous, token:ci]'],
      lines: [
        'anonymous  by rule registry.anonymous (policies/p.yaml:3) on public/*',
        'token:ci   by rule registry.anonymous (policies/p.yaml:3) on public/*',
        'but not    everyone, by deny assignment p.yaml:24 (policies/p.yaml:24)',
      ],
      decided: { anonymous: 'allow', everyone: 'deny', 'token:ci': 'allow', 'identity:build': 'deny' },
    },
    'one of everybody but a group, which nothing else names': {
      denies: ['principals: [everyone], permissions: [content/read], except: [group:entra/leads]'],
      lines: ['group:entra/leads  by rule registry.anonymous (policies/p.yaml:3) on public/*'],
      decided: {
        'group:entra/leads': 'allow',
        'subject:entra/ann --group leads': 'allow',
        'subject:entra/ann': 'deny',
        anonymous: 'deny',
      },
    },
    'one of a group but another group': {
      denies: ['principals: [group:entra/guests], permissions: [content/read], except: [group:entra/leads]'],
      lines: [
        'anonymous  by rule registry.anonymous (policies/p.yaml:3) on public/*',
        'but not    group:entra/guests, by deny assignment p.yaml:24 (policies/p.yaml:24) except for group:entra/leads',
      ],
      decided: {
        'group:entra/guests': 'deny',
        'subject:entra/ann --group guests': 'deny',
        'subject:entra/ann --group guests --group leads': 'allow',
      },
    },
    'several of one token, one of them without a limit': {
      denies: [
        `principals: [token:ci], permissions: [content/read], condition: "${TAG}"`,
        'principals: [token:ci, token:old], permissions: [content/read], repositories: [public/*]',
      ],
      lines: [
        'anonymous  by rule registry.anonymous (policies/p.yaml:3) on public/*',
        'but not    token:ci, by deny assignment p.yaml:25 (policies/p.yaml:25)',
      ],
      decided: { 'token:ci': 'deny', 'token:old': 'deny', everyone: 'allow' },
    },
    'one of a token, under a condition': {
      denies: [`principals: [token:ci], permissions: [content/read], condition: "${TAG}"`],
      lines: [
        'anonymous  by rule registry.anonymous (policies/p.yaml:3) on public/*',
        `but not    token:ci, by deny assignment p.yaml:24 (policies/p.yaml:24), if ${TAG}`,
      ],
      decided: { 'token:ci --tag latest': 'deny', 'token:ci --tag v1': 'allow' },
    },
  },

  'content/read': {
    'one of a token, on a part of what everybody has': {
      denies: ['principals: [token:ci], permissions: [content/read], repositories: [docs/internal/*, app/*]'],
      lines: [
        'anonymous          by rule registry.anonymous (policies/p.yaml:3) on public/*',
        'everyone           by role assignment docs (policies/p.yaml:18) on docs/*',
        'group:entra/team   by role assignment team (policies/p.yaml:19) on app',
        'identity:build     by role assignment build (policies/p.yaml:21) on app',
        'subject:entra/ann  by role assignment ann (policies/p.yaml:20) on app',
        'token:ci           by scope map app (policies/p.yaml:12) on app',
        'but not            token:ci, by deny assignment p.yaml:24 (policies/p.yaml:24) on docs/internal/*, app/*',
      ],
      decided: {},
    },
    'one of everybody but a group, on a part of what everybody has': {
      denies: [
        'principals: [everyone], permissions: [content/read], repositories: [docs/internal/*, app], except: [group:entra/team]',
      ],
      lines: [
        'anonymous          by rule registry.anonymous (policies/p.yaml:3) on public/*',
        'everyone           by role assignment docs (policies/p.yaml:18) on docs/*, unless deny assignment p.yaml:24 (policies/p.yaml:24) on docs/internal/*, app',
        'group:entra/team   by role assignment team (policies/p.yaml:19) on app',
        '                   by role assignment docs (policies/p.yaml:18) on docs/*',
        'subject:entra/ann  by role assignment ann (policies/p.yaml:20) on app, unless deny assignment p.yaml:24 (policies/p.yaml:24) on docs/internal/*, app except for group:entra/team',
      ],
      decided: {},
    },
  },

  'catalog/read': {
    'one of everybody, on some repositories: it reaches what has none': {
      denies: ['principals: [everyone], permissions: [catalog/read], repositories: [app]'],
      lines: ['nobody has catalog/read'],
      decided: { everyone: 'deny' },
    },
  },
}

let folder: string
let printed: { out: string; err: string }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dockgate-who-can-'))
})
afterAll(() => rm(folder, { recursive: true }))
beforeEach(() => {
  printed = { out: '', err: '' }
  for (const [stream, key] of [[process.stdout, 'out'] as const, [process.stderr, 'err'] as const]) {
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      printed[key] += String(text)
      return true
    })
  }
})
afterEach(() => {
  vi.restoreAllMocks()
  process.exitCode = 0
})

/** What it prints on standard output, else what it says next to it. */
async function linesOf(command: Command, words: readonly string[]): Promise<readonly string[]> {
  printed = { out: '', err: '' }
  await command.parseAsync([...words, '--policies', folder], { from: 'user' })
  const text = printed.out === '' ? printed.err : printed.out
  return text.replaceAll(folder, 'policies').trimEnd().split('\n')
}

describe.each(Object.entries(CASES))('who-can %s, next to a deny', (asked, cases) => {
  it.each(Object.entries(cases))('%s', async (_, { denies, lines, decided }) => {
    await writeFile(join(folder, 'p.yaml'), `${POLICY}${denies.map((deny) => `  - { ${deny} }\n`).join('')}`)
    const question = asked.split(' ')
    expect(await linesOf(whoCanCommand(), question)).toEqual(lines)
    expect(process.exitCode).toBe(lines[0]?.startsWith('nobody') ? 1 : 0)
    const answers: Record<string, string> = {}
    for (const who of Object.keys(decided)) {
      const [principal = '', ...options] = who.split(' ')
      const [answer = ''] = await linesOf(canCommand(), [principal, ...question, ...options])
      answers[who] = answer.replace(/ .*/, '')
    }
    expect(answers).toEqual(decided)
  })
})

it('who-can names twenty whom a deny keeps out, and counts the others', async () => {
  const subjects = Array.from({ length: 25 }, (_, n) => `subject:entra/u${String(n).padStart(2, '0')}`)
  const deny = `{ principals: [${subjects.join(', ')}], permissions: [content/read] }`
  await writeFile(join(folder, 'p.yaml'), `${POLICY}  - ${deny}\n`)
  const lines = await linesOf(whoCanCommand(), ['content/read', 'docs/a'])
  expect(lines.slice(1, 21)).toEqual(
    subjects.slice(0, 20).map((key) => `but not   ${key}, by deny assignment p.yaml:24 (policies/p.yaml:24)`),
  )
  expect(lines.slice(21)).toEqual(['but not   5 others'])
})

describe('a token whose passwords are over', () => {
  const SHA = 'a'.repeat(64)
  const over = (name: string) => `${name}: { sha256: "${SHA}", expires: 2026-01-01T00:00:00Z }`
  const good = (name: string) => `${name}: { sha256: "${SHA}", expires: 2027-01-01T00:00:00Z }`
  const AT = ['--at', '2026-06-01T00:00:00Z']
  const NOTE = ', but its passwords have expired'

  it.each([
    ['its only password is over', over('password1'), NOTE],
    ['both passwords are over', `${over('password1')}, ${over('password2')}`, NOTE],
    ['one of two is over', `${over('password1')}, ${good('password2')}`, ''],
    ['none is over', good('password1'), ''],
    ['it has none', '', ''],
    ['it never ends', `password1: { sha256: "${SHA}" }`, ''],
  ])('is listed, and it says so: %s', async (_, credentials, note) => {
    const text = `scopeMaps: { m: { actions: [repositories/a/content/read] } }
tokens: { build: { scopeMap: m, credentials: { ${credentials} } } }
`
    await writeFile(join(folder, 'p.yaml'), text)
    expect(await linesOf(whoCanCommand(), ['content/read', 'a', ...AT])).toEqual([
      `token:build  by scope map m (policies/p.yaml:1) on a${note}`,
    ])
    const { principals } = JSON.parse((await linesOf(whoCanCommand(), ['content/read', 'a', ...AT, '--json'])).join(''))
    expect(principals.map(({ passwords }: { passwords?: string }) => passwords)).toEqual([
      note === '' ? undefined : 'expired',
    ])
  })
})

describe('next to a deny on a group or an identity', () => {
  const denies = (principal: string) => `  - { name: d, principals: ['${principal}'], permissions: [content/write] }\n`

  it.each(['group:entra/contractors', 'identity:staff'])(
    'who-can says that it reaches callers who may be %s',
    async (principal) => {
      await writeFile(join(folder, 'p.yaml'), `${POLICY}${denies(principal)}`)
      await linesOf(whoCanCommand(), ['content/write', 'app'])
      expect(printed.err.replaceAll(folder, 'policies').trimEnd()).toBe(
        `a caller whose claims do not say whether it is ${principal} is kept out too, by deny assignment d (policies/p.yaml:24)`,
      )
      const json = JSON.parse((await linesOf(whoCanCommand(), ['content/write', 'app', '--json'])).join(''))
      const by = { kind: 'denyAssignment', name: 'd', source: { file: 'policies/p.yaml', line: 24, column: 5 } }
      expect(json.doubtful).toEqual([{ principal, by }])
    },
  )

  it.each<[string, string, string[], 'allow' | 'deny']>([
    ['group:entra/contractors', 'subject:entra/ann', [], 'deny'],
    ['group:entra/contractors', 'subject:entra/ann', ['--no-groups'], 'allow'],
    ['group:entra/contractors', 'subject:entra/ann', ['--group', 'team'], 'allow'],
    ['group:entra/contractors', 'subject:entra/ann', ['--group', 'contractors'], 'deny'],
    ['group:entra/contractors', 'identity:build', [], 'allow'],
    ['identity:staff', 'subject:entra/ann', [], 'deny'],
    ['identity:staff', 'subject:entra/ann', ['--claim', 'employee=no'], 'allow'],
    ['identity:staff', 'subject:entra/ann', ['--claim', 'employee=no', '--claim', 'employee=nor'], 'deny'],
    ['identity:staff', 'subject:entra/ann', ['--claim', 'employee=yes'], 'deny'],
  ])('a deny on %s: can %s %j', async (denied, who, options, decision) => {
    await writeFile(join(folder, 'p.yaml'), `${POLICY}${denies(denied)}`)
    const [answer = ''] = await linesOf(canCommand(), [who, 'content/write', 'app', ...options])
    expect(answer.replace(/ .*/, '')).toBe(decision)
  })

  it('can says that the claims leave it open, and what to add', async () => {
    await writeFile(join(folder, 'p.yaml'), `${POLICY}${denies('identity:staff')}`)
    await linesOf(canCommand(), ['subject:entra/ann', 'content/write', 'app'])
    expect(printed.err.replaceAll(folder, 'policies')).toContain(
      'content/write on app is denied by deny assignment d (policies/p.yaml:24), since the claims do not say whether the caller is one of those that it names (add --claim, --group or --no-groups)',
    )
    const answer = await linesOf(canCommand(), ['subject:entra/ann', 'content/write', 'app', '--json'])
    expect(JSON.parse(answer.join(''))).toMatchObject({
      reason: { code: 'deny_assignment', permission: 'content/write', repository: 'app', membership: 'unknown' },
    })
  })

  it('can takes no group and --no-groups together', async () => {
    await writeFile(join(folder, 'p.yaml'), POLICY)
    const words = ['subject:entra/ann', 'content/write', 'app', '--no-groups', '--group', 'g']
    await expect(linesOf(canCommand(), words)).rejects.toMatchObject({
      message: '--group and --no-groups are both given',
      hint: 'keep one of them',
    })
  })
})

describe('protections', () => {
  const PROTECTED = `${POLICY.replace('denyAssignments:\n', '')}protections:
  - { name: kept, repositories: [app], tags: ["v*"], writeOnce: true, except: [token:ci] }
  - { name: waits, quarantine: true, releaseAfter: 7d, mode: audit }
`
  it.each([
    [
      'content/write',
      'app',
      ['protection kept (policies/p.yaml:24) holds in addition: tags v* are written once, except for token:ci'],
    ],
    ['content/write', 'docs/a', []],
    ['metadata/write', 'app', []],
    [
      'content/read',
      'app',
      ['protection waits (policies/p.yaml:25) holds in addition: images wait, at most 7 days (only audited)'],
    ],
    [
      'content/delete',
      undefined,
      ['protection kept (policies/p.yaml:24) holds in addition: tags v* are written once, except for token:ci, on app'],
    ],
  ])('that may refuse %s on %s are named', async (permission, repository, notes) => {
    await writeFile(join(folder, 'p.yaml'), PROTECTED)
    let noted = ''
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      noted += String(text)
      return true
    })
    const words = [permission, ...(repository === undefined ? [] : [repository])]
    await linesOf(whoCanCommand(), words)
    expect(
      noted
        .replaceAll(folder, 'policies')
        .split('\n')
        .filter((line) => line.includes('holds in addition')),
    ).toEqual(notes)
    const answer = JSON.parse((await linesOf(whoCanCommand(), [...words, '--json'])).join('\n'))
    expect(answer.protections?.length ?? 0).toBe(notes.length)
  })
})

it('a deny that is only audited takes nothing away, and is named', async () => {
  const deny = 'name: tried, principals: [everyone], permissions: [content/write], repositories: [app], mode: audit'
  await writeFile(join(folder, 'p.yaml'), `${POLICY}  - { ${deny} }\n`)
  let noted = ''
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    noted += String(text)
    return true
  })
  const lines = await linesOf(whoCanCommand(), ['content/write', 'app'])
  expect(lines.join('\n')).toContain('token:ci')
  expect(lines.join('\n')).not.toContain('tried')
  expect(noted.replaceAll(folder, 'policies')).toContain('deny assignment tried (policies/p.yaml:24) is only audited\n')
})

describe('as JSON', () => {
  it('a deny has the limits that a line has', async () => {
    const denies = [
      `principals: [token:ci], permissions: [content/read], repositories: [docs/internal/*], condition: "${TAG}"`,
      'principals: [everyone], permissions: [content/read], repositories: [app], except: [group:entra/team]',
    ]
    await writeFile(join(folder, 'p.yaml'), `${POLICY}${denies.map((deny) => `  - { ${deny} }\n`).join('')}`)
    const { principals, except } = JSON.parse((await linesOf(whoCanCommand(), ['content/read', '--json'])).join('\n'))
    const deny = { kind: 'denyAssignment', name: 'p.yaml:25', source: { file: 'policies/p.yaml', line: 25, column: 5 } }
    expect(principals).toContainEqual({
      principal: 'subject:entra/ann',
      by: [
        { kind: 'roleAssignment', name: 'ann', source: { file: 'policies/p.yaml', line: 20, column: 5 }, on: ['app'] },
      ],
      unless: [{ ...deny, on: ['app'], except: ['group:entra/team'] }],
    })
    const own = { kind: 'denyAssignment', name: 'p.yaml:24', source: { file: 'policies/p.yaml', line: 24, column: 5 } }
    expect(except).toEqual([{ principal: 'token:ci', by: { ...own, on: ['docs/internal/*'], if: TAG } }])
  })
})

describe('on a terminal of 80 columns', () => {
  const TERMINAL = { isTTY: true, columns: 80 }
  beforeEach(() => {
    for (const [name, value] of Object.entries(TERMINAL)) {
      Object.defineProperty(process.stdout, name, { value, configurable: true, writable: true })
    }
  })
  afterEach(() => {
    for (const name of Object.keys(TERMINAL)) Reflect.deleteProperty(process.stdout, name)
  })

  it.each([
    ['with short names, goes on in the second column', 'token:ci', /^( {10}|token:ci {2})\S/],
    ['with long names, has them on lines of their own', `token:${'x'.repeat(40)}`, /^( {4}|token:x+$)/],
  ])('a rule that is too long, %s', async (_, principal, shape) => {
    const condition = 'condition: "@Request[Dockgate/request:tag] StringEquals \'a-tag-that-is-long\'"'
    const assignment = `principal: ${principal}, role: Container Registry Repository Reader, repositories: [samples/*], ${condition}`
    const name = principal.replace('token:', '')
    await writeFile(
      join(folder, 'p.yaml'),
      `registry: { mode: abac }\ntokens: { ${name}: { scopeMap: none } }\nscopeMaps: { none: { actions: [] } }\nroleAssignments:\n  - { name: a-name-that-says-what-it-is-for, ${assignment} }\n`,
    )
    const lines = await linesOf(whoCanCommand(), ['content/read'])
    expect(lines.length).toBeGreaterThan(1)
    for (const line of lines) {
      expect(line.length).toBeLessThanOrEqual(80)
      expect(line).toMatch(shape)
    }
    expect(lines.join(' ').replaceAll(/ +/g, ' ')).toContain(
      `${principal} by role assignment a-name-that-says-what-it-is-for`,
    )
  })
})
