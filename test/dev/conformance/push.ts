/** OCI distribution-spec 1.1, "Pushing blobs" and "Mounting a blob from another repository". */
import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { bytesOf, type Client, type Content, expectRefusal, locationOf, randomContent } from './client.ts'

const REPORTED = /^(?:bytes=)?0-(\d+)$/

export function pushConformance(client: () => Client): void {
  /** The response says that the blob is there, and where. */
  const expectPushed = async (response: Response, blob: Content) => {
    expect(response.status, await response.clone().text()).toBe(201)
    expect(response.headers.get('Docker-Content-Digest')).toBe(blob.digest)
    const pulled = await client().call('GET', locationOf(response))
    expect(pulled.status).toBe(200)
    expect(await bytesOf(pulled)).toEqual(blob.bytes)
  }
  const expectAbsent = async (name: string, blob: Content) =>
    expect((await client().getBlob(name, blob.digest)).status).toBe(404)
  const expectProgress = (response: Response, status: number, end: number) => {
    expect(response.status).toBe(status)
    expect(response.headers.get('Range')).toMatch(REPORTED)
    expect(REPORTED.exec(response.headers.get('Range') ?? '')?.[1]).toBe(`${end}`)
    return locationOf(response)
  }
  const expectGone = async (location: string) =>
    expectRefusal(await client().call('GET', location), 404, ['BLOB_UPLOAD_UNKNOWN'])

  const noUpload = (): [readonly number[], readonly string[]] =>
    client().lacks('unknownUploadIs404')
      ? [
          [400, 404],
          ['BLOB_UPLOAD_UNKNOWN', 'BLOB_UPLOAD_INVALID'],
        ]
      : [[404], ['BLOB_UPLOAD_UNKNOWN']]

  describe('Pushing a blob monolithically', () => {
    it('POST is 202 with a Location that is a new session every time (POST then PUT, end-4a)', async () => {
      const name = client().repository()
      expect(await client().open(name)).not.toBe(await client().open(name))
    })

    it('PUT of the whole blob is 201 with a pullable Location (POST then PUT, end-6)', async () => {
      const name = client().repository()
      const blob = randomContent()
      await expectPushed(await client().close(await client().open(name), blob.digest, { body: blob.bytes }), blob)
    })

    it('one POST with digest is 201, or 202 with a session where unsupported (Single POST, end-4b)', async () => {
      const name = client().repository()
      const blob = randomContent()
      const response = await client().call('POST', `/v2/${name}/blobs/uploads/?digest=${blob.digest}`, {
        headers: { 'Content-Type': 'application/octet-stream' },
        body: blob.bytes,
      })
      if (!client().lacks('singlePost')) return expectPushed(response, blob)
      expect(response.status).toBe(202)
      await expectPushed(await client().close(locationOf(response), blob.digest, { body: blob.bytes }), blob)
    })

    it('content that does not match the digest is 400 and not stored (Digests)', async () => {
      const name = client().repository()
      const claimed = randomContent()
      const response = await client().close(await client().open(name), claimed.digest, { body: randomContent().bytes })
      await expectRefusal(response, 400, ['DIGEST_INVALID'])
      await expectAbsent(name, claimed)
    })

    it('one POST whose content does not match the digest is 400 and not stored', async (context) => {
      client().needs(context, 'singlePost')
      const name = client().repository()
      const claimed = randomContent()
      const path = `/v2/${name}/blobs/uploads/?digest=${claimed.digest}`
      await expectRefusal(await client().call('POST', path, { body: randomContent().bytes }), 400, ['DIGEST_INVALID'])
      await expectAbsent(name, claimed)
    })

    it('PUT without a digest, and with one that is none, is 400 and closes nothing (end-6)', async () => {
      const name = client().repository()
      const location = await client().open(name)
      await expectRefusal(await client().call('PUT', location), 400, ['DIGEST_INVALID'])
      await expectRefusal(await client().close(location, 'sha256:nothex'), 400, ['DIGEST_INVALID'])
      const blob = randomContent()
      await expectPushed(await client().close(location, blob.digest, { body: blob.bytes }), blob)
    })

    it('a blob may be pushed again', async () => {
      const name = client().repository()
      const blob = await client().pushBlob(name, randomContent())
      await expectPushed(await client().close(await client().open(name), blob.digest, { body: blob.bytes }), blob)
    })
  })

  describe('Pushing a blob in chunks', () => {
    const blob = randomContent(3000)
    const [first, second, third] = [
      blob.bytes.subarray(0, 1000),
      blob.bytes.subarray(1000, 2000),
      blob.bytes.subarray(2000),
    ]

    it('each chunk is 202 with Location and Range, the PUT 201 (end-5, end-6)', async () => {
      const name = client().repository()
      let location = await client().open(name)
      location = expectProgress(await client().patch(location, 0, first), 202, 999)
      location = expectProgress(await client().patch(location, 1000, second), 202, 1999)
      location = expectProgress(await client().patch(location, 2000, third), 202, 2999)
      await expectPushed(await client().close(location, blob.digest), blob)
    })

    it('the last chunk may come with the PUT (end-6)', async () => {
      const name = client().repository()
      let location = await client().open(name)
      location = expectProgress(await client().patch(location, 0, first), 202, 999)
      location = expectProgress(await client().patch(location, 1000, second), 202, 1999)
      const headers = { 'Content-Range': '2000-2999' }
      await expectPushed(await client().close(location, blob.digest, { headers, body: third }), blob)
    })

    it('a chunk out of order is 416, and the upload goes on from where it was (end-5)', async (context) => {
      client().needs(context, 'chunkOrder')
      const name = client().repository()
      let location = await client().open(name)
      expect((await client().patch(location, 1000, second)).status).toBe(416)
      location = expectProgress(await client().patch(location, 0, first), 202, 999)
      for (const start of [0, 500, 2000]) expect((await client().patch(location, start, second)).status).toBe(416)
      location = expectProgress(await client().call('GET', location), 204, 999)
      const rest = blob.bytes.subarray(1000)
      location = expectProgress(await client().patch(location, 1000, rest), 202, 2999)
      await expectPushed(await client().close(location, blob.digest), blob)
    })

    it('a last chunk out of order is 416, and the upload goes on (end-6)', async (context) => {
      client().needs(context, 'chunkOrder')
      const name = client().repository()
      let location = expectProgress(await client().patch(await client().open(name), 0, first), 202, 999)
      const headers = { 'Content-Range': '2000-2999' }
      expect((await client().close(location, blob.digest, { headers, body: third })).status).toBe(416)
      location = expectProgress(await client().call('GET', location), 204, 999)
      await expectPushed(await client().close(location, blob.digest, { body: blob.bytes.subarray(1000) }), blob)
    })

    it('a Content-Range that is none is 416 or 400 (end-5)', async (context) => {
      client().needs(context, 'chunkOrder')
      const location = await client().open(client().repository())
      for (const range of ['first', 'bytes 0-999/3000', '999-0']) {
        const response = await client().call('PATCH', location, { headers: { 'Content-Range': range }, body: first })
        await expectRefusal(response, [400, 416], ['BLOB_UPLOAD_INVALID', 'SIZE_INVALID'])
      }
    })

    it('a chunk that is not as long as its Content-Range says is refused, and nothing of it stays', async (context) => {
      client().needs(context, 'chunkOrder')
      const name = client().repository()
      const location = await client().open(name)
      const headers = { 'Content-Range': '0-1999' }
      const whole = await client().call('PATCH', location, { headers, body: first })
      await expectRefusal(whole, [400, 416], ['SIZE_INVALID', 'BLOB_UPLOAD_INVALID'])
      const streamed = await client().call('PATCH', location, { headers, body: new Blob([first]).stream() })
      await expectRefusal(streamed, [400, 416], ['SIZE_INVALID', 'BLOB_UPLOAD_INVALID'])
      await expectPushed(await client().close(location, blob.digest, { body: blob.bytes }), blob)
    })

    it('a chunk without Content-Range and length is appended as it arrives (end-5)', async () => {
      const name = client().repository()
      let location = await client().open(name)
      for (const [chunk, end] of [
        [first, 999],
        [blob.bytes.subarray(1000), 2999],
      ] as const) {
        location = expectProgress(
          await client().call('PATCH', location, { body: new Blob([chunk]).stream() }),
          202,
          end,
        )
      }
      await expectPushed(await client().close(location, blob.digest), blob)
    })

    it('chunks that do not make up the digest are 400 and not stored (end-6)', async () => {
      const name = client().repository()
      const location = expectProgress(await client().patch(await client().open(name), 0, first), 202, 999)
      await expectRefusal(await client().close(location, blob.digest), 400, ['DIGEST_INVALID'])
      await expectAbsent(name, blob)
    })

    it('GET of an upload is 204 with Location and Range (end-13)', async () => {
      const location = await client().open(client().repository())
      const opened = await client().call('GET', location)
      expect(opened.status).toBe(204)
      locationOf(opened)
      expectProgress(
        await client().call('GET', expectProgress(await client().patch(location, 0, first), 202, 999)),
        204,
        999,
      )
    })

    it('DELETE of an upload is 204 and ends it (end-14)', async () => {
      const location = await client().open(client().repository())
      expect((await client().call('DELETE', location)).status).toBe(204)
      await expectGone(location)
      await expectRefusal(await client().call('DELETE', location), 404, ['BLOB_UPLOAD_UNKNOWN'])
    })

    it('an upload is over once it is closed (end-6)', async () => {
      const location = await client().open(client().repository())
      expect((await client().close(location, blob.digest, { body: blob.bytes })).status).toBe(201)
      await expectGone(location)
    })

    it('an upload that nobody opened is 404 (end-5, end-6)', async () => {
      const location = `/v2/${client().repository()}/blobs/uploads/${randomUUID()}`
      for (const method of ['GET', 'PATCH', 'DELETE']) {
        await expectRefusal(await client().call(method, location), ...noUpload())
      }
      await expectRefusal(await client().close(location, blob.digest), ...noUpload())
    })

    it('an upload of one repository is none of another', async () => {
      const [name, other] = [client().repository(), client().repository()]
      const location = await client().open(name)
      const moved = location.replace(name, other)
      await expectRefusal(await client().call('GET', moved), ...noUpload())
      const response = await client().close(moved, blob.digest, { body: blob.bytes })
      await expectRefusal(response, ...noUpload())
      for (const repository of [name, other]) await expectAbsent(repository, blob)
    })
  })

  describe('Mounting a blob from another repository', () => {
    it('is 201 with a pullable Location (end-11)', async (context) => {
      client().needs(context, 'mount')
      const [from, name] = [client().repository(), client().repository()]
      const blob = await client().pushBlob(from, randomContent())
      const path = `/v2/${name}/blobs/uploads/?mount=${blob.digest}&from=${encodeURIComponent(from)}`
      const response = await client().call('POST', path)
      expect(locationOf(response)).toContain(`/v2/${name}/blobs/${blob.digest}`)
      await expectPushed(response, blob)
    })

    it.each([
      ['the source lacks the blob', (digest: string, from: string) => `mount=${digest}&from=${from}`],
      ['the source does not exist', (digest: string) => `mount=${digest}&from=conformance/${randomUUID()}`],
      ['no source is named', (digest: string) => `mount=${digest}`],
    ])('is 202 with a session where %s (end-11)', async (_, query) => {
      const [from, name] = [client().repository(), client().repository()]
      await client().pushImage(from, 'v1')
      const blob = randomContent()
      const response = await client().call('POST', `/v2/${name}/blobs/uploads/?${query(blob.digest, from)}`)
      expect(response.status).toBe(202)
      await expectAbsent(name, blob)
      await expectPushed(await client().close(locationOf(response), blob.digest, { body: blob.bytes }), blob)
    })

    it('without a source finds no blob of a repository that was not named', async () => {
      const blob = await client().pushBlob(client().repository(), randomContent())
      const name = client().repository()
      const response = await client().call('POST', `/v2/${name}/blobs/uploads/?mount=${blob.digest}`)
      expect(response.status).toBe(202)
      await expectAbsent(name, blob)
    })
  })
}
