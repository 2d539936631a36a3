/**
 * From an answer of the upstream to the one that the client gets: what a registry says passes as it is, what no registry
 * should say becomes an error that registry clients can read. Bodies are never buffered.
 */
import { errorBody, type OciError, type OciErrorCode } from '../registry/refusal.ts'
import type { RegistryRequest } from '../registry/request.ts'
import { Fault } from './fault.ts'
import { clientHeaders, type HeaderRecord } from './headers.ts'
import { discard } from './upstream.ts'

/**
 * @param location already made fit for the client
 * Throws `upstream_invalid` for an answer that is none of a registry.
 */
export async function relay(
  answer: Response,
  request: RegistryRequest,
  location: string | undefined,
): Promise<Response> {
  const headers = clientHeaders(answer.headers)
  if (location !== undefined) headers.location = location
  const { status } = answer
  const type = answer.headers.get('content-type')?.toLowerCase() ?? ''
  if (status >= 500 || (status >= 400 && !type.includes('json'))) {
    await discard(answer)
    return rewritten(headers, request.method, errorFor(status, request))
  }
  if (status < 300 && request.operation !== 'pullBlob' && type.startsWith('text/html')) {
    await discard(answer)
    throw new Fault('upstream_invalid', 'the registry answered with a web page: check that UPSTREAM is a registry')
  }
  return new Response(answer.body, { status, statusText: answer.statusText, headers })
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

function rewritten(answer: HeaderRecord, method: string, error: OciError): Response {
  const { 'content-encoding': _, 'content-length': __, ...rest } = answer
  const headers = { ...rest, 'content-type': 'application/json' }
  return new Response(method === 'HEAD' ? null : errorBody(error), { status: error.status, headers })
}
