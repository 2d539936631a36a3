import { env as bindings } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import type { Env } from '../../../src/worker/platform/env.ts'
import { catchLog, errorOf, roleFor } from '../gate-world.ts'
import {
  digestOf,
  INDEX_TYPE,
  indexOf,
  MANIFEST_TYPE,
  manifestOf,
  type ProtectedWorld,
  protectedWorld,
  stateOf,
  writeOnce,
} from './world.ts'

const ONE = manifestOf('locked one')
const one = await digestOf(ONE)
const TWO = manifestOf('locked two')
const two = await digestOf(TWO)
const API = '/acr/v1/stable/app'

const world = (env: Partial<Env> = {}, protections: Parameters<typeof protectedWorld>[0] = []): ProtectedWorld => {
  const made = protectedWorld(protections, {
    env: { STATE: stateOf(bindings), METADATA_API: 'gate', ...env },
    assignments: [roleFor('catalog', 'Container Registry Repository Reader')],
  })
  made.nowMs = Date.now()
  return made
}

const patch = (gate: ProtectedWorld, path: string, body: unknown, as = 'admin'): Promise<Response> =>
  gate.call('PATCH', path, { as, body: JSON.stringify(body) })

/** A registry with v1 and v2, and one lock. */
async function lockedWorld(path: string, attributes: Readonly<Record<string, boolean>>): Promise<ProtectedWorld> {
  const gate = world()
  await gate.registry.put('v1', ONE)
  await gate.registry.put('v2', TWO)
  gate.registry.fault = (request) =>
    request.method === 'POST'
      ? new Response(null, { status: 202, headers: { location: `${new URL(request.url).pathname}one` } })
      : undefined
  expect((await patch(gate, path, attributes)).status).toBe(200)
  gate.seen.length = 0
  return gate
}

type Question = readonly [method: string, path: string, body?: string]
const PULL: Question = ['GET', '/v2/stable/app/manifests/v1']
const PULL_DIGEST: Question = ['GET', `/v2/stable/app/manifests/${one}`]
const PUSH: Question = ['PUT', '/v2/stable/app/manifests/v1', TWO]
const PUSH_SAME: Question = ['PUT', '/v2/stable/app/manifests/v1', ONE]
const PUSH_DIGEST: Question = ['PUT', `/v2/stable/app/manifests/${one}`, ONE]
const RETAG: Question = ['PUT', '/v2/stable/app/manifests/new', ONE]
const PUSH_TAGS: Question = ['PUT', '/v2/stable/app/manifests/new?tag=v1', TWO]
const DELETE_TAG: Question = ['DELETE', '/v2/stable/app/manifests/v1']
const DELETE_DIGEST: Question = ['DELETE', `/v2/stable/app/manifests/${one}`]
const UNTAG: Question = ['DELETE', `${API}/_tags/v1`]
const DELETE_REPOSITORY: Question = ['DELETE', API]
const DELETE_BLOB: Question = ['DELETE', `/v2/stable/app/blobs/${one}`]
const PULL_BLOB: Question = ['GET', `/v2/stable/app/blobs/${one}`]
const UPLOAD: Question = ['POST', '/v2/stable/app/blobs/uploads/']
const MOUNT_FROM: Question = ['POST', `/v2/other/app/blobs/uploads/?mount=${one}&from=stable/app`]

const TAG = `${API}/_tags/v1`
const MANIFEST = `${API}/_manifests/${one}`

/** What each lock forbids. Everything else of the table is allowed. */
const RULES: readonly (readonly [path: string, attribute: string, forbidden: readonly Question[]])[] = [
  [TAG, 'readEnabled', [PULL]],
  [TAG, 'deleteEnabled', [DELETE_TAG, DELETE_DIGEST, UNTAG, DELETE_REPOSITORY, DELETE_BLOB]],
  [TAG, 'writeEnabled', [PUSH, PUSH_SAME, PUSH_TAGS, DELETE_TAG, DELETE_DIGEST, UNTAG, DELETE_REPOSITORY, DELETE_BLOB]],
  [TAG, 'listEnabled', []],
  [MANIFEST, 'readEnabled', [PULL, PULL_DIGEST]],
  [MANIFEST, 'deleteEnabled', [DELETE_TAG, DELETE_DIGEST, UNTAG, DELETE_REPOSITORY, DELETE_BLOB]],
  [
    MANIFEST,
    'writeEnabled',
    [PUSH_SAME, PUSH_DIGEST, RETAG, DELETE_TAG, DELETE_DIGEST, UNTAG, DELETE_REPOSITORY, DELETE_BLOB],
  ],
  [MANIFEST, 'listEnabled', []],
  [API, 'readEnabled', [PULL, PULL_DIGEST, PULL_BLOB, MOUNT_FROM]],
  [API, 'deleteEnabled', [DELETE_REPOSITORY]],
  [
    API,
    'writeEnabled',
    [
      ...[PUSH, PUSH_SAME, PUSH_DIGEST, RETAG, PUSH_TAGS, UPLOAD],
      ...[DELETE_TAG, DELETE_DIGEST, UNTAG, DELETE_REPOSITORY, DELETE_BLOB],
    ],
  ],
  [API, 'listEnabled', []],
]
const QUESTIONS = [
  ...[PULL, PULL_DIGEST, PULL_BLOB, MOUNT_FROM, UPLOAD, PUSH, PUSH_SAME, PUSH_DIGEST, RETAG, PUSH_TAGS],
  ...[DELETE_TAG, DELETE_DIGEST, UNTAG, DELETE_REPOSITORY, DELETE_BLOB],
]

