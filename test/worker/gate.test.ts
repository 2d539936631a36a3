import { afterEach, describe, expect, it, vi } from 'vitest'
import type { DenyAssignment } from '../../src/policy/model.ts'
import { EVERYONE } from '../../src/policy/principal.ts'
import { Fault } from '../../src/worker/platform/fault.ts'
import {
  BEARER,
  catchLog,
  createWorld,
  DIGEST,
  errorOf,
  NOW_MS,
  OTHER_DIGEST,
  REFUSED,
  UPSTREAM,
} from './gate-world.ts'

afterEach(() => vi.restoreAllMocks())

const M = '/v2/samples/app/manifests/v1'
const B = `/v2/samples/app/blobs/${DIGEST}`
const U = '/v2/samples/app/blobs/uploads/'

describe('a refused request', () => {
  const scope = (text: string) => `${BEARER},scope="${text}"`
  const pull = scope('repository:samples/app:pull')
  const push = scope('repository:samples/app:pull,push')
  const ofPublic = scope('repository:public/base:pull')
  const pushFrom = (source: string) => scope(`repository:samples/app:pull,push repository:${source}:pull`)
  const short = ',error="insufficient_scope"'
  const invalid = ',error="invalid_token"'

  it.each([
    // Without a credential: a challenge that says what would help, and no error.
    { method: 'GET', path: '/v2/', as: undefined, status: 401, code: 'UNAUTHORIZED', challenge: BEARER },
    { method: 'GET', path: M, as: undefined, status: 401, code: 'UNAUTHORIZED', challenge: pull },
    { method: 'HEAD', path: M, as: undefined, status: 401, code: undefined, challenge: pull },
    { method: 'GET', path: B, as: undefined, status: 401, code: 'UNAUTHORIZED', challenge: pull },
    { method: 'POST', path: U, as: undefined, status: 401, code: 'UNAUTHORIZED', challenge: push },
    { method: 'PUT', path: M, as: undefined, status: 401, code: 'UNAUTHORIZED', challenge: push },
    { method: 'PATCH', path: `${U}session`, as: undefined, status: 401, code: 'UNAUTHORIZED', challenge: push },
    {
      method: 'PUT',
      path: `${U}session?digest=${DIGEST}`,
      as: undefined,
      status: 401,
      code: 'UNAUTHORIZED',
      challenge: push,
    },
    { method: 'GET', path: `${U}session`, as: undefined, status: 401, code: 'UNAUTHORIZED', challenge: push },
    { method: 'DELETE', path: `${U}session`, as: undefined, status: 401, code: 'UNAUTHORIZED', challenge: push },
    // A mount takes reading its source too. Whether the caller may, nobody knows yet.
    {
      method: 'POST',
      path: `${U}?mount=${DIGEST}&from=public/base`,
      as: undefined,
      status: 401,
      code: 'UNAUTHORIZED',
      challenge: pushFrom('public/base'),
    },
    {
      method: 'POST',
      path: `${U}?mount=${DIGEST}&from=secret/base`,
      as: undefined,
      status: 401,
      code: 'UNAUTHORIZED',
      challenge: pushFrom('secret/base'),
    },
    {
      method: 'POST',
      path: `${U}?mount=${DIGEST}&from=samples/app`,
      as: undefined,
      status: 401,
      code: 'UNAUTHORIZED',
      challenge: push,
    },
    {
      method: 'POST',
      path: `${U}?mount=${DIGEST}&from=samples/base`,
      as: 'expired',
      status: 401,
      code: 'UNAUTHORIZED',
      challenge: pushFrom('samples/base') + invalid,
    },
    {
      method: 'DELETE',
      path: M,
      as: undefined,
      status: 401,
      code: 'UNAUTHORIZED',
      challenge: scope('repository:samples/app:delete'),
    },
    {
      method: 'GET',
      path: '/v2/samples/app/tags/list',
      as: undefined,
      status: 401,
      code: 'UNAUTHORIZED',
      challenge: scope('repository:samples/app:metadata_read'),
    },
    {
      method: 'GET',
      path: `/v2/samples/app/referrers/${DIGEST}`,
      as: undefined,
      status: 401,
      code: 'UNAUTHORIZED',
      challenge: pull,
    },
    {
      method: 'GET',
      path: '/v2/_catalog',
      as: undefined,
      status: 401,
      code: 'UNAUTHORIZED',
      challenge: scope('registry:catalog:*'),
    },
    {
      method: 'GET',
      path: '/acr/v1/samples/app',
      as: undefined,
      status: 401,
      code: 'UNAUTHORIZED',
      challenge: scope('repository:samples/app:metadata_read'),
    },
    {
      method: 'PUT',
      path: '/v2/public/base/manifests/v1',
      as: undefined,
      status: 401,
      code: 'UNAUTHORIZED',
      challenge: scope('repository:public/base:pull,push'),
    },
    // An anonymous token is not better than none; the client is told not to fetch another one like it.
    {
      method: 'GET',
      path: M,
      as: 'anonymous|repository:public/base:pull',
      status: 401,
      code: 'UNAUTHORIZED',
      challenge: pull + short,
    },
    { method: 'GET', path: '/v2/', as: 'anonymous|', status: 401, code: 'UNAUTHORIZED', challenge: BEARER },
    // A credential that does not count is refused where none at all would be allowed.
    {
      method: 'GET',
      path: '/v2/public/base/manifests/v1',
      as: 'invalid',
      status: 401,
      code: 'UNAUTHORIZED',
      challenge: ofPublic + invalid,
    },
    {
      method: 'HEAD',
      path: '/v2/public/base/manifests/v1',
      as: 'invalid',
      status: 401,
      code: undefined,
      challenge: ofPublic + invalid,
    },
    { method: 'GET', path: '/v2/', as: 'expired', status: 401, code: 'UNAUTHORIZED', challenge: BEARER + invalid },
    {
      method: 'GET',
      path: '/v2/_catalog',
      as: 'expired',
      status: 401,
      code: 'UNAUTHORIZED',
      challenge: scope('registry:catalog:*') + invalid,
    },
    { method: 'GET', path: M, as: 'revoked', status: 401, code: 'UNAUTHORIZED', challenge: pull + invalid },
    { method: 'GET', path: M, as: 'disabled', status: 401, code: 'UNAUTHORIZED', challenge: pull + invalid },
    { method: 'GET', path: M, as: 'off', status: 401, code: 'UNAUTHORIZED', challenge: pull + invalid },
    { method: 'PUT', path: M, as: 'expired', status: 401, code: 'UNAUTHORIZED', challenge: push + invalid },
    {
      method: 'PATCH',
      path: `${U}session`,
      as: 'expired',
      status: 401,
      code: 'UNAUTHORIZED',
      challenge: push + invalid,
    },
    {
      method: 'DELETE',
      path: B,
      as: 'expired',
      status: 401,
      code: 'UNAUTHORIZED',
      challenge: scope('repository:samples/app:delete') + invalid,
    },
    // A scheme that the gate does not know is not a token that is bad: no error (RFC 6750 section 3.1).
    { method: 'GET', path: M, as: 'unsupported', status: 401, code: 'UNAUTHORIZED', challenge: pull },
    { method: 'GET', path: '/v2/', as: 'unsupported', status: 401, code: 'UNAUTHORIZED', challenge: BEARER },
    { method: 'GET', path: M, as: 'malformed', status: 400, code: 'UNAUTHORIZED', challenge: null },
    { method: 'GET', path: M, as: 'throttled', status: 429, code: 'TOOMANYREQUESTS', challenge: null },
    // Policy refuses: no token would help.
    { method: 'GET', path: '/v2/other/app/manifests/v1', as: 'ci', status: 403, code: 'DENIED', challenge: null },
    { method: 'HEAD', path: '/v2/other/app/manifests/v1', as: 'ci', status: 403, code: undefined, challenge: null },
    { method: 'GET', path: '/v2/samples/manifests/v1', as: 'ci', status: 403, code: 'DENIED', challenge: null },
    { method: 'DELETE', path: M, as: 'ci', status: 403, code: 'DENIED', challenge: null },
    { method: 'DELETE', path: B, as: 'ci', status: 403, code: 'DENIED', challenge: null },
    { method: 'PUT', path: M, as: 'puller', status: 403, code: 'DENIED', challenge: null },
    { method: 'POST', path: U, as: 'puller', status: 403, code: 'DENIED', challenge: null },
    { method: 'PATCH', path: `${U}session`, as: 'puller', status: 403, code: 'DENIED', challenge: null },
    { method: 'DELETE', path: `${U}session`, as: 'puller', status: 403, code: 'DENIED', challenge: null },
    { method: 'GET', path: '/v2/samples/app/tags/list', as: 'puller', status: 403, code: 'DENIED', challenge: null },
    { method: 'POST', path: U, as: 'writer', status: 403, code: 'DENIED', challenge: null },
    { method: 'GET', path: M, as: 'lister', status: 403, code: 'DENIED', challenge: null },
    { method: 'GET', path: M, as: 'nobody', status: 403, code: 'DENIED', challenge: null },
    { method: 'GET', path: M, as: 'unknown', status: 403, code: 'DENIED', challenge: null },
    { method: 'GET', path: M, as: 'catalog', status: 403, code: 'DENIED', challenge: null },
    {
      method: 'DELETE',
      path: '/v2/release/app/manifests/v1',
      as: 'admin',
      status: 403,
      code: 'DENIED',
      challenge: null,
    },
    { method: 'DELETE', path: '/acr/v1/release/app', as: 'admin', status: 403, code: 'DENIED', challenge: null },
    { method: 'GET', path: '/acr/v1/_deleted/_catalog', as: 'admin', status: 403, code: 'DENIED', challenge: null },
    { method: 'PATCH', path: '/acr/v1/samples/app', as: 'ci', status: 403, code: 'DENIED', challenge: null },
    // Policy comes first: a token that is too narrow as well changes nothing.
    { method: 'PUT', path: M, as: 'puller|repository:samples/app:pull', status: 403, code: 'DENIED', challenge: null },
    { method: 'GET', path: '/v2/other/app/manifests/v1', as: 'ci|', status: 403, code: 'DENIED', challenge: null },
    // Policy allows, the token is too narrow: one scope, so that the client can ask for it.
    {
      method: 'PUT',
      path: M,
      as: 'ci|repository:samples/app:pull',
      status: 401,
      code: 'UNAUTHORIZED',
      challenge: push + short,
    },
    { method: 'GET', path: M, as: 'ci|', status: 401, code: 'UNAUTHORIZED', challenge: pull + short },
    {
      method: 'GET',
      path: M,
      as: 'ci|repository:samples/other:pull,push',
      status: 401,
      code: 'UNAUTHORIZED',
      challenge: pull + short,
    },
    {
      method: 'POST',
      path: `${U}?mount=${DIGEST}&from=samples/base`,
      as: 'ci|repository:samples/app:pull,push',
      status: 401,
      code: 'UNAUTHORIZED',
      challenge: pushFrom('samples/base') + short,
    },
    {
      method: 'POST',
      path: `${U}?mount=${DIGEST}&from=samples/base`,
      as: 'ci|repository:samples/base:pull',
      status: 401,
      code: 'UNAUTHORIZED',
      challenge: pushFrom('samples/base') + short,
    },
    {
      method: 'POST',
      path: `${U}?mount=${DIGEST}&from=samples/base`,
      as: 'ci|repository:samples/app:pull,push|repository:samples/base:push',
      status: 401,
      code: 'UNAUTHORIZED',
      challenge: pushFrom('samples/base') + short,
    },
    // Policy does not allow the source, so that only the upload counts.
    {
      method: 'POST',
      path: `${U}?mount=${DIGEST}&from=secret/base`,
      as: 'ci|repository:samples/app:pull',
      status: 401,
      code: 'UNAUTHORIZED',
      challenge: push + short,
    },
    {
      method: 'GET',
      path: '/v2/samples/app/tags/list',
      as: 'ci|repository:samples/app:pull',
      status: 401,
      code: 'UNAUTHORIZED',
      challenge: `${scope('repository:samples/app:metadata_read')}${short}`,
    },
    {
      method: 'GET',
      path: '/v2/_catalog',
      as: 'ci|repository:samples/app:pull',
      status: 401,
      code: 'UNAUTHORIZED',
      challenge: `${scope('registry:catalog:*')}${short}`,
    },
    {
      method: 'GET',
      path: '/v2/public/base/manifests/v1',
      as: 'anonymous|',
      status: 401,
      code: 'UNAUTHORIZED',
      challenge: `${scope('repository:public/base:pull')}${short}`,
    },
    // What no row of the grammar names.
    { method: 'GET', path: '/v2/samples/app', as: 'admin', status: 404, code: 'UNSUPPORTED', challenge: null },
    { method: 'OPTIONS', path: M, as: 'admin', status: 404, code: 'UNSUPPORTED', challenge: null },
    { method: 'POST', path: '/v2/', as: 'admin', status: 404, code: 'UNSUPPORTED', challenge: null },
    {
      method: 'GET',
      path: '/v2/Samples/app/manifests/v1',
      as: 'admin',
      status: 400,
      code: 'NAME_INVALID',
      challenge: null,
    },
    {
      method: 'GET',
      path: '/v2/samples%2Fapp/manifests/v1',
      as: 'admin',
      status: 400,
      code: 'NAME_INVALID',
      challenge: null,
    },
    {
      method: 'GET',
      path: '/v2//samples/app/manifests/v1',
      as: 'admin',
      status: 400,
      code: 'NAME_INVALID',
      challenge: null,
    },
    {
      method: 'GET',
      path: '/acr/v1/samples/app/_secrets',
      as: 'admin',
      status: 404,
      code: 'UNSUPPORTED',
      challenge: null,
    },
    { method: 'GET', path: '/v2/_catalog?n=1&n=2', as: 'admin', status: 400, code: 'UNSUPPORTED', challenge: null },
  ])('answers $method $path as $as with $status $code', async ({ method, path, as, status, code, challenge }) => {
    const { call, seen, records } = createWorld()
    const response = await call(method, path, as === undefined ? {} : { as })
    expect(response.status).toBe(status)
    expect(response.headers.get('www-authenticate')).toBe(challenge)
    expect(response.headers.get('cache-control')).toContain('private, no-store')
    if (code === undefined) expect(await response.text()).toBe('')
    else expect((await errorOf(response)).code).toBe(code)
    expect(seen).toEqual([])
    expect(records).toEqual([expect.objectContaining({ decision: 'deny', status })])
  })

  it.each(Object.keys(REFUSED))('with a credential that is %s says why in words', async (as) => {
    const { call } = createWorld()
    const response = await call('GET', M, { as })
    expect((await errorOf(response)).message).not.toBe('')
    expect(response.headers.get('retry-after')).toBe(as === 'throttled' ? '60' : null)
  })

  it.each([
    {
      method: 'GET',
      path: '/v2/other/app/manifests/v1',
      as: 'ci',
      message: 'token ci has no content/read on other/app',
      detail: { reason: 'no_grant', permission: 'content/read', repository: 'other/app' },
    },
    {
      method: 'PUT',
      path: M,
      as: 'puller',
      message: 'token puller has no content/write on samples/app',
      detail: { reason: 'no_grant', permission: 'content/write', repository: 'samples/app' },
    },
    {
      method: 'DELETE',
      path: '/v2/release/app/manifests/v1',
      as: 'admin',
      message: 'Releases are kept. Ask the platform team.',
      detail: { reason: 'deny_assignment', permission: 'content/delete', repository: 'release/app' },
    },
  ])('says to $as which right $method $path needs', async ({ method, path, as, message, detail }) => {
    expect(await errorOf(await createWorld().call(method, path, { as }))).toEqual({ code: 'DENIED', message, detail })
  })

  it('tells anyone who has no account to log in', async () => {
    const { message } = await errorOf(await createWorld().call('GET', M))
    expect(message).toBe('log in: without an account you have no content/read on samples/app')
  })

  it('has a message of at most 200 characters, however long the name', async () => {
    const name = Array.from({ length: 15 }, () => 'long-component').join('/')
    const { message } = await errorOf(await createWorld().call('GET', `/v2/${name}/manifests/v1`, { as: 'ci' }))
    expect(message.length).toBeLessThanOrEqual(200)
  })

  it.each(['GET', 'HEAD'])('%s never holds a redirect', async (method) => {
    const response = await createWorld().call(method, '/v2/other/app/manifests/v1', { as: 'ci' })
    expect(response.headers.get('location')).toBeNull()
  })

  it('reads no byte of the body', async () => {
    const { call, seen } = createWorld()
    let pulled = 0
    const body = new ReadableStream(
      {
        pull: (controller) => {
          pulled += 1
          controller.enqueue(new Uint8Array(1024))
        },
      },
      { highWaterMark: 0 },
    )
    const response = await call('PATCH', `${U}session`, { as: 'puller', body })
    expect([response.status, pulled, seen]).toEqual([403, 0, []])
  })
})

