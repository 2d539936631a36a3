/**
 * `dockgate probe` against the gate itself, which has no finding, and against gates with one defect each, which it must
 * find: an open registry, and a proxy that spoils what the real gate answers.
 */

import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Probe } from '../../src/cli/probing/check.ts'
import { nonCanonicalRoutes, REGISTRY_ROUTES, routesOf } from '../../src/cli/probing/routes.ts'
import { runChecks, targetOf } from '../../src/cli/probing/run.ts'
import { parseRegistryRequest } from '../../src/registry/parse.ts'
import { type Gate, sha256, startGate } from './tools/gate.ts'
import { runProgram } from './tools/process.ts'

const SECRET = 'nobody-secret-of-this-test-only'
const ADMIN_SECRET = 'admin-secret-of-this-test-only'
const COMMAND = new URL('../../src/cli/bin.js', import.meta.url).pathname

const policies = {
  'policy.yaml': `
registry:
  service: registry.example.com
  anonymous: [repositories/public/*/content/read]
scopeMaps: { nothing: { actions: [repositories/nothing/content/read] } }
tokens:
  nobody: { scopeMap: nothing, credentials: { password1: { sha256: ${sha256(SECRET)} } } }
  admin: { scopeMap: _repositories_admin, credentials: { password1: { sha256: ${sha256(ADMIN_SECRET)} } } }
`,
}

type Report = {
  readonly requests: number
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly skipped?: string }[]
  readonly findings: readonly { readonly check: string; readonly request: string; readonly problem: string }[]
}

async function probe(...args: readonly string[]): Promise<{ status: number; stderr: string; report: Report }> {
  const all = [COMMAND, 'probe', '--json', ...args]
  const { status, stdout, stderr } = await runProgram(process.execPath, all, { environment: {} })
  const report: Report = stdout === '' ? { requests: 0, checks: [], findings: [] } : JSON.parse(stdout)
  return { status, stderr, report }
}

/** Names of the checks with findings. */
const bad = ({ checks }: Report): readonly string[] => checks.filter(({ ok }) => !ok).map(({ name }) => name)

type Spoiled = { status: number; headers: Record<string, string | readonly string[]>; body: string }
/** Changes the request on its way, or the answer, or both. */
type Defect = {
  readonly request?: (line: { method: string; target: string; headers: Record<string, string> }) => void
  readonly answer?: (asked: IncomingMessage, answer: Spoiled) => void
}

const servers = new Set<Server>()
afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
})

async function listen(server: Server): Promise<string> {
  servers.add(server)
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
}

/** The gate with a defect: a proxy in front of it. */
function spoil(gate: string, defect: Defect): Promise<string> {
  const server = createServer((incoming, outgoing) => {
    const headers: Record<string, string> = {}
    for (const [name, value] of Object.entries(incoming.headers)) headers[name] = String(value)
    const line = { method: incoming.method ?? 'GET', target: incoming.url ?? '/', headers }
    defect.request?.(line)
    const onward = request(gate, { method: line.method, path: line.target, headers }, async (response) => {
      const chunks: Buffer[] = []
      for await (const chunk of response) chunks.push(chunk)
      const answer: Spoiled = {
        status: response.statusCode ?? 0,
        headers: Object.fromEntries(
          Object.entries(response.headers).flatMap(([name, value]) =>
            value === undefined || name === 'content-length' || name === 'transfer-encoding' ? [] : [[name, value]],
          ),
        ),
        body: Buffer.concat(chunks).toString('utf8'),
      }
      defect.answer?.(incoming, answer)
      const { status, headers: spoiled, body } = answer
      outgoing.writeHead(
        status,
        Object.fromEntries(Object.entries(spoiled).map(([k, v]) => [k, typeof v === 'string' ? v : [...v]])),
      )
      outgoing.end(incoming.method === 'HEAD' ? undefined : body)
    })
    onward.on('error', () => outgoing.destroy())
    incoming.pipe(onward)
  })
  return listen(server)
}

