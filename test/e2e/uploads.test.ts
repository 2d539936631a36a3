/**
 * Uploads through the gate before real registries: in chunks, broken off and resumed; of one caller and one repository and
 * nobody else's; refused early, without harm to anyone who comes next.
 */

import { beforeAll, describe, expect, it } from 'vitest'
import { secretOf, token } from './tools/accounts.ts'
import { requireClients } from './tools/clients.ts'
import { type FakeUpstream, startFakeUpstream } from './tools/fakeupstream.ts'
import type { Gate } from './tools/gate.ts'
import { gateBefore } from './tools/gate-fixture.ts'
import { digestOf, MIB, noise } from './tools/images.ts'
import { type Registry, registryKinds } from './tools/registries.ts'
import { until } from './tools/registry.ts'
import { type Answer, ask, basic, breakOff, linger, type Question, stalling } from './tools/wire.ts'

const policies = {
  'policies.yaml': `
registry: { service: registry.example.com }
scopeMaps:
  push: { actions: [repositories/samples/*/content/read, repositories/samples/*/content/write] }
  pull: { actions: [repositories/samples/*/content/read] }
tokens:
${token('owner', 'push')}
${token('other', 'push')}
${token('reader', 'pull')}
`,
}

const LIMIT = 9 * MIB
const content = noise('a layer in chunks', 8 * MIB)
const digest = digestOf(content)

/** What a person asks of a gate; `target` may be a whole URL, or begin with a slash. */
type Asking = (target: string, question?: Question) => Promise<Answer>

const callerOf =
  (gate: Gate, name: string): Asking =>
  (target, question = {}) =>
    ask(new URL(target, gate.url).href, {
      ...question,
      headers: { authorization: basic(name, secretOf(name)), ...question.headers },
    })

const locationOf = (answer: Answer): string => String(answer.headers.location)
const committing = (location: string, wanted: string): string =>
  `${location}${location.includes('?') ? '&' : '?'}digest=${wanted}`
const codeOf = (answer: Answer): unknown => answer.json()
const refusedWith = (code: string) => ({ errors: [expect.objectContaining({ code, message: expect.any(String) })] })

