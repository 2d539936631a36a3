/**
 * From a credential to who asks. A password, a JWT of a configured issuer and a token of our own all become a
 * {@link CredentialOrigin}, and one function judges every proof by the policy in force: so what was removed from the policy ends at the
 * next call, whatever the credential. Never decides what the caller may do.
 */
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { type Credential, parseAuthorization } from '../../identity/authorization.ts'
import { isCompactJws } from '../../identity/compact-jws.ts'
import { callerOfFederation, federate, issuerOf, subjectKey, tellsIdentities } from '../../identity/federation.ts'
import { credentialFingerprint, findCredential, isUnexpired } from '../../identity/secret.ts'
import { type CredentialOrigin, TOKEN_TYPES, type TokenUse } from '../../identity/token-claims.ts'
import { ANONYMOUS_CALLER, type Caller } from '../../policy/caller.ts'
import { effectiveRightsOf, type IndexedPrincipal } from '../../policy/decide/effective-rights.ts'
import type { EpochSeconds } from '../../policy/model.ts'
import { ANONYMOUS, principalKey, TOKEN_NAME } from '../../policy/principal.ts'
import type { Access } from '../../registry/scope.ts'
import type { Background } from '../platform/background.ts'
import { Memo } from '../platform/memo.ts'
import { sealOf } from '../platform/seal.ts'
import { sha256Hex } from '../platform/sha256.ts'
import type { PolicyView } from '../store/policy-view.ts'
import {
  type CredentialRefusal,
  type IdentifiedCaller,
  type Identify,
  type IdentityEnv,
  type Incoming,
  isRefusal,
} from './identified-caller.ts'
import { stillCounts } from './issuers/issuer-keys.ts'
import { verifyIssuerJwt } from './issuers/verify.ts'
import { tokenKeys } from './keys.ts'
import { verifyMinted } from './minted.ts'
import { countFailure, isBlocked, loginKey } from './rate-limit.ts'

/** Where and when a credential is shown. */
export type AuthContext = {
  readonly view: PolicyView
  readonly env: IdentityEnv
  readonly ctx: Background
  readonly now: EpochSeconds
  readonly clientIp?: string
}

/** A credential that counts now, with what a token made from it must remember. */
export type Verified = {
  readonly identified: IdentifiedCaller
  readonly proof: CredentialOrigin
  readonly source: 'none' | 'password' | 'jwt' | TokenUse
  /** When the credential ends by itself, exclusive; absent: never. */
  readonly until?: EpochSeconds
  /** When the key of its issuer must be looked for again, exclusive; absent: when the policy changes. */
  readonly recheckAt?: EpochSeconds
}

/** Seconds for which a verification is remembered. */
const MEMO_SECONDS = 600
const MEMO_CAPACITY = 10_000
/** What is remembered grows with the credential, for instance with a token's groups: a longer one takes several places. */
const LENGTH_OF_A_PLACE = 1024

const memos = new WeakMap<PolicyView, Memo<Verified>>()
const anonymous = new WeakMap<PolicyView, Verified>()

/** Who sent `request`, by its `Authorization` header alone. Not a promise for one that was verified a moment ago. */
export const identify: Identify = (request, view, env, ctx, now) => {
  const header = request.headers.get('authorization')
  if (header === null) return identifyAnonymous(view).identified
  // Only a token that was parsed and verified is a key of the memo: a hit needs no parsing, and everything else is parsed.
  const known = header.startsWith('Bearer ') ? memoOf(view).get(header.slice('Bearer '.length), now) : undefined
  if (known !== undefined) return known.identified
  return authenticateHeader(header, authContextOf(request, view, env, ctx, now), ['access']).then((outcome) =>
    isRefusal(outcome) ? outcome : outcome.identified,
  )
}

export function authContextOf(
  request: Incoming,
  view: PolicyView,
  env: IdentityEnv,
  ctx: Background,
  now: EpochSeconds,
): AuthContext {
  const clientIp = request.headers.get('cf-connecting-ip')
  return { view, env, ctx, now, ...(clientIp === null ? {} : { clientIp }) }
}

export function identifyAnonymous(view: PolicyView): Verified {
  const known = anonymous.get(view)
  if (known !== undefined) return known
  const rights = effectiveRightsOf(ANONYMOUS_CALLER, view.common, [])
  const verified: Verified = {
    identified: { caller: ANONYMOUS_CALLER, name: ANONYMOUS, credential: '', rights },
    proof: { kind: 'anonymous' },
    source: 'none',
  }
  anonymous.set(view, verified)
  return verified
}

