/** `dockgate protections` and `dockgate quarantine` against a gate that answers what a test says. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { outcome } from '../outcome.ts'

type Answer = readonly [status: number, body: string, headers?: Readonly<Record<string, string>> | undefined]
type Seen = { readonly line: string; readonly authorization: string | undefined; readonly body: string }

const DIGEST = `sha256:${'a'.repeat(64)}`
const OTHER = `sha256:${'b'.repeat(64)}`

let gate: Server
let url: string
let root: string
let answers: Readonly<Record<string, Answer>> = {}
const seen: Seen[] = []
let written = { stdout: '', stderr: '' }

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'dockgate-gates-'))
  gate = createServer(async (request, response) => {
    const line = `${request.method} ${request.url}`
    seen.push({ line, authorization: request.headers.authorization, body: await textOf(request) })
    const [status, body, headers] = answers[line] ?? [
      404,
      '{"errors":[{"code":"NAME_UNKNOWN","message":"no such thing"}]}',
    ]
    response.writeHead(status, headers)
    response.end(body)
  })
  await new Promise<void>((resolve) => gate.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(gate.address() as AddressInfo).port}`
})
afterAll(async () => {
  gate.close()
  await rm(root, { recursive: true })
})
beforeEach(() => {
  seen.length = 0
  written = { stdout: '', stderr: '' }
  vi.stubEnv('DOCKGATE_TOKEN', 'scanner:secret')
  for (const stream of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[stream], 'write').mockImplementation((text) => {
      written[stream] += String(text)
      return true
    })
  }
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  process.exitCode = undefined
})

const run = (line: string, ...more: readonly string[]): Promise<string> =>
  outcome([...line.split(' '), ...more, '--url', url])
const json = (value: unknown, headers?: Readonly<Record<string, string>>): Answer => [
  200,
  JSON.stringify(value),
  headers,
]

const KEPT = { name: 'releases', mode: 'enforce', writeOnce: true, tags: ['v*'] }
const WAITS = { name: 'waits', mode: 'audit', quarantine: true, releaseAfter: 7 * 86_400 }
const ALL = { name: 'all', mode: 'enforce', writeOnce: true }

describe('protections', () => {
  it('are listed for the repositories of the catalog that are protected, over all pages', async () => {
    answers = {
      'GET /v2/_catalog': json({ repositories: ['a', 'hidden'] }, { link: '</v2/_catalog?last=a>; rel="next"' }),
      'GET /v2/_catalog?last=a': json({ repositories: ['b', 'c'] }),
      'GET /acr/v1/a/_protections?n=1': json({ protections: [KEPT, WAITS], tags: [] }),
      'GET /acr/v1/b/_protections?n=1': json({ protections: [], tags: [] }),
      'GET /acr/v1/c/_protections?n=1': json({ protections: [ALL] }),
      'GET /acr/v1/hidden/_protections?n=1': [403, '{"errors":[]}'],
    }
    expect(await run('protections list')).toEqual('no error')
    expect(written.stdout).toBe(
      [
        'a',
        '  releases: tags v* are written once',
        '  waits: images wait, at most 7 days (only audited)',
        'c',
        '  all: tags are written once',
        '',
      ].join('\n'),
    )
    expect(new Set(seen.map(({ authorization }) => authorization))).toEqual(
      new Set([`Basic ${Buffer.from('scanner:secret').toString('base64')}`]),
    )
  })

  it('are none', async () => {
    answers = { 'GET /v2/_catalog': json({ repositories: null }) }
    expect(await run('protections list')).toEqual('no error')
    expect(written).toEqual({ stdout: '', stderr: 'no repository of the catalog is protected\n' })
  })

  it('are shown with the tags that the gate knows', async () => {
    const path = '/acr/v1/a/_protections'
    answers = {
      [`GET ${path}?n=1`]: json({ protections: [KEPT] }),
      [`GET ${path}`]: json(
        { tags: [{ name: 'v1', digest: DIGEST, confirmed: true, protection: 'releases' }] },
        { link: `<${path}?last=v1>; rel="next"` },
      ),
      [`GET ${path}?last=v1`]: json({ tags: [{ name: 'v2', digest: OTHER, confirmed: false }] }),
      'GET /acr/v1/b/_protections?n=1': json({ protections: [] }),
      'GET /acr/v1/b/_protections': json({ tags: [] }),
    }
    expect(await run('protections show a b')).toEqual('no error')
    expect(written.stdout).toBe(
      [
        'a',
        '  releases: tags v* are written once',
        `  v1  ${DIGEST}, kept by releases`,
        `  v2  ${OTHER}, its push is not confirmed`,
        'b',
        '  nothing protects it',
        '',
      ].join('\n'),
    )
  })

  it('are seeded where tags are written once', async () => {
    answers = {
      'GET /acr/v1/a/_protections?n=1': json({ protections: [KEPT] }),
      'GET /acr/v1/b/_protections?n=1': json({ protections: [WAITS] }),
      'POST /acr/v1/a/_protections': json({ covered: 1, adopted: [{ name: 'v1', digest: DIGEST }], conflicts: [] }),
    }
    expect(await run('protections seed a b')).toEqual('no error')
    expect(written.stdout).toBe('a  1 covered tag, 1 new\n')
    expect(process.exitCode).toBe(0)
    expect(await run('protections seed b')).toEqual('no error')
    expect(written.stderr).toBe('no repository has tags that are written once\n')
  })

  it('are imported from what another gate has shown', async () => {
    const file = join(root, 'tags.json')
    const tags = [
      { name: 'v1', digest: DIGEST, confirmed: true },
      { name: 'v2', digest: OTHER, confirmed: true },
      { name: 'v3', digest: OTHER, confirmed: true },
    ]
    await writeFile(file, JSON.stringify({ repositories: [{ repository: 'a', protections: [KEPT], tags }] }))
    const conflicts = [
      { name: 'v2', expected: OTHER, found: DIGEST },
      { name: 'v3', expected: OTHER, found: null },
    ]
    answers = {
      'POST /acr/v1/a/_protections': json({ covered: 3, adopted: [{ name: 'v1', digest: DIGEST }], conflicts }),
    }
    expect(await run('protections import', file)).toEqual('no error')
    expect(JSON.parse(seen[0]?.body ?? '')).toEqual({ tags: { v1: DIGEST, v2: OTHER, v3: OTHER } })
    expect(written.stdout).toBe(
      [
        'a  3 covered tags, 1 new',
        `  v2 was ${OTHER}, the registry has ${DIGEST}`,
        `  v3 was ${OTHER}, the registry does not have it`,
        '',
      ].join('\n'),
    )
    expect(process.exitCode).toBe(1)
  })

  it.each(['{', '[]', '{"repositories":[1]}', '{"repositories":[{"repository":"a","tags":[{"name":"v1"}]}]}'])(
    'are not imported from a file of another kind: %s',
    async (text) => {
      const file = join(root, 'other.json')
      await writeFile(file, text)
      expect(await run('protections import', file)).toEqual(
        `exit 1: ${file} is not what \`dockgate protections show --json\` prints (dockgate protections show REPOSITORY --json > FILE)`,
      )
      expect(seen).toEqual([])
    },
  )

  it('are not imported from a file that is not there', async () => {
    expect(await run('protections import', join(root, 'none.json'))).toEqual(
      `exit 2: ${join(root, 'none.json')} cannot be read`,
    )
  })
})

const MANIFEST = {
  digest: DIGEST,
  quarantineState: 'Pending',
  tags: ['v1', 'v2'],
  createdTime: '2026-11-26T12:00:00.000Z',
}

describe('quarantine', () => {
  beforeEach(() => {
    answers = {
      'GET /acr/v1/a/_protections?n=1': json({ protections: [WAITS] }),
      'GET /acr/v1/a/_manifests': json({
        manifests: [
          MANIFEST,
          { digest: OTHER, quarantineState: 'Failed', quarantineDetails: 'malware' },
          { digest: OTHER },
        ],
      }),
      'GET /acr/v1/b/_protections?n=1': json({ protections: [KEPT] }),
    }
  })

  it('lists what waits', async () => {
    expect(await run('quarantine list a b')).toEqual('no error')
    expect(written.stdout).toBe(`pending  a@${DIGEST}  v1, v2  since 2026-11-26T12:00:00.000Z\n`)
  })

  it('lists all', async () => {
    expect(await run('quarantine list a --state all')).toEqual('no error')
    expect(written.stdout.split('\n').slice(1)).toEqual([
      `failed  a@${OTHER}  malware`,
      `never held back  a@${OTHER}`,
      '',
    ])
  })

  it.each([
    ['quarantine list b', 'no manifest is pending\n'],
    ['quarantine list b --state all', 'no manifest is in a quarantine\n'],
  ])('lists nothing: %s', async (line, note) => {
    expect(await run(line)).toEqual('no error')
    expect(written).toEqual({ stdout: '', stderr: note })
  })

  it.each([
    ['release', 'Passed'],
    ['reject', 'Failed'],
  ])('makes a decision: %s', async (verb, state) => {
    const manifest = { ...MANIFEST, tags: undefined, quarantineState: state, quarantineDetails: 'seen by me' }
    answers = { [`PATCH /acr/v1/a/_manifests/${DIGEST}`]: json({ manifest }) }
    expect(await run(`quarantine ${verb} a ${DIGEST} --details`, 'seen by me')).toEqual('no error')
    expect(JSON.parse(seen[0]?.body ?? '')).toEqual({ quarantineState: state, quarantineDetails: 'seen by me' })
    expect(written.stdout).toBe(`${state.toLowerCase()}  a@${DIGEST}  since 2026-11-26T12:00:00.000Z  seen by me\n`)
  })

  it('shows a state', async () => {
    answers = { [`GET /acr/v1/a/_manifests/${DIGEST}`]: json({ manifest: MANIFEST }) }
    expect(await run(`quarantine show a ${DIGEST}`)).toEqual('no error')
    expect(written.stdout).toBe(`pending  a@${DIGEST}  v1, v2  since 2026-11-26T12:00:00.000Z\n`)
  })
})

describe('a gate that does not do what it is asked', () => {
  const refused = '(docs/operations.md explains each refusal; `dockgate explain` says which right is missing)'

  it('refuses', async () => {
    answers = {
      'GET /acr/v1/a/_protections?n=1': [403, '{"errors":[{"code":"DENIED","message":"no right\\u001b[2J"}]}'],
    }
    expect(await run('protections list a')).toEqual(
      `exit 1: the gate refuses GET /acr/v1/a/_protections?n=1 with 403: no right\u001b[2J ${refused}`,
    )
    answers = {}
    expect(await run(`quarantine release a ${DIGEST}`)).toEqual(
      `exit 1: the gate refuses PATCH /acr/v1/a/_manifests/${DIGEST} with 404: no such thing ${refused}`,
    )
    answers = { 'GET /v2/_catalog': [500, '<html>'] }
    expect(await run('protections list')).toEqual(
      `exit 1: the gate refuses GET /v2/_catalog with 500: no reason is given ${refused}`,
    )
  })

  it('answers something else', async () => {
    answers = { 'GET /v2/_catalog': [200, '<html>'] }
    expect(await run('protections list')).toEqual(
      `exit 3: ${url} gave an answer to GET /v2/_catalog that is not a JSON object (is it a gate, of this version?)`,
    )
    answers = { [`GET /acr/v1/a/_manifests/${DIGEST}`]: [200, '{}'] }
    expect(await run(`quarantine show a ${DIGEST}`)).toEqual(
      `exit 3: ${url} gave an answer without a manifest (is it a gate, of this version?)`,
    )
  })

  it('sends the credential to nobody else', async () => {
    answers = { 'GET /v2/_catalog': [302, '', { location: `${url}/elsewhere` }] }
    expect(await run('protections list')).toContain('does not answer')
    answers = {
      'GET /v2/_catalog': json(
        { repositories: [] },
        { link: '<https://elsewhere.example/v2/_catalog?last=a>; rel="next"' },
      ),
    }
    const before = seen.length
    await run('protections list')
    expect(seen.slice(before).map(({ line }) => line)).toEqual(['GET /v2/_catalog'])
  })

  it('does not answer', async () => {
    const argv = ['protections', 'list', '--url', 'http://127.0.0.1:1']
    expect(await outcome(argv)).toEqual(
      'exit 3: http://127.0.0.1:1 does not answer (give the address of a gate that runs, e.g. --url https://registry.example.com)',
    )
  })
})

describe('wrong use', () => {
  it.each([
    [
      'protections list Acme/App',
      "exit 2: 'Acme/App' is not a repository name (write it without host and tag: acme/app)",
    ],
    ['quarantine show a v1', "exit 2: 'v1' is not a digest (write it as sha256:…, as `quarantine list` does)"],
  ])('%s', async (line, expected) => {
    expect(await run(line)).toEqual(expected)
    expect(seen).toEqual([])
  })

  it('is to have no credential', async () => {
    vi.stubEnv('DOCKGATE_TOKEN', '')
    expect(await run('protections list')).toEqual(
      'exit 2: there is no credential for the gate (set DOCKGATE_TOKEN to NAME:SECRET, or to a token of an issuer)',
    )
  })

  it('is not a token of an issuer', async () => {
    answers = { 'GET /v2/_catalog': json({ repositories: [] }) }
    vi.stubEnv('DOCKGATE_TOKEN', 'a.b.c')
    await run('protections list')
    expect(seen.map(({ authorization }) => authorization)).toEqual(['Bearer a.b.c'])
  })
})