describe.runIf(requireClients(['docker-registry'])).each(registryKinds)('uploads to $kind', ({ kind, start }) => {
  let registry: Registry
  let gate: Gate
  let owner: Asking
  const environment = { MAX_UPLOAD_BYTES: String(LIMIT) }
  gateBefore(start, { policies, environment }, (started, before) => {
    registry = before
    gate = started
    owner = callerOf(gate, 'owner')
  })

  const begun = async (repository: string): Promise<string> => {
    const answer = await owner(`/v2/${repository}/blobs/uploads/`, { method: 'POST' })
    expect(answer.status).toBe(202)
    const form = `/v2/${repository}/blobs/uploads/[A-Za-z0-9_-]+([?]sealed=1)?$`
    expect(locationOf(answer)).toMatch(new RegExp(`^(${gate.url})?${form}`))
    return locationOf(answer)
  }

  const sendChunk = (location: string, from: number, to: number): Promise<Answer> =>
    owner(location, {
      method: 'PATCH',
      headers: { 'content-range': `${from}-${to - 1}`, 'content-type': 'application/octet-stream' },
      body: content.subarray(from, to),
    })

  it('in chunks arrive whole, and every answer says how far they are', async () => {
    let location = await begun('samples/chunks')
    for (let from = 0; from < content.length; from += 3 * MIB) {
      const to = Math.min(from + 3 * MIB, content.length)
      const answer = await sendChunk(location, from, to)
      expect([answer.status, answer.headers.range]).toEqual([202, `0-${to - 1}`])
      location = locationOf(answer)
    }
    const done = await owner(committing(location, digest), { method: 'PUT' })
    expect([done.status, done.headers['docker-content-digest'], locationOf(done)]).toEqual([
      201,
      digest,
      `/v2/samples/chunks/blobs/${digest}`,
    ])
    expect((await owner(locationOf(done))).body.equals(content)).toBe(true)
  })

  it('whose client goes away are resumed where their status says', async () => {
    const first = await sendChunk(await begun('samples/resumed'), 0, 2 * MIB)
    const status = await owner(locationOf(first))
    expect([status.status, status.headers.range]).toEqual([204, `0-${2 * MIB - 1}`])
    const rest = await sendChunk(locationOf(status), 2 * MIB, content.length)
    expect([rest.status, rest.headers.range]).toEqual([202, `0-${content.length - 1}`])
    const done = await owner(committing(locationOf(rest), digest), { method: 'PUT' })
    expect([done.status, done.headers['docker-content-digest']]).toEqual([201, digest])
    expect((await owner(`/v2/samples/resumed/blobs/${digest}`)).body.equals(content)).toBe(true)
  })

  it('whose connection breaks in a chunk are resumed as far as the registry resumes them', async () => {
    /** The status after a chunk of 3 MiB broke off in the middle of its 6. */
    const broken = async (base: string, headers: Readonly<Record<string, string>>): Promise<Answer> => {
      const question = (method: string): Question => ({ method, headers })
      const begin = await ask(`${base}/v2/samples/broken/blobs/uploads/`, question('POST'))
      const url = new URL(locationOf(begin), base).href
      const promised = { ...headers, 'content-range': `0-${6 * MIB - 1}`, 'content-length': String(6 * MIB) }
      await breakOff(url, { method: 'PATCH', headers: promised }, content.subarray(0, 3 * MIB))
      return ask(url, question('GET'))
    }
    const through = await broken(gate.url, { authorization: basic('owner', secretOf('owner')) })
    expect(through.status).toBe((await broken(registry.url, {})).status)
    // docker-registry has written what came, and then knows the upload no more.
    if (kind === 'docker-registry') return
    const kept = Number(/^0-(\d+)$/.exec(String(through.headers.range))?.[1]) + 1
    expect(kept).toBe(3 * MIB)
    const rest = await sendChunk(locationOf(through), kept, content.length)
    const done = await owner(committing(locationOf(rest), digest), { method: 'PUT' })
    expect([done.status, done.headers['docker-content-digest']]).toEqual([201, digest])
  })

  it('of other bytes than their digest says are refused with the registry’s own word', async () => {
    const location = await begun('samples/wrong')
    const answer = await owner(committing(location, digestOf(Buffer.from('other'))), { method: 'PUT', body: content })
    expect(answer.status).toBe(400)
    expect(codeOf(answer)).toEqual(refusedWith('DIGEST_INVALID'))
  })

  it('that are cancelled are gone', async () => {
    const location = await begun('samples/cancelled')
    expect((await owner(location, { method: 'DELETE' })).status).toBe(204)
    const after = await owner(location)
    expect(after.status).toBe(404)
    expect(codeOf(after)).toEqual(refusedWith('BLOB_UPLOAD_UNKNOWN'))
  })

  describe('belong to their caller and their repository', () => {
    const methods = ['GET', 'PATCH', 'PUT', 'DELETE'] as const
    const thieves: readonly { readonly who: string; readonly name: string; readonly repository?: string }[] = [
      { who: 'another caller with the same rights', name: 'other' },
      { who: 'the same caller for another repository', name: 'owner', repository: 'samples/elsewhere' },
      { who: 'the same caller for a repository below', name: 'owner', repository: 'samples/bound/below' },
    ]
    const attempts = thieves.flatMap((thief) => methods.map((method) => ({ ...thief, method })))

    let location = ''
    beforeAll(async () => {
      location = await begun('samples/bound')
    })

    const asks = (method: string, where: string): readonly [string, Question] => [
      method === 'PUT' ? committing(where, digest) : where,
      { method, ...(method === 'PATCH' || method === 'PUT' ? { body: 'stolen' } : {}) },
    ]

    it.each(attempts)('$method by $who does not exist', async ({ method, name, repository = 'samples/bound' }) => {
      await registry.forgetRequests()
      const elsewhere = location.replace('/v2/samples/bound/', `/v2/${repository}/`)
      const answer = await callerOf(gate, name)(...asks(method, elsewhere))
      expect(answer.status).toBe(404)
      expect(codeOf(answer)).toEqual(refusedWith('BLOB_UPLOAD_UNKNOWN'))
      expect(await registry.requests()).toEqual([])
    })

    it.each(methods)('%s by who may only read is refused', async (method) => {
      await registry.forgetRequests()
      const answer = await callerOf(gate, 'reader')(...asks(method, location))
      expect(answer.status).toBe(403)
      expect(codeOf(answer)).toEqual(refusedWith('DENIED'))
      expect(await registry.requests()).toEqual([])
    })

    it.each(methods)('%s on the registry’s own session name does not exist', async (method) => {
      const direct = await ask(`${registry.url}/v2/samples/bound/blobs/uploads/`, { method: 'POST' })
      const { pathname, search } = new URL(locationOf(direct), registry.url)
      await registry.forgetRequests()
      const answer = await owner(...asks(method, `${pathname}${search}`))
      expect([400, 404]).toContain(answer.status)
      expect(codeOf(answer)).toEqual({ errors: [expect.anything()] })
      expect(await registry.requests()).toEqual([])
    })

    it('and are whole when their caller goes on', async () => {
      const done = await owner(committing(location, digest), { method: 'PUT', body: content })
      expect([done.status, done.headers['docker-content-digest']]).toEqual([201, digest])
    })
  })

  it.each(['PATCH', 'PUT'])('above the gate’s limit are 413 by %s, and the registry sees nothing', async (method) => {
    const location = await begun('samples/limit')
    await registry.forgetRequests()
    const headers = { 'content-length': String(LIMIT + 1), expect: '100-continue' }
    const answer = await owner(committing(location, digest), { method, headers, body: stalling(content) })
    expect(answer.status).toBe(413)
    expect(answer.headers['content-type']).toBe('application/json')
    expect(codeOf(answer)).toEqual({
      errors: [expect.objectContaining({ code: 'SIZE_INVALID', detail: { bytes: LIMIT + 1, limit: LIMIT } })],
    })
    expect(await registry.requests()).toEqual([])
  })

  it('of just the limit are taken', async () => {
    const body = noise('limit', LIMIT)
    const location = await begun('samples/limit')
    expect((await owner(committing(location, digestOf(body)), { method: 'PUT', body })).status).toBe(201)
  })
})

