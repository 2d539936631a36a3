/**
 * The one definition of policy files: which keys there are, what they hold, what they mean. It validates entries, and the
 * JSON Schema that editors use is made from it. Never resolves names.
 */
import * as z from 'zod'
import { formatTime, LAST_TIME } from '../base/time.ts'
import {
  type Field,
  readAction,
  readDenied,
  readDigest,
  readDuration,
  readGlob,
  readIp,
  readIssuerUrl,
  readJwksUri,
  readName,
  readPrincipal,
  readRepository,
  readRepositoryPattern,
  readRequestLine,
  readRoleAction,
  readScopeMapLine,
  readSha256,
  readTag,
  readTagPattern,
  readTime,
} from './field.ts'
import { repairs } from './validation.ts'

const text = <T>(field: Field<T>, description: string, ...examples: readonly string[]) =>
  z
    .string()
    .meta({ description, ...(examples.length === 0 ? {} : { examples }) })
    .transform((value, context) => {
      const result = field(value)
      if (result.ok) return result.value
      const { message, ...params } = result.error
      context.issues.push({ code: 'custom', input: value, message, params })
      return z.NEVER
    })

const some = <T extends z.ZodType>(element: T, description: string) => z.array(element).min(1).describe(description)
const words = (description: string) => z.string().min(1).describe(description)
const name = (description: string) => text(readName, `${description} (1 to 50 letters, digits, - and _)`)

const time = (description: string) =>
  text(readTime, `${description} (RFC 3339)`, '2027-03-01T00:00:00Z').register(repairs, timeOfNumber)
/** The hint for a time that is written as a number: seconds or milliseconds since 1970. */
function timeOfNumber(input: unknown): string | undefined {
  if (typeof input !== 'number' || !(input >= 0)) return undefined
  const seconds = input > 1e11 ? input / 1000 : input
  return seconds > LAST_TIME ? undefined : `write a time of RFC 3339: ${formatTime(seconds)}`
}
const scopeMapLine = text(
  readScopeMapLine,
  'repositories/<repository>/<permission>; the repository may be * or end in /*',
  'repositories/samples/*/content/read',
  'repositories/app/content/write',
)
const principal = text(
  readPrincipal,
  'token:NAME, identity:NAME, subject:ISSUER/ID, group:ISSUER/ID, anonymous or everyone',
  'token:ci',
  'group:entra/0f3c0000-0000-0000-0000-000000000000',
)
const repositories = some(
  text(readRepositoryPattern, '*, a repository, or prefix/*', 'acme/*'),
  'Only these repositories',
)
const condition = words('An Azure condition, version 2.0: the rule holds only where it is true')
const conditionVersion = z.literal(['2.0', 2]).describe('Version of the condition language: only "2.0"')
const window = {
  notBefore: time('The rule begins at this time').exactOptional(),
  notAfter: time('The rule has ended at this time').exactOptional(),
}

/** Token audience of a gate that was given no name: good for one gate, not for telling several apart. */
export const DEFAULT_SERVICE = 'dockgate'

/** The section `registry`: settings of the gate. */
export const Registry = z
  .strictObject({
    service: words('Token audience and `service` of the challenge: usually the host name of the gate').default(
      DEFAULT_SERVICE,
    ),
    mode: z
      .enum(['abac', 'rbac'])
      .default('abac')
      .describe(
        "Azure's role assignment permissions modes: abac: repository roles with conditions; rbac: registry-wide roles",
      ),
    catalog: z
      .enum(['filtered', 'exact'])
      .default('filtered')
      .describe('filtered: each caller sees what it may read or list; exact: all repositories or none'),
    anonymous: z.array(scopeMapLine).default([]).describe('What callers without credentials may do; absent: nothing'),
    tokenLifetimeSeconds: z
      .int()
      .min(60)
      .max(3600)
      .default(900)
      .describe('Lifetime of the access tokens that the gate mints, 60 to 3600 seconds'),
    entraIssuer: name(
      'The issuer to which the principals of Azure lists belong, if several have subjectClaim oid',
    ).exactOptional(),
    azureRegistry: words('The registry that Azure lists speak of, if they name several').exactOptional(),
  })
  .describe('Settings of the gate')

/** An entry of `scopeMaps`. */
export const ScopeMap = z
  .strictObject({
    description: z.string().describe('What it is for').exactOptional(),
    actions: z.array(scopeMapLine).describe('What it grants, as Azure writes it'),
  })
  .describe('A named list of repository permissions, for tokens')

const Credential = z
  .strictObject({
    sha256: text(readSha256, 'SHA-256 of the generated secret, 64 hex digits; never the secret itself'),
    expires: time('The password is refused from this time on').exactOptional(),
  })
  .describe('A password, of which only the digest is kept')

/** An entry of `tokens`. */
export const Token = z
  .strictObject({
    scopeMap: name(
      'What the token may do: a scope map of this set, or a system-defined one such as _repositories_pull',
    ).exactOptional(),
    status: z
      .enum(['enabled', 'disabled'])
      .exactOptional()
      .describe('A disabled token may do nothing; default: enabled'),
    credentials: z
      .strictObject({ password1: Credential.exactOptional(), password2: Credential.exactOptional() })
      .describe('Up to two passwords, so that one can be rotated while the other serves')
      .exactOptional(),
  })
  .describe('A user name with passwords and one scope map')