/**
 * What a credential was found to be a moment ago. Its key is the credential itself and never how it was written or sent, so
 * that one credential has one entry: a JWT or a token of ours by itself, since a digest would cost every pull more than its
 * decision; a password by a digest, since it does not end by itself.
 */
function memoOf(view: PolicyView): Memo<Verified> {
  const known = memos.get(view)
  if (known !== undefined) return known
  const memo = new Memo<Verified>(MEMO_CAPACITY)
  memos.set(view, memo)
  return memo
}

/** @param uses which of our own tokens count here; refresh tokens do only at the token endpoint */
export async function authenticateHeader(
  header: string,
  auth: AuthContext,
  uses: readonly TokenUse[],
): Promise<Verified | CredentialRefusal> {
  const credential = parseAuthorization(header)
  return credential.ok ? authenticate(credential.value, auth, uses) : { code: credential.error }
}

/** Verify one credential, or remember it; a JWT as password is that JWT, whatever the user name. */
export async function authenticate(
  credential: Credential,
  auth: AuthContext,
  uses: readonly TokenUse[],
): Promise<Verified | CredentialRefusal> {
  const token = tokenOf(credential)
  const memo = memoOf(auth.view)
  // No token holds a line break: nobody can show a digest in the place of what it is of.
  const key = token ?? `\n${await sha256Hex(passwordText(credential))}`
  const known = memo.get(key, auth.now)
  if (known !== undefined && (known.source !== 'access' || uses.includes('access'))) return known
  const outcome = await verify(credential, auth, uses)
  // A refresh token does not count everywhere, so it is not remembered.
  if (isRefusal(outcome) || outcome.source === 'refresh') return outcome
  const until = Math.min(
    auth.now + MEMO_SECONDS,
    outcome.until ?? Number.POSITIVE_INFINITY,
    outcome.recheckAt ?? Number.POSITIVE_INFINITY,
  )
  memo.set(key, outcome, until, Math.ceil((token ?? '').length / LENGTH_OF_A_PLACE) || 1)
  return outcome
}

/** The token that a credential is: a Bearer token, or a password in the form of one. */
function tokenOf(credential: Credential): string | undefined {
  if (credential.kind === 'bearer') return credential.token
  return isCompactJws(credential.password) ? credential.password : undefined
}

const passwordText = (credential: Credential): string =>
  credential.kind === 'basic' ? `${credential.user}:${credential.password}` : ''

async function verify(
  credential: Credential,
  auth: AuthContext,
  uses: readonly TokenUse[],
): Promise<Verified | CredentialRefusal> {
  if (credential.kind === 'bearer') return verifyJwt(credential.token, auth, uses)
  const { user, password } = credential
  const key = await loginKey(auth.clientIp, user)
  if (isBlocked(key, auth.now)) return { code: 'too_many_failures' }
  const outcome = isCompactJws(password)
    ? await verifyJwt(password, auth, uses)
    : await verifyPassword(user, password, auth)
  if (!isRefusal(outcome) || !(await countFailure(auth.env, key, auth.now))) return outcome
  return { code: 'too_many_failures' }
}

/** Unknown and disabled names, wrong and expired passwords take the same steps and get the same answer. */
async function verifyPassword(
  user: string,
  password: string,
  auth: AuthContext,
): Promise<Verified | CredentialRefusal> {
  const { view, now } = auth
  const sha256 = await sha256Hex(password)
  const principal = TOKEN_NAME.test(user)
    ? await view.principal(principalKey({ kind: 'token', name: user }))
    : undefined
  const token = principal?.token?.status === 'enabled' ? principal.token : undefined
  const credential = findCredential(token?.credentials ?? [], sha256, now)
  if (credential === undefined) return { code: 'credential_invalid' }
  const proof: CredentialOrigin = { kind: 'token', name: user, credential: credentialFingerprint(credential) }
  return resolveOrigin(proof, auth, { source: 'password' })
}

