import { runInDurableObject } from 'cloudflare:test'
import { env as bindings } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { catchLog, errorOf, roleFor } from '../gate-world.ts'
import {
  digestOf,
  indexOf,
  MANIFEST_TYPE,
  manifestOf,
  type ProtectedWorld,
  protectedWorld,
  quarantine,
  tokenKey,
  writeOnce,
} from './world.ts'

afterEach(() => vi.restoreAllMocks())

const ONE = manifestOf('quarantined')
const one = await digestOf(ONE)
const PATH = '/v2/stable/app/manifests'
const ATTRIBUTES = `/acr/v1/stable/app/_manifests/${one}`

/** `reader` may read what is in quarantine, and nothing else. `quarantine` may release and reject. */
const assignments = [roleFor('nobody', 'AcrQuarantineReader')]

function worldWith(...protections: Parameters<typeof protectedWorld>[0]): ProtectedWorld {
  const world = protectedWorld(protections, { assignments })
  world.nowMs = Date.now()
  return world
}

const pull = (world: ProtectedWorld, reference: string, as = 'admin', method = 'GET') =>
  world.call(method, `${PATH}/${reference}`, { as, headers: { accept: MANIFEST_TYPE } })
const decide = (world: ProtectedWorld, state: string, digest = one, as = 'quarantine') =>
  world.call('PATCH', `/acr/v1/stable/app/_manifests/${digest}`, {
    as,
    body: JSON.stringify({ quarantineState: state, quarantineDetails: '{"by":"a scanner"}' }),
  })

describe('a manifest in quarantine', () => {
  it.each(['GET', 'HEAD'])('by tag is not found: %s', async (method) => {
    const world = worldWith(quarantine())
    expect((await world.push('v1', ONE)).status).toBe(201)
    const answer = await pull(world, 'v1', 'admin', method)
    expect(answer.status).toBe(404)
    if (method === 'HEAD') return
    expect(await errorOf(answer)).toEqual({
      code: 'MANIFEST_UNKNOWN',
      message: 'the image is in quarantine: it is not released yet',
    })
  })

  it.each(['GET', 'HEAD'])('by digest is denied, and the registry sees no pull: %s', async (method) => {
    const world = worldWith(quarantine(7 * 86_400))
    await world.push('v1', ONE)
    world.seen.length = 0
    const answer = await pull(world, one, 'admin', method)
    expect(answer.status).toBe(403)
    expect(world.seen).toEqual([])
    expect(world.records.at(-1)).toMatchObject({ decision: 'deny', rule: 'protection waits', reason: 'quarantined' })
    if (method === 'HEAD') return
    expect(await errorOf(answer)).toEqual({
      code: 'DENIED',
      message: 'the image is in quarantine: it is not released yet, and will be in 7 days',
      detail: { reason: 'quarantined', protection: 'waits', state: 'pending', secondsLeft: expect.any(Number) },
    })
  })

  it('has the message of the protection', async () => {
    const world = worldWith(quarantine(undefined, { message: 'Ask the scanner.' }))
    await world.push('v1', ONE)
    for (const reference of ['v1', one]) {
      expect((await errorOf(await pull(world, reference))).message).toBe('Ask the scanner.')
    }
  })

  it.each(['v1', one])('that the gate has never seen is held back: %s', async (reference) => {
    const world = worldWith(quarantine(60))
    await world.registry.put('v1', ONE)
    expect((await pull(world, reference)).status).toBeGreaterThanOrEqual(403)
    world.nowMs += 61_000
    expect((await pull(world, reference)).status).toBe(200)
  })

  it.each(['v1', one])('is pulled by a caller with quarantine/read: %s', async (reference) => {
    const world = worldWith(quarantine())
    await world.push('v1', ONE)
    for (const method of ['GET', 'HEAD']) expect((await pull(world, reference, 'nobody', method)).status).toBe(200)
    for (const path of [`/v2/stable/app/blobs/${one}`, '/v2/stable/app/tags/list']) {
      expect((await world.call('GET', path, { as: 'nobody' })).status).toBeLessThan(400)
    }
  })

  it.each([
    ['GET', `/v2/other/app/manifests/v1`],
    ['GET', `/v2/other/app/blobs/${one}`],
    ['PUT', `${PATH}/v2`],
    ['DELETE', `${PATH}/v1`],
    ['POST', '/v2/stable/app/blobs/uploads/'],
    ['PATCH', ATTRIBUTES],
    ['DELETE', '/acr/v1/stable/app'],
  ])('gives a caller with quarantine/read no right for %s %s', async (method, path) => {
    const world = worldWith(quarantine())
    await world.push('v1', ONE)
    world.seen.length = 0
    const answer = await world.call(method, path, { as: 'nobody', ...(method === 'GET' ? {} : { body: ONE }) })
    expect([answer.status, world.seen]).toEqual([403, []])
  })

  it('is held back by the other algorithm of its digest too', async () => {
    const world = worldWith(quarantine())
    await world.push('v1', ONE)
    const other = await digestOf(ONE, 'sha512')
    world.registry.manifests.set(other, ONE)
    expect((await pull(world, other)).status).toBe(403)
    await decide(world, 'Passed')
    expect((await pull(world, other)).status).toBe(200)
  })

  it('is held back also if the registry does not name its digest', async () => {
    const world = worldWith(quarantine())
    await world.push('v1', ONE)
    world.registry.strip = true
    expect((await pull(world, 'v1')).status).toBe(404)
    expect((await pull(world, 'v1', 'admin', 'HEAD')).status).toBe(404)
    await decide(world, 'Passed')
    expect(await (await pull(world, 'v1')).text()).toBe(ONE)
    expect((await pull(world, 'v1', 'admin', 'HEAD')).status).toBe(200)
  })

  it('is held back also if it is pushed while somebody pulls it', async () => {
    const world = worldWith(quarantine())
    let pulls = 0
    world.registry.fault = async ({ method }) => {
      if (method !== 'GET' || pulls > 0) return undefined
      pulls++
      const answer = new Response(null, { status: 404 })
      await world.push('v1', ONE)
      return answer
    }
    expect((await pull(world, one)).status).toBe(404)
    expect((await pull(world, one)).status).toBe(403)
  })

  it('by tag is held back also if the registry does not have it by digest any more', async () => {
    const world = worldWith(quarantine())
    await world.registry.put('v1', ONE)
    world.registry.fault = ({ url }) => (url.endsWith(one) ? new Response(null, { status: 404 }) : undefined)
    expect((await pull(world, 'v1')).status).toBe(404)
    expect((await pull(world, 'v1', 'admin', 'HEAD')).status).toBe(404)
  })

  it('is no obstacle to what the registry does not have', async () => {
    const world = worldWith(quarantine())
    expect((await pull(world, 'v9')).status).toBe(404)
    expect((await pull(world, one)).status).toBe(404)
  })
})

