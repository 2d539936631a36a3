/** The scripts of the action, run as they are: on a git repository of their own, with the command from this checkout. */
import { execFileSync, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ROOT } from '../../dev/build/root.ts'

const ACTION = join(ROOT, '.github/actions/policy')
const TIMEOUT_MS = 180_000

const POLICY = `registry: { service: registry.example.org }
scopeMaps:
  web: { actions: [repositories/web/*/content/read] }
tokens:
  web-reader: { scopeMap: web, credentials: { password1: { sha256: ${'ab'.repeat(32)} } } }
`
const TESTS = 'tests: [{ as: token:web-reader, can: content/read, on: web/site, expect: allow }]\n'

let folder: string
let repository: string
const servers: Server[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dockgate-action-'))
  repository = join(folder, 'repository')
  await mkdir(join(folder, 'bin'))
  await mkdir(repository)
  git('init', '--quiet')
})
afterEach(() => rm(folder, { recursive: true, force: true }))
afterAll(() => {
  for (const server of servers) server.close()
})

const git = (...args: readonly string[]): string =>
  execFileSync('git', ['-C', repository, '-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], {
    encoding: 'utf8',
  }).trim()

async function commit(files: Readonly<Record<string, string>>): Promise<string> {
  await mkdir(join(repository, 'policies'), { recursive: true })
  for (const [name, content] of Object.entries(files)) await writeFile(join(repository, name), content)
  git('add', '--all')
  git('commit', '--quiet', '--allow-empty', '-m', 'change')
  return git('rev-parse', 'HEAD')
}

