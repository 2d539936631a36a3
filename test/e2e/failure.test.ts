/**
 * A registry that fails, in every way a registry can: anyone who asks reads what happened, in JSON that registry clients know,
 * with a status on which they ask again only where that helps; and the gate is there for the next one.
 */

import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { openSession, requireClients } from './tools/clients.ts'
import { crane, pullDirectory, skopeo } from './tools/drivers.ts'
import { type Behaviour, type FakeUpstream, startFakeUpstream } from './tools/fakeupstream.ts'
import { type Gate, sha256, startGate } from './tools/gate.ts'
import { gateBefore } from './tools/gate-fixture.ts'
import { digestOf, MIB, mediaTypes } from './tools/images.ts'
import { type Answer, ask, basic, begin, type Question } from './tools/wire.ts'

const PASSWORD = 'everything-secret-of-this-test-only'
const policies = {
  'policies.yaml': `
registry: { service: registry.example.com }
tokens:
  everything: { scopeMap: _repositories_admin, credentials: { password1: { sha256: ${sha256(PASSWORD)} } } }
roleAssignments:
  - { principal: 'token:everything', role: Container Registry Repository Catalog Lister }
`,
}

const TIMEOUT_SECONDS = 1
const digest = digestOf(Buffer.from('a blob'))
const authorization = basic('everything', PASSWORD)

/** What no client may ever read: an upstream's own page, its inside, an empty failure. */
function expectClear(answer: Answer, status: number, code: string, method = 'GET'): void {
  expect(answer.status).toBe(status)
  expect(answer.headers['content-type']).toBe('application/json')
  for (const header of ['set-cookie', 'www-authenticate', 'server', 'x-powered-by', 'location']) {
    expect(answer.headers).not.toHaveProperty(header)
  }
  if (method === 'HEAD') {
    expect(answer.body.length).toBe(0)
    return
  }
  expect(answer.json()).toEqual({ errors: [expect.objectContaining({ code })] })
  expect(answer.body.toString()).not.toMatch(/<|secret of the inside|127\.0\.0\.1/)
}

