/**
 * The claims of the tokens that we mint: built here, and read back here as strictly as a stranger's. A token says who it
 * was made for and what it may at most be used for; it is never a right. Never signs and never verifies.
 *
 * Sources: distribution `docs/content/spec/auth/jwt.md` (access tokens, so that a registry can verify them itself);
 * RFC 7519 section 4.1.
 */

import { isRecord } from '../base/json.ts'
import { err, ok, type Result } from '../base/result.ts'
import type { EpochSeconds } from '../policy/model.ts'
import { TOKEN_NAME } from '../policy/principal.ts'
import type { Access } from '../registry/scope.ts'
import { type Claims, type ClaimTexts, type Federation, isSubject, textsOf, type VerifiedBy } from './federation.ts'

/** What a token was made from. Every use checks it again, by the policy that is in force then. */
export type CredentialOrigin =
  | { readonly kind: 'anonymous' }
  /** `credential` is the fingerprint of the password. */
  | { readonly kind: 'token'; readonly name: string; readonly credential: string }
  | { readonly kind: 'federation'; readonly federation: Federation }

/** What a token of the token service says. */
export type Minted = {
  readonly proof: CredentialOrigin
  /** Upper bound; absent: none. An access token always has one. */
  readonly access?: readonly Access[]
  /** When what the token was made from ends, however often it is exchanged; absent: never by itself. */
  readonly until?: EpochSeconds
}

/** How a token may be used: on the registry, or only at the token endpoint for access tokens. */
export type TokenUse = 'access' | 'refresh'

/** Whose token it is, in its own times. `id` is unique. */
export type Issue = {
  readonly service: string
  readonly issuedAt: EpochSeconds
  readonly expires: EpochSeconds
  readonly id: string
}

/** The `typ` header of each use. */
export const TOKEN_TYPES: Readonly<Record<TokenUse, string>> = { access: 'JWT', refresh: 'refresh+jwt' }

/** The audience of each use: a registry that verifies our tokens itself refuses a refresh token by it. */
export const audienceOf = (use: TokenUse, service: string): string =>
  use === 'access' ? service : `${service}/refresh`

/** The claims of a minted token; `iss` is the service itself. */
export function mintedClaims(use: TokenUse, { proof, access, until }: Minted, issue: Issue): Record<string, unknown> {
  return {
    iss: issue.service,
    aud: audienceOf(use, issue.service),
    sub: subjectOf(proof),
    iat: issue.issuedAt,
    nbf: issue.issuedAt,
    exp: issue.expires,
    jti: issue.id,
    ...(access === undefined ? {} : { access }),
    dockgate: { ...originOf(proof), ...(until === undefined ? {} : { until }) },
  }
}

/** The `sub` claim: the token's name, or the subject as its issuer says it; empty for an anonymous caller. */
function subjectOf(proof: CredentialOrigin): string {
  switch (proof.kind) {
    case 'anonymous':
      return ''
    case 'token':
      return proof.name
    case 'federation':
      return proof.federation.subject
  }
}

function originOf(proof: CredentialOrigin): Record<string, unknown> {
  switch (proof.kind) {
    case 'anonymous':
      return {}
    case 'token':
      return { token: proof.name, credential: proof.credential }
    case 'federation':
      return { federation: proof.federation }
  }
}

/** Read the claims of a token whose signature, audience and times are verified. */
export function parseMintedClaims(use: TokenUse, claims: Claims): Result<Minted, 'token_invalid'> {
  const origin = claims.dockgate
  if (!isRecord(origin)) return err('token_invalid')
  const proof = parseProof(origin, claims.sub)
  const access = claims.access === undefined ? undefined : parseAccess(claims.access)
  const { until } = origin
  if (proof === undefined || (access === undefined && (use === 'access' || claims.access !== undefined))) {
    return err('token_invalid')
  }
  if (until !== undefined && (typeof until !== 'number' || !Number.isSafeInteger(until))) return err('token_invalid')
  return ok({ proof, ...(access === undefined ? {} : { access }), ...(until === undefined ? {} : { until }) })
}

function parseProof(origin: Claims, sub: unknown): CredentialOrigin | undefined {
  const { token, credential, federation } = origin
  if (federation !== undefined) {
    const parsed = token === undefined && isRecord(federation) ? parseFederation(federation) : undefined
    return parsed?.subject === sub && parsed !== undefined ? { kind: 'federation', federation: parsed } : undefined
  }
  if (token !== undefined) {
    if (typeof token !== 'string' || !TOKEN_NAME.test(token) || token !== sub) return undefined
    return typeof credential === 'string' && credential !== '' ? { kind: 'token', name: token, credential } : undefined
  }
  return sub === '' ? { kind: 'anonymous' } : undefined
}

function parseFederation(value: Claims): Federation | undefined {
  const { name, issuer, audience, subjectClaim, groupsClaim, subject, groups, claims } = value
  const key = isRecord(value.key) ? parseVerifiedBy(value.key) : undefined
  if (typeof name !== 'string' || key === undefined) return undefined
  if (typeof issuer !== 'string' || typeof audience !== 'string') return undefined
  if (typeof subjectClaim !== 'string' || typeof groupsClaim !== 'string') return undefined
  if (typeof subject !== 'string' || !isSubject(subject)) return undefined
  const names = groups === 'unknown' || groups === 'missing' ? groups : listOfTexts(groups)
  const read = listOfTexts(value.read)
  const odd = listOfTexts(value.odd)
  if (names === undefined || read === undefined || odd === undefined) return undefined
  if (!isRecord(claims) || !isTexts(claims)) return undefined
  return {
    name,
    key,
    issuer,
    audience,
    subjectClaim,
    groupsClaim,
    subject,
    groups: names,
    read,
    claims,
    odd,
  }
}

function parseVerifiedBy({ thumbprint, algorithm, read }: Claims): VerifiedBy | undefined {
  if (typeof thumbprint !== 'string' || typeof algorithm !== 'string') return undefined
  if (read === undefined) return { thumbprint, algorithm }
  if (!isRecord(read) || typeof read.from !== 'string' || typeof read.at !== 'number') return undefined
  return { thumbprint, algorithm, read: { from: read.from, at: read.at } }
}

const listOfTexts = (value: unknown): readonly string[] | undefined =>
  Array.isArray(value) ? textsOf(value) : undefined

const isTexts = (claims: Claims): claims is ClaimTexts =>
  Object.values(claims).every((value) => textsOf(value) !== undefined)

function parseAccess(value: unknown): readonly Access[] | undefined {
  if (!Array.isArray(value)) return undefined
  const parsed: Access[] = []
  for (const entry of value) {
    if (!isRecord(entry)) return undefined
    const { type, name, actions } = entry
    if ((type !== 'repository' && type !== 'registry') || typeof name !== 'string') return undefined
    const list = listOfTexts(actions)
    if (list === undefined) return undefined
    parsed.push({ type, name, actions: list })
  }
  return parsed
}
