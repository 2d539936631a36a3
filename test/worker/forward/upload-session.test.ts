import { afterEach, describe, expect, it, vi } from 'vitest'
import { SESSION_LIFETIME_SECONDS } from '../../../src/worker/forward/upload-session.ts'
import {
  catchLog,
  createWorld,
  DIGEST,
  errorOf,
  GATE,
  OTHER_DIGEST,
  SIGNING_KEY,
  UPSTREAM,
  type WorldOptions,
} from '../gate-world.ts'

afterEach(() => vi.restoreAllMocks())

const U = '/v2/samples/app/blobs/uploads/'

/** The path of a session, without what follows it. */
const sealedIn = (location: string): string => location.replace('?sealed=1', '')

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
    // A registry whose public name is the gate's.
    [`${GATE}/v2/samples/app/blobs/uploads/uuid?_state=a`, '/v2/samples/app/blobs/uploads/uuid?_state=a'],
    ['http://registry.example.com/v2/samples/app/blobs/uploads/uuid', '/v2/samples/app/blobs/uploads/uuid'],
    ['//registry.example.com/v2/samples/app/blobs/uploads/uuid', '/v2/samples/app/blobs/uploads/uuid'],
    ['/v2/samples/app/blobs/uploads/AbC%3D%3D', '/v2/samples/app/blobs/uploads/AbC%3D%3D'],
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
    expect(session.replace(GATE, '')).toMatch(/^\/v2\/samples\/app\/blobs\/uploads\/[A-Za-z0-9_-]+(\?sealed=1)?$/)
    expect(response.headers.get('range')).toBe('0-9')
    expect(response.headers.get('docker-upload-uuid')).toBe('uuid')
    expect(response.headers.get('oci-chunk-min-length')).toBe('5')

    const headers = { 'content-range': '0-9', 'content-length': '10' }
    const chunk = await call('PATCH', session, { as: 'ci', headers, body: '0123456789' })
    const status = await call('GET', session, { as: 'ci' })
    const next = chunk.headers.get('location') ?? ''
    const done = await call('PUT', `${next}${next.includes('?') ? '&' : '?'}digest=${DIGEST}`, { as: 'ci' })
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
    const log = catchLog()
    const { response, records } = await start(location)
    expect(log.lines()).toContain(
      '"message":"the registry continues an upload on a host that UPLOAD_HOSTS does not name"',
    )
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
    const sealed = sealedIn(session).slice(U.length).replaceAll('-', '+').replaceAll('_', '/')
    expect(atob(sealed)).not.toContain('secret')
  })
})

