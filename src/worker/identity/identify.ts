/**
 * Authentication: from a credential to the caller. A password, a JWT of a configured issuer and a minted token all become a
 * {@link CredentialOrigin}. One function resolves every origin by the policy in force, so a principal that was removed from
 * the policy is refused at the next call, whatever its credential. Nothing here decides what the caller may do.
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
import { ANONYMOUS, EVERYONE, principalKey, TOKEN_NAME } from '../../policy/principal.ts'
import type { Access } from '../../registry/scope.ts'
import type { Background } from '../platform/background.ts'
import { clientIpOf } from '../platform/client-ip.ts'
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

/** What verifying a credential depends on besides the credential itself. */
export type AuthContext = {
  readonly view: PolicyView
  readonly env: IdentityEnv
  readonly ctx: Background
  readonly now: EpochSeconds
  readonly clientIp?: string
}

/** A valid credential, with what a token that is issued for it must contain. */
export type Verified = {
  readonly identified: IdentifiedCaller
  readonly proof: CredentialOrigin
  readonly source: 'none' | 'password' | 'jwt' | TokenUse
  /** When the credential expires, exclusive; absent: never. */
  readonly until?: EpochSeconds
  /** When the key of its issuer must be checked again, exclusive; absent: when the policy changes. */
  readonly recheckAt?: EpochSeconds
}

/** How long a verification is cached. */
const MEMO_SECONDS = 600
const MEMO_CAPACITY = 10_000
/** An entry's size grows with the credential, for example with a token's groups, so a long one takes several places. */
const LENGTH_OF_A_PLACE = 1024

const memos = new WeakMap<PolicyView, Memo<Verified>>()
const anonymous = new WeakMap<PolicyView, Verified>()

/** The caller of `request`, by its `Authorization` header alone. A value, not a promise, if the verification is cached. */
export const identify: Identify = (request, view, env, ctx, now) => {
  const header = request.headers.get('authorization')
  if (header === null) return identifyAnonymous(view).identified
  // Keys of the memo are tokens that were parsed and verified, so a hit needs no parsing.
  const known = header.startsWith('Bearer ') ? memoOf(view).get(header.slice('Bearer '.length), now) : undefined
  if (known !== undefined) return known.identified
  return authenticateHeader(header, authContextOf(request, view, env, ctx, now), ['access']).then((outcome) =>
    isRefusal(outcome) ? outcome : outcome.identified,
  )
}

/** The {@link AuthContext} of a request. */
export function authContextOf(
  request: Incoming,
  view: PolicyView,
  env: IdentityEnv,
  ctx: Background,
  now: EpochSeconds,
): AuthContext {
  const clientIp = clientIpOf(request.headers, env)
  return { view, env, ctx, now, ...(clientIp === undefined ? {} : { clientIp }) }
}

/** The caller without a credential. Made once per view. */
export function identifyAnonymous(view: PolicyView): Verified {
  const known = anonymous.get(view)
  if (known !== undefined) return known
  const rights = effectiveRightsOf(ANONYMOUS_CALLER, view.common, [])
  const verified: Verified = {
    identified: { caller: ANONYMOUS_CALLER, name: ANONYMOUS, credential: '', rights, as: [ANONYMOUS] },
    proof: { kind: 'anonymous' },
    source: 'none',
  }
  anonymous.set(view, verified)
  return verified
}

/**
 * Cache of recent verifications. The key is the credential, however it was sent, so one credential has one entry. JWTs and
 * minted tokens are their own keys: hashing would cost more than the decision. Passwords are keyed by their SHA-256, because
 * a password may have no expiry and must not stay in memory.
 */
function memoOf(view: PolicyView): Memo<Verified> {
  const known = memos.get(view)
  if (known !== undefined) return known
  const memo = new Memo<Verified>(MEMO_CAPACITY)
  memos.set(view, memo)
  return memo
}

