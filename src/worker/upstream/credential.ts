/**
 * The gate's own credential for an upstream. A client's is never one.
 */
import { Fault } from '../platform/fault.ts'
import { isSet } from '../platform/settings.ts'

export type Credential =
  | { readonly kind: 'none' }
  /** A whole `Authorization` value, sent as it is with every request. */
  | { readonly kind: 'header'; readonly value: string }
  /** User name and password, for the upstream itself or for its token service, whichever it asks for. */
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** A refresh token for the upstream's token service (OAuth2). */
  | { readonly kind: 'refreshToken'; readonly refreshToken: string }

/** The user name by which the configuration files of Docker mark a password as a refresh token. */
export const REFRESH_TOKEN_USERNAME = '<token>'

export type CredentialTexts = {
  readonly authorization?: string | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
}

/** The header before the pair. Throws the fault `settings_invalid` for half a pair, and for what no header can carry. */
export function readCredential({ authorization, username, password }: CredentialTexts): Credential {
  if (isSet(authorization)) {
    if (!/^[\x20-\x7e]+$/.test(authorization)) throw invalid('the authorization header holds what no header can carry')
    return { kind: 'header', value: authorization }
  }
  if (!isSet(username) && !isSet(password)) return { kind: 'none' }
  if (!isSet(password)) throw invalid('there is a user name without a password')
  if (!isSet(username)) throw invalid('there is a password without a user name')
  if (username === REFRESH_TOKEN_USERNAME) return { kind: 'refreshToken', refreshToken: password }
  if (username.includes(':')) throw invalid('the user name holds a colon, which ends it (RFC 7617 section 2)')
  return { kind: 'password', username, password }
}

/** RFC 7617, in UTF-8. */
export function basic({ username, password }: { readonly username: string; readonly password: string }): string {
  const bytes = new TextEncoder().encode(`${username}:${password}`)
  return `Basic ${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))}`
}

const invalid = (what: string) => new Fault('settings_invalid', `the credential for the upstream is wrong: ${what}`)
