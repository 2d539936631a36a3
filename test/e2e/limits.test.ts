/**
 * Bounds on the wire, before the real registry: bodies whose length nobody announces, hosts that are not hosts, and a
 * registry that gives few names at a time.
 */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { secretOf, token } from './tools/accounts.ts'
import { requireClients } from './tools/clients.ts'
import type { Gate } from './tools/gate.ts'
import { gateBefore } from './tools/gate-fixture.ts'
import { sendRaw } from './tools/raw.ts'
import { type Registry, startDockerRegistry } from './tools/registries.ts'
import { type Answer, ask, basic, type Question } from './tools/wire.ts'

const LIMIT = 1000
const CATALOG_MAX = 5

const policies = {
  'policies.yaml': `
registry: { service: registry.example.com }
scopeMaps:
  push: { actions: [repositories/*/content/read, repositories/*/content/write, repositories/*/metadata/read] }
  team: { actions: [repositories/team/*/content/read, repositories/team/*/metadata/read] }
tokens:
${token('all', 'push')}
${token('team', 'team')}
${token('lister', 'team')}
roleAssignments:
  - { principal: 'token:lister', role: Container Registry Repository Catalog Lister }
`,
}

const HIDDEN = ['other/a', 'other/b', 'other/c', 'other/d', 'other/e', 'other/f', 'other/g']
const TEAM = ['team/a', 'team/a-b', 'team/a/b', 'team/b', 'team/c', 'team/d', 'team/e']

