/**
 * A compiled policy: what deciding needs and nothing else. Roles, wildcards and the registry mode have become permission
 * bits, `ActionMatches` is evaluated away, and conditions that test the repository's name have become entries of its
 * index. Plain JSON, the same for the same policy set, so that it can be sharded by principal and addressed by content.
 */
import type { Expression } from '../expression.ts'
import type { Credential, EpochSeconds, Identity, Issuer, Mode } from '../model.ts'
import type { PrincipalKey } from '../principal.ts'

/**
 * Which rule decided. `id` is the rule's name, or `#` and a fingerprint of what it says when it has none: it does not
 * change when other lines of the file move. Stored as `kind id`.
 */
export type Rule = {
  readonly kind: 'scopeMap' | 'anonymous' | 'roleAssignment' | 'denyAssignment' | 'protection'
  readonly id: string
}

/** A rule as it is stored: `kind id`. */
export const formatRule = ({ kind, id }: Rule): string => `${kind} ${id}`

/** Reads what {@link formatRule} wrote. */
export function parseRule(text: string): Rule {
  const space = text.indexOf(' ')
  return { kind: text.slice(0, space) as Rule['kind'], id: text.slice(space + 1) }
}

/** `*`, an exact repository name, or a prefix followed by `*` (any prefix, not only whole segments). */
export type NamePattern = string

type Limits = {
  /** Condition that is left to evaluate per request. */
  readonly when?: Expression
  /** Inclusive. */
  readonly from?: EpochSeconds
  /** Exclusive. */
  readonly until?: EpochSeconds
}

/** Data permissions, as bits of `../permission-bits.ts`, on the repositories of one pattern. */
export type GrantData = Limits & { readonly on: NamePattern; readonly bits: number; readonly rule: string }

/** Control-plane actions of a role. Patterns of the role: `*` spans segments. */
export type ControlGrantData = Limits & {
  readonly actions: readonly string[]
  readonly notActions?: readonly string[]
  readonly rule: string
}

/** A deny assignment, compiled. */
export type DenyData = Limits & {
  /** Absent: every repository, and permissions that have none. */
  readonly on?: readonly NamePattern[]
  readonly bits: number
  /** Control-plane actions. */
  readonly actions?: readonly string[]
  readonly except?: readonly PrincipalKey[]
  readonly message?: string
  readonly rule: string
}

/** Everything about one principal; what is absent is empty. */
export type PrincipalData = {
  readonly token?: TokenData
  readonly grants?: readonly GrantData[]
  readonly control?: readonly ControlGrantData[]
  readonly denies?: readonly DenyData[]
  /** Denies that are only audited: nothing is decided by them. */
  readonly audits?: readonly DenyData[]
}

/** What a principal that is a token has in addition to its rights. */
export type TokenData = { readonly status: 'enabled' | 'disabled'; readonly credentials: readonly Credential[] }

/** A protection, compiled. */
export type ProtectionData = {
  readonly name: string
  /** Absent: every repository. */
  readonly on?: readonly NamePattern[]
  /** Patterns of tags, with `*` for any characters. Absent: every tag but those of signatures. */
  readonly tags?: readonly string[]
  readonly writeOnce?: true
  readonly quarantine?: true
  /** Seconds after which a quarantined manifest is released by age; absent: never. */
  readonly releaseAfter?: number
  readonly except?: readonly PrincipalKey[]
  /** It refuses nothing: the record names it. */
  readonly audit?: true
  readonly message?: string
}

/** What every request may need, no matter who asks. */
export type CommonData = {
  readonly service: string
  readonly mode: Mode
  readonly catalog: 'filtered' | 'exact'
  readonly tokenLifetimeSeconds: number
  readonly issuers: readonly Omit<Issuer, 'source'>[]
  readonly identities: readonly Omit<Identity, 'source'>[]
  /** Claims that conditions or identities read, sorted; a minted token carries these and no others. */
  readonly claims: readonly string[]
  /** Some condition asks for the media type of a manifest: then what it calls itself must be what its header says. */
  readonly readsMediaType: boolean
  readonly everyone: PrincipalData
  readonly anonymous: PrincipalData
  /** Denies on groups, by issuer: they hold for a caller whose groups are not known. */
  readonly groupDenies: Readonly<Record<string, readonly DenyData[]>>
  /** Denies on identities, by principal key: they hold for a caller that may be the identity. */
  readonly identityDenies: Readonly<Record<string, readonly DenyData[]>>
  /** Absent if there are none, so that gates of earlier versions read the policy. */
  readonly protections?: readonly ProtectionData[]
}

/** A whole compiled policy. */
export type CompiledPolicy = {
  readonly common: CommonData
  /** Without `everyone` and `anonymous`. Sorted by key. */
  readonly principals: ReadonlyMap<PrincipalKey, PrincipalData>
}
