/**
 * Who asks, as far as policy cares: everything that the caller is at once. Grants of all of it add up.
 */
import type { Attributes } from './model.ts'
import type { PrincipalKey } from './principal.ts'

/** Everything that one caller is at once. */
export type Caller = {
  /** A caller without credentials is not; it acts as nothing but `anonymous`. */
  readonly authenticated: boolean
  /** Token, or subject, groups and identities. Never holds `anonymous` or `everyone`: they follow from `authenticated`. */
  readonly acts: readonly PrincipalKey[]
  /**
   * Name of the issuer whose groups are not known: its JWT does not hold them, or they cannot be read. No group grants, every
   * deny on a group of the issuer holds.
   */
  readonly groupsUnknownOf?: string
  /** Identities that the caller may be, since a claim is missing or odd: none of them grants, every deny on one holds. */
  readonly mayBe?: readonly PrincipalKey[]
  readonly claims?: Attributes['claims']
  /** Claims that are there and are not texts, or that policy did not read when the credential was made. */
  readonly unreadClaims?: readonly string[]
}

/** The caller of a request without a credential. */
export const ANONYMOUS_CALLER: Caller = { authenticated: false, acts: [] }
