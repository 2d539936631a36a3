/**
 * From why a request was refused to what its sender reads: one table, so that a new reason does not compile until someone
 * has decided what the client may learn. Everything else goes to the audit record.
 *
 * Sources: OCI distribution-spec 1.1 "Error Codes"; RFC 6750 section 3 (challenges); distribution
 * `docs/content/spec/auth/token.md`.
 */

import type { TagCondition } from '../../policy/analysis/tag-condition.ts'
import type { Authorization } from '../../policy/decide/authorize.ts'
import type { Rule } from '../../policy/decide/compiled.ts'
import { type Challenge, formatChallenge } from '../../registry/challenge.ts'
import { errorBody, notFound, type OciError, type RequestRefusal } from '../../registry/refusal.ts'
import type { RegistryRequest } from '../../registry/request.ts'
import { type Access, formatScope, neededScopes } from '../../registry/scope.ts'
import { CREDENTIAL_ERRORS, type CredentialRefusal, RETRY_AFTER_SECONDS } from '../identity/identified-caller.ts'
import type { FaultCode } from '../platform/fault.ts'
import { INERT_HEADERS, JUDGED_CACHE_CONTROL } from './headers.ts'

/** Why a request is refused. */
export type Refusal =
  | CredentialRefusal
  | ((Authorization & { readonly effect: 'deny' })['reason'] & { readonly onTags?: TagCondition })
  | { readonly code: 'not_a_registry_request'; readonly error: RequestRefusal }
  /** Policy allows it, the token that was presented does not reach it. */
  | { readonly code: 'insufficient_scope'; readonly scopes: readonly Access[] }
  | { readonly code: 'upload_unknown' }
  | { readonly code: 'form_body' }
  /** `bytes` is absent for a body that passed the limit and whose length nobody announced. */
  | { readonly code: 'body_too_large'; readonly bytes?: number; readonly limit: number }
  | { readonly code: 'attributes_invalid' }
  | { readonly code: 'manifest_type_mismatch' }
  | { readonly code: 'cursor_invalid' }
  | WriteOnceRefusal
  | QuarantineRefusal
  /** A decision about a manifest that the registry does not have. */
  | { readonly code: 'manifest_missing' }
  | { readonly code: 'manifest_unreadable' }
  /** A lock forbids it. `target`: a tag or a digest; absent: the repository. */
  | { readonly code: 'locked'; readonly attribute: string; readonly target?: string }
  /** The gate answers the metadata API, and does not keep what this asks for. */
  | { readonly code: 'metadata_unsupported' }
  /** The gate answers the metadata API, and the repository has more tags than one answer may look at. */
  | { readonly code: 'repository_too_large' }
  | { readonly code: 'repository_missing' }
  /** The caller may push signatures alone. */
  | { readonly code: 'not_a_signature' }
  /** The manifest, or one that it lists, is being deleted. */
  | { readonly code: 'manifest_busy' }
  /** Too many tags would have to be looked at before a deletion. */
  | { readonly code: 'too_many_tags' }
  | { readonly code: FaultCode }
  /** A mistake of ours. Nothing is allowed by it. */
  | { readonly code: 'internal_error' }

/** A write-once protection refuses a change. */
export type WriteOnceRefusal = {
  readonly code: 'write_once'
  readonly change: 'move' | 'delete' | 'deleteBlob' | 'restore'
  /** The protection. */
  readonly rule: Rule
  /** The kept tag; absent where the gate cannot know which tag needs what is changed. */
  readonly tag?: string
  /** The digest that the tag names, or is claimed for. */
  readonly digest?: string
  /** Of the protection, for the client. */
  readonly message?: string
}

/** A quarantine holds a manifest back. */
export type QuarantineRefusal = {
  readonly code: 'quarantined'
  readonly by: 'tag' | 'digest'
  /** Not released yet, or rejected. */
  readonly state: 'pending' | 'passed' | 'failed'
  /** The protection. */
  readonly rule: Rule
  /** Seconds until it is released by age; absent: never. */
  readonly secondsLeft?: number
  /** Of the protection, for the client. */
  readonly message?: string
}

/** What the answer to a refusal needs to know of the request. */
export type RefusalContext = {
  readonly method: string
  /** Absolute URL of the token endpoint. */
  readonly realm: string
  /** Absent where no policy was read. */
  readonly service?: string
  /** As it was asked: a mount names its source here, also when the caller may not read it. */
  readonly request?: RegistryRequest
  /** `token:ci`; absent where nobody was identified. */
  readonly name?: string
  readonly authenticated: boolean
  /** Whether the request carried a credential. */
  readonly presented: boolean
}

