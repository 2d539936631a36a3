/** What each call of wrangler is given, seen by a program that takes its place and ends at once. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { wranglerKv } from '../../../src/cli/bundles/wrangler-kv.ts'

it('wrangler is not given the key that signs bundles, in any call', { timeout: 120_000 }, async () => {
  const state = await mkdtemp(join(tmpdir(), 'dockgate-test-'))
  const seen = join(state, 'environments')
  const report = `import { appendFileSync } from 'node:fs'
appendFileSync(${JSON.stringify(seen)}, JSON.stringify({ ...process.env, args: process.argv }) + '\\n')
process.exit(0)`
  vi.stubEnv('NODE_OPTIONS', `--import data:text/javascript,${encodeURIComponent(report)}`)
  vi.stubEnv('DOCKGATE_SIGNING_KEY', '{"kty":"OKP","d":"the-private-half"}')
  vi.stubEnv('CLOUDFLARE_API_TOKEN', 'what-wrangler-needs')
  try {
    for (const target of [{ binding: 'POLICY' }, { binding: 'POLICY', namespaceId: '0'.repeat(32) }]) {
      const kv = wranglerKv(target)
      await kv.get('pointer')
      await kv.put('pointer', 'value')
      await kv.putAll([{ key: 'a', value: 'b' }])
      await kv.deleteAll(['a'])
      await expect(kv.list('')).rejects.toMatchObject({ status: 3 })
      await expect(kv.getAll(['a'])).rejects.toMatchObject({ status: 3 })
    }
  } finally {
    vi.unstubAllEnvs()
  }
  const text = await readFile(seen, 'utf8')
  await rm(state, { recursive: true })
  expect(text.trim().split('\n').length).toBe(12)
  expect(text).toContain('what-wrangler-needs')
  expect(text).not.toMatch(/DOCKGATE_SIGNING_KEY|the-private-half/)
})
