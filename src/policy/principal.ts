/**
 * Who a rule speaks of: a token, a federated identity, one subject or group of an issuer, `anonymous` or `everyone`.
 * A principal is written, compared and stored as its key, e.g. `token:ci` or `subject:entra/0f3c…`. Never says how a
 * caller proved it.
 */
import { err, ok, type Result } from '../base/result.ts'

declare const canonical: unique symbol
/** A principal in its one canonical spelling; names compare with letter case. */
export type PrincipalKey = string & { readonly [canonical]: true }

/** Who a rule is about. */
export type Principal =
  | { readonly kind: 'token' | 'identity'; readonly name: string }
  | { readonly kind: 'subject' | 'group'; readonly issuer: string; readonly id: string }
  | { readonly kind: 'anonymous' | 'everyone' }

/** The key of callers without a credential. */
export const ANONYMOUS = 'anonymous' as PrincipalKey
/** Everybody who is authenticated; in a deny assignment anonymous callers too. */
export const EVERYONE = 'everyone' as PrincipalKey

/** Names of tokens, scope maps, issuers and identities. */
export const TOKEN_NAME = /^[A-Za-z0-9_-]{1,50}$/

/** An issuer's id for a subject or group: any text of at most 255 characters without control characters. */
const isId = (text: string) => text.length >= 1 && text.length <= 255 && ![...text].some((c) => c < ' ' || c === '\x7f')

/** Read a principal as policy files and the command line write it. */
export function parsePrincipal(text: string): Result<Principal, 'principal_invalid'> {
  if (text === 'anonymous' || text === 'everyone') return ok({ kind: text })
  const colon = text.indexOf(':')
  const kind = text.slice(0, Math.max(colon, 0))
  const rest = text.slice(colon + 1)
  if (kind === 'token' || kind === 'identity') {
    return TOKEN_NAME.test(rest) ? ok({ kind, name: rest }) : err('principal_invalid')
  }
  if (kind === 'subject' || kind === 'group') {
    const slash = rest.indexOf('/')
    const issuer = rest.slice(0, Math.max(slash, 0))
    const id = rest.slice(slash + 1)
    return TOKEN_NAME.test(issuer) && isId(id) ? ok({ kind, issuer, id }) : err('principal_invalid')
  }
  return err('principal_invalid')
}

/** A principal as text: `token:ci`. */
export function principalKey(principal: Principal): PrincipalKey {
  switch (principal.kind) {
    case 'token':
    case 'identity':
      return `${principal.kind}:${principal.name}` as PrincipalKey
    case 'subject':
    case 'group':
      return `${principal.kind}:${principal.issuer}/${principal.id}` as PrincipalKey
    case 'anonymous':
    case 'everyone':
      return principal.kind as PrincipalKey
  }
}
