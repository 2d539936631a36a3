import { env as bindings } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import type { RoleAssignment } from '../../../src/policy/model.ts'
import { errorOf } from '../gate-world.ts'
import {
  digestOf,
  INDEX_TYPE,
  MANIFEST_TYPE,
  manifestOf,
  protectedWorld,
  stateOf,
  tokenKey,
  writeOnce,
} from './world.ts'

const PROVIDER = 'Microsoft.ContainerRegistry/registries'
const source = { file: 'test.yaml', line: 1, column: 1 }

/** The token `nobody` signs: it has `sign/write` and `content/read`, and nothing else. */
const signer: RoleAssignment = {
  name: 'signer',
  principal: tokenKey('nobody'),
  role: {
    name: 'Signer',
    builtIn: false,
    permissions: [
      {
        actions: [],
        notActions: [],
        dataActions: [`${PROVIDER}/trustedCollections/write`, `${PROVIDER}/repositories/content/read`],
        notDataActions: [],
      },
    ],
  },
  source,
}

const IMAGE = manifestOf('an image')
const image = await digestOf(IMAGE)
const HEX = image.slice('sha256:'.length)
const NOTATION = 'application/vnd.cncf.notary.signature'
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json'
const EMPTY = { mediaType: 'application/vnd.oci.empty.v1+json', digest: image, size: 2 }
const PATH = '/v2/stable/app/manifests'

const layer = (mediaType: string) => ({ mediaType, digest: image, size: 2 })
const artifact = (more: object = {}) =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    artifactType: BUNDLE,
    config: EMPTY,
    layers: [layer(BUNDLE)],
    subject: { mediaType: MANIFEST_TYPE, digest: image, size: 2 },
    ...more,
  })
const cosign = (type: string, more: object = {}) =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: layer('application/vnd.oci.image.config.v1+json'),
    layers: [layer(type)],
    ...more,
  })
const listed = (digest: string, artifactType: string | null = BUNDLE) => ({
  mediaType: MANIFEST_TYPE,
  digest,
  size: 2,
  ...(artifactType === null ? {} : { artifactType }),
})
const referrers = (manifests: readonly object[], more: object = {}) =>
  JSON.stringify({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests, ...more })

const SIMPLE = 'application/vnd.dev.cosign.simplesigning.v1+json'
const DSSE = 'application/vnd.dsse.envelope.v1+json'

const SIGNATURE = artifact()
const signature = await digestOf(SIGNATURE)
/** A signature of the image `OTHER`. */
const OTHER = manifestOf('another image')
const OF_OTHER = artifact({ subject: { mediaType: MANIFEST_TYPE, digest: await digestOf(OTHER), size: 2 } })
const ofOther = await digestOf(OF_OTHER)

async function worldWithImage(protections: Parameters<typeof protectedWorld>[0] = []) {
  const world = protectedWorld(protections, { assignments: [signer], env: { STATE: stateOf(bindings) } })
  await world.registry.put('v1', IMAGE)
  for (const text of [OTHER, SIGNATURE, OF_OTHER]) await world.registry.put(await digestOf(text), text)
  return world
}