describe('a decision about a manifest in quarantine', () => {
  it('releases it, and the registry does not see the decision', async () => {
    const world = worldWith(quarantine())
    await world.push('v1', ONE)
    const before = world.seen.length
    const answer = await decide(world, 'Passed')
    expect([answer.status, await answer.json()]).toEqual([
      200,
      {
        registry: 'registry.example.com',
        imageName: 'stable/app',
        manifest: {
          digest: one,
          imageSize: 0,
          mediaType: MANIFEST_TYPE,
          createdTime: expect.any(String),
          lastUpdateTime: expect.any(String),
          quarantineState: 'Passed',
          quarantineDetails: '{"by":"a scanner"}',
          changeableAttributes: {
            deleteEnabled: true,
            writeEnabled: true,
            listEnabled: true,
            readEnabled: true,
            quarantineState: 'Passed',
            quarantineDetails: '{"by":"a scanner"}',
          },
        },
      },
    ])
    expect(world.seen.slice(before).filter(({ method }) => method !== 'GET')).toEqual([])
    for (const reference of ['v1', one]) expect((await pull(world, reference)).status).toBe(200)
  })

  it('rejects it for ever, whatever its age and whoever pushes it again', async () => {
    const world = worldWith(quarantine(60, { except: [tokenKey('admin')] }))
    await world.registry.put('v1', ONE)
    await decide(world, 'Failed')
    world.nowMs += 3_600_000
    expect((await world.push('v1', ONE)).status).toBe(201)
    expect((await errorOf(await pull(world, one))).detail).toMatchObject({ state: 'failed' })
    expect((await pull(world, 'v1')).status).toBe(404)
  })

  it('takes a release back', async () => {
    const world = worldWith(quarantine())
    await world.push('v1', ONE)
    await decide(world, 'Passed')
    await decide(world, 'Failed')
    expect((await pull(world, one)).status).toBe(403)
  })

  it('about an index releases what the index lists, but for what was rejected', async () => {
    const world = worldWith(quarantine())
    const other = manifestOf('rejected')
    const rejected = await world.registry.put(await digestOf(other), other)
    await world.registry.put(one, ONE)
    const inner = indexOf(one)
    await world.registry.put(await digestOf(inner), inner)
    const outer = indexOf(await digestOf(inner), rejected)
    await world.push('v1', outer)
    await decide(world, 'Failed', rejected)
    expect((await pull(world, one)).status).toBe(403)
    await decide(world, 'Passed', await digestOf(outer))
    for (const digest of [one, await digestOf(inner), await digestOf(outer)]) {
      expect((await pull(world, digest)).status).toBe(200)
    }
    expect((await pull(world, rejected)).status).toBe(403)
  })

  it.each<[string, string, string, number]>([
    ['admin', ATTRIBUTES, '{"quarantineState":"Passed"}', 403],
    ['nobody', ATTRIBUTES, '{"quarantineState":"Passed"}', 403],
    ['locker', ATTRIBUTES, '{"quarantineState":"Passed"}', 403],
    ['quarantine', ATTRIBUTES, '{"quarantineState":"Released"}', 400],
    ['quarantine', ATTRIBUTES, '{"quarantineState":true}', 400],
    ['quarantine', ATTRIBUTES, '{"quarantineDetails":"x"}', 400],
    ['quarantine', ATTRIBUTES, '{"quarantineState":"Passed","quarantineDetails":{}}', 400],
    ['quarantine', ATTRIBUTES, '{"QuarantineState":"Passed"}', 400],
    ['quarantine', ATTRIBUTES, '[]', 400],
    ['quarantine', '/acr/v1/stable/app/_tags/v1', '{"quarantineState":"Passed"}', 400],
    ['quarantine', '/acr/v1/stable/app', '{"quarantineState":"Passed"}', 400],
    ['quarantine', ATTRIBUTES.replace(one, `sha256:${'0'.repeat(64)}`), '{"quarantineState":"Passed"}', 404],
  ])('by %s on %s with %s is %i, and releases nothing', async (as, path, body, status) => {
    const world = worldWith(quarantine())
    await world.push('v1', ONE)
    expect((await world.call('PATCH', path, { as, body })).status).toBe(status)
    expect((await pull(world, one)).status).toBe(403)
  })

  it('goes to the registry where no quarantine covers the repository', async () => {
    const world = worldWith(writeOnce())
    const body = '{"quarantineState":"Passed"}'
    await world.call('PATCH', ATTRIBUTES, { as: 'quarantine', body })
    expect(world.seen).toMatchObject([{ method: 'PATCH', body }])
  })
})

