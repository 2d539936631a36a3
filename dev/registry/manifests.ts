/** Manifests and tags of a repository: pull, check, push, delete (OCI distribution-spec end-3, end-7, end-9). */
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { type Exchange, notModified } from './exchange.ts'
import { algorithmOf, type Digest, isDigest, isTag, type RepositoryName, type Tag } from './grammar.ts'
import { parseManifest } from './manifest.ts'
import { methodNotAllowed, type Reply, refuse } from './reply.ts'

/** Largest manifest in bytes: what the spec asks every registry to accept ("Pushing Manifests"). */
const MANIFEST_LIMIT_BYTES = 4 * 1024 * 1024

/** Answers every request for a manifest (OCI distribution-spec 1.1, end-3, end-7 and end-9). */
export function answerManifest(exchange: Exchange, name: RepositoryName, reference: string): Promise<Reply> | Reply {
  switch (exchange.request.method) {
    case 'GET':
    case 'HEAD':
      return pull(exchange, name, reference)
    case 'PUT':
      return push(exchange, name, reference)
    case 'DELETE':
      return remove(exchange, name, reference)
    default:
      return methodNotAllowed(['GET', 'HEAD', 'PUT', 'DELETE'])
  }
}

async function pull(exchange: Exchange, name: RepositoryName, reference: string): Promise<Reply> {
  const { request, store } = exchange
  const digest = isDigest(reference) ? reference : isTag(reference) && (await store.resolve(name, reference))
  const stored = digest ? await store.manifest(name, digest) : undefined
  if (stored === undefined) return manifestUnknown(exchange, name, reference)
  const etag = `"${stored.digest}"`
  const headers = { 'Docker-Content-Digest': stored.digest, ETag: etag }
  if (notModified(request.headers, etag)) return { status: 304, headers }
  const entity = {
    ...headers,
    'Content-Type': stored.mediaType,
    'Content-Length': `${stored.size}`,
  }
  if (request.method === 'HEAD') return { status: 200, headers: entity }
  const body = await store.manifestBytes(name, stored.digest)
  return body === undefined ? manifestUnknown(exchange, name, reference) : { status: 200, headers: entity, body }
}

async function push({ request, query, store }: Exchange, name: RepositoryName, reference: string): Promise<Reply> {
  const target = isDigest(reference) ? { digest: reference, tags: query.getAll('tag') } : { tags: [reference] }
  if (target.digest === undefined && reference.includes(':')) {
    return refuse(400, 'DIGEST_INVALID', 'invalid digest', {
      digest: reference,
    })
  }
  const tags = target.tags.filter(isTag)
  if (tags.length !== target.tags.length) {
    return refuse(
      400,
      'MANIFEST_INVALID',
      'a tag has up to 128 letters, digits, _, . and -, and starts with neither . nor -',
    )
  }
  const bytes = await readManifest(request)
  if (bytes === undefined) return refuse(413, 'SIZE_INVALID', `a manifest has at most ${MANIFEST_LIMIT_BYTES} bytes`)
  const digest = target.digest ?? digestOf('sha256', bytes)
  if (!isDigest(digest) || digestOf(algorithmOf(digest), bytes) !== digest) {
    return refuse(400, 'DIGEST_INVALID', 'the manifest has another digest', {
      digest,
    })
  }
  const manifest = parseManifest(bytes, request.headers['content-type'])
  if (!manifest.ok) return refuse(400, 'MANIFEST_INVALID', manifest.error)
  const missing = await store.putManifest(name, digest, manifest.value, bytes, tags)
  if (missing !== undefined) {
    return refuse(400, 'MANIFEST_BLOB_UNKNOWN', 'the manifest refers to what this repository lacks', {
      digest: missing,
    })
  }
  return pushed(name, reference, digest, manifest.value.subject, isDigest(reference) ? tags : [])
}

function pushed(
  name: RepositoryName,
  reference: string,
  digest: Digest,
  subject: Digest | undefined,
  tags: readonly Tag[],
): Reply {
  const headers: Record<string, string | readonly string[]> = {
    Location: `/v2/${name}/manifests/${reference}`,
    'Docker-Content-Digest': digest,
  }
  if (subject !== undefined) headers['OCI-Subject'] = subject
  if (tags.length > 0) headers['OCI-Tag'] = tags
  return { status: 201, headers }
}

/** By digest the manifest with all its tags, by tag the tag alone. */
async function remove(exchange: Exchange, name: RepositoryName, reference: string): Promise<Reply> {
  const { store } = exchange
  const removed = isDigest(reference)
    ? await store.deleteManifest(name, reference)
    : isTag(reference) && (await store.deleteTag(name, reference))
  return removed ? { status: 202 } : manifestUnknown(exchange, name, reference)
}

async function manifestUnknown({ store }: Exchange, name: RepositoryName, reference: string): Promise<Reply> {
  if (await store.exists(name)) return refuse(404, 'MANIFEST_UNKNOWN', 'manifest unknown', { reference })
  return refuse(404, 'NAME_UNKNOWN', 'repository unknown', { name })
}

/**
 * The body, or undefined when it is too long. One of unknown length is read to its end all the same: a proxy cannot end a
 * request half-way, and would hold the connection, and the next request on it, for the rest.
 */
async function readManifest(request: IncomingMessage): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > MANIFEST_LIMIT_BYTES) return undefined
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    if (size <= MANIFEST_LIMIT_BYTES) chunks.push(chunk)
  }
  return size <= MANIFEST_LIMIT_BYTES ? Buffer.concat(chunks) : undefined
}

const digestOf = (algorithm: string, bytes: Buffer): string =>
  `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`
