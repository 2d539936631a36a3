import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { LOCAL_NAMESPACE_ID, openLocalKv } from '../../../src/cli/bundles/local-kv.ts'
import { wranglerKv } from '../../../src/cli/bundles/wrangler-kv.ts'

/** A Worker that answers with what KV holds under the name in the path. */
const ECHO = `export default {
  async fetch(request, env) {
    const value = await env.POLICY.get(decodeURIComponent(new URL(request.url).pathname.slice(1)), { cacheTtl: 30 })
    return new Response(value, { status: value === null ? 404 : 200 })
  },
}`

describe('the stores', { timeout: 120_000 }, () => {
  let state: string
  let miniflare: Miniflare
  const seen = async (key: string) => {
    const response = await miniflare.dispatchFetch(`http://gate/${encodeURIComponent(key)}`)
    return response.ok ? response.text() : undefined
  }

  beforeAll(async () => {
    state = await mkdtemp(join(tmpdir(), 'dockgate-test-'))
    miniflare = new Miniflare(
      convertV4MiniflareOptions({
        cf: false,
        resourcePersistencePath: join(state, 'v3'),
        workers: [
          {
            name: 'gate',
            modules: true,
            script: ECHO,
            compatibilityDate: '2026-11-01',
            kvNamespaces: { POLICY: LOCAL_NAMESPACE_ID },
          },
        ],
      }),
    )
    await miniflare.ready
  })
  afterAll(async () => {
    await miniflare.dispose()
    await rm(state, { recursive: true })
  })

  it('the local one writes what a running gate reads from the same state folder', async () => {
    const kv = await openLocalKv(state)
    expect(await seen('pointer')).toBeUndefined()
    expect(await kv.get('pointer')).toBeUndefined()
    await kv.putAll([
      { key: 'sha256:aa', value: '{"token:ci":{}}' },
      { key: 'sha256:bb', value: 'quotes \' " and ünïcode' },
    ])
    await kv.put('pointer', 'first')
    expect(await seen('pointer')).toBe('first')
    await kv.put('pointer', 'second')
    expect(await seen('pointer')).toBe('second')
    expect(await seen('sha256:bb')).toBe('quotes \' " and ünïcode')
    expect(await kv.get('sha256:bb')).toBe('quotes \' " and ünïcode')
    expect(await kv.list('sha256:')).toEqual(['sha256:aa', 'sha256:bb'])
    expect(await kv.getAll(['sha256:aa', 'sha256:bb', 'sha256:cc'])).toEqual(
      new Map([
        ['sha256:aa', '{"token:ci":{}}'],
        ['sha256:bb', 'quotes \' " and ünïcode'],
      ]),
    )
    expect(await kv.getAll([])).toEqual(new Map())
    await kv.deleteAll(['sha256:aa'])
    expect(await seen('sha256:aa')).toBeUndefined()
    await kv.close()
    const again = await openLocalKv(state)
    expect(await again.get('pointer')).toBe('second')
    expect(again.place).toBe(`local KV in ${state}`)
    await again.close()
  })

  it('wrangler reads from an account a hundred values at a time', async () => {
    const asked: string[][] = []
    const api = createServer(async (request, response) => {
      const { keys } = JSON.parse(await text(request)) as { keys: string[] }
      asked.push(keys)
      const values = Object.fromEntries(keys.map((key) => [key, key === 'k7' ? null : `value of ${key}`]))
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ success: request.url?.endsWith('/bulk/get'), errors: [], result: { values } }))
    })
    await new Promise<void>((listening) => api.listen(0, '127.0.0.1', listening))
    const { port } = api.address() as AddressInfo
    vi.stubEnv('CLOUDFLARE_API_BASE_URL', `http://127.0.0.1:${port}/client/v4`)
    vi.stubEnv('CLOUDFLARE_ACCOUNT_ID', '0'.repeat(32))
    vi.stubEnv('CLOUDFLARE_API_TOKEN', 'of-no-account')
    try {
      const kv = wranglerKv({ namespaceId: '1'.repeat(32), binding: 'POLICY' })
      const values = await kv.getAll(Array.from({ length: 101 }, (_, n) => `k${n}`))
      expect(asked.map(({ length }) => length)).toEqual([100, 1])
      expect(values.size).toBe(100)
      expect(values.has('k7')).toBe(false)
      expect(values.get('k100')).toBe('value of k100')
    } finally {
      vi.unstubAllEnvs()
      api.close()
    }
  })

  it('a local one that cannot be opened is an outside system that failed', async () => {
    await expect(openLocalKv('/dev/null/nowhere')).rejects.toMatchObject({
      status: 3,
      message: 'the local KV in /dev/null/nowhere cannot be used',
      hint: 'name another folder with --state, or remove this one and run `dockgate dev` again',
    })
  })
})
