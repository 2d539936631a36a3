/**
 * A policy set as its author meant it: every name resolved, every pattern and condition parsed, each rule with its
 * place in the files. The files' loader makes it, the compiler and the linter read it. Plain data, never behaviour.
 */
import type { EpochSeconds } from '../base/time.ts'
import type { Action, Permission } from '../registry/permission.ts'
import type { Expression } from './expression.ts'
import type { PrincipalKey } from './principal.ts'
import type { RepositoryPattern } from './repository-pattern.ts'

export type { EpochSeconds } from '../base/time.ts'

/** A place in a policy file; `file` is relative to the policy folder, with `/`; `line` and `column` count from 1. */
export type Source = { readonly file: string; readonly line: number; readonly column: number }

/** Azure's two role assignment permissions modes: repository data actions with conditions, or legacy registry-wide actions. */
export type Mode = 'abac' | 'rbac'

/** Settings of the gate. */
export type RegistrySettings = {
  /** Token audience and `service` of the challenge. */
  readonly service: string
  readonly mode: Mode
  readonly catalog: 'filtered' | 'exact'
  /** What callers without credentials may do. */
  readonly anonymous: readonly ScopeMapAction[]
  /** Lifetime of minted access tokens, 60 to 3600. */
  readonly tokenLifetimeSeconds: number
}

/** A permission that a scope map can grant. */
export type ScopeMapPermission = Extract<
  Permission,
  'content/read' | 'content/write' | 'content/delete' | 'metadata/read' | 'metadata/write'
>

/** One line of a scope map, `repositories/<pattern>/<permission>`. */
export type ScopeMapAction = {
  readonly repository: RepositoryPattern
  readonly permission: ScopeMapPermission
  readonly source: Source
}

/** A named list of repository permissions. */
export type ScopeMap = {
  readonly name: string
  readonly description?: string
  readonly actions: readonly ScopeMapAction[]
  readonly source: Source
}

/** A password of a token: SHA-256 (64 lower-case hex digits) of a generated secret of high entropy. `expires` is exclusive. */
export type Credential = { readonly name: string; readonly sha256: string; readonly expires?: EpochSeconds }

/** A user name with passwords and one scope map. */
export type Token = {
  readonly name: string
  /** Name of a scope map of this set, or of a system-defined one. */
  readonly scopeMap: string
  readonly status: 'enabled' | 'disabled'
  readonly credentials: readonly Credential[]
  readonly source: Source
}

/** An OIDC issuer whose JWTs are accepted. */
export type Issuer = {
  readonly name: string
  /** The `iss` claim, compared exactly. */
  readonly issuer: string
  /** At least one; a JWT's `aud` must hold one of them. */
  readonly audiences: readonly string[]
  readonly jwksUri?: string
  /** Inline public keys (RFC 7517): no network at all. */
  readonly jwks?: { readonly keys: readonly Readonly<Record<string, unknown>>[] }
  readonly algorithms: readonly string[]
  readonly subjectClaim: string
  readonly groupsClaim: string
  /** Claims that the issuer leaves out of a JWT to say that they are empty. Any other missing claim is unknown. */
  readonly claimsOmittedWhenEmpty?: readonly string[]
  readonly source: Source
}

/** A federated identity: issuer, subject and claims are one tuple and match together. */
export type Identity = {
  readonly name: string
  /** Name of an issuer. */
  readonly issuer: string
  /** Exact value of the issuer's subject claim. */
  readonly subject?: string
  /** Claim name to pattern: `*` stays inside one `/` segment, `**` spans segments; anything else is literal. */
  readonly claims: Readonly<Record<string, string>>
  readonly source: Source
}

/** A condition: its text as written, and what it means. */
export type Condition = { readonly text: string; readonly expression: Expression }

/** One element of a role's `permissions`: effective = actions - notActions, and dataActions - notDataActions. */
export type RolePermission = {
  readonly actions: readonly string[]
  readonly notActions: readonly string[]
  readonly dataActions: readonly string[]
  readonly notDataActions: readonly string[]
  /** A condition inside the definition must hold in addition to that of the assignment. */
  readonly condition?: Condition
}

