import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LOCAL_NAMESPACE_ID, wranglerKv } from '../../src/cli/wrangler-kv.ts'

/** A Worker that answers with what KV holds under the name in the path. */
const ECHO = `export default {
  async fetch(request, env) {
    const value = await env.POLICY.get(decodeURIComponent(new URL(request.url).pathname.slice(1)), { cacheTtl: 30 })
    return new Response(value, { status: value === null ? 404 : 200 })
  },
}`

describe('wrangler', { timeout: 120_000 }, () => {
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

  it('writes what a running gate reads from the same state folder', async () => {
    const kv = wranglerKv({ kind: 'local', stateDirectory: state })
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
    await kv.deleteAll(['sha256:aa'])
    expect(await seen('sha256:aa')).toBeUndefined()
  })

  it('that fails is an outside system that failed, in its own words', async () => {
    const kv = wranglerKv({ kind: 'local', stateDirectory: '/dev/null/nowhere' })
    await expect(kv.put('pointer', 'value')).rejects.toMatchObject({
      status: 3,
      message: expect.stringContaining('writing pointer'),
      hint: expect.any(String),
    })
  })
})
