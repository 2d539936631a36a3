/**
 * From why a request was refused to what its sender reads: one table, so that a new reason does not compile until someone
 * has decided what the client may learn. Everything else goes to the audit record.
 *
 * Sources: OCI distribution-spec 1.1 "Error Codes"; RFC 6750 section 3 (challenges); distribution
 * `docs/content/spec/auth/token.md`.
 */
import type { Authorization } from '../../policy/decide/authorize.ts'
import { formatChallenge } from '../../registry/challenge.ts'
import { errorBody, notFound, type OciError, type RequestRefusal } from '../../registry/refusal.ts'
import type { RegistryRequest } from '../../registry/request.ts'
import { type Access, formatScope, neededScope } from '../../registry/scope.ts'
import { CREDENTIAL_ERRORS, type CredentialRefusal, RETRY_AFTER_SECONDS } from '../identity/identified-caller.ts'
import type { FaultCode } from '../platform/fault.ts'
import { JUDGED_CACHE_CONTROL } from './headers.ts'

export type Refusal =
  | CredentialRefusal
  | (Authorization & { readonly effect: 'deny' })['reason']
  | { readonly code: 'not_a_registry_request'; readonly error: RequestRefusal }
  /** Policy allows it, the token that was presented does not reach it. */
  | { readonly code: 'insufficient_scope'; readonly scope: Access }
  | { readonly code: 'upload_unknown' }
  | { readonly code: 'form_body' }
  | { readonly code: 'body_too_large'; readonly bytes: number; readonly limit: number }
  | { readonly code: 'attributes_invalid' }
  | { readonly code: 'manifest_type_mismatch' }
  | { readonly code: 'cursor_invalid' }
  | { readonly code: FaultCode }
  /** A mistake of ours. Nothing is allowed by it. */
  | { readonly code: 'internal_error' }

/** What the answer to a refusal needs to know of the request. */
export type RefusalContext = {
  readonly method: string
  /** Absolute URL of the token endpoint. */
  readonly realm: string
  /** Absent where no policy was read. */
  readonly service?: string
  readonly request?: RegistryRequest
  /** `token:ci`; absent where nobody was identified. */
  readonly name?: string
  readonly authenticated: boolean
  /** Whether the request carried a credential. */
  readonly presented: boolean
}

type Wire = OciError & {
  /** The parameters of the challenge that goes with a 401. */
  readonly challenge?: { readonly scope?: Access; readonly error?: 'invalid_token' | 'insufficient_scope' }
  readonly retryAfterSeconds?: number
}

const MESSAGE_MAX_LENGTH = 200
const UNAVAILABLE_RETRY_SECONDS = 5

/** The answer to a refused request. A HEAD has the status and the headers alone. */
export function answerTo(refusal: Refusal, asker: RefusalContext): Response {
  const { challenge, retryAfterSeconds, ...error } = wireOf(refusal, asker)
  const headers = jsonHeaders()
  if (challenge !== undefined && asker.service !== undefined) {
    headers.set('www-authenticate', formatChallenge({ realm: asker.realm, service: asker.service, ...challenge }))
  }
  if (retryAfterSeconds !== undefined) headers.set('retry-after', String(retryAfterSeconds))
  return new Response(asker.method === 'HEAD' ? null : errorBody(error), { status: error.status, headers })
}

/** Of an answer that the gate writes itself. */
export const jsonHeaders = (): Headers =>
  new Headers({
    'content-type': 'application/json',
    'cache-control': JUDGED_CACHE_CONTROL,
    'docker-distribution-api-version': 'registry/2.0',
    'x-content-type-options': 'nosniff',
  })