async function verifyJwt(
  jwt: string,
  auth: AuthContext,
  uses: readonly TokenUse[],
): Promise<Verified | CredentialRefusal> {
  const { view, env, ctx, now } = auth
  const { service, issuers, claims: read } = view.common
  const outside = isCompactJws(jwt) ? outsideOf(jwt) : undefined
  if (outside === undefined) return { code: 'credential_invalid' }
  if (outside.iss !== service) {
    const outcome = await verifyIssuerJwt(jwt, issuers, ctx, now, () => sealOf(env))
    if (!outcome.ok) return { code: outcome.error }
    const { issuer, claims, key, expires } = outcome.value
    const federation = federate(issuer, claims, key, read)
    if (!federation.ok) return { code: 'credential_invalid' }
    return resolveOrigin({ kind: 'federation', federation: federation.value }, auth, { source: 'jwt', until: expires })
  }
  const use = uses.find((candidate) => TOKEN_TYPES[candidate] === outside.typ)
  if (use === undefined) return { code: 'credential_invalid' }
  const outcome = await verifyMinted(use, jwt, service, await tokenKeys(env), now)
  if (!outcome.ok) return { code: outcome.error }
  const { proof, access, until, expires } = outcome.value
  return resolveOrigin(proof, auth, {
    source: use,
    until: Math.min(until ?? expires, expires),
    ...(access === undefined ? {} : { access }),
  })
}

/** What a JWT says of itself, to find out who is to verify it. */
function outsideOf(jwt: string): { readonly iss: unknown; readonly typ: unknown } | undefined {
  try {
    return { iss: decodeJwt(jwt).iss, typ: decodeProtectedHeader(jwt).typ }
  } catch {
    return undefined
  }
}

type Origin = {
  readonly source: Verified['source']
  readonly until?: EpochSeconds
  readonly access?: readonly Access[]
}

/** Whether a proof counts under the policy in force, and as whom. */
async function resolveOrigin(
  proof: CredentialOrigin,
  auth: AuthContext,
  origin: Origin,
): Promise<Verified | CredentialRefusal> {
  const { view, now } = auth
  const { access, source } = origin
  const bound = access === undefined ? {} : { access }
  const lasting = (...ends: readonly (EpochSeconds | undefined)[]) => {
    const until = Math.min(...ends.map((end) => end ?? Number.POSITIVE_INFINITY))
    return Number.isFinite(until) ? { until } : {}
  }
  switch (proof.kind) {
    case 'anonymous': {
      const { identified } = identifyAnonymous(view)
      return { identified: { ...identified, ...bound }, proof, source, ...lasting(origin.until) }
    }
    case 'token': {
      const key = principalKey({ kind: 'token', name: proof.name })
      const principal = await view.principal(key)
      if (principal?.token === undefined) return { code: 'credential_revoked' }
      if (principal.token.status === 'disabled') return { code: 'token_disabled' }
      const credential = principal.token.credentials.find(
        (candidate) => credentialFingerprint(candidate) === proof.credential,
      )
      if (credential === undefined || !isUnexpired(credential, now)) return { code: 'credential_revoked' }
      const caller: Caller = { authenticated: true, acts: [key] }
      const rights = effectiveRightsOf(caller, view.common, [principal])
      return {
        identified: { caller, name: key, credential: proof.credential, rights, ...bound },
        proof,
        source,
        ...lasting(origin.until, credential.expires),
      }
    }
    case 'federation': {
      const issuer = issuerOf(proof.federation, view.common.issuers)
      if (issuer === undefined || !tellsIdentities(proof.federation, issuer, view.common.identities))
        return { code: 'credential_revoked' }
      const counts = await stillCounts(proof.federation.key, issuer, auth.ctx, now, () => sealOf(auth.env))
      if (counts === undefined) return { code: 'credential_revoked' }
      const federation = { ...proof.federation, key: counts.key }
      const caller = callerOfFederation(issuer, federation, view.common)
      const own = await Promise.all(caller.acts.map((key) => view.principal(key)))
      const rights = effectiveRightsOf(caller, view.common, own.filter(isKnown))
      const name = subjectKey(issuer, federation.subject)
      return {
        identified: { caller, name, credential: `${issuer.issuer} ${issuer.subjectClaim}`, rights, ...bound },
        proof: { kind: 'federation', federation },
        source,
        ...lasting(origin.until),
        ...(counts.until === undefined ? {} : { recheckAt: counts.until }),
      }
    }
  }
}

const isKnown = (principal: IndexedPrincipal | undefined): principal is IndexedPrincipal => principal !== undefined
