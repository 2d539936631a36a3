/**
 * The request grammar: from the method and the raw request target to one {@link RegistryRequest}. Reads the target as the
 * client sent it and accepts only the canonical spelling. Refuses every other route, so that an unknown route is never
 * forwarded.
 *
 * A repository name may have segments such as `manifests` or `blobs`; a reference never has a slash. So the path is read
 * from its right end, as registries do (OCI distribution-spec 1.1, "Endpoints").
 */

import { err, ok, type Result } from '../base/result.ts'
import { parseMetadataRequest } from './acr-metadata.ts'
import { type Digest, parseDigest, parseRepositoryName, parseTag, type RepositoryName, type Tag } from './name.ts'
import { parseCount, parseQuery, type Query, single } from './query.ts'
import { invalidName, invalidQuery, notFound, type RequestRefusal, unknownOperation } from './refusal.ts'
import type { Paging, Reference, RegistryRequest } from './request.ts'

type Parsed = Result<RegistryRequest, RequestRefusal>

/** The longest request target, in characters. It is the platform's own limit for URLs (16 KB). */
export const TARGET_MAX_LENGTH = 16_384
/** The longest host with its port, in characters (RFC 1035 section 2.3.4: a name has 255 octets). */
const HOST_MAX_LENGTH = 262
/** The longest `last`, in characters. Any name fits, and the forwarded target is still short enough when it is encoded. */
const LAST_MAX_LENGTH = 512
/** The first character of a `last` that is a cursor of the gate instead of a name. No name begins with it. */
export const CURSOR_MARK = '~'
/** The longest cursor, in characters. */
export const CURSOR_MAX_LENGTH = 8192
/** The most `?tag=` parameters of one manifest push: as many as the distribution-spec asks a registry to support. */
const TAGS_MAX = 10