describe('the attributes of manifests in quarantine', () => {
  const states = async (world: ProtectedWorld, as: string): Promise<unknown> => {
    const answer = await world.call('GET', '/acr/v1/stable/app/_manifests', { as })
    if (answer.status !== 200) return answer.status
    const { manifests } = (await answer.json()) as { manifests: { digest: string; quarantineState?: string }[] | null }
    return manifests?.map(({ digest, quarantineState }) => [digest, quarantineState])
  }

  it.each(['nobody', 'admin'])('say the state, to %s', async (as) => {
    const world = worldWith(quarantine())
    const other = manifestOf('rejected')
    await world.push('v1', ONE)
    const rejected = await world.registry.put('v2', other)
    await decide(world, 'Failed', rejected)
    const all = [
      [one, 'Pending'],
      [rejected, 'Failed'],
    ].sort()
    expect(await states(world, as)).toEqual(all)
    await decide(world, 'Passed')
    const answer = await world.call('GET', ATTRIBUTES, { as })
    expect(await answer.json()).toMatchObject({
      manifest: { digest: one, quarantineState: 'Passed', quarantineDetails: '{"by":"a scanner"}', tags: ['v1'] },
    })
  })

  it('list a manifest that no tag names', async () => {
    const world = worldWith(quarantine())
    await world.push(one, ONE)
    expect(await states(world, 'nobody')).toEqual([[one, 'Pending']])
  })

  it('say that a manifest is released by age', async () => {
    const world = worldWith(quarantine(60))
    await world.push('v1', ONE)
    world.nowMs += 61_000
    expect(await states(world, 'nobody')).toEqual([[one, 'Passed']])
  })

  it('say nothing of a signature', async () => {
    const world = worldWith(quarantine())
    const text = JSON.stringify({
      schemaVersion: 2,
      config: { mediaType: 'x/y' },
      layers: [],
      subject: { digest: one },
    })
    const digest = await world.registry.put('sig', text)
    expect(await states(world, 'nobody')).toEqual([[digest, undefined]])
  })

  it.each(['catalog', 'writer', 'off'])('are not shown to %s', async (as) => {
    const world = worldWith(quarantine())
    await world.push('v1', ONE)
    world.seen.length = 0
    expect(await states(world, as)).not.toBe(200)
    expect([401, 403]).toContain((await world.call('GET', ATTRIBUTES, { as })).status)
    expect(world.seen).toEqual([])
  })

  it('come from the registry where there is no quarantine', async () => {
    const world = worldWith(writeOnce())
    await world.call('GET', ATTRIBUTES, { as: 'admin' })
    expect(world.seen.map(({ url }) => new URL(url).pathname)).toEqual([ATTRIBUTES])
    expect((await world.call('GET', ATTRIBUTES, { as: 'nobody' })).status).toBe(403)
  })
})

