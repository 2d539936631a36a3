/**
 * From the verified claims of an issuer's JWT to a caller. What a JWT says is first reduced to a {@link Federation}; the
 * rules in force then make a caller of it. A minted token carries the federation, so that both steps are the same for it.
 * Never verifies.
 *
 * Sources: Entra "access-token-claims-reference" (group overage); OpenID Connect Core section 2.
 */

import { isRecord } from '../base/json.ts'
import { err, ok, type Result } from '../base/result.ts'
import type { Caller } from '../policy/caller.ts'
import type { CommonData } from '../policy/decide/compiled.ts'
import type { EpochSeconds } from '../policy/model.ts'
import { type PrincipalKey, principalKey } from '../policy/principal.ts'
import { hasControlCharacter } from './authorization.ts'
import { isPattern, matchesClaimPattern, PATTERN_TEXT_MAX_LENGTH } from './claim-pattern.ts'

/** An issuer, as the compiled policy has it. */
export type IssuerRule = CommonData['issuers'][number]
/** A federated identity, as the compiled policy has it. */
export type IdentityRule = CommonData['identities'][number]
/** A JWT's payload, verified, or a part of it. */
export type Claims = Readonly<Record<string, unknown>>
/** Claims of a JWT as texts, or lists of texts, by name. */
export type ClaimTexts = Readonly<Record<string, string | readonly string[]>>

/**
 * The key that verified a JWT, as the gate knows it. Nothing of it is taken from the JWT's own header, which its sender
 * chose.
 */
export type VerifiedBy = {
  /** RFC 7638 thumbprint, SHA-256. */
  readonly thumbprint: string
  readonly algorithm: string
  /** Where and when the gate read the key; absent for one that is inline in the policy. */
  readonly read?: { readonly from: string; readonly at: EpochSeconds }
}

/** What an issuer says of one subject. */
export type Federation = {
  /** Name of the issuer in the policy, whose keys verified the JWT. */
  readonly name: string
  readonly key: VerifiedBy
  /** The `iss` claim. */
  readonly issuer: string
  /** The audience by which the JWT was meant for us. */
  readonly audience: string
  readonly subjectClaim: string
  readonly groupsClaim: string
  readonly subject: string
  /** `missing`: the JWT has no such claim. `unknown`: there are too many groups, or they cannot be read. */
  readonly groups: readonly string[] | 'missing' | 'unknown'
  /** Names of the claims that policy read then: any other one may have been in the JWT. */
  readonly read: readonly string[]
  /** Those of them that are texts, or lists of texts. */
  readonly claims: ClaimTexts
  /** Names of those that are there and are neither. */
  readonly odd: readonly string[]
}

/** The longest subject, in characters: room for GitHub's customised subjects. */
const SUBJECT_MAX_LENGTH = 1024

/** More groups than these are not looked up: as many as Entra puts into a JWT, and some. */
const GROUPS_MAX = 256

/**
 * What the claims of a JWT of `issuer` say.
 * @param key the key that verified it
 * @param read names of the claims that policy reads; no others are kept
 */
export function federate(
  issuer: IssuerRule,
  claims: Claims,
  key: VerifiedBy,
  read: readonly string[],
): Result<Federation, 'audience_foreign' | 'subject_missing'> {
  const offered = textsOf(claims.aud) ?? []
  const audience = issuer.audiences.find((candidate) => offered.includes(candidate))
  if (audience === undefined) return err('audience_foreign')
  const subject = ownProperty(claims, issuer.subjectClaim)
  if (typeof subject !== 'string' || !isSubject(subject)) return err('subject_missing')
  return ok({
    name: issuer.name,
    key,
    issuer: issuer.issuer,
    audience,
    subjectClaim: issuer.subjectClaim,
    groupsClaim: issuer.groupsClaim,
    subject,
    groups: groupsOf(claims, issuer.groupsClaim),
    read,
    ...sortClaims(claims, read),
  })
}

/** Whether a text may be the subject of a caller. */
export const isSubject = (text: string): boolean =>
  text.length >= 1 && text.length <= SUBJECT_MAX_LENGTH && !hasControlCharacter(text)

/**
 * The rule of the issuer under which a federation counts now; nothing once the issuer, the audience, the algorithm or the
 * meaning of the subject has changed. Whether the key still counts is for the gate, which has the keys.
 */