describe('a disabled token', () => {
  it('that is still recognised is refused, also where anonymous callers may pull', async () => {
    const { call, seen } = createWorld()
    const response = await call('GET', '/v2/public/base/manifests/v1', { as: 'off' })
    expect([response.status, seen]).toEqual([401, []])
  })
})

describe('with an exact catalog', () => {
  it.each([
    [undefined, 401],
    ['ci', 403],
    ['catalog', 200],
  ])('%s gets %i', async (as, status) => {
    const registry = () => Response.json({ repositories: ['a'] })
    const { call } = createWorld({ registry, policies: { catalog: 'exact' } })
    expect((await call('GET', '/v2/_catalog', as === undefined ? {} : { as })).status).toBe(status)
  })
})

describe('what cannot be known', () => {
  it.each([
    [new Fault('policy_unavailable', 'no policy'), 503, 'UNAVAILABLE', '5'],
    [new Fault('issuer_unavailable', 'no keys'), 503, 'UNAVAILABLE', '5'],
    [new Fault('signing_key_unavailable', 'no key'), 503, 'UNAVAILABLE', '5'],
    [new Error('a mistake'), 500, 'UNAVAILABLE', null],
  ])('%s is a refusal', async (fault, status, code, retryAfter) => {
    const log = catchLog()
    for (const ports of [
      { policy: () => Promise.reject(fault) },
      {
        policy: () => {
          throw fault
        },
      },
    ]) {
      const { call, seen, records } = createWorld({ ports })
      const response = await call('GET', '/v2/public/base/manifests/v1', { as: 'admin' })
      expect([response.status, response.headers.get('retry-after')]).toEqual([status, retryAfter])
      expect((await errorOf(response)).code).toBe(code)
      expect(seen).toEqual([])
      expect(records).toEqual([expect.objectContaining({ decision: 'deny', status })])
    }
    expect(log.lines()).toContain(fault.message)
  })

  it.each([{ MAX_UPLOAD_BYTES: 'many' }, { PUBLIC_URL: 'registry.example.com' }, { UPSTREAM_TIMEOUT_SECONDS: '-1' }])(
    'settings %j are 503 and named on the log',
    async (env) => {
      const log = catchLog()
      const { call, seen } = createWorld({ env: { ...env, UPSTREAM } })
      expect([(await call('GET', M, { as: 'ci' })).status, seen]).toEqual([503, []])
      expect(log.lines()).toContain(Object.keys(env)[0])
    },
  )
})

