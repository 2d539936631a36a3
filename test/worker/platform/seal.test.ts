/**
 * What the gate seals is good where it was sealed, and nowhere else: sessions of uploads and cursors of lists, in each part
 * of the context that they are bound to, and behind two hosts of one gate as an operator sets them up.
 */
import { createExecutionContext } from 'cloudflare:test'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createGate } from '../../../src/worker/gate.ts'
import { selectUpstream } from '../../../src/worker/hosts/select.ts'
import { identify } from '../../../src/worker/identity/identify.ts'
import type { Env } from '../../../src/worker/platform/env.ts'
import { type RequestContext, type SealContext, sealOf } from '../../../src/worker/platform/seal.ts'
import { basic } from '../../identity/tools/auth-fixture.ts'
import { viewOf } from '../../identity/tools/policy.ts'
import { createWorld, DIGEST, NOW_MS, SIGNING_KEY, testEnv, type WorldOptions } from '../gate-world.ts'

afterEach(() => vi.restoreAllMocks())

describe('a sealed text', () => {
  const seal = sealOf({ TOKEN_SIGNING_KEY: SIGNING_KEY })
  const context: RequestContext = {
    purpose: 'upload',
    service: 'registry.example.com',
    pointer: 'pointer',
    upstream: '["*",""]',
    url: 'https://upstream.internal/reg-a/v2/app/blobs/uploads/',
    path: '/v2/team/app/blobs/uploads/',
    caller: 'token:ci',
    credential: 'fingerprint',
  }

  it('opens in its own context, in whatever order that is written', async () => {
    const reversed = Object.fromEntries(Object.entries(context).reverse())
    const sealed = await seal.seal('text', context)
    expect(await seal.open(sealed, { ...context, ...reversed })).toBe('text')
  })

  const others: readonly (readonly [what: string, other: SealContext])[] = [
    ['another purpose', { ...context, purpose: 'list' }],
    ['another service', { ...context, service: 'staging.example.com' }],
    ['another pointer', { ...context, pointer: 'pointer-b' }],
    ['another upstream of the same URL', { ...context, upstream: '["b.test",""]' }],
    ['another origin', { ...context, url: context.url.replace('upstream', 'other') }],
    ['another base path', { ...context, url: context.url.replace('reg-a', 'reg-b') }],
    ['another repository of the upstream', { ...context, url: context.url.replace('/app/', '/other/') }],
    ['another repository of the gate', { ...context, path: '/v2/team/other/blobs/uploads/' }],
    ['another caller', { ...context, caller: 'token:admin' }],
    ['another password of a caller with the same name', { ...context, credential: 'other' }],
    ['a value that moved to the next part', { ...context, caller: 'token:cifinger', credential: 'print' }],
    ['two values that changed places', { ...context, caller: context.credential, credential: context.caller }],
    ['keys of an issuer', { purpose: 'issuer keys', source: context.url }],
  ]
  it.each(others)('does not open in the context of %s', async (_, other) => {
    expect(await seal.open(await seal.seal('text', context), other)).toBeUndefined()
  })
})

/** A registry with uploads, and a catalog that it names by opaque cursors. */
const registry = (request: Request): Response => {
  const { pathname, searchParams } = new URL(request.url)
  if (pathname.endsWith('/_catalog') || pathname.endsWith('/tags/list')) {
    const names = ['samples/a', 'samples/b', 'samples/c']
    const from = Number(searchParams.get('page') ?? 0)
    const link = `</v2/x?page=${from + 1}>; rel="next"`
    const key = pathname.endsWith('/_catalog') ? 'repositories' : 'tags'
    return Response.json({ [key]: names.slice(from, from + 1) }, { headers: from + 1 < names.length ? { link } : {} })
  }
  if (request.method === 'PUT') return new Response(null, { status: 201 })
  return new Response(null, { status: 202, headers: { location: `${pathname.replace(/[^/]*$/, '')}uuid?_state=x` } })
}

/** Text that the gate sealed in one world, and the requests that carry it. */
const CARRIED: readonly (readonly [
  what: string,
  from: readonly [method: string, path: string],
  uses: readonly (readonly [method: string, suffix: string])[],
])[] = [
  [
    'a session',
    ['POST', '/v2/samples/app/blobs/uploads/'],
    [
      ['GET', ''],
      ['PATCH', ''],
      ['PUT', `&digest=${DIGEST}`],
      ['DELETE', ''],
    ],
  ],
  ['a cursor of the catalog', ['GET', '/v2/_catalog?n=1'], [['GET', '']]],
  ['a cursor of tags', ['GET', '/v2/samples/app/tags/list?n=1'], [['GET', '']]],
]

const carriedBy = (response: Response): string =>
  response.headers.get('location') ?? /<([^>]*)>/.exec(response.headers.get('link') ?? '')?.[1] ?? ''