export function issuerOf(federation: Federation, issuers: readonly IssuerRule[]): IssuerRule | undefined {
  return issuers.find(
    (issuer) =>
      issuer.name === federation.name &&
      issuer.issuer === federation.issuer &&
      issuer.algorithms.includes(federation.key.algorithm) &&
      issuer.audiences.includes(federation.audience) &&
      issuer.subjectClaim === federation.subjectClaim &&
      issuer.groupsClaim === federation.groupsClaim,
  )
}

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

/** What of a compiled policy says who is which identity, and which identities are denied something. */
export type Membership = Pick<CommonData, 'identities'> & {
  /** Names of the claims that policy reads; absent: those that it read when the federation was made. */
  readonly claims?: readonly string[]
  readonly identityDenies: Readonly<Record<string, unknown>>
}

/** Everything that a subject of `issuer` is at once: itself, its groups, every identity whose whole rule it matches. */
export function callerOfFederation(issuer: IssuerRule, federation: Federation, membership: Membership): Caller {
  const { subject, groups, claims, odd, read } = federation
  const notRead = membership.claims?.filter((name) => !read.includes(name)) ?? []
  return callerOfSubject(issuer, subject, groups, { texts: claims, odd: [...odd, ...notRead] }, membership)
}

/** What is known of a subject's claims. `odd`: there, or perhaps there, and not readable. A claim in neither was not there. */
export type KnownClaims = { readonly texts: ClaimTexts; readonly odd: readonly string[] }

/** As much of an issuer's rule as tells what its claims mean; of an issuer without a rule only the name is known. */
export type ClaimRule = Pick<IssuerRule, 'name'> & Partial<Pick<IssuerRule, 'groupsClaim' | 'claimsOmittedWhenEmpty'>>

/** The same for a subject of which these groups and claims are known. */
export function callerOfSubject(
  issuer: ClaimRule,
  subject: string,
  claimed: Federation['groups'],
  claims: KnownClaims,
  membership: Membership,
): Caller {
  const groups = claimed === 'missing' && omits(issuer, issuer.groupsClaim) ? [] : claimed
  const known = typeof groups === 'string' ? [] : groups
  const { is, mayBe } = identitiesOf(issuer, subject, claims, membership)
  return {
    authenticated: true,
    acts: [subjectKey(issuer, subject), ...groupKeys(issuer.name, known), ...is],
    ...(known === groups ? {} : { groupsUnknownOf: issuer.name }),
    ...(mayBe.length === 0 ? {} : { mayBe }),
    claims: claims.texts,
    ...(claims.odd.length === 0 ? {} : { unreadClaims: claims.odd }),
  }
}

/** The principal of a subject of an issuer. */
export const subjectKey = ({ name }: ClaimRule, subject: string): PrincipalKey =>
  principalKey({ kind: 'subject', issuer: name, id: subject })

/** The principals of groups of an issuer. */
export const groupKeys = (issuer: string, groups: readonly string[]): readonly PrincipalKey[] =>
  [...new Set(groups)].map((id) => principalKey({ kind: 'group', issuer, id }))

/** Whether the issuer leaves the claim out to say that it is empty. */
const omits = ({ claimsOmittedWhenEmpty }: ClaimRule, claim: string | undefined): boolean =>
  claim !== undefined && claimsOmittedWhenEmpty?.includes(claim) === true

/**
 * The identities that an issuer's subject surely is, and those with a deny that it may be. An identity without a deny needs
 * no doubt: it grants nothing to a caller that may be it.
 */
function identitiesOf(
  issuer: ClaimRule,
  subject: string,
  claims: KnownClaims,
  { identities, identityDenies }: Membership,
): { readonly is: readonly PrincipalKey[]; readonly mayBe: readonly PrincipalKey[] } {
  const is: PrincipalKey[] = []
  const mayBe: PrincipalKey[] = []
  for (const rule of rulesOf(issuer.name, identities)) {
    const outcome = matchesRule(rule, subject, (claim, text) => matchesClaim(issuer, claims, claim, text))
    if (outcome === 'yes') is.push(rule.key)
    else if (outcome === 'unknown' && Object.hasOwn(identityDenies, rule.key)) mayBe.push(rule.key)
  }
  return { is, mayBe }
}

type Outcome = 'yes' | 'no' | 'unknown'

