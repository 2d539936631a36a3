/** The only way to the upstream: the request target, rebuilt from the parsed request alone. */
import { formatQuery } from './query.ts'
import type { Reference, RegistryRequest } from './request.ts'

const referenceText = (reference: Reference): string => (reference.kind === 'tag' ? reference.tag : reference.digest)

/**
 * The path and query of a request, for the upstream.
 *
 * @param session the upstream's own target of an upload, from its `Location` header. It is opaque: only the digest that
 *   completes an upload is added. Used by requests of an upload session only.
 */
export function formatTarget(request: RegistryRequest, session = ''): string {
  switch (request.operation) {
    case 'ping':
      return '/v2/'
    case 'listCatalog':
      return `/${request.api === 'v2' ? 'v2' : 'acr/v1'}/_catalog${formatQuery([
        ['n', request.paging.n],
        ['last', request.paging.last],
      ])}`
    case 'listTags':
      return `/v2/${request.name}/tags/list${formatQuery([
        ['n', request.paging.n],
        ['last', request.paging.last],
      ])}`
    case 'listReferrers':
      return `/v2/${request.name}/referrers/${request.digest}${formatQuery([['artifactType', request.artifactType]])}`
    case 'pullManifest':
    case 'deleteManifest':
      return `/v2/${request.name}/manifests/${referenceText(request.reference)}`
    case 'pushManifest':
      return `/v2/${request.name}/manifests/${referenceText(request.reference)}${formatQuery(
        request.tags.map((tag) => ['tag', tag] as const),
      )}`
    case 'pullBlob':
    case 'deleteBlob':
      return `/v2/${request.name}/blobs/${request.digest}`
    case 'startUpload':
      return `/v2/${request.name}/blobs/uploads/${formatQuery([
        ['digest', request.digest],
        ['digest-algorithm', request.digestAlgorithm],
      ])}`
    case 'mountBlob':
      return `/v2/${request.name}/blobs/uploads/${formatQuery([
        ['mount', request.digest],
        ['from', request.from],
      ])}`
    case 'uploadStatus':
    case 'uploadChunk':
    case 'cancelUpload':
      return session
    case 'completeUpload':
      return `${session}${session.includes('?') ? '&' : '?'}digest=${encodeURIComponent(request.digest)}`
    case 'metadata':
      return request.path
  }
}
