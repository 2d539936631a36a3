/** The real command in a child process: what goes where, and the exit status. */
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { REASONS } from '../../src/files/definition.ts'

const COMMAND = join(import.meta.dirname, '../../src/cli/bin.js')
const FIXTURES = join(import.meta.dirname, 'fixtures')
const TIMEOUT_MS = 60_000

type Run = { readonly status: number | null; readonly stdout: string; readonly stderr: string }

function run(args: readonly string[], input = ''): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [COMMAND, ...args], { cwd: FIXTURES })
    const chunks = { stdout: '', stderr: '' }
    child.stdout.on('data', (chunk) => {
      chunks.stdout += chunk
    })
    child.stderr.on('data', (chunk) => {
      chunks.stderr += chunk
    })
    child.on('error', reject)
    child.on('close', (status) => resolve({ status, ...chunks }))
    child.stdin.end(input)
  })
}

const AT = ['--policies', 'explain', '--at', '2026-09-01T00:00:00Z'] as const
const RECORD = {
  time: '2026-08-01T10:00:00.000Z',
  id: '8f1e0a4b9c2d3e4f-FRA',
  principal: 'token:ci-samples',
  operation: 'deleteManifest',
  permission: 'content/delete',
  repository: 'release/app',
  reference: 'v1',
  decision: 'deny',
  rule: 'denyAssignment keep-releases',
  reason: 'deny_assignment',
  bundle: 12,
  status: 403,
  ms: 2,
}