type Wire = OciError & {
  /** The parameters of the challenge that goes with a 401. */
  readonly challenge?: Pick<Challenge, 'scopes' | 'error'>
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
    ...INERT_HEADERS,
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
    case 'credential_unsupported':
    case 'too_many_failures':
      return credentialError(refusal.code, asker)
    case 'authentication_required':
      return signIn('log in: this takes an account', asker)
    case 'no_grant': {
      const right = `${refusal.action}${refusal.repository === undefined ? '' : ` on ${refusal.repository}`}`
      return asker.authenticated
        ? denied(`${principalText(asker.name)} has ${missing(right, refusal.onTags)}`, refusal)
        : signIn(`log in: without an account you have no ${right}`, asker)
    }
    case 'deny_assignment': {
      const doubt = refusal.membership === undefined ? '' : MEMBERSHIP_UNKNOWN
      const message = `${denyText(refusal, principalText(asker.name))}${refusal.message === undefined ? doubt : ''}`
      return asker.authenticated ? denied(message, refusal) : signIn(message, asker)
    }
    case 'insufficient_scope':
      return {
        status: 401,
        code: 'UNAUTHORIZED',
        message: shortened(
          `the token does not reach ${refusal.scopes.map(formatScope).join(' and ')}: ask for a new one with this scope`,
        ),
        challenge: { scopes: refusal.scopes, error: 'insufficient_scope' },
      }
    case 'upload_unknown':
      return notFound('BLOB_UPLOAD_UNKNOWN', 'no such upload')
    case 'form_body':
      return {
        status: 415,
        code: 'UNSUPPORTED',
        message: 'a registry takes no forms: send the bytes with their own content type, and parameters in the query',
      }
    case 'body_too_large': {
      const { code: _, ...detail } = refusal
      const length = detail.bytes === undefined ? `more than ${detail.limit}` : String(detail.bytes)
      return {
        status: 413,
        code: 'SIZE_INVALID',
        message: `the body has ${length} bytes, this gate takes at most ${detail.limit}: push it in smaller layers`,
        detail,
      }
    }
    case 'attributes_invalid':
      return { status: 400, code: 'UNSUPPORTED', message: 'the body is not a JSON object of attributes below 64 KiB' }
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
        message: 'the query parameter last is neither a name nor a cursor of this list',
      }
    case 'write_once': {
      const { code, rule, tag, digest } = refusal
      const names = { ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) }
      const detail = { reason: code, protection: rule.id, ...names }
      return { status: 403, code: 'DENIED', message: shortened(writeOnceText(refusal)), detail }
    }
    case 'quarantined': {
      const { code, by, state, rule, secondsLeft } = refusal
      const message = shortened(quarantineText(refusal))
      // As Azure: by tag there seems to be nothing.
      if (by === 'tag') return { status: 404, code: 'MANIFEST_UNKNOWN', message }
      const left = secondsLeft === undefined ? {} : { secondsLeft }
      return { status: 403, code: 'DENIED', message, detail: { reason: code, protection: rule.id, state, ...left } }
    }
    case 'manifest_missing':
      return notFound('MANIFEST_UNKNOWN', 'the registry does not have this manifest')
    case 'locked': {
      const { code, attribute, target } = refusal
      const what = target === undefined ? 'the repository' : target.includes(':') ? 'the manifest' : `the tag ${target}`
      return {
        status: 405,
        code: 'REGISTRY_DISALLOWED_OPERATION',
        message: `${what} is locked: its attribute ${attribute} is false`,
        detail: { reason: code, attribute, ...(target === undefined ? {} : { target }) },
      }
    }
    case 'metadata_unsupported':
      return notFound('UNSUPPORTED', 'this gate keeps attributes, locks and quarantine states, and nothing else')
    case 'repository_too_large':
      return {
        status: 403,
        code: 'DENIED',
        message: 'the repository has more than 1,000 tags, and this call would look at each of them',
        detail: { reason: refusal.code },
      }
    case 'repository_missing':
      return notFound('NAME_UNKNOWN', 'the registry has no tag in a repository of this name')
    case 'manifest_unreadable':
      return {
        status: 400,
        code: 'MANIFEST_INVALID',
        message: 'the manifest is not a JSON object of at most 4 MiB, or it lists something that has no digest',
      }
    case 'not_a_signature':
      return {
        status: 403,
        code: 'DENIED',
        message: 'sign/write pushes signatures of images in this repository, and this manifest is not one',
        detail: { reason: refusal.code },
      }
    case 'manifest_busy':
      return unavailable(503, 'this manifest, or one that it lists, is being deleted: try again')
    case 'too_many_tags':
      return {
        status: 403,
        code: 'DENIED',
        message: 'more than 1,000 tags may need what this deletes: ask a caller that the protection exempts',
        detail: { reason: refusal.code },
      }
    case 'state_unavailable':
      return unavailable(503, 'the gate cannot find out what protects this repository: try again')
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

