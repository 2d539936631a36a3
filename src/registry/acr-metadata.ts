/**
 * Azure's metadata API, `/acr/v1/`: one table of the operations and the permissions that each needs. Operations that are
 * not in the table are refused. A component of a repository name never starts with `_`, so the markers are unambiguous.
 *
 * Source: Azure/acr-cli `docs/swagger.yaml` (2019-07-15-preview), the scopes that the Azure CLI asks for, and Azure
 * "artifact streaming" and "soft delete".
 */

import { err, ok, type Result } from '../base/result.ts'
import { parseDigest, parseRepositoryName, parseTag } from './name.ts'
import type { Action } from './permission.ts'
import { formatQuery, parseCount, parseQuery, single } from './query.ts'
import { invalidName, invalidQuery, type RequestRefusal, unknownOperation } from './refusal.ts'
import type { MetadataRequest } from './request.ts'
import { DELETED_READ, DELETED_RESTORE } from './required-permissions.ts'

type Row = {
  readonly needs: readonly Action[]
  readonly orElse?: Action
  readonly query?: readonly string[]
  readonly attributes?: true
  /** The body says which repositories the response covers, so the caller needs the permission on every repository. */
  readonly everywhere?: true
}

const LIST_KEYS = ['n', 'last', 'orderby'] as const
const READ: Row = { needs: ['metadata/read'] }
const METADATA_WRITE: Row = { needs: ['metadata/write'] }
const METADATA_DELETE: Row = { needs: ['metadata/delete'] }
const STREAMING_READ: Row = { needs: ['content/read'] }
const STREAMING_WRITE: Row = { needs: ['content/write', 'content/read'] }

/** `name` means a repository; `tag`, `digest`, `key` (custom metadata) and `id` (operation) mean one segment. */
const ROWS: ReadonlyMap<string, Row> = new Map([
  ['GET name', READ],
  ['PATCH name', { needs: ['metadata/write', 'metadata/read'], attributes: true }],
  ['DELETE name', { needs: ['content/delete'] }],
  ['GET name/_tags', { needs: ['metadata/read'], query: [...LIST_KEYS, 'digest'] }],
  ['GET name/_tags/tag', READ],
  ['PATCH name/_tags/tag', { needs: ['metadata/write'], attributes: true }],
  // Azure's own client untags with a token that may only delete. A writer may not untag: it holds neither permission.
  ['DELETE name/_tags/tag', { needs: ['metadata/delete'], orElse: 'content/delete' }],
  ['GET name/_manifests', { needs: ['metadata/read'], query: LIST_KEYS }],
  ['GET name/_manifests/digest', READ],
  ['PATCH name/_manifests/digest', { needs: ['metadata/write'], attributes: true }],
  ...['name', 'name/_tags/tag', 'name/_manifests/digest'].flatMap((parent): [string, Row][] => [
    [`GET ${parent}/_metadata`, READ],
    [`GET ${parent}/_metadata/key`, READ],
    [`PUT ${parent}/_metadata/key`, METADATA_WRITE],
    [`DELETE ${parent}/_metadata/key`, METADATA_DELETE],
  ]),
  ['POST name/_metadata/_query', { ...READ, everywhere: true }],
  ['POST _metadata/_query', { ...READ, everywhere: true }],
  ['GET _deleted/_catalog', { needs: [DELETED_READ], query: LIST_KEYS }],
  ['GET _deleted/name/_manifests', { needs: [DELETED_READ], query: LIST_KEYS }],
  ['GET _deleted/name/_tags', { needs: [DELETED_READ], query: LIST_KEYS }],
  ['POST _deleted/name/_manifests/digest', { needs: [DELETED_READ, DELETED_RESTORE], query: ['force'] }],
  // Not Azure's: what protections know of the repository. The gate always answers these itself.
  ['GET name/_protections', { needs: ['metadata/read'], query: ['n', 'last'] }],
  ['POST name/_protections', METADATA_WRITE],
  ['GET name/_streaming', STREAMING_READ],
  ['GET name/_streaming/digest', STREAMING_READ],
  ['POST name/_streaming', STREAMING_WRITE],
  ['POST name/_streaming/digest', STREAMING_WRITE],
  ['GET name/_operations/id', STREAMING_READ],
  ['POST name/_operations/id:cancel', STREAMING_WRITE],
])