describe('an allowed request', () => {
  it.each(['GET', 'HEAD'])('%s /v2/ is answered without the registry', async (method) => {
    const { call, seen } = createWorld()
    const response = await call(method, '/v2/', { as: 'nobody' })
    expect(response.status).toBe(200)
    expect(response.headers.get('docker-distribution-api-version')).toBe('registry/2.0')
    expect(await response.text()).toBe(method === 'GET' ? '{}' : '')
    expect(seen).toEqual([])
  })

  it.each([
    ['GET', M, 'puller', M],
    ['HEAD', M, 'ci', M],
    ['GET', '/v2/public/base/manifests/v1', undefined, '/v2/public/base/manifests/v1'],
    ['GET', '/v2/public/base/manifests/v1', 'nobody', '/v2/public/base/manifests/v1'],
    ['GET', '/v2/public/base/manifests/v1', 'anonymous|repository:public/base:pull', '/v2/public/base/manifests/v1'],
    ['GET', `${B}?ns=docker.io`, 'puller', B],
    ['GET', `/v2/samples/app/blobs/${DIGEST.replace(':', '%3A')}`, 'puller', B],
    [
      'GET',
      `/v2/samples/app/referrers/${DIGEST}?artifactType=a/b&x=y`,
      'ci',
      `/v2/samples/app/referrers/${DIGEST}?artifactType=a%2Fb`,
    ],
    ['PUT', `/v2/samples/app/manifests/${DIGEST}?tag=a&tag=b`, 'ci', `/v2/samples/app/manifests/${DIGEST}?tag=a&tag=b`],
    ['PUT', M, 'ci|repository:samples/app:pull,push', M],
    ['DELETE', M, 'admin', M],
    ['DELETE', B, 'admin', B],
    ['GET', '/acr/v1/samples/app/_tags?orderby=timedesc', 'lister', '/acr/v1/samples/app/_tags?orderby=timedesc'],
    ['DELETE', '/acr/v1/samples/app/_tags/v1', 'admin', '/acr/v1/samples/app/_tags/v1'],
  ])('%s %s as %s is forwarded as %4$s', async (method, path, as, target) => {
    const { call, seen, records } = createWorld()
    const response = await call(method, path, as === undefined ? {} : { as })
    expect(response.status).toBe(200)
    expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([`${method} ${UPSTREAM}${target}`])
    expect(records).toEqual([expect.objectContaining({ decision: 'allow', status: 200 })])
  })
})

describe('a mount', () => {
  const mount = (from: string, more = '') => `${U}?mount=${DIGEST}&from=${from}${more}`
  const both = 'ci|repository:samples/app:pull,push|repository:samples/base:pull'

  it.each([
    ['ci', mount('samples/base'), `${U}?mount=${encodeURIComponent(DIGEST)}&from=samples%2Fbase`],
    ['ci', mount('public/base'), `${U}?mount=${encodeURIComponent(DIGEST)}&from=public%2Fbase`],
    [both, mount('samples/base'), `${U}?mount=${encodeURIComponent(DIGEST)}&from=samples%2Fbase`],
    ['ci', mount('samples/base', '&origin=x'), `${U}?mount=${encodeURIComponent(DIGEST)}&from=samples%2Fbase`],
    // The source is not readable by the caller, or is not named.
    ['ci', mount('secret/base'), U],
    ['ci|repository:samples/app:pull,push', mount('secret/base'), U],
    ['ci|repository:samples/app:pull,push|repository:secret/base:pull', mount('secret/base'), U],
    ['ci', `${U}?mount=${DIGEST}`, U],
    ['ci', `${U}?from=samples/base`, U],
    ['ci', `${U}?mount=&from=samples/base`, U],
  ])('as %s of %s reaches the registry as %s', async (as, path, target) => {
    const registry = () => new Response(null, { status: 202, headers: { location: '/v2/samples/app/blobs/uploads/1' } })
    const { call, seen } = createWorld({ registry })
    expect((await call('POST', path, { as })).status).toBe(202)
    expect(seen.map(({ url }) => url)).toEqual([`${UPSTREAM}${target}`])
  })

  it.each([
    `${U}?mount=${DIGEST}&mount=${OTHER_DIGEST}&from=samples/base`,
    `${U}?mount=${DIGEST}&from=samples/base&from=secret/base`,
    `${U}?mount=${DIGEST}&from=../secret`,
    `${U}?mount=nothing&from=samples/base`,
  ])('%s is refused', async (path) => {
    const { call, seen } = createWorld()
    expect([(await call('POST', path, { as: 'admin' })).status, seen]).toEqual([400, []])
  })
})

