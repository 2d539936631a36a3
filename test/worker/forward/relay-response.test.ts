import { afterEach, describe, expect, it, vi } from 'vitest'
import { parseRegistryRequest } from '../../../src/registry/parse.ts'
import { selectUpstream } from '../../../src/worker/hosts/select.ts'
import { send } from '../../../src/worker/upstream/upstream.ts'
import { catchLog, createWorld, DIGEST, errorOf, GATE, testEnv, UPSTREAM } from '../gate-world.ts'

afterEach(() => vi.restoreAllMocks())

const M = '/v2/samples/app/manifests/v1'
const B = `/v2/samples/app/blobs/${DIGEST}`
const json = { 'content-type': 'application/json' }

describe('an answer of the registry', () => {
  it('passes with the headers that registries have, and no others', async () => {
    const passing = {
      'accept-ranges': 'bytes',
      'content-length': '9',
      'content-range': 'bytes 0-8/9',
      'content-type': 'application/vnd.oci.image.manifest.v1+json',
      'docker-content-digest': DIGEST,
      'docker-distribution-api-version': 'registry/2.0',
      etag: '"x"',
      'last-modified': 'Sat, 21 Nov 2026 12:00:00 GMT',
      'oci-filters-applied': 'artifactType',
      'oci-subject': DIGEST,
      'oci-tag': 'v1',
      warning: '299 - "old"',
    }
    const stopped = {
      'set-cookie': 'session=secret',
      'www-authenticate': 'Bearer realm="https://upstream.internal/token"',
      server: 'nginx',
      via: '1.1 proxy',
      'cache-control': 'public, max-age=31536000',
      'strict-transport-security': 'max-age=1',
      'x-internal': 'secret',
      'x-content-type-options': 'sniff',
      'content-security-policy': "default-src *; script-src 'unsafe-inline'",
      link: '</v2/else>; rel="next"',
      location: 'https://upstream.internal/else',
      'alt-svc': 'h3=":443"',
    }
    const { call } = createWorld({ registry: () => new Response('the bytes', { headers: { ...passing, ...stopped } }) })
    const response = await call('GET', M, { as: 'ci' })
    expect(Object.fromEntries(response.headers)).toEqual({
      ...passing,
      'cache-control': 'private, no-store, no-transform',
      'content-security-policy': "default-src 'none'; sandbox",
      'x-content-type-options': 'nosniff',
    })
    expect(await response.text()).toBe('the bytes')
  })

  it.each([
    {
      method: 'GET',
      path: B,
      status: 206,
      headers: { 'content-range': 'bytes 0-3/9', 'content-length': '4' },
      body: 'the ',
    },
    { method: 'GET', path: M, status: 304, headers: { etag: '"x"' }, body: null },
    {
      method: 'HEAD',
      path: M,
      status: 200,
      headers: { 'content-length': '1234', 'docker-content-digest': DIGEST },
      body: null,
    },
    {
      method: 'HEAD',
      path: M,
      status: 404,
      headers: { 'content-length': '157', 'content-type': 'application/json' },
      body: null,
    },
    { method: 'DELETE', path: M, status: 202, headers: {}, body: null },
    {
      method: 'GET',
      path: B,
      status: 206,
      headers: { 'content-type': 'multipart/byteranges; boundary=a' },
      body: '--a--',
    },
    {
      method: 'GET',
      path: B,
      status: 200,
      headers: { 'content-type': 'application/vnd.oci.image.layer.v1.tar+gzip' },
      body: 'bytes',
    },
    {
      method: 'GET',
      path: M,
      status: 404,
      headers: { 'content-type': 'application/vnd.api+json; charset=utf-8' },
      body: '{"errors":[]}',
    },
    {
      method: 'GET',
      path: M,
      status: 404,
      headers: json,
      body: '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"unknown"}]}',
    },
    { method: 'DELETE', path: M, status: 405, headers: json, body: '{"errors":[{"code":"UNSUPPORTED"}]}' },
    { method: 'GET', path: B, status: 416, headers: { ...json, 'content-range': 'bytes */9' }, body: '{"errors":[]}' },
    {
      method: 'GET',
      path: M,
      status: 429,
      headers: { ...json, 'retry-after': '7' },
      body: '{"errors":[{"code":"TOOMANYREQUESTS"}]}',
    },
    { method: 'PUT', path: M, status: 400, headers: json, body: '{"errors":[{"code":"MANIFEST_INVALID"}]}' },
  ])('passes to $method $path with $status as it is', async ({ method, path, status, headers, body }) => {
    const { call } = createWorld({ registry: () => new Response(body, { status, headers }) })
    const response = await call(method, path, { as: 'admin' })
    expect(response.status).toBe(status)
    expect(Object.fromEntries(response.headers)).toMatchObject(headers)
    expect(await response.text()).toBe(body ?? '')
  })

  it.each([304, 404])('%i has no Location', async (status) => {
    const headers = { ...json, location: `${UPSTREAM}/else` }
    const { call } = createWorld({ registry: () => new Response(null, { status, headers }) })
    const response = await call('GET', M, { as: 'ci' })
    expect([response.status, response.headers.get('location')]).toEqual([status, null])
  })

  it('with another protocol is 502, and no socket reaches the client', async () => {
    const log = catchLog()
    const registry = () => new Response(null, { status: 101, webSocket: new WebSocketPair()[0] })
    const { call } = createWorld({ upstream: { fetch: async () => registry() } })
    const response = await call('GET', B, { as: 'ci', headers: { upgrade: 'websocket' } })
    expect([response.status, response.webSocket]).toEqual([502, null])
    expect(log.lines()).toContain('the registry answered with another protocol')
  })

  it.each([
    [301, 'https://cdn.example/blob?signature=a%2Fb&x=%7E', undefined],
    [302, `${UPSTREAM}/signed?x=1`, undefined],
    [303, '/v2/library/app/manifests/v1', undefined],
    [307, 'https://cdn.example/blob', undefined],
    [308, '//cdn.example/blob', undefined],
    // Artifact Registry keeps its signed downloads on its own host.
    [302, '/artifacts-downloads/x', `${UPSTREAM}/artifacts-downloads/x`],
  ])('%i to %s is not followed', async (status, location, shown = location) => {
    const { call, seen } = createWorld({ registry: () => new Response(null, { status, headers: { location } }) })
    const response = await call('GET', B, { as: 'ci' })
    expect([response.status, response.headers.get('location'), seen.length]).toEqual([status, shown, 1])
    expect(response.headers.get('cache-control')).toContain('private, no-store')
  })
})