function wireOf(refusal: Refusal, asker: RefusalContext): Wire {
  switch (refusal.code) {
    case 'not_a_registry_request':
      return refusal.error
    case 'credential_malformed':
    case 'credential_invalid':
    case 'credential_expired':
    case 'credential_revoked':
    case 'token_disabled':
    case 'too_many_failures':
      return credentialError(refusal.code)
    case 'authentication_required':
      return signIn('log in: this takes an account', asker)
    case 'no_grant': {
      const missing = `no ${refusal.action}${refusal.repository === undefined ? '' : ` on ${refusal.repository}`}`
      return asker.authenticated
        ? denied(`${principalText(asker.name)} has ${missing}`, refusal)
        : signIn(`log in: without an account you have ${missing}`, asker)
    }
    case 'deny_assignment': {
      const doubt = refusal.membership === undefined ? '' : MEMBERSHIP_UNKNOWN
      const message =
        refusal.message ?? `a deny assignment forbids ${refusal.action} to ${principalText(asker.name)}${doubt}`
      return asker.authenticated ? denied(message, refusal) : signIn(message, asker)
    }
    case 'insufficient_scope':
      return {
        status: 401,
        code: 'UNAUTHORIZED',
        message: shortened(`the token does not reach ${formatScope(refusal.scope)}: ask for a new one with this scope`),
        challenge: { scope: refusal.scope, error: 'insufficient_scope' },
      }
    case 'upload_unknown':
      return notFound('BLOB_UPLOAD_UNKNOWN', 'no such upload')
    case 'form_body':
      return {
        status: 415,
        code: 'UNSUPPORTED',
        message: 'a registry takes no forms: send the bytes with their own content type, and parameters in the query',
      }
    case 'body_too_large':
      return {
        status: 413,
        code: 'SIZE_INVALID',
        message: `the body has ${refusal.bytes} bytes, this gate takes at most ${refusal.limit}: push it in smaller layers`,
        detail: { bytes: refusal.bytes, limit: refusal.limit },
      }
    case 'attributes_invalid':
      return { status: 400, code: 'UNSUPPORTED', message: 'the body is no JSON object of attributes below 64 KiB' }
    case 'manifest_type_mismatch':
      return {
        status: 400,
        code: 'MANIFEST_INVALID',
        message: 'the manifest is not of the type that its Content-Type says, or is longer than 4 MiB',
      }
    case 'cursor_invalid':
      return {
        status: 400,
        code: 'UNSUPPORTED',
        message: 'the query parameter last is no name and no cursor of this list',
      }
    case 'policy_unavailable':
      return unavailable(503, 'the policy cannot be read at the moment: try again')
    case 'signing_key_unavailable':
    case 'settings_invalid':
      return unavailable(503, 'the gate is not set up: its operator finds the reason in its log')
    case 'issuer_unavailable':
      return unavailable(503, 'the keys of the issuer of your token cannot be read at the moment: try again')
    case 'upstream_unreachable':
      return unavailable(502, 'the registry behind the gate cannot be reached: try again')
    case 'upstream_timeout':
      return unavailable(504, 'the registry behind the gate does not answer: try again')
    case 'upstream_unauthorized':
      return unavailable(502, 'the registry behind the gate does not accept the gate: tell its operator')
    case 'upstream_invalid':
      return unavailable(502, 'the registry behind the gate gave an answer that cannot be passed on')
    case 'internal_error':
      return { status: 500, code: 'UNAVAILABLE', message: 'the gate failed: its operator finds the reason in its log' }
  }
}

function credentialError(code: CredentialRefusal['code']): Wire {
  const error = CREDENTIAL_ERRORS[code]
  switch (error.status) {
    case 401:
      return { ...error, challenge: { error: 'invalid_token' } }
    case 429:
      return { ...error, retryAfterSeconds: RETRY_AFTER_SECONDS }
    default:
      return error
  }
}

type PolicyRefusal = { readonly code: string; readonly action: string; readonly repository?: string }

const denied = (message: string, { code, action, repository }: PolicyRefusal): Wire => ({
  status: 403,
  code: 'DENIED',
  message: shortened(message),
  detail: { reason: code, permission: action, ...(repository === undefined ? {} : { repository }) },
})

/** Who sent an anonymous token already is told that the same one will not do. */
function signIn(message: string, { request, presented }: RefusalContext): Wire {
  const scope = request === undefined ? undefined : neededScope(request)
  return {
    status: 401,
    code: 'UNAUTHORIZED',
    message: shortened(message),
    challenge: scope === undefined ? {} : { scope, ...(presented ? { error: 'insufficient_scope' as const } : {}) },
  }
}

const unavailable = (status: 502 | 503 | 504, message: string): Wire => ({
  status,
  code: 'UNAVAILABLE',
  message,
  ...(status === 503 ? { retryAfterSeconds: UNAVAILABLE_RETRY_SECONDS } : {}),
})

/** `token ci` of `token:ci`. */
const MEMBERSHIP_UNKNOWN = ': the claims of your token do not say whether you are one of those that it names'

const principalText = (name = 'this caller') => name.replace(':', ' ')

const shortened = (text: string) =>
  text.length <= MESSAGE_MAX_LENGTH ? text : `${text.slice(0, MESSAGE_MAX_LENGTH - 1)}…`