/** A registry that lets everybody in. */
const openRegistry = (): Promise<string> =>
  listen(
    createServer((incoming, outgoing) => {
      incoming.resume()
      const known = incoming.url === '/v2/' || incoming.url?.startsWith('/v2/_catalog')
      outgoing.writeHead(known ? 200 : 404, { 'content-type': 'application/json' })
      outgoing.end(known ? '{}' : '{"errors":[{"code":"NAME_UNKNOWN"}]}')
    }),
  )

const admin = `Basic ${Buffer.from(`admin:${ADMIN_SECRET}`).toString('base64')}`
const letIn = (headers: Record<string, string>): void => {
  headers.authorization = admin
}
const isBearer = (headers: Record<string, string>): boolean => headers.authorization?.startsWith('Bearer ') === true
const headerOf = (headers: Record<string, string>): Record<string, unknown> => {
  const [text = ''] = (headers.authorization ?? '').slice('Bearer '.length).split('.')
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
  } catch {
    return {}
  }
}

const DEFECTS: readonly (readonly [what: string, check: string, defect: Defect])[] = [
  [
    'lets everybody read tags',
    'without a credential',
    {
      request: ({ target, headers }) => target.endsWith('/tags/list') && letIn(headers),
    },
  ],
  [
    'forgot one method of one route',
    'without a credential',
    {
      request: ({ method, target, headers }) =>
        method === 'DELETE' && target.includes('/blobs/sha256:') && letIn(headers),
    },
  ],
  [
    'shows the catalog to nobody’s token',
    'an anonymous token',
    {
      request: ({ target, headers }) => target === '/v2/_catalog' && isBearer(headers) && letIn(headers),
    },
  ],
  [
    'forgot Azure’s API',
    'without a credential',
    {
      request: ({ target, headers }) => target.startsWith('/acr/') && letIn(headers),
    },
  ],
  [
    'trusts X-Forwarded-Uri',
    'misleading headers',
    {
      request: ({ headers }) => headers['x-forwarded-uri'] !== undefined && letIn(headers),
    },
  ],
  [
    'trusts the agent of a health check',
    'misleading headers',
    {
      request: ({ headers }) => headers['user-agent']?.includes('HC/') && letIn(headers),
    },
  ],
  [
    'reads its query as a path',
    'misleading headers',
    {
      request: ({ target, headers }) => target.includes('/livez') && target !== '/livez' && letIn(headers),
    },
  ],
  [
    'resolves paths after it judged them',
    'other spellings',
    {
      request: (line) => {
        if (!line.target.includes('..')) return
        line.target = new URL(line.target, 'http://host').pathname
        letIn(line.headers)
      },
    },
  ],
  [
    'merges slashes after it judged them',
    'other spellings',
    {
      request: (line) => {
        if (!line.target.includes('//')) return
        line.target = line.target.replaceAll(/\/+/g, '/')
        letIn(line.headers)
      },
    },
  ],
  [
    'accepts tokens without a signature',
    'bad credentials',
    {
      request: ({ headers }) => headerOf(headers).alg === 'none' && letIn(headers),
    },
  ],
  [
    'compares algorithms without letter case',
    'bad credentials',
    {
      request: ({ headers }) => headerOf(headers).alg === 'nOnE' && letIn(headers),
    },
  ],
  [
    'takes a public key for a secret',
    'bad credentials',
    {
      request: ({ headers }) => headerOf(headers).alg === 'HS256' && letIn(headers),
    },
  ],
  [
    'takes the key that a token brings',
    'bad credentials',
    {
      request: ({ headers }) => headerOf(headers).jwk !== undefined && letIn(headers),
    },
  ],
  [
    'does not look at signatures',
    'bad credentials',
    {
      request: ({ headers }) =>
        headerOf(headers).alg === 'ES256' && headerOf(headers).crit === undefined && letIn(headers),
    },
  ],
  [
    'lets any scheme in',
    'bad credentials',
    {
      request: ({ headers }) => headers.authorization?.startsWith('Token ') && letIn(headers),
    },
  ],
  [
    'takes a bad credential for none',
    'bad credentials',
    {
      answer: (asked, answer) => {
        if (asked.headers.authorization !== undefined && asked.url === '/token') answer.status = 200
        if (asked.url?.startsWith('/token') && answer.status === 401) answer.status = 200
      },
    },
  ],
  [
    'takes being known for being allowed',
    'an insufficient credential',
    {
      request: ({ target, headers }) =>
        headers.authorization?.startsWith('Basic ') &&
        target.startsWith('/v2/') &&
        target.endsWith('/list') &&
        letIn(headers),
    },
  ],
  [
    'grants every scope that is asked',
    'an insufficient credential',
    {
      request: ({ target, headers }) =>
        target.startsWith('/token') && headers.authorization !== undefined && letIn(headers),
    },
  ],
  [
    'sends two challenges in two headers',
    'challenge',
    {
      answer: (_, answer) => {
        const one = answer.headers['www-authenticate']
        if (answer.status === 401 && typeof one === 'string')
          answer.headers['www-authenticate'] = [one, 'Basic realm="x"']
      },
    },
  ],
  [
    'sends two challenges in one header',
    'challenge',
    {
      answer: (_, answer) => {
        if (answer.status === 401)
          answer.headers['www-authenticate'] = `${answer.headers['www-authenticate']}, Basic realm="x"`
      },
    },
  ],
  [
    'sends no challenge',
    'challenge',
    {
      answer: (_, answer) => {
        delete answer.headers['www-authenticate']
      },
    },
  ],
  [
    'sends people elsewhere for tokens',
    'challenge',
    {
      answer: (_, answer) => {
        if (answer.status === 401)
          answer.headers['www-authenticate'] = 'Bearer realm="https://evil.example/token",service="x"'
      },
    },
  ],
  [
    'says 403 where a login would help',
    'without a credential',
    {
      answer: (asked, answer) => {
        if (answer.status === 401 && asked.headers.authorization === undefined && asked.url !== '/v2/')
          answer.status = 403
      },
    },
  ],
  [
    'sends people to a login page',
    'without a credential',
    {
      answer: (asked, answer) => {
        if (answer.status === 401 && asked.url !== '/v2/') answer.status = 302
      },
    },
  ],
  [
    'lets answers be cached',
    'without a credential',
    {
      answer: (_, answer) => {
        answer.headers['cache-control'] = 'public, max-age=60'
      },
    },
  ],
  [
    'answers in HTML',
    'without a credential',
    {
      answer: (_, answer) => {
        if (answer.status === 401)
          Object.assign(answer, { headers: { ...answer.headers, 'content-type': 'text/html' } })
      },
    },
  ],
  [
    'publishes its private key',
    'published keys',
    {
      answer: (asked, answer) => {
        if (asked.url === '/.well-known/jwks.json') answer.body = answer.body.replace('"kty"', '"d":"secret","kty"')
      },
    },
  ],
  [
    'is not ready',
    'health',
    {
      answer: (asked, answer) => {
        if (asked.url === '/readyz') answer.status = 503
      },
    },
  ],
]

