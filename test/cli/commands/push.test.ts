/** What a dry run says before a push: line by line, from a store in memory. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type BulkKv, namespaceKv } from '../../../src/cli/bundles/kv.ts'
import { pushCommand } from '../../../src/cli/commands/push.ts'
import { generateKeys, KEY_FILES, writeKeys } from '../../../src/cli/keys/key-files.ts'
import { outcomeOf } from '../outcome.ts'

const { values } = vi.hoisted(() => ({ values: new Map<string, string>() }))

vi.mock('../../../src/cli/bundles/kv-options.ts', async (original) => ({
  ...(await original<object>()),
  withKv: (_target: string, _options: object, use: (kv: BulkKv) => unknown) =>
    use(
      namespaceKv(
        {
          get: async (name) => values.get(name) ?? null,
          put: async (name, value) => void values.set(name, value),
          delete: async (name) => void values.delete(name),
          list: async () => ({ keys: [...values.keys()].map((name) => ({ name })), list_complete: true }),
        },
        'memory',
      ),
    ),
}))

const POLICY = `registry:
  service: registry.example.com
  anonymous: [repositories/public/*/content/read]
tokens:
  ci: { scopeMap: _repositories_push }
  nodes: { scopeMap: _repositories_pull }
  robots: { scopeMap: _repositories_pull }