const ask = (gate: ProtectedWorld, [method, path, body]: Question): Promise<Response> =>
  gate.call(method, path, {
    as: 'admin',
    ...(body === undefined ? {} : { body, headers: { 'content-type': MANIFEST_TYPE } }),
  })

describe('a lock', () => {
  it.each(
    RULES.flatMap(([path, attribute, forbidden]) =>
      QUESTIONS.map((question) => [path, attribute, question, forbidden.includes(question)] as const),
    ),
  )('%s %s: %j forbidden %s', async (path, attribute, question, isForbidden) => {
    const gate = await lockedWorld(path, { [attribute]: false })
    const answer = await ask(gate, question)
    if (!isForbidden) {
      expect(answer.status).toBeLessThan(400)
      return
    }
    expect(answer.status).toBe(405)
    expect(await errorOf(answer)).toMatchObject({
      code: 'REGISTRY_DISALLOWED_OPERATION',
      detail: { reason: 'locked', attribute },
    })
    // What a tag names only the registry knows, so that it may be asked. It never sees a change.
    expect(gate.seen.filter(({ method }) => method !== 'GET' && method !== 'HEAD')).toEqual([])
    expect(gate.records.at(-1)).toMatchObject({ decision: 'deny', reason: 'locked' })
  })

  it('ends when the attribute is true again', async () => {
    const gate = await lockedWorld(TAG, { writeEnabled: false, deleteEnabled: false })
    expect((await ask(gate, PUSH)).status).toBe(405)
    expect((await patch(gate, TAG, { writeEnabled: true })).status).toBe(200)
    expect((await ask(gate, DELETE_TAG)).status).toBe(405)
    expect((await ask(gate, PUSH)).status).toBe(201)
    expect((await patch(gate, TAG, { deleteEnabled: true })).status).toBe(200)
    expect((await ask(gate, DELETE_TAG)).status).toBe(202)
  })

  it('of a tag ends with the tag', async () => {
    const gate = await lockedWorld(TAG, { readEnabled: false, listEnabled: false })
    expect((await ask(gate, DELETE_DIGEST)).status).toBe(202)
    expect((await ask(gate, PUSH_SAME)).status).toBe(201)
    expect((await ask(gate, PULL)).status).toBe(200)
  })

  it('says what is locked', async () => {
    const gate = await lockedWorld(TAG, { writeEnabled: false })
    expect((await errorOf(await ask(gate, PUSH))).message).toBe(
      'the tag v1 is locked: its attribute writeEnabled is false',
    )
    await patch(gate, API, { writeEnabled: false })
    expect((await errorOf(await ask(gate, PUSH))).message).toBe(
      'the repository is locked: its attribute writeEnabled is false',
    )
    await patch(gate, API, { writeEnabled: true })
    await patch(gate, TAG, { writeEnabled: true })
    await patch(gate, MANIFEST, { writeEnabled: false })
    expect((await errorOf(await ask(gate, RETAG))).message).toBe(
      'the manifest is locked: its attribute writeEnabled is false',
    )
  })

  it.each(['v1', '__proto__', 'constructor', 'toString'])('holds for a tag of the name %s', async (tag) => {
    const gate = world()
    await gate.registry.put(tag, ONE)
    expect((await patch(gate, `${API}/_tags/${tag}`, { readEnabled: false })).status).toBe(200)
    expect((await gate.call('GET', `/v2/stable/app/manifests/${tag}`, { as: 'admin' })).status).toBe(405)
  })

  it('of a manifest holds for its digest in another algorithm', async () => {
    const gate = await lockedWorld(MANIFEST, { readEnabled: false })
    const other = await digestOf(ONE, 'sha512')
    gate.registry.manifests.set(other, ONE)
    expect((await gate.call('GET', `/v2/stable/app/manifests/${other}`, { as: 'admin' })).status).toBe(405)
  })

  it('of a manifest holds for tags whose answers name no digest', async () => {
    const gate = await lockedWorld(MANIFEST, { readEnabled: false })
    gate.registry.strip = true
    for (const method of ['GET', 'HEAD']) {
      expect((await gate.call(method, PULL[1], { as: 'admin' })).status).toBe(405)
    }
  })

  it('needs metadata/write', async () => {
    const gate = await lockedWorld(TAG, {})
    for (const as of ['puller', 'writer', 'lister', 'nobody', 'catalog']) {
      expect((await patch(gate, TAG, { writeEnabled: false }, as)).status).toBe(403)
    }
    expect((await ask(gate, PUSH)).status).toBe(201)
  })

  it.each([
    ['a key that it does not keep', { writeEnabled: false, teleportEnabled: true }],
    ['a value that is not a boolean', { writeEnabled: 'false' }],
    ['attributes below a key', { changeableAttributes: { writeEnabled: false } }],
    ['a list', []],
  ])('is not changed by %s', async (_, body) => {
    const gate = await lockedWorld(TAG, {})
    expect((await patch(gate, TAG, body)).status).toBe(400)
    expect((await ask(gate, PUSH)).status).toBe(201)
  })

  it.each([
    [TAG, 'Passed'],
    [API, 'Passed'],
    [MANIFEST, 'Maybe'],
  ])('is not the place of this decision: %s %s', async (path, quarantineState) => {
    const gate = await lockedWorld(TAG, {})
    expect((await patch(gate, path, { quarantineState }, 'quarantine')).status).toBe(400)
  })

  it.each([`${API}/_tags/none`, `${API}/_manifests/sha256:${'c'.repeat(64)}`, '/acr/v1/empty/app'])(
    'of what does not exist is not found: %s',
    async (path) => {
      const gate = world()
      if (path.startsWith(API)) await gate.registry.put('v1', ONE)
      expect((await patch(gate, path, { writeEnabled: false })).status).toBe(404)
    },
  )

  it.each([
    ['without the binding STATE', { METADATA_API: 'gate' }],
    [
      'with an object that fails',
      {
        METADATA_API: 'gate',
        STATE: {
          getByName: () => new Proxy({}, { get: () => () => Promise.reject(new Error('storage is full')) }) as never,
        },
      },
    ],
  ])('%s refuses everything that it could forbid', async (_, env) => {
    catchLog()
    const gate = protectedWorld([], { env })
    await gate.registry.put('v1', ONE)
    for (const question of QUESTIONS) {
      const answer = await ask(gate, question)
      expect([question, answer.status]).toEqual([question, 503])
    }
    expect(gate.seen.filter(({ method }) => method !== 'GET' && method !== 'HEAD')).toEqual([])
  })

  it('is not kept without METADATA_API', async () => {
    const gate = protectedWorld([], { env: {} })
    await gate.registry.put('v1', ONE)
    for (const question of [PULL, PUSH, DELETE_TAG]) expect((await ask(gate, question)).status).toBeLessThan(300)
  })

  it('is not overcome by an exemption of a protection', async () => {
    const gate = world({}, [writeOnce({ mode: 'audit' })])
    await gate.registry.put('v1', ONE)
    await patch(gate, TAG, { writeEnabled: false })
    expect((await ask(gate, PUSH)).status).toBe(405)
  })
})