/** The scheme and authority of a URL, as the client sent them. Empty if the URL has none. */
export const requestOrigin = (url: string): string => /^[a-z][a-z0-9+.-]*:\/\/[^/?#\\]*/i.exec(url)?.[0] ?? ''

/** The host and port of a URL, as the client sent them. Empty if the URL has none. */
export function requestHost(url: string): string {
  const origin = requestOrigin(url)
  return origin.slice(origin.indexOf('://') + '://'.length)
}

const HOST = /^(?:[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?\.?|\[[0-9a-f:.]{2,45}\])(?::\d{0,5})?$/i

/**
 * Whether a text is a host with an optional port (RFC 9110 section 7.2). A platform builds the URL from the `Host` header:
 * if the header is not a host, a part of it becomes a part of the path.
 */
export const isHost = (text: string): boolean => text.length <= HOST_MAX_LENGTH && HOST.test(text)

/**
 * The raw request target of a URL: everything after the authority, without the fragment, as the client sent it. A URL
 * parser would resolve dot segments and return another path.
 */
export function requestTarget(url: string): string {
  const [, target = '/'] = /^[a-z]+:\/\/[^/?#\\]*(\/[^#]*)/.exec(url) ?? []
  return target
}

const PAGING = new Set(['n', 'last'])
const ARTIFACT_TYPE = new Set(['artifactType'])
const UPLOAD = new Set(['mount', 'from', 'digest', 'digest-algorithm'])
const DIGEST = new Set(['digest'])
const TAG = new Set(['tag'])

/** A session that the gate sealed, see {@link RegistryRequest}: base64url parts joined by dots, never a dot segment. */
const SESSION = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/
const SESSION_MAX_LENGTH = 8192

/**
 * Parses one request.
 *
 * @param method the HTTP method, in upper case
 * @param target the raw request target, see {@link requestTarget}
 */
export function parseRegistryRequest(method: string, target: string): Parsed {
  if (target.length > TARGET_MAX_LENGTH) return err(unknownOperation(method))
  const mark = target.indexOf('?')
  const path = mark < 0 ? target : target.slice(0, mark)
  const query = mark < 0 ? '' : target.slice(mark + 1)
  if (path === '/v2/') {
    return method === 'GET' || method === 'HEAD' ? ok({ operation: 'ping', method }) : err(unknownOperation(method))
  }
  if (path === '/v2/_catalog') return parseCatalog(method, 'v2', query)
  if (path === '/acr/v1/_catalog') return parseCatalog(method, 'acr', query)
  if (path.startsWith('/acr/v1/')) return parseMetadataRequest(method, path.slice('/acr/v1/'.length), query)
  if (!path.startsWith('/v2/')) return err(unknownOperation(method))
  return parseRepositoryRequest(method, path.slice('/v2/'.length), query)
}

function parseRepositoryRequest(method: string, path: string, query: string): Parsed {
  const last = path.lastIndexOf('/')
  const marker = path.lastIndexOf('/', last - 1)
  if (last < 1 || marker < 1) return err(unknownOperation(method))
  const reference = path.slice(last + 1)
  switch (path.slice(marker + 1, last)) {
    case 'manifests':
      return named(path.slice(0, marker), (name) => parseManifest(method, name, reference, query))
    case 'blobs':
      return named(path.slice(0, marker), (name) => parseBlob(method, name, reference))
    case 'referrers':
      return named(path.slice(0, marker), (name) => parseReferrers(method, name, reference, query))
    case 'tags':
      if (reference !== 'list') return err(unknownOperation(method))
      return named(path.slice(0, marker), (name) => parseTagList(method, name, query))
    case 'uploads': {
      const blobs = path.lastIndexOf('/', marker - 1)
      if (blobs < 1 || path.slice(blobs + 1, marker) !== 'blobs') return err(unknownOperation(method))
      return named(path.slice(0, blobs), (name) =>
        reference === '' ? parseStartUpload(method, name, query) : parseUpload(method, name, reference, query),
      )
    }
    default:
      return err(unknownOperation(method))
  }
}

function named(text: string, parse: (name: RepositoryName) => Parsed): Parsed {
  const name = parseRepositoryName(text)
  return name.ok ? parse(name.value) : err(invalidName())
}

function parseCatalog(method: string, api: 'v2' | 'acr', text: string): Parsed {
  if (method !== 'GET') return err(unknownOperation(method))
  const paging = parsePaging(text)
  return paging.ok ? ok({ operation: 'listCatalog', method, api, paging: paging.value }) : paging
}

function parseTagList(method: string, name: RepositoryName, text: string): Parsed {
  if (method !== 'GET') return err(unknownOperation(method))
  const paging = parsePaging(text)
  return paging.ok ? ok({ operation: 'listTags', method, name, paging: paging.value }) : paging
}

function parsePaging(text: string): Result<Paging, RequestRefusal> {
  const query = parseQuery(text, PAGING)
  if (!query.ok) return err(invalidQuery(query.error))
  // An empty `n` is not a number. An empty `last` is before all names.
  const n = query.value.get('n')?.includes('') ? ok('') : single(query.value, 'n')
  if (!n.ok) return err(invalidQuery(n.error))
  const last = single(query.value, 'last')
  if (!last.ok) return err(invalidQuery(last.error))
  const count = n.value === undefined ? undefined : parseCount(n.value)
  if (n.value !== undefined && count === undefined) {
    return err(invalidQuery({ code: 'query_invalid', key: 'n', problem: 'is not a whole number' }))
  }
  const maxLength = last.value?.startsWith(CURSOR_MARK) === true ? CURSOR_MAX_LENGTH : LAST_MAX_LENGTH
  if (last.value !== undefined && last.value.length > maxLength) {
    return err(invalidQuery({ code: 'query_invalid', key: 'last', problem: 'is longer than any name' }))
  }
  return ok({
    ...(count === undefined ? {} : { n: count }),
    ...(last.value === undefined ? {} : { last: last.value }),
  })
}

/** Some clients escape the colon of a digest, and nothing else. It means the same and is forwarded as a colon. */
const digestOf = (text: string): Result<Digest, 'digest_invalid'> => parseDigest(text.replace(/%3a/i, ':'))

function parseReference(text: string): Reference | undefined {
  const tag = parseTag(text)
  if (tag.ok) return { kind: 'tag', tag: tag.value }
  const digest = digestOf(text)
  return digest.ok ? { kind: 'digest', digest: digest.value } : undefined
}

function parseManifest(method: string, name: RepositoryName, text: string, queryText: string): Parsed {
  const reference = parseReference(text)
  if (reference === undefined) return err(unknownReference(method, text))
  switch (method) {
    case 'GET':
    case 'HEAD':
      return ok({ operation: 'pullManifest', method, name, reference })
    case 'DELETE':
      return ok({ operation: 'deleteManifest', method, name, reference })
    case 'PUT': {
      const query = parseQuery(queryText, TAG)
      if (!query.ok) return err(invalidQuery(query.error, 'MANIFEST_INVALID'))
      const tags = parseTags(query.value)
      return tags.ok
        ? ok({
            operation: 'pushManifest',
            method,
            name,
            reference,
            tags: tags.value,
          })
        : tags
    }
    default:
      return err(unknownOperation(method))
  }
}

/** The refusal of a reference that nothing can have. */
function unknownReference(method: string, text: string): RequestRefusal {
  const message = 'the reference is neither a tag nor a digest'
  if (method !== 'PUT') return notFound('MANIFEST_UNKNOWN', message)
  return { status: 400, code: text.includes(':') ? 'DIGEST_INVALID' : 'MANIFEST_INVALID', message }
}

function parseTags(query: Query): Result<readonly Tag[], RequestRefusal> {
  const tags: Tag[] = []
  const refuse = (problem: string) =>
    err(invalidQuery({ code: 'query_invalid', key: 'tag', problem }, 'MANIFEST_INVALID'))
  for (const value of query.get('tag') ?? []) {
    const tag = parseTag(value)
    if (!tag.ok) return refuse('is not a tag')
    if (tags.includes(tag.value)) return refuse('names the same tag twice')
    if (tags.push(tag.value) > TAGS_MAX) return refuse(`is given more than ${TAGS_MAX} times`)
  }
  return ok(tags)
}

function parseBlob(method: string, name: RepositoryName, text: string): Parsed {
  if (method !== 'GET' && method !== 'HEAD' && method !== 'DELETE') return err(unknownOperation(method))
  const digest = digestOf(text)
  if (!digest.ok) return err(notFound('BLOB_UNKNOWN', 'the reference is not a digest'))
  return method === 'DELETE'
    ? ok({ operation: 'deleteBlob', method, name, digest: digest.value })
    : ok({ operation: 'pullBlob', method, name, digest: digest.value })
}

/** A media type, or another text: the registry only compares it. */
const ARTIFACT_TYPE_TEXT = /^[\x21-\x7e]{1,255}$/

function parseReferrers(method: string, name: RepositoryName, text: string, queryText: string): Parsed {
  if (method !== 'GET') return err(unknownOperation(method))
  const digest = digestOf(text)
  if (!digest.ok) return err(invalidDigest())
  const query = parseQuery(queryText, ARTIFACT_TYPE)
  if (!query.ok) return err(invalidQuery(query.error))
  const type = single(query.value, 'artifactType')
  if (!type.ok) return err(invalidQuery(type.error))
  const base = {
    operation: 'listReferrers',
    method,
    name,
    digest: digest.value,
  } as const
  if (type.value === undefined) return ok(base)
  return ARTIFACT_TYPE_TEXT.test(type.value)
    ? ok({ ...base, artifactType: type.value })
    : err(
        invalidQuery({
          code: 'query_invalid',
          key: 'artifactType',
          problem: 'is not a media type',
        }),
      )
}

function parseStartUpload(method: string, name: RepositoryName, text: string): Parsed {
  if (method !== 'POST') return err(unknownOperation(method))
  const query = parseQuery(text, UPLOAD)
  if (!query.ok) return err(invalidQuery(query.error))
  const values: (string | undefined)[] = []
  for (const key of UPLOAD) {
    const value = single(query.value, key)
    if (!value.ok) return err(invalidQuery(value.error))
    values.push(value.value)
  }
  const [mountText, fromText, digestText, algorithm] = values
  if (algorithm !== undefined && !/^[a-z0-9]+(?:[+._-][a-z0-9]+)*$/.test(algorithm)) {
    return err(
      invalidQuery({
        code: 'query_invalid',
        key: 'digest-algorithm',
        problem: 'is not a digest algorithm',
      }),
    )
  }
  const digest = digestText === undefined ? undefined : parseDigest(digestText)
  if (digest?.ok === false) return err(invalidDigest())
  const mount = mountText === undefined ? undefined : parseDigest(mountText)
  if (mount?.ok === false) return err(invalidDigest())
  const from = fromText === undefined ? undefined : parseRepositoryName(fromText)
  if (from?.ok === false) return err(invalidName())
  if (mount !== undefined && from !== undefined && digest === undefined) {
    return ok({
      operation: 'mountBlob',
      method,
      name,
      digest: mount.value,
      from: from.value,
    })
  }
  return ok({
    operation: 'startUpload',
    method,
    name,
    ...(digest === undefined ? {} : { digest: digest.value }),
    ...(algorithm === undefined ? {} : { digestAlgorithm: algorithm }),
  })
}

const invalidDigest = (): RequestRefusal => ({
  status: 400,
  code: 'DIGEST_INVALID',
  message: 'the digest is not of the form algorithm:hex',
})

function parseUpload(method: string, name: RepositoryName, session: string, text: string): Parsed {
  if (session.length > SESSION_MAX_LENGTH || !SESSION.test(session)) {
    return err(notFound('BLOB_UPLOAD_UNKNOWN', 'no such upload'))
  }
  switch (method) {
    case 'GET':
      return ok({ operation: 'uploadStatus', method, name, session })
    case 'PATCH':
      return ok({ operation: 'uploadChunk', method, name, session })
    case 'DELETE':
      return ok({ operation: 'cancelUpload', method, name, session })
    case 'PUT': {
      const query = parseQuery(text, DIGEST)
      if (!query.ok) return err(invalidQuery(query.error))
      const value = single(query.value, 'digest')
      if (!value.ok) return err(invalidQuery(value.error))
      const digest = parseDigest(value.value ?? '')
      return digest.ok
        ? ok({ operation: 'completeUpload', method, name, session, digest: digest.value })
        : err(invalidDigest())
    }
    default:
      return err(unknownOperation(method))
  }
}
