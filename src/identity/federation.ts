/**
 * From the verified claims of an issuer's JWT to a caller. What a JWT says is first reduced to a {@link Federation}; the
 * rules in force then make a caller of it. A minted token carries the federation, so that both steps are the same for it.
 * Never verifies.
 *
 * Sources: Entra "access-token-claims-reference" (group overage); OpenID Connect Core section 2.
 */
import type { Caller } from '../policy/caller.ts'
import type { CommonData } from '../policy/compiled.ts'
import { type PrincipalKey, principalKey } from '../policy/principal.ts'
import { err, ok, type Result } from '../registry/result.ts'
import { hasControlCharacter } from './authorization.ts'
import { matchesClaimPattern } from './claim-pattern.ts'

export type IssuerRule = CommonData['issuers'][number]
export type IdentityRule = CommonData['identities'][number]
/** A JWT's payload, verified, or a part of it. */
export type Claims = Readonly<Record<string, unknown>>
export type ClaimTexts = Readonly<Record<string, string | readonly string[]>>

/** What an issuer says of one subject. */
export type Federation = {
  /** Name of the issuer in the policy, whose keys verified the JWT. */
  readonly name: string
  /** The `kid` of that key; absent where the JWT named none. */
  readonly key?: string
  /** The `iss` claim. */
  readonly issuer: string
  /** The audience by which the JWT was meant for us. */
  readonly audience: string
  readonly subjectClaim: string
  readonly groupsClaim: string
  readonly subject: string
  readonly groups: readonly string[] | 'unknown'
  /** Names of the claims that policy read then: any other one may have been in the JWT. */
  readonly read: readonly string[]
  /** Those of them that are texts. */
  readonly claims: ClaimTexts
}

/** The longest subject, in characters: room for GitHub's customised subjects. */
const SUBJECT_MAX_LENGTH = 1024

/** More groups than these are not looked up: as many as Entra puts into a JWT, and some. */
const GROUPS_MAX = 256

/**
 * What the claims of a JWT of `issuer` say.
 * @param key the `kid` in its header
 * @param read names of the claims that policy reads; no others are kept
 */
export function federate(
  issuer: IssuerRule,
  claims: Claims,
  key: string | undefined,
  read: readonly string[],
): Result<Federation, 'audience_foreign' | 'subject_missing'> {
  const offered = textsOf(claims.aud) ?? []
  const audience = issuer.audiences.find((candidate) => offered.includes(candidate))
  if (audience === undefined) return err('audience_foreign')
  const subject = own(claims, issuer.subjectClaim)
  if (typeof subject !== 'string' || !isSubject(subject)) return err('subject_missing')
  return ok({
    name: issuer.name,
    ...(key === undefined ? {} : { key }),
    issuer: issuer.issuer,
    audience,
    subjectClaim: issuer.subjectClaim,
    groupsClaim: issuer.groupsClaim,
    subject,
    groups: groupsOf(claims, issuer.groupsClaim),
    read,
    claims: keepTexts(claims, read),
  })
}

export const isSubject = (text: string): boolean =>
  text.length >= 1 && text.length <= SUBJECT_MAX_LENGTH && !hasControlCharacter(text)

/**
 * The rule of the issuer under which a federation counts now; nothing once the issuer, the audience, an inline key or the
 * meaning of the subject has changed.
 */
export function issuerOf(federation: Federation, issuers: readonly IssuerRule[]): IssuerRule | undefined {
  return issuers.find(
    (issuer) =>
      issuer.name === federation.name &&
      issuer.issuer === federation.issuer &&
      hasKey(issuer, federation.key) &&
      issuer.audiences.includes(federation.audience) &&
      issuer.subjectClaim === federation.subjectClaim &&
      issuer.groupsClaim === federation.groupsClaim,
  )
}

const hasKey = ({ jwks }: IssuerRule, key: string | undefined): boolean =>
  jwks === undefined || key === undefined || jwks.keys.some(({ kid }) => kid === key)

