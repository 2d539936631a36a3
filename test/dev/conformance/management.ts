/** OCI distribution-spec 1.1, "Content Management" and "Error Codes". */
import { describe, expect, it } from 'vitest'
import { type Client, expectRefusal, jsonOf, randomContent } from './client.ts'

export function managementConformance(client: () => Client): void {
  const remove = (path: string) => client().call('DELETE', path)
  const statusOf = async (name: string, reference: string) => (await client().getManifest(name, reference)).status

  describe('Deleting tags', () => {
    it('is 202, and the tag alone is 404 after it (end-9)', async (context) => {
      client().needs(context, 'tagDelete')
      const name = client().repository()
      const manifest = await client().pushImage(name, 'v1')
      await client().pushManifest(name, 'v2', manifest)
      expect((await remove(`/v2/${name}/manifests/v1`)).status).toBe(202)
      expect(await statusOf(name, 'v1')).toBe(404)
      expect(await statusOf(name, 'v2')).toBe(200)
      expect(await statusOf(name, manifest.digest)).toBe(200)
      const tags = await client().call('GET', `/v2/${name}/tags/list`)
      expect(await jsonOf(tags)).toEqual({ name, tags: ['v2'] })
    })

    it('of an unknown tag or repository is 404 (end-9)', async (context) => {
      client().needs(context, 'tagDelete')
      const name = client().repository()
      await client().pushImage(name, 'v1')
      await expectRefusal(await remove(`/v2/${name}/manifests/v2`), 404, ['MANIFEST_UNKNOWN'])
      const response = await remove(`/v2/${client().repository()}/manifests/v1`)
      await expectRefusal(response, 404, ['NAME_UNKNOWN', 'MANIFEST_UNKNOWN'])
    })

    it('is 400 or 405 where it is disabled (end-9)', async (context) => {
      context.skip(!client().lacks('tagDelete'), 'tags can be deleted')
      const name = client().repository()
      await client().pushImage(name, 'v1')
      expect([400, 405]).toContain((await remove(`/v2/${name}/manifests/v1`)).status)
      expect(await statusOf(name, 'v1')).toBe(200)
    })
  })

  describe('Deleting Manifests', () => {
    it('is 202, and the manifest and every tag of it are 404 after it (end-9)', async (context) => {
      client().needs(context, 'manifestDelete')
      const name = client().repository()
      const manifest = await client().pushImage(name, 'v1')
      await client().pushManifest(name, 'v2', manifest)
      const other = await client().pushImage(name, 'other')
      expect((await remove(`/v2/${name}/manifests/${manifest.digest}`)).status).toBe(202)
      for (const reference of ['v1', 'v2', manifest.digest]) expect(await statusOf(name, reference)).toBe(404)
      for (const reference of ['other', other.digest]) expect(await statusOf(name, reference)).toBe(200)
      const tags = await client().call('GET', `/v2/${name}/tags/list`)
      expect(await jsonOf(tags)).toEqual({ name, tags: ['other'] })
    })

    it('reaches one repository only', async (context) => {
      client().needs(context, 'manifestDelete')
      const [name, other] = [client().repository(), client().repository()]
      const manifest = await client().pushImage(name, 'v1')
      const { config } = JSON.parse(manifest.bytes.toString())
      const bytes = Buffer.from(await (await client().getBlob(name, config.digest)).arrayBuffer())
      await client().pushBlob(other, { bytes, digest: config.digest, descriptor: config })
      const { layers } = JSON.parse(manifest.bytes.toString())
      const layer = Buffer.from(await (await client().getBlob(name, layers[0].digest)).arrayBuffer())
      await client().pushBlob(other, { bytes: layer, digest: layers[0].digest, descriptor: layers[0] })
      await client().pushManifest(other, 'v1', manifest)
      expect((await remove(`/v2/${name}/manifests/${manifest.digest}`)).status).toBe(202)
      expect(await statusOf(other, 'v1')).toBe(200)
    })

    it('may be pushed again', async (context) => {
      client().needs(context, 'manifestDelete')
      const name = client().repository()
      const manifest = await client().pushImage(name, 'v1')
      expect((await remove(`/v2/${name}/manifests/${manifest.digest}`)).status).toBe(202)
      await client().pushManifest(name, 'v1', manifest)
      expect(await statusOf(name, 'v1')).toBe(200)
    })

    it('of an unknown manifest or repository is 404 (end-9)', async (context) => {
      client().needs(context, 'manifestDelete')
      const name = client().repository()
      await client().pushImage(name, 'v1')
      const { digest } = randomContent()
      await expectRefusal(await remove(`/v2/${name}/manifests/${digest}`), 404, ['MANIFEST_UNKNOWN'])
      const response = await remove(`/v2/${client().repository()}/manifests/${digest}`)
      await expectRefusal(response, 404, ['NAME_UNKNOWN', 'MANIFEST_UNKNOWN'])
    })
  })

  describe('Deleting Blobs', () => {
    it('is 202, and the blob is 404 after it (end-10)', async (context) => {
      client().needs(context, 'blobDelete')
      const name = client().repository()
      const [blob, other] = [
        await client().pushBlob(name, randomContent()),
        await client().pushBlob(name, randomContent()),
      ]
      expect((await remove(`/v2/${name}/blobs/${blob.digest}`)).status).toBe(202)
      expect((await client().getBlob(name, blob.digest)).status).toBe(404)
      expect((await client().getBlob(name, other.digest)).status).toBe(200)
    })

    it('reaches one repository only, also after a mount', async (context) => {
      client().needs(context, 'blobDelete', 'mount')
      const [from, name] = [client().repository(), client().repository()]
      const blob = await client().pushBlob(from, randomContent())
      const mounted = await client().call('POST', `/v2/${name}/blobs/uploads/?mount=${blob.digest}&from=${from}`)
      expect(mounted.status).toBe(201)
      expect((await remove(`/v2/${from}/blobs/${blob.digest}`)).status).toBe(202)
      expect((await client().getBlob(from, blob.digest)).status).toBe(404)
      expect((await client().getBlob(name, blob.digest)).status).toBe(200)
    })

    it('of an unknown blob is 404 (end-10)', async (context) => {
      client().needs(context, 'blobDelete')
      const name = client().repository()
      await client().pushImage(name, 'v1')
      const response = await remove(`/v2/${name}/blobs/${randomContent().digest}`)
      await expectRefusal(response, 404, ['BLOB_UNKNOWN'])
    })
  })

  describe('Error Codes', () => {
    it('a refusal is JSON with errors, each with a code in capitals', async () => {
      const response = await client().call('GET', `/v2/${client().repository()}/tags/list`)
      expect(response.headers.get('Content-Type')).toMatch(/^application\/json/)
      const { errors } = await jsonOf(response)
      expect(errors.length).toBeGreaterThan(0)
      for (const error of errors) expect(error.code).toMatch(/^[A-Z_]+$/)
    })

    it.for(['Upper/case', 'double--/x--', 'a..b', '-a', 'a/_b', 'a___b', 'x'.repeat(300)])(
      'the name %s, which no grammar allows, is 400 or 404 everywhere',
      async (name, context) => {
        client().needs(context, 'nameGrammar')
        for (const [method, path] of [
          ['GET', 'tags/list'],
          ['GET', 'manifests/v1'],
          ['POST', 'blobs/uploads/'],
          ['GET', `blobs/${randomContent().digest}`],
        ] as const) {
          await expectRefusal(await client().call(method, `/v2/${name}/${path}`), [400, 404])
        }
      },
    )

    it.each([
      ['POST', 'manifests/v1'],
      ['PUT', 'tags/list'],
      ['DELETE', 'tags/list'],
      ['PATCH', 'blobs/uploads/'],
    ])('%s %s is 404 or 405', async (method, path) => {
      const response = await client().call(method, `/v2/${client().repository()}/${path}`)
      expect([404, 405]).toContain(response.status)
    })
  })
}