describe('dockgate probe', () => {
  let gate: Gate
  beforeAll(async () => {
    gate = await startGate({ policies })
  })
  afterAll(() => gate.stop())

  it('finds nothing at the gate, with every check made', async () => {
    const closed = await spoil(gate.url, {
      request: ({ headers }) => {
        delete headers.authorization
      },
    })
    const where = ['--upstream', closed, '--repository', 'private/app', 'release/app']
    const { status, report, stderr } = await probe(gate.url, '--token', `nobody:${SECRET}`, ...where)
    expect(report.findings, stderr).toEqual([])
    expect(status).toBe(0)
    expect(report.checks.every(({ ok, skipped }) => ok && skipped === undefined)).toBe(true)
    expect(report.requests).toBeGreaterThan(700)
  })

  it('says what it could not ask', async () => {
    const { report } = await probe(gate.url)
    expect(report.checks.filter(({ skipped }) => skipped !== undefined).map(({ name }) => name)).toEqual([
      'an insufficient credential',
      'past the gate',
    ])
  })

  it.each(DEFECTS)('finds a gate that %s, by %s', async (_, check, defect) => {
    const probe = new Probe(targetOf(await spoil(gate.url, defect), { token: `nobody:${SECRET}` }))
    await runChecks(probe)
    expect(new Set(probe.findings.map((finding) => finding.check))).toContain(check)
    expect(JSON.stringify(probe.findings)).not.toContain(SECRET)
  })

  it('finds an open registry in the place of the gate', async () => {
    const { status, report } = await probe(await openRegistry(), '--token', `nobody:${SECRET}`)
    expect(status).toBe(1)
    expect(bad(report)).toEqual(expect.arrayContaining(['challenge', 'without a credential', 'bad credentials']))
  })

  it('finds an upstream that answers without the gate', async () => {
    const { status, report } = await probe(gate.url, '--upstream', await openRegistry())
    expect([status, bad(report)]).toEqual([1, ['past the gate']])
  })

  it('takes an upstream that cannot be reached for a good one', async () => {
    const { status, report } = await probe(gate.url, '--upstream', 'http://127.0.0.1:9')
    expect([status, bad(report)]).toEqual([0, []])
  })

  it.each([
    ['a gate that is not there', 3, ['http://127.0.0.1:9']],
    ['no URL', 2, ['registry.example.com']],
    ['a URL with a path', 2, ['http://127.0.0.1:9/v2/']],
    ['a URL with a password', 2, ['http://user:secret@127.0.0.1:9']],
    ['a token without a secret', 2, ['http://127.0.0.1:9', '--token', 'nobody']],
    ['a repository that is none', 2, ['http://127.0.0.1:9', '--repository', 'a/../b']],
  ])('of %s ends with %i, in words', async (_, status, args) => {
    const outcome = await probe(...args)
    expect(outcome.status).toBe(status)
    expect(outcome.stderr).toMatch(/^dockgate: error: .+\ndockgate: hint: .+$/m)
    expect(outcome.stderr).not.toContain('secret')
  })
})