/** The rule of an identity, its cheap tests first. */
type Rule = {
  readonly key: PrincipalKey
  readonly subject: string | undefined
  /** Claims with their texts and patterns: texts before patterns. */
  readonly claims: readonly (readonly [claim: string, wanted: string])[]
}

const preparedRules = new WeakMap<readonly IdentityRule[], ReadonlyMap<string, readonly Rule[]>>()

/** The rules of an issuer's identities, prepared once for each policy. */
function rulesOf(issuer: string, identities: readonly IdentityRule[]): readonly Rule[] {
  const known = preparedRules.get(identities) ?? prepareRules(identities)
  preparedRules.set(identities, known)
  return known.get(issuer) ?? []
}

function prepareRules(identities: readonly IdentityRule[]): ReadonlyMap<string, readonly Rule[]> {
  const byIssuer = new Map<string, Rule[]>()
  for (const { name, issuer, subject, claims } of identities) {
    const tests = Object.entries(claims)
    if (subject === undefined && tests.length === 0) continue
    tests.sort(([, a], [, b]) => Number(isPattern(a)) - Number(isPattern(b)))
    const rules = byIssuer.get(issuer) ?? []
    rules.push({ key: principalKey({ kind: 'identity', name }), subject, claims: tests })
    byIssuer.set(issuer, rules)
  }
  return byIssuer
}

/** One test that fails is enough for `no`, whatever is unknown. */
function matchesRule(rule: Rule, subject: string, test: (claim: string, wanted: string) => Outcome): Outcome {
  if (rule.subject !== undefined && rule.subject !== subject) return 'no'
  let outcome: Outcome = 'yes'
  for (const [claim, wanted] of rule.claims) {
    const tested = test(claim, wanted)
    if (tested === 'no') return 'no'
    if (tested === 'unknown') outcome = 'unknown'
  }
  return outcome
}

/** A claim that is missing, is not one text, or is longer than patterns read could mean anything. */
function matchesClaim(issuer: ClaimRule, { texts, odd }: KnownClaims, claim: string, wanted: string): Outcome {
  const value = ownProperty(texts, claim)
  if (value === undefined) return !odd.includes(claim) && omits(issuer, claim) ? 'no' : 'unknown'
  if (typeof value !== 'string') return 'unknown'
  if (!isPattern(wanted)) return value === wanted ? 'yes' : 'no'
  if (value.length > PATTERN_TEXT_MAX_LENGTH) return 'unknown'
  return matchesClaimPattern(wanted, value) ? 'yes' : 'no'
}

/**
 * The groups. They are unknown where they are too many, for the issuer (Entra's overage) or for us, or where they cannot be
 * read: then no grant on a group counts and every deny on one does.
 */
function groupsOf(claims: Claims, groupsClaim: string): Federation['groups'] {
  const elsewhere = ownProperty(claims, '_claim_names')
  if (elsewhere !== undefined && (!isRecord(elsewhere) || Object.hasOwn(elsewhere, groupsClaim))) return 'unknown'
  const overage = ownProperty(claims, 'hasgroups')
  if (overage !== undefined && overage !== false && overage !== 'false') return 'unknown'
  const groups = ownProperty(claims, groupsClaim)
  if (groups === undefined || groups === null) return 'missing'
  if (typeof groups === 'string' && mayBeList(groups)) return 'unknown'
  const names = textsOf(groups)
  return names === undefined || names.length > GROUPS_MAX ? 'unknown' : names
}

/** A text in place of a list may be several groups, as some issuers join them. */
const mayBeList = (groups: string): boolean => groups === '' || /[\s,;|[\]{}"]/.test(groups)

/** The texts in a claim that is a text or a list of texts. */
export function textsOf(value: unknown): readonly string[] | undefined {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  return list.every((item) => typeof item === 'string') ? list : undefined
}

/** The claims of these names: texts and lists of texts as they are, of all others the name. `null` says nothing. */
function sortClaims(claims: Claims, names: readonly string[]): Pick<Federation, 'claims' | 'odd'> {
  const kept: [string, string | readonly string[]][] = []
  const odd: string[] = []
  for (const name of names) {
    const value = ownProperty(claims, name)
    const texts = textsOf(value)
    if (texts !== undefined) kept.push([name, typeof value === 'string' ? value : texts])
    else if (value !== undefined && value !== null) odd.push(name)
  }
  return { claims: Object.fromEntries(kept), odd }
}

const ownProperty = <T>(record: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined
