/**
 * What went wrong in other registries and their gateways, tried on this one: with the real identity, token service and
 * gate over one policy. `docs/threat-model.md` says which test answers which advisory.
 */
import { fc, test } from '@fast-check/vitest'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { identify } from '../../src/worker/identity/identify.ts'
import { createTokenService } from '../../src/worker/token-service/service.ts'
import { basic, bearer, ctx } from '../identity/tools/auth-fixture.ts'
import { jwks, makeKey, sign } from '../identity/tools/issuer.ts'
import { SERVICE, viewOf } from '../identity/tools/policy.ts'
import { createWorld, DIGEST, GATE, NOW_MS, OTHER_DIGEST, testEnv, UPSTREAM, type WorldOptions } from './gate-world.ts'

const NOW = NOW_MS / 1000
const ISSUER = 'https://ci.example.com'
const issuerKey = await makeKey('issuer-key')
const PASSWORD = 'twin-secret-of-this-test-only'
const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(PASSWORD)))
const sha256 = [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('')

/** A token and a federated identity with the same rights. Nobody overwrites or deletes a version. */
const policyOf = (role: string) => `
registry: { service: ${SERVICE}, anonymous: [repositories/public/*/content/read] }
issuers: { ci: { issuer: ${ISSUER}, audiences: [${SERVICE}], jwks: ${JSON.stringify(jwks(issuerKey))} } }
identities: { twin: { issuer: ci, subject: job } }
scopeMaps: { nothing: { actions: [repositories/nothing/content/read] } }
tokens:
  twin: { scopeMap: nothing, credentials: { password1: { sha256: ${sha256} } } }
  office: { scopeMap: nothing, credentials: { password1: { sha256: ${sha256} } } }
roleAssignments:
  - { principal: 'token:twin', role: ${role}, repositories: [samples/*] }
  - { principal: 'identity:twin', role: ${role}, repositories: [samples/*] }
  - { principal: 'group:ci/readers', role: Container Registry Repository Reader, repositories: [shared/*] }
  - principal: token:office
    role: Container Registry Repository Reader
    condition: "@Request[Dockgate/request:clientIp] IpInRange '192.0.2.0/24'"
denyAssignments:
  - name: versions-are-kept
    principals: [everyone]
    permissions: [content/write, content/delete, metadata/delete]
    condition: "@Request[Dockgate/request:tag] StringStartsWith 'v'"
`
const view = viewOf(policyOf('Container Registry Repository Contributor'))
let policy = view

beforeEach(() => {
  policy = view
  vi.useFakeTimers({ toFake: ['Date'], now: NOW_MS })
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const world = (options: WorldOptions = {}) => createWorld({ ...options, ports: { identify, policy: () => policy } })
type World = ReturnType<typeof world>
const call = ({ call }: World, method: string, path: string, authorization?: string, headers: HeadersInit = {}) =>
  call(method, path, {
    headers: { ...Object.fromEntries(new Headers(headers)), ...(authorization && { authorization }) },
  })

const service = createTokenService({ policy: () => policy, audit: () => undefined, nowMs: () => Date.now() })
const send = async (path: string, init: RequestInit): Promise<Record<string, string>> => {
  const env = { ...ctx, passThroughOnException: () => undefined, props: {} }
  const answer = await service.request(new Request(`${GATE}${path}`, init), undefined, testEnv(), env)
  expect(answer.status).toBe(200)
  return answer.json()
}

const REPOSITORIES = ['samples/app', 'samples/a/b', 'public/base', 'shared/lib', 'secret/app'] as const
const SCOPES = [...REPOSITORIES.map((name) => `repository:${name}:*`), 'registry:catalog:*']
const scopeQuery = SCOPES.map((scope) => `scope=${scope}`).join('&')
const jwt = (claims: object = {}) =>
  sign(issuerKey, { iss: ISSUER, aud: SERVICE, sub: 'job', exp: NOW + 600, ...claims })
const minted = async (authorization: string) =>
  bearer((await send(`/token?service=${SERVICE}&${scopeQuery}`, { headers: { authorization } })).token ?? '')
const form = (fields: Record<string, string>) => ({ method: 'POST', body: new URLSearchParams(fields) })

/** One caller, by every kind of credential. */
const KINDS: readonly (readonly [kind: string, make: () => Promise<string>])[] = [
  ['a password', async () => basic('twin', PASSWORD)],
  ['a token made from a password', () => minted(basic('twin', PASSWORD))],
  ['a token made from a token', async () => minted(await minted(basic('twin', PASSWORD)))],
  ['a JWT', async () => bearer(await jwt())],
  ['a JWT as password', async () => basic('anything', await jwt())],
  ['a token made from a JWT', async () => minted(bearer(await jwt()))],
  [
    'a token by exchange and refresh',
    async () => {
      const access_token = await jwt()
      const exchange = form({ grant_type: 'access_token', service: SERVICE, access_token })
      const { refresh_token = '' } = await send('/oauth2/exchange', exchange)
      const refresh = form({ grant_type: 'refresh_token', service: SERVICE, refresh_token, scope: SCOPES.join(' ') })
      return bearer((await send('/oauth2/token', refresh)).access_token ?? '')
    },
  ],
]

const routesOf = (name: string): readonly (readonly [method: string, path: string])[] => [
  ['GET', `/v2/${name}/manifests/v1`],
  ['HEAD', `/v2/${name}/manifests/${DIGEST}`],
  ['PUT', `/v2/${name}/manifests/dev`],
  ['PUT', `/v2/${name}/manifests/v1`],
  ['DELETE', `/v2/${name}/manifests/dev`],
  ['DELETE', `/v2/${name}/manifests/${DIGEST}`],
  ['GET', `/v2/${name}/blobs/${DIGEST}`],
  ['HEAD', `/v2/${name}/blobs/${DIGEST}`],
  ['DELETE', `/v2/${name}/blobs/${DIGEST}`],
  ['POST', `/v2/${name}/blobs/uploads/`],
  ['POST', `/v2/${name}/blobs/uploads/?mount=${DIGEST}&from=secret/app`],
  ['PATCH', `/v2/${name}/blobs/uploads/session`],
  ['GET', `/v2/${name}/tags/list`],
  ['GET', `/v2/${name}/referrers/${DIGEST}`],
  ['GET', `/acr/v1/${name}`],
  ['DELETE', `/acr/v1/${name}`],
]
const TABLE = [...REPOSITORIES.flatMap(routesOf), ['GET', '/v2/'], ['GET', '/v2/_catalog']] as const

/** Answers as a registry does, so that nothing else decides the status. */
const registry = (request: Request): Response => {
  const { pathname } = new URL(request.url)
  if (pathname.endsWith('/_catalog')) return Response.json({ repositories: [...REPOSITORIES] })
  if (pathname.endsWith('/tags/list')) return Response.json({ tags: ['v1'] })
  if (pathname.includes('/referrers/')) return Response.json({ manifests: [] })
  if (pathname.endsWith('/uploads/')) {
    return new Response(null, { status: 202, headers: { location: `${pathname}uuid` } })
  }
  return new Response(null, { status: request.method === 'PUT' ? 201 : 200 })
}

/** Status of each route, and what the registry saw. */
async function verdicts(authorization: string | undefined): Promise<readonly string[]> {
  const rows: string[] = []
  for (const [method = '', path = ''] of TABLE) {
    const one = world({ registry })
    const { status } = await call(one, method, path, authorization)
    rows.push(`${method} ${path}: ${status} ${one.seen.map(({ method, url }) => `${method} ${url}`).join()}`)
  }
  return rows
}

describe('one caller', () => {
  it.each(KINDS)('has the same verdict on every route with %s', async (_, make) => {
    expect(await verdicts(await make())).toEqual(await verdicts(basic('twin', PASSWORD)))
  })

  it.each(KINDS)('may with %s whatever is allowed without', async (_, make) => {
    const authorization = await make()
    let allowed = 0
    for (const [method = '', path = ''] of TABLE) {
      if ((await call(world({ registry }), method, path)).status >= 300) continue
      allowed++
      expect((await call(world({ registry }), method, path, authorization)).status).toBeLessThan(300)
    }
    expect(allowed).toBeGreaterThan(3)
  })

  it.each(KINDS)('loses with %s what policy takes away, at the next call', async (_, make) => {
    const authorization = await make()
    const push = ['PUT', '/v2/samples/app/manifests/dev', authorization] as const
    expect((await call(world({ registry }), ...push)).status).toBe(201)
    policy = viewOf(policyOf('Container Registry Repository Reader'))
    const after = world({ registry })
    expect([(await call(after, ...push)).status, after.seen]).toEqual([403, []])
    expect((await call(after, 'GET', '/v2/samples/app/manifests/dev', authorization)).status).toBe(200)
  })
})

describe('groups', () => {
  const pull = ['GET', '/v2/shared/lib/manifests/v1'] as const

  it('are those of the present token: one that was left ends with it', async () => {
    const one = world({ registry })
    const statuses: number[] = []
    for (const groups of [['readers'], [], ['readers', 'others'], ['others'], undefined]) {
      statuses.push((await call(one, ...pull, bearer(await jwt({ groups })))).status)
    }
    expect(statuses).toEqual([200, 403, 200, 403, 403])
  })

  it('are not gained by exchanging one token for another', async () => {
    const outside = await minted(bearer(await jwt({ groups: ['others'] })))
    const inside = await minted(bearer(await jwt({ groups: ['readers'] })))
    expect((await call(world({ registry }), ...pull, inside)).status).toBe(200)
    expect((await call(world({ registry }), ...pull, outside)).status).toBe(403)
    expect((await call(world({ registry }), ...pull, await minted(outside))).status).toBe(403)
  })
})

describe('a digest', () => {
  const repository = fc.constantFrom(...REPOSITORIES)
  const kind = fc.constantFrom('manifests', 'blobs')

  test.prop([repository, fc.array(repository), kind, fc.boolean(), fc.constantFrom(DIGEST, OTHER_DIGEST)], {
    numRuns: 60,
  })(
    'is judged by its repository, no matter who else holds it and whatever was asked before',
    async (name, holders, kind, isHead, digest) => {
      const holds = (request: Request) =>
        new Response(null, { status: holders.some((holder) => request.url.includes(`/${holder}/`)) ? 200 : 404 })
      const one = world({ registry: holds })
      const authorization = basic('twin', PASSWORD)
      for (const holder of holders) await call(one, 'GET', `/v2/${holder}/${kind}/${digest}`, authorization)
      one.seen.length = 0
      const { status } = await call(one, isHead ? 'HEAD' : 'GET', `/v2/${name}/${kind}/${digest}`, authorization)
      const mayRead = name.startsWith('samples/') || name.startsWith('public/')
      expect(one.seen.map(({ url }) => url)).toEqual(mayRead ? [`${UPSTREAM}/v2/${name}/${kind}/${digest}`] : [])
      expect(status).toBe(mayRead ? (holders.includes(name) ? 200 : 404) : 403)
    },
  )
})

describe('tags', () => {
  const tag = fc.stringMatching(/^[A-Za-uw-z0-9_][A-Za-z0-9._-]{0,12}$/)

  test.prop([tag, fc.constantFrom('latest', 'main', 'stable', 'v1')], { numRuns: 60 })(
    'have no special names: only what a rule says counts',
    async (any, famous) => {
      const put = (name: string, tag: string) =>
        call(world({ registry }), 'PUT', `/v2/${name}/manifests/${tag}`, basic('twin', PASSWORD))
      expect((await put('samples/app', any)).status).toBe(201)
      expect((await put('samples/app', famous)).status).toBe(famous === 'v1' ? 403 : 201)
      expect((await put('public/base', any)).status).toBe((await put('public/base', famous)).status)
    },
  )

  const pairs = ['dev', 'next', 'v1'].flatMap((a) => ['dev', 'next', 'v1'].map((b) => [a, b] as const))
  const PUSHES: readonly (readonly [reference: string, hasProtected: boolean])[] = [
    ...pairs
      .filter(([a, b]) => a !== b)
      .map(([a, b]): [string, boolean] => [`${a}?tag=${b}`, a === 'v1' || b === 'v1']),
    [`${DIGEST}?tag=dev&tag=next`, false],
    [`${DIGEST}?tag=dev&tag=v1`, true],
    [`${DIGEST}?tag=v1&tag=dev`, true],
    [`${DIGEST}?tag=dev&tag=%761`, true],
    [`${DIGEST}?tag=dev&t%61g=v1`, true],
    ['dev?tag=a&tag=b&tag=c&tag=d&tag=e&tag=f&tag=g&tag=h&tag=v9', true],
  ]
  it.each(PUSHES)('of one push are all judged: %s', async (reference, hasProtected) => {
    const one = world({ registry })
    const { status } = await call(one, 'PUT', `/v2/samples/app/manifests/${reference}`, basic('twin', PASSWORD))
    expect([status, one.seen.length]).toEqual(hasProtected ? [403, 0] : [201, 1])
  })

  it.each([
    ['DELETE', `/v2/samples/app/manifests/${DIGEST}`, 403],
    ['DELETE', '/v2/samples/app/manifests/v1', 403],
    ['DELETE', '/v2/samples/app/manifests/dev', 200],
    ['DELETE', '/acr/v1/samples/app/_tags/v1', 403],
    ['DELETE', '/acr/v1/samples/app/_tags/dev', 200],
    ['DELETE', '/acr/v1/samples/app', 403],
    // A referrer is a manifest like any other: it may carry a protected tag.
    ['DELETE', `/v2/samples/app/manifests/${OTHER_DIGEST}`, 403],
  ])('that are protected are by digest too: %s %s is %i', async (method, path, expected) => {
    const one = world({ registry })
    const { status } = await call(one, method, path, basic('twin', PASSWORD))
    expect([status, one.seen.length]).toEqual([expected, expected === 200 ? 1 : 0])
  })
})

describe('an upload session', () => {
  it('with any one bit flipped does not exist', async () => {
    const one = world({ registry })
    const started = await call(one, 'POST', '/v2/samples/app/blobs/uploads/', basic('twin', PASSWORD))
    const location = started.headers.get('location') ?? ''
    const [sealed = ''] = location.split('/').slice(-1)
    const bytes = Uint8Array.from(atob(sealed.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))
    expect((await call(one, 'GET', location, basic('twin', PASSWORD))).status).toBe(200)
    one.seen.length = 0
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.with(bit >> 3, (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7)))
      const text = btoa(String.fromCharCode(...flipped))
        .replaceAll('+', '-')
        .replaceAll('/', '_')
        .replaceAll('=', '')
      const { status } = await call(one, 'GET', location.replace(sealed, text), basic('twin', PASSWORD))
      expect(status).toBe(404)
    }
    expect(one.seen).toEqual([])
  })

  it('of a caller is nobody else’s, by whatever credential', async () => {
    const one = world({ registry })
    const started = await call(one, 'POST', '/v2/samples/app/blobs/uploads/', basic('twin', PASSWORD))
    const location = started.headers.get('location') ?? ''
    one.seen.length = 0
    for (const method of ['GET', 'PATCH', 'DELETE']) {
      const other = await call(one, method, location, bearer(await jwt()))
      const never = await call(one, method, `/v2/samples/app/blobs/uploads/never`, bearer(await jwt()))
      expect([other.status, await other.text()]).toEqual([never.status, await never.text()])
      expect(other.status).toBe(404)
    }
    expect(one.seen).toEqual([])
    // The same caller with another credential goes on.
    expect((await call(one, 'GET', location, await minted(basic('twin', PASSWORD)))).status).toBe(200)
  })
})

describe('the address of the client', () => {
  const pull = ['GET', '/v2/secret/app/manifests/v1', basic('office', PASSWORD)] as const

  it.each([
    [{ 'cf-connecting-ip': '192.0.2.7' }, 200],
    [{ 'cf-connecting-ip': '::ffff:192.0.2.7' }, 200],
    [{ 'cf-connecting-ip': '198.51.100.1' }, 403],
    [{}, 403],
    [{ 'x-forwarded-for': '192.0.2.7' }, 403],
    [{ 'x-real-ip': '192.0.2.7' }, 403],
    [{ 'true-client-ip': '192.0.2.7' }, 403],
    [{ forwarded: 'for=192.0.2.7' }, 403],
    [{ 'cf-connecting-ip': '198.51.100.1', 'x-forwarded-for': '192.0.2.7' }, 403],
    [{ 'cf-connecting-ip': '192.0.2.7, 198.51.100.1' }, 403],
    [{ 'cf-connecting-ip': '192.000.002.007' }, 403],
    [{ 'cf-connecting-ip': '3221225991' }, 403],
    [{ 'cf-connecting-ip': '0xc0000207' }, 403],
  ])('is what the platform says: %j is %i', async (headers, expected) => {
    const one = world({ registry })
    expect((await call(one, ...pull, headers)).status).toBe(expected)
  })
})

describe('noise', () => {
  const header = fc.constantFrom(
    ['x-forwarded-uri', '/v2/public/base/manifests/v1'],
    ['x-forwarded-host', 'localhost'],
    ['x-forwarded-proto', 'http'],
    ['x-forwarded-for', '127.0.0.1'],
    ['x-forwarded-user', 'admin'],
    ['x-original-url', '/livez'],
    ['x-rewrite-url', '/livez'],
    ['x-http-method-override', 'GET'],
    ['x-method-override', 'GET'],
    ['x-auth-request-user', 'admin'],
    ['x-registry-auth', 'e30='],
    ['cookie', 'session=admin'],
    ['user-agent', 'GoogleHC/1.0'],
    ['user-agent', 'kube-probe/1.31'],
    ['host', 'localhost'],
    ['connection', 'authorization'],
    ['proxy-authorization', 'Basic YWRtaW46YWRtaW4='],
    ['cf-worker', 'example.com'],
    ['cf-access-authenticated-user-email', 'admin@example.com'],
    ['origin', 'https://registry.example.com'],
    ['accept', '*/*'],
    ['if-none-match', '*'],
    ['expect', '100-continue'],
  )
  const query = fc.constantFrom(
    '',
    'ns=docker.io',
    'x=/livez',
    '_method=GET',
    'access_token=x',
    'scope=*',
    'service=x',
    '%',
    '%ff=1',
    'a=b;c=d',
  )
  const fragment = fc.constantFrom('', '#', '#/livez', '#?tag=v1', '#/../../public/base/manifests/v1')

  test.prop([fc.constantFrom(...TABLE), fc.array(header, { maxLength: 5 }), query, fragment, fc.boolean()], {
    numRuns: 300,
  })(
    'of headers, queries and fragments changes no verdict, and nothing that the registry is asked',
    async ([method = '', path = ''], headers, query, fragment, isKnown) => {
      const authorization = isKnown ? basic('twin', PASSWORD) : undefined
      const plain = world({ registry })
      const noisy = world({ registry })
      const expected = await call(plain, method, path, authorization)
      const target = `${path}${query === '' ? '' : `${path.includes('?') ? '&' : '?'}${query}`}${fragment}`
      const actual = await call(noisy, method, target, authorization, Object.fromEntries(headers))
      expect(actual.status).toBe(expected.status)
      const asked = (one: World) => one.seen.map(({ method, url }) => `${method} ${url}`)
      expect(asked(noisy)).toEqual(asked(plain))
    },
  )
})

describe('caches', () => {
  it('may keep no answer, no matter who asked and whatever the registry says', async () => {
    for (const status of [200, 206, 304, 307, 404, 416, 429, 500, 503]) {
      const registry = () =>
        new Response(null, {
          status,
          headers: { 'cache-control': 'public, max-age=31536000, immutable', expires: 'Thu, 01 Jan 2099 00:00:00 GMT' },
        })
      for (const authorization of [undefined, basic('twin', PASSWORD), basic('twin', 'wrong')]) {
        for (const path of ['/v2/public/base/manifests/v1', '/v2/samples/app/blobs/'.concat(DIGEST), '/v2/x/y/z']) {
          const answer = await call(world({ registry }), 'GET', path, authorization)
          expect(answer.headers.get('cache-control')).toBe('private, no-store, no-transform')
          expect(answer.headers.has('expires')).toBe(false)
        }
      }
    }
  })

  it('are not used by the gate: every allowed pull asks the registry', async () => {
    const open = vi.spyOn(caches, 'open')
    const one = world({ registry })
    for (let round = 0; round < 3; round++) {
      await call(one, 'GET', `/v2/samples/app/blobs/${DIGEST}`, basic('twin', PASSWORD))
    }
    expect([one.seen.length, open.mock.calls.length]).toEqual([3, 0])
  })
})
