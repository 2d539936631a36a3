/**
 * What the registry answers, as a value: a status, headers and a body. Refusals are replies too, in the error format of
 * the OCI distribution-spec ("Error Codes"), so nothing is thrown to refuse a request.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/** An answer before it is written to the connection. */
export interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /** A stream must come with its own `Content-Length`. */
  readonly body?: string | Buffer | Readable
}

/** The codes of the OCI distribution-spec that this registry uses; `UNKNOWN` is distribution's, for its own faults. */
export type ErrorCode =
  | 'BLOB_UNKNOWN'
  | 'BLOB_UPLOAD_INVALID'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DIGEST_INVALID'
  | 'MANIFEST_BLOB_UNKNOWN'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'SIZE_INVALID'
  | 'UNAUTHORIZED'
  | 'UNSUPPORTED'
  | 'UNKNOWN'

/** A refusal with one error. `detail` must hold nothing that the caller did not send. */
export function refuse(
  status: number,
  code: ErrorCode,
  message: string,
  detail?: unknown,
  headers: Reply['headers'] = {},
): Reply {
  const error = detail === undefined ? { code, message } : { code, message, detail }
  return json(status, { errors: [error] }, headers)
}

/** The method is not one of this endpoint's (RFC 9110 section 15.5.6). */
export const methodNotAllowed = (allowed: readonly string[]): Reply =>
  refuse(405, 'UNSUPPORTED', `use ${allowed.join(', ')} here`, undefined, {
    Allow: allowed.join(', '),
  })

/** An answer with a JSON body. */
export const json = (status: number, value: unknown, headers: Reply['headers'] = {}): Reply => ({
  status,
  headers: { 'Content-Type': 'application/json', ...headers },
  body: JSON.stringify(value),
})

/** Write a reply. A HEAD request gets the headers of the GET and no body (RFC 9110 section 9.3.2). */
export async function send(request: IncomingMessage, response: ServerResponse, reply: Reply): Promise<void> {
  response.statusCode = reply.status
  response.setHeader('Docker-Distribution-API-Version', 'registry/2.0')
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value)
  const { body } = reply
  if (body instanceof Readable) {
    await pipeline(body, response)
    return
  }
  const bodyless = reply.status === 204 || reply.status === 304
  if (!bodyless && !response.hasHeader('Content-Length')) {
    response.setHeader('Content-Length', body === undefined ? 0 : Buffer.byteLength(body))
  }
  response.end(request.method === 'HEAD' ? undefined : body)
}