describe('a session that is not the caller’s', () => {
  const target = '/v2/samples/app/blobs/uploads/uuid?_state=x'

  it.each([
    ['of another repository', (session: string) => session.replace('/app/', '/other/'), 'ci'],
    ['of another caller', (session: string) => session, 'admin'],
    ['cut', (session: string) => sealedIn(session).slice(0, -1), 'ci'],
    ['longer', (session: string) => `${sealedIn(session)}A`, 'ci'],
    ['made up', () => `${U}0f6ce6d4-0000-4000-8000-000000000000`, 'ci'],
    ['with dots', (session: string) => `${sealedIn(session)}..`, 'ci'],
    ['doubled', (session: string) => `${sealedIn(session)}.${sealedIn(session).slice(U.length)}`, 'ci'],
  ])('%s does not exist', async (_, alter, as) => {
    const { call, seen, session } = await start(target)
    for (const [method, query] of [
      ['GET', ''],
      ['PATCH', ''],
      ['PUT', `?digest=${DIGEST}`],
      ['DELETE', ''],
    ] as const) {
      const response = await call(method, `${alter(sealedIn(session))}${query}`, {
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
    const sealed = sealedIn(session).slice(U.length)
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

  it('on a host that is not allow-listed any more does not exist', async () => {
    const { session } = await start('https://uploads.example/put', { env: { UPLOAD_HOSTS: 'uploads.example' } })
    const { call, seen } = createWorld()
    expect((await call('GET', session, { as: 'ci' })).status).toBe(404)
    expect(seen).toEqual([])
  })
})

describe('the form of an upload’s Location is the registry’s own, on the gate', () => {
  const named = '/v2/samples/app/blobs/uploads/uuid'
  it.each([
    [named, ''],
    [`${named}?_state=x`, '?sealed=1'],
    ['uuid', ''],
    ['uuid?_state=x', '?sealed=1'],
    [`${UPSTREAM}${named}`, GATE, ''],
    [`${UPSTREAM}${named}?_state=x`, GATE, '?sealed=1'],
    [`//upstream.internal${named}?_state=x`, GATE, '?sealed=1'],
    [`${GATE}${named}?_state=x`, GATE, '?sealed=1'],
  ])('%s', async (location, ...parts) => {
    const [origin, query] = parts.length === 1 ? ['', parts[0]] : parts
    const { session } = await start(location)
    expect(session.startsWith(`${origin}${U}`)).toBe(true)
    expect(session.slice(`${origin}${U}`.length)).toMatch(query === '' ? /^[\w-]+$/ : /^[\w-]+\?sealed=1$/)
  })

  it.each([
    ['/v2/samples/app/blobs/uploads/uuid?_state=x', '&'],
    ['/v2/samples/app/blobs/uploads/uuid', '?'],
  ])('%s is finished by a script that appends %sdigest=', async (location, mark) => {
    const { call, seen, session } = await start(location)
    expect((await call('PUT', `${session}${mark}digest=${DIGEST}`, { as: 'ci' })).status).toBe(201)
    expect(seen[1]?.url).toBe(`${UPSTREAM}${location}${mark}digest=${encodeURIComponent(DIGEST)}`)
  })

  it('names the gate as clients reach it', async () => {
    const env = { PUBLIC_URL: 'https://public.example' }
    const { session } = await start(`${UPSTREAM}/v2/samples/app/blobs/uploads/uuid`, { env })
    expect(session).toMatch(/^https:\/\/public\.example\/v2\/samples\/app\/blobs\/uploads\/[\w-]+$/)
    const own = await start('https://public.example/v2/samples/app/blobs/uploads/uuid', { env })
    expect(own.response.status).toBe(202)
  })
})

describe('an upload goes on nowhere but at an upload of its own repository', () => {
  const blob = (name: string, digest = DIGEST) => `/v2/${name}/blobs/${digest}`
  const UNFIT: readonly string[] = [
    // Blobs, manifests, lists, the catalog, and what a lenient registry takes for them.
    blob('samples/other'),
    '/v2/samples/app/manifests/v1',
    `/v2/samples/app/manifests/${DIGEST}`,
    '/v2/samples/app/tags/list',
    `/v2/samples/app/referrers/${DIGEST}`,
    '/v2/_catalog',
    '/v2/',
    '/acr/v1/samples/app',
    '/acr/v1/samples/app/_manifests/v1',
    '/v2/samples/app/blobs/uploads/',
    '/v2/samples/app/blobs/uploads',
    '/v2/samples/app/blobs/md5-nonsense',
    `/v2/samples/app/blobs/${DIGEST}/`,
    `/v2/samples/app//blobs/${DIGEST}`,
    `//upstream.internal//v2/samples/app/blobs/${DIGEST}`,
    `/x/../v2/samples/app/manifests/v1`,
    `/v2/samples/app/blobs/uploads/..%2f${DIGEST}`,
    `/v2/samples/app/blobs/uploads/..%2f${DIGEST}%2fx`,
    `/v2/samples/app/blobs/uploads/%252e%252e%252f${DIGEST}`,
    `/v2/samples/app/blobs%2f${DIGEST}`,
    `/v2/samples/app/%62lobs/uploads/uuid`,
    `/v2/samples%2fapp/blobs/uploads/uuid`,
    `/V2/samples/app/manifests/v1`,
    '/%76%32/samples/app/manifests/v1',
    '/v2/samples/app/blobs/uploads/%',
    '/v2/samples/app/blobs/uploads/%ff',
    `/v2/samples/app\\manifests\\v1`,
    // Uploads of other repositories, also of those below this one.
    '/v2/samples/other/blobs/uploads/uuid',
    '/v2/samples/app/team/blobs/uploads/uuid',
    '/v2/samples/app/blobs/blobs/uploads/uuid',
    `/v2/samples/app/blobs/uploads/blobs/${DIGEST}`,
    '/v2/samples/app/blobs/uploads/manifests/v1',
    '/v2/samples/blobs/uploads/uuid',
    '/v2/samples/application/blobs/uploads/uuid',
    '/v2/other/app/blobs/upload/4.uuid',
    // Another registry on the same host.
    '/other-registry/v2/samples/app/blobs/uploads/uuid',
    '/other-registry/v2/samples/app/manifests/v1',
    // What some servers cut off a segment before they read it.
    `/v2;x/samples/app/blobs/${DIGEST}`,
    `/v2/samples/app/blobs/${DIGEST}/;x`,
    `/v2/samples/app/blobs/${DIGEST};x/y`,
    '/acr/v1;x/samples/app',
    '/acr;x/v1/samples/app',
    '/v2/samples/app/blobs/uploads/uuid;x',
    `/v2%20/samples/app/blobs/${DIGEST}`,
    `/v2%09/samples/app/blobs/${DIGEST}`,
    `/v2%00/samples/app/blobs/${DIGEST}`,
    `/v2./samples/app/blobs/${DIGEST}`,
    `/v2%3bx/samples/app/blobs/${DIGEST}`,
    // Other APIs of a registry's host.
    '/v1/repositories/samples/app/tags/latest',
    '/api/v2.0/projects/samples/repositories/app',
    '/service/token',
    '/',
    // A digest that the gate did not decide about.
    `/uploads/u1?digest=${OTHER_DIGEST}`,
    `/artifacts-uploads/u1?digest=${OTHER_DIGEST}&state=1`,
    `/v2/samples/app/blobs/uploads/uuid?Digest=${OTHER_DIGEST}`,
    `/v2/samples/app/blobs/uploads/uuid?x;digest=${OTHER_DIGEST}`,
    `/v2/samples/app/blobs/uploads/uuid?%2564igest=${OTHER_DIGEST}`,
    `/v2/samples/app/blobs/uploads/uuid?digest=${OTHER_DIGEST}`,
    `/v2/samples/app/blobs/uploads/uuid?_state=x&d%69gest=${OTHER_DIGEST}`,
  ]

  it.each(UNFIT)('%s is a bad gateway, and reaches the registry never again', async (location) => {
    const log = catchLog()
    const { response, seen } = await start(location)
    expect([response.status, response.headers.get('location')]).toEqual([502, null])
    expect(log.lines()).toContain(
      '"fault":"upstream_invalid","message":"the registry continues an upload with what is not an upload of this repository"',
    )
    expect(seen.length).toBe(1)
  })

  // There a registry may have a base path of its own.
  const elsewhere = UNFIT.filter((location) =>
    /^\/(?!\/|other-registry.*uploads|.*igest=|v1\/|api\/|service\/|$)/.test(location),
  )
  it.each([...elsewhere, blob('samples/app')])('%s is none on an allow-listed host either', async (location) => {
    catchLog()
    const env = { UPLOAD_HOSTS: 'uploads.example' }
    const { response } = await start(`https://uploads.example${location}`, { env })
    expect(response.status).toBe(502)
  })

  it('is found below the base path of the registry alone', async () => {
    catchLog()
    const upstream = { basePath: '/reg-a' }
    const path = '/v2/samples/app/blobs/uploads/uuid'
    for (const [location, target] of [
      [`/reg-a${path}`, `/reg-a${path}`],
      [path, `/reg-a${path}`],
      [`${GATE}${path}`, `/reg-a${path}`],
      ['uuid', `/reg-a${path}`],
    ] as const) {
      const { call, seen, session } = await start(location, { upstream })
      await call('GET', session, { as: 'ci' })
      expect(seen.map(({ url }) => url)).toEqual([`${UPSTREAM}/reg-a${U}`, `${UPSTREAM}${target}`])
    }
    for (const location of [`/reg-b${path}`, '/reg-b/uploads/uuid', '/uploads/uuid', `/reg-a/../reg-b${path}`]) {
      const log = catchLog()
      const { response } = await start(location, { upstream })
      expect(response.status).toBe(502)
      expect(log.lines()).toContain(
        '"message":"the registry continues an upload outside of its own base path: set UPSTREAM to the registry\'s whole URL"',
      )
    }
  })

  it.each([200, 202, 203, 204])('a status %i that names the blob has the gate’s own name for it', async (status) => {
    for (const [method, path, wanted] of [
      ['POST', U, DIGEST],
      ['POST', `${U}?digest=${DIGEST}`, DIGEST],
      ['POST', `${U}?mount=${DIGEST}&from=samples/base`, DIGEST],
      ['PUT', `session?digest=${DIGEST}`, DIGEST],
      ['PATCH', 'session', DIGEST],
      ['GET', 'session', DIGEST],
    ] as const) {
      const begun = await start('/v2/samples/app/blobs/uploads/uuid')
      const answer = { status, headers: { location: `${UPSTREAM}${blob('samples/app')}` } }
      const { call, seen } = createWorld({ registry: () => new Response(null, answer) })
      const response = await call(method, path.replace('session', begun.session), {
        as: 'ci',
        ...(method === 'PATCH' ? { body: 'x' } : {}),
      })
      const location = response.headers.get('location') ?? ''
      expect([response.status, location]).toEqual([status, blob('samples/app', wanted)])
      // Not the right to push, but the right to delete is asked for what it names.
      expect((await call('DELETE', location, { as: 'ci' })).status).toBe(403)
      expect(seen.length).toBe(1)
    }
  })

  it.each([200, 203, 204])('a status %i that names nothing of use is finished all the same', async (status) => {
    const answer = { status, headers: { location: 'https://cdn.example/blob' } }
    const { call } = createWorld({ registry: () => new Response(null, answer) })
    const response = await call('POST', `${U}?digest=${DIGEST}`, { as: 'ci', body: 'x' })
    expect([response.status, response.headers.get('location')]).toEqual([status, blob('samples/app')])
  })
})

describe('an upload that the registry refuses', () => {
  const begun = '/v2/samples/app/blobs/uploads/uuid?_state=1'
  const refusing = (status: number, location: string) => (request: Request) =>
    request.method === 'PATCH'
      ? Response.json({ errors: [] }, { status, headers: { location, range: '0-4' } })
      : accepting(begun)(request)

  it.each([416, 400, 409, 429, 503])('with %i goes on where the registry says', async (status) => {
    const { call, seen, session } = await start(begun, { registry: refusing(status, `${begun}2`) })
    const refused = await call('PATCH', session, { as: 'ci', body: 'x' })
    expect([refused.status, refused.headers.get('range')]).toEqual([status, '0-4'])
    const next = refused.headers.get('location') ?? ''
    expect(next).toMatch(/^\/v2\/samples\/app\/blobs\/uploads\/[\w-]+\?sealed=1$/)
    await call('GET', next, { as: 'ci' })
    expect(seen.at(-1)?.url).toBe(`${UPSTREAM}${begun}2`)
  })

  it.each(['https://evil.example/x', '/v2/samples/app/manifests/v1', `/v2/samples/app/blobs/${DIGEST}`, 'http://['])(
    'and names %s keeps its status, and loses its Location',
    async (location) => {
      const { call, session } = await start(begun, { registry: refusing(416, location) })
      const refused = await call('PATCH', session, { as: 'ci', body: 'x' })
      expect([refused.status, refused.headers.get('location')]).toEqual([416, null])
    },
  )
})

describe('the keys of sessions', () => {
  const target = '/v2/samples/app/blobs/uploads/uuid'
  const next = SIGNING_KEY.replace('870MB6', '970MB6')

  it.each([
    ['the same key', SIGNING_KEY, 204],
    ['a new key next to the old one', `{"keys":[${next},${SIGNING_KEY}]}`, 204],
    ['a new key alone', next, 404],
  ])('a session goes on under %s', async (_, TOKEN_SIGNING_KEY, status) => {
    const { session } = await start(target)
    const { call } = createWorld({ registry: accepting(target), env: { TOKEN_SIGNING_KEY } })
    expect((await call('GET', session, { as: 'ci' })).status).toBe(status)
  })

  it.each(['', 'no JSON', '{}', '{"keys":[]}', '{"kty":"EC","x":"public"}', '{"d":"short"}'])(
    '%j is not a key',
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
