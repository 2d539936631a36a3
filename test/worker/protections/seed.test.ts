import { describe, expect, it } from 'vitest'
import { catchLog, errorOf } from '../gate-world.ts'
import { digestOf, manifestOf, protectedWorld, quarantine, tokenKey, writeOnce } from './world.ts'

const ONE = manifestOf('seeded one')
const one = await digestOf(ONE)
const TWO = manifestOf('seeded two')
const two = await digestOf(TWO)
const PATH = '/acr/v1/stable/app/_protections'

const seed = (world: ReturnType<typeof protectedWorld>, body = '', as = 'admin'): Promise<Response> =>
  world.call('POST', PATH, { as, body })

describe('the protections of a repository', () => {
  it('are shown with the tags that are known', async () => {
    const world = protectedWorld([
      writeOnce({ tags: ['v*'], except: [tokenKey('admin')], mode: 'audit' }),
      quarantine(60),
    ])
    expect((await world.push('v1', ONE)).status).toBe(201)
    expect(await (await world.call('GET', PATH, { as: 'admin' })).json()).toEqual({
      registry: 'registry.example.com',
      imageName: 'stable/app',
      protections: [
        { name: 'releases', writeOnce: true, tags: ['v*'], mode: 'audit' },
        { name: 'waits', quarantine: true, releaseAfter: 60, mode: 'enforce' },
      ],
      tags: [{ name: 'v1', digest: one, confirmed: true }],
    })
    expect(world.seen.filter(({ url }) => url.includes('_protections'))).toEqual([])
  })

  it('are none where none covers it', async () => {
    const world = protectedWorld([writeOnce()])
    expect(await (await world.call('GET', '/acr/v1/other/app/_protections', { as: 'admin' })).json()).toMatchObject({
      protections: [],
      tags: [],
    })
  })

  it('come in pages', async () => {
    const world = protectedWorld([writeOnce()])
    for (const tag of ['a', 'b', 'c']) await world.push(tag, ONE)
    const first = await world.call('GET', `${PATH}?n=2`, { as: 'admin' })
    expect(first.headers.get('link')).toBe(`<${PATH}?n=2&last=b>; rel="next"`)
    expect(await (await world.call('GET', `${PATH}?n=2&last=b`, { as: 'admin' })).json()).toMatchObject({
      tags: [{ name: 'c' }],
    })
  })

  it.each(['nobody', 'writer', 'puller'])('are not shown to %s', async (as) => {
    const world = protectedWorld([writeOnce()])
    expect((await world.call('GET', PATH, { as })).status).toBe(403)
    expect((await seed(world, '', as)).status).toBe(403)
    expect(world.seen).toEqual([])
  })

  it('need the binding STATE', async () => {
    catchLog()
    const world = protectedWorld([writeOnce()], { env: {} })
    expect((await world.call('GET', PATH, { as: 'admin' })).status).toBe(503)
  })
})

describe('a seed', () => {
  it('keeps the digests of the tags that the registry has, whatever happens past the gate afterwards', async () => {
    const world = protectedWorld([writeOnce({ tags: ['v*'] })])
    await world.registry.put('v1', ONE)
    await world.registry.put('latest', ONE)
    expect(await (await seed(world)).json()).toEqual({
      registry: 'registry.example.com',
      imageName: 'stable/app',
      covered: 1,
      adopted: [{ name: 'v1', digest: one }],
      conflicts: [],
    })
    world.registry.tags.delete('v1')
    const refused = await world.push('v1', TWO)
    expect(refused.status).toBe(403)
    expect((await errorOf(refused)).detail).toMatchObject({ digest: one })
    expect((await world.push('v1', ONE)).status).toBe(201)
  })

  it('changes nothing the second time', async () => {
    const world = protectedWorld([writeOnce()])
    await world.registry.put('v1', ONE)
    await seed(world)
    await world.registry.put('v1', TWO)
    expect(await (await seed(world)).json()).toMatchObject({ covered: 1, adopted: [] })
    expect(await (await world.call('GET', PATH, { as: 'admin' })).json()).toMatchObject({
      tags: [{ name: 'v1', digest: one, protection: 'releases' }],
    })
  })

  it('of tags that are named takes those whose digest the registry confirms', async () => {
    const world = protectedWorld([writeOnce({ tags: ['v*'] })])
    await world.registry.put('v1', ONE)
    await world.registry.put('v2', ONE)
    await world.registry.put('v3', ONE)
    const body = { tags: { v1: one, v2: two, v4: one, latest: one } }
    expect(await (await seed(world, JSON.stringify(body))).json()).toMatchObject({
      covered: 3,
      adopted: [{ name: 'v1', digest: one }],
      conflicts: [
        { name: 'v2', expected: two, found: one },
        { name: 'v4', expected: one, found: null },
      ],
    })
  })

  it.each(['[]', '{"tags":[]}', '{"tags":{"v1":1}}', '{', 'null'])(
    'refuses a body that it cannot read: %s',
    async (body) => {
      const world = protectedWorld([writeOnce()])
      await world.registry.put('v1', ONE)
      expect((await seed(world, body)).status).toBe(400)
      expect(world.seen).toEqual([])
    },
  )

  it('of more than 1,000 tags is refused', async () => {
    const world = protectedWorld([writeOnce()])
    for (let index = 0; index <= 1000; index++) world.registry.tags.set(`t${index}`, one)
    expect((await errorOf(await seed(world))).detail).toEqual({ reason: 'repository_too_large' })
  })
})
