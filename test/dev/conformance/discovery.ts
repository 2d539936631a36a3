/** OCI distribution-spec 1.1, "Listing Tags" and "Listing Referrers", and the catalog that the spec left out. */
import { describe, expect, it } from 'vitest'
import {
  type Client,
  type Content,
  content,
  expectRefusal,
  image,
  index,
  jsonOf,
  nextOf,
  OCI_CONFIG,
  OCI_INDEX,
  randomContent,
} from './client.ts'

const SBOM = 'application/vnd.example.sbom.v1'

export function discoveryConformance(client: () => Client): void {
  describe('Listing Tags', () => {
    const TAGS = ['1.0', '1.0-rc', '10', 'Beta', 'V2', '_x', 'beta', 'latest', 'v1', 'v10', 'v2']
    /** A repository with {@link TAGS}, pushed in another order. */
    const tagged = async () => {
      const name = client().repository()
      const manifest = await client().pushImage(name)
      for (const tag of TAGS.toReversed()) await client().pushManifest(name, tag, manifest)
      return name
    }
    const list = async (name: string, query = '') => {
      const response = await client().call('GET', `/v2/${name}/tags/list${query}`)
      expect(response.status).toBe(200)
      expect(response.headers.get('Content-Type')).toMatch(/^application\/json/)
      return { response, body: await jsonOf(response) }
    }

    it('is 200 with the name and every tag (end-8a)', async () => {
      const name = await tagged()
      const { body } = await list(name)
      expect({ ...body, tags: body.tags.toSorted() }).toEqual({ name, tags: TAGS })
    })

    it('is in lexical order (end-8a)', async (context) => {
      client().needs(context, 'tagOrder')
      expect((await list(await tagged())).body.tags).toEqual(TAGS)
    })

    it('HEAD is 200 without a body', async (context) => {
      client().needs(context, 'listHead')
      const response = await client().call('HEAD', `/v2/${await tagged()}/tags/list`)
      expect([response.status, await response.text()]).toEqual([200, ''])
    })

    it('of an unknown repository is 404 (end-8a)', async () => {
      const response = await client().call('GET', `/v2/${client().repository()}/tags/list`)
      await expectRefusal(response, 404, ['NAME_UNKNOWN'])
    })

    it('of a repository without tags is 200 and empty (end-8a)', async (context) => {
      client().needs(context, 'emptyTagList')
      const name = client().repository()
      await client().pushImage(name)
      expect((await list(name)).body).toEqual({ name, tags: [] })
    })

    it.for([
      ['?n=3', TAGS.slice(0, 3), true],
      ['?n=11', TAGS, false],
      ['?n=12', TAGS, false],
      ['?n=0', [], false],
      ['?last=beta', TAGS.slice(7), false],
      ['?last=bets', TAGS.slice(7), false],
      ['?n=2&last=beta', TAGS.slice(7, 9), true],
      ['?n=2&last=v10', TAGS.slice(10), false],
      ['?n=5&last=v2', [], false],
    ] as const)(
      '%s is exactly that page, with a next Link only if more follows (end-8b)',
      async ([query, tags, more], context) => {
        client().needs(context, 'tagPages')
        const name = await tagged()
        const { response, body } = await list(name, query)
        expect(body).toEqual({ name, tags })
        expect(nextOf(response) !== undefined).toBe(more)
      },
    )

    it('the next Links lead through every tag once (end-8b, RFC 8288)', async (context) => {
      client().needs(context, 'tagPages')
      const name = await tagged()
      const seen: string[] = []
      let next: string | undefined = `/v2/${name}/tags/list?n=3`
      while (next !== undefined && seen.length < 100) {
        const response = await client().call('GET', next)
        const { tags } = await jsonOf(response)
        seen.push(...tags)
        next = nextOf(response)
      }
      expect(seen).toEqual(TAGS)
    })

    it.for(['-1', 'x', '1.5', ''])('n=%s is 400 (end-8b)', async (n, context) => {
      client().needs(context, 'tagPages')
      await expectRefusal(await client().call('GET', `/v2/${await tagged()}/tags/list?n=${n}`), 400)
    })
  })

  describe('Catalog', () => {
    it('names every repository that something was pushed to, page by page', async (context) => {
      client().needs(context, 'catalog')
      const names = [client().repository(), client().repository(), client().repository()].toSorted()
      for (const name of names) await client().pushImage(name, 'v1')
      const seen: string[] = []
      let next: string | undefined = '/v2/_catalog?n=2'
      while (next !== undefined) {
        const response = await client().call('GET', next)
        expect(response.status).toBe(200)
        const { repositories } = await jsonOf(response)
        expect(repositories.length).toBeLessThanOrEqual(2)
        seen.push(...repositories)
        next = nextOf(response)
      }
      expect(seen.filter((name) => names.includes(name))).toEqual(names)
      expect(new Set(seen).size).toBe(seen.length)
    })
  })

  describe('Listing Referrers', () => {
    const list = async (name: string, digest: string, query = '') => {
      const response = await client().call('GET', `/v2/${name}/referrers/${digest}${query}`)
      expect(response.status).toBe(200)
      expect(response.headers.get('Content-Type')).toBe(OCI_INDEX)
      const body = await jsonOf(response)
      expect(body).toMatchObject({ schemaVersion: 2, mediaType: OCI_INDEX })
      return { response, manifests: body.manifests }
    }
    /** Push a manifest whose subject is `subject`. */
    const refer = async (name: string, subject: Content, more: object = {}, mediaType = OCI_CONFIG) => {
      const config = await client().pushBlob(name, randomContent(64, mediaType))
      const manifest = image(config, [], { subject: subject.descriptor, ...more })
      return client().pushManifest(name, manifest.digest, manifest)
    }

    it('is 200 and empty for a digest without referrers, also in an unknown repository (end-12a)', async (context) => {
      client().needs(context, 'referrers')
      const name = client().repository()
      const manifest = await client().pushImage(name)
      for (const digest of [manifest.digest, randomContent().digest]) {
        expect((await list(name, digest)).manifests).toEqual([])
      }
      expect((await list(client().repository(), manifest.digest)).manifests).toEqual([])
    })

    it.for(['sha256:nothex', 'latest'])('of %s, which is not a digest, is 400 (end-12a)', async (digest, context) => {
      client().needs(context, 'referrers')
      const response = await client().call('GET', `/v2/${client().repository()}/referrers/${digest}`)
      await expectRefusal(response, 400, ['DIGEST_INVALID'])
    })

    it('lists each with type, size, digest, artifactType and annotations', async (context) => {
      client().needs(context, 'referrers')
      const name = client().repository()
      const subject = await client().pushImage(name)
      const annotations = { 'org.example.format': 'json' }
      const typed = await refer(name, subject, { artifactType: SBOM, annotations })
      const untyped = await refer(name, subject, {}, 'application/vnd.example.config.v1+json')
      const listed = index([], { subject: subject.descriptor, annotations })
      await client().pushManifest(name, listed.digest, listed)
      const { manifests } = await list(name, subject.digest)
      expect(manifests).toHaveLength(3)
      expect(manifests).toEqual(
        expect.arrayContaining([
          { ...typed.descriptor, artifactType: SBOM, annotations },
          { ...untyped.descriptor, artifactType: 'application/vnd.example.config.v1+json' },
          { ...listed.descriptor, annotations },
        ]),
      )
    })

    it('artifactType filters, and OCI-Filters-Applied says so (end-12b)', async (context) => {
      client().needs(context, 'referrers')
      const name = client().repository()
      const subject = await client().pushImage(name)
      const wanted = await refer(name, subject, { artifactType: SBOM })
      await refer(name, subject, { artifactType: 'application/vnd.example.signature.v1' })
      for (const [type, digests] of [
        [SBOM, [wanted.digest]],
        ['application/vnd.example.none', []],
      ] as const) {
        const { response, manifests } = await list(name, subject.digest, `?artifactType=${encodeURIComponent(type)}`)
        expect(response.headers.get('OCI-Filters-Applied')).toBe('artifactType')
        expect(manifests.map((manifest: { digest: string }) => manifest.digest)).toEqual(digests)
      }
      expect((await list(name, subject.digest)).response.headers.has('OCI-Filters-Applied')).toBe(false)
    })

    it('lists what was pushed before its subject, and keeps it when the subject is deleted', async (context) => {
      client().needs(context, 'referrers', 'manifestDelete')
      const name = client().repository()
      const config = await client().pushBlob(name, randomContent(64, OCI_CONFIG))
      const subject = image(config, [])
      const early = await refer(name, subject)
      const digests = async () =>
        (await list(name, subject.digest)).manifests.map((manifest: { digest: string }) => manifest.digest)
      expect(await digests()).toEqual([early.digest])
      await client().pushManifest(name, 'v1', subject)
      expect(await digests()).toEqual([early.digest])
      expect((await client().call('DELETE', `/v2/${name}/manifests/${subject.digest}`)).status).toBe(202)
      expect(await digests()).toEqual([early.digest])
    })

    it('lists only the referrers of the same repository', async (context) => {
      client().needs(context, 'referrers')
      const [name, other] = [client().repository(), client().repository()]
      const subject = await client().pushImage(name)
      await refer(other, subject)
      expect((await list(name, subject.digest)).manifests).toEqual([])
    })

    it('forgets a manifest that was deleted', async (context) => {
      client().needs(context, 'referrers', 'manifestDelete')
      const name = client().repository()
      const subject = await client().pushImage(name)
      const [kept, deleted] = [await refer(name, subject), await refer(name, subject)]
      expect((await client().call('DELETE', `/v2/${name}/manifests/${deleted.digest}`)).status).toBe(202)
      const { manifests } = await list(name, subject.digest)
      expect(manifests.map((manifest: { digest: string }) => manifest.digest)).toEqual([kept.digest])
    })

    it('a subject that is not a descriptor is refused', async (context) => {
      client().needs(context, 'referrers')
      const name = client().repository()
      const config = await client().pushBlob(name, randomContent(64, OCI_CONFIG))
      const manifest = image(config, [], { subject: { digest: 'sha256:nothex' } })
      await expectRefusal(await client().putManifest(name, 'v1', manifest), 400, ['MANIFEST_INVALID'])
      const { bytes } = image(config, [], { subject: 'v1' })
      const other = content(bytes, manifest.descriptor.mediaType)
      await expectRefusal(await client().putManifest(name, 'v1', other), 400, ['MANIFEST_INVALID'])
    })
  })
}
