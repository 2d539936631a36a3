/**
 * One request to an upstream's token service: GET with Basic, or POST if the service supports only OAuth 2. No redirect is
 * followed, time and size are bounded, and an error contains nothing of what was sent.
 *
 * Sources: distribution `docs/content/spec/auth/token.md` and `oauth.md`; Azure/acr `docs/AAD-OAuth.md`.
 */
import { isRecord } from '../../base/json.ts'
import { Fault } from '../platform/fault.ts'
import { readText } from '../platform/read-text.ts'
import { basic, type Credential } from './credential.ts'

/** A request for a token. */
export type TokenQuestion = {
  /** A token endpoint approved by `admitRealm`. */
  readonly realm: URL
  readonly service?: string
  readonly scopes: readonly string[]
  readonly credential: Exclude<Credential, { readonly kind: 'header' }>
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
}

/** A token of an upstream's token service. */
export type UpstreamToken = {
  readonly token: string
  /** Counted from the response on: 1 to 86400. */
  readonly lifetimeSeconds: number
}

/** Timeout of one token request. */
export const TOKEN_TIMEOUT_MS = 5000
const MAX_BYTES = 131_072
const DEFAULT_LIFETIME_SECONDS = 60
const LIFETIME_MAX_SECONDS = 86_400
const CLIENT_ID = 'dockgate'

/** More characters than a `b64token` has (RFC 6750): all that a header can contain without ambiguity. */
const TOKEN = /^[\x21-\x2b\x2d-\x7e]{1,65536}$/

/**
 * Requests a token.
 *
 * @param nowMs milliseconds since the epoch; called when the response has arrived
 * @throws Fault `upstream_unauthorized` when the service refuses the credential; `upstream_unreachable` and
 *   `upstream_timeout` when it fails; `upstream_invalid` when its response has no token
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
  readonly headers: NonNullable<RequestInit['headers']>
  readonly body?: string
}

/** Service and scope in the realm's own query are dropped: the gate sets them itself. */
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
  // A service may use either name, and may leave the other one empty.
  const tokens = isRecord(answer) ? [answer.token, answer.access_token] : []
  const token = tokens.find((value) => typeof value === 'string' && value !== '')
  if (!isRecord(answer) || typeof token !== 'string' || !TOKEN.test(token)) {
    throw new Fault('upstream_invalid', `${where} answered without a token`)
  }
  return { token, lifetimeSeconds: lifetimeOf(answer.expires_in, answer.issued_at, nowMs) }
}

/** A service may return a token that it issued before. If `issued_at` is in the future, its clock is ahead: age 0. */
function lifetimeOf(expiresIn: unknown, issuedAt: unknown, nowMs: number): number {
  const stated = typeof expiresIn === 'number' && expiresIn > 0 ? expiresIn : DEFAULT_LIFETIME_SECONDS
  const issuedMs = typeof issuedAt === 'string' ? Date.parse(issuedAt) : Number.NaN
  const ageSeconds = issuedMs <= nowMs ? (nowMs - issuedMs) / 1000 : 0
  return Math.min(Math.max(Math.floor(stated - ageSeconds), 1), LIFETIME_MAX_SECONDS)
}
