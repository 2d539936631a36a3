/** Blobs of a repository: pull, check, delete (OCI distribution-spec end-2 and end-10). */
import { type Exchange, notModified, range } from './exchange.ts'
import { isDigest, type RepositoryName } from './grammar.ts'
import { methodNotAllowed, type Reply, refuse } from './reply.ts'

/** Answers `GET`, `HEAD` and `DELETE` of a blob (OCI distribution-spec 1.1, end-2 and end-10). */
export async function answerBlob({ request, store }: Exchange, name: RepositoryName, digest: string): Promise<Reply> {
  if (!isDigest(digest)) return refuse(400, 'DIGEST_INVALID', 'invalid digest', { digest })
  const unknown = refuse(404, 'BLOB_UNKNOWN', 'blob unknown to this repository', { digest })
  switch (request.method) {
    case 'DELETE':
      return (await store.deleteBlob(name, digest)) ? { status: 202 } : unknown
    case 'GET':
    case 'HEAD':
      break
    default:
      return methodNotAllowed(['GET', 'HEAD', 'DELETE'])
  }

  const blob = await store.blob(name, digest)
  if (blob === undefined) return unknown
  const etag = `"${digest}"`
  const headers = { 'Docker-Content-Digest': digest, ETag: etag, 'Accept-Ranges': 'bytes' }
  const part = request.method === 'GET' ? range(request.headers, etag, blob.size) : undefined
  if (notModified(request.headers, etag)) {
    await blob.close()
    return { status: 304, headers }
  }
  if (part === 'unsatisfiable') {
    await blob.close()
    const outside = { 'Content-Range': `bytes */${blob.size}` }
    return refuse(416, 'SIZE_INVALID', 'the blob has no such range', { size: blob.size }, outside)
  }
  const { start, end } = part ?? { start: 0, end: blob.size }
  const entity = {
    ...headers,
    'Content-Type': 'application/octet-stream',
    'Content-Length': `${end - start}`,
  }
  if (request.method === 'HEAD' || start === end) {
    await blob.close()
    return { status: 200, headers: entity }
  }
  if (part === undefined) return { status: 200, headers: entity, body: blob.read(start, end) }
  const partial = {
    ...entity,
    'Content-Range': `bytes ${start}-${end - 1}/${blob.size}`,
  }
  return { status: 206, headers: partial, body: blob.read(start, end) }
}