describe('a release by age', () => {
  it('counts from when the gate first saw the digest', async () => {
    const world = worldWith(quarantine(3600))
    await world.push('v1', ONE)
    world.nowMs += 3_500_000
    expect((await errorOf(await pull(world, one))).message).toMatch(/and will be in \d minutes?$/)
    await world.push('v1', ONE)
    await world.push('v2', ONE)
    world.nowMs += 200_000
    for (const reference of ['v1', 'v2', one]) expect((await pull(world, reference)).status).toBe(200)
  })

  it('does not count pushes that the registry refused', async () => {
    const world = worldWith(quarantine(3600))
    world.registry.fault = ({ method }) => (method === 'PUT' ? new Response(null, { status: 400 }) : undefined)
    await world.push('v1', ONE)
    world.registry.fault = () => undefined
    await runInDurableObject(bindings.STATE.getByName(world.objectName), (_object, { storage }) => {
      expect(storage.sql.exec('SELECT first_seen FROM quarantine').one()).toEqual({ first_seen: null })
    })
    await world.registry.put('v1', ONE)
    const { detail } = await errorOf(await pull(world, one))
    expect(detail).toMatchObject({ state: 'pending', secondsLeft: expect.any(Number) })
    world.nowMs += 3_700_000
    expect((await pull(world, one)).status).toBe(200)
  })

  it('needs the age of each protection', async () => {
    const world = worldWith(quarantine(60), quarantine(7200, { name: 'longer' }))
    await world.push('v1', ONE)
    world.nowMs += 3_600_000
    expect((await pull(world, one)).status).toBe(403)
    world.nowMs += 3_700_000
    expect((await pull(world, one)).status).toBe(200)
  })

  it('never comes if one protection has none', async () => {
    const world = worldWith(quarantine(60), quarantine(undefined, { name: 'never' }))
    await world.push('v1', ONE)
    world.nowMs += 1e12
    expect((await pull(world, one)).status).toBe(403)
  })
})

describe('what a quarantine does not hold back', () => {
  it('is what a caller in the exceptions pushes', async () => {
    const world = worldWith(quarantine(undefined, { except: [tokenKey('admin')] }))
    await world.push('v1', ONE)
    for (const reference of ['v1', one]) expect((await pull(world, reference)).status).toBe(200)
  })

  it('is not what such a caller fails to push', async () => {
    const world = worldWith(quarantine(undefined, { except: [tokenKey('admin')] }))
    await world.registry.put('v1', ONE)
    world.registry.fault = ({ method }) => (method === 'PUT' ? new Response(null, { status: 400 }) : undefined)
    await world.push('v1', ONE)
    expect((await pull(world, one)).status).toBe(403)
  })

  const EMPTY = { mediaType: 'application/vnd.oci.empty.v1+json', digest: one, size: 2 }
  const attached = (more: object) =>
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      layers: [],
      subject: { digest: one, size: 1 },
      ...more,
    })

  it('is a manifest that is attached to another one', async () => {
    const world = worldWith(quarantine())
    const text = attached({ artifactType: 'application/vnd.example.report', config: EMPTY })
    await world.push(await digestOf(text), text)
    expect((await pull(world, await digestOf(text))).status).toBe(200)
  })

  it.each([
    ['an image', { config: { mediaType: 'application/vnd.oci.image.config.v1+json' } }],
    ['a Docker image', { config: { mediaType: 'application/vnd.docker.container.image.v1+json' } }],
    ['an index', { manifests: [] }],
    ['without a configuration', { config: undefined }],
    ['with a configuration without a type', { config: { digest: one } }],
    ['without a digest', { subject: {} }],
    ['with a subject that is text', { subject: one, config: EMPTY }],
  ])('is not one that runs, or is attached to nothing: %s', async (_what, more) => {
    const world = worldWith(quarantine())
    const text = attached(more)
    await world.push(await digestOf(text), text)
    expect((await pull(world, await digestOf(text))).status).toBe(403)
  })

  it.each([
    ['GET', '/v2/stable/app/tags/list'],
    ['GET', `/v2/stable/app/blobs/${one}`],
    ['GET', '/v2/samples/app/manifests/v1'],
    ['PUT', '/v2/samples/app/manifests/v1'],
  ])('%s %s does not call the state', async (method, path) => {
    const getByName = vi.fn()
    const world = protectedWorld([quarantine()], { env: { STATE: { getByName } } })
    await world.call(method, path, { as: 'admin', ...(method === 'PUT' ? { body: ONE } : {}) })
    expect(getByName).not.toHaveBeenCalled()
  })

  it('refuses nothing if it is only audited, and the record names it', async () => {
    const world = worldWith(quarantine(undefined, { mode: 'audit' }))
    await world.push('v1', ONE)
    for (const reference of ['v1', one]) {
      expect((await pull(world, reference)).status).toBe(200)
      expect(world.records.at(-1)).toMatchObject({ decision: 'allow', audit: ['waits'] })
    }
  })
})

