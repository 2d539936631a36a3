/** Bundles in an artifact of a registry: how many calls they cost, where credentials go, and what ends in no bundle. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { formatArtifact } from '../../../src/bundle/policy-artifact.ts'
import { parseDigest } from '../../../src/registry/name.ts'
import type { Env } from '../../../src/worker/platform/env.ts'
import { policyStoreOf } from '../../../src/worker/policy-store/oci-store.ts'

type Seen = { readonly line: string; readonly authorization: string | null }

const POINTER = 'a.signed.pointer'
const SHARD = 'the bytes of a shard'
const TTL = { cacheTtl: 30 } as const

async function digestOf(text: string) {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  const digest = parseDigest(
    `sha256:${[...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`,
  )
  if (!digest.ok) throw new Error('no digest')
  return digest.value
}

const pointerDigest = await digestOf(POINTER)
const shardDigest = await digestOf(SHARD)
const MANIFEST = formatArtifact([
  { key: 'pointer', digest: pointerDigest, size: POINTER.length },
  { digest: shardDigest, size: SHARD.length },
])
const manifestDigest = await digestOf(MANIFEST)

let seen: Seen[] = []
/** Answers in place of the registry. */
let fault: (request: Request) => Response | undefined | Promise<Response | undefined> = () => undefined

function answer(request: Request): Response {
  const { pathname } = new URL(request.url)
  if (pathname === '/v2/') return Response.json({})
  if (pathname.endsWith('/manifests/live')) {
    const headers = { 'docker-content-digest': manifestDigest }
    return new Response(request.method === 'HEAD' ? null : MANIFEST, { headers })
  }
  if (pathname.endsWith(pointerDigest)) return new Response(POINTER)
  if (pathname.endsWith(shardDigest)) return new Response(SHARD)
  return new Response(null, { status: 404 })
}

beforeEach(() => {
  seen = []
  fault = () => undefined
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const request = new Request(input, init)
    const { host, pathname } = new URL(request.url)
    seen.push({
      line: `${request.method} ${host}${pathname}`,
      authorization: request.headers.get('authorization'),
    })
    return (await fault(request)) ?? answer(request)
  })
})
afterEach(() => vi.restoreAllMocks())

const open = (more: Partial<Env> = {}) =>
  policyStoreOf({ POLICY_STORE: 'oci://registry.internal/policy/gate:live', ...more })
const pointerOf = (store: ReturnType<typeof open>) => store.get('pointer', { type: 'text', ...TTL })
const lines = () => seen.map(({ line }) => line)

describe('an artifact', () => {
  it('is read by three calls, and costs one HEAD while it does not change', async () => {
    const store = open()
    expect(await pointerOf(store)).toBe(POINTER)
    expect(lines()).toEqual([
      'GET registry.internal/v2/policy/gate/manifests/live',
      `GET registry.internal/v2/policy/gate/blobs/${pointerDigest}`,
    ])
    for (let times = 0; times < 3; times++) expect(await pointerOf(store)).toBe(POINTER)
    expect(lines().slice(2)).toEqual(Array(3).fill('HEAD registry.internal/v2/policy/gate/manifests/live'))
  })

  it('gives a shard by its digest', async () => {
    const bytes = await open().get(shardDigest, { type: 'arrayBuffer', ...TTL })
    expect(new TextDecoder().decode(bytes ?? undefined)).toBe(SHARD)
  })

  it('is read again when its tag names another manifest, or the registry does not say which', async () => {
    const store = open()
    await pointerOf(store)
    for (const headers of [{ 'docker-content-digest': shardDigest }, {}]) {
      seen = []
      fault = ({ method }) => (method === 'HEAD' ? new Response(null, { headers }) : undefined)
      expect(await pointerOf(store)).toBe(POINTER)
      expect(lines()[1]).toBe('GET registry.internal/v2/policy/gate/manifests/live')
    }
  })

  it.each([
    ['the tag', '/manifests/', 'pointer'],
    ['the pointer', pointerDigest, 'pointer'],
    ['a shard', shardDigest, shardDigest],
  ])('without %s has no value', async (_, part, key) => {
    fault = ({ url }) => (url.includes(part) ? new Response(null, { status: 404 }) : undefined)
    const store = open()
    expect(await (key === 'pointer' ? pointerOf(store) : store.get(key, { type: 'arrayBuffer', ...TTL }))).toBeNull()
  })

  it('has no value under a key that it does not name', async () => {
    expect(await open().get('staging', { type: 'text', ...TTL })).toBeNull()
  })

  it.each([
    ['an error', () => new Response(null, { status: 500 })],
    ['something else', () => new Response('{"layers":[]}')],
    ['no JSON', () => new Response('<html>')],
    ['what is too long', () => new Response('x'.repeat(4 * 1024 * 1024 + 1))],
    ['a refusal', () => new Response(null, { status: 403 })],
    ['a redirect', () => new Response(null, { status: 307, headers: { location: 'https://elsewhere.example/' } })],
  ])('that is %s cannot be read', async (_, wrong) => {
    fault = ({ url }) => (url.includes('/manifests/') ? wrong() : undefined)
    await expect(pointerOf(open())).rejects.toThrow()
  })

  it('whose values are too long cannot be read', async () => {
    const chunk = new Uint8Array(1024 * 1024)
    let sent = 0
    const endless = () =>
      new ReadableStream({
        pull(controller) {
          sent++
          controller.enqueue(chunk)
        },
      })
    fault = ({ url }) => (url.includes(pointerDigest) ? new Response(endless()) : undefined)
    await expect(pointerOf(open())).rejects.toThrow('answered for a blob with status 200')
    expect(sent).toBeLessThan(40)
  })

  it('whose registry cannot be reached cannot be read', async () => {
    fault = () => Promise.reject(new Error('connection refused'))
    await expect(pointerOf(open())).rejects.toThrow()
  })
})

