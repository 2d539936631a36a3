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
import { type Access, formatScope } from '../../registry/scope.ts'
import { type Audit, requestId } from '../answers/audit.ts'
import {
  CREDENTIAL_ERRORS,
  type CredentialRefusal,
  type IdentifiedCaller,
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
import { clientIpOf } from '../platform/client-ip.ts'
import type { Env } from '../platform/env.ts'
import { Fault } from '../platform/fault.ts'
import { createRoutes, type Routes } from '../platform/routes.ts'
import type { CurrentPolicy } from '../store/policy-view.ts'
import { issueAccess, issueRefresh } from './issue.ts'
import { type Presented, type RequestError, readExchange, readForm, readQuery, type TokenRequest } from './request.ts'

type Bindings = { readonly Bindings: Env }

/** What the token service needs from the shell. */
export type TokenServicePorts = {
  readonly policy: CurrentPolicy
  readonly audit: Audit
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number
}

/**
 * The routes of the token service: `/token` and `/oauth2/token` (GET and POST), `POST /oauth2/exchange` and
 * `/.well-known/jwks.json`.
 */
export function createTokenService({ policy, audit, nowMs }: TokenServicePorts): Routes {
  const service = createRoutes()
  /** Answers, and leaves a record, also of a fault. */
  const serve =
    (operation: 'token' | 'exchange', respond: (request: Request, auth: AuthContext) => Promise<Outcome>) =>
    async ({ req, env, executionCtx }: Context<Bindings>): Promise<Response> => {
      const { raw: request } = req
      const startedMs = nowMs()
      const now = Math.floor(startedMs / 1000)
      const known: { auth?: AuthContext } = {}
      const record = (outcome: Omit<Outcome, 'response'>, status: number): void => {
        const { who, reason, scopes } = outcome
        audit({
          v: 2,
          time: new Date(startedMs).toISOString(),
          id: requestId(request.headers, env),
          principal: who?.name,
          as: who?.as,
          password: who?.password,
          operation,
          method: request.method,
          clientIp: clientIpOf(request.headers, env),
          scopes: scopes?.length === 0 ? undefined : scopes?.map(formatScope),
          decision: reason === undefined ? 'allow' : 'deny',
          reason,
          bundle: known.auth?.view.serial,
          status,
          ms: nowMs() - startedMs,
        })
      }
      try {
        const view = await policy(env, executionCtx, now)
        const auth = authContextOf(request, view, env, executionCtx, now)
        known.auth = auth
        const { response, ...outcome } = await respond(request, auth)
        record(outcome, response.status)
        return response
      } catch (error) {
        const reason = error instanceof Fault ? error.code : 'internal_error'
        record({ reason }, reason === 'internal_error' ? 500 : 503)
        throw error
      }
    }
  for (const path of ['/token', '/oauth2/token']) {
    service.get(
      path,
      serve('token', async (request, auth) => {
        const asked = readQuery(request, auth.view.common.service)
        return asked.ok ? answerToken(asked.value, auth, false) : answerMistake(asked.error)
      }),
    )
    service.post(
      path,
      serve('token', async (request, auth) => {
        const asked = await readForm(request, auth.view.common.service)
        return asked.ok ? answerToken(asked.value, auth, true) : answerMistake(asked.error)
      }),
    )
  }
  service.post(
    '/oauth2/exchange',
    serve('exchange', async (request, auth) => {
      const jwt = await readExchange(request, auth.view.common.service)
      return jwt.ok ? answerExchange(jwt.value, auth) : answerMistake(jwt.error)
    }),
  )
  service.get('/.well-known/jwks.json', async (context) => {
    const { published } = await tokenKeys(context.env)
    return Response.json(published, { headers: { 'cache-control': 'public, max-age=300' } })
  })
  return service
}

/** An answer, and what its record says of it. */
type Outcome = {
  readonly response: Response
  readonly who?: IdentifiedCaller
  /** Absent where a token was given. */
  readonly reason?: string
  /** Of the token that was given, or of the one that was asked for. */
  readonly scopes?: readonly Access[]
}

async function answerToken(asked: TokenRequest, auth: AuthContext, named: boolean): Promise<Outcome> {
  const verified = await verify(asked.presented, auth)
  if (isRefusal(verified)) return { ...answerRefusal(verified, auth), scopes: asked.scopes }
  const { token, granted, issuedAt, lifetimeSeconds } = await issueAccess(verified, asked.scopes, auth)
  const refresh = asked.offline ? await refreshFor(verified, asked.presented, auth) : undefined
  const response = answer(200, {
    token,
    access_token: token,
    expires_in: lifetimeSeconds,
    issued_at: formatTime(issuedAt),
    ...(named ? { token_type: 'Bearer', scope: granted.map(formatScope).join(' ') } : {}),
    ...(refresh === undefined ? {} : { refresh_token: refresh }),
  })
  return { response, who: verified.identified, scopes: granted }
}

/** A presented refresh token is returned as it is, so that its expiry does not move. */
async function refreshFor(verified: Verified, presented: Presented, auth: AuthContext): Promise<string | undefined> {
  return presented.kind === 'refresh' ? presented.token : issueRefresh(verified, auth)
}

async function answerExchange(jwt: string, auth: AuthContext): Promise<Outcome> {
  const verified = await authenticate({ kind: 'bearer', token: jwt }, auth, ['access'])
  if (isRefusal(verified)) return answerRefusal(verified, auth)
  const refresh = await issueRefresh(verified, auth)
  if (refresh === undefined) return answerRefusal({ code: 'credential_invalid' }, auth)
  return { response: answer(200, { refresh_token: refresh }), who: verified.identified }
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

function answerMistake({ status, error, message }: RequestError): Outcome {
  return { response: answerError(status, 'UNSUPPORTED', error, message), reason: error }
}

/** A 401 has one challenge (RFC 9110 section 15.5.2). Here it is Basic, because this endpoint accepts passwords. */
function answerRefusal({ code }: CredentialRefusal, { view }: AuthContext): Outcome {
  const { status, code: errorCode, message } = CREDENTIAL_ERRORS[code]
  const response = answerError(status, errorCode, status === 401 ? 'invalid_grant' : 'invalid_request', message)
  const realm = view.common.service.replaceAll(/["\\]/g, '')
  if (status === 401) response.headers.set('www-authenticate', `Basic realm="${realm}", charset="UTF-8"`)
  if (status === 429) response.headers.set('retry-after', String(RETRY_AFTER_SECONDS))
  return { response, reason: code }
}

/** One body for both kinds of clients: registry clients read `errors`, OAuth 2 clients read `error`. */
function answerError(status: number, code: OciErrorCode, error: string, message: string): Response {
  return answer(status, { ...errorDocument({ status, code, message }), error, error_description: message })
}

const answer = (status: number, body: object): Response =>
  Response.json(body, { status, headers: { 'cache-control': 'no-store', pragma: 'no-cache' } })
