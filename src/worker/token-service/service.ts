/**
 * The token service: a caller with a valid credential gets a token for the scopes that policy grants. Scopes that policy
 * does not grant are left out; they are not an error. Responses are JSON and must not be stored. The Worker answers faults
 * (no policy, no key, an issuer that is down).
 *
 * Sources: distribution `docs/content/spec/auth/token.md` and `oauth.md`; Azure/acr `docs/AAD-OAuth.md`.
 */
import type { Context } from 'hono'
import { formatTime } from '../../base/time.ts'
import { errorDocument, type OciErrorCode } from '../../registry/refusal.ts'
import { formatScope } from '../../registry/scope.ts'
import {
  CREDENTIAL_ERRORS,
  type CredentialRefusal,
  isRefusal,
  RETRY_AFTER_SECONDS,
} from '../identity/identified-caller.ts'
import {
  type AuthContext,
  authContextOf,
  authenticate,
  authenticateHeader,
  identifyAnonymous,
  type Verified,
} from '../identity/identify.ts'
import { tokenKeys } from '../identity/keys.ts'
import type { Env } from '../platform/env.ts'
import { createRoutes, type Routes } from '../platform/routes.ts'
import type { CurrentPolicy } from '../store/policy-view.ts'
import { issueAccess, issueRefresh } from './issue.ts'
import { type Presented, type RequestError, readExchange, readForm, readQuery, type TokenRequest } from './request.ts'

type Bindings = { readonly Bindings: Env }

/** What the token service needs from the shell. */
export type TokenServicePorts = {
  readonly policy: CurrentPolicy
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number
}

/**
 * The routes of the token service: `/token` and `/oauth2/token` (GET and POST), `POST /oauth2/exchange` and
 * `/.well-known/jwks.json`.
 */
export function createTokenService({ policy, nowMs }: TokenServicePorts): Routes {
  const open = async (context: Context<Bindings>): Promise<AuthContext> => {
    const now = Math.floor(nowMs() / 1000)
    const ctx = context.executionCtx
    const view = await policy(context.env, ctx, now)
    return authContextOf(context.req.raw, view, context.env, ctx, now)
  }
  const service = createRoutes()
  for (const path of ['/token', '/oauth2/token']) {
    service.get(path, async (context) => {
      const auth = await open(context)
      const asked = readQuery(context.req.raw, auth.view.common.service)
      return asked.ok ? answerToken(asked.value, auth, false) : answerMistake(asked.error)
    })
    service.post(path, async (context) => {
      const auth = await open(context)
      const asked = await readForm(context.req.raw, auth.view.common.service)
      return asked.ok ? answerToken(asked.value, auth, true) : answerMistake(asked.error)
    })
  }
  service.post('/oauth2/exchange', async (context) => {
    const auth = await open(context)
    const jwt = await readExchange(context.req.raw, auth.view.common.service)
    return jwt.ok ? answerExchange(jwt.value, auth) : answerMistake(jwt.error)
  })
  service.get('/.well-known/jwks.json', async (context) => {
    const { published } = await tokenKeys(context.env)
    return Response.json(published, { headers: { 'cache-control': 'public, max-age=300' } })
  })
  return service
}

async function answerToken(asked: TokenRequest, auth: AuthContext, named: boolean): Promise<Response> {
  const verified = await verify(asked.presented, auth)
  if (isRefusal(verified)) return answerRefusal(verified, auth)
  const { token, granted, issuedAt, lifetimeSeconds } = await issueAccess(verified, asked.scopes, auth)
  const refresh = asked.offline ? await refreshFor(verified, asked.presented, auth) : undefined
  return answer(200, {
    token,
    access_token: token,
    expires_in: lifetimeSeconds,
    issued_at: formatTime(issuedAt),
    ...(named ? { token_type: 'Bearer', scope: granted.map(formatScope).join(' ') } : {}),
    ...(refresh === undefined ? {} : { refresh_token: refresh }),
  })
}

/** A presented refresh token is returned as it is, so that its expiry does not move. */
async function refreshFor(verified: Verified, presented: Presented, auth: AuthContext): Promise<string | undefined> {
  return presented.kind === 'refresh' ? presented.token : issueRefresh(verified, auth)
}

async function answerExchange(jwt: string, auth: AuthContext): Promise<Response> {
  const verified = await authenticate({ kind: 'bearer', token: jwt }, auth, ['access'])
  if (isRefusal(verified)) return answerRefusal(verified, auth)
  const refresh = await issueRefresh(verified, auth)
  if (refresh === undefined) return answerRefusal({ code: 'credential_invalid' }, auth)
  return answer(200, { refresh_token: refresh })
}

function verify(presented: Presented, auth: AuthContext): Verified | Promise<Verified | CredentialRefusal> {
  switch (presented.kind) {
    case 'none':
      return identifyAnonymous(auth.view)
    case 'header':
      return authenticateHeader(presented.header, auth, ['access', 'refresh'])
    case 'password':
      return authenticate({ ...presented, kind: 'basic' }, auth, ['access', 'refresh'])
    case 'refresh':
      return authenticate({ kind: 'bearer', token: presented.token }, auth, ['refresh'])
  }
}

function answerMistake({ status, error, message }: RequestError): Response {
  return answerError(status, 'UNSUPPORTED', error, message)
}

/** A 401 has one challenge (RFC 9110 section 15.5.2). Here it is Basic, because this endpoint accepts passwords. */
function answerRefusal({ code }: CredentialRefusal, { view }: AuthContext): Response {
  const { status, code: errorCode, message } = CREDENTIAL_ERRORS[code]
  const response = answerError(status, errorCode, status === 401 ? 'invalid_grant' : 'invalid_request', message)
  const realm = view.common.service.replaceAll(/["\\]/g, '')
  if (status === 401) response.headers.set('www-authenticate', `Basic realm="${realm}", charset="UTF-8"`)
  if (status === 429) response.headers.set('retry-after', String(RETRY_AFTER_SECONDS))
  return response
}

/** One body for both kinds of clients: registry clients read `errors`, OAuth 2 clients read `error`. */
function answerError(status: number, code: OciErrorCode, error: string, message: string): Response {
  return answer(status, { ...errorDocument({ status, code, message }), error, error_description: message })
}

const answer = (status: number, body: object): Response =>
  Response.json(body, { status, headers: { 'cache-control': 'no-store', pragma: 'no-cache' } })
