import { env as bindings, runInDurableObject } from 'cloudflare:test'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { catchLog, errorOf } from '../gate-world.ts'
import { digestOf, indexOf, manifestOf, protectedWorld, tokenKey, writeOnce } from './world.ts'

afterEach(() => vi.restoreAllMocks())

const ONE = manifestOf('one')
const TWO = manifestOf('two')
const one = await digestOf(ONE)
const two = await digestOf(TWO)

const PATH = '/v2/stable/app/manifests'
const writes = (world: { readonly seen: readonly { readonly method: string }[] }): number =>
  world.seen.filter(({ method }) => method !== 'GET' && method !== 'HEAD').length

describe('a write-once tag', () => {
  it('is pushed, and pushed again with the same digest', async () => {
    const world = protectedWorld([writeOnce()])
    expect((await world.push('v1', ONE)).status).toBe(201)
    expect((await world.push('v1', ONE)).status).toBe(201)
    expect(world.registry.tags.get('v1')).toBe(one)
  })

  it('is not moved to another digest, and the refusal names the digest', async () => {
    const world = protectedWorld([writeOnce({ message: 'Releases are kept.' })])
    await world.push('v1', ONE)
    const before = writes(world)
    const answer = await world.push('v1', TWO)
    expect([answer.status, await errorOf(answer)]).toEqual([
      403,
      {
        code: 'DENIED',
        message: 'Releases are kept.',
        detail: { reason: 'write_once', protection: 'releases', tag: 'v1', digest: one },
      },
    ])
    expect(writes(world)).toBe(before)
    expect(world.records.at(-1)).toMatchObject({ decision: 'deny', rule: 'protection releases', reason: 'write_once' })
  })

  it('says by itself what to do if the protection has no message', async () => {
    const world = protectedWorld([writeOnce()])
    await world.push('v1', ONE)
    const { message } = await errorOf(await world.push('v1', TWO))
    expect(message).toBe(`the tag v1 keeps its digest ${one}: push another tag`)
  })

  it('that the registry had before the gate saw it keeps its digest', async () => {
    const world = protectedWorld([writeOnce()])
    await world.registry.put('v1', ONE)
    expect((await errorOf(await world.push('v1', TWO))).detail).toMatchObject({ tag: 'v1', digest: one })
    expect((await world.push('v1', ONE)).status).toBe(201)
    expect(writes(world)).toBe(1)
  })

  it('is claimed with all tags of the push, or none is', async () => {
    const world = protectedWorld([writeOnce()])
    await world.push('v1', ONE)
    const headers = { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }
    const answer = await world.call('PUT', `${PATH}/${two}?tag=v2&tag=v1&tag=v3`, { as: 'admin', headers, body: TWO })
    expect(answer.status).toBe(403)
    expect((await world.push('v2', ONE)).status).toBe(201)
    expect((await world.push('v3', ONE)).status).toBe(201)
  })

  const refused: readonly (readonly [what: string, method: string, path: string])[] = [
    ['deleting the tag', 'DELETE', `${PATH}/v1`],
    ['untagging by the metadata API', 'DELETE', '/acr/v1/stable/app/_tags/v1'],
    ['deleting its manifest', 'DELETE', `${PATH}/${one}`],
    ['deleting a second tag, which may delete the manifest', 'DELETE', `${PATH}/latest`],
    ['deleting the repository', 'DELETE', '/acr/v1/stable/app'],
    ['deleting a blob', 'DELETE', `/v2/stable/app/blobs/${two}`],
    ['deleting the manifest as a blob', 'DELETE', `/v2/stable/app/blobs/${one}`],
  ]
  it.each(refused)('is kept against %s', async (_what, method, path) => {
    const world = protectedWorld([writeOnce({ tags: ['v*'] })])
    await world.push('v1', ONE)
    await world.push('latest', ONE)
    const before = writes(world)
    const answer = await world.call(method, path, { as: 'admin' })
    expect([answer.status, (await errorOf(answer)).detail]).toEqual([
      403,
      expect.objectContaining({ reason: 'write_once', protection: 'releases' }),
    ])
    expect(writes(world)).toBe(before)
  })

  it.each(refused)('that the gate has not seen is kept against %s', async (_what, method, path) => {
    const world = protectedWorld([writeOnce({ tags: ['v*'] })])
    await world.registry.put('v1', ONE)
    await world.registry.put('latest', ONE)
    const answer = await world.call(method, path, { as: 'admin' })
    expect([answer.status, (await errorOf(answer)).detail]).toEqual([
      403,
      expect.objectContaining({ reason: 'write_once' }),
    ])
    expect(writes(world)).toBe(0)
  })

  it('keeps the manifests that its index lists, at any depth', async () => {
    const world = protectedWorld([writeOnce()])
    const inner = indexOf(one)
    const outer = indexOf(await digestOf(inner))
    await world.registry.put(one, ONE)
    await world.registry.put(await digestOf(inner), inner)
    expect((await world.push('v1', outer)).status).toBe(201)
    for (const digest of [one, await digestOf(inner), await digestOf(outer)]) {
      expect((await world.call('DELETE', `${PATH}/${digest}`, { as: 'admin' })).status).toBe(403)
    }
    expect(writes(world)).toBe(1)
  })

  it('is kept by the other algorithm of its digest too', async () => {
    const world = protectedWorld([writeOnce()])
    await world.push('v1', ONE)
    const other = await digestOf(ONE, 'sha512')
    world.registry.manifests.set(other, ONE)
    expect((await world.call('DELETE', `${PATH}/${other}`, { as: 'admin' })).status).toBe(403)
  })

  it('is no obstacle to deleting a manifest that no kept tag needs', async () => {
    const world = protectedWorld([writeOnce({ tags: ['v*'] })])
    await world.push('v1', ONE)
    await world.push('latest', TWO)
    expect((await world.call('DELETE', `${PATH}/${two}`, { as: 'admin' })).status).toBe(202)
    expect((await world.push('v2', TWO)).status).toBe(201)
  })

  it('is not looked for among more than 1,000 tags', async () => {
    const world = protectedWorld([writeOnce()])
    for (let count = 0; count < 1001; count++) world.registry.tags.set(`t${count}`, one)
    await world.registry.put(two, TWO)
    const answer = await world.call('DELETE', `${PATH}/${two}`, { as: 'admin' })
    expect([answer.status, (await errorOf(answer)).message]).toEqual([
      403,
      'more than 1,000 tags may need what this deletes: ask a caller that the protection exempts',
    ])
    expect(writes(world)).toBe(0)
  })
})

