/**
 * Large layers through the gate: they flow, both ways, at the pace of the slower side, and the gate holds no more of them
 * than is on its way.
 */

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { openSession, requireClients } from './tools/clients.ts'
import { crane, pullDirectory, skopeo } from './tools/drivers.ts'
import { type FakeUpstream, startFakeUpstream } from './tools/fakeupstream.ts'
import { type Gate, sha256 } from './tools/gate.ts'
import { gateBefore } from './tools/gate-fixture.ts'
import { contentOf, imageLayout, MIB, noise, readLayout } from './tools/images.ts'
import { growthDuring, listenerOf } from './tools/memory.ts'
import { registryKinds } from './tools/registries.ts'
import { ask, basic, begin } from './tools/wire.ts'

const PASSWORD = 'everything-secret-of-this-test-only'
const authorization = basic('everything', PASSWORD)
const policies = {
  'everything.yaml': `
registry: { service: registry.example.com }
tokens:
  everything: { scopeMap: _repositories_admin, credentials: { password1: { sha256: ${sha256(PASSWORD)} } } }
`,
}

const LAYER_MIB = 200
/** Far below a layer, far above what a runtime's own bookkeeping takes. */
const GROWTH_MAX = 32 * MIB

const block = noise('one block of the layer', MIB)

/** The layer: one block again and again, each with its number at its beginning. */
function* layer(): Generator<Buffer> {
  for (let number = 0; number < LAYER_MIB; number += 1) {
    const numbered = Buffer.from(block)
    numbered.writeUInt32BE(number)
    yield numbered
  }
}

const layerDigest = (() => {
  const hash = createHash('sha256')
  for (const bytes of layer()) hash.update(bytes)
  return `sha256:${hash.digest('hex')}`
})()

const ofLength = { 'content-length': String(LAYER_MIB * MIB) }

describe.runIf(requireClients(['docker-registry', 'busybox', 'crane', 'skopeo'])).each(registryKinds)(
  'a layer of 200 MiB through the gate before $kind',
  ({ start }) => {
    let gate: Gate
    let workerd: number
    gateBefore(start, { policies }, async (started) => {
      gate = started
      workerd = listenerOf(gate.url)
      // What a first request takes does not count as growth of the layers that follow.
      await ask(`${gate.url}/v2/large/none/blobs/${layerDigest}`, { headers: { authorization } })
    })

    const openUpload = async (repository: string): Promise<string> => {
      const url = `${gate.url}/v2/${repository}/blobs/uploads/`
      const { status, headers } = await ask(url, { method: 'POST', headers: { authorization } })
      expect(status).toBe(202)
      return new URL(String(headers.location), gate.url).href
    }

    const commit = async (location: string, question: Parameters<typeof ask>[1] = {}) => {
      const url = new URL(location)
      url.searchParams.set('digest', layerDigest)
      return ask(url.href, { method: 'PUT', ...question, headers: { authorization, ...question.headers } })
    }

    it('arrives as one PATCH of unknown length, as Docker sends it', async () => {
      const growth = await growthDuring(workerd, async () => {
        const location = await openUpload('large/patch')
        const patched = await ask(location, {
          method: 'PATCH',
          headers: { authorization },
          body: Readable.from(layer()),
        })
        expect(patched.status).toBe(202)
        expect(patched.headers.range).toBe(`0-${LAYER_MIB * MIB - 1}`)
        const put = await commit(new URL(String(patched.headers.location), gate.url).href)
        expect([put.status, put.headers['docker-content-digest']]).toEqual([201, layerDigest])
      })
      expect(growth).toBeLessThan(GROWTH_MAX)
    })

    it('arrives as one PUT, as containerd and oras send it', async () => {
      const growth = await growthDuring(workerd, async () => {
        const location = await openUpload('large/put')
        expect((await commit(location, { headers: ofLength, body: Readable.from(layer()) })).status).toBe(201)
      })
      expect(growth).toBeLessThan(GROWTH_MAX)
    })

    it('is given back, of its own length and digest', async () => {
      const growth = await growthDuring(workerd, async () => {
        const answer = await begin(`${gate.url}/v2/large/put/blobs/${layerDigest}`, { headers: { authorization } })
        expect([answer.statusCode, answer.headers['content-length']]).toEqual([200, ofLength['content-length']])
        const hash = createHash('sha256')
        for await (const bytes of answer) hash.update(bytes)
        expect(`sha256:${hash.digest('hex')}`).toBe(layerDigest)
      })
      expect(growth).toBeLessThan(GROWTH_MAX)
    })

    it('is pushed with crane and pulled with skopeo', async () => {
      const layout = imageLayout({ seed: 'large', layerBytes: [LAYER_MIB * MIB] })
      const session = openSession()
      const reference = `${gate.host}/large/image:v1`
      const pulled = pullDirectory()
      const growth = await growthDuring(workerd, async () => {
        const account = { username: 'everything', password: PASSWORD }
        expect(await crane.login(session, gate.host, account)).toMatchObject({ status: 0 })
        expect(await crane.push(session, layout, reference)).toMatchObject({ status: 0 })
        expect(await skopeo.pull(session, reference, pulled)).toMatchObject({ status: 0 })
      })
      expect(await readLayout(pulled)).toEqual(contentOf(layout))
      expect(growth).toBeLessThan(GROWTH_MAX)
    })
  },
)