describe('a form', () => {
  const form = 'application/x-www-form-urlencoded'
  const parameters = `mount=${DIGEST}&from=secret/base`

  it.each([
    ['POST', U, form],
    ['POST', U, 'Application/X-WWW-Form-UrlEncoded; charset=utf-8'],
    ['POST', U, `text/plain, ${form}`],
    ['POST', U, 'multipart/form-data; boundary=x'],
    ['POST', `${U}?digest=${DIGEST}`, form],
    ['POST', `${U}?mount=${DIGEST}&from=samples/base`, form],
    ['PUT', M, form],
    ['PUT', '/acr/v1/samples/app/_metadata/key', form],
  ])('%s %s of type %s is refused', async (method, path, type) => {
    const { call, seen } = createWorld()
    const response = await call(method, path, { as: 'admin', headers: { 'content-type': type }, body: parameters })
    expect([response.status, (await errorOf(response)).code, seen]).toEqual([415, 'UNSUPPORTED', []])
  })

  it('does not reach the registry as one in the bytes of an upload', async () => {
    const { call, seen } = createWorld({
      registry: () => new Response(null, { status: 202, headers: { location: '/uploads/1' } }),
    })
    const started = await call('POST', U, { as: 'ci' })
    const location = started.headers.get('location') ?? ''
    await call('PATCH', location, { as: 'ci', headers: { 'content-type': form }, body: parameters })
    await call('PUT', `${location}?digest=${DIGEST}`, { as: 'ci', headers: { 'content-type': form }, body: parameters })
    expect(seen.slice(1).map(({ headers }) => headers.get('content-type'))).toEqual(
      Array(2).fill('application/octet-stream'),
    )
  })

  it.each([`${U}`, `${U}?mount=${DIGEST}&from=samples/base`])(
    'body under another name does not reach %s',
    async (path) => {
      const { call, seen } = createWorld({
        registry: () => new Response(null, { status: 202, headers: { location: '/uploads/1' } }),
      })
      await call('POST', path, { as: 'ci', headers: { 'content-type': 'text/plain' }, body: parameters })
      expect(seen).toEqual([expect.objectContaining({ body: '' })])
      expect(seen[0]?.headers.get('content-type')).toBeNull()
    },
  )
})