describe('the command', { timeout: TIMEOUT_MS, concurrent: false }, () => {
  let scratch: string
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'dockgate-'))
  })
  afterAll(() => rm(scratch, { recursive: true, force: true }))

  it('can: one word on standard output, the explanation next to it', async () => {
    const { status, stdout, stderr } = await run(['can', 'token:ci-samples', 'content/delete', 'samples/app', ...AT])
    expect({ status, stdout }).toEqual({ status: 1, stdout: 'deny\n' })
    expect(stderr.split('\n')).toEqual([
      'token:ci-samples has no content/delete on samples/app',
      '  needs    content/delete on samples/app (refused)',
      '  nearest  scope map samples-push (explain/tokens.yaml:2) covers it, but grants only content/read, content/write, metadata/read there',
      '  change   add repositories/samples/app/content/delete to scope map samples-push (explain/tokens.yaml:2)',
      '',
    ])
  })

  it.each([
    ['token:CI-Samples', 'token:CI-Samples', '; did you mean token:ci-samples?'],
    ['token:nobody-at-all', 'token:nobody-at-all', ''],
    ['identity:releas', 'identity:releas', '; did you mean identity:release?'],
    ['group:nowhere/team', 'issuer nowhere', ''],
  ])('can and explain: nobody defines %s, and both say so', async (principal, what, meant) => {
    const note = `no file defines ${what}, so the gate can never authenticate it${meant}`
    const can = await run(['can', principal, 'content/delete', 'samples/app', ...AT])
    expect(can.status).toBe(1)
    expect(can.stderr).toContain(`\n  note     ${note}\n`)
    const explained = await run(['explain', principal, 'DELETE', '/v2/samples/app/manifests/v1', ...AT])
    expect(explained.stdout).toContain(`\n  note     ${note}\n`)
    const json = await run(['can', principal, 'content/delete', 'samples/app', ...AT, '--json'])
    expect(JSON.parse(json.stdout).notes).toEqual([note])
  })

  it('can and explain print no note about a principal that is defined, or that needs no definition', async () => {
    for (const principal of ['token:ci-samples', 'everyone', 'anonymous']) {
      const { stdout } = await run(['can', principal, 'content/delete', 'samples/app', ...AT, '--json'])
      expect(JSON.parse(stdout)).not.toHaveProperty('notes')
    }
  })

  it('explain: everything on standard output, nothing next to it, no colours', async () => {
    const { status, stdout, stderr } = await run([
      'explain',
      'identity:release',
      'PUT',
      '/v2/acme/app/manifests/v1',
      ...AT,
    ])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout.split('\n')).toEqual([
      'allow  by role assignment release-writes-app (explain/roles.yaml:7)',
      '  request  pushManifest v1 in acme/app',
      '  needs    content/write on acme/app (granted), content/read on acme/app (granted)',
      '',
    ])
  })

  it('explain --json: what can says, and more', async () => {
    const { status, stdout } = await run(['explain', 'token:puller', 'DELETE', '/v2/a/manifests/v1', ...AT, '--json'])
    expect(status).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({
      decision: 'deny',
      by: [],
      reason: { code: 'no_grant', permission: 'content/delete', repository: 'a' },
      request: { method: 'DELETE', operation: 'deleteManifest', repository: 'a', reference: 'v1' },
      needs: [{ permission: 'content/delete', repository: 'a', decision: 'deny' }],
      nearest: {
        kind: 'scopeMap',
        name: '_repositories_pull',
        principal: 'token:puller',
        lack: { code: 'permission' },
      },
      change: { steps: [{ kind: 'useScopeMap', token: 'puller', scopeMap: '_repositories_admin' }] },
    })
  })

  it('explain: what the parser refuses is denied to everybody', async () => {
    const { status, stdout } = await run(['explain', 'token:pusher', 'GET', '/v2/a/../b/tags/list', ...AT, '--json'])
    expect(status).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({
      decision: 'deny',
      reason: { code: 'not_a_registry_request', message: expect.stringContaining('repository name') },
      needs: [],
      nearest: null,
      change: null,
    })
  })

  it('explain --record: what the gate decided then, with the place of the rule now', async () => {
    const file = join(scratch, 'record.json')
    await writeFile(file, JSON.stringify(RECORD))
    const { status, stdout } = await run(['explain', '--record', file, '--policies', 'explain'])
    expect(status).toBe(1)
    expect(stdout.split('\n')).toEqual([
      'deny  content/delete on release/app is denied by deny assignment keep-releases (explain/roles.yaml:54)',
      '  asked    deleteManifest v1 in release/app, by token:ci-samples',
      '  then     2026-08-01T10:00:00.000Z, answered 403, bundle 12, request 8f1e0a4b9c2d3e4f-FRA',
      '',
    ])
  })

  it('explain --id: the record of one request in a log', async () => {
    const { rule: _, reason: __, ...allowed } = RECORD
    const other = { ...allowed, id: 'other', decision: 'allow', rule: 'scopeMap gone', permission: 'content/read' }
    const log = ['GET /v2/ 200', JSON.stringify(RECORD), '{"not":"a record"}', JSON.stringify(other)].join('\n')
    const { status, stdout } = await run(['explain', '--id', 'other', '--policies', 'explain', '--json'], log)
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      decision: 'allow',
      by: [{ kind: 'scopeMap', name: 'gone' }],
      record: { id: 'other' },
    })
  })

  it('who-can: everybody, with rule and condition', async () => {
    const { status, stdout } = await run(['who-can', 'content/write', 'acme/app', ...AT])
    expect(status).toBe(0)
    expect(stdout).toContain('by role assignment release-writes-app (explain/roles.yaml:7) on acme/*, if @Request')
    expect(stdout).toContain('by scope map _repositories_push on *\n')
    const nobody = await run(['who-can', 'sign/write', 'acme/app', ...AT, '--json'])
    expect(nobody.status).toBe(1)
    expect(JSON.parse(nobody.stdout)).toEqual({
      permission: 'sign/write',
      repository: 'acme/app',
      principals: [],
      except: [],
    })
  })

  it('diff: nothing between a folder and itself, rights between two', async () => {
    const same = await run(['diff', 'explain', 'explain', '--json'])
    expect(same.status).toBe(0)
    expect(JSON.parse(same.stdout)).toEqual({ changed: false, changes: [], definitions: [] })
    const policy = 'registry: { service: registry.example.com, anonymous: [repositories/public/*/content/read] }\n'
    const other = join(scratch, 'policies')
    await mkdir(other)
    await writeFile(join(other, 'policy.yaml'), policy)
    const { status, stdout } = await run(['diff', 'legacy', other, '--json'])
    expect(status).toBe(1)
    expect(JSON.parse(stdout).changes).toContainEqual({
      kind: 'gained',
      permissions: ['content/read'],
      principals: ['anonymous'],
      on: 'public/*',
      scale: 'prefix',
      except: [],
      was: { always: false, if: [], unless: [] },
      is: { always: true, if: [], unless: [] },
      exact: true,
    })
  })

  it('check: lints are warnings, on standard error, and do not fail', async () => {
    const { status, stdout, stderr } = await run(['check', 'explain'])
    expect(status).toBe(0)
    expect(stdout).toMatch(/^valid: 15 principals, 0 decision tests passed, \d+ warnings\n$/)
    expect(stderr).toContain(
      'explain/roles.yaml:31:5: warning: the role AcrPull of role assignment roles.yaml:31 grants nothing in abac mode [role_without_effect]\n    hint: ',
    )
  })

  it('check: every reason that a test may name is one that a decision gives', async () => {
    const folder = join(scratch, 'reasons')
    await mkdir(folder)
    const policy = `
tokens:
  off: { scopeMap: _repositories_pull, status: disabled }
  pusher: { scopeMap: _repositories_push }
denyAssignments: [{ name: d, principals: [everyone], permissions: [content/write], repositories: [app] }]
protections: [{ name: p, writeOnce: true, quarantine: true, repositories: [kept] }]
`
    const asked = {
      no_grant: 'as: everyone, can: content/read, on: app',
      deny_assignment: 'as: everyone, can: content/write, on: app',
      token_disabled: 'as: token:off, can: content/read, on: app',
      authentication_required: 'as: anonymous, request: GET /v2/',
      not_a_registry_request: 'as: everyone, request: GET /v2/..',
      quarantined: 'as: token:pusher, request: GET /v2/kept/manifests/v1, quarantine: rejected',
      write_once: `as: token:pusher, request: PUT /v2/kept/manifests/v1, tagExists: 'sha256:${'0'.repeat(64)}'`,
    } satisfies Readonly<Record<(typeof REASONS)[number], string>>
    const tests = Object.entries(asked).map(([reason, what]) => `  - { ${what}, expect: deny, reason: ${reason} }\n`)
    await writeFile(join(folder, 'policy.yaml'), policy)
    await writeFile(join(folder, 'policy.test.yaml'), `tests:\n${tests.join('')}`)
    const { status, stdout, stderr } = await run(['check', folder])
    expect({ status, stdout }, stderr).toEqual({
      status: 0,
      stdout: expect.stringMatching(/^valid: \d principals?, 7 decision tests passed/),
    })
  })

  it('check: a test about somebody who is not defined is a warning at its place', async () => {
    const folder = join(scratch, 'slip')
    await mkdir(folder)
    await writeFile(join(folder, 'policy.yaml'), 'tokens: { outsider: { scopeMap: _repositories_pull } }\n')
    const test = 'tests:\n  - { as: token:outsidr, can: content/read, on: app, expect: deny }\n'
    await writeFile(join(folder, 'policy.test.yaml'), test)
    const { status, stdout, stderr } = await run(['check', folder])
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'valid: 1 principal, 1 decision test passed, 1 warning\n' })
    expect(stderr.split('\n')).toEqual([
      `${folder}/policy.test.yaml:2:5: warning: this test asks about token outsidr, which no file defines [unknown_test_principal]`,
      '    hint: did you mean outsider?',
      '',
    ])
  })

  it.each([
    [['explain', 'token:x', 'GET'], "missing required argument 'path'", 'write dockgate explain'],
    [['explain', 'x', 'GET', '/v2/'], '"x" is not a principal', 'write token:NAME'],
    [['explain', '--record', 'none.json', '--policies', 'explain'], 'none.json cannot be read', 'name a file'],
    [['explain', '--id', 'x'], 'standard input holds no audit record of request x', 'a record is one line'],
    [['explain', '--jsno'], "unknown option '--jsno'", 'did you mean --json?'],
    [['explian'], "unknown command 'explian'", 'did you mean explain?'],
    [['who-can', 'content/raed'], '"content/raed" is not a permission', 'did you mean content/read?'],
    [['diff', 'explain', 'nowhere'], 'nowhere does not exist', 'name a policy folder'],
    [
      ['can', 'token:x', 'catalog/read', '--ip', '10.0.0.0/8'],
      '"10.0.0.0/8" is not an IP address',
      'write 203.0.113.7',
    ],
    [['check', 'nowhere', '--json'], 'the folder nowhere does not exist', 'name the folder that holds'],
    [
      ['who-can', 'catalog/read', '--policies', 'nowhere'],
      'the folder nowhere does not exist',
      'name the folder that holds',
    ],
  ])('%j is wrong use', async (args, error, hint) => {
    const { status, stdout, stderr } = await run(args)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toContain(`dockgate: error: ${error}\ndockgate: hint: ${hint}`)
  })

  it.each(['explain', 'who-can', 'diff'])('%s --help ends with examples', async (command) => {
    const { status, stdout } = await run([command, '--help'])
    expect(status).toBe(0)
    expect(stdout).toContain(`\nExamples:\n  dockgate ${command}`)
  })
})
