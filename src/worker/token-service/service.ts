/**
 * The token service: who shows a good credential gets a token for what policy grants, and never an error for what it does
 * not. Answers are JSON and are never stored. Faults (no policy, no key, an issuer that is down) are left to the Worker.
 *
 * Sources: distribution `docs/content/spec/auth/token.md` and `oauth.md`; Azure/acr `docs/AAD-OAuth.md`.
 */
import type { Context } from 'hono'
import type { EpochSeconds } from '../../policy/model.ts'
import { errorBody, type OciErrorCode } from '../../registry/refusal.ts'
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
import type { Background } from '../platform/background.ts'
import type { Env } from '../platform/env.ts'
import { createRoutes, type Routes } from '../platform/routes.ts'
import type { PolicyView } from '../store/policy-view.ts'
import { issueAccess, issueRefresh } from './issue.ts'
import { type Presented, type RequestError, readExchange, readForm, readQuery, type TokenRequest } from './request.ts'

export type CurrentPolicy = (env: Env, ctx: Background, now: EpochSeconds) => PolicyView | Promise<PolicyView>

type Bindings = { readonly Bindings: Env }

/** The routes of the token service, over the policy that `currentPolicy` gives. */
export function createTokenService(currentPolicy: CurrentPolicy): Routes {
  const open = async (context: Context<Bindings>): Promise<AuthContext> => {
    const now = Date.now() / 1000
    const ctx = context.executionCtx
    const view = await currentPolicy(context.env, ctx, now)
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
    issued_at: new Date(issuedAt * 1000).toISOString().replace('.000Z', 'Z'),
    ...(named ? { token_type: 'Bearer', scope: granted.map(formatScope).join(' ') } : {}),
    ...(refresh === undefined ? {} : { refresh_token: refresh }),
  })
}

/** A refresh token that is used is handed back: its end does not move. */
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

/** Every 401 has one challenge, and here it is Basic: this is where a password is of use (RFC 9110 section 15.5.2). */
function answerRefusal({ code }: CredentialRefusal, { view }: AuthContext): Response {
  const { status, code: errorCode, message } = CREDENTIAL_ERRORS[code]
  const response = answerError(status, errorCode, status === 401 ? 'invalid_grant' : 'invalid_request', message)
  const realm = view.common.service.replaceAll(/["\\]/g, '')
  if (status === 401) response.headers.set('www-authenticate', `Basic realm="${realm}", charset="UTF-8"`)
  if (status === 429) response.headers.set('retry-after', String(RETRY_AFTER_SECONDS))
  return response
}

/** One body for both kinds of client: those of the registry read `errors`, those of OAuth `error`. */
function answerError(status: number, code: OciErrorCode, error: string, message: string): Response {
  const errors: unknown = JSON.parse(errorBody({ status, code, message }))
  return answer(status, { ...(typeof errors === 'object' ? errors : {}), error, error_description: message })
}

const answer = (status: number, body: object): Response =>
  Response.json(body, { status, headers: { 'cache-control': 'no-store', pragma: 'no-cache' } })
