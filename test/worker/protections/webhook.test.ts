import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env as bindings } from 'cloudflare:workers'
import { createHmac } from 'node:crypto'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { RepositoryState } from '../../../src/worker/protections/state/repository-state.ts'
import type { WebhookEnv } from '../../../src/worker/protections/state/webhook.ts'
import { catchLog } from '../gate-world.ts'
import {
  digestOf,
  MANIFEST_TYPE,
  manifestOf,
  type ProtectedWorld,
  protectedWorld,
  quarantine,
  stateOf,
  tokenKey,
} from './world.ts'

afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

const URL_OF_HOOK = 'https://scanner.example/hook?key=secret-in-the-url'
const SECRET = 'the secret of the webhook'
const ONE = manifestOf('announced')

type Delivery = { readonly url: string; readonly body: string; readonly signature: string | null }

/** Runs the outbox of a world's object with an environment, and answers each delivery with the next of the statuses. */
async function deliver(
  world: ProtectedWorld,
  statuses: readonly (number | 'fails')[],
  env: WebhookEnv = { QUARANTINE_WEBHOOK: URL_OF_HOOK, QUARANTINE_WEBHOOK_SECRET: SECRET },
): Promise<readonly Delivery[]> {
  const left = [...statuses]
  const deliveries: Delivery[] = []
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    const signature = new Headers(init.headers).get('x-dockgate-signature')
    deliveries.push({ url, body: String(init.body), signature })
    const status = left.shift() ?? 200
    if (status === 'fails') throw new Error(`${URL_OF_HOOK} cannot be reached`)
    return new Response(null, { status })
  })
  await runInDurableObject(bindings.STATE.getByName(world.objectName), async (_object, ctx) => {
    await new RepositoryState(ctx, env).alarm()
  })
  return deliveries
}

/** Lets time pass until the next event is due. */
const wait = (world: ProtectedWorld, ms: number) =>
  runInDurableObject(bindings.STATE.getByName(world.objectName), (_object, { storage }) => {
    storage.sql.exec('UPDATE outbox SET due = due - ?, created = created - ?', ms, ms)
  })
const waiting = (world: ProtectedWorld) =>
  runInDurableObject(bindings.STATE.getByName(world.objectName), (_object, { storage }) =>
    storage.sql.exec<{ id: string; inMs: number }>(`SELECT id, due - ${Date.now()} AS inMs FROM outbox`).toArray(),
  )

function worldWith(...protections: Parameters<typeof protectedWorld>[0]): ProtectedWorld {
  return protectedWorld(protections, { env: { STATE: stateOf(bindings), QUARANTINE_WEBHOOK: URL_OF_HOOK } })
}

describe('the webhook of a quarantine', () => {
  it("gets Azure's event, signed", async () => {
    const world = worldWith(quarantine())
    await world.push('v1', ONE)
    const [delivery, ...others] = await deliver(world, [200])
    expect(others).toEqual([])
    expect(delivery?.url).toBe(URL_OF_HOOK)
    const size = new TextEncoder().encode(ONE).byteLength
    expect(JSON.parse(delivery?.body ?? '')).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      timestamp: new Date(world.nowMs).toISOString(),
      action: 'quarantine',
      target: {
        mediaType: MANIFEST_TYPE,
        size,
        digest: await digestOf(ONE),
        length: size,
        repository: 'stable/app',
        tag: 'v1',
      },
      request: { id: expect.any(String), host: 'registry.example.com', method: 'PUT' },
    })
    const expected = createHmac('sha256', SECRET)
      .update(delivery?.body ?? '')
      .digest('hex')
    expect(delivery?.signature).toBe(`sha256=${expected}`)
    expect(await waiting(world)).toEqual([])
  })

  it('has an alarm as soon as something waits', async () => {
    catchLog()
    const world = worldWith(quarantine())
    await world.push('v1', ONE)
    expect(await runDurableObjectAlarm(bindings.STATE.getByName(world.objectName))).toBe(true)
  })

  it.each([400, 401, 404, 302, 429, 500, 503, 'fails' as const])(
    'gets the same event again after %s, the first time within 30 s',
    async (status) => {
      const log = catchLog()
      const world = worldWith(quarantine())
      await world.push('v1', ONE)
      const [first] = await deliver(world, [status])
      const [row] = await waiting(world)
      expect(row?.inMs).toBeGreaterThan(0)
      expect(row?.inMs).toBeLessThanOrEqual(30_000)
      expect(await deliver(world, [200])).toEqual([])
      await wait(world, 30_000)
      expect(await deliver(world, [200])).toEqual([first])
      expect(log.lines()).toContain('"kind":"webhook"')
      expect(log.lines()).not.toContain('secret')
    },
  )

  it('waits longer each time, and an hour at most', async () => {
    catchLog()
    const world = worldWith(quarantine())
    await world.push('v1', ONE)
    const delays: number[] = []
    for (let attempt = 0; attempt < 10; attempt++) {
      await deliver(world, [500])
      const [row] = await waiting(world)
      delays.push(Math.round((row?.inMs ?? 0) / 1000))
      await wait(world, row?.inMs ?? 0)
    }
    expect(delays).toEqual([15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600])
  })

  it('gives up after 24 hours, and says so', async () => {
    const log = catchLog()
    const world = worldWith(quarantine())
    await world.push('v1', ONE)
    await wait(world, 24 * 3_600_000)
    expect((await deliver(world, [500])).length).toBe(1)
    expect(await waiting(world)).toEqual([])
    expect(log.lines()).toContain('"gaveUp":true')
  })

  it.each<[string, WebhookEnv]>([
    ['the secret', { QUARANTINE_WEBHOOK: URL_OF_HOOK }],
    ['the URL', { QUARANTINE_WEBHOOK_SECRET: SECRET }],
    ['a secret that is not empty', { QUARANTINE_WEBHOOK: URL_OF_HOOK, QUARANTINE_WEBHOOK_SECRET: '' }],
  ])('gets nothing without %s, and the event waits', async (_what, env) => {
    const log = catchLog()
    const world = worldWith(quarantine())
    await world.push('v1', ONE)
    expect(await deliver(world, [200], env)).toEqual([])
    expect((await waiting(world)).length).toBe(1)
    expect(log.lines()).toContain('QUARANTINE_WEBHOOK and QUARANTINE_WEBHOOK_SECRET are not both set')
  })

  it.each<[string, () => Promise<ProtectedWorld>]>([
    [
      'a push that the registry refuses',
      async () => {
        const world = worldWith(quarantine())
        world.registry.fault = ({ method }) => (method === 'PUT' ? new Response(null, { status: 400 }) : undefined)
        await world.push('v1', ONE)
        return world
      },
    ],
    [
      'a push of a trusted caller',
      async () => {
        const world = worldWith(quarantine(undefined, { except: [tokenKey('admin')] }))
        await world.push('v1', ONE)
        return world
      },
    ],
    [
      'a pull',
      async () => {
        const world = worldWith(quarantine())
        await world.registry.put('v1', ONE)
        await world.call('GET', '/v2/stable/app/manifests/v1', { as: 'admin' })
        return world
      },
    ],
    [
      'a gate without the setting',
      async () => {
        const world = protectedWorld([quarantine()])
        await world.push('v1', ONE)
        return world
      },
    ],
  ])('gets nothing for %s', async (_what, run) => {
    const world = await run()
    expect(await deliver(world, [])).toEqual([])
  })
})