describe('a manifest with keys in other letters', () => {
  const IMAGE = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: one, size: 2 }
  const EMPTY = { mediaType: 'application/vnd.oci.empty.v1+json', digest: one, size: 2 }
  const subject = { digest: one, size: 1 }
  it.each([
    { subject, config: EMPTY, Config: IMAGE },
    { subject, config: { ...EMPTY, MediaType: IMAGE.mediaType } },
    { subject, config: EMPTY, Manifests: [] },
    { Subject: subject, config: EMPTY },
    { subject: { Digest: one }, config: EMPTY },
    { subject, config: EMPTY, ſubject: subject, conﬁg: IMAGE, MEDIATYPE: 'x' },
  ])('is not pushed into a quarantine: %j', async (manifest) => {
    const world = worldWith(quarantine())
    const text = JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST_TYPE, layers: [], ...manifest })
    expect((await world.push(await digestOf(text), text)).status).toBe(400)
    expect(world.seen).toEqual([])
  })

  it('is not pulled from one', async () => {
    catchLog()
    const world = worldWith(quarantine())
    const text = JSON.stringify({ schemaVersion: 2, layers: [], subject, config: EMPTY, Config: IMAGE })
    const digest = await world.registry.put('v1', text)
    for (const reference of ['v1', digest]) expect((await pull(world, reference)).status).toBe(502)
  })
})

describe('a part of a manifest', () => {
  it('without its digest is not given', async () => {
    const world = worldWith(quarantine())
    await world.push('v1', ONE)
    await decide(world, 'Passed')
    world.registry.strip = true
    world.registry.fault = ({ method }) => (method === 'GET' ? new Response('part', { status: 206 }) : undefined)
    expect((await pull(world, 'v1')).status).toBe(404)
  })
})

describe('a quarantine and a write-once protection', () => {
  it('hold together', async () => {
    const world = worldWith(quarantine(), writeOnce())
    expect((await world.push('v1', ONE)).status).toBe(201)
    expect((await world.push('v1', manifestOf('another'))).status).toBe(403)
    expect((await pull(world, 'v1')).status).toBe(404)
    await decide(world, 'Passed')
    expect((await pull(world, 'v1')).status).toBe(200)
  })
})

describe('a state that cannot be used', () => {
  it.each([
    ['GET', `${PATH}/v1`],
    ['GET', `${PATH}/${one}`],
    ['PUT', `${PATH}/v1`],
    ['PATCH', ATTRIBUTES],
  ])('answers %s %s with 503', async (method, path) => {
    const log = catchLog()
    const world = protectedWorld([quarantine()], { env: {} })
    await world.registry.put('v1', ONE)
    const body = method === 'PATCH' ? '{"quarantineState":"Passed"}' : ONE
    const as = method === 'PATCH' ? 'quarantine' : 'admin'
    const answer = await world.call(method, path, { as, ...(method === 'GET' ? {} : { body }) })
    expect([answer.status, (await errorOf(answer)).code]).toEqual([503, 'UNAVAILABLE'])
    expect(log.lines()).toContain('"fault":"state_unavailable"')
    expect(world.seen.filter((each) => each.method === 'PUT' || each.method === 'PATCH')).toEqual([])
  })

  it('keeps its records over a restart, at the newest version of its tables', async () => {
    const world = worldWith(quarantine())
    await world.push('v1', ONE)
    await decide(world, 'Passed')
    const object = bindings.STATE.getByName(world.objectName)
    await runInDurableObject(object, (_object, { storage }) => {
      expect(storage.sql.exec('SELECT max(version) AS version FROM migrations').one()).toEqual({ version: 4 })
    })
    expect((await pull(world, one)).status).toBe(200)
  })
})