describe('lists', () => {
  it('leave out tags that are not listed', async () => {
    const gate = await lockedWorld(TAG, { listEnabled: false })
    expect(await (await gate.call('GET', '/v2/stable/app/tags/list', { as: 'admin' })).json()).toMatchObject({
      tags: ['v2'],
    })
    expect(await (await gate.call('GET', `${API}/_tags`, { as: 'admin' })).json()).toMatchObject({
      tags: [{ name: 'v2', digest: two }],
    })
    expect((await gate.call('GET', TAG, { as: 'admin' })).status).toBe(200)
  })

  it('leave out manifests that are not listed', async () => {
    const gate = await lockedWorld(MANIFEST, { listEnabled: false })
    expect(await (await gate.call('GET', `${API}/_manifests`, { as: 'admin' })).json()).toMatchObject({
      manifests: [{ digest: two, tags: ['v2'] }],
    })
  })

  it('of repositories leave out one that is not listed', async () => {
    const gate = await lockedWorld(API, { listEnabled: false })
    const names = { repositories: ['other/app', 'stable/app'] }
    gate.registry.fault = (request) => (request.url.includes('_catalog') ? Response.json(names) : undefined)
    for (const path of ['/v2/_catalog', '/acr/v1/_catalog']) {
      expect(await (await gate.call('GET', path, { as: 'admin' })).json()).toEqual({ repositories: ['other/app'] })
    }
    expect(gate.seen.map(({ url }) => new URL(url).pathname).filter((path) => path.startsWith('/acr'))).toEqual([])
    await patch(gate, API, { listEnabled: true })
    expect(await (await gate.call('GET', '/v2/_catalog', { as: 'admin' })).json()).toEqual(names)
  })
})