describe('what a write-once protection does not cover', () => {
  it.each([
    ['a tag of another pattern', '/v2/stable/app/manifests/latest', [writeOnce({ tags: ['v*', 'r?'] })]],
    ['a repository of another pattern', '/v2/samples/app/manifests/v1', [writeOnce()]],
    ['a tag of a signature', `${PATH}/sha256-${'a'.repeat(64)}.sig`, [writeOnce()]],
    ['a tag of the referrers tag schema', `${PATH}/sha256-${'a'.repeat(64)}`, [writeOnce({ tags: ['*'] })]],
    ['a push by digest', `${PATH}/${two}`, [writeOnce()]],
    ['anything where there are no protections', `${PATH}/v1`, []],
  ])('%s is pushed without the state', async (_what, path, protections) => {
    const getByName = vi.fn()
    const world = protectedWorld(protections, { env: { STATE: { getByName } } })
    const headers = { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }
    expect((await world.call('PUT', path, { as: 'admin', headers, body: TWO })).status).toBe(201)
    expect(getByName).not.toHaveBeenCalled()
    expect(world.seen.length).toBe(1)
  })

  it.each(['sha256-*', 'sha256-*.sig'])('a tag of a signature is covered by the pattern %s', async (pattern) => {
    const world = protectedWorld([writeOnce({ tags: [pattern] })])
    const tag = `sha256-${'a'.repeat(64)}.sig`
    await world.push(tag, ONE)
    expect((await world.push(tag, TWO)).status).toBe(403)
  })

  it.each([
    ['GET', `${PATH}/v1`],
    ['HEAD', `${PATH}/${one}`],
    ['GET', '/v2/stable/app/tags/list'],
    ['POST', '/v2/stable/app/blobs/uploads/'],
    ['GET', '/acr/v1/stable/app'],
  ])('%s %s does not call the state', async (method, path) => {
    const getByName = vi.fn()
    const world = protectedWorld([writeOnce()], { env: { STATE: { getByName } } })
    await world.registry.put('v1', ONE)
    await world.call(method, path, { as: 'admin' })
    expect(getByName).not.toHaveBeenCalled()
  })
})

