/**
 * Canary secrets: one of its own in every place where a secret can be, right ones and wrong ones, sent through every path
 * of a running gate, with a registry that is well, broken and gone. None may be in any log line, error or answer.
 */

import { generateKeyPairSync } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Gate, sha256, startGate } from './tools/gate.ts'
import { runProgram } from './tools/process.ts'

let made = 0
const canaries: string[] = []
/** A text that nothing else holds. */
function canary(where: string): string {
  const text = `canary${(++made).toString().padStart(3, '0')}x${Buffer.from(where).toString('hex').slice(0, 12)}z9q`
  canaries.push(text)
  return text
}

const issuerKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })
const PASSWORD = canary('password')
const UPSTREAM_PASSWORD = canary('upstream password')

const policies = {
  'policy.yaml': `
registry: { service: registry.example.com, anonymous: [repositories/public/*/content/read] }
scopeMaps: { app: { actions: [repositories/app/content/read, repositories/app/content/write, repositories/app/metadata/read] } }
tokens: { ci: { scopeMap: app, credentials: { password1: { sha256: ${sha256(PASSWORD)} } } } }
issuers: { ci: { issuer: https://ci.example.com, audiences: [registry.example.com], jwks: { keys: [${JSON.stringify(issuerKey)}] } } }
`,
}

