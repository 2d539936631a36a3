/** Every finding of a probe, word by word, at gates that this file plays: right but for one thing. test/e2e/probe asks real ones. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { Probe } from '../../../src/cli/probing/check.ts'
import { CHECKS } from '../../../src/cli/probing/checks.ts'
import { targetOf } from '../../../src/cli/probing/run.ts'

type Answer = {
  readonly status: number
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string
}
type Play = (request: IncomingMessage, origin: string) => Answer | undefined

const JSON_TYPE = { 'content-type': 'application/json' }
const NO_STORE = { ...JSON_TYPE, 'cache-control': 'no-store' }
const WEAK = `Basic ${Buffer.from('weak:secret').toString('base64')}`

const refusal = (status: number, headers: Answer['headers'] = {}): Answer => ({
  status,
  headers: { ...NO_STORE, ...headers },
  body: '{"errors":[]}',
})
const challenged = (...challenges: readonly string[]) => refusal(401, { 'www-authenticate': challenges })
const granting = (access: readonly object[] = [], kind = 'anonymous'): Answer => ({
  status: 200,
  headers: NO_STORE,
  body: JSON.stringify({ token: `${kind}.${Buffer.from(JSON.stringify({ access })).toString('base64url')}.c` }),
})

/** The gate as it should be. */
function right({ url = '', headers: { authorization } }: IncomingMessage, origin: string): Answer {
  if (url === '/livez' || url === '/readyz') return { status: 200, body: '{}' }
  if (url === '/.well-known/jwks.json') return { status: 200, body: '{"keys":[{"kty":"OKP"}]}' }
  if (url.startsWith('/token')) {
    if (authorization === undefined) return granting()
    return authorization === WEAK ? granting([], 'weak') : refusal(401)
  }
  if (!/^\/(?:v2|acr\/v1)\//.test(url) || /\/\/|\.\.|%|\\|;/.test(url)) return refusal(404)
  const isKnown = authorization === WEAK || authorization?.startsWith('Bearer weak.') === true
  if (!isKnown) return challenged(`Bearer realm="${origin}/token",service="s"`)
  return url === '/v2/' ? { status: 200, headers: NO_STORE, body: '{}' } : refusal(403)
}

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

/** A gate that answers as `play` says, and rightly where that says nothing. */
async function listening(play: Play): Promise<string> {
  let origin = ''
  const server = createServer((request, response) => {
    const { status, headers = {}, body } = play(request, origin) ?? right(request, origin)
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    response.writeHead(status).end(body)
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port exists')
  origin = `http://127.0.0.1:${address.port}`
  return origin
}

async function findings(name: string, gate: string, upstream?: string): Promise<readonly string[]> {
  const target = targetOf(gate, { token: 'weak:secret', ...(upstream === undefined ? {} : { upstream }) })
  const probe = new Probe(target)
  const sign = { realm: `${gate}/token`, service: 's' }
  await CHECKS.find((check) => check.name === name)?.run(probe, { sign, keys: [] })
  const [{ name: madeUp }] = target.repositories
  const lines = probe.findings.map(
    ({ check, request, credential, problem }) => `${check}: ${request} with ${credential}: ${problem}`,
  )
  return lines.map((line) =>
    line.replaceAll(gate, 'GATE').replaceAll(madeUp, 'NAME').replaceAll(encodeURIComponent(madeUp), 'NAME'),
  )
}

const at =
  (path: string, answer: Answer): Play =>
  ({ url }) =>
    url === path ? answer : undefined
const beginning =
  (path: string, answer: Answer): Play =>
  ({ url = '' }) =>
    url.startsWith(path) ? answer : undefined
const REALM = 'realm="https://gate.example/token"'
const LIST = '/v2/_catalog'

describe('a probe', () => {
  it.each(CHECKS.map(({ name }) => name))('finds nothing at a right gate: %s', async (name) => {
    const gate = await listening(() => undefined)
    expect(await findings(name, gate, await listening(() => refusal(401)))).toEqual([])
  })

  it.each<[string, Play]>([
    [
      'health: GET /readyz with no credential: it is 503, and 200 is right: no policy',
      at('/readyz', { status: 503, body: 'no policy' }),
    ],
    ['health: GET /livez with no credential: it is not a JSON object', at('/livez', { status: 200, body: 'ok' })],
    ['challenge: GET /v2/ with no credential: it is 200, and 401 is right', at('/v2/', { status: 200 })],
    ['challenge: GET /v2/ with no credential: it has no WWW-Authenticate', at('/v2/', challenged())],
    [
      'challenge: GET /v2/ with no credential: it has 2 WWW-Authenticate headers; several clients read only the first',
      at('/v2/', challenged('Bearer realm="x",service="s"', 'Basic realm="x"')),
    ],
    [
      'challenge: GET /v2/ with no credential: its WWW-Authenticate holds 2 challenges, and one is right',
      at('/v2/', challenged('Bearer realm="x",service="s", Basic realm="x"')),
    ],
    ['challenge: GET /v2/ with no credential: its challenge is not Bearer', at('/v2/', challenged('Basic realm="x"'))],
    [
      'challenge: GET /v2/ with no credential: its challenge lacks a realm or a service',
      at('/v2/', challenged('Bearer realm="x"')),
    ],
    [
      'challenge: GET /v2/ with no credential: its realm x is not a URL',
      at('/v2/', challenged('Bearer realm="x",service="s"')),
    ],
    [
      'challenge: GET /v2/ with no credential: its realm https://gate.example/token is not at GATE: set PUBLIC_URL',
      at('/v2/', challenged(`Bearer ${REALM},service="s"`)),
    ],
    [
      'challenge: GET /v2/ with no credential: its realm GATE/login is not the token endpoint',
      ({ url }, origin) => (url === '/v2/' ? challenged(`Bearer realm="${origin}/login",service="s"`) : undefined),
    ],
    [
      'challenge: GET /v2/ with no credential: its challenge names an error, although no credential was sent',
      at('/v2/', challenged(`Bearer ${REALM},service="s",error="invalid_token"`)),
    ],
    [
      'published keys: GET /.well-known/jwks.json with no credential: it is not a JWKS with a key',
      at('/.well-known/jwks.json', { status: 404 }),
    ],
    [
      'published keys: GET /.well-known/jwks.json with no credential: it publishes a PRIVATE key: replace TOKEN_SIGNING_KEY now',
      at('/.well-known/jwks.json', { status: 200, body: '{"keys":[{"kty":"EC","d":"x"}]}' }),
    ],
    [`without a credential: GET ${LIST} with no credential: it is 403, and 401 is right`, at(LIST, refusal(403))],
    [
      `without a credential: GET ${LIST} with no credential: it may be cached: its Cache-Control has no no-store`,
      at(LIST, {
        ...challenged(`Bearer ${REALM},service="s"`),
        headers: { 'www-authenticate': `Bearer ${REALM},service="s"` },
      }),
    ],
    [
      `without a credential: GET ${LIST} with no credential: it came from a cache (CF-Cache-Status: HIT)`,
      at(LIST, refusal(401, { 'www-authenticate': `Bearer ${REALM},service="s"`, 'cf-cache-status': 'HIT' })),
    ],
    [
      `without a credential: GET ${LIST} with no credential: it sets a cookie`,
      at(LIST, refusal(401, { 'www-authenticate': `Bearer ${REALM},service="s"`, 'set-cookie': 'a=b' })),
    ],
    [
      `without a credential: GET ${LIST} with no credential: its body is text/html, and no registry error`,
      at(LIST, refusal(401, { 'www-authenticate': `Bearer ${REALM},service="s"`, 'content-type': 'text/html' })),
    ],
    [
      `without a credential: GET ${LIST} with no credential: its body is of no type, and no registry error`,
      at(LIST, refusal(401, { 'www-authenticate': `Bearer ${REALM},service="s"`, 'content-type': '' })),
    ],
    [
      `without a credential: GET ${LIST} with no credential: its body holds no errors of a registry`,
      at(LIST, { ...challenged(`Bearer ${REALM},service="s"`), body: '{}' }),
    ],
    [
      'misleading headers: GET /v2/ with no credential: it is 200, and 401 is right',
      ({ headers }) => (headers['x-original-url'] === undefined ? undefined : { status: 200 }),
    ],
    [
      'other spellings: GET /v2//_catalog with no credential: it is 200, and 400, 401, 403 or 404 is right',
      at('/v2//_catalog', { status: 200 }),
    ],
    [
      'an anonymous token: GET /token?service=s&scope=repository%3ANAME%3A*&scope=registry%3Acatalog%3A* with no credential: it is 500 without a token',
      beginning('/token', { status: 500 }),
    ],
    [
      'an anonymous token: GET /token?service=s&scope=repository%3ANAME%3A*&scope=registry%3Acatalog%3A* with no credential: it grants a scope of NAME, on which nothing should be granted',
      ({ url = '' }) => {
        const [, name] = /repository%3A(.*?)%3A/.exec(url) ?? []
        return name === undefined ? undefined : granting([{ name: decodeURIComponent(name) }])
      },
    ],
    [
      'bad credentials: GET /token?service=s with a made-up user name and password: it is 200, and 401 is right',
      beginning('/token', granting()),
    ],
    [
      'an insufficient credential: GET /v2/ with token weak: it is 401, and 200 is right: is the name and secret of --token a credential here?',
      ({ url, headers }) => (url === '/v2/' && headers.authorization === WEAK ? refusal(401) : undefined),
    ],
    [
      `an insufficient credential: GET ${LIST} with token weak: it is 500, and 403 is right`,
      ({ url, headers }) => (url === LIST && headers.authorization === WEAK ? { status: 500 } : undefined),
    ],
  ])('finds that %s', async (expected, play) => {
    const [name = ''] = expected.split(':')
    expect(await findings(name, await listening(play))).toContainEqual(expected)
  })

  it('finds that a registry answers without the gate', async () => {
    const gate = await listening(() => undefined)
    const upstream = await listening(() => ({ status: 200 }))
    expect(await findings('past the gate', gate, upstream)).toContainEqual(
      `past the gate: GET /v2/ with no credential: ${upstream} answers without the gate: let it take the gate's credential only`,
    )
  })
})