/** `npx` of the script is this shell text; the arguments after `dockgate` are in `$@`. */
async function script(name: string, dockgate: string, variables: Readonly<Record<string, string>>) {
  const npx = `#!/bin/sh\n[ "$1 $2" = '--no-install dockgate' ] || exit 99\nshift 2\n${dockgate}\n`
  await writeFile(join(folder, 'bin/npx'), npx, { mode: 0o755 })
  const summary = join(folder, 'summary.md')
  const child = spawn('sh', [join(ACTION, name)], {
    cwd: repository,
    env: { PATH: `${join(folder, 'bin')}:${process.env.PATH}`, HOME: folder, SUMMARY: summary, ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve))
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { status: await closed, stdout, stderr, summary: await readFile(summary, 'utf8').catch(() => '') }
}

const REAL = `exec '${process.execPath}' '${join(ROOT, 'src/cli/bin.js')}' "$@"`

describe('the verb test', { timeout: TIMEOUT_MS }, () => {
  it('shows the rights that change since the base', async () => {
    const base = await commit({ 'policies/a.yaml': POLICY, 'policies/a.test.yaml': TESTS })
    await commit({
      'policies/a.yaml': POLICY.replace(
        'web/*/content/read]',
        'web/*/content/read, repositories/web/*/content/delete]',
      ),
    })
    const { status, summary } = await script('test.sh', REAL, { BASE: base })
    expect(status).toBe(0)
    expect(summary.split('\n')[0]).toBe('<!-- dockgate policy -->')
    expect(summary).toContain('### Policies: valid')
    expect(summary).toContain('### Rights that change\n\n    token:web-reader\n')
    expect(summary).toMatch(/gained +content\/delete on web\/\*/)
  })

  it('says so where no right changes, and where there were no policies', async () => {
    const empty = await commit({ 'policies/README.md': '' })
    git('rm', '-r', '--quiet', 'policies')
    const before = await commit({})
    const first = await commit({ 'policies/a.yaml': POLICY, 'policies/a.test.yaml': TESTS })
    expect((await script('test.sh', REAL, { BASE: before })).summary).toContain('These are the first policies.')
    const same = await script('test.sh', REAL, { BASE: first })
    expect(same.status).toBe(0)
    expect(same.summary).toContain('### Rights that change\n\n    no right changes\n')
    expect(empty).not.toBe(before)
  })

  it.each([
    { what: 'policies that are not valid', files: { 'policies/a.yaml': 'tokens: { a: { scopeMap: none } }\n' } },
    { what: 'a decision test that fails', files: { 'policies/a.test.yaml': TESTS.replace('allow', 'deny') } },
    { what: 'a file that is not YAML', files: { 'policies/b.yaml': '{' } },
  ])('fails for $what, and says it in the summary', async ({ files }) => {
    const base = await commit({ 'policies/a.yaml': POLICY, 'policies/a.test.yaml': TESTS })
    await commit(files)
    const { status, summary } = await script('test.sh', REAL, { BASE: base })
    expect(status).toBe(1)
    expect(summary).toContain('### Policies: NOT valid')
    expect(summary).not.toContain('### Rights')
  })

  it('fails where the base is not fetched', async () => {
    await commit({ 'policies/a.yaml': POLICY })
    const { status, stderr } = await script('test.sh', REAL, { BASE: '1'.repeat(40) })
    expect(status).toBe(3)
    expect(stderr).toContain(`the commit ${'1'.repeat(40)} is not here: fetch it, for example with fetch-depth: 0`)
  })

  it('shows text of a policy so that it cannot be Markdown', async () => {
    await commit({ 'policies/a.yaml': POLICY })
    const hostile = "printf '%s\\n' '```' '# heading' '<img src=x>' '@everybody'"
    const { summary } = await script('test.sh', hostile, {})
    const lines = summary.split('\n')
    for (const text of ['```', '# heading', '<img src=x>', '@everybody']) expect(lines).toContain(`    ${text}`)
    expect(lines.filter((line) => /^(?:```|# |<img|@)/.test(line))).toEqual([])
  })
})

describe('the verb apply', { timeout: TIMEOUT_MS }, () => {
  const RECORD = 'echo "$@" >> calls'
  const calls = async () =>
    (await readFile(join(repository, 'calls'), 'utf8').catch(() => '')).split('\n').filter(Boolean)

  it('pushes with the tests required, waits for the gate, and shows its status', async () => {
    const { status, summary } = await script('apply.sh', `${RECORD}\necho "ran $1"`, {
      DOCKGATE_SIGNING_KEY: '{"d":"secret-part"}',
      URL: 'https://gate.example.org',
    })
    expect(status).toBe(0)
    expect(await calls()).toEqual([
      'push --remote --policies policies --require-tests --url https://gate.example.org',
      'status --remote --url https://gate.example.org',
    ])
    expect(summary).toBe('### Policies: in force\n\n    ran push\n\n### Status\n\n    ran status\n')
  })

  it.each([
    { what: 'the push fails', dockgate: 'exit 1', key: '{}', status: 1, asked: ['push'] },
    { what: 'an outside system fails', dockgate: 'exit 3', key: '{}', status: 3, asked: ['push'] },
    { what: 'the status is no', dockgate: '[ "$1" = push ]', key: '{}', status: 1, asked: ['push', 'status'] },
    { what: 'no key exists', dockgate: 'exit 0', key: '', status: 2, asked: [] },
  ])('fails where $what', async ({ dockgate, key, status, asked }) => {
    const ran = await script('apply.sh', `${RECORD}\n${dockgate}`, { DOCKGATE_SIGNING_KEY: key })
    expect(ran.status).toBe(status)
    expect((await calls()).map((call) => call.split(' ')[0])).toEqual(asked)
    expect(`${ran.stdout}${ran.stderr}${ran.summary}`).not.toContain('secret-part')
    expect(ran.summary.includes('in force')).toBe(asked.includes('status'))
  })
})

describe('the comment', { timeout: TIMEOUT_MS }, () => {
  type Comment = { readonly id: number; body: string; readonly user: { readonly type: string } }

  /** As much of GitHub's API as a comment takes. */
  async function github(comments: Comment[], refuse = false) {
    const changes: string[] = []
    const server = createServer(async (request, response) => {
      const { method, url = '', headers } = request
      const body = await text(request)
      if (refuse || headers.authorization !== 'Bearer t0ken') {
        response.writeHead(403).end('{}')
        return
      }
      const page = Number(new URL(url, 'http://x').searchParams.get('page') ?? 1)
      if (method === 'GET') response.end(JSON.stringify(comments.slice((page - 1) * 100, page * 100)))
      else {
        changes.push(`${method} ${url} ${JSON.parse(body).body.length}`)
        response.end('{}')
      }
    })
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    return { changes, url: `http://127.0.0.1:${port}` }
  }

  const SUMMARY = '<!-- dockgate policy -->\n### Policies: valid\n'
  const other = (id: number): Comment => ({ id, body: 'looks good', user: { type: 'User' } })

  it.each([
    { what: 'writes the first one', comments: [other(1)], changes: ['POST /repos/acme/policy/issues/7/comments 45'] },
    {
      what: 'updates its own',
      comments: [other(1), { id: 2, body: `${SUMMARY}old`, user: { type: 'Bot' } }],
      changes: ['PATCH /repos/acme/policy/issues/comments/2 45'],
    },
    {
      what: 'finds its own on a later page',
      comments: [
        ...Array.from({ length: 120 }, (_, id) => other(id)),
        { id: 999, body: `${SUMMARY}old`, user: { type: 'Bot' } },
      ],
      changes: ['PATCH /repos/acme/policy/issues/comments/999 45'],
    },
    {
      what: 'leaves the comment of a person alone that begins like its own',
      comments: [{ id: 3, body: `${SUMMARY}old`, user: { type: 'User' } }],
      changes: ['POST /repos/acme/policy/issues/7/comments 45'],
    },
    {
      what: 'changes nothing where it says the same',
      comments: [{ id: 2, body: SUMMARY, user: { type: 'Bot' } }],
      changes: [],
    },
  ])('$what', async ({ comments, changes }) => {
    const { url, changes: made } = await github(comments)
    await writeFile(join(folder, 'summary.md'), SUMMARY)
    const { status, stderr } = await script('comment.sh', 'exit 99', {
      TOKEN: 't0ken',
      PULL_REQUEST: '7',
      GITHUB_API_URL: url,
      GITHUB_REPOSITORY: 'acme/policy',
    })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(made).toEqual(changes)
  })

  it('fails where it may not comment, and names the permission', async () => {
    const { url, changes } = await github([], true)
    await writeFile(join(folder, 'summary.md'), SUMMARY)
    const variables = { TOKEN: 't0ken', PULL_REQUEST: '7', GITHUB_API_URL: url, GITHUB_REPOSITORY: 'acme/policy' }
    const { status, stderr } = await script('comment.sh', 'exit 99', variables)
    expect(status).toBe(1)
    expect(stderr).toBe(
      `the comment cannot be written: GET ${url}/repos/acme/policy/issues/7/comments?per_page=100&page=1 is answered 403; the job needs the permission pull-requests: write\n`,
    )
    expect(changes).toEqual([])
  })
})

describe('the action', () => {
  it('runs scripts that are there, and passes no input into a shell text', async () => {
    const action = await readFile(join(ACTION, 'action.yml'), 'utf8')
    const scripts = [...action.matchAll(/\$GITHUB_ACTION_PATH\/([a-z]+\.sh)/g)].map(([, name = '']) => name)
    expect(scripts).toEqual(['test.sh', 'comment.sh', 'apply.sh'])
    for (const name of scripts) expect(await readFile(join(ACTION, name), 'utf8')).toMatch(/^#!\/bin\/sh\n/)
    const runs = [...action.matchAll(/^ {6}run: (.*(?:\n {8}.*)*)/gm)].map(([, run = '']) => run)
    expect(runs.length).toBeGreaterThan(4)
    expect(runs.filter((run) => run.includes('${{'))).toEqual([])
  })
})