const DIGEST = `sha256:${'a'.repeat(64)}`
const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
const jwtOf = (secret: string): string =>
  [
    { alg: 'ES256', kid: secret },
    { iss: 'https://ci.example.com', aud: 'registry.example.com', sub: secret, jti: secret, exp: 4e9 },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .concat(Buffer.from(secret).toString('base64url'))
    .join('.')

let gate: Gate
let registry: Server
let mood: 'well' | 'broken' | 'confused' = 'well'

beforeAll(async () => {
  registry = createServer((request, response) => {
    request.resume()
    const secret = canary('upstream answer')
    const headers = {
      'set-cookie': secret,
      server: secret,
      'x-internal': secret,
      'www-authenticate': `Bearer realm="http://127.0.0.1:9/${secret}",service="${secret}"`,
      via: secret,
    }
    if (mood === 'broken') {
      response
        .writeHead(500, { ...headers, 'content-type': 'application/json' })
        .end(`{"errors":[{"message":"${secret}"}]}`)
    } else if (mood === 'confused') {
      response
        .writeHead(request.url === '/v2/' ? 200 : 401, { ...headers, 'content-type': 'text/html' })
        .end(`<h1>${secret}</h1>`)
    } else if (request.method === 'POST') {
      response.writeHead(202, { ...headers, location: `/v2/app/blobs/uploads/1?_state=${secret}` }).end()
    } else {
      response.writeHead(200, { ...headers, 'content-type': 'application/json' }).end('{"tags":[],"repositories":[]}')
    }
  })
  await new Promise<void>((resolve) => {
    registry.listen(0, '127.0.0.1', resolve)
  })
  const address = registry.address()
  gate = await startGate({
    policies,
    upstream: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    environment: { UPSTREAM_USERNAME: 'gate', UPSTREAM_PASSWORD, UPSTREAM_TIMEOUT_SECONDS: '2' },
  })
})
afterAll(async () => {
  await gate.stop()
  registry.closeAllConnections()
  registry.close()
})

const PATHS: readonly (readonly [method: string, path: string])[] = [
  ['GET', '/v2/'],
  ['GET', '/v2/app/manifests/v1'],
  ['PUT', '/v2/app/manifests/v1'],
  ['DELETE', '/v2/app/manifests/v1'],
  ['GET', `/v2/app/blobs/${DIGEST}`],
  ['POST', '/v2/app/blobs/uploads/'],
  ['GET', '/v2/app/tags/list'],
  ['GET', '/v2/_catalog'],
  ['GET', '/v2/other/manifests/v1'],
  ['PATCH', '/acr/v1/app'],
  ['GET', '/v2/app/nothing'],
  ['GET', '/nothing'],
  ['GET', '/token'],
  ['GET', '/.well-known/jwks.json'],
  ['GET', '/readyz'],
]

/** Every kind of credential, good and bad, each with a secret in it. */
const credentials = (): readonly Record<string, string>[] => [
  {},
  { authorization: basic('ci', PASSWORD) },
  { authorization: basic('ci', canary('wrong password')) },
  { authorization: basic(canary('user'), canary('password of nobody')) },
  { authorization: `Bearer ${canary('opaque')}` },
  { authorization: `Bearer ${jwtOf(canary('jwt'))}` },
  { authorization: basic('x', jwtOf(canary('jwt as password'))) },
  { authorization: `Bearer ${canary('first')}, Bearer ${canary('second')}` },
  { authorization: `${canary('scheme')} ${canary('value')}` },
  { 'proxy-authorization': basic('x', canary('proxy')), cookie: `s=${canary('cookie')}`, 'x-api-key': canary('key') },
  { 'user-agent': canary('agent'), referer: canary('referer'), accept: canary('accept'), 'cf-ray': canary('ray') },
  { 'content-type': canary('type'), 'cf-connecting-ip': canary('address'), authorization: basic('ci', PASSWORD) },
]

async function everyPath(answers: string[]): Promise<void> {
  for (const [method, path] of PATHS) {
    for (const headers of credentials()) {
      const query = `?token=${canary('query')}&password=${canary('query')}&last=~${canary('cursor')}`
      const body = method === 'GET' || method === 'DELETE' ? null : `{"secret":"${canary('body')}"}`
      const answer = await fetch(`${gate.url}${path}${query}`, { method, headers, body, redirect: 'manual' })
      answers.push(JSON.stringify([...answer.headers]), await answer.text())
    }
  }
  const session = `/v2/app/blobs/uploads/${canary('session')}`
  for (const method of ['GET', 'PATCH', 'DELETE']) {
    const answer = await fetch(gate.url + session, { method, headers: { authorization: basic('ci', PASSWORD) } })
    answers.push(await answer.text())
  }
  for (const [path, fields] of [
    ['/token', { username: 'ci', password: canary('form password'), grant_type: 'password' }],
    ['/token', { username: canary('form user'), password: PASSWORD, grant_type: 'password' }],
    ['/oauth2/token', { grant_type: 'refresh_token', refresh_token: canary('refresh') }],
    ['/oauth2/token', { grant_type: 'refresh_token', refresh_token: jwtOf(canary('refresh JWT')) }],
    ['/oauth2/token', { grant_type: canary('grant'), service: canary('service'), scope: canary('scope') }],
    ['/oauth2/exchange', { grant_type: 'access_token', access_token: jwtOf(canary('exchange')) }],
    ['/oauth2/exchange', { grant_type: 'access_token', access_token: canary('exchange') }],
  ] as const) {
    const answer = await fetch(gate.url + path, { method: 'POST', body: new URLSearchParams(fields) })
    answers.push(JSON.stringify([...answer.headers]), await answer.text())
  }
}

/** A secret as it stands, and as it would look in base64 or in an Authorization header. */
const spellings = (secret: string): readonly string[] => [
  secret,
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
  encodeURIComponent(Buffer.from(secret).toString('base64')),
]

it('secrets of requests, policies, keys and the upstream are in no log line, error or answer', async () => {
  const answers: string[] = []
  for (const state of ['well', 'broken', 'confused'] as const) {
    mood = state
    await everyPath(answers)
  }
  registry.closeAllConnections()
  registry.close()
  await everyPath(answers)

  // A policy that cannot be read, and one that cannot be pushed.
  const { stdout, stderr } = await runProgram(
    process.execPath,
    [
      new URL('../../src/cli/bin.js', import.meta.url).pathname,
      'probe',
      gate.url,
      '--json',
      '--token',
      `ci:${canary('probe')}`,
    ],
    { environment: {} },
  )
  answers.push(stdout, stderr)

  const keys = join(gate.stateDirectory, 'keys')
  for (const file of readdirSync(keys).filter((name) => name.endsWith('.json'))) {
    const { d } = JSON.parse(readFileSync(join(keys, file), 'utf8'))
    if (typeof d === 'string') canaries.push(d)
  }
  const everything = `${gate.log()}\n${answers.join('\n')}`
  expect(canaries.length).toBeGreaterThan(1000)
  expect(gate.log().length).toBeGreaterThan(10_000)
  const leaked = canaries.filter((secret) => spellings(secret).some((text) => everything.includes(text)))
  const where = leaked.map((secret) =>
    everything.slice(Math.max(0, everything.indexOf(secret) - 200), everything.indexOf(secret) + 60),
  )
  expect(where.slice(0, 5)).toEqual([])
  expect(leaked).toEqual([])
}, 180_000)