describe('a caller in the exceptions', () => {
  const exempt = [writeOnce({ except: [tokenKey('admin')] })]

  it('moves a tag', async () => {
    const world = protectedWorld(exempt)
    await world.push('v1', ONE)
    expect((await world.push('v1', TWO)).status).toBe(201)
    expect(world.registry.tags.get('v1')).toBe(two)
  })

  it('deletes a tag, which is free after that', async () => {
    const world = protectedWorld(exempt)
    await world.push('v1', ONE)
    expect((await world.call('DELETE', `${PATH}/v1`, { as: 'admin' })).status).toBe(202)
    expect((await world.push('v1', TWO)).status).toBe(201)
  })

  it('deletes a manifest, and its tags are free after that', async () => {
    const world = protectedWorld(exempt)
    await world.push('v1', ONE)
    expect((await world.call('DELETE', `${PATH}/${one}`, { as: 'admin' })).status).toBe(202)
    expect((await world.push('v1', TWO)).status).toBe(201)
  })

  it('frees a tag that the registry has lost', async () => {
    const world = protectedWorld(exempt)
    await world.push('v1', ONE)
    world.registry.tags.clear()
    expect((await world.call('DELETE', `${PATH}/v1`, { as: 'admin' })).status).toBe(404)
    await runInDurableObject(bindings.STATE.getByName(world.objectName), (_object, { storage }) => {
      expect(storage.sql.exec('SELECT tag FROM claims').toArray()).toEqual([])
    })
  })
})

describe('a protection that is only audited', () => {
  it.each([
    ['PUT', `${PATH}/v1`, 201],
    ['DELETE', `${PATH}/v1`, 202],
    ['DELETE', `${PATH}/${one}`, 202],
    ['DELETE', `/v2/stable/app/blobs/${two}`, 202],
  ])('refuses nothing, and the record of %s %s names it', async (method, path, status) => {
    const world = protectedWorld([writeOnce({ mode: 'audit' })])
    await world.push('v1', ONE)
    const headers = { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }
    const body = method === 'PUT' ? { headers, body: TWO } : {}
    expect((await world.call(method, path, { as: 'admin', ...body })).status).toBe(status)
    expect(world.records.map(({ audit }) => audit)).toEqual([undefined, ['releases']])
    expect(world.records.at(-1)).toMatchObject({ decision: 'allow' })
  })
})

describe('a push whose end is not known', () => {
  it('keeps the tag for its digest after a lost answer', async () => {
    catchLog()
    const world = protectedWorld([writeOnce()])
    world.registry.lost = ({ method }) => (method === 'PUT' ? new Response(null, { status: 502 }) : undefined)
    expect((await world.push('v1', ONE)).status).toBe(502)
    world.registry.lost = () => undefined
    expect((await world.push('v1', TWO)).status).toBe(403)
    expect((await world.push('v1', ONE)).status).toBe(201)
  })

  it('keeps the tag for its digest after a failure of the registry', async () => {
    catchLog()
    const world = protectedWorld([writeOnce()])
    world.registry.fault = ({ method }) => (method === 'PUT' ? new Response(null, { status: 503 }) : undefined)
    await world.push('v1', ONE)
    world.registry.fault = () => undefined
    expect((await world.push('v1', TWO)).status).toBe(403)
    expect((await world.push('v1', ONE)).status).toBe(201)
  })

  it('leaves the tag free if the registry refuses the push', async () => {
    const world = protectedWorld([writeOnce()])
    world.registry.fault = ({ method }) => (method === 'PUT' ? new Response(null, { status: 400 }) : undefined)
    expect((await world.push('v1', ONE)).status).toBe(400)
    world.registry.fault = () => undefined
    expect((await world.push('v1', TWO)).status).toBe(201)
  })

  it('leaves the tag free if the registry cannot be asked', async () => {
    catchLog()
    const world = protectedWorld([writeOnce()])
    world.registry.fault = ({ method }) => (method === 'HEAD' ? new Response(null, { status: 500 }) : undefined)
    expect((await world.push('v1', ONE)).status).toBe(502)
    expect(writes(world)).toBe(0)
    world.registry.fault = () => undefined
    expect((await world.push('v1', TWO)).status).toBe(201)
  })

  it('gives way to what the registry has, once it is too old to arrive', async () => {
    catchLog()
    const world = protectedWorld([writeOnce()])
    world.registry.fault = ({ method }) => (method === 'PUT' ? new Response(null, { status: 503 }) : undefined)
    await world.push('v1', ONE)
    world.registry.fault = () => undefined
    await world.registry.put('v1', TWO)
    expect((await world.push('v1', TWO)).status).toBe(403)
    await runInDurableObject(bindings.STATE.getByName(world.objectName), (_object, { storage }) => {
      storage.sql.exec('UPDATE attempts SET started = 0')
    })
    expect((await world.push('v1', TWO)).status).toBe(201)
  })
})