describe('a blob that the registry has in a storage', () => {
  const storage = (location: string) => {
    fault = ({ url }) => {
      if (url.startsWith('https://storage.example/')) return new Response(POINTER)
      return url.includes(pointerDigest) ? new Response(null, { status: 307, headers: { location } }) : undefined
    }
  }

  it('is read there, without the credential', async () => {
    storage('https://storage.example/signed?x=1')
    const store = open({ STORE_USERNAME: 'gate', STORE_PASSWORD: 'secret' })
    fault = (
      (inner) => (request: Request) =>
        request.url.endsWith('/v2/')
          ? new Response(null, { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } })
          : inner(request)
    )(fault)
    expect(await pointerOf(store)).toBe(POINTER)
    const last = seen.at(-1)
    expect(last).toEqual({ line: 'GET storage.example/signed', authorization: null })
    expect(seen.some(({ authorization }) => authorization?.startsWith('Basic ') === true)).toBe(true)
  })

  it.each(['http://storage.example/x', 'ftp://storage.example/x', '//[', 'javascript:1'])(
    'is not read at %s',
    async (location) => {
      storage(location)
      await expect(pointerOf(open())).rejects.toThrow()
      expect(lines().filter((line) => line.includes('storage.example'))).toEqual([])
    },
  )
})

describe('the credential', () => {
  const BASIC = (text: string) => `Basic ${btoa(text)}`
  it.each([
    ['is that of the store', { STORE_USERNAME: 's', STORE_PASSWORD: 'p' }, BASIC('s:p')],
    [
      'is that of the registry behind the gate on the same host',
      { UPSTREAM: 'https://registry.internal', UPSTREAM_USERNAME: 'u', UPSTREAM_PASSWORD: 'p' },
      BASIC('u:p'),
    ],
    [
      'of the store comes first',
      {
        UPSTREAM: 'https://registry.internal',
        UPSTREAM_AUTHORIZATION: 'Bearer x',
        STORE_USERNAME: 's',
        STORE_PASSWORD: 'p',
      },
      BASIC('s:p'),
    ],
    ['of another host is never sent', { UPSTREAM: 'https://other.internal', UPSTREAM_AUTHORIZATION: 'Bearer x' }, null],
    ['is none without one', {}, null],
  ])('%s', async (_, env, expected) => {
    fault = ({ url }) =>
      url.endsWith('/v2/')
        ? new Response(null, { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } })
        : undefined
    await pointerOf(open(env))
    expect(seen.at(-1)?.authorization).toBe(expected)
  })
})

describe('POLICY_STORE', () => {
  it.each(['s3://bucket/a', 'oci://', 'oci://host', 'dir:/policy', 'registry.internal/policy'])('is not %s', (text) => {
    expect(() => open({ POLICY_STORE: text })).toThrow('POLICY_STORE must be of the form oci://host/repository:tag')
  })

  it('is the binding POLICY where it is absent', () => {
    const POLICY = { get: async () => null }
    expect(policyStoreOf({ POLICY })).toBe(POLICY)
    expect(() => policyStoreOf({})).toThrow('there is neither the binding POLICY nor POLICY_STORE')
  })
})
