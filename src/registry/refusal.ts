/**
 * Error responses of the registry protocol: a status, and one code of the OCI distribution-spec ("Error Codes") with a
 * message for the person who uses the client. Never contains a secret.
 */
import type { QueryError } from './query.ts'

/** The error codes of the OCI distribution-spec 1.1, UNAVAILABLE of the Docker registry v2, and Azure's code for a lock. */
export type OciErrorCode =
  | 'BLOB_UNKNOWN'
  | 'BLOB_UPLOAD_INVALID'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DIGEST_INVALID'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'SIZE_INVALID'
  | 'UNAUTHORIZED'
  | 'DENIED'
  | 'UNSUPPORTED'
  | 'TOOMANYREQUESTS'
  | 'UNAVAILABLE'
  | 'REGISTRY_DISALLOWED_OPERATION'

/** One error response. */
export type OciError = {
  readonly status: number
  readonly code: OciErrorCode
  readonly message: string
  readonly detail?: unknown
}

/** The response to a request that is not a registry operation. It does not depend on the caller. */
export type RequestRefusal = OciError

/** The body of an error response as a value: `{ errors: [{ code, message, detail? }] }` (distribution-spec, "Error Codes"). */
export type ErrorDocument = { readonly errors: readonly Omit<OciError, 'status'>[] }

/** The {@link ErrorDocument} of one error. */
export function errorDocument({ code, message, detail }: OciError): ErrorDocument {
  return { errors: [detail === undefined ? { code, message } : { code, message, detail }] }
}

/** The {@link ErrorDocument} of one error as JSON, the body that clients parse. */
export const errorBody = (error: OciError): string => JSON.stringify(errorDocument(error))

/** The refusal of a path and method that are not an operation. */
export const unknownOperation = (method: string): RequestRefusal => ({
  status: 404,
  code: 'UNSUPPORTED',
  message: `no registry operation has this path and the method ${/^[A-Z]{1,16}$/.test(method) ? method : 'given'}`,
})

/** A refusal with status 404. */
export const notFound = (code: OciErrorCode, message: string): RequestRefusal => ({ status: 404, code, message })

/** The refusal of a request whose `Host` header is not a host name. */
export const invalidHost = (): RequestRefusal => ({
  status: 400,
  code: 'UNSUPPORTED',
  message: 'the Host header is not a host name: send the name of this gate, and its port where it has one',
})

/** The refusal of an invalid repository name. */
export const invalidName = (): RequestRefusal => ({
  status: 400,
  code: 'NAME_INVALID',
  message: 'the repository name is not a name of the OCI distribution-spec in its canonical spelling',
})

/** The refusal of an invalid query parameter. */
export const invalidQuery = (error: QueryError, code: OciErrorCode = 'UNSUPPORTED'): RequestRefusal => ({
  status: 400,
  code,
  message: `the query parameter ${error.key} ${error.problem}`,
})
