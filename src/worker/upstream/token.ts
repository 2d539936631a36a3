/**
 * One call of an upstream's token service: GET with Basic, or POST where it only speaks OAuth2. No redirect is followed,
 * time and size are bounded, and an error carries nothing of what was sent.
 *
 * Sources: distribution `docs/content/spec/auth/token.md` and `oauth.md`; Azure/acr `docs/AAD-OAuth.md`.
 */
import { isRecord } from '../../identity/federation.ts'
import { Fault } from '../platform/fault.ts'
import { readText } from '../platform/read-text.ts'
import { basic, type Credential } from './credential.ts'

export type TokenQuestion = {
  /** That may be asked: of ./realm.ts. */
  readonly realm: URL
  readonly service?: string
  readonly scopes: readonly string[]
  readonly credential: Exclude<Credential, { readonly kind: 'header' }>
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
}

export type UpstreamToken = {
  readonly token: string
  /** From the answer on, 1 to 86400. */
  readonly lifetimeSeconds: number
}

export const TOKEN_TIMEOUT_MS = 5000
const MAX_BYTES = 131_072
const DEFAULT_LIFETIME_SECONDS = 60
const LIFETIME_MAX_SECONDS = 86_400
const CLIENT_ID = 'dockgate'

/** The characters of a `b64token` and then some: whatever a header can carry without ambiguity. */
const TOKEN = /^[\x21-\x2b\x2d-\x7e]{1,65536}$/

/**
 * Throws `upstream_unauthorized` when the service refuses the credential, `upstream_unreachable` and `upstream_timeout`
 * when it fails, `upstream_invalid` when what it answers is no token.
 *
 * @param nowMs milliseconds since the epoch, asked when the answer is there
 */
export async function fetchToken(question: TokenQuestion, nowMs: () => number): Promise<UpstreamToken> {
  const where = `the token service on ${question.realm.host}`
  const signal = AbortSignal.timeout(TOKEN_TIMEOUT_MS)
  try {
    const first = question.credential.kind === 'refreshToken' ? viaPost(question) : viaGet(question)
    let answer = await call(question, first, signal)
    const isPostOnly = answer.status === 404 || answer.status === 405
    if (isPostOnly && first.method === 'GET' && question.credential.kind === 'password') {
      await answer.body?.cancel()
      answer = await call(question, viaPost(question), signal)
    }
    if (answer.status !== 200) {
      await answer.body?.cancel()
      throw refusal(answer, where)
    }
    return readAnswer(await readText(answer.body, MAX_BYTES), where, nowMs())
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw signal.aborted
      ? new Fault('upstream_timeout', `${where} did not answer in ${TOKEN_TIMEOUT_MS / 1000} s`, { cause })
      : new Fault('upstream_unreachable', `${where} cannot be reached`, { cause })
  }
}

type Call = {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers: HeadersInit
  readonly body?: string
}

/** What the realm's own query says of service and scope is not the gate's question. */
function viaGet({ realm, service, scopes, credential }: TokenQuestion): Call {
  const url = new URL(realm)
  for (const name of ['service', 'scope', 'account', 'offline_token']) url.searchParams.delete(name)
  if (service !== undefined) url.searchParams.set('service', service)
  for (const scope of scopes) url.searchParams.append('scope', scope)
  const authorization = credential.kind === 'password' ? { authorization: basic(credential) } : {}
  return { method: 'GET', url: url.href, headers: { accept: 'application/json', ...authorization } }
}

function viaPost({ realm, service, scopes, credential }: TokenQuestion): Call {
  const body = new URLSearchParams({ client_id: CLIENT_ID })
  if (credential.kind === 'password') {
    body.set('grant_type', 'password')
    body.set('username', credential.username)
    body.set('password', credential.password)
  } else if (credential.kind === 'refreshToken') {
    body.set('grant_type', 'refresh_token')
    body.set('refresh_token', credential.refreshToken)
  }
  if (service !== undefined) body.set('service', service)
  if (scopes.length > 0) body.set('scope', scopes.join(' '))
  return {
    method: 'POST',
    url: realm.href,
    headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
    body: body.toString(),
  }
}

function call({ fetch }: TokenQuestion, { url, ...init }: Call, signal: AbortSignal): Promise<Response> {
  return fetch(url, { ...init, redirect: 'manual', cache: 'no-store', signal })
}

function refusal({ status }: Response, where: string): Fault {
  if (status === 429 || status >= 500) return new Fault('upstream_unreachable', `${where} failed with status ${status}`)
  return new Fault(
    'upstream_unauthorized',
    status === 0 || (status >= 300 && status < 400)
      ? `${where} answers with a redirect, which is not followed: the upstream's challenge names a wrong address`
      : `${where} refuses the gate's credential with status ${status}: check user name and password for the upstream`,
  )
}

function readAnswer(text: string | undefined, where: string, nowMs: number): UpstreamToken {
  let answer: unknown
  try {
    answer = JSON.parse(text ?? '')
  } catch {
    throw new Fault('upstream_invalid', `${where} did not answer with JSON of a reasonable size`)
  }
  // Either name may be there, and the other one empty.
  const tokens = isRecord(answer) ? [answer.token, answer.access_token] : []
  const token = tokens.find((value) => typeof value === 'string' && value !== '')
  if (!isRecord(answer) || typeof token !== 'string' || !TOKEN.test(token)) {
    throw new Fault('upstream_invalid', `${where} answered without a token`)
  }
  return { token, lifetimeSeconds: lifetimeOf(answer.expires_in, answer.issued_at, nowMs) }
}

/** A service may hand out a token again that it issued before; one whose clock is ahead issues it now. */
function lifetimeOf(expiresIn: unknown, issuedAt: unknown, nowMs: number): number {
  const stated = typeof expiresIn === 'number' && expiresIn > 0 ? expiresIn : DEFAULT_LIFETIME_SECONDS
  const issuedMs = typeof issuedAt === 'string' ? Date.parse(issuedAt) : Number.NaN
  const ageSeconds = issuedMs <= nowMs ? (nowMs - issuedMs) / 1000 : 0
  return Math.min(Math.max(Math.floor(stated - ageSeconds), 1), LIFETIME_MAX_SECONDS)
}