describe('a body that is too large', () => {
  it.each([
    ['PUT', M, 'x'.repeat(11), 413],
    ['POST', `${U}?digest=${DIGEST}`, 'x'.repeat(11), 413],
    ['PUT', M, 'x'.repeat(10), 200],
  ])('%s %s with %j is %i', async (method, path, body, status) => {
    const { call, seen } = createWorld({ env: { MAX_UPLOAD_BYTES: '10' } })
    const headers = { 'content-length': String(body.length), 'content-type': 'application/json' }
    const response = await call(method, path, { as: 'ci', headers, body })
    expect(response.status).toBe(status)
    expect(seen.length).toBe(status === 200 ? 1 : 0)
    if (status === 413) {
      expect(await errorOf(response)).toMatchObject({ code: 'SIZE_INVALID', detail: { bytes: 11, limit: 10 } })
    }
  })
})

describe('headers of the request', () => {
  const secret = 'canary-secret'

  it('reach the registry by name only, and never with a credential of the client', async () => {
    const { call, seen } = createWorld()
    const passing = {
      accept: 'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json',
      range: 'bytes=0-9',
      'if-none-match': '"etag"',
      'if-range': '"etag"',
      'user-agent': 'containerd/2',
    }
    const stopped = {
      'accept-encoding': 'zstd, gzip',
      cookie: secret,
      'proxy-authorization': secret,
      'x-forwarded-for': '203.0.113.9',
      'x-forwarded-uri': '/v2/public/base/manifests/v1',
      'x-original-url': '/v2/',
      'x-http-method-override': 'DELETE',
      connection: 'x-drop',
      'x-drop': secret,
      'content-type': 'text/plain',
      'content-range': '0-9',
    }
    await call('GET', B, { as: 'puller', headers: { ...passing, ...stopped } })
    expect(Object.fromEntries(seen[0]?.headers ?? [])).toEqual({
      ...passing,
      'accept-encoding': 'identity',
      authorization: 'Basic gate',
    })
  })

  it.each([
    { 'x-forwarded-uri': '/v2/public/base/manifests/v1' },
    { 'x-original-url': '/v2/' },
    { 'x-forwarded-for': '127.0.0.1' },
    { 'x-http-method-override': 'GET' },
    { 'user-agent': 'GoogleHC/1.0' },
    { host: 'localhost' },
    { 'x-forwarded-user': 'admin' },
    { forwarded: 'for=127.0.0.1;host=localhost' },
  ])('%j changes no verdict', async (headers) => {
    const { call, seen } = createWorld()
    const init = new Headers(Object.entries(headers))
    expect((await call('GET', M, { headers: init })).status).toBe(401)
    expect((await call('PUT', M, { as: 'puller', headers: init })).status).toBe(403)
    expect(seen).toEqual([])
  })
})

