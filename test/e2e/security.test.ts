/**
 * Attacks that need the real thing: the reference registry behind the gate, which reads parameters from forms and finds
 * uploads by their identifier alone; and headers byte for byte, as no client library would send them.
 */

import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { requireClients } from './tools/clients.ts'
import { type Gate, sha256, startGate } from './tools/gate.ts'
import { digestOf } from './tools/images.ts'
import { type Recorder, sendRaw, startRecorder } from './tools/raw.ts'
import { type Registry, startDockerRegistry } from './tools/registries.ts'

const SECRETS = {
  pusher: 'pusher-secret-of-this-test',
  owner: 'owner-secret-of-this-test',
  other: 'other-secret-of-this-test',
}
const policies = {
  'policy.yaml': `
registry: { service: registry.example.com, anonymous: [repositories/public/*/content/read] }
scopeMaps:
  push-open: { actions: [repositories/open/*/content/read, repositories/open/*/content/write] }
tokens:
${Object.entries(SECRETS)
  .map(
    ([name, secret]) =>
      `  ${name}: { scopeMap: ${name === 'owner' ? '_repositories_admin' : 'push-open'}, credentials: { password1: { sha256: ${sha256(secret)} } } }`,
  )
  .join('\n')}
`,
}
type Name = keyof typeof SECRETS
const authorizationOf = (name: Name): string => `Basic ${Buffer.from(`${name}:${SECRETS[name]}`).toString('base64')}`

const content = Buffer.from('what only its owner may read')
const digest = digestOf(content)

