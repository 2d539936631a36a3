/**
 * The `WWW-Authenticate` header: one Bearer challenge on one line, because several clients read only the first one
 * (RFC 9110 section 11.6.1, distribution `docs/content/spec/auth/token.md`, RFC 6750 section 3).
 */
import { type Access, formatScope } from './scope.ts'

/** What a Bearer challenge says. */
export type Challenge = {
  /** Absolute URL of the token endpoint. */
  readonly realm: string
  readonly service: string
  /** What the request takes: one scope, and for a mount that of its source too. Some clients give up on two. */
  readonly scopes?: readonly Access[]
  /** Absent when the request carried no credential of a scheme that the gate reads (RFC 6750 section 3.1). */
  readonly error?: 'invalid_token' | 'insufficient_scope'
}

/** A quoted string, without characters that would end the quotes or are not allowed in a header. */
const quoted = (text: string): string => `"${text.replaceAll(/["\\]|[^\x20-\x7e]/g, '')}"`

/** The value of the header. Never has an empty parameter: some clients stop reading there. */
export function formatChallenge({ realm, service, scopes = [], error }: Challenge): string {
  return [
    `Bearer realm=${quoted(realm)}`,
    `service=${quoted(service)}`,
    ...(scopes.length === 0 ? [] : [`scope=${quoted(scopes.map(formatScope).join(' '))}`]),
    ...(error === undefined ? [] : [`error=${quoted(error)}`]),
  ].join(',')
}
