/** A request is addressed to a host: what the platform makes of another text is a URL with another path (fault A12). */
import { createExecutionContext } from 'cloudflare:test'
import { afterEach, describe, expect, it, vi } from 'vitest'
import worker from '../../src/worker/index.ts'
import { catchLog, createWorld, errorOf, GATE, testEnv } from './gate-world.ts'

afterEach(() => vi.restoreAllMocks())

const M = '/v2/samples/app/manifests/v1'

const REFUSAL = {
  code: 'UNSUPPORTED',
  message: 'the Host header is not a host name: send the name of this gate, and its port where it has one',
}

const HOSTS = [
  'registry.example.com',
  'registry.example.com:8443',
  'REGISTRY.example.com',
  'registry.example.com.',
  'localhost:8787',
  'a_b.example',
  '127.0.0.1',
  '[::1]:8787',
  'xn--bcher-kva.example',
  'registry.example.com:',
]

const NO_HOSTS = [
  'registry.example.com/v2/secret/manifests/v1?',
  'registry.example.com/',
  'registry.example.com?x=',
  'registry.example.com#',
  'registry.example.com\\v2',
  'user@registry.example.com',
  'user:password@registry.example.com',
  'registry.example.com, else.example',
  'registry.example.com else.example',
  'https://registry.example.com',
  'registry.example.com:port',
  'registry.example.com:123456',
  'registry.example.com:80:80',
  'regístry.example.com',
  'registry%2eexample.com',
  '.example.com',
  '-.-',
  '[::1',
  '::1',
  '[v2/x]',
  '',
  'a'.repeat(300),
]

describe('the Host header', () => {
  it.each(HOSTS)('%j is a host', async (host) => {
    const { call, seen } = createWorld()
    expect([(await call('GET', M, { as: 'ci', headers: { host } })).status, seen.length]).toEqual([200, 1])
  })

  it.each(NO_HOSTS)('%j is not a host, so that nothing is forwarded', async (host) => {
    const { call, seen, records } = createWorld()
    const response = await call('GET', M, { as: 'ci', headers: { host } })
    expect([response.status, await errorOf(response), seen]).toEqual([400, REFUSAL, []])
    expect(records).toEqual([
      expect.objectContaining({ decision: 'deny', reason: 'not_a_registry_request', status: 400 }),
    ])
  })

  it.each(NO_HOSTS)('%j is refused whatever path the URL seems to have', async (host) => {
    catchLog()
    for (const url of [`${GATE}${M}`, `${GATE}/token`, `${GATE}/livez`, `${GATE}/x/v2/`]) {
      const request = new Request<unknown, IncomingRequestCfProperties>(url, { headers: { host } })
      const response = await worker.fetch(request, testEnv(), createExecutionContext())
      expect([response.status, await errorOf(response)]).toEqual([400, REFUSAL])
    }
  })
})

it.each(['/livez', '/token?service=registry.example.com', '/else'])('%s runs nothing in a browser', async (path) => {
  catchLog()
  const request = new Request<unknown, IncomingRequestCfProperties>(`${GATE}${path}`)
  const response = await worker.fetch(request, testEnv(), createExecutionContext())
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-security-policy': "default-src 'none'; sandbox",
    'x-content-type-options': 'nosniff',
  })
})