describe.runIf(requireClients(['docker-registry']))('a gate before docker-registry', () => {
  let gate: Gate
  let registry: Registry
  gateBefore(
    () => startDockerRegistry(undefined, { catalogMax: CATALOG_MAX }),
    { policies, environment: { MAX_UPLOAD_BYTES: String(LIMIT) } },
    async (started, upstream) => {
      gate = started
      registry = upstream
      for (const name of [...HIDDEN, ...TEAM]) await push(name)
    },
  )

  async function push(name: string): Promise<void> {
    const begun = await ask(`${registry.url}/v2/${name}/blobs/uploads/`, { method: 'POST' })
    const url = new URL(String(begun.headers.location), registry.url)
    const body = Buffer.from('{}')
    url.searchParams.set('digest', digestOf(body))
    expect((await ask(url.href, { method: 'PUT', body })).status).toBe(201)
  }

  const asks = (name: string, target: string, question: Question = {}): Promise<Answer> =>
    ask(new URL(target, gate.url).href, {
      ...question,
      headers: { authorization: basic(name, secretOf(name)), ...question.headers },
    })

  const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
  const chunked = (bytes: Uint8Array) =>
    Readable.from(
      Array.from({ length: Math.ceil(bytes.length / 100) }, (_, at) => bytes.subarray(at * 100, at * 100 + 100)),
    )
  const octets = { 'content-type': 'application/octet-stream' }
  const sessionOf = async () =>
    String((await asks('all', '/v2/team/a/blobs/uploads/', { method: 'POST' })).headers.location)
  const withDigest = (session: string, digest: string) =>
    `${session}${session.includes('?') ? '&' : '?'}digest=${digest}`

  it.each([LIMIT + 1, 50_000])('finishes no upload of %i bytes that announces no length', async (size) => {
    const bytes = Buffer.alloc(size, `${size}`)
    const digest = digestOf(bytes)
    const direct = await asks('all', withDigest(await sessionOf(), digest), {
      method: 'PUT',
      headers: octets,
      body: chunked(bytes),
    })
    expect(direct.status).toBe(413)
    expect(direct.json()).toEqual({
      errors: [
        {
          code: 'SIZE_INVALID',
          message: 'the body has more than 1000 bytes, this gate takes at most 1000: push it in smaller layers',
          detail: { limit: LIMIT },
        },
      ],
    })
    const session = await sessionOf()
    const patched = await asks('all', session, { method: 'PATCH', headers: octets, body: chunked(bytes) })
    expect(patched.status).toBe(413)
    const manifest = await asks('all', '/v2/team/a/manifests/large', {
      method: 'PUT',
      headers: { 'content-type': 'application/vnd.oci.image.manifest.v1+json' },
      body: chunked(Buffer.from(JSON.stringify({ schemaVersion: 2, padding: 'x'.repeat(size) }))),
    })
    expect(manifest.status).toBe(413)
    expect((await ask(`${registry.url}/v2/team/a/blobs/${digest}`, { method: 'HEAD' })).status).toBe(404)
    expect((await ask(`${registry.url}/v2/team/a/manifests/large`, { method: 'HEAD' })).status).toBe(404)
    const served = await registry.requests()
    expect(served.filter(({ method, status }) => method === 'PUT' && status < 300 && size > 2).length).toBe(
      HIDDEN.length + TEAM.length,
    )
  })

  it('takes an upload of the largest size that announces no length', async () => {
    const bytes = Buffer.alloc(LIMIT, 'b')
    const target = withDigest(await sessionOf(), digestOf(bytes))
    expect((await asks('all', target, { method: 'PUT', headers: octets, body: chunked(bytes) })).status).toBe(201)
    await registry.forgetRequests()
  })

  it('does not believe a length that is given next to a transfer coding', async () => {
    const bytes = Buffer.alloc(5000, 'c')
    const digest = digestOf(bytes)
    const { pathname, search } = new URL(withDigest(await sessionOf(), digest), gate.url)
    const authorization = basic('all', secretOf('all'))
    const body = Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n0\r\n\r\n')])
    const head = [`PUT ${pathname}${search} HTTP/1.1`, `Authorization: ${authorization}`, 'Content-Length: 5']
    const answer = await sendRaw(gate.url, [...head, 'Transfer-Encoding: chunked'], body)
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect((await ask(`${registry.url}/v2/team/a/blobs/${digest}`, { method: 'HEAD' })).status).toBe(404)
  })

  it.each([
    'x/v2/team/a/tags/list?',
    'x/v2/team/a/manifests/v1#',
    'user@127.0.0.1',
    '127.0.0.1, 127.0.0.2',
    '127.0.0.1\\v2',
  ])('forwards nothing that is addressed to %j', async (host) => {
    await registry.forgetRequests()
    const authorization = `Authorization: ${basic('all', secretOf('all'))}`
    for (const target of ['/v2/team/a/tags/list', '/token', '/']) {
      const answer = await sendRaw(gate.url, [`GET ${target} HTTP/1.1`, authorization], undefined, host)
      expect(answer.status === 0 || answer.status >= 400).toBe(true)
    }
    expect(await registry.requests()).toEqual([])
  })

  it('knows that this registry refuses to give more names than its limit', async () => {
    expect((await ask(`${registry.url}/v2/_catalog?n=${CATALOG_MAX + 1}`)).status).toBe(400)
  })

  const names = (answer: Answer) => (answer.json() as { repositories: readonly string[] }).repositories
  const nextOf = ({ headers }: Answer) => /^<(\/v2\/[^>]+)>; rel="next"$/.exec(String(headers.link ?? ''))?.[1]

  it.each(
    [
      { name: 'lister', sees: [...HIDDEN, 'team/a', 'team/a/b', 'team/a-b', ...TEAM.slice(3)] },
      { name: 'all', sees: [...HIDDEN, 'team/a', 'team/a/b', 'team/a-b', ...TEAM.slice(3)] },
      { name: 'team', sees: ['team/a', 'team/a/b', 'team/a-b', ...TEAM.slice(3)] },
    ].flatMap((caller) => ['?n=1', '?n=3', '?n=5', '?n=6', '?n=1000', ''].map((query) => ({ ...caller, query }))),
  )('lists what $name sees with "$query"', async ({ name, sees, query }) => {
    const seen: string[] = []
    for (let next: string | undefined = `/v2/_catalog${query}`; next !== undefined; ) {
      const answer = await asks(name, next)
      expect(answer.status).toBe(200)
      seen.push(...names(answer))
      next = nextOf(answer)
      expect(seen.length).toBeLessThan(50)
    }
    expect(seen).toEqual(sees)
  })
})