describe('attributes', () => {
  it('of a repository', async () => {
    const gate = await lockedWorld(API, { deleteEnabled: false, listEnabled: false })
    expect(await (await gate.call('GET', API, { as: 'lister' })).json()).toMatchObject({ errors: [{ code: 'DENIED' }] })
    expect(await (await gate.call('GET', API, { as: 'admin' })).json()).toEqual({
      registry: 'registry.example.com',
      imageName: 'stable/app',
      createdTime: expect.stringMatching(/Z$/),
      lastUpdateTime: expect.stringMatching(/Z$/),
      manifestCount: 2,
      tagCount: 2,
      changeableAttributes: { deleteEnabled: false, writeEnabled: true, listEnabled: false, readEnabled: true },
    })
  })

  it('of a tag, whose last update is the first sight of its digest', async () => {
    const gate = await lockedWorld(TAG, { writeEnabled: false })
    const read = async () =>
      (await (await gate.call('GET', TAG, { as: 'admin' })).json()) as { tag: Record<string, string> }
    const { tag: before } = await read()
    expect(before).toEqual({
      name: 'v1',
      digest: one,
      createdTime: expect.any(String),
      lastUpdateTime: before.createdTime,
      signed: false,
      changeableAttributes: { deleteEnabled: true, writeEnabled: false, listEnabled: true, readEnabled: true },
    })
    await new Promise((resolve) => setTimeout(resolve, 5))
    await gate.registry.put('v1', TWO)
    const { tag: after } = await read()
    expect(after.createdTime).toBe(before.createdTime)
    expect(Date.parse(after.lastUpdateTime ?? '')).toBeGreaterThan(Date.parse(before.lastUpdateTime ?? ''))
  })

  it('of a manifest', async () => {
    const gate = world()
    const text = JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: one, size: 10 },
      layers: [{ mediaType: 'x/y', digest: one, size: 30 }],
    })
    const digest = await gate.registry.put('v1', text)
    await gate.registry.put('latest', text)
    expect(await (await gate.call('GET', `${API}/_manifests/${digest}`, { as: 'admin' })).json()).toEqual({
      registry: 'registry.example.com',
      imageName: 'stable/app',
      manifest: {
        digest,
        imageSize: 40,
        mediaType: MANIFEST_TYPE,
        configMediaType: 'application/vnd.oci.image.config.v1+json',
        createdTime: expect.any(String),
        lastUpdateTime: expect.any(String),
        tags: ['latest', 'v1'],
        changeableAttributes: { deleteEnabled: true, writeEnabled: true, listEnabled: true, readEnabled: true },
      },
    })
  })

  it('of an index has the size of what it lists', async () => {
    const gate = world()
    const digest = await gate.registry.put('v1', indexOf(one, two))
    const { manifest } = (await (await gate.call('GET', `${API}/_manifests/${digest}`, { as: 'admin' })).json()) as {
      manifest: object
    }
    expect(manifest).toMatchObject({ imageSize: 4, mediaType: INDEX_TYPE })
  })

  it('come in pages', async () => {
    const gate = world()
    for (const tag of ['a', 'b', 'c', 'd', 'e']) await gate.registry.put(tag, manifestOf(tag))
    const names: string[] = []
    let next: string | undefined = `${API}/_tags?n=2`
    for (let page = 0; next !== undefined; page++) {
      expect(page).toBeLessThan(4)
      const answer = await gate.call('GET', next, { as: 'admin' })
      const { tags } = (await answer.json()) as { tags: { name: string }[] }
      names.push(...tags.map(({ name }) => name))
      next = /<([^>]+)>/.exec(answer.headers.get('link') ?? '')?.[1]
    }
    expect(names).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  it('after the last one are null, so that a client that goes on by name ends', async () => {
    const gate = await lockedWorld(TAG, {})
    expect(await (await gate.call('GET', `${API}/_tags?last=v2`, { as: 'admin' })).json()).toMatchObject({ tags: null })
    const last = [one, two].sort().at(-1)
    expect(await (await gate.call('GET', `${API}/_manifests?last=${last}`, { as: 'admin' })).json()).toMatchObject({
      manifests: null,
    })
  })

  it('come by time', async () => {
    const gate = world()
    for (const tag of ['c', 'a', 'b']) {
      await gate.registry.put(tag, manifestOf(tag))
      await gate.call('GET', `${API}/_tags/${tag}`, { as: 'admin' })
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    const list = async (order: string): Promise<readonly string[]> => {
      const { tags } = (await (await gate.call('GET', `${API}/_tags?orderby=${order}`, { as: 'admin' })).json()) as {
        tags: { name: string }[]
      }
      return tags.map(({ name }) => name)
    }
    expect(await list('timeasc')).toEqual(['c', 'a', 'b'])
    expect(await list('timedesc')).toEqual(['b', 'a', 'c'])
    expect(await list('none')).toEqual(['a', 'b', 'c'])
  })

  it('of tags with one digest', async () => {
    const gate = await lockedWorld(TAG, {})
    expect(await (await gate.call('GET', `${API}/_tags?digest=${two}`, { as: 'admin' })).json()).toMatchObject({
      tags: [{ name: 'v2' }],
    })
  })

  it.each([
    ['GET', `${API}/_metadata`],
    ['PUT', `${API}/_metadata/key`],
    ['DELETE', `${TAG}/_metadata/key`],
    ['GET', `${API}/_streaming`],
  ])('that the gate does not keep are not found, and the registry is not asked: %s %s', async (method, path) => {
    const gate = world()
    const answer = await gate.call(method, path, { as: 'admin' })
    expect([403, 404]).toContain(answer.status)
    expect(gate.seen).toEqual([])
  })

  it('of more than 1,000 tags are not listed', async () => {
    const gate = world()
    for (let index = 0; index <= 1000; index++) gate.registry.tags.set(`t${index}`, one)
    gate.registry.manifests.set(one, ONE)
    for (const path of [`${API}/_tags`, `${API}/_manifests`]) {
      expect(await errorOf(await gate.call('GET', path, { as: 'admin' }))).toEqual({
        code: 'DENIED',
        message: 'the repository has more than 1,000 tags, and this call would look at each of them',
        detail: { reason: 'repository_too_large' },
      })
    }
    expect(await (await gate.call('GET', API, { as: 'admin' })).json()).toEqual({
      registry: 'registry.example.com',
      imageName: 'stable/app',
      changeableAttributes: expect.any(Object),
    })
  })
})

describe('a delete of a repository', () => {
  it('deletes every manifest that a tag names, and what an index lists', async () => {
    const gate = world()
    await gate.registry.put(one, ONE)
    const index = await gate.registry.put('v1', indexOf(one))
    await gate.registry.put('v2', TWO)
    const answer = await gate.call('DELETE', API, { as: 'admin' })
    expect(answer.status).toBe(202)
    expect(await answer.json()).toEqual({ manifestsDeleted: [index, two, one], tagsDeleted: ['v1', 'v2'] })
    expect([...gate.registry.manifests.keys()]).toEqual([])
  })

  it('gives the answer of a registry that does not delete', async () => {
    const gate = await lockedWorld(TAG, {})
    gate.registry.fault = (request) =>
      request.method === 'DELETE' ? Response.json({ errors: [{ code: 'UNSUPPORTED' }] }, { status: 405 }) : undefined
    const answer = await gate.call('DELETE', API, { as: 'admin' })
    expect(answer.status).toBe(405)
    expect((await errorOf(answer)).code).toBe('UNSUPPORTED')
  })

  it('needs content/delete', async () => {
    const gate = await lockedWorld(TAG, {})
    expect((await gate.call('DELETE', API, { as: 'locker' })).status).toBe(403)
    expect(gate.seen).toEqual([])
  })
})

describe('METADATA_API', () => {
  it.each(['Gate', 'yes', 'acr'])('is not %s', async (METADATA_API) => {
    const log = catchLog()
    const gate = world({ METADATA_API })
    expect((await ask(gate, PULL)).status).toBe(503)
    expect(log.lines()).toContain('METADATA_API must be gate or registry')
  })
})