describe('a registry that refuses before the upload has ended', () => {
  let upstream: FakeUpstream
  let gate: Gate
  gateBefore(startFakeUpstream, { policies }, (started, before) => {
    upstream = before
    gate = started
  })

  const LONG = 64 * MIB
  const refusals = [
    { status: 413, type: 'application/json', code: 'SIZE_INVALID' },
    { status: 413, type: 'text/html', code: 'SIZE_INVALID' },
    { status: 400, type: 'application/json', code: 'BLOB_UPLOAD_INVALID' },
    { status: 403, type: 'application/json', code: 'DENIED' },
    { status: 404, type: 'application/json', code: 'BLOB_UPLOAD_UNKNOWN' },
    { status: 429, type: 'application/json', code: 'TOOMANYREQUESTS' },
    { status: 500, type: 'text/html', code: 'UNAVAILABLE', answered: 502 },
    { status: 503, type: 'text/plain', code: 'UNAVAILABLE' },
  ] as const

  it.each(refusals)('with $status as $type is heard, and harms nobody after', async (refusal) => {
    const { status, type, code } = refusal
    const error = JSON.stringify({ errors: [{ code, message: 'no' }] })
    const location = '/v2/samples/app/blobs/uploads/1'
    upstream.behave((request, response) => {
      if (request.method === 'POST') return void response.writeHead(202, { location }).end()
      if (request.method === 'GET') {
        return void response.writeHead(200, { 'content-type': 'application/octet-stream' }).end('whole')
      }
      // Answers at the first byte, and never reads the rest.
      request.once('readable', () => response.writeHead(status, { 'content-type': type }).end(error))
    })
    const owner = callerOf(gate, 'owner')
    const session = locationOf(await owner('/v2/samples/app/blobs/uploads/', { method: 'POST' }))
    const refused = await owner(session, {
      method: 'PATCH',
      headers: { 'content-length': String(LONG) },
      body: stalling(Buffer.alloc(MIB)),
    })
    expect(refused.status).toBe('answered' in refusal ? refusal.answered : status)
    expect(refused.headers['content-type']).toMatch(/^application\/json/)
    expect(codeOf(refused)).toEqual(refusedWith(code))

    const started = performance.now()
    const next = await Promise.all(Array.from({ length: 8 }, () => owner(`/v2/samples/app/blobs/${digest}`)))
    expect(next.map((answer) => [answer.status, answer.body.toString()])).toEqual(Array(8).fill([200, 'whole']))
    expect(performance.now() - started).toBeLessThan(5_000)
  })

  it('harms nobody either while its client stays with the rest of the upload', async () => {
    upstream.behave((request, response) => {
      if (request.method === 'POST') {
        return void response.writeHead(202, { location: '/v2/samples/app/blobs/uploads/1' }).end()
      }
      if (request.method === 'GET') return void response.writeHead(200).end('whole')
      request.once('readable', () =>
        response.writeHead(413, { 'content-type': 'application/json' }).end('{"errors":[]}'),
      )
    })
    const owner = callerOf(gate, 'owner')
    const headers = { authorization: basic('owner', secretOf('owner')), 'content-length': String(LONG) }
    const clients = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const session = locationOf(await owner('/v2/samples/app/blobs/uploads/', { method: 'POST' }))
        return linger(new URL(session, gate.url).href, { method: 'PATCH', headers }, Buffer.alloc(MIB))
      }),
    )
    expect(clients.map(({ status }) => status)).toEqual([413, 413, 413, 413])
    const started = performance.now()
    const next = await Promise.all(Array.from({ length: 8 }, () => owner(`/v2/samples/app/blobs/${digest}`)))
    expect(next.map(({ status }) => status)).toEqual(Array(8).fill(200))
    expect(performance.now() - started).toBeLessThan(5_000)
    for (const client of clients) client.leave()
  })

  it('or by a client that leaves in the middle, which the registry sees end', async () => {
    let aborted = false
    upstream.behave((request, response) => {
      if (request.method === 'POST')
        return void response.writeHead(202, { location: '/v2/samples/app/blobs/uploads/1' }).end()
      if (request.method === 'GET') return void response.writeHead(200).end('whole')
      request.on('close', () => {
        aborted = !request.complete
      })
      request.resume()
    })
    const owner = callerOf(gate, 'owner')
    const session = locationOf(await owner('/v2/samples/app/blobs/uploads/', { method: 'POST' }))
    const headers = { authorization: basic('owner', secretOf('owner')), 'content-length': String(LONG) }
    await breakOff(new URL(session, gate.url).href, { method: 'PATCH', headers }, Buffer.alloc(MIB))
    await until(5_000, 'the registry still waits for the rest of the upload', () => aborted)
    expect((await owner(`/v2/samples/app/blobs/${digest}`)).status).toBe(200)
  })
})
