/**
 * The gate is invisible: the same conversation, held with a registry directly and with one of its kind through the gate,
 * gets the same statuses, headers and bytes.
 */

import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { requireClients } from './tools/clients.ts'
import { type FakeUpstream, startFakeUpstream } from './tools/fakeupstream.ts'
import { type Gate, sha256, startGate } from './tools/gate.ts'
import { gateBefore } from './tools/gate-fixture.ts'
import { digestOf, mediaTypes, noise } from './tools/images.ts'
import { type Registry, registryKinds } from './tools/registries.ts'
import { type Answer, ask, basic, begin, type Question } from './tools/wire.ts'

const PASSWORD = 'everything-secret-of-this-test-only'
const authorization = basic('everything', PASSWORD)
const policies = {
  'everything.yaml': `
registry: { service: registry.example.com }
tokens:
  everything: { scopeMap: _repositories_admin, credentials: { password1: { sha256: ${sha256(PASSWORD)} } } }
`,
}

const layer = noise('a layer', 100_000)
const config = Buffer.from('{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}')
const manifestOf = (more: object): Buffer =>
  Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: { mediaType: mediaTypes.config, digest: digestOf(config), size: config.length },
      layers: [{ mediaType: mediaTypes.layer, digest: digestOf(layer), size: layer.length }],
      ...more,
    }),
  )
const image = manifestOf({})
const referrer = manifestOf({
  artifactType: 'application/vnd.example.note',
  subject: { mediaType: mediaTypes.manifest, digest: digestOf(image), size: image.length },
})
const index = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: [{ mediaType: mediaTypes.manifest, digest: digestOf(image), size: image.length }],
  }),
)
const ABSENT = digestOf(Buffer.from('absent'))

/** What docker sends, and what a client of every format that ever was would. */
const accept = [
  mediaTypes.index,
  mediaTypes.manifest,
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.v1+prettyjws;q=0.5',
  '*/*;q=0.1',
].join(', ')

interface Step {
  readonly step: string
  readonly method: string
  /** `SESSION` stands for the `Location` of the last answer to have one. */
  readonly target: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
  /** docker-registry refuses a range with a text that is shorter than it says, and cannot be read. */
  readonly isRefused?: boolean
}

const at = (rest: string): string => `/v2/team/app/${rest}`
const blob = at(`blobs/${digestOf(layer)}`)
const pulls = (accepts: string) => ({ headers: { accept: accepts } })
const of = (type: string) => ({ headers: { 'content-type': type } })