/** A built-in or custom role. */
export type RoleDefinition = {
  readonly name: string
  /** GUID in lower case. */
  readonly id?: string
  readonly builtIn: boolean
  readonly permissions: readonly RolePermission[]
  readonly source?: Source
}

/** When a rule holds. Both times may be absent. */
export type Window = {
  /** Inclusive. */
  readonly notBefore?: EpochSeconds
  /** Exclusive. */
  readonly notAfter?: EpochSeconds
}

/** A principal has a role. */
export type RoleAssignment = Window & {
  readonly name: string
  readonly principal: PrincipalKey
  readonly role: RoleDefinition
  readonly condition?: Condition
  /** Restricts `content/*`, `metadata/*`, `quarantine/*` and `sign/write`; holds in addition to `condition`. */
  readonly repositories?: readonly RepositoryPattern[]
  readonly source: Source
}

/** Principals are denied permissions, whatever grants them. */
export type DenyAssignment = Window & {
  readonly name: string
  readonly principals: readonly PrincipalKey[]
  /** Anyone who acts as one of these is spared. */
  readonly except: readonly PrincipalKey[]
  readonly permissions: readonly Permission[]
  /** Patterns of the control-plane actions it denies, in Azure's full spelling; `*` spans segments. */
  readonly actions: readonly string[]
  readonly repositories?: readonly RepositoryPattern[]
  readonly condition?: Condition
  /** Shown to the client. */
  readonly message?: string
  /** It denies nothing: the record of a request that it would have denied names it. Absent: it denies. */
  readonly mode?: 'audit'
  readonly source: Source
}

/** A rule about the content of repositories. It holds in addition to permissions: a caller needs the right as well. */
export type Protection = {
  readonly name: string
  /** Absent: every repository. */
  readonly repositories?: readonly RepositoryPattern[]
  /** Patterns of tags, with `*` for any characters. Absent: every tag but those of signatures. */
  readonly tags?: readonly string[]
  /** A tag keeps its digest: it is not overwritten and not deleted, and the manifests that it needs are not deleted. */
  readonly writeOnce: boolean
  /** A pushed manifest cannot be pulled until it is released, by a decision or by age. */
  readonly quarantine?: {
    /** Seconds from when the gate first saw the manifest; absent: never by age. */
    readonly releaseAfter?: number
  }
  /** It does not hold for a caller who acts as one of these; what such a caller pushes is released at once. */
  readonly except: readonly PrincipalKey[]
  /** `audit`: the record names the protection where it would have refused. */
  readonly mode: 'enforce' | 'audit'
  /** Shown to the client. */
  readonly message?: string
  readonly source: Source
}

/** A whole policy set: every entry of every file, with resolved names. */
export type PolicySet = {
  readonly registry: RegistrySettings
  /** Without the system-defined ones. */
  readonly scopeMaps: readonly ScopeMap[]
  readonly tokens: readonly Token[]
  readonly issuers: readonly Issuer[]
  readonly identities: readonly Identity[]
  /** Custom roles; built-in ones are known. */
  readonly roles: readonly RoleDefinition[]
  readonly roleAssignments: readonly RoleAssignment[]
  readonly denyAssignments: readonly DenyAssignment[]
  readonly protections: readonly Protection[]
}

/** One question to the policy, apart from who asks. */
export type Question = {
  readonly action: Action
  /** Absent for actions that take none; absent for one that takes it: the question is about every repository at once. */
  readonly repository?: string
  readonly attributes: Attributes
  readonly now: EpochSeconds
}

/**
 * What a request says of itself, for conditions. Absent means missing, except for `tag`: `undefined` there means that the
 * request names none and any tag may be meant.
 */
export type Attributes = {
  readonly tag?: string
  /** Deleting by digest reaches every tag: unknown tag comparisons are decided as the least permissive tag would be. */
  readonly everyTag?: boolean
  readonly digest?: string
  readonly method?: string
  readonly mediaType?: string
  readonly artifactType?: string
  readonly clientIp?: string
  /** Claims of the caller: text or list of texts. */
  readonly claims?: Readonly<Record<string, string | readonly string[]>>
  /** Claims that the caller has, or may have, and that cannot be read: whether they exist is not decided. */
  readonly unreadClaims?: readonly string[]
}