describe('the routes of a probe', () => {
  const madeUp = { name: 'dockgate-probe/x', isReal: false }
  const parse = ({ method, target }: { method: string; target: string }) => parseRegistryRequest(method, target)

  it('name every operation of the grammar, with every method', () => {
    const parsed = [...REGISTRY_ROUTES, ...routesOf(madeUp), { method: 'GET', target: '/v2/' }].map(parse)
    expect(parsed.filter(({ ok }) => !ok)).toEqual([])
    const operations = new Set(parsed.flatMap((result) => (result.ok ? [result.value.operation] : [])))
    expect([...operations].sort()).toEqual([
      'cancelUpload',
      'completeUpload',
      'deleteBlob',
      'deleteManifest',
      'listCatalog',
      'listReferrers',
      'listTags',
      'metadata',
      'mountBlob',
      'ping',
      'pullBlob',
      'pullManifest',
      'pushManifest',
      'startUpload',
      'uploadChunk',
      'uploadStatus',
    ])
  })

  it('of a repository that exists hold none that names all of it, or takes a body', () => {
    const routes = routesOf({ ...madeUp, isReal: true })
    expect(routes.filter(({ method, target }) => method !== 'GET' && target === `/acr/v1/${madeUp.name}`)).toEqual([])
    expect(routes.filter(({ body }) => body !== undefined && body !== '{}')).toEqual([])
  })

  it('that are crooked are refused by the grammar, or name nothing', () => {
    expect(nonCanonicalRoutes(madeUp.name).filter((route) => parse(route).ok)).toEqual([])
  })
})
