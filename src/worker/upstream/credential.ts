/** The gate's own credential for an upstream. It is never a client's credential. */
import { Fault } from '../platform/fault.ts'
import { isSet } from '../platform/settings.ts'

/** The credential for one upstream. */
export type Credential =
  | { readonly kind: 'none' }
  /** A whole `Authorization` value, sent unchanged with every request. */
  | { readonly kind: 'header'; readonly value: string }
  /** User name and password, for the upstream itself or for its token service, as its challenge asks. */
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** A refresh token for the upstream's token service (OAuth2). */
  | { readonly kind: 'refreshToken'; readonly refreshToken: string }

/** In Docker's configuration files this user name says that the password is a refresh token. */
const REFRESH_TOKEN_USERNAME = '<token>'

/** The values of the variables; undefined or empty if they are not set. */
export type CredentialTexts = {
  readonly authorization?: string | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
}

/**
 * Reads the credential. The whole `Authorization` value has priority over user name and password.
 *
 * @throws Fault `settings_invalid` when a user name has no password or the reverse, or when a value does not fit in a header
 */
export function readCredential({ authorization, username, password }: CredentialTexts): Credential {
  if (isSet(authorization)) {
    if (!/^[\x20-\x7e]+$/.test(authorization))
      throw invalid('the authorization value has characters that a header cannot contain')
    return { kind: 'header', value: authorization }
  }
  if (!isSet(username) && !isSet(password)) return { kind: 'none' }
  if (!isSet(password)) throw invalid('there is a user name without a password')
  if (!isSet(username)) throw invalid('there is a password without a user name')
  if (username === REFRESH_TOKEN_USERNAME) return { kind: 'refreshToken', refreshToken: password }
  if (username.includes(':')) throw invalid('the user name has a colon, which would end it (RFC 7617 section 2)')
  return { kind: 'password', username, password }
}

/** The `Authorization` value of a user name and a password in UTF-8 (RFC 7617). */
export function basic({ username, password }: { readonly username: string; readonly password: string }): string {
  const bytes = new TextEncoder().encode(`${username}:${password}`)
  return `Basic ${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))}`
}

const invalid = (what: string) => new Fault('settings_invalid', `the credential for the upstream is wrong: ${what}`)
