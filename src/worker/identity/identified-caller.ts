/**
 * Who sent a request, once that is settled: a caller with what the policy in force says of it, or why its credential does
 * not count. Never holds a secret.
 */
import type { Caller } from '../../policy/caller.ts'
import type { EffectiveRights } from '../../policy/decide/effective-rights.ts'
import type { EpochSeconds } from '../../policy/model.ts'
import type { OciError } from '../../registry/refusal.ts'
import type { Access } from '../../registry/scope.ts'
import type { Background } from '../platform/background.ts'
import type { Env } from '../platform/env.ts'
import type { PolicyView } from '../store/policy-view.ts'

/** A caller whose credential is good, with its rights. */
export type IdentifiedCaller = {
  readonly caller: Caller
  /** For logs and for what is bound to a caller: `token:ci`, `subject:github/repo:acme/app:ref:refs/heads/main`, `anonymous`. */
  readonly name: string
  /**
   * What vouches for the caller, so that what is bound to it is not good for another of the same name: the fingerprint
   * of the password, the issuer's URL with the claim that names the subject, or nothing for anonymous callers.
   */
  readonly credential: string
  readonly rights: EffectiveRights
  /** For records: every principal key that the caller is at once; of its groups those that the policy names. */
  readonly as: readonly string[]
  /** For records: the name of the password that vouches for the caller. */
  readonly password?: string
  /** Upper bound from a token that we minted; absent: none. It only narrows. */
  readonly access?: readonly Access[]
}

/** Why a credential does not count. */
export type CredentialRefusal = {
  readonly code: /** The `Authorization` header, or the form, does not hold exactly one credential in a form we know. */
    | 'credential_malformed'
    /** One credential of another scheme than Basic and Bearer, in the form of RFC 9110. */
    | 'credential_unsupported'
    /** Wrong name or password, unknown signer, bad signature, wrong audience: deliberately not distinguished. */
    | 'credential_invalid'
    /** A token that was good once. */
    | 'credential_expired'
    /** The token that this bearer token was made for is disabled. */
    | 'token_disabled'
    /** What this bearer token was made from is gone: password rotated or expired, token or issuer removed. */
    | 'credential_revoked'
    /** Too many failed logins from this address with this name. */
    | 'too_many_failures'
}

/** What identifying needs of the Worker's bindings. */
export type IdentityEnv = Pick<Env, 'TOKEN_SIGNING_KEY' | 'LOGIN_LIMIT' | 'CLIENT_IP_HEADER'>

/** As much of a request as tells who sent it. */
export type Incoming = { readonly headers: Headers }

/** Rejects with the faults `policy_unavailable`, `signing_key_unavailable` and `issuer_unavailable`. */
export type Identify = (
  request: Incoming,
  view: PolicyView,
  env: IdentityEnv,
  ctx: Background,
  now: EpochSeconds,
) => IdentifiedCaller | CredentialRefusal | Promise<IdentifiedCaller | CredentialRefusal>

/** Whether identification ended with a refusal. */
export const isRefusal = (outcome: object): outcome is CredentialRefusal => 'code' in outcome

/** Seconds after which a caller that failed too often may try again. */
export const RETRY_AFTER_SECONDS = 60

/**
 * The wire answer to each refusal; 401 goes with one challenge, and `error="invalid_token"` where the gate could read the
 * credential; 429 with `Retry-After`.
 */
export const CREDENTIAL_ERRORS: Readonly<Record<CredentialRefusal['code'], OciError>> = {
  credential_malformed: {
    status: 400,
    code: 'UNAUTHORIZED',
    message: 'the credential cannot be read: send one Authorization header, Basic or Bearer',
  },
  credential_unsupported: {
    status: 401,
    code: 'UNAUTHORIZED',
    message: 'the gate does not know this scheme of Authorization: send Basic or Bearer',
  },
  credential_invalid: {
    status: 401,
    code: 'UNAUTHORIZED',
    message: 'the credential is not valid: check the user name and the password or token, then log in again',
  },
  credential_expired: {
    status: 401,
    code: 'UNAUTHORIZED',
    message: 'the token has expired: get a new one',
  },
  token_disabled: {
    status: 401,
    code: 'UNAUTHORIZED',
    message: 'this token is disabled: ask the owner of the registry',
  },
  credential_revoked: {
    status: 401,
    code: 'UNAUTHORIZED',
    message: 'the credential behind this token was changed or removed: log in again',
  },
  too_many_failures: {
    status: 429,
    code: 'TOOMANYREQUESTS',
    message: 'too many failed logins: wait a minute, then try with the right password',
  },
}