describe('a caller with sign/write and content/read', () => {
  it.each<[string, string | undefined, string]>([
    ['a sigstore bundle', undefined, artifact()],
    [
      'a signature of notation',
      undefined,
      artifact({
        artifactType: undefined,
        config: { ...EMPTY, mediaType: NOTATION },
        layers: [layer('application/jose+json')],
      }),
    ],
    ['an attestation', undefined, artifact({ artifactType: 'application/vnd.in-toto+json', layers: [layer(DSSE)] })],
    ['a signature of cosign under its tag', `sha256-${HEX}.sig`, cosign(SIMPLE)],
    ['an attestation under its tag', `sha256-${HEX}.att`, cosign(DSSE)],
    ['an SBOM under its tag', `sha256-${HEX}.sbom`, cosign('text/spdx+json')],
    ['the list of signatures', `sha256-${HEX}`, referrers([listed(signature)])],
    ['a list that says nothing of its types', `sha256-${HEX}`, referrers([listed(signature, null)])],
  ])('pushes %s', async (_what, tag, text) => {
    const world = await worldWithImage()
    expect((await world.push(tag ?? (await digestOf(text)), text, 'nobody')).status).toBe(201)
    expect(world.seen.at(-1)?.body).toBe(text)
  })

  it('keeps what the list has, and adds to it', async () => {
    const world = await worldWithImage()
    const other = await digestOf('other')
    await world.registry.put(`sha256-${HEX}`, referrers([listed(other, null)]))
    const add = referrers([listed(other, null), listed(signature)])
    expect((await world.push(`sha256-${HEX}`, referrers([listed(signature)]), 'nobody')).status).toBe(403)
    expect((await world.push(`sha256-${HEX}`, add, 'nobody')).status).toBe(201)
  })

  const elsewhere = { mediaType: MANIFEST_TYPE, digest: `sha256:${'0'.repeat(64)}`, size: 2 }
  it.each<[string, string | undefined, string]>([
    ['an image', undefined, IMAGE],
    ['an image under a tag', 'v2', IMAGE],
    ['a signature under a tag of images', 'v2', artifact()],
    ['a signature under latest', 'latest', cosign(SIMPLE)],
    ['a signature of what is not here', undefined, artifact({ subject: elsewhere })],
    ['a signature of nothing', undefined, artifact({ subject: undefined })],
    ['a signature whose subject has no digest', undefined, artifact({ subject: {} })],
    ['an artifact of another type', undefined, artifact({ artifactType: 'application/vnd.example.report' })],
    ['an artifact without a type', undefined, artifact({ artifactType: undefined })],
    [
      'a signature with the layers of an image',
      undefined,
      artifact({ layers: [layer('application/vnd.oci.image.layer.v1.tar+gzip')] }),
    ],
    [
      'a signature with one layer of an image',
      undefined,
      artifact({ layers: [layer(BUNDLE), layer('application/vnd.oci.image.layer.v1.tar')] }),
    ],
    ['a signature without layers', undefined, artifact({ layers: [] })],
    [
      'a signature with the configuration of an image',
      undefined,
      artifact({ config: layer('application/vnd.oci.image.config.v1+json') }),
    ],
    ['a signature without a configuration', undefined, artifact({ config: undefined })],
    ['a signature that is an index too', undefined, artifact({ manifests: [] })],
    [
      'a signature with keys in other letters',
      undefined,
      artifact({ Layers: [layer('application/vnd.oci.image.layer.v1.tar')] }),
    ],
    [
      'a signature with keys in other letters, deeper',
      undefined,
      artifact({ layers: [{ ...layer(BUNDLE), MediaType: 'application/vnd.oci.image.layer.v1.tar' }] }),
    ],
    [
      'a configuration with keys in other letters',
      undefined,
      artifact({ config: { ...EMPTY, MEDIATYPE: 'application/vnd.oci.image.config.v1+json' } }),
    ],
    ['a signature of another media type', undefined, artifact({ mediaType: INDEX_TYPE })],
    ['a list', undefined, '[]'],
    ['what is not JSON', undefined, '{'],
    ['layers of an attestation under .sig', `sha256-${HEX}.sig`, cosign(DSSE)],
    ['layers of a signature under .att', `sha256-${HEX}.att`, cosign(SIMPLE)],
    ['layers of an image under .sig', `sha256-${HEX}.sig`, cosign('application/vnd.oci.image.layer.v1.tar+gzip')],
    ['no layers under .sig', `sha256-${HEX}.sig`, cosign(SIMPLE, { layers: [] })],
    ['a subject under .sig', `sha256-${HEX}.sig`, cosign(SIMPLE, { subject: elsewhere })],
    ['another configuration under .sig', `sha256-${HEX}.sig`, cosign(SIMPLE, { config: EMPTY })],
    ['a signature under a tag of what is not here', `sha256-${'0'.repeat(64)}.sig`, cosign(SIMPLE)],
    ['a list about what is not here', `sha256-${'0'.repeat(64)}`, referrers([listed(signature)])],
    ['a list with an image', `sha256-${HEX}`, referrers([listed(image)])],
    ['a list with a signature of another image', `sha256-${HEX}`, referrers([listed(signature), listed(ofOther)])],
    ['a list with what is not here', `sha256-${HEX}`, referrers([listed(`sha256:${'0'.repeat(64)}`)])],
    ['a list with something without a digest', `sha256-${HEX}`, referrers([{ mediaType: MANIFEST_TYPE }])],
    [
      'a list that is too long',
      `sha256-${HEX}`,
      referrers(Array.from({ length: 11 }, (_, n) => listed(`sha256:${String(n).padStart(64, '0')}`))),
    ],
    ['a list with layers', `sha256-${HEX}`, referrers([listed(signature)], { layers: [] })],
    ['an image in place of a list', `sha256-${HEX}`, IMAGE],
    ['a signature under a tag that looks alike', `sha256-${HEX}.sig.old`, cosign(SIMPLE)],
    ['a signature under a tag in capitals', `SHA256-${HEX}.sig`, cosign(SIMPLE)],
  ])('does not push %s', async (_what, tag, text) => {
    const world = await worldWithImage()
    const answer = await world.push(tag ?? (await digestOf(text)), text, 'nobody')
    expect([answer.status, (await errorOf(answer)).code]).toEqual([403, 'DENIED'])
    expect(world.seen.filter(({ method }) => method === 'PUT')).toEqual([])
  })

  it('does not push a signature together with another tag', async () => {
    const world = await worldWithImage()
    const text = artifact()
    const headers = { 'content-type': MANIFEST_TYPE }
    for (const query of ['?tag=v2', `?tag=sha256-${HEX}.sig&tag=v2`]) {
      const path = `${PATH}/${await digestOf(text)}${query}`
      expect((await world.call('PUT', path, { as: 'nobody', headers, body: text })).status).toBe(403)
    }
    expect(world.seen.filter(({ method }) => method === 'PUT')).toEqual([])
  })

  it.each([
    ['POST', '/v2/stable/app/blobs/uploads/', 202],
    ['GET', `${PATH}/v1`, 200],
    ['GET', `/v2/stable/app/blobs/${image}`, 202],
  ])('may %s %s', async (method, path, status) => {
    const world = protectedWorld([], {
      assignments: [signer],
      registry: () => new Response(null, { status, headers: { location: '/v2/stable/app/blobs/uploads/1' } }),
    })
    expect((await world.call(method, path, { as: 'nobody' })).status).toBe(status)
  })

  it.each([
    ['DELETE', `${PATH}/v1`],
    ['DELETE', `${PATH}/${image}`],
    ['DELETE', `/v2/stable/app/blobs/${image}`],
    ['GET', '/v2/stable/app/tags/list'],
    ['PATCH', '/acr/v1/stable/app/_tags/v1'],
    ['PATCH', `/acr/v1/stable/app/_manifests/${image}`],
    ['DELETE', '/acr/v1/stable/app/_tags/v1'],
    ['DELETE', '/acr/v1/stable/app'],
    ['PUT', '/acr/v1/stable/app/_metadata/key'],
    ['POST', '/acr/v1/stable/app/_streaming'],
    ['POST', `/acr/v1/_deleted/stable/app/_manifests/${image}`],
  ])('may not %s %s', async (method, path) => {
    const world = await worldWithImage()
    const body = method === 'PATCH' ? '{"writeEnabled":false}' : undefined
    const answer = await world.call(method, path, { as: 'nobody', ...(body === undefined ? {} : { body }) })
    expect([answer.status, world.seen]).toEqual([403, []])
  })

  it('is held to the protections of the repository', async () => {
    const world = await worldWithImage([writeOnce({ tags: ['sha256-*'] })])
    const tag = `sha256-${HEX}.sig`
    expect((await world.push(tag, cosign(SIMPLE), 'nobody')).status).toBe(201)
    expect((await world.push(tag, cosign(SIMPLE, { annotations: { b: 'c' } }), 'nobody')).status).toBe(403)
  })
})

describe('a caller with only one of the two rights', () => {
  it.each(['puller', 'lister'])('signs nothing: %s', async (as) => {
    const world = await worldWithImage()
    const text = artifact()
    expect((await world.push(await digestOf(text), text, as)).status).toBe(403)
    expect(world.seen).toEqual([])
  })

  it('who may push, pushes anything', async () => {
    const world = await worldWithImage()
    expect((await world.push('v2', IMAGE, 'admin')).status).toBe(201)
    expect(world.seen.map(({ method }) => method)).toEqual(['PUT'])
  })
})

describe('SIGNATURE_TYPES', () => {
  it('names what counts as a signature', async () => {
    const type = 'application/vnd.example.signature'
    const world = protectedWorld([], {
      assignments: [signer],
      env: { STATE: stateOf(bindings), SIGNATURE_TYPES: ` ${type}, x/y ` },
    })
    await world.registry.put('v1', IMAGE)
    const own = artifact({ artifactType: type, layers: [layer(type)] })
    expect((await world.push(await digestOf(own), own, 'nobody')).status).toBe(201)
    expect((await world.push(await digestOf(artifact()), artifact(), 'nobody')).status).toBe(403)
  })
})