describe('the slower side', () => {
  let upstream: FakeUpstream
  let gate: Gate
  let workerd: number
  gateBefore(startFakeUpstream, { policies }, async (started, before) => {
    upstream = before
    gate = started
    workerd = listenerOf(gate.url)
    await ask(`${gate.url}/v2/large/none/blobs/${layerDigest}`, { headers: { authorization } })
  })

  /** What sockets and streams between the two ends may hold of a layer. */
  const ON_ITS_WAY_MAX = 64 * MIB
  const PAUSE_MS = 700

  it('is the client: the registry is not read ahead of it', async () => {
    let taken = 0
    upstream.behave((_, response) => {
      response.writeHead(200, { 'content-type': 'application/octet-stream', ...ofLength })
      const counted = Readable.from(layer()).on('data', (bytes: Buffer) => {
        taken += bytes.length
      })
      counted.pipe(response)
    })
    const growth = await growthDuring(workerd, async () => {
      const answer = await begin(`${gate.url}/v2/large/slow/blobs/${layerDigest}`, { headers: { authorization } })
      await delay(PAUSE_MS)
      expect(taken).toBeLessThan(ON_ITS_WAY_MAX)
      const hash = createHash('sha256')
      for await (const bytes of answer) hash.update(bytes)
      expect(`sha256:${hash.digest('hex')}`).toBe(layerDigest)
    })
    expect(growth).toBeLessThan(GROWTH_MAX)
  })

  it('is the registry: the client is not read ahead of it', async () => {
    upstream.behave(async (request, response) => {
      if (request.method === 'POST') {
        return void response.writeHead(202, { location: '/v2/large/slow/blobs/uploads/1' }).end()
      }
      request.pause()
      await delay(PAUSE_MS)
      request.resume()
      await once(request, 'end')
      response.writeHead(202, { location: '/v2/large/slow/blobs/uploads/1' }).end()
    })
    const posted = await ask(`${gate.url}/v2/large/slow/blobs/uploads/`, { method: 'POST', headers: { authorization } })
    let taken = 0
    const body = Readable.from(layer()).on('data', (bytes: Buffer) => {
      taken += bytes.length
    })
    const growth = await growthDuring(workerd, async () => {
      const location = new URL(String(posted.headers.location), gate.url).href
      const answer = begin(location, { method: 'PATCH', headers: { authorization }, body })
      await delay(PAUSE_MS / 2)
      expect(taken).toBeLessThan(ON_ITS_WAY_MAX)
      expect((await answer).resume().statusCode).toBe(202)
      expect(taken).toBe(LAYER_MIB * MIB)
    })
    expect(growth).toBeLessThan(GROWTH_MAX)
  })
})
