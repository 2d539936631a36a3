/** OCI distribution-spec 1.1, "Determining Support" and "Pull". */
import { describe, expect, it } from 'vitest'
import {
  bytesOf,
  type Client,
  expectRefusal,
  image,
  index,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_MANIFEST,
  randomContent,
} from './client.ts'

export function pullConformance(client: () => Client): void {
  describe('Determining Support', () => {
    it('GET /v2/ is 200 (end-1)', async () => {
      const response = await client().call('GET', '/v2/')
      expect(response.status).toBe(200)
      expect(response.headers.get('Docker-Distribution-API-Version')).toBe('registry/2.0')
    })
  })

  describe('Pulling manifests', () => {
    it.each(['GET', 'HEAD'])('%s by tag and by digest is 200 with type, length and digest (end-3)', async (method) => {
      const name = client().repository()
      const manifest = await client().pushImage(name, 'v1')
      for (const reference of ['v1', manifest.digest]) {
        const response = await client().getManifest(name, reference, method)
        expect(response.status).toBe(200)
        expect(response.headers.get('Content-Type')).toBe(OCI_MANIFEST)
        expect(response.headers.get('Content-Length')).toBe(`${manifest.bytes.length}`)
        expect(response.headers.get('Docker-Content-Digest')).toBe(manifest.digest)
        expect(await bytesOf(response)).toEqual(method === 'HEAD' ? Buffer.alloc(0) : manifest.bytes)
      }
    })

    it('an index keeps its own type (end-3)', async () => {
      const name = client().repository()
      await client().pushManifest(name, 'all', index([await client().pushImage(name)]))
      expect((await client().getManifest(name, 'all')).headers.get('Content-Type')).toBe(OCI_INDEX)
    })

    it.each(['GET', 'HEAD'])('%s of an unknown tag or digest is 404 (end-3)', async (method) => {
      const name = client().repository()
      await client().pushImage(name, 'v1')
      for (const reference of ['v2', randomContent().digest]) {
        await expectRefusal(await client().getManifest(name, reference, method), 404, ['MANIFEST_UNKNOWN'])
      }
    })

    it.each(['GET', 'HEAD'])('%s in an unknown repository is 404 (Pushing Manifests)', async (method) => {
      const response = await client().getManifest(client().repository(), 'v1', method)
      await expectRefusal(response, 404, ['NAME_UNKNOWN', 'MANIFEST_UNKNOWN'])
    })

    it.each(['.INVALID_MANIFEST_NAME', `-${'a'.repeat(10)}`, 'a'.repeat(129)])(
      'GET and HEAD of the reference %s, which no grammar allows, is 404',
      async (reference) => {
        const name = client().repository()
        await client().pushImage(name, 'v1')
        for (const method of ['GET', 'HEAD']) {
          await expectRefusal(await client().getManifest(name, reference, method), 404)
        }
      },
    )

    it('GET of a digest that is none is 404 or 400', async (context) => {
      client().needs(context, 'digestGrammar')
      const response = await client().getManifest(client().repository(), 'sha256:baddigeststring')
      await expectRefusal(response, [400, 404])
    })
  })

  describe('Pulling blobs', () => {
    it.for([
      ['sha256', 0],
      ['sha256', 1],
      ['sha256', 70_000],
      ['sha512', 512],
    ] as const)(
      'GET and HEAD of a %s blob of %i bytes is 200 with its bytes, length and digest (end-2)',
      async ([algorithm, size], context) => {
        if (algorithm === 'sha512') client().needs(context, 'sha512')
        const name = client().repository()
        const blob = await client().pushBlob(name, randomContent(size, undefined, algorithm))
        for (const method of ['GET', 'HEAD']) {
          const response = await client().call(method, `/v2/${name}/blobs/${blob.digest}`)
          expect(response.status).toBe(200)
          expect(response.headers.get('Content-Length')).toBe(`${size}`)
          expect(response.headers.get('Docker-Content-Digest')).toBe(blob.digest)
          expect(await bytesOf(response)).toEqual(method === 'HEAD' ? Buffer.alloc(0) : blob.bytes)
        }
      },
    )

    it.each(['GET', 'HEAD'])('%s of an unknown blob is 404 (end-2)', async (method) => {
      const name = client().repository()
      await client().pushImage(name, 'v1')
      const response = await client().call(method, `/v2/${name}/blobs/${randomContent().digest}`)
      await expectRefusal(response, 404, ['BLOB_UNKNOWN'])
    })

    it('a blob of one repository is not a blob of another (end-2: <name> is the namespace)', async () => {
      const blob = await client().pushBlob(client().repository(), randomContent())
      const other = client().repository()
      await client().pushImage(other, 'v1')
      for (const method of ['GET', 'HEAD']) {
        const response = await client().call(method, `/v2/${other}/blobs/${blob.digest}`)
        await expectRefusal(response, 404, ['BLOB_UNKNOWN'])
      }
    })

    it.each([
      ['bytes=500-1499', 500, 1500],
      ['bytes=500-', 500, 2048],
      ['bytes=-500', 1548, 2048],
      ['bytes=2000-5000', 2000, 2048],
      ['bytes=0-0', 0, 1],
      ['bytes=-5000', 0, 2048],
    ])('Range %s is 206 with those bytes (RFC 9110 section 14)', async (range, start, end) => {
      const name = client().repository()
      const blob = await client().pushBlob(name, randomContent(2048))
      const response = await client().getBlob(name, blob.digest, { Range: range })
      expect(response.status).toBe(206)
      expect(response.headers.get('Content-Range')).toBe(`bytes ${start}-${end - 1}/2048`)
      expect(response.headers.get('Content-Length')).toBe(`${end - start}`)
      expect(await bytesOf(response)).toEqual(blob.bytes.subarray(start, end))
    })

    it.each(['bytes=5000-10000', 'bytes=500-0', 'bytes=2048-'])('Range %s of 2048 bytes is 416', async (range) => {
      const name = client().repository()
      const blob = await client().pushBlob(name, randomContent(2048))
      const response = await client().getBlob(name, blob.digest, { Range: range })
      expect(response.status).toBe(416)
      await response.body?.cancel()
    })

    it('a client that has the blob or the manifest gets 304 without a body (RFC 9110 section 13)', async (context) => {
      client().needs(context, 'revalidation')
      const name = client().repository()
      const config = await client().pushBlob(name, randomContent(64, OCI_CONFIG))
      const manifest = await client().pushManifest(name, 'v1', image(config, []))
      for (const path of [`manifests/v1`, `manifests/${manifest.digest}`, `blobs/${config.digest}`]) {
        const get = (headers: Record<string, string>) =>
          client().call('GET', `/v2/${name}/${path}`, { headers: { Accept: OCI_MANIFEST, ...headers } })
        const etag = (await get({})).headers.get('ETag') ?? ''
        const again = await get({ 'If-None-Match': etag })
        expect([again.status, (await bytesOf(again)).length]).toEqual([304, 0])
        expect((await get({ 'If-None-Match': '"other"' })).status).toBe(200)
      }
    })

    it('If-Range with another version gets the whole blob (RFC 9110 section 13.1.5)', async (context) => {
      client().needs(context, 'revalidation')
      const name = client().repository()
      const blob = await client().pushBlob(name, randomContent(2048))
      const etag = (await client().getBlob(name, blob.digest)).headers.get('ETag') ?? ''
      for (const [ifRange, status] of [
        [etag, 206],
        ['"other"', 200],
      ] as const) {
        const response = await client().getBlob(name, blob.digest, { Range: 'bytes=0-9', 'If-Range': ifRange })
        expect(response.status).toBe(status)
        expect((await bytesOf(response)).length).toBe(status === 206 ? 10 : 2048)
      }
    })
  })
}
