/** OCI distribution-spec 1.1, "Pushing Manifests" and "Pushing Manifests with Subject". */
import { describe, expect, it } from 'vitest'
import {
  bytesOf,
  type Client,
  type Content,
  content,
  DOCKER_LIST,
  DOCKER_MANIFEST,
  document,
  expectRefusal,
  image,
  index,
  locationOf,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_LAYER,
  OCI_MANIFEST,
  randomContent,
  sha,
} from './client.ts'

const DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json'
const EMPTY = content(Buffer.from('{}'), 'application/vnd.oci.empty.v1+json')

export function manifestConformance(client: () => Client): void {
  const expectStored = async (response: Response, manifest: Content) => {
    expect(response.status, await response.clone().text()).toBe(201)
    expect(response.headers.get('Docker-Content-Digest')).toBe(manifest.digest)
    const headers = { Accept: manifest.descriptor.mediaType }
    const pulled = await client().call('GET', locationOf(response), { headers })
    expect(pulled.status).toBe(200)
    expect(pulled.headers.get('Content-Type')).toBe(manifest.descriptor.mediaType)
    expect((await bytesOf(pulled)).equals(manifest.bytes)).toBe(true)
  }

  describe('Pushing Manifests', () => {
    it.each(['tag', 'digest'])('PUT by %s is 201 with a pullable Location and the exact bytes (end-7)', async (by) => {
      const name = client().repository()
      const config = await client().pushBlob(name, randomContent(64, OCI_CONFIG))
      const layer = await client().pushBlob(name, randomContent())
      const value = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: config.descriptor, layers: [layer.descriptor] }
      const odd = content(Buffer.from(`\n${JSON.stringify(value, null, 7)} \n`), OCI_MANIFEST)
      await expectStored(await client().putManifest(name, by === 'tag' ? 'v1' : odd.digest, odd), odd)
    })

    it('the list of blobs may be empty', async () => {
      const name = client().repository()
      const manifest = image(await client().pushBlob(name, randomContent(64, OCI_CONFIG)), [])
      await expectStored(await client().putManifest(name, 'v1', manifest), manifest)
    })

    it('an index, an empty index and an index of an index are manifests', async () => {
      const name = client().repository()
      const inner = index([await client().pushImage(name), await client().pushImage(name)])
      await expectStored(await client().putManifest(name, 'inner', inner), inner)
      for (const outer of [index([inner]), index([])]) {
        await expectStored(await client().putManifest(name, outer.digest, outer), outer)
      }
    })

    it("Docker's manifests and lists are manifests", async () => {
      const name = client().repository()
      const config = await client().pushBlob(name, randomContent(64, DOCKER_CONFIG))
      const layer = await client().pushBlob(
        name,
        randomContent(512, 'application/vnd.docker.image.rootfs.diff.tar.gzip'),
      )
      const manifest = document(
        { schemaVersion: 2, mediaType: DOCKER_MANIFEST, config: config.descriptor, layers: [layer.descriptor] },
        DOCKER_MANIFEST,
      )
      await expectStored(await client().putManifest(name, 'v1', manifest), manifest)
      const platform = { os: 'linux', architecture: 'amd64' }
      const list = document(
        { schemaVersion: 2, mediaType: DOCKER_LIST, manifests: [{ ...manifest.descriptor, platform }] },
        DOCKER_LIST,
      )
      await expectStored(await client().putManifest(name, 'all', list), list)
    })

    it('an artifact is a manifest with a type of its own and the empty config', async () => {
      const name = client().repository()
      await client().pushBlob(name, EMPTY)
      const layer = await client().pushBlob(name, randomContent(64, 'application/vnd.example.data.v1'))
      const manifest = image(EMPTY, [layer], { artifactType: 'application/vnd.example.artifact.v1' })
      await expectStored(await client().putManifest(name, 'artifact', manifest), manifest)
    })

    it('a manifest may have a media type that the registry does not know', async (context) => {
      client().needs(context, 'artifactManifests')
      const mediaType = 'application/vnd.example.manifest.v1+json'
      const manifest = document({ mediaType, anything: [1, 2, 3] }, mediaType)
      await expectStored(await client().putManifest(client().repository(), 'v1', manifest), manifest)
    })

    it('fields that the registry does not know are kept', async () => {
      const name = client().repository()
      const config = await client().pushBlob(name, randomContent(64, OCI_CONFIG))
      const manifest = image(config, [], { 'org.example.extra': { nested: ['value'] }, annotations: { a: 'b' } })
      await expectStored(await client().putManifest(name, 'v1', manifest), manifest)
    })

    it('4 MB of manifest are accepted', async () => {
      const name = client().repository()
      const config = await client().pushBlob(name, randomContent(64, OCI_CONFIG))
      const annotations = Object.fromEntries(Array.from({ length: 390 }, (_, at) => [`a${at}`, 'A'.repeat(10_000)]))
      const manifest = image(config, [], { annotations })
      expect(manifest.bytes.length).toBeGreaterThan(3_900_000)
      await expectStored(await client().putManifest(name, 'large', manifest), manifest)
    })

    it.each(['with', 'without'])('a manifest beyond the limit, %s Content-Length, is 413 or 400', async (length) => {
      const name = client().repository()
      const config = await client().pushBlob(name, randomContent(64, OCI_CONFIG))
      const { bytes } = image(config, [], { annotations: { a: 'A'.repeat(9 * 1024 * 1024) } })
      const response = await client().call('PUT', `/v2/${name}/manifests/huge`, {
        headers: { 'Content-Type': OCI_MANIFEST },
        body: length === 'with' ? bytes : new Blob([Uint8Array.from(bytes)]).stream(),
      })
      await expectRefusal(response, [413, 400], ['SIZE_INVALID', 'MANIFEST_INVALID'])
      expect((await client().getManifest(name, 'huge')).status).toBe(404)
    })

    it('parameters of Content-Type are ignored', async () => {
      const name = client().repository()
      const manifest = image(await client().pushBlob(name, randomContent(64, OCI_CONFIG)), [])
      await expectStored(await client().putManifest(name, 'v1', manifest, `${OCI_MANIFEST}; charset=utf-8`), manifest)
    })

    it('a push moves the tag and keeps the manifest that it pointed to', async () => {
      const name = client().repository()
      const [before, after] = [await client().pushImage(name, 'latest'), await client().pushImage(name, 'latest')]
      const moved = await client().getManifest(name, 'latest')
      expect(moved.headers.get('Docker-Content-Digest')).toBe(after.digest)
      expect((await client().getManifest(name, before.digest)).status).toBe(200)
    })

    it('content that does not match the digest is 400 and not stored', async () => {
      const name = client().repository()
      const manifest = image(await client().pushBlob(name, randomContent(64, OCI_CONFIG)), [])
      const { digest } = randomContent()
      await expectRefusal(await client().putManifest(name, digest, manifest), 400, ['DIGEST_INVALID'])
      expect((await client().getManifest(name, digest)).status).toBe(404)
      expect((await client().getManifest(name, manifest.digest)).status).toBe(404)
    })

    it.each(['.bad', '-bad', 'a'.repeat(129)])(
      'PUT to the tag %s, which no grammar allows, is refused',
      async (tag) => {
        const name = client().repository()
        const manifest = image(await client().pushBlob(name, randomContent(64, OCI_CONFIG)), [])
        await expectRefusal(await client().putManifest(name, tag, manifest), [400, 404])
      },
    )

    it('PUT to a digest that is none is 400', async (context) => {
      client().needs(context, 'digestGrammar')
      const name = client().repository()
      const manifest = image(await client().pushBlob(name, randomContent(64, OCI_CONFIG)), [])
      const response = await client().putManifest(name, 'sha256:baddigeststring', manifest)
      await expectRefusal(response, 400, ['DIGEST_INVALID'])
    })

    it.each([
      ['no JSON', Buffer.from('{"schemaVersion":2,')],
      ['no object', Buffer.from('[]')],
      ['nothing', Buffer.alloc(0)],
    ])('a manifest that is %s is 400', async (_, bytes) => {
      const response = await client().putManifest(client().repository(), 'v1', content(bytes, OCI_MANIFEST))
      await expectRefusal(response, 400, ['MANIFEST_INVALID'])
    })

    it('a missing config, layer or child is MANIFEST_BLOB_UNKNOWN, and nothing is stored', async () => {
      const name = client().repository()
      const there = await client().pushBlob(name, randomContent(64, OCI_CONFIG))
      const missing = randomContent()
      for (const manifest of [image(missing, []), image(there, [missing]), index([image(there, [])])]) {
        const response = await client().putManifest(name, manifest.digest, manifest)
        await expectRefusal(response, [400, 404], ['MANIFEST_BLOB_UNKNOWN'])
        expect((await client().getManifest(name, manifest.digest)).status).toBe(404)
      }
    })

    it('a blob of another repository is a missing blob', async () => {
      const config = await client().pushBlob(client().repository(), randomContent(64, OCI_CONFIG))
      const response = await client().putManifest(client().repository(), 'v1', image(config, []))
      await expectRefusal(response, [400, 404], ['MANIFEST_BLOB_UNKNOWN'])
    })

    it('a layer that may not be distributed need not be there (image-spec, Non-Distributable Layers)', async (context) => {
      client().needs(context, 'foreignLayers')
      const name = client().repository()
      const config = await client().pushBlob(name, randomContent(64, OCI_CONFIG))
      const mediaType = 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip'
      const layers = [{ ...randomContent(512, mediaType).descriptor, urls: ['https://store.example.com/layer'] }]
      const manifest = image(config, [], { layers })
      await expectStored(await client().putManifest(name, 'v1', manifest), manifest)
    })

    it('a mediaType other than Content-Type, and a manifest that is image and index at once, is 400', async (context) => {
      client().needs(context, 'manifestTypeChecked')
      const name = client().repository()
      const manifest = image(await client().pushBlob(name, randomContent(64, OCI_CONFIG)), [])
      const both = image(await client().pushBlob(name, randomContent(64, OCI_CONFIG)), [], { manifests: [] })
      for (const [body, type] of [
        [manifest, OCI_INDEX],
        [manifest, DOCKER_MANIFEST],
        [both, OCI_MANIFEST],
      ] as const) {
        await expectRefusal(await client().putManifest(name, 'v1', body, type), 400, ['MANIFEST_INVALID'])
      }
      expect((await client().getManifest(name, 'v1')).status).toBe(404)
    })

    it('a manifest may be pushed and pulled by its sha512 digest', async (context) => {
      client().needs(context, 'sha512')
      const name = client().repository()
      const config = await client().pushBlob(name, randomContent(64, OCI_CONFIG, 'sha512'))
      const layer = await client().pushBlob(name, randomContent(512, OCI_LAYER, 'sha512'))
      const { bytes } = image(config, [layer])
      const manifest = { ...content(bytes, OCI_MANIFEST), digest: sha('sha512', bytes) }
      await expectStored(await client().putManifest(name, manifest.digest, manifest), manifest)
    })

    it('PUT by digest with ?tag= sets every tag and names each in OCI-Tag (end-7b)', async (context) => {
      client().needs(context, 'multiTag')
      const name = client().repository()
      const manifest = image(await client().pushBlob(name, randomContent(64, OCI_CONFIG)), [])
      const tags = ['1.2.3', '1.2', 'Latest', 'latest']
      const query = tags.map((tag) => `tag=${tag}`).join('&')
      const response = await client().putManifest(name, `${manifest.digest}?${query}`, manifest)
      expect(response.headers.get('OCI-Tag')?.split(/,\s*/).sort()).toEqual(tags.toSorted())
      await expectStored(response, manifest)
      for (const tag of tags) {
        const pulled = await client().getManifest(name, tag)
        expect(pulled.headers.get('Docker-Content-Digest')).toBe(manifest.digest)
      }
    })

    it('one wrong ?tag= refuses the whole push (end-7b)', async (context) => {
      client().needs(context, 'multiTag')
      const name = client().repository()
      const manifest = image(await client().pushBlob(name, randomContent(64, OCI_CONFIG)), [])
      const response = await client().putManifest(name, `${manifest.digest}?tag=good&tag=.bad`, manifest)
      await expectRefusal(response, 400, ['MANIFEST_INVALID', 'NAME_INVALID'])
      for (const reference of ['good', manifest.digest]) {
        expect((await client().getManifest(name, reference)).status).toBe(404)
      }
    })
  })

  describe('Pushing Manifests with Subject', () => {
    it('is 201 with OCI-Subject, whether the subject is there or not', async (context) => {
      client().needs(context, 'referrers')
      const name = client().repository()
      const config = await client().pushBlob(name, randomContent(64, OCI_CONFIG))
      for (const subject of [await client().pushImage(name), randomContent(99, OCI_MANIFEST)]) {
        for (const manifest of [
          image(config, [], { subject: subject.descriptor }),
          index([], { subject: subject.descriptor }),
        ]) {
          const response = await client().putManifest(name, manifest.digest, manifest)
          expect(response.headers.get('OCI-Subject')).toBe(subject.digest)
          await expectStored(response, manifest)
        }
      }
    })

    it('a manifest without a subject gets no OCI-Subject', async () => {
      const name = client().repository()
      const manifest = image(await client().pushBlob(name, randomContent(64, OCI_CONFIG)), [])
      expect((await client().putManifest(name, 'v1', manifest)).headers.has('OCI-Subject')).toBe(false)
    })
  })
}