describe('a deletion at the same moment', () => {
  it('blocks a push of its manifest, and of an index that lists it', async () => {
    const world = protectedWorld([writeOnce({ tags: ['v*'] })])
    await world.registry.put(one, ONE)
    const answers: number[] = []
    world.registry.fault = async ({ method }) => {
      if (method !== 'DELETE') return undefined
      answers.push((await world.push('v1', ONE)).status, (await world.push('v2', indexOf(one))).status)
      return undefined
    }
    expect((await world.call('DELETE', `${PATH}/${one}`, { as: 'admin' })).status).toBe(202)
    expect(answers).toEqual([503, 503])
    expect((await world.push('v1', ONE)).status).toBe(201)
  })

  it('is refused while a push claims the tag of the manifest for another digest', async () => {
    const world = protectedWorld([writeOnce()])
    await world.registry.put('v1', ONE)
    const answers: number[] = []
    world.registry.fault = async ({ method }) => {
      if (method !== 'HEAD' || answers.length > 0) return undefined
      answers.push(0)
      answers.push((await world.call('DELETE', `${PATH}/${one}`, { as: 'admin' })).status)
      return undefined
    }
    expect((await world.push('v1', TWO)).status).toBe(403)
    expect(answers).toEqual([0, 403])
    expect(writes(world)).toBe(0)
  })

  it('of a manifest that the registry does not have yet blocks its push', async () => {
    const world = protectedWorld([writeOnce()])
    const answers: number[] = []
    world.registry.fault = async ({ method }) => {
      if (method === 'DELETE') answers.push((await world.push('v1', ONE)).status)
      return undefined
    }
    expect((await world.call('DELETE', `${PATH}/${one}`, { as: 'admin' })).status).toBe(404)
    expect(answers).toEqual([503])
  })
})

describe('a state that cannot be used', () => {
  const changes: readonly (readonly [method: string, path: string, body?: string])[] = [
    ['PUT', `${PATH}/v1`, ONE],
    ['DELETE', `${PATH}/${one}`],
    ['DELETE', '/acr/v1/stable/app'],
  ]
  const broken: readonly (readonly [what: string, STATE: object | undefined])[] = [
    ['is missing', undefined],
    ['cannot be reached', { getByName: () => ({ claim: fail, beginDeletion: fail }) }],
    ['is full', { getByName: () => ({ claim: full, beginDeletion: full }) }],
  ]
  const fail = () => Promise.reject(new Error('the object is gone'))
  const full = () => Promise.reject(new Error('database or disk is full: SQLITE_FULL'))

  it.each(
    broken.flatMap(([what, STATE]) => changes.map(([method, path, body]) => ({ what, STATE, method, path, body }))),
  )(
    'that $what answers $method $path with 503, and the registry is not changed',
    async ({ STATE, method, path, body }) => {
      const log = catchLog()
      const world = protectedWorld([writeOnce()], { env: STATE === undefined ? {} : ({ STATE } as object) })
      await world.registry.put(one, ONE)
      const headers = { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }
      const answer = await world.call(method, path, { as: 'admin', ...(body === undefined ? {} : { headers, body }) })
      expect([answer.status, (await errorOf(answer)).code]).toEqual([503, 'UNAVAILABLE'])
      expect(log.lines()).toContain('"fault":"state_unavailable"')
      expect(writes(world)).toBe(0)
    },
  )

  it('after the registry has stored a push does not change the answer', async () => {
    const log = catchLog()
    const claim = async () => ({ outcome: 'claimed', attempt: 'a' })
    const STATE = { getByName: () => ({ claim, settle: fail }) }
    const world = protectedWorld([writeOnce()], { env: { STATE } as object })
    expect((await world.push('v1', ONE)).status).toBe(201)
    expect(log.lines()).toContain('"fault":"state_unavailable"')
  })
})

describe('a manifest that the gate cannot read', () => {
  it.each([
    ['is not JSON', 'x'],
    ['is a list', '[]'],
    ['lists something without a digest', '{"manifests":[{}]}'],
    ['lists something with a digest that is not one', '{"manifests":[{"digest":"sha256:x"}]}'],
    ['is longer than 4 MiB', `{"a":"${'x'.repeat(4 * 1024 * 1024)}"}`],
  ])('because it %s is refused', async (_what, text) => {
    const world = protectedWorld([writeOnce()])
    const answer = await world.push('v1', text)
    expect([answer.status, (await errorOf(answer)).code]).toEqual([400, 'MANIFEST_INVALID'])
    expect(world.seen).toEqual([])
  })
})
