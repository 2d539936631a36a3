import { afterEach, describe, expect, it, vi } from 'vitest'
import { SESSION_LIFETIME_SECONDS } from '../../src/worker/upload-session.ts'
import { catchLog, createWorld, DIGEST, errorOf, SIGNING_KEY, UPSTREAM, type WorldOptions } from './gate-world.ts'

afterEach(() => vi.restoreAllMocks())

const U = '/v2/samples/app/blobs/uploads/'

/** A registry that accepts every upload and says that it goes on at `location`. */
const accepting = (location: string) => (request: Request) =>
  request.method === 'DELETE'
    ? new Response(null, { status: 204 })
    : request.method === 'PUT'
      ? new Response(null, {
          status: 201,
          headers: { location: `${UPSTREAM}/v2/else/blobs/${DIGEST}`, 'docker-content-digest': DIGEST },
        })
      : new Response(null, {
          status: request.method === 'GET' ? 204 : 202,
          headers: { location, range: '0-9', 'docker-upload-uuid': 'uuid', 'oci-chunk-min-length': '5' },
        })

async function start(location: string, options: WorldOptions = {}) {
  const world = createWorld({ registry: accepting(location), ...options })
  const response = await world.call('POST', U, { as: 'ci' })
  return { ...world, world, response, session: response.headers.get('location') ?? '' }
}

describe('the Location of an upload', () => {
  it.each([
    // docker-registry, relative and absolute; its state is opaque and must survive as it is.
    [
      '/v2/samples/app/blobs/uploads/uuid?_state=a%2Bb%3D%3D-_x',
      '/v2/samples/app/blobs/uploads/uuid?_state=a%2Bb%3D%3D-_x',
    ],
    [`${UPSTREAM}/v2/samples/app/blobs/uploads/uuid?_state=a`, '/v2/samples/app/blobs/uploads/uuid?_state=a'],
    // The scheme of a registry behind a load balancer, relative paths, GHCR and Artifact Registry.
    ['http://upstream.internal/v2/samples/app/blobs/uploads/uuid', '/v2/samples/app/blobs/uploads/uuid'],
    ['uuid?x=1', '/v2/samples/app/blobs/uploads/uuid?x=1'],
    ['/v2/samples/app/blobs/upload/4.uuid', '/v2/samples/app/blobs/upload/4.uuid'],
    [
      '/artifacts-uploads/namespaces/p/repositories/r/uploads/AbC%3D',
      '/artifacts-uploads/namespaces/p/repositories/r/uploads/AbC%3D',
    ],
  ])('%s stays on the gate, and is continued at %s', async (location, target) => {
    const { call, seen, response, session } = await start(location)
    expect(response.status).toBe(202)
    expect(session).toMatch(/^\/v2\/samples\/app\/blobs\/uploads\/[A-Za-z0-9_-]+$/)
    expect(response.headers.get('range')).toBe('0-9')
    expect(response.headers.get('docker-upload-uuid')).toBe('uuid')
    expect(response.headers.get('oci-chunk-min-length')).toBe('5')

    const headers = { 'content-range': '0-9', 'content-length': '10' }
    const chunk = await call('PATCH', session, { as: 'ci', headers, body: '0123456789' })
    const status = await call('GET', session, { as: 'ci' })
    const next = chunk.headers.get('location') ?? ''
    const done = await call('PUT', `${next}?digest=${DIGEST}`, { as: 'ci' })
    const cancelled = await call('DELETE', next, { as: 'ci' })
    expect([chunk, status, done, cancelled].map(({ status }) => status)).toEqual([202, 204, 201, 204])
    expect(done.headers.get('location')).toBe(`/v2/samples/app/blobs/${DIGEST}`)
    const digest = `${target.includes('?') ? '&' : '?'}digest=${encodeURIComponent(DIGEST)}`
    expect(seen.slice(1).map(({ method, url }) => `${method} ${url}`)).toEqual([
      `PATCH ${UPSTREAM}${target}`,
      `GET ${UPSTREAM}${target}`,
      `PUT ${UPSTREAM}${target}${digest}`,
      `DELETE ${UPSTREAM}${target}`,
    ])
    expect(seen[1]?.body).toBe('0123456789')
    expect(seen[1]?.headers.get('content-range')).toBe('0-9')
    expect(seen[1]?.headers.get('content-type')).toBe('application/octet-stream')
  })

  it.each([
    'https://evil.example/upload',
    '//evil.example/upload',
    'https://upstream.internal.evil.example/upload',
    'https://upstream.internal:444/upload',
    'https://user@evil.example/upload',
    'https://',
    'javascript:alert(1)',
  ])('%s is a bad gateway', async (location) => {
    catchLog()
    const { response, records } = await start(location)
    expect([response.status, response.headers.get('location')]).toEqual([502, null])
    expect(await response.text()).not.toContain('evil')
    expect(records[0]).toMatchObject({ decision: 'allow', reason: 'upstream_invalid' })
  })

  it('is missed where an upload was accepted without one', async () => {
    catchLog()
    const { call } = createWorld({ registry: () => new Response(null, { status: 202 }) })
    expect((await call('POST', U, { as: 'ci' })).status).toBe(502)
  })

  it('on an allow-listed host is continued there, without the credential of the upstream', async () => {
    const { call, seen, session } = await start('https://uploads.example/put?signature=x', {
      env: { UPLOAD_HOSTS: 'uploads.example' },
    })
    expect((await call('PATCH', session, { as: 'ci', body: 'x' })).status).toBe(202)
    expect(seen.map(({ url, headers }) => [url, headers.get('authorization')])).toEqual([
      [`${UPSTREAM}${U}`, 'Basic gate'],
      ['https://uploads.example/put?signature=x', null],
    ])
  })

  it('on an allow-listed host is not continued over plain http', async () => {
    catchLog()
    const { response } = await start('http://uploads.example/put', { env: { UPLOAD_HOSTS: 'uploads.example' } })
    expect(response.status).toBe(502)
  })

  it('shows nothing of the upstream', async () => {
    const { session } = await start('/secret-path/uuid?_state=secret')
    const sealed = session.slice(U.length).replaceAll('-', '+').replaceAll('_', '/')
    expect(atob(sealed)).not.toContain('secret')
  })
})