describe('a registry that fails', () => {
  const page = { 'content-type': 'text/html' }

  it.each([
    {
      method: 'GET',
      path: M,
      upstream: 401,
      headers: { ...json, 'www-authenticate': 'Bearer realm="x"' },
      status: 502,
      code: 'UNAVAILABLE',
    },
    { method: 'PUT', path: M, upstream: 401, headers: json, status: 502, code: 'UNAVAILABLE' },
    { method: 'GET', path: M, upstream: 407, headers: page, status: 502, code: 'UNAVAILABLE' },
    { method: 'GET', path: M, upstream: 500, headers: json, status: 502, code: 'UNAVAILABLE' },
    { method: 'GET', path: M, upstream: 500, headers: page, status: 502, code: 'UNAVAILABLE' },
    { method: 'GET', path: M, upstream: 502, headers: page, status: 502, code: 'UNAVAILABLE' },
    {
      method: 'GET',
      path: M,
      upstream: 503,
      headers: { ...page, 'retry-after': '9' },
      status: 503,
      code: 'UNAVAILABLE',
    },
    { method: 'GET', path: M, upstream: 504, headers: page, status: 504, code: 'UNAVAILABLE' },
    { method: 'GET', path: M, upstream: 524, headers: page, status: 504, code: 'UNAVAILABLE' },
    { method: 'GET', path: M, upstream: 599, headers: page, status: 502, code: 'UNAVAILABLE' },
    { method: 'DELETE', path: M, upstream: 501, headers: page, status: 501, code: 'UNSUPPORTED' },
    { method: 'GET', path: M, upstream: 200, headers: page, status: 502, code: 'UNAVAILABLE' },
    { method: 'GET', path: M, upstream: 403, headers: page, status: 403, code: 'DENIED' },
    { method: 'GET', path: M, upstream: 404, headers: page, status: 404, code: 'MANIFEST_UNKNOWN' },
    { method: 'GET', path: B, upstream: 404, headers: {}, status: 404, code: 'BLOB_UNKNOWN' },
    {
      method: 'GET',
      path: '/v2/samples/app/tags/list',
      upstream: 404,
      headers: page,
      status: 404,
      code: 'NAME_UNKNOWN',
    },
    {
      method: 'GET',
      path: `/v2/samples/app/referrers/${DIGEST}`,
      upstream: 404,
      headers: page,
      status: 404,
      code: 'UNSUPPORTED',
    },
    { method: 'GET', path: '/v2/_catalog', upstream: 405, headers: page, status: 405, code: 'UNSUPPORTED' },
    {
      method: 'GET',
      path: B,
      upstream: 416,
      headers: { 'content-range': 'bytes */9' },
      status: 416,
      code: 'UNSUPPORTED',
    },
    { method: 'PUT', path: M, upstream: 413, headers: page, status: 413, code: 'SIZE_INVALID' },
    {
      method: 'GET',
      path: M,
      upstream: 429,
      headers: { ...page, 'retry-after': '9' },
      status: 429,
      code: 'TOOMANYREQUESTS',
    },
  ])(
    'that answers $method $path with $upstream becomes $status $code',
    async ({ method, path, upstream, headers, status, code }) => {
      catchLog()
      const { call } = createWorld({ registry: () => new Response('<h1>inside</h1>', { status: upstream, headers }) })
      const response = await call(method, path, { as: 'admin' })
      expect(response.status).toBe(status)
      expect(response.headers.get('content-type')).toBe('application/json')
      expect(response.headers.get('www-authenticate')).toBeNull()
      if ('retry-after' in headers) expect(response.headers.get('retry-after')).toBe('9')
      const text = await response.text()
      expect(JSON.parse(text)).toEqual({ errors: [{ code, message: expect.any(String) }] })
      expect(text).not.toContain('inside')
    },
  )

  it('HEAD has no body', async () => {
    const { call } = createWorld({
      registry: () => new Response(null, { status: 503, headers: { 'content-length': '99' } }),
    })
    const response = await call('HEAD', M, { as: 'ci' })
    expect([response.status, await response.text()]).toEqual([503, ''])
    expect(response.headers.get('content-length')).toBeNull()
  })

  it('by not being there is 502, and the record says that policy had allowed it', async () => {
    const log = catchLog()
    const { call, records } = createWorld({
      registry: () => {
        throw new TypeError('connection refused')
      },
    })
    const response = await call('GET', M, { as: 'ci' })
    expect([response.status, (await errorOf(response)).code]).toEqual([502, 'UNAVAILABLE'])
    expect(records).toEqual([
      expect.objectContaining({ decision: 'allow', reason: 'upstream_unreachable', status: 502 }),
    ])
    expect(log.lines()).toContain('connection refused')
  })

  const never = (_: string, { signal }: RequestInit) =>
    new Promise<Response>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))

  it.each([
    ['GET', M, undefined],
    ['PUT', M, '{}'],
  ])('%s by not answering is 504', async (method, path, body) => {
    catchLog()
    const { call } = createWorld({ env: { UPSTREAM_TIMEOUT_SECONDS: '0.02' }, upstream: { fetch: never } })
    const headers = { 'content-length': '2', ...json }
    const response = await call(method, path, { as: 'ci', headers, ...(body === undefined ? {} : { body }) })
    expect([response.status, (await errorOf(response)).code]).toEqual([504, 'UNAVAILABLE'])
  })

  it('is waited for while a client uploads', async () => {
    const slowly = async () => {
      await new Promise((resolve) => setTimeout(resolve, 60))
      return new Response(null, { status: 201 })
    }
    const { call } = createWorld({ env: { UPSTREAM_TIMEOUT_SECONDS: '0.02' }, upstream: { fetch: slowly } })
    expect((await call('PUT', M, { as: 'ci', body: '{}' })).status).toBe(201)
  })
})