/**
 * Whether a federation tells of every claim by which the identities of its issuer are known now. Where it does not, the
 * caller may be one of them without our knowing, and what is denied to that identity would not be denied to it.
 */
export const tellsIdentities = (
  { read }: Federation,
  issuer: IssuerRule,
  identities: readonly IdentityRule[],
): boolean =>
  identities.every(
    (identity) => identity.issuer !== issuer.name || Object.keys(identity.claims).every((name) => read.includes(name)),
  )

/** Everything that a subject of `issuer` is at once: itself, its groups, every identity whose whole rule it matches. */
export function callerOfFederation(
  issuer: IssuerRule,
  federation: Federation,
  identities: readonly IdentityRule[],
): Caller {
  const { subject, groups, claims } = federation
  return {
    authenticated: true,
    acts: [
      subjectKey(issuer, subject),
      ...groupKeys(issuer.name, groups === 'unknown' ? [] : groups),
      ...identityKeys(issuer.name, subject, claims, identities),
    ],
    ...(groups === 'unknown' ? { groupsUnknownOf: issuer.name } : {}),
    claims,
  }
}

export const subjectKey = (issuer: IssuerRule, subject: string): PrincipalKey =>
  principalKey({ kind: 'subject', issuer: issuer.name, id: subject })

export const groupKeys = (issuer: string, groups: readonly string[]): readonly PrincipalKey[] =>
  [...new Set(groups)].map((id) => principalKey({ kind: 'group', issuer, id }))

/** The identities that an issuer's subject with these claims is. */
export function identityKeys(
  issuer: string,
  subject: string,
  claims: ClaimTexts,
  identities: readonly IdentityRule[],
): readonly PrincipalKey[] {
  return identities
    .filter((identity) => identity.issuer === issuer && matchesIdentity(identity, subject, claims))
    .map(({ name }) => principalKey({ kind: 'identity', name }))
}

function matchesIdentity(identity: IdentityRule, subject: string, claims: ClaimTexts): boolean {
  const rules = Object.entries(identity.claims)
  if (identity.subject === undefined && rules.length === 0) return false
  if (identity.subject !== undefined && identity.subject !== subject) return false
  return rules.every(([name, pattern]) => {
    const value = own(claims, name)
    return typeof value === 'string' && matchesClaimPattern(pattern, value)
  })
}

/**
 * The groups, or `unknown` where they are too many, for the issuer (Entra's overage) or for us, or where they are not
 * readable: then no grant on a group counts and every deny on one does.
 */
function groupsOf(claims: Claims, groupsClaim: string): readonly string[] | 'unknown' {
  const elsewhere = own(claims, '_claim_names')
  if (isRecord(elsewhere) && Object.hasOwn(elsewhere, groupsClaim)) return 'unknown'
  const overage = own(claims, 'hasgroups')
  if (overage !== undefined && overage !== false && overage !== 'false') return 'unknown'
  const groups = own(claims, groupsClaim)
  if (groups === undefined || groups === null) return []
  const names = textsOf(groups)
  return names === undefined || names.length > GROUPS_MAX ? 'unknown' : names
}

/** The texts in a claim that is a text or a list of texts. */
export function textsOf(value: unknown): readonly string[] | undefined {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  return list.every((item) => typeof item === 'string') ? list : undefined
}

function keepTexts(claims: Claims, names: readonly string[]): ClaimTexts {
  const kept: [string, string | readonly string[]][] = []
  for (const name of names) {
    const value = own(claims, name)
    const texts = textsOf(value)
    if (texts !== undefined) kept.push([name, typeof value === 'string' ? value : texts])
  }
  return Object.fromEntries(kept)
}

const own = (record: Claims, name: string): unknown => (Object.hasOwn(record, name) ? record[name] : undefined)

export const isRecord = (value: unknown): value is Claims =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