/** One upload after the other, then what they make, then all ways to ask for it, then its end. */
const conversation: readonly Step[] = [
  { step: 'a manifest before there is one', method: 'GET', target: at('manifests/v1'), ...pulls(accept) },
  { step: 'its HEAD', method: 'HEAD', target: at('manifests/v1'), ...pulls(accept) },
  { step: 'a blob before there is one', method: 'HEAD', target: blob },
  { step: 'an upload begins', method: 'POST', target: at('blobs/uploads/') },
  { step: 'its status', method: 'GET', target: 'SESSION' },
  { step: 'a first chunk', method: 'PATCH', target: 'SESSION', body: layer.subarray(0, 60_000) },
  {
    step: 'a second chunk',
    method: 'PATCH',
    target: 'SESSION',
    headers: { 'content-range': '60000-99999', 'content-type': 'application/octet-stream' },
    body: layer.subarray(60_000),
  },
  { step: 'its status in the end', method: 'GET', target: 'SESSION' },
  { step: 'its end', method: 'PUT', target: `SESSION?digest=${digestOf(layer)}` },
  { step: 'an upload in one', method: 'POST', target: at('blobs/uploads/') },
  { step: 'all of it', method: 'PUT', target: `SESSION?digest=${digestOf(config)}`, body: config },
  { step: 'an upload of other bytes', method: 'POST', target: at('blobs/uploads/') },
  { step: 'its refusal', method: 'PUT', target: `SESSION?digest=${ABSENT}`, body: 'other' },
  { step: 'an upload to cancel', method: 'POST', target: at('blobs/uploads/') },
  { step: 'its cancelling', method: 'DELETE', target: 'SESSION' },
  {
    step: 'a mount',
    method: 'POST',
    target: `/v2/team/other/blobs/uploads/?mount=${digestOf(layer)}&from=team/app`,
  },
  {
    step: 'a mount of nothing',
    method: 'POST',
    target: `/v2/team/other/blobs/uploads/?mount=${ABSENT}&from=team/app`,
  },
  { step: 'an image', method: 'PUT', target: at('manifests/v1'), ...of(mediaTypes.manifest), body: image },
  { step: 'an index', method: 'PUT', target: at('manifests/all'), ...of(mediaTypes.index), body: index },
  {
    step: 'an index by digest',
    method: 'PUT',
    target: at(`manifests/${digestOf(index)}`),
    ...of(mediaTypes.index),
    body: index,
  },
  {
    step: 'a referrer',
    method: 'PUT',
    target: at(`manifests/${digestOf(referrer)}`),
    ...of(mediaTypes.manifest),
    body: referrer,
  },
  {
    step: 'no manifest',
    method: 'PUT',
    target: at('manifests/v2'),
    ...of(mediaTypes.manifest),
    body: '{"schemaVersion":2',
  },
  {
    step: 'a manifest of absent blobs',
    method: 'PUT',
    target: at('manifests/v2'),
    ...of(mediaTypes.manifest),
    body: JSON.stringify(JSON.parse(image.toString().replace(digestOf(layer), ABSENT))),
  },
  { step: 'the image by tag', method: 'GET', target: at('manifests/v1'), ...pulls(accept) },
  { step: 'the image by tag, its HEAD', method: 'HEAD', target: at('manifests/v1'), ...pulls(accept) },
  { step: 'the image by digest', method: 'GET', target: at(`manifests/${digestOf(image)}`), ...pulls(accept) },
  { step: 'the index', method: 'GET', target: at('manifests/all'), ...pulls(accept) },
  { step: 'the index in one format', method: 'GET', target: at('manifests/all'), ...pulls(mediaTypes.index) },
  {
    step: 'the image that the client has',
    method: 'GET',
    target: at('manifests/v1'),
    headers: { accept, 'if-none-match': `"${digestOf(image)}"` },
  },
  {
    step: 'the image of which the client has another',
    method: 'GET',
    target: at('manifests/v1'),
    headers: { accept, 'if-none-match': `"${ABSENT}"` },
  },
  { step: 'the blob', method: 'GET', target: blob },
  { step: 'the blob, its HEAD', method: 'HEAD', target: blob },
  {
    step: 'the blob that the client has',
    method: 'GET',
    target: blob,
    headers: { 'if-none-match': `"${digestOf(layer)}"` },
  },
  { step: 'its first bytes', method: 'GET', target: blob, headers: { range: 'bytes=0-99' } },
  { step: 'bytes in its middle', method: 'GET', target: blob, headers: { range: 'bytes=500-70000' } },
  { step: 'its rest', method: 'GET', target: blob, headers: { range: 'bytes=99990-' } },
  { step: 'its last bytes', method: 'GET', target: blob, headers: { range: 'bytes=-10' } },
  { step: 'bytes past its end', method: 'GET', target: blob, headers: { range: 'bytes=100000-' }, isRefused: true },
  { step: 'a range of no sense', method: 'GET', target: blob, headers: { range: 'bytes=b-a' }, isRefused: true },
  { step: 'a range of a HEAD', method: 'HEAD', target: blob, headers: { range: 'bytes=0-99' } },
  { step: 'the blob for who takes zstd', method: 'GET', target: blob, headers: { 'accept-encoding': 'zstd, gzip' } },
  { step: 'referrers', method: 'GET', target: at(`referrers/${digestOf(image)}`) },
  {
    step: 'referrers of one type',
    method: 'GET',
    target: at(`referrers/${digestOf(image)}?artifactType=application/vnd.example.note`),
  },
  {
    step: 'referrers of a type that none has',
    method: 'GET',
    target: at(`referrers/${digestOf(image)}?artifactType=a/b`),
  },
  { step: 'tags of what does not exist', method: 'GET', target: '/v2/team/absent/tags/list' },
  { step: 'a deletion', method: 'DELETE', target: at(`manifests/${digestOf(index)}`) },
  { step: 'the same deletion', method: 'DELETE', target: at(`manifests/${digestOf(index)}`) },
  { step: 'a deletion of a blob', method: 'DELETE', target: blob },
  { step: 'what was deleted', method: 'GET', target: blob },
]