describe('a session that is not the caller’s', () => {
  const target = '/v2/samples/app/blobs/uploads/uuid?_state=x'

  it.each([
    ['of another repository', (session: string) => session.replace('/app/', '/other/'), 'ci'],
    ['of another caller', (session: string) => session, 'admin'],
    ['cut', (session: string) => session.slice(0, -1), 'ci'],
    ['longer', (session: string) => `${session}A`, 'ci'],
    ['made up', () => `${U}0f6ce6d4-0000-4000-8000-000000000000`, 'ci'],
    ['with dots', (session: string) => `${session}..`, 'ci'],
    ['doubled', (session: string) => `${session}.${session.slice(U.length)}`, 'ci'],
  ])('%s does not exist', async (_, alter, as) => {
    const { call, seen, session } = await start(target)
    for (const [method, query] of [
      ['GET', ''],
      ['PATCH', ''],
      ['PUT', `?digest=${DIGEST}`],
      ['DELETE', ''],
    ] as const) {
      const response = await call(method, `${alter(session)}${query}`, {
        as,
        ...(method === 'PATCH' ? { body: 'x' } : {}),
      })
      expect(response.status).toBe(404)
      expect(await errorOf(response)).toEqual({ code: 'BLOB_UPLOAD_UNKNOWN', message: 'no such upload' })
    }
    expect(seen.length).toBe(1)
  })

  it('of another upstream does not exist', async () => {
    const { session } = await start(target)
    const { call, seen } = createWorld({ upstream: { origin: 'https://other.internal' } })
    expect((await call('GET', session, { as: 'ci' })).status).toBe(404)
    expect(seen).toEqual([])
  })

  it('with any one character changed does not exist', async () => {
    const { call, seen, session } = await start(target)
    const sealed = session.slice(U.length)
    for (const [index, char] of [...sealed].entries()) {
      const altered = `${sealed.slice(0, index)}${char === 'A' ? 'B' : 'A'}${sealed.slice(index + 1)}`
      expect((await call('GET', U + altered, { as: 'ci' })).status).toBe(404)
    }
    // The last character alone has bits that no byte needs.
    for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_') {
      const altered = sealed.slice(0, -1) + char
      if (altered !== sealed) expect((await call('GET', U + altered, { as: 'ci' })).status).toBe(404)
    }
    expect(seen.length).toBe(1)
  })

  it('ends after a day', async () => {
    const { call, seen, session, world } = await start(target)
    world.nowMs += (SESSION_LIFETIME_SECONDS - 1) * 1000
    expect((await call('GET', session, { as: 'ci' })).status).toBe(204)
    world.nowMs += 1000
    expect((await call('GET', session, { as: 'ci' })).status).toBe(404)
    expect(seen.length).toBe(2)
  })

  it('on a host that is no longer allow-listed does not exist', async () => {
    const { session } = await start('https://uploads.example/put', { env: { UPLOAD_HOSTS: 'uploads.example' } })
    const { call, seen } = createWorld()
    expect((await call('GET', session, { as: 'ci' })).status).toBe(404)
    expect(seen).toEqual([])
  })
})

describe('the keys of sessions', () => {
  const target = '/v2/samples/app/blobs/uploads/uuid'
  const next = SIGNING_KEY.replace('870MB6', '970MB6')

  it.each([
    ['the same key', SIGNING_KEY, 204],
    ['a new key beside the old one', `{"keys":[${next},${SIGNING_KEY}]}`, 204],
    ['a new key alone', next, 404],
  ])('a session goes on under %s', async (_, TOKEN_SIGNING_KEY, status) => {
    const { session } = await start(target)
    const { call } = createWorld({ registry: accepting(target), env: { TOKEN_SIGNING_KEY } })
    expect((await call('GET', session, { as: 'ci' })).status).toBe(status)
  })

  it.each(['', 'no JSON', '{}', '{"keys":[]}', '{"kty":"EC","x":"public"}', '{"d":"short"}'])(
    '%j is no key',
    async (key) => {
      catchLog()
      const { response } = await start(target, { env: { TOKEN_SIGNING_KEY: key } })
      expect([response.status, (await errorOf(response)).code]).toEqual([503, 'UNAVAILABLE'])
    },
  )
})

describe('what was created', () => {
  it.each([
    ['PUT', '/v2/samples/app/manifests/v1', DIGEST, `/v2/samples/app/manifests/${DIGEST}`],
    ['PUT', '/v2/samples/app/manifests/v1', 'nonsense', '/v2/samples/app/manifests/v1'],
    ['POST', `${U}?digest=${DIGEST}`, DIGEST, `/v2/samples/app/blobs/${DIGEST}`],
    ['POST', `${U}?mount=${DIGEST}&from=samples/base`, DIGEST, `/v2/samples/app/blobs/${DIGEST}`],
  ])('by %s %s is named by the gate', async (method, path, digest, location) => {
    const headers = { location: 'https://elsewhere.example/x', 'docker-content-digest': digest }
    const { call } = createWorld({ registry: () => new Response(null, { status: 201, headers }) })
    const response = await call(method, path, { as: 'ci', body: 'x' })
    expect([response.status, response.headers.get('location')]).toEqual([201, location])
  })
})