const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const

/** An entry of `issuers`. */
export const Issuer = z
  .strictObject({
    issuer: text(
      readIssuerUrl,
      'The `iss` claim of its tokens, exactly',
      'https://token.actions.githubusercontent.com',
    ),
    audiences: some(words('One audience'), "A token's `aud` must hold one of these"),
    jwksUri: text(readJwksUri, 'Where its public keys are; default: OpenID Connect discovery').exactOptional(),
    jwks: z
      .strictObject({ keys: some(z.record(z.string(), z.unknown()).describe('A public key'), 'Public keys') })
      .describe('Its public keys themselves (RFC 7517): no network at all')
      .exactOptional(),
    algorithms: some(z.enum(ALGORITHMS), 'Signature algorithms that are accepted').default(['RS256', 'ES256', 'EdDSA']),
    subjectClaim: words('The claim that names the caller; `oid` for Entra').default('sub'),
    groupsClaim: words("The claim that lists the caller's groups").default('groups'),
    claimsOmittedWhenEmpty: z
      .array(words('A claim, by its name'))
      .describe('Claims that this issuer leaves out to say "none"; in a deny, any other missing claim denies')
      .exactOptional(),
  })
  .describe('An OIDC issuer whose tokens are accepted')

/** An entry of `identities`. */
export const Identity = z
  .strictObject({
    issuer: name('Who vouches: an issuer of this set'),
    subject: words('The exact subject').exactOptional(),
    claims: z
      .record(z.string().min(1), text(readGlob, '* stays inside one / segment, ** spans segments', 'refs/tags/v*'))
      .describe('Claims and their patterns, all of which must match')
      .exactOptional(),
  })
  .describe('A federated identity: anyone who holds a token of this issuer with this subject and these claims')

const roleActions = (description: string) =>
  z
    .array(text(readRoleAction, 'An action; * spans segments', 'Microsoft.ContainerRegistry/registries/pull/read'))
    .describe(description)
const actionLists = {
  actions: roleActions('Control-plane actions').exactOptional(),
  notActions: roleActions('Subtracted from actions').exactOptional(),
  dataActions: roleActions('Data-plane actions').exactOptional(),
  notDataActions: roleActions('Subtracted from dataActions').exactOptional(),
}
const RolePermission = z
  .strictObject({
    ...actionLists,
    condition: z
      .string()
      .nullable()
      .describe('A condition that must hold in addition to that of the assignment')
      .exactOptional(),
    conditionVersion: z.literal(['2.0', 2, '']).nullable().describe('Only "2.0"').exactOptional(),
  })
  .describe('What the role grants')

/** Keys are compared without letter case before this definition sees them. */
export const Role = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .describe('Display name; in the output of `az role definition list`: the GUID')
      .exactOptional(),
    roleName: z.string().min(1).describe('Display name, in the output of `az role definition list`').exactOptional(),
    id: z.string().nullable().describe('GUID, or path that ends in it').exactOptional(),
    description: z.string().nullable().describe('What it is for').exactOptional(),
    permissions: z.array(RolePermission).describe('What the role grants; the elements add up').exactOptional(),
    ...actionLists,
    isCustom: z.boolean().describe('Of the creation file; ignored').exactOptional(),
    roleType: z.string().describe('CustomRole').exactOptional(),
    type: z.string().describe('Microsoft.Authorization/roleDefinitions').exactOptional(),
    assignableScopes: z.array(z.string()).nullable().describe('Of Azure; ignored').exactOptional(),
    createdOn: z.string().nullable().describe('Of Azure; ignored').exactOptional(),
    createdBy: z.string().nullable().describe('Of Azure; ignored').exactOptional(),
    updatedOn: z.string().nullable().describe('Of Azure; ignored').exactOptional(),
    updatedBy: z.string().nullable().describe('Of Azure; ignored').exactOptional(),
  })
  .describe('A custom role, as `az role definition list` prints it or as `az role definition create` reads it')

/** An entry of `roleAssignments`. */
export const RoleAssignment = z
  .strictObject({
    name: words('For messages and decisions; default: file and position').exactOptional(),
    principal,
    role: words('Name or GUID of a built-in or custom role'),
    condition: condition.exactOptional(),
    conditionVersion: conditionVersion.exactOptional(),
    repositories: repositories.exactOptional(),
    ...window,
  })
  .describe('A principal has a role')

/** An entry of `denyAssignments`. */
export const DenyAssignment = z
  .strictObject({
    name: words('For messages and decisions; default: file and position').exactOptional(),
    principals: some(principal, 'Whom it denies'),
    except: z.array(principal).default([]).describe('Anyone who acts as one of these is spared'),
    permissions: some(
      text(readDenied, 'A permission, in any spelling; * spans segments', 'content/delete', 'content/*', '*'),
      'What it denies',
    ),
    repositories: repositories.exactOptional(),
    condition: condition.exactOptional(),
    conditionVersion: conditionVersion.exactOptional(),
    ...window,
    mode: z
      .enum(['enforce', 'audit'])
      .default('enforce')
      .describe('audit: it denies nothing, and the record of a request that it would have denied names it'),
    message: words('Shown to the client').exactOptional(),
  })
  .describe('An explicit deny: wins over every grant')