/** The gate's own, and the server's. `Location` and the session's number are another in every conversation. */
const compared = [
  'accept-ranges',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'docker-content-digest',
  'docker-distribution-api-version',
  'etag',
  'last-modified',
  'oci-chunk-min-length',
  'oci-filters-applied',
  'oci-subject',
  'oci-tag',
  'range',
  'retry-after',
  'warning',
]

/** Whose place a `Location` names, without the host and the session. */
function placeOf(location: string | undefined, base: string): string | undefined {
  if (location === undefined) return undefined
  return new URL(location, base).pathname.replace(/(?<=\/uploads\/).+$/, 'SESSION')
}

/** An error in plain text is none that registry clients read: only what it is about stays. */
const isPlainError = ({ status, headers }: Answer): boolean =>
  status >= 400 && headers['content-type']?.includes('json') !== true

const gist = ({ status, headers }: Answer): unknown => ({ status, range: headers['content-range'] })

function comparable({ status, headers, body }: Answer, base: string): unknown {
  return {
    status,
    headers: Object.fromEntries(compared.map((name) => [name, headers[name]])),
    location: placeOf(headers.location?.toString(), base),
    hasUploadName: 'docker-upload-uuid' in headers,
    // Times and session names that a registry writes into its errors are another's.
    body: body.toString('latin1').replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'UUID'),
  }
}

/** What an answer says before its body, which is not read. */
async function headOf(url: string, question: Question): Promise<Answer> {
  const message = await begin(url, question)
  message.destroy()
  return { status: message.statusCode ?? 0, headers: message.headers, body: Buffer.alloc(0), json: () => undefined }
}

async function converse(base: string, headers: Readonly<Record<string, string>>): Promise<ReadonlyMap<string, Answer>> {
  const answers = new Map<string, Answer>()
  let session = ''
  for (const { step, target, isRefused, ...asking } of conversation) {
    const [where = '', digest] = target.split('?digest=')
    const url = new URL(where === 'SESSION' ? session : target, base)
    if (where === 'SESSION' && digest !== undefined) url.searchParams.set('digest', digest)
    const question = { ...asking, headers: { ...asking.headers, ...headers } }
    const answer = isRefused ? await headOf(url.href, question) : await ask(url.href, question)
    if (answer.headers.location !== undefined) session = new URL(answer.headers.location.toString(), base).href
    answers.set(step, answer)
  }
  return answers
}

describe.runIf(requireClients(['docker-registry'])).each(registryKinds)('a conversation with $kind', ({ start }) => {
  let registries: readonly Registry[] = []
  let gate: Gate
  let direct: ReadonlyMap<string, Answer>
  let through: ReadonlyMap<string, Answer>
  beforeAll(async () => {
    const [alone, behind] = await Promise.all([start(), start()])
    registries = [alone, behind]
    gate = await startGate({ policies, upstream: behind.url })
    direct = await converse(alone.url, {})
    through = await converse(gate.url, { authorization })
  })
  afterAll(async () => {
    await gate.stop()
    for (const registry of registries) await registry.stop()
  })

  it.each(conversation)('is the same through the gate: $step ($method)', ({ step }) => {
    const [told, heard] = [direct.get(step), through.get(step)]
    if (told === undefined || heard === undefined) throw new Error(`nobody said ${step}`)
    if (isPlainError(told)) {
      expect(gist(heard)).toEqual(gist(told))
      expect(heard.headers['content-type']).toBe('application/json')
    } else {
      expect(comparable(heard, gate.url)).toEqual(comparable(told, registries[0]?.url ?? ''))
    }
  })
})

