/** `MAX_UPLOAD_BYTES`, whatever a request says of its length (fault A10). */
import { describe, expect, it } from 'vitest'
import { createWorld, DIGEST, errorOf, type World } from './gate-world.ts'

const U = '/v2/samples/app/blobs/uploads/'
const M = '/v2/samples/app/manifests/v1'
const LIMIT = 10
const octets = { 'content-type': 'application/octet-stream' }
const manifest = { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }
const json = { 'content-type': 'application/json' }

/** A body whose length nobody announces. */
const chunked = (...sizes: readonly number[]) =>
  new ReadableStream<Uint8Array>({
    start(controller) {
      for (const size of sizes) controller.enqueue(new Uint8Array(size).fill(97))
      controller.close()
    },
  })

/** A registry that begins uploads, and takes what comes after it has read all of it. */
const taken: number[] = []
const registry = async (request: Request): Promise<Response> => {
  if (request.method === 'POST' && !request.url.includes('digest=')) {
    return new Response(null, { status: 202, headers: { location: '/v2/samples/app/blobs/uploads/1' } })
  }
  taken.push((await request.arrayBuffer()).byteLength)
  return new Response(null, { status: 201, headers: { location: request.url } })
}

const worldWith = (limit: string = String(LIMIT)): World => createWorld({ env: { MAX_UPLOAD_BYTES: limit }, registry })

async function uploadOf({ call }: World): Promise<string> {
  const begun = await call('POST', U, { as: 'ci' })
  return begun.headers.get('location') ?? ''
}

describe('a body without an announced length', () => {
  const bodies: readonly (readonly [string, readonly number[]])[] = [
    ['one byte too many at once', [LIMIT + 1]],
    ['one byte too many at the end', [LIMIT, 1]],
    ['many small chunks', Array.from({ length: 100 }, () => 1)],
    ['a large chunk', [100_000]],
    ['empty chunks between', [5, 0, 5, 0, 1]],
  ]

  describe.each(bodies)('that is too long by %s', (_, sizes) => {
    it.each([
      { method: 'PATCH', path: (session: string) => session, headers: octets },
      { method: 'PUT', path: (session: string) => `${session}?digest=${DIGEST}`, headers: octets },
      { method: 'POST', path: () => `${U}?digest=${DIGEST}`, headers: octets },
      { method: 'PUT', path: () => M, headers: manifest },
    ])('is refused as $method, and the registry finishes nothing', async ({ method, path, headers }) => {
      const world = worldWith()
      const session = await uploadOf(world)
      taken.length = 0
      const response = await world.call(method, path(session), { as: 'ci', headers, body: chunked(...sizes) })
      expect(response.status).toBe(413)
      expect(await errorOf(response)).toEqual({
        code: 'SIZE_INVALID',
        message: 'the body has more than 10 bytes, this gate takes at most 10: push it in smaller layers',
        detail: { limit: LIMIT },
      })
      expect(taken).toEqual([])
      expect(world.records.at(-1)).toMatchObject({ decision: 'deny', reason: 'body_too_large', status: 413 })
    })

    it('is refused where the gate reads it itself', async () => {
      const world = worldWith()
      const path = '/acr/v1/samples/app/_tags/v1'
      const response = await world.call('PATCH', path, { as: 'locker', headers: json, body: chunked(...sizes) })
      expect([response.status, world.seen]).toEqual([413, []])
    })
  })

  it.each([
    ['nothing', []],
    ['one byte', [1]],
    ['as much as the limit', [4, 6]],
  ])('of %s passes', async (_, sizes) => {
    const world = worldWith()
    const session = await uploadOf(world)
    taken.length = 0
    const response = await world.call('PATCH', session, { as: 'ci', headers: octets, body: chunked(...sizes) })
    expect([response.status, taken]).toEqual([201, [sizes.reduce((sum, size) => sum + size, 0)]])
  })

  it('has no limit where none is set', async () => {
    const world = worldWith('')
    const session = await uploadOf(world)
    const response = await world.call('PATCH', session, { as: 'ci', headers: octets, body: chunked(100_000) })
    expect(response.status).toBe(201)
  })
})

describe('a body with a length that cannot be trusted', () => {
  it.each([
    ['a length that is not a number', { 'content-length': 'ten' }],
    ['a length in another notation', { 'content-length': '0x5' }],
    ['two lengths', { 'content-length': '5, 5' }],
    ['a negative length', { 'content-length': '-5' }],
    ['no length', { 'content-length': '' }],
    ['a transfer coding next to a length', { 'content-length': '5', 'transfer-encoding': 'chunked' }],
  ])('is counted: %s', async (_, headers) => {
    const world = worldWith()
    const session = await uploadOf(world)
    taken.length = 0
    const body = chunked(100)
    const response = await world.call('PATCH', session, { as: 'ci', headers: { ...octets, ...headers }, body })
    expect([response.status, taken]).toEqual([413, []])
  })
})

it('a body that announces too much is refused before a byte of it is read', async () => {
  const world = worldWith()
  const headers = { ...octets, 'content-length': '11' }
  const response = await world.call('PUT', M, { as: 'ci', headers, body: 'a'.repeat(11) })
  expect(await errorOf(response)).toEqual({
    code: 'SIZE_INVALID',
    message: 'the body has 11 bytes, this gate takes at most 10: push it in smaller layers',
    detail: { bytes: 11, limit: LIMIT },
  })
  expect(world.seen).toEqual([])
})