/** An entry of `protections`. */
export const Protection = z
  .strictObject({
    name: words('For messages, records and tests'),
    repositories: repositories.exactOptional(),
    tags: some(
      text(readTagPattern, 'A tag; * is any characters', 'v*', 'release-*'),
      'Only these tags; default: every tag but those of signatures',
    ).exactOptional(),
    writeOnce: z
      .literal(true)
      .describe('A tag keeps its digest: no overwrite, no delete of the tag, nor of a manifest that it needs')
      .exactOptional(),
    quarantine: z
      .literal(true)
      .describe('What is pushed cannot be pulled until it is released, except with quarantine/read')
      .exactOptional(),
    releaseAfter: text(
      readDuration,
      'With quarantine: released by age, from when the gate first saw the digest (s, m, h or d)',
      '7d',
    ).exactOptional(),
    except: z
      .array(principal)
      .default([])
      .describe('It does not hold for callers who act as one of these; what they push is released at once'),
    mode: z
      .enum(['enforce', 'audit'])
      .default('enforce')
      .describe('audit: it refuses nothing, and the record names it where it would have'),
    message: words('Shown to the client').exactOptional(),
  })
  .describe('A rule about the content of repositories, whatever the permissions are')

/** Why a decision is a deny. */
export const REASONS = [
  'no_grant',
  'deny_assignment',
  'token_disabled',
  'authentication_required',
  'not_a_registry_request',
  'write_once',
  'quarantined',
] as const
/** One of {@link REASONS}. */
export type Reason = (typeof REASONS)[number]

/** An entry of `tests` in a file of decision tests. */
export const DecisionTest = z
  .strictObject({
    as: principal,
    can: text(readAction, 'The permission that is asked for', 'content/read').exactOptional(),
    on: text(readRepository, 'The repository, for permissions of one', 'samples/app').exactOptional(),
    request: text(
      readRequestLine,
      'Instead of can: a registry request',
      'GET /v2/samples/app/tags/list',
    ).exactOptional(),
    expect: z.enum(['allow', 'deny']).describe('The decision'),
    reason: z.enum(REASONS).describe('The code of the reason').exactOptional(),
    tag: text(readTag, 'The tag that the request names').exactOptional(),
    ip: text(readIp, 'The address of the client').exactOptional(),
    at: time('When it is asked; default: now').exactOptional(),
    claim: z
      .record(z.string().min(1), z.union([z.string(), z.array(z.string())]))
      .describe('Claims of the caller: text or list of texts')
      .exactOptional(),
    groups: z.array(z.string().min(1)).describe('Ids of groups of the caller').exactOptional(),
    quarantine: z
      .enum(['pending', 'released', 'rejected'])
      .describe('The state of the pulled manifest, where a quarantine covers it; default: pending')
      .exactOptional(),
    tagExists: text(
      readDigest,
      'The registry has the tag of the request, and it names this digest; default: it does not have the tag',
      'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    ).exactOptional(),
  })
  .describe('One decision and what it should be')

/** The sections that map names to entries. */
export const NAMED_SECTIONS = { scopeMaps: ScopeMap, tokens: Token, issuers: Issuer, identities: Identity } as const
/** The sections that list entries. */
export const LISTED_SECTIONS = {
  roles: Role,
  roleAssignments: RoleAssignment,
  denyAssignments: DenyAssignment,
  protections: Protection,
} as const

const named = <T extends z.ZodType>(entry: T, description: string) =>
  z.record(name('Name'), entry).nullable().describe(description).exactOptional()
const listed = <T extends z.ZodType>(entry: T, description: string) =>
  z.array(entry).nullable().describe(description).exactOptional()

/** A whole policy file; every section may be spread over any number of files. */
export const PolicyFile = z
  .strictObject({
    $schema: z.string().describe('For editors').exactOptional(),
    registry: Registry.nullable().exactOptional(),
    scopeMaps: named(ScopeMap, 'Scope maps by name'),
    tokens: named(Token, 'Tokens by name'),
    issuers: named(Issuer, 'OIDC issuers by name'),
    identities: named(Identity, 'Federated identities by name'),
    roles: listed(Role, 'Custom roles'),
    roleAssignments: listed(RoleAssignment, 'Who has which role'),
    denyAssignments: listed(DenyAssignment, 'Who may never do what'),
    protections: listed(Protection, 'What keeps its content, whatever the rights are'),
  })
  .meta({ title: 'Dockgate policy', description: 'Who may do what in a container registry' })

/** A whole file of decision tests. */
export const TestFile = z
  .strictObject({
    $schema: z.string().describe('For editors').exactOptional(),
    tests: z.array(DecisionTest).nullable().describe('Decision tests').exactOptional(),
  })
  .meta({ title: 'Dockgate decision tests', description: 'Decisions that a policy set must make' })