describe('what passes the gate', () => {
  let upstream: FakeUpstream
  let gate: Gate
  gateBefore(startFakeUpstream, { policies }, (started, before) => {
    upstream = before
    gate = started
  })

  const asks = (target: string, question: Question = {}): Promise<Answer> => {
    upstream.take()
    return ask(new URL(target, gate.url).href, { ...question, headers: { authorization, ...question.headers } })
  }

  it('is a list of formats of any length', async () => {
    upstream.behave((_, response) => void response.writeHead(200).end())
    const long = Array.from({ length: 200 }, (_, number) => `application/vnd.example.format-${number}+json`).join(', ')
    await asks(at('manifests/v1'), { headers: { accept: long } })
    expect(upstream.take().map(({ headers }) => headers.accept)).toEqual([long])
  })

  const packed = gzipSync(image)
  it.each(['gzip', undefined])('is a manifest that the registry compressed, for who accepts %s', async (encoding) => {
    const headers = { 'content-type': mediaTypes.manifest, 'content-encoding': 'gzip', 'content-length': packed.length }
    upstream.behave((_, response) => void response.writeHead(200, headers).end(packed))
    const accepts = encoding === undefined ? {} : { 'accept-encoding': encoding }
    const answer = await asks(at('manifests/v1'), { headers: accepts })
    expect(answer.headers['content-encoding']).toBe('gzip')
    expect(answer.headers['content-length']).toBe(String(packed.length))
    expect(answer.body.equals(packed)).toBe(true)
    expect(digestOf(gunzipSync(answer.body))).toBe(digestOf(image))
    // It was asked not to.
    expect(upstream.take().map((asked) => asked.headers['accept-encoding'])).toEqual(['identity'])
  })

  it('is a list of referrers that the registry compressed, in pages too', async () => {
    const json = { 'content-type': mediaTypes.index, 'content-encoding': 'gzip' }
    const next = `</v2/team/app/referrers/${ABSENT}?last=1>; rel="next"`
    upstream.behave(({ url = '' }, response) => {
      response.writeHead(200, url.includes('last') ? json : { ...json, link: next }).end(gzipSync(index))
    })
    const answer = await asks(at(`referrers/${ABSENT}`))
    expect([answer.headers['content-encoding'], answer.headers.link]).toEqual([undefined, undefined])
    expect(answer.json()).toMatchObject({ manifests: [{ digest: digestOf(image) }, { digest: digestOf(image) }] })
  })

  const redirects = [301, 302, 303, 307, 308]
  it.each(redirects)('is a redirect to the store of the blobs, as %d, which nobody follows', async (status) => {
    const location = 'https://store.example/blob?X-Signature=a%2Bb&Expires=1'
    upstream.behave((_, response) => void response.writeHead(status, { location }).end())
    const answer = await asks(blob)
    expect([answer.status, answer.headers.location]).toEqual([status, location])
    expect(upstream.take().length).toBe(1)
  })

  const answers = {
    'oci-subject': digestOf(image),
    'oci-tag': 'v1, v2',
    'oci-filters-applied': 'artifactType',
    'oci-chunk-min-length': '5242880',
    warning: '299 - "a word of the registry"',
    etag: '"1"',
    'last-modified': 'Sat, 21 Nov 2026 10:00:00 GMT',
  }
  it('is what a registry says in headers of its own', async () => {
    upstream.behave((_, response) => void response.writeHead(201, answers).end())
    const answer = await asks(at('manifests/v1'), { method: 'PUT', body: image })
    expect(answer.headers).toMatchObject(answers)
  })

  const stopped = {
    'set-cookie': 'session=1',
    server: 'inside/1.0',
    via: '1.1 inside',
    'x-powered-by': 'inside',
    'strict-transport-security': 'max-age=1',
    'access-control-allow-origin': '*',
  }
  it('is nothing else', async () => {
    upstream.behave((_, response) => void response.writeHead(200, stopped).end())
    const { headers } = await asks(at('manifests/v1'), { headers: { cookie: 'a=b', 'x-forwarded-for': '10.0.0.1' } })
    for (const name of Object.keys(stopped)) expect(headers).not.toHaveProperty(name)
    const [asked] = upstream.take()
    for (const name of ['cookie', 'x-forwarded-for', 'authorization']) expect(asked?.headers).not.toHaveProperty(name)
  })

  it('is the wait for an invitation: a body that is refused is never asked for', async () => {
    const headers = { expect: '100-continue', 'content-length': '100000' }
    const body = noise('invited', 100_000)
    upstream.behave(async (request, response) => {
      let bytes = 0
      for await (const part of request) bytes += part.length
      response.writeHead(201, { 'docker-content-digest': digestOf(body), warning: `299 - "${bytes}"` }).end()
    })
    const taken = await asks(`/v2/team/app/blobs/uploads/?digest=${digestOf(body)}`, { method: 'POST', headers, body })
    expect([taken.status, taken.headers.warning]).toEqual([201, '299 - "100000"'])
    const refused = await asks(`/v2/team/app/blobs/uploads/?digest=${digestOf(body)}`, {
      method: 'POST',
      headers: { ...headers, authorization: basic('everything', 'wrong') },
      body,
    })
    expect(refused.status).toBe(401)
    expect(upstream.take()).toEqual([])
  })
})