issuers:
  github: { issuer: https://token.actions.githubusercontent.com, audiences: [registry.example.com] }
identities:
  build: { issuer: github, subject: main }
`

let folder: string
let printed: { out: string; err: string }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dockgate-push-'))
  await mkdir(join(folder, 'policies'))
  for (const name of ['keys', 'other-keys']) await writeKeys(join(folder, name), await generateKeys('EdDSA'))
})
afterAll(() => rm(folder, { recursive: true }))
beforeEach(async () => {
  values.clear()
  vi.useFakeTimers({ now: Date.parse('2027-01-15T08:00:00Z'), toFake: ['Date'] })
  printed = { out: '', err: '' }
  for (const [stream, key] of [[process.stdout, 'out'] as const, [process.stderr, 'err'] as const]) {
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      printed[key] += String(text)
      return true
    })
  }
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** What it prints on standard output. */
async function push(policy: string, ...options: readonly string[]): Promise<string> {
  await writeFile(join(folder, 'policies', 'policy.yaml'), policy)
  printed = { out: '', err: '' }
  const own = options.includes('--key') ? [] : ['--key', join(folder, 'keys', KEY_FILES.policySigningKey)]
  await pushCommand().parseAsync(['--local', '--policies', join(folder, 'policies'), ...own, ...options], {
    from: 'user',
  })
  return printed.out
}

/** What stands below the counts. */
const rightsIn = (text: string): readonly string[] => text.trimEnd().split('\n').slice(6)

describe('push --dry-run', () => {
  it('tells everything that a first push gives', async () => {
    const said = await push(POLICY, '--dry-run')
    expect(said).toContain('would push bundle 1800000000 to memory, the first one\n')
    expect(rightsIn(said)).toEqual([
      'rights that change:',
      'anonymous',
      '  gained   content/read on public/* (all below)',
      'token:ci',
      '  gained   content/read on * except public/* (every repository)',
      '  gained   content/write on * (every repository)',
      'token:nodes, token:robots',
      '  gained   content/read on * except public/* (every repository)',
    ])
    expect([...values.keys()]).toEqual([])
  })

  it.each<[string, string, readonly string[]]>([
    ['nothing', POLICY, ['no right changes']],
    [
      'a password',
      POLICY.replace('ci: {', `ci: { credentials: { password1: { sha256: ${'a'.repeat(64)} } },`),
      ['no right changes'],
    ],
    [
      'rights that go and come, of two alike',
      POLICY.replaceAll('_repositories_pull', '_repositories_pull_metadata_read').replace('public/*', 'docs/*'),
      [
        'rights that change:',
        'anonymous',
        '  gained   content/read on docs/* (all below)',
        '  lost     content/read on public/* (all below)',
        'token:nodes, token:robots',
        '  gained   metadata/read on * (every repository)',
      ],
    ],
    [
      'who an identity is',
      POLICY.replace('subject: main', 'subject: release'),
      [
        'rights that change:',
        'redefined identity build',
        '  was  {"issuer":"github","subject":"main","claims":{}}',
        '  is   {"issuer":"github","subject":"release","claims":{}}',
      ],
    ],
    [
      'a protection that comes',
      `${POLICY}protections: [{ name: p, writeOnce: true, tags: ['v*'] }]\n`,
      ['rights that change:', 'redefined protection p', '  was  absent', '  is   {"tags":["v*"],"writeOnce":true}'],
    ],
  ])('tells what changes against the bundle in force: %s', async (_, newer, lines) => {
    await push(POLICY)
    const before = new Map(values)
    expect(rightsIn((await push(newer, '--dry-run')).replace('  nothing changed but its age\n', ''))).toEqual(lines)
    expect(values).toEqual(before)
  })

  const range = Array.from({ length: 45 }, (_, n) => String(n).padStart(2, '0'))
  const many = `${POLICY}scopeMaps:
${range.map((n) => `  m${n}: { actions: [repositories/app-${n}/content/read] }\n`).join('')}`.replace(
    'tokens:\n',
    `tokens:\n${range.map((n) => `  t${n}: { scopeMap: m${n} }\n`).join('')}`,
  )

  it('counts what is too much to read, and says how to see it', async () => {
    await push(POLICY)
    const lines = rightsIn(await push(many, '--dry-run'))
    expect(lines.slice(0, 3)).toEqual([
      'rights that change:',
      'token:t00',
      '  gained   content/read on app-00 (one repository)',
    ])
    expect(lines.slice(40)).toEqual([
      '  gained   content/read on app-19 (one repository)',
      'and 50 more lines; the same command with --json says all',
    ])
  })

  it('tells all as JSON, as `diff` does', async () => {
    await push(POLICY)
    const report = JSON.parse(await push(many, '--dry-run', '--json'))
    expect(report).toMatchObject({ dryRun: true, place: 'memory', grants: { before: 4, after: 49 } })
    expect(Object.keys(report.rights)).toEqual(['changed', 'changes', 'definitions'])
    expect(report.rights.changes).toHaveLength(45)
    expect(report.rights.changes[7]).toEqual({
      kind: 'gained',
      permissions: ['content/read'],
      principals: ['token:t07'],
      on: 'app-07',
      scale: 'repository',
      except: [],
      was: { always: false, if: [], unless: [] },
      is: { always: true, if: [], unless: [] },
      exact: true,
    })
    expect(JSON.parse(await push(many, '--json'))).not.toHaveProperty('rights')
  })

  it('says that it cannot tell where another key signed the bundle in force', async () => {
    await push(POLICY)
    const other = ['--key', join(folder, 'other-keys', KEY_FILES.policySigningKey), '--yes', '--dry-run']
    expect(rightsIn(await push(many, ...other))).toEqual([
      expect.stringMatching(/^cannot say which rights change: the bundle is signed by the key "[\w-]+", which is not/),
    ])
    expect(JSON.parse(await push(many, ...other, '--json'))).toMatchObject({ dryRun: true, rights: null })
  })
})

describe('a push of policies with tests', () => {
  const tests = (text: string) => writeFile(join(folder, 'policies', 'policy.test.yaml'), `tests:\n${text}`)
  const PASSING = '  - { as: token:ci, can: content/write, on: app, expect: allow }\n'
  const FAILING = '  - { as: token:nodes, can: content/read, on: app, expect: deny }\n'
  const place = () => `${join(folder, 'policies')}/policy.test.yaml`
  afterEach(() => rm(place(), { force: true }))

  it('goes on where all of them pass', async () => {
    await tests(PASSING)
    expect(await push(POLICY)).toContain('pushed bundle 1800000000 to memory, the first one\n')
  })

  it.each([[[]], [['--dry-run']], [['--json']], [['--yes']]])(
    'is refused where one fails and they are required, with %j',
    async (options) => {
      await tests(PASSING + FAILING)
      const refused = 'exit 1: 1 decision test of 2 failed: nothing is pushed'
      const hint = 'mend the policies or the tests; without --require-tests they are pushed all the same'
      expect(await outcomeOf(push(POLICY, '--require-tests', ...options))).toBe(`${refused} (${hint})`)
      expect(printed).toEqual({
        out: '',
        err: `${place()}:3:5: test failed: expected deny; got allow: by scope map _repositories_pull\n`,
      })
      expect([...values.keys()]).toEqual([])
    },
  )

  it('takes a right away at once, and shows the tests that expected it', async () => {
    await tests(PASSING)
    await push(POLICY)
    const disabled = POLICY.replace('_repositories_push', '_repositories_push, status: disabled')
    expect(await push(disabled)).toContain('pushed bundle 1800000001 to memory, after 1800000000\n')
    expect(printed.err).toContain(`${place()}:2:5: test failed: expected allow; got deny`)
    expect(printed.err).toContain(
      'warning: 1 decision test of 1 failed: the policies are pushed all the same; --require-tests pushes nothing then\n',
    )
  })
})