describe('the audit record', () => {
  it('of an allowed request names the rule, of a refused one the reason', async () => {
    const { call, records } = createWorld()
    await call('GET', M, { as: 'ci', headers: { 'cf-ray': '230b030023ae2822-SJC' } })
    await call('DELETE', '/v2/release/app/manifests/v1', { as: 'admin' })
    await call('GET', '/v2/samples/app/nothing')
    expect(records[0]).toEqual({
      v: 2,
      time: new Date(NOW_MS).toISOString(),
      id: '230b030023ae2822-SJC',
      principal: 'token:ci',
      as: ['token:ci', 'everyone'],
      operation: 'pullManifest',
      method: 'GET',
      permission: 'content/read',
      repository: 'samples/app',
      reference: 'v1',
      decision: 'allow',
      rule: 'scopeMap ci',
      bundle: 7,
      status: 200,
      ms: 0,
    })
    expect(records[1]).toMatchObject({
      decision: 'deny',
      rule: 'denyAssignment nobody-deletes-releases',
      reason: 'deny_assignment',
      permission: 'content/delete',
      status: 403,
    })
    expect(records[2]).toMatchObject({ decision: 'deny', reason: 'not_a_registry_request' })
  })

  it('names deny assignments that are only audited', async () => {
    const tried: DenyAssignment = {
      name: 'tried',
      principals: [EVERYONE],
      except: [],
      permissions: ['content/read'],
      actions: [],
      mode: 'audit',
      source: { file: 'test.yaml', line: 1, column: 1 },
    }
    const { call, records, seen } = createWorld({ denies: [tried] })
    expect((await call('GET', M, { as: 'ci' })).status).toBe(200)
    expect(records[0]).toMatchObject({ decision: 'allow', audit: ['tried'] })
    expect(seen).toHaveLength(1)
    await call('GET', '/v2/samples/app/tags/list', { as: 'ci' })
    expect(records[1]?.audit).toBeUndefined()
  })

  it('says what was pushed, mounted and listed, and from where', async () => {
    const { call, records } = createWorld({
      registry: ({ method }) =>
        new Response(null, {
          status: method === 'PUT' ? 201 : 202,
          headers: { 'docker-content-digest': OTHER_DIGEST, location: '/v2/samples/app/blobs/uploads/one' },
        }),
    })
    const address = { 'cf-connecting-ip': '10.1.2.3' }
    const type = 'application/vnd.oci.image.manifest.v1+json'
    await call('PUT', '/v2/samples/app/manifests/v1?tag=v2', {
      as: 'ci',
      headers: { 'content-type': type, ...address },
      body: '{}',
    })
    expect(records[0]).toMatchObject({
      operation: 'pushManifest',
      method: 'PUT',
      reference: 'v1',
      tags: ['v1', 'v2'],
      digest: OTHER_DIGEST,
      mediaType: type,
      clientIp: '10.1.2.3',
    })
    // The caller may not read the source, so that the mount becomes an upload.
    await call('POST', `/v2/samples/app/blobs/uploads/?mount=${DIGEST}&from=secret/app`, { as: 'ci' })
    expect(records[1]).toMatchObject({ operation: 'startUpload', from: 'secret/app' })
    await call('GET', `/v2/samples/app/referrers/${DIGEST}?artifactType=a/b`, { as: 'ci' })
    expect(records[2]).toMatchObject({ operation: 'listReferrers', digest: DIGEST, artifactType: 'a/b' })
    await call('PUT', '/v2/samples/app/manifests/v1', { as: 'puller', headers: { 'content-type': type }, body: '{}' })
    expect(records[3]).toMatchObject({ decision: 'deny', tags: ['v1'] })
    expect(records[3]?.digest).toBeUndefined()
    for (const record of records) expect(JSON.stringify(record)).not.toContain('?')
  })

  it('and every answer keep the secrets of the request to themselves', async () => {
    const secret = 'canary-5f3a'
    const log = catchLog()
    const registry = () =>
      new Response(`<h1>${secret}</h1>`, {
        status: 500,
        headers: { 'content-type': 'text/html', 'set-cookie': secret },
      })
    const { call, records } = createWorld({ registry })
    const headers = {
      authorization: `Bearer ci|${secret}`,
      cookie: secret,
      'x-api-key': secret,
      'cf-ray': secret,
      'user-agent': secret,
      'content-type': `text/${secret}`,
    }
    const texts: string[] = []
    for (const [method, path] of [
      ['GET', `${M}?token=${secret}`],
      ['PATCH', `${U}${secret}?_state=${secret}`],
      ['GET', `/v2/_catalog?last=~${secret}`],
      ['GET', `/nothing/${secret}`],
      ['PUT', `${M}?tag=x&tag=x&x=${secret}`],
      ['DELETE', M],
    ] as const) {
      for (const auth of [headers, { ...headers, authorization: 'Bearer admin' }]) {
        const response = await call(method, path, { headers: auth, ...(method === 'PUT' ? { body: secret } : {}) })
        texts.push(await response.text(), JSON.stringify([...response.headers]))
      }
    }
    expect(`${texts.join('\n')}${JSON.stringify(records)}${log.lines()}`).not.toContain(secret)
  })
})
