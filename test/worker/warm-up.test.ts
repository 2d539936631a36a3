import { createExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { warmUp } from '../../src/worker/warm-up.ts'

afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

describe('the warm-up', () => {
  it('goes all the way, and reaches nobody', async () => {
    const fetched = vi.fn()
    vi.stubGlobal('fetch', fetched)
    const log = vi.spyOn(console, 'log')
    const error = vi.spyOn(console, 'error')
    const read = vi.spyOn(env.POLICY, 'get')
    expect(await warmUp()).toBe(200)
    for (const used of [fetched, log, error, read]) expect(used).not.toHaveBeenCalled()
  })

  it('that fails keeps nobody from being answered', async () => {
    vi.spyOn(crypto.subtle, 'generateKey').mockRejectedValue(new Error('not allowed here'))
    await expect(warmUp()).rejects.toThrow('not allowed here')
    vi.resetModules()
    const { default: worker } = await import('../../src/worker/index.ts')
    const ctx = createExecutionContext()
    const answer = await worker.fetch(
      new Request('https://gate.example/livez'),
      { ...env, POLICY_PUBLIC_KEYS: '', TOKEN_SIGNING_KEY: '' },
      ctx,
    )
    expect(answer.status).toBe(200)
  })
})