describe('the upstream of the settings', () => {
  const parsed = parseRegistryRequest('GET', M)
  if (!parsed.ok) throw new Error('not parsed')
  const request = parsed.value

  const upstreamFor = (values: Parameters<typeof testEnv>[0]) => {
    const selected = selectUpstream(testEnv(values), `${GATE}${M}`, request)
    if (selected === undefined) throw new Error('no upstream exists')
    return selected.upstream
  }

  const sent = async (values: Parameters<typeof testEnv>[0]) => {
    const spy = vi.spyOn(globalThis, 'fetch').mockImplementation(async () => new Response('{}'))
    const upstream = upstreamFor(values)
    await send(upstream, request, { url: `${upstream.origin}${upstream.basePath}${M}`, headers: {} })
    // The first may be the question what the registry asks for.
    const [url, init] = spy.mock.calls.at(-1) ?? []
    return { url, init, authorization: new Headers(init?.headers).get('authorization') }
  }

  it.each([
    [{}, null],
    [{ UPSTREAM_AUTHORIZATION: 'Bearer static' }, 'Bearer static'],
    [
      { UPSTREAM_USERNAME: 'gate', UPSTREAM_PASSWORD: 'p:ä' },
      `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode('gate:p:ä')))}`,
    ],
    [{ UPSTREAM_AUTHORIZATION: 'Bearer static', UPSTREAM_USERNAME: 'gate' }, 'Bearer static'],
  ])('with %j has its credential', async (values, authorization) => {
    expect((await sent(values)).authorization).toBe(authorization)
  })

  it('is never followed, never cached', async () => {
    expect((await sent({})).init).toMatchObject({ redirect: 'manual', cache: 'no-store' })
  })

  it.each([
    ['https://host.example', `https://host.example${M}`],
    ['https://host.example/', `https://host.example${M}`],
    ['http://127.0.0.1:5000/prefix/', `http://127.0.0.1:5000/prefix${M}`],
  ])('at %s is asked at %s', async (value, url) => {
    expect((await sent({ UPSTREAM: value })).url).toBe(url)
  })

  it.each(['', 'host.example', 'ftp://host.example', 'https://user:secret@host.example', 'https://host.example/?q'])(
    '%j is none',
    (value) => {
      expect(() => upstreamFor({ UPSTREAM: value })).toThrow(/UPSTREAM/)
      expect(() => upstreamFor({ UPSTREAM: value })).not.toThrow(/secret/)
    },
  )
})

it('is asked under the origin of the gate for tokens, wherever that is', async () => {
  const { call } = createWorld()
  const { call: configured } = createWorld({ env: { PUBLIC_URL: 'https://public.example/' } })
  expect((await call('GET', M)).headers.get('www-authenticate')).toContain(`realm="${GATE}/token"`)
  expect((await configured('GET', M)).headers.get('www-authenticate')).toContain('realm="https://public.example/token"')
})
