/**
 * From an answer of the upstream to the one that the client gets: what a registry says passes as it is, what no registry
 * should say becomes an error that registry clients can read. Bodies are never buffered.
 */
import { errorBody, type OciErrorCode } from '../registry/refusal.ts'
import type { RegistryRequest } from '../registry/request.ts'
import { Fault } from './fault.ts'
import { clientHeaders } from './headers.ts'
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
  if (location !== undefined) headers.set('location', location)
  const { status } = answer
  if (status >= 500) return failure(answer, headers)
  const type = answer.headers.get('content-type')?.toLowerCase() ?? ''
  if (status >= 400 && !type.includes('json')) {
    const code = clientErrorCode(status, request)
    return rewritten(answer, headers, status, code, `the registry refuses this with status ${status}`, request.method)
  }
  if (status < 300 && request.operation !== 'pullBlob' && type.startsWith('text/html')) {
    await discard(answer)
    throw new Fault('upstream_invalid', 'the registry answered with a web page: check that UPSTREAM is a registry')
  }
  return new Response(answer.body, { status, statusText: answer.statusText, headers })
}

/** Its text may tell of the upstream's inside. What waiting may cure keeps its status, what it does not is a bad gateway. */
function failure(answer: Response, headers: Headers): Promise<Response> {
  const message = `the registry behind the gate failed with status ${answer.status}`
  switch (answer.status) {
    case 501:
      return rewritten(answer, headers, 501, 'UNSUPPORTED', 'the registry behind the gate does not support this')
    case 503:
      return rewritten(answer, headers, 503, 'UNAVAILABLE', message)
    case 504:
    case 522:
    case 524:
      return rewritten(answer, headers, 504, 'UNAVAILABLE', message)
    default:
      return rewritten(answer, headers, 502, 'UNAVAILABLE', message)
  }
}

/** The codes that the distribution-spec has for a status, for a registry that did not say it in JSON. */
function clientErrorCode(status: number, request: RegistryRequest): OciErrorCode {
  switch (status) {
    case 403:
      return 'DENIED'
    case 404:
      return unknownCode(request)
    case 413:
      return 'SIZE_INVALID'
    case 429:
      return 'TOOMANYREQUESTS'
    default:
      return 'UNSUPPORTED'
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
    default:
      return 'NAME_UNKNOWN'
  }
}

async function rewritten(
  answer: Response,
  headers: Headers,
  status: number,
  code: OciErrorCode,
  message: string,
  method = 'GET',
): Promise<Response> {
  await discard(answer)
  for (const name of ['content-encoding', 'content-length']) headers.delete(name)
  headers.set('content-type', 'application/json')
  return new Response(method === 'HEAD' ? null : errorBody({ status, code, message }), { status, headers })
}
