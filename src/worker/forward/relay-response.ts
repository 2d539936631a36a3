/**
 * From an answer of the upstream to the one that the client gets: what a registry says passes as it is, what no registry
 * should say becomes an error that registry clients can read. Bodies are never buffered.
 */

import { isInert, isJson, parseMediaType } from '../../registry/media-type.ts'
import { errorBody, type OciError, type OciErrorCode } from '../../registry/refusal.ts'
import type { RegistryRequest } from '../../registry/request.ts'
import { keepClientHeaders } from '../answers/headers.ts'
import { Fault } from '../platform/fault.ts'
import { discard } from '../upstream/upstream.ts'

/**
 * @param location already made fit for the client
 * Rejects with `upstream_invalid` for an answer that is none of a registry.
 */
export function relay(
  answer: Response,
  request: RegistryRequest,
  location: string | undefined,
): Response | Promise<Response> {
  const { status, headers } = answer
  if (status < 200) return notOfRegistry(answer, 'with another protocol')
  const declared = headers.get('content-type') ?? ''
  const type = parseMediaType(declared)
  if (status >= 500 || (status >= 400 && !(type !== undefined && isJson(type)))) {
    return rewritten(answer, request, location)
  }
  const isFit = declared === '' || (type !== undefined && isInert(type))
  const isBytes = status >= 300 || request.operation === 'pullBlob'
  if (!isFit && !isBytes && (type === undefined || isDocument(type))) return notOfRegistry(answer, 'with a web page')
  const response = fitForClient(new Response(answer.body, answer), headers, location)
  if (!isFit && isBytes && type !== BYTE_RANGES) response.headers.set('content-type', 'application/octet-stream')
  return response
}

/** Several ranges of a blob (RFC 9110 section 14.6). */
const BYTE_RANGES = 'multipart/byteranges'

/** What a browser shows as a page, and runs scripts of. */
const isDocument = (type: string): boolean => type === 'text/html' || type.endsWith('xml')

function fitForClient(response: Response, upstream: Headers, location: string | undefined): Response {
  const { headers } = response
  keepClientHeaders(headers, upstream)
  if (location !== undefined) headers.set('location', location)
  return response
}

async function notOfRegistry(answer: Response, how: string): Promise<never> {
  await discard(answer)
  throw new Fault('upstream_invalid', `the registry answered ${how}: check that UPSTREAM is a registry`)
}

async function rewritten(answer: Response, request: RegistryRequest, location: string | undefined): Promise<Response> {
  await discard(answer)
  const error = errorFor(answer.status, request)
  const headers = new Headers(answer.headers)
  headers.set('content-type', 'application/json')
  for (const name of ['content-encoding', 'content-length']) headers.delete(name)
  const body = request.method === 'HEAD' ? null : errorBody(error)
  return fitForClient(new Response(body, { status: error.status, headers }), answer.headers, location)
}

/**
 * What the distribution-spec has for a status. The text of a failure may tell of the upstream's inside, so it is not
 * passed on; what waiting may cure keeps its status, any other failure is a bad gateway.
 */
function errorFor(status: number, request: RegistryRequest): OciError {
  const failed = `the registry behind the gate failed with status ${status}`
  const refused = `the registry behind the gate refuses this with status ${status}`
  switch (status) {
    case 403:
      return { status, code: 'DENIED', message: refused }
    case 404:
      return { status, code: unknownCode(request), message: refused }
    case 413:
      return { status, code: 'SIZE_INVALID', message: refused }
    case 429:
      return { status, code: 'TOOMANYREQUESTS', message: refused }
    case 501:
      return { status, code: 'UNSUPPORTED', message: refused }
    case 503:
      return { status, code: 'UNAVAILABLE', message: failed }
    case 504:
    case 522:
    case 524:
      return { status: 504, code: 'UNAVAILABLE', message: failed }
    default:
      return status < 500
        ? { status, code: 'UNSUPPORTED', message: refused }
        : { status: 502, code: 'UNAVAILABLE', message: failed }
  }
}

function unknownCode({ operation }: RegistryRequest): OciErrorCode {
  switch (operation) {
    case 'pullBlob':
    case 'deleteBlob':
      return 'BLOB_UNKNOWN'
    case 'pullManifest':
    case 'deleteManifest':
      return 'MANIFEST_UNKNOWN'
    case 'uploadStatus':
    case 'uploadChunk':
    case 'completeUpload':
    case 'cancelUpload':
      return 'BLOB_UPLOAD_UNKNOWN'
    case 'listReferrers':
      // A registry without this API. Told that the repository is unknown, clients would not look for the tag instead.
      return 'UNSUPPORTED'
    default:
      return 'NAME_UNKNOWN'
  }
}