describe.runIf(requireClients(['docker-registry']))('before the reference registry', () => {
  let registry: Registry
  let gate: Gate
  beforeAll(async () => {
    registry = await startDockerRegistry()
    gate = await startGate({ policies, upstream: registry.url })
    const started = await call('owner', 'POST', '/v2/secret/app/blobs/uploads/')
    const location = started.headers.get('location') ?? ''
    expect((await call('owner', 'PUT', committing(location), {}, content)).status).toBe(201)
  })
  afterAll(async () => {
    await gate.stop()
    await registry.stop()
  })

  const committing = (location: string): string => `${location}${location.includes('?') ? '&' : '?'}digest=${digest}`

  const call = (
    name: Name,
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: Uint8Array<ArrayBuffer> | string,
  ) =>
    fetch(path.startsWith(gate.url) ? path : `${gate.url}${path}`, {
      method,
      headers: { authorization: authorizationOf(name), ...headers },
      body: body ?? null,
      redirect: 'manual',
    })

  const UPLOADS = '/v2/open/stolen/blobs/uploads/'
  const parameters = `mount=${digest}&from=secret/app`
  const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
  const multipart = ['mount', 'from']
    .map(
      (key) =>
        `--x\r\nContent-Disposition: form-data; name="${key}"\r\n\r\n${key === 'mount' ? digest : 'secret/app'}\r\n`,
    )
    .join('')
  type Attack = readonly [what: string, query: string, headers: Record<string, string>, body: string | undefined]
  const ATTACKS: readonly Attack[] = [
    ['the query', `?${parameters}`, {}, undefined],
    ['a form', '', FORM, parameters],
    ['a form with a charset', '', { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' }, parameters],
    ['a form in capitals', '', { 'content-type': 'APPLICATION/X-WWW-FORM-URLENCODED' }, parameters],
    ['a multipart form', '', { 'content-type': 'multipart/form-data; boundary=x' }, `${multipart}--x--\r\n`],
    ['half a query and half a form', `?mount=${digest}`, FORM, 'from=secret/app'],
    ['the other half', '?from=secret/app', FORM, `mount=${digest}`],
    ['a form over a query', `?mount=${digest}&from=open/stolen`, FORM, 'from=secret/app'],
    ['a query with the key twice', `?mount=${digest}&from=open/x&from=secret/app`, {}, undefined],
    ['an escaped key', `?mount=${digest}&fr%6fm=secret/app`, {}, undefined],
    ['an escaped name', `?mount=${digest}&from=secret%2Fapp`, {}, undefined],
    ['no source', `?mount=${digest}`, {}, undefined],
    ['a body that says that it is not a form', '', { 'content-type': 'application/octet-stream' }, parameters],
  ]

  it('the attack is real: a form that reaches the registry mounts', async () => {
    const answer = await fetch(`${registry.url}/v2/open/direct/blobs/uploads/`, {
      method: 'POST',
      headers: FORM,
      body: parameters,
    })
    expect(answer.status).toBe(201)
  })

  it.each(ATTACKS)('nothing is mounted by %s', async (_, query, headers, body) => {
    const answer = await call('pusher', 'POST', `${UPLOADS}${query}`, headers, body)
    expect([202, 400, 415]).toContain(answer.status)
    expect((await call('pusher', 'GET', `/v2/open/stolen/blobs/${digest}`)).status).toBe(404)
    expect((await call('pusher', 'GET', `/v2/secret/app/blobs/${digest}`)).status).toBe(403)
  })

  it('who may read both mounts', async () => {
    const answer = await call('owner', 'POST', `/v2/open/given/blobs/uploads/?${parameters}`)
    expect(answer.status).toBe(201)
  })

  it('an upload is nobody else’s, and of no other repository', async () => {
    const started = await call('pusher', 'POST', '/v2/open/mine/blobs/uploads/')
    const location = started.headers.get('location') ?? ''
    const uuid = started.headers.get('docker-upload-uuid') ?? ''
    expect(uuid).not.toBe('')
    const elsewhere = location.replace('/open/mine/', '/open/yours/')
    const never = await call('other', 'GET', '/v2/open/mine/blobs/uploads/never')
    const answers: Response[] = []
    for (const [name, path] of [
      ['other', location],
      ['owner', location],
      ['pusher', elsewhere],
      ['owner', elsewhere],
      ['pusher', `/v2/open/mine/blobs/uploads/${uuid}`],
      ['other', `/v2/open/mine/blobs/uploads/${uuid}`],
    ] as const) {
      await registry.forgetRequests()
      for (const method of ['GET', 'PATCH', 'DELETE']) answers.push(await call(name, method, path))
      answers.push(await call(name, 'PUT', committing(path), {}, content))
      expect(await registry.requests(), `${name} ${path}`).toEqual([])
    }
    const text = await never.text()
    for (const answer of answers) expect([answer.status, await answer.text()]).toEqual([404, text])
    // It goes on for whom it belongs to.
    expect((await call('pusher', 'PUT', committing(location), {}, content)).status).toBe(201)
  })

  it('a manifest says one media type in its header and its body, or the registry refuses it', async () => {
    const index = 'application/vnd.oci.image.index.v1+json'
    const body = JSON.stringify({ schemaVersion: 2, mediaType: index, manifests: [] })
    const headers = { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }
    const answer = await call('pusher', 'PUT', '/v2/open/mine/manifests/confused', headers, body)
    expect(answer.status).toBe(400)
  })
})

describe('headers byte for byte', () => {
  type HeaderCase = {
    readonly headers: readonly (readonly [string, string])[]
    readonly expected: { readonly class: string; readonly status?: readonly number[] }
    readonly why: string
  }
  const text = readFileSync(new URL('../vectors/headers.json', import.meta.url), 'utf8')
  const cases: readonly HeaderCase[] = JSON.parse(text).cases
  // A line break would be another header, and what has no UTF-8 cannot be sent.
  const sendable = cases.filter(({ headers }) =>
    headers.every((pair) => pair.join('').isWellFormed() && !/[\r\n]/.test(pair.join(''))),
  )
  let recorder: Recorder
  let gate: Gate
  beforeAll(async () => {
    recorder = await startRecorder()
    gate = await startGate({ policies, upstream: recorder.url, environment: { UPSTREAM_AUTHORIZATION: 'Basic gate' } })
  })
  afterAll(async () => {
    await gate.stop()
    await recorder.close()
  })

  it.each(sendable.map((row) => [`${JSON.stringify(row.headers).slice(0, 120)}: ${row.why}`, row] as const))(
    '%s',
    async (_, { headers, expected }) => {
      const lines = headers.map(([name, value]) => `${name}: ${value}`)
      const open = (path: string) => sendRaw(gate.url, [`GET ${path} HTTP/1.1`, ...lines])
      // The runtime drops a header without a value, so that no Worker can see it.
      const isDropped = headers.every(([, value]) => value.trim() === '')
      const shared = await open('/v2/public/base/manifests/v1')
      const sharedSeen = recorder.take()
      const secret = await open('/v2/secret/app/manifests/v1')
      expect(recorder.take()).toEqual([])
      expect(secret.status === 0 || (secret.status >= 400 && secret.status < 500), `${secret.status}`).toBe(true)
      if (expected.class === 'anonymous' || isDropped) {
        // Some headers concern the connection, and the runtime answers them itself.
        if (shared.status < 400) expect(sharedSeen).toEqual(['GET /v2/public/base/manifests/v1'])
        return
      }
      expect(sharedSeen).toEqual([])
      expect([0, 400, 401, ...(expected.status ?? [])]).toContain(shared.status)
    },
  )
})
