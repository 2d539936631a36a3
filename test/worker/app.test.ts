import { createExecutionContext } from 'cloudflare:test'
import { Hono } from 'hono'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createApp } from '../../src/worker/app.ts'
import { createHealth } from '../../src/worker/health.ts'
import worker from '../../src/worker/index.ts'
import { Fault } from '../../src/worker/platform/fault.ts'
import { catchLog, errorOf, GATE, NOW_MS, testEnv } from './gate-world.ts'

afterEach(() => vi.restoreAllMocks())

const healthOf = (ready: boolean) =>
  createApp(
    createHealth({
      policy: () => Promise.reject(new Fault('policy_unavailable', 'none')),
      status: () => ({ ready, serial: 7, bounds: { refreshSeconds: 10 } }),
      nowMs: () => NOW_MS,
    }),
  )

const ask = (app: ReturnType<typeof createApp>, path: string, init?: RequestInit) =>
  app.fetch(new Request(`${GATE}${path}`, init), testEnv(), createExecutionContext())

describe('health', () => {
  it.each([
    ['/livez', true, 200],
    ['/livez', false, 200],
    ['/readyz', true, 200],
    ['/readyz', false, 503],
  ])('%s with a policy: %s is %i', async (path, ready, status) => {
    const response = await ask(healthOf(ready), path)
    expect([response.status, response.headers.get('cache-control')]).toEqual([status, 'private, no-store'])
    if (path === '/readyz') expect(await response.json()).toEqual({ ready, serial: 7, bounds: { refreshSeconds: 10 } })
  })
})

describe('the shell', () => {
  it.each([
    ['GET', '/'],
    ['GET', '/v2'],
    ['GET', '//v2/samples/app/manifests/v1'],
    ['GET', '/%76%32/samples/app/manifests/v1'],
    ['GET', '/V2/'],
    ['GET', '/v1/_ping'],
    ['GET', '/acr/v2/_catalog'],
    ['GET', '/livez/'],
    ['POST', '/livez'],
    ['DELETE', '/readyz'],
    ['PUT', '/x/v2/samples/app/manifests/v1'],
    ['GET', '/debug/vars'],
  ])('%s %s is 404 in the form that registry clients read', async (method, path) => {
    const spy = vi.spyOn(globalThis, 'fetch')
    const response = await worker.fetch(new Request(`${GATE}${path}`, { method }), testEnv(), createExecutionContext())
    expect(response.status).toBe(404)
    expect((await errorOf(response)).code).toBe('UNSUPPORTED')
    expect(spy).not.toHaveBeenCalled()
  })

  it.each([
    [new Fault('policy_unavailable', 'no policy'), 503],
    [new Fault('issuer_unavailable', 'no keys'), 503],
    [new Error('secret inside'), 500],
  ])('%s is told as JSON, without its text', async (error, status) => {
    catchLog()
    const failing = new Hono<{ Bindings: ReturnType<typeof testEnv> }>()
    failing.get('/token', () => {
      throw error
    })
    const response = await ask(createApp(failing), '/token')
    expect(response.status).toBe(status)
    const { code, message } = await errorOf(response)
    expect([code, message.includes('secret')]).toEqual(['UNAVAILABLE', false])
  })
})

describe('the Worker without a policy', () => {
  it.each([
    ['GET', '/v2/'],
    ['GET', '/v2/public/base/manifests/v1'],
    ['PUT', '/v2/samples/app/manifests/v1'],
    ['GET', '/v2/_catalog'],
    ['GET', '/acr/v1/samples/app'],
  ])('%s %s is 503, and not forwarded', async (method, path) => {
    catchLog()
    const spy = vi.spyOn(globalThis, 'fetch')
    const response = await worker.fetch(new Request(`${GATE}${path}`, { method }), testEnv(), createExecutionContext())
    expect([response.status, (await errorOf(response)).code]).toEqual([503, 'UNAVAILABLE'])
    expect(response.headers.get('retry-after')).toBe('5')
    expect(spy).not.toHaveBeenCalled()
  })

  it('is alive and not ready', async () => {
    catchLog()
    const get = async (path: string) =>
      (await worker.fetch(new Request(`${GATE}${path}`), testEnv(), createExecutionContext())).status
    expect([await get('/livez'), await get('/readyz')]).toEqual([200, 503])
  })
})