/** What a write-once protection says to the client. */
function writeOnceText({ change, tag, digest, message }: WriteOnceRefusal): string {
  if (message !== undefined) return message
  switch (change) {
    case 'move':
      return `the tag ${tag} keeps its digest ${digest}: push another tag`
    case 'delete':
      return `the tag ${tag} is kept, with the manifests that it needs`
    case 'deleteBlob':
      return 'tags of this repository are kept, with the layers that they need'
    case 'restore':
      return 'tags of this repository are kept, and a restored manifest could move them'
  }
}

/** What a quarantine says to the client. */
function quarantineText({ state, secondsLeft, message }: QuarantineRefusal): string {
  if (message !== undefined) return message
  if (state === 'failed') return 'the image is in quarantine: it was rejected'
  const when = secondsLeft === undefined ? '' : `, and will be in ${durationText(secondsLeft)}`
  return `the image is in quarantine: it is not released yet${when}`
}

const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const

/** `2 hours`: in the largest unit of which there is one, rounded. */
function durationText(seconds: number): string {
  const [unit, size] = UNITS.find(([, each]) => seconds >= each) ?? ['second', 1]
  const count = Math.max(1, Math.round(seconds / size))
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}

/** A client that goes by the challenge asks for its scope, so that a 401 names it whatever is wrong with the credential. */
function credentialError(code: CredentialRefusal['code'], asker: RefusalContext): Wire {
  const error = CREDENTIAL_ERRORS[code]
  switch (error.status) {
    case 401: {
      const scopes = scopesOf(asker)
      return {
        ...error,
        challenge: code === 'credential_unsupported' ? { scopes } : { scopes, error: 'invalid_token' },
      }
    }
    case 429:
      return { ...error, retryAfterSeconds: RETRY_AFTER_SECONDS }
    default:
      return error
  }
}

/** What a caller lacks: a right, or the right for a tag. */
function missing(right: string, onTags: TagCondition | undefined): string {
  if (onTags?.test === undefined) return `no ${right}`
  const { tag, rule, test } = onTags
  const why = `${ruleText(rule)} asks for ${test}`
  return tag === undefined
    ? `${right} for some tags alone, and this reaches every tag: ${why}`
    : `${right}, but not for the tag ${tag}: ${why}`
}

/** The message of a deny assignment is about what it protects: for a request that names no tag, the message says how the two are related. */
function denyText(
  { action, message, onTags }: Refusal & { readonly code: 'deny_assignment' },
  principal: string,
): string {
  if (onTags === undefined) return message ?? `a deny assignment forbids ${action} to ${principal}`
  if (onTags.tag !== undefined) {
    return message ?? `a deny assignment forbids ${action} on the tag ${onTags.tag} to ${principal}`
  }
  const reached = 'this names no tag and so reaches every tag'
  return message === undefined
    ? `${reached}, and a deny assignment forbids ${action} on some of them to ${principal}`
    : `${reached}, also those that a deny assignment protects: ${message}`
}

/** `role assignment ci` of `{ kind: 'roleAssignment', id: 'ci' }`. */
const ruleText = ({ kind, id }: TagCondition['rule']): string =>
  `${kind.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)} ${id}`

type PolicyRefusal = Refusal & { readonly code: 'no_grant' | 'deny_assignment' }

const denied = (message: string, { code, action, repository, onTags }: PolicyRefusal): Wire => ({
  status: 403,
  code: 'DENIED',
  message: shortened(message),
  detail: {
    reason: code,
    permission: action,
    ...(repository === undefined ? {} : { repository }),
    ...(onTags?.tag === undefined ? {} : { tag: onTags.tag }),
  },
})

/** A caller that already sent an anonymous token learns that the same token is not enough. */
function signIn(message: string, asker: RefusalContext): Wire {
  const scopes = scopesOf(asker)
  const challenge = asker.presented && scopes.length > 0 ? { scopes, error: 'insufficient_scope' as const } : { scopes }
  return { status: 401, code: 'UNAUTHORIZED', message: shortened(message), challenge }
}

const scopesOf = ({ request }: RefusalContext): readonly Access[] =>
  request === undefined ? [] : neededScopes(request)

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