describe('a registry that fails', () => {
  let upstream: FakeUpstream
  let gate: Gate
  const environment = { UPSTREAM_TIMEOUT_SECONDS: String(TIMEOUT_SECONDS) }
  gateBefore(startFakeUpstream, { policies, environment }, (started, before) => {
    upstream = before
    gate = started
  })

  const asks = (target: string, question: Question = {}): Promise<Answer> =>
    ask(new URL(target, gate.url).href, { ...question, headers: { authorization, ...question.headers } })

  /** The gate is none the worse for what just happened. */
  afterEach(async () => {
    upstream.behave((_, response) => void response.writeHead(200, { 'content-length': '5' }).end('whole'))
    const answer = await asks(`/v2/team/app/blobs/${digest}`)
    expect([answer.status, answer.body.toString()]).toEqual([200, 'whole'])
    upstream.take()
  })

  /** One request of each sort that reaches a registry: what is read, written, listed, deleted. */
  const sorts: readonly { readonly method: string; readonly target: string; readonly body?: string }[] = [
    { method: 'GET', target: '/v2/team/app/manifests/v1' },
    { method: 'HEAD', target: '/v2/team/app/manifests/v1' },
    { method: 'GET', target: `/v2/team/app/blobs/${digest}` },
    { method: 'HEAD', target: `/v2/team/app/blobs/${digest}` },
    { method: 'POST', target: '/v2/team/app/blobs/uploads/' },
    { method: 'POST', target: `/v2/team/app/blobs/uploads/?mount=${digest}&from=team/base` },
    { method: 'POST', target: `/v2/team/app/blobs/uploads/?digest=${digest}`, body: 'a blob' },
    { method: 'PUT', target: '/v2/team/app/manifests/v1', body: '{"schemaVersion":2}' },
    { method: 'DELETE', target: `/v2/team/app/manifests/${digest}` },
    { method: 'GET', target: '/v2/team/app/tags/list' },
    { method: 'GET', target: `/v2/team/app/referrers/${digest}` },
    { method: 'GET', target: '/v2/_catalog' },
  ]

  const page = '<html><body>secret of the inside</body></html>'
  const html = (status: number): Behaviour => {
    const headers = { 'content-type': 'text/html', 'set-cookie': 'a=b', server: 'inside', 'x-powered-by': 'inside' }
    return (_, response) => void response.writeHead(status, headers).end(page)
  }
  const cutOff: Behaviour = (request) => void request.socket.destroy()
  const garbage: Behaviour = (request) => void request.socket.end('secret of the inside\r\n\r\n')
  const halfHead: Behaviour = (request) => void request.socket.end('HTTP/1.1 200 OK\r\nContent-Le')
  const challenge: Behaviour = (_, response) => {
    const headers = { 'www-authenticate': 'Negotiate', 'content-type': 'application/json' }
    response.writeHead(401, headers).end('{"errors":[{"code":"UNAUTHORIZED","message":"secret of the inside"}]}')
  }

  const failures: readonly { how: string; behaviour: Behaviour; status: number; code: string }[] = [
    { how: 'by closing the connection', behaviour: cutOff, status: 502, code: 'UNAVAILABLE' },
    { how: 'by answering something else than HTTP', behaviour: garbage, status: 502, code: 'UNAVAILABLE' },
    { how: 'by breaking off in its head', behaviour: halfHead, status: 502, code: 'UNAVAILABLE' },
    { how: 'with a page of a 500', behaviour: html(500), status: 502, code: 'UNAVAILABLE' },
    { how: 'with a page of a 502', behaviour: html(502), status: 502, code: 'UNAVAILABLE' },
    { how: 'with a page of a 503', behaviour: html(503), status: 503, code: 'UNAVAILABLE' },
    { how: 'with a page of a 504', behaviour: html(504), status: 504, code: 'UNAVAILABLE' },
    { how: 'with a page of a 403', behaviour: html(403), status: 403, code: 'DENIED' },
    { how: 'with a page of a 429', behaviour: html(429), status: 429, code: 'TOOMANYREQUESTS' },
    { how: 'by asking the gate for what it has not', behaviour: challenge, status: 502, code: 'UNAVAILABLE' },
  ]

  it.each(failures)('$how is answered $status, whatever was asked', async ({ behaviour, status, code }) => {
    for (const { method, target, ...body } of sorts) {
      upstream.behave(behaviour)
      expectClear(await asks(target, { method, ...body }), status, code, method)
    }
  })

  it('with an empty 500 is answered in words', async () => {
    upstream.behave((_, response) => void response.writeHead(500).end())
    expectClear(await asks('/v2/team/app/manifests/v1'), 502, 'UNAVAILABLE')
  })

  it('keeps its Retry-After, so that clients wait as long as it needs', async () => {
    upstream.behave((_, response) => void response.writeHead(503, { 'retry-after': '7' }).end())
    const answer = await asks('/v2/team/app/manifests/v1')
    expectClear(answer, 503, 'UNAVAILABLE')
    expect(answer.headers['retry-after']).toBe('7')
  })

  it('that is silent is 504 after the time limit, whatever was asked', async () => {
    upstream.behave(() => undefined)
    const started = performance.now()
    const answers = await Promise.all(
      sorts.map(async ({ method, target, ...body }) => ({ method, answer: await asks(target, { method, ...body }) })),
    )
    for (const { method, answer } of answers) expectClear(answer, 504, 'UNAVAILABLE', method)
    const seconds = (performance.now() - started) / 1000
    expect(seconds).toBeGreaterThanOrEqual(TIMEOUT_SECONDS - 0.05)
    expect(seconds).toBeLessThan(TIMEOUT_SECONDS + 2)
  })

  it('that is slow within the time limit, or once it has begun, is waited for', async () => {
    upstream.behave(async (_, response) => {
      await delay(TIMEOUT_SECONDS * 600)
      response.writeHead(200, { 'content-length': '2' }).write('o')
      await delay(TIMEOUT_SECONDS * 600)
      response.end('k')
    })
    const answer = await asks(`/v2/team/app/blobs/${digest}`)
    expect([answer.status, answer.body.toString()]).toEqual([200, 'ok'])
  })

  const breaking: readonly { how: string; headers: Readonly<Record<string, string>> }[] = [
    { how: 'of known length', headers: { 'content-length': String(8 * MIB) } },
    { how: 'of unknown length', headers: {} },
  ]
  it.each(breaking)('in the middle of a blob $how breaks off, and does not look whole', async ({ headers }) => {
    upstream.behave((request, response) => {
      response.writeHead(200, { 'content-type': 'application/octet-stream', ...headers })
      response.write(Buffer.alloc(MIB), () => setTimeout(() => request.socket.resetAndDestroy(), 50))
    })
    const answer = await begin(`${gate.url}/v2/team/app/blobs/${digest}`, { headers: { authorization } })
    expect(answer.statusCode).toBe(200)
    const whole = new Promise((resolve, reject) => {
      answer.on('end', resolve).on('error', reject).resume()
    })
    await expect(whole).rejects.toThrow(/aborted/)
  })

  it('in the middle of a list is 502, and shows no part of it', async () => {
    upstream.behave((request, response) => {
      const { searchParams } = new URL(request.url ?? '', upstream.url)
      if (searchParams.has('last')) return html(500)(request, response)
      const headers = { 'content-type': 'application/json', link: '</v2/_catalog?n=2&last=team/b>; rel="next"' }
      response.writeHead(200, headers).end('{"repositories":["team/a","team/b"]}')
    })
    const answer = await asks('/v2/_catalog?n=5')
    expectClear(answer, 502, 'UNAVAILABLE')
    expect(answer.body.toString()).not.toContain('team/')
  })

  describe('by nonsense', () => {
    const json = { 'content-type': 'application/json' }
    const nonsense: readonly {
      what: string
      method?: string
      target: string
      body?: string
      status: number
      headers?: Record<string, string>
      answer?: string
    }[] = [
      { what: 'a page for a manifest', target: '/v2/team/app/manifests/v1', status: 200, answer: page },
      { what: 'a page for a list', target: '/v2/team/app/tags/list', status: 200, answer: page },
      { what: 'half a list', target: '/v2/_catalog', status: 200, headers: json, answer: '{"repositories":["te' },
      { what: 'a list of numbers', target: '/v2/_catalog', status: 200, headers: json, answer: '{"repositories":[1]}' },
      {
        what: 'a list that is a text',
        target: '/v2/_catalog',
        status: 200,
        headers: json,
        answer: '{"repositories":"a"}',
      },
      {
        what: 'a part of a list',
        target: '/v2/_catalog',
        status: 206,
        headers: json,
        answer: '{"repositories":["a"]}',
      },
      {
        what: 'a list that is elsewhere',
        target: '/v2/team/app/tags/list',
        status: 302,
        headers: { location: 'http://127.0.0.1:1/secret of the inside' },
      },
      {
        what: 'a list in a circle',
        target: '/v2/_catalog?n=3',
        status: 200,
        headers: { ...json, link: '</v2/_catalog?n=4>; rel="next"' },
        answer: '{"repositories":["a"]}',
      },
      { what: 'an upload without a place', method: 'POST', target: '/v2/team/app/blobs/uploads/', status: 202 },
      {
        what: 'an upload on a host that nobody allowed',
        method: 'POST',
        target: '/v2/team/app/blobs/uploads/',
        status: 202,
        headers: { location: 'https://elsewhere.example/secret' },
      },
      {
        what: 'an upload at no URL',
        method: 'POST',
        target: '/v2/team/app/blobs/uploads/',
        status: 202,
        headers: { location: 'http://[' },
      },
    ]
    it.each(nonsense)('$what is 502', async ({ target, method = 'GET', status, headers, answer }) => {
      upstream.behave((_, response) => {
        response.writeHead(status, { 'content-type': 'text/html', ...headers }).end(answer)
      })
      expectClear(await asks(target, { method }), 502, 'UNAVAILABLE')
    })

    it('a list without end is bounded work', async () => {
      let pages = 0
      upstream.behave((_, response) => {
        pages += 1
        const link = `</v2/_catalog?n=1&last=hidden-${pages}>; rel="next"`
        response.writeHead(200, { ...json, link }).end(`{"repositories":["HIDDEN/${pages}"]}`)
      })
      const answer = await asks('/v2/_catalog?n=10')
      expect([answer.status, answer.json()]).toEqual([200, { repositories: [] }])
      expect(answer.headers.link).toMatch(/^<\/v2\/_catalog\?n=10&last=~[\w-]+>; rel="next"$/)
      expect(pages).toBeLessThanOrEqual(32)
      expect(upstream.take().length).toBe(pages)
    })

    it('a list larger than any is not read to its end', async () => {
      let sent = 0
      const part = Buffer.from(`"${'a'.repeat(MIB - 3)}",`)
      upstream.behave(async (_, response) => {
        response.writeHead(200, json).write('{"repositories":[')
        for (; sent < 64 * MIB && !response.destroyed; sent += part.length) {
          if (!response.write(part)) await Promise.race([new Promise((go) => response.once('drain', go)), delay(200)])
        }
        response.end()
      })
      expectClear(await asks('/v2/_catalog'), 502, 'UNAVAILABLE')
      expect(sent).toBeLessThan(40 * MIB)
    })
  })

  it('tells its operator what happened, and each client the same little', async () => {
    upstream.behave(cutOff)
    await asks('/v2/team/app/manifests/v1')
    upstream.behave(() => undefined)
    await asks('/v2/team/app/manifests/v1')
    expect(gate.log()).toContain('the registry cannot be reached: look whether it runs and UPSTREAM is right')
    expect(gate.log()).toContain('the registry did not begin to answer within UPSTREAM_TIMEOUT_SECONDS')
    expect(gate.log()).not.toContain(PASSWORD)
  })

  describe.runIf(requireClients(['busybox', 'crane', 'skopeo']))('to the person at a client', () => {
    const account = { username: 'everything', password: PASSWORD }

    it.each([crane, skopeo])('$client says what the gate says', async (driver) => {
      const session = openSession()
      expect(await driver.login(session, gate.host, account)).toMatchObject({ status: 0 })
      upstream.behave(html(500))
      const pulled = await driver.pull(session, `${gate.host}/team/app:v1`, pullDirectory())
      expect(pulled.status).not.toBe(0)
      expect(pulled.stderr).toMatch(/the registry behind the gate failed with status 500|502/)
      expect(pulled.stderr).not.toMatch(/<html|invalid character/)
    })

    it.each([crane, skopeo])('$client does not take half a layer for a whole one', async (driver) => {
      const session = openSession()
      expect(await driver.login(session, gate.host, account)).toMatchObject({ status: 0 })
      const layer = Buffer.alloc(2 * MIB, 7)
      const config = Buffer.from('{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}')
      const manifest = Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: mediaTypes.manifest,
          config: { mediaType: mediaTypes.config, digest: digestOf(config), size: config.length },
          layers: [{ mediaType: mediaTypes.layer, digest: digestOf(layer), size: layer.length }],
        }),
      )
      upstream.behave((request, response) => {
        const { url = '' } = request
        if (url.includes('/manifests/')) {
          const headers = { 'content-type': mediaTypes.manifest, 'docker-content-digest': digestOf(manifest) }
          return void response
            .writeHead(200, { ...headers, 'content-length': manifest.length })
            .end(request.method === 'HEAD' ? undefined : manifest)
        }
        if (url.endsWith(digestOf(config))) {
          return void response.writeHead(200, { 'content-length': config.length }).end(config)
        }
        response.writeHead(200, { 'content-length': layer.length })
        response.write(layer.subarray(0, MIB), () => request.socket.resetAndDestroy())
      })
      const pulled = await session.run(
        driver.client,
        driver === crane
          ? ['pull', '--insecure', `${gate.host}/team/app:v1`, `${session.home}/image.tar`]
          : ['copy', '--src-tls-verify=false', `docker://${gate.host}/team/app:v1`, `dir:${session.home}/image`],
        { timeoutMs: 20_000 },
      )
      expect(pulled.status).not.toBe(0)
    })
  })
})

describe('a registry that is not there', () => {
  it('is 502, and the gate is alive and ready all the same', async () => {
    const upstream = await startFakeUpstream()
    await upstream.stop()
    const gate = await startGate({ policies, upstream: upstream.url })
    const answer = await ask(`${gate.url}/v2/team/app/manifests/v1`, { headers: { authorization } })
    expectClear(answer, 502, 'UNAVAILABLE')
    for (const path of ['/livez', '/readyz']) expect((await ask(`${gate.url}${path}`)).status).toBe(200)
    expect((await ask(`${gate.url}/v2/`, { headers: { authorization } })).status).toBe(200)
    await gate.stop()
  })
})
