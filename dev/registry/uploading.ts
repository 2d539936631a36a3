/** Pushing and mounting blobs (OCI distribution-spec "Pushing blobs", end-4, end-5, end-6, end-11, end-13, end-14). */
import type { IncomingHttpHeaders } from 'node:http'
import type { Exchange } from './exchange.ts'
import { type Digest, isAlgorithm, isDigest, isRepositoryName, type RepositoryName } from './grammar.ts'
import { methodNotAllowed, type Reply, refuse } from './reply.ts'
import type { Upload } from './uploads.ts'

/** `POST /v2/<name>/blobs/uploads/`: open a session, push in one request (`digest`), or mount (`mount` and `from`). */
export async function answerUploads(exchange: Exchange, name: RepositoryName): Promise<Reply> {
  const { request, query, store, uploads } = exchange
  if (request.method !== 'POST') return methodNotAllowed(['POST'])
  const algorithm = query.get('digest-algorithm')
  if (algorithm !== null && !isAlgorithm(algorithm)) {
    return refuse(400, 'DIGEST_INVALID', 'unsupported digest algorithm, use sha256 or sha512', { algorithm })
  }
  if (query.has('digest')) {
    const digest = onlyDigest(query)
    if (digest === undefined) return refuse(400, 'DIGEST_INVALID', 'digest must be one valid digest')
    return uploads.use(name, await uploads.start(name), async (upload) => {
      if (upload === undefined) throw new Error('an upload vanished as it was opened')
      try {
        await upload.append(request)
        return await commit(exchange, name, upload, digest)
      } finally {
        await upload.cancel()
      }
    })
  }

  const [mount, from] = [query.get('mount') ?? '', query.get('from') ?? '']
  if (isDigest(mount) && isRepositoryName(from) && (await store.mountBlob(name, from, mount))) {
    return created(name, mount)
  }
  // Without a source the registry would have to search other repositories, which tells who holds which blob.
  return { status: 202, headers: progress(name, await uploads.start(name), 0) }
}

/** `/v2/<name>/blobs/uploads/<session>`: a chunk, the end, the progress or the cancelling of an upload. */
export function answerUpload(exchange: Exchange, name: RepositoryName, session: string): Promise<Reply> {
  const { request, uploads } = exchange
  return uploads.use(name, session, async (upload) => {
    if (upload === undefined) return refuse(404, 'BLOB_UPLOAD_UNKNOWN', 'upload unknown to this repository')
    switch (request.method) {
      case 'GET':
      case 'HEAD':
        return { status: 204, headers: progress(name, session, upload.size) }
      case 'DELETE':
        await upload.cancel()
        return { status: 204 }
      case 'PATCH':
        return (await receive(exchange, name, upload)) ?? { status: 202, headers: progress(name, session, upload.size) }
      case 'PUT': {
        const digest = onlyDigest(exchange.query)
        if (digest === undefined) return refuse(400, 'DIGEST_INVALID', 'digest must be one valid digest')
        const refused = await receive(exchange, name, upload)
        if (refused !== undefined) return refused
        const reply = await commit(exchange, name, upload, digest)
        await upload.cancel()
        return reply
      }
      default:
        return methodNotAllowed(['GET', 'HEAD', 'PATCH', 'PUT', 'DELETE'])
    }
  })
}

/** Append the body. A chunk that says where it belongs must follow the last one, and be as long as it says. */
async function receive({ request }: Exchange, name: RepositoryName, upload: Upload): Promise<Reply | undefined> {
  const header = request.headers['content-range']
  const offset = upload.size
  if (header === undefined) {
    await upload.append(request)
    return undefined
  }
  const [, start, end] = /^(\d+)-(\d+)$/.exec(header) ?? []
  const length = Number(end) - Number(start) + 1
  if (Number(start) !== offset || !(length > 0)) {
    const headers = progress(name, upload.session, offset)
    return refuse(416, 'BLOB_UPLOAD_INVALID', `the next chunk starts at ${offset}`, undefined, headers)
  }
  const wrongLength = refuse(400, 'SIZE_INVALID', `Content-Range announces ${length} bytes, the body differs`)
  if (declaredLength(request.headers) !== undefined && declaredLength(request.headers) !== length) return wrongLength
  await upload.append(request)
  if (upload.size === offset + length) return undefined
  await upload.rewind(offset)
  return wrongLength
}

async function commit({ store }: Exchange, name: RepositoryName, upload: Upload, digest: Digest): Promise<Reply> {
  if (await store.adoptBlob(name, digest, upload.file)) return created(name, digest)
  return refuse(400, 'DIGEST_INVALID', 'the content has another digest', {
    digest,
  })
}

const created = (name: RepositoryName, digest: Digest): Reply => ({
  status: 201,
  headers: {
    Location: `/v2/${name}/blobs/${digest}`,
    'Docker-Content-Digest': digest,
  },
})

/** `Range` has no way to say "nothing yet"; like distribution, that is `0-0`. */
const progress = (name: RepositoryName, session: string, size: number) => ({
  Location: `/v2/${name}/blobs/uploads/${session}`,
  Range: `0-${Math.max(0, size - 1)}`,
  'Docker-Upload-UUID': session,
})

const declaredLength = (headers: IncomingHttpHeaders): number | undefined =>
  headers['content-length'] === undefined ? undefined : Number(headers['content-length'])

function onlyDigest(query: URLSearchParams): Digest | undefined {
  const [digest = '', ...others] = query.getAll('digest')
  return others.length === 0 && isDigest(digest) ? digest : undefined
}