/**
 * Parses and verifies an `Authorization` header.
 *
 * @param uses which minted tokens are accepted; refresh tokens only at the token endpoint
 * @throws Fault `policy_unavailable`, `signing_key_unavailable`, `issuer_unavailable`
 */
export async function authenticateHeader(
  header: string,
  auth: AuthContext,
  uses: readonly TokenUse[],
): Promise<Verified | CredentialRefusal> {
  const credential = parseAuthorization(header)
  return credential.ok ? authenticate(credential.value, auth, uses) : { code: credential.error }
}

/**
 * Verifies one credential, or takes the outcome from the cache. A JWT as password is that JWT, whatever the user name.
 *
 * @param uses which minted tokens are accepted; refresh tokens only at the token endpoint
 * @throws Fault `policy_unavailable`, `signing_key_unavailable`, `issuer_unavailable`
 */
export async function authenticate(
  credential: Credential,
  auth: AuthContext,
  uses: readonly TokenUse[],
): Promise<Verified | CredentialRefusal> {
  const token = tokenOf(credential)
  const memo = memoOf(auth.view)
  // No token has a line break, so nobody can present the digest of a password as a token.
  const key = token ?? `\n${await sha256Hex(passwordText(credential))}`
  const known = memo.get(key, auth.now)
  if (known !== undefined && (known.source !== 'access' || uses.includes('access'))) return known
  const outcome = await verify(credential, auth, uses)
  // A refresh token is not accepted everywhere, so it is not cached.
  if (isRefusal(outcome) || outcome.source === 'refresh') return outcome
  const until = Math.min(
    auth.now + MEMO_SECONDS,
    outcome.until ?? Number.POSITIVE_INFINITY,
    outcome.recheckAt ?? Number.POSITIVE_INFINITY,
  )
  memo.set(key, outcome, until, Math.ceil((token ?? '').length / LENGTH_OF_A_PLACE) || 1)
  return outcome
}

/** A Bearer token, or a password that has the form of a token. */
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

/** Unknown and disabled names, wrong and expired passwords take the same steps and get the same refusal. */
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
    const outcome = await verifyIssuerJwt(jwt, issuers, { ctx, now, sealing: () => sealOf(env) })
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

/** The unverified issuer and type of a JWT. They choose only how it is verified. */
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

/** The caller of a verified credential under the policy in force, or why it is refused. */
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
        identified: {
          caller,
          name: key,
          credential: proof.credential,
          rights,
          as: [key, EVERYONE],
          password: credential.name,
          ...bound,
        },
        proof,
        source,
        ...lasting(origin.until, credential.expires),
      }
    }
    case 'federation': {
      const issuer = issuerOf(proof.federation, view.common.issuers)
      if (issuer === undefined || !tellsIdentities(proof.federation, issuer, view.common.identities))
        return { code: 'credential_revoked' }
      const access = { ctx: auth.ctx, now, sealing: () => sealOf(auth.env) }
      const counts = await stillCounts(proof.federation.key, issuer, access)
      if (counts === undefined) return { code: 'credential_revoked' }
      const federation = { ...proof.federation, key: counts.key }
      const caller = callerOfFederation(issuer, federation, view.common)
      const own = await Promise.all(caller.acts.map((key) => view.principal(key)))
      const rights = effectiveRightsOf(caller, view.common, own.filter(isKnown))
      const name = subjectKey(issuer, federation.subject)
      // A caller may be in hundreds of groups of which the policy names few.
      const as = [...caller.acts.filter((key, index) => !isGroup(key) || isKnown(own[index])), EVERYONE]
      return {
        identified: { caller, name, credential: `${issuer.issuer} ${issuer.subjectClaim}`, rights, as, ...bound },
        proof: { kind: 'federation', federation },
        source,
        ...lasting(origin.until),
        ...(counts.until === undefined ? {} : { recheckAt: counts.until }),
      }
    }
  }
}

const isKnown = (principal: IndexedPrincipal | undefined): principal is IndexedPrincipal => principal !== undefined

const isGroup = (key: string): boolean => key.startsWith('group:')