/** Segments that are never the name of a tag here. */
const MARKERS: ReadonlySet<string> = new Set([
  ...[
    '_catalog',
    '_deleted',
    '_manifests',
    '_metadata',
    '_operations',
    '_protections',
    '_query',
    '_streaming',
    '_tags',
  ],
])

const KEY = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/
const ID = /^[A-Za-z0-9-]{1,64}$/
const ID_CANCEL = /^[A-Za-z0-9-]{1,64}:cancel$/
/** Query values are names, times or tags. They never contain a delimiter. */
const VALUE = /^[A-Za-z0-9._:/+-]{1,512}$/

/**
 * Parses one request to the metadata API.
 *
 * @param method the HTTP method, in upper case
 * @param path the raw path after `/acr/v1/`
 * @param queryText the raw query, without `?`
 */
export function parseMetadataRequest(
  method: string,
  path: string,
  queryText: string,
): Result<MetadataRequest, RequestRefusal> {
  const segments = path.split('/')
  const deleted = segments[0] === '_deleted'
  if (deleted) segments.shift()
  const first = segments.findIndex((segment) => segment.startsWith('_'))
  const nameText = (first < 0 ? segments : segments.slice(0, first)).join('/')
  const markers = first < 0 ? [] : segments.slice(first)
  const name = nameText === '' && first === 0 ? undefined : parseRepositoryName(nameText)
  if (name?.ok === false) return err(invalidName())
  const shape = [deleted ? '_deleted' : [], name === undefined ? [] : 'name', markers.map(shapeOf(markers))].flat(2)
  const row = ROWS.get(`${method} ${shape.join('/')}`)
  if (row === undefined) return err(unknownOperation(method))
  const query = canonicalQuery(queryText, row.query ?? [])
  if (!query.ok) return query
  const tag = markers[0] === '_tags' && markers[1] !== undefined ? parseTag(markers[1]) : undefined
  const repository = name === undefined || row.everywhere ? {} : { repository: name.value }
  return ok({
    operation: 'metadata',
    // A row's key has one space, after the method. So a text that finds a row starts with one of these methods.
    method: method as MetadataRequest['method'],
    path: `/acr/v1/${deleted ? '_deleted/' : ''}${segments.join('/').replace(/%3a/i, ':')}${query.value}`,
    ...(name === undefined ? {} : { name: name.value }),
    ...(tag?.ok ? { tag: tag.value } : {}),
    requirements: row.needs.map((action) => ({
      action,
      ...(action.startsWith('Microsoft.') ? {} : repository),
      ...(row.orElse === undefined ? {} : { orElse: row.orElse }),
    })),
    attributes: row.attributes === true,
  })
}

/** The kind of a segment after the first marker. `?` occurs in no row. */
const shapeOf =
  (markers: readonly string[]) =>
  (segment: string, index: number): string => {
    if (MARKERS.has(segment)) return segment
    // A tag may begin with `_`, unlike a repository, a key and an operation.
    if (markers[index - 1] === '_tags') return parseTag(segment).ok ? 'tag' : '?'
    switch (markers[index - 1]) {
      case '_manifests':
      case '_streaming':
        return parseDigest(segment.replace(/%3a/i, ':')).ok ? 'digest' : '?'
      case '_metadata':
        return KEY.test(segment) ? 'key' : '?'
      case '_operations':
        return ID.test(segment) ? 'id' : ID_CANCEL.test(segment) ? 'id:cancel' : '?'
      default:
        return '?'
    }
  }

function canonicalQuery(text: string, keys: readonly string[]): Result<string, RequestRefusal> {
  const query = parseQuery(text, new Set(keys))
  if (!query.ok) return err(invalidQuery(query.error))
  const pairs: [string, string | undefined][] = []
  for (const key of keys) {
    const value = single(query.value, key)
    if (!value.ok) return err(invalidQuery(value.error))
    const text = value.value === undefined ? undefined : canonicalValue(key, value.value)
    if (text === undefined && value.value !== undefined) {
      return err(invalidQuery({ code: 'query_invalid', key, problem: 'has a character that its values cannot have' }))
    }
    pairs.push([key, text])
  }
  return ok(formatQuery(pairs))
}

const canonicalValue = (key: string, text: string): string | undefined =>
  key === 'n' ? parseCount(text)?.toString() : VALUE.test(text) ? text : undefined