describe.each(CARRIED)('%s', (_, [method, path], uses) => {
  it.each<readonly [what: string, options: WorldOptions]>([
    ['another entry of the table', { upstream: { id: 'other' } }],
    ['another origin', { upstream: { origin: 'https://other.internal' } }],
    ['another base path', { upstream: { basePath: '/reg-b' } }],
    ['another service', { policies: { service: 'staging.example.com' } }],
    ['another pointer', { pointerKey: 'pointer-b' }],
    ['a caller of the same name for whom another credential vouches', { credential: 'other' }],
  ])('is nothing to %s', async (_what, options) => {
    const begun = createWorld({ registry })
    const carried = carriedBy(await begun.call(method, path, { as: 'ci' }))
    expect(carried).not.toBe('')
    const other = createWorld({ registry, ...options })
    for (const [use, suffix] of uses) {
      const refused = await other.call(use, `${carried}${suffix}`, {
        as: 'ci',
        ...(use === 'PATCH' ? { body: 'x' } : {}),
      })
      expect([400, 404]).toContain(refused.status)
    }
    expect(other.seen).toEqual([])
    // The same text is good where it came from.
    const seen = begun.seen.length
    await begun.call('GET', carried, { as: 'ci' })
    expect(begun.seen.length).toBeGreaterThan(seen)
  })
})

/** Two hosts, two registries of one origin, two policies that both have a token `ci`. */
describe('behind two hosts of one gate', () => {
  const sha256Of = async (text: string): Promise<string> => {
    const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
    return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  }
  const policyOf = async (service: string, password: string) =>
    viewOf(`
registry: { service: ${service} }
scopeMaps: { push: { actions: [repositories/samples/*/content/read, repositories/samples/*/content/write, repositories/samples/*/metadata/read] } }
tokens: { ci: { scopeMap: push, credentials: { password1: { sha256: ${await sha256Of(password)} } } } }
`)

  type Setting = { readonly a: object; readonly b: object; readonly services: readonly [a: string, b: string] }
  const SETTINGS: readonly (readonly [what: string, setting: Setting])[] = [
    [
      'two policies',
      {
        a: { url: 'https://shared.internal/reg-a' },
        b: { url: 'https://shared.internal/reg-b', pointer: 'pointer-b' },
        services: ['a.test', 'b.test'],
      },
    ],
    [
      'two policies of one service, and one registry',
      {
        a: { url: 'https://shared.internal' },
        b: { url: 'https://shared.internal', pointer: 'pointer-b' },
        services: ['a.test', 'a.test'],
      },
    ],
    [
      'one policy, and two base paths',
      {
        a: { url: 'https://shared.internal/reg-a' },
        b: { url: 'https://shared.internal/reg-b' },
        services: ['a.test', 'a.test'],
      },
    ],
    [
      'one policy, one URL, and a binding for each',
      {
        a: { url: 'https://shared.internal', binding: 'OTHER' },
        b: { url: 'https://shared.internal' },
        services: ['a.test', 'a.test'],
      },
    ],
  ]

  describe.each(SETTINGS)('with %s', (_, { a, b, services }) => {
    const worldOf = async () => {
      const asked: string[] = []
      const fetch = (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
        const request = new Request(input, init)
        asked.push(`${request.method} ${request.url}`)
        return Promise.resolve(registry(request))
      }
      const one = { binding: 'SHARED', host: 'a.test', ...a }
      const two = { binding: 'SHARED', host: 'b.test', ...b }
      const env: Env = Object.assign(testEnv({ UPSTREAMS: JSON.stringify([one, two]) }), {
        SHARED: { fetch },
        OTHER: { fetch },
      })
      const views = {
        pointer: await policyOf(services[0], 'password-a'),
        'pointer-b': await policyOf(services[1], 'password-b'),
      }
      const gate = createGate({
        policy: ({ POLICY_POINTER }) => views[POLICY_POINTER === 'pointer-b' ? 'pointer-b' : 'pointer'],
        identify,
        select: selectUpstream,
        audit: () => undefined,
        nowMs: () => NOW_MS,
      })
      const hasOwnPolicy = 'pointer' in b
      const call = (host: 'a.test' | 'b.test', method: string, target: string) => {
        const url = `https://${host}${target}`
        const password = host === 'b.test' && hasOwnPolicy ? 'password-b' : 'password-a'
        const headers = { authorization: basic('ci', password) }
        return gate(new Request(url, { method, headers }), url, env, createExecutionContext())
      }
      return { asked, call }
    }

    it.each(CARRIED)('%s of the one is nothing to the other', async (_what, [method, path], uses) => {
      const { asked, call } = await worldOf()
      const carried = carriedBy(await call('a.test', method, path))
      expect(carried).not.toBe('')
      const before = asked.length
      for (const [use, suffix] of uses) {
        expect([400, 404]).toContain((await call('b.test', use, `${carried}${suffix}`)).status)
      }
      expect(asked.length).toBe(before)
      expect((await call('a.test', 'GET', carried)).status).toBeLessThan(300)
      expect(asked.length).toBeGreaterThan(before)
    })
  })
})
