/**
 * Parses token requests: GET with a query, or POST with a form. Ambiguous requests are refused: each parameter has one
 * value, and a request has one kind of credential. Nothing is verified here.
 *
 * Sources: distribution `docs/content/spec/auth/token.md` and `oauth.md`; RFC 6749 sections 2.3 and 3.2; Azure/acr
 * `docs/AAD-OAuth.md`.
 */

import { err, ok, type Result } from '../../base/result.ts'
import { hasControlCharacter, parseAuthorization } from '../../identity/authorization.ts'
import { MINTED_MAX_LENGTH } from '../../identity/compact-jws.ts'
import { type Access, parseScopes, SCOPE_MAX_LENGTH } from '../../registry/scope.ts'
import { readText } from '../platform/read-text.ts'

/** The credential of a token request, not verified yet. */
export type Presented =
  | { readonly kind: 'none' }
  /** The `Authorization` header, unchanged. */
  | { readonly kind: 'header'; readonly header: string }
  | { readonly kind: 'password'; readonly user: string; readonly password: string }
  | { readonly kind: 'refresh'; readonly token: string }

/** A parsed request for an access token. */
export type TokenRequest = {
  readonly presented: Presented
  readonly scopes: readonly Access[]
  /** Whether the client also asks for a refresh token. */
  readonly offline: boolean
}

/** A mistake in the request itself: an error code of RFC 6749 section 5.2, and a message for the caller. */
export type RequestError = {
  readonly status: 400 | 413 | 415
  readonly error: 'invalid_request' | 'unsupported_grant_type'
  readonly message: string
}

const FORM_MAX_BYTES = 65_536

const invalid = (message: string, status: RequestError['status'] = 400): RequestError => ({
  status,
  error: 'invalid_request',
  message,
})

/**
 * Parses `GET /token`: the credential is in the header, the rest in the query.
 *
 * @param service the only service for which tokens are issued here
 */
export function readQuery(request: Request, service: string): Result<TokenRequest, RequestError> {
  const query = new URL(request.url).searchParams
  const problem = serviceProblem(query, service)
  if (problem !== undefined) return err(problem)
  const presented = readHeader(request)
  if (!presented.ok) return presented
  const scopes = readScopes(query)
  if (!scopes.ok) return scopes
  const offline = query.get('offline_token') === 'true' || query.get('access_type') === 'offline'
  return ok({ presented: presented.value, scopes: scopes.value, offline })
}

/**
 * Parses `POST /token`: the credential is in the form or in the header, never in both.
 *
 * @param service the only service for which tokens are issued here
 */
export async function readForm(request: Request, service: string): Promise<Result<TokenRequest, RequestError>> {
  const form = await readParameters(request)
  if (!form.ok) return form
  const problem = serviceProblem(form.value, service)
  if (problem !== undefined) return err(problem)
  const header = readHeader(request)
  if (!header.ok) return header
  const shown = readGrant(form.value)
  if (!shown.ok) return shown
  const scopes = readScopes(form.value)
  if (!scopes.ok) return scopes
  if (header.value.kind !== 'none' && shown.value.kind !== 'none') {
    return err(invalid('credentials are in the form and in the Authorization header: send one of them'))
  }
  return ok({
    presented: header.value.kind === 'none' ? shown.value : header.value,
    scopes: scopes.value,
    offline: form.value.get('access_type') === 'offline' || form.value.get('offline_token') === 'true',
  })
}

/**
 * Parses `POST /oauth2/exchange`. Returns the JWT to exchange.
 *
 * @param service the only service for which tokens are issued here
 */
export async function readExchange(request: Request, service: string): Promise<Result<string, RequestError>> {
  const form = await readParameters(request)
  if (!form.ok) return form
  const problem = serviceProblem(form.value, service)
  if (problem !== undefined) return err(problem)
  const grant = form.value.get('grant_type')
  if (grant !== 'access_token') return err(unsupportedGrant('access_token'))
  const token = form.value.get('access_token') ?? ''
  return token === '' ? err(invalid('the form has no access_token: put the JWT of your issuer there')) : ok(token)
}

function readHeader(request: Request): Result<Presented, RequestError> {
  const header = request.headers.get('authorization')
  if (header === null) return ok({ kind: 'none' })
  const credential = parseAuthorization(header)
  // A scheme that is not ours is answered with a challenge, like every other credential that does not count.
  if (credential.ok || credential.error === 'credential_unsupported') return ok({ kind: 'header', header })
  return err(invalid('the Authorization header is not one Basic or Bearer credential'))
}

function readGrant(form: URLSearchParams): Result<Presented, RequestError> {
  switch (form.get('grant_type') ?? 'password') {
    case 'password': {
      const user = form.get('username') ?? ''
      const password = form.get('password') ?? ''
      if (user === '' && password === '') return ok({ kind: 'none' })
      if (hasControlCharacter(user) || hasControlCharacter(password) || password.length > MINTED_MAX_LENGTH) {
        return err(invalid('the user name or the password has control characters, or is too long'))
      }
      return ok({ kind: 'password', user, password })
    }
    case 'refresh_token': {
      const token = form.get('refresh_token') ?? ''
      return token === '' ? err(invalid('the form has no refresh_token')) : ok({ kind: 'refresh', token })
    }
    default:
      return err(unsupportedGrant('password or refresh_token'))
  }
}

const unsupportedGrant = (known: string): RequestError => ({
  status: 400,
  error: 'unsupported_grant_type',
  message: `the grant_type is not supported: send ${known}`,
})

/** Parameters that may occur more than once. */
const REPEATABLE = new Set(['scope'])

async function readParameters(request: Request): Promise<Result<URLSearchParams, RequestError>> {
  const type = request.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/x-www-form-urlencoded') {
    return err(invalid('the body is not a form: send application/x-www-form-urlencoded', 415))
  }
  const text = await readText(request.body, FORM_MAX_BYTES)
  if (text === undefined) return err(invalid(`the form is larger than ${FORM_MAX_BYTES} bytes, or is not UTF-8`, 413))
  const form = new URLSearchParams(text)
  for (const name of new Set(form.keys())) {
    if (!REPEATABLE.has(name) && form.getAll(name).length > 1) return err(invalid('a parameter occurs twice'))
  }
  return ok(form)
}

function serviceProblem(parameters: URLSearchParams, service: string): RequestError | undefined {
  if (parameters.getAll('service').every((value) => value === service)) return undefined
  return invalid(`the service is not the one that issues tokens here: ask for ${service}`)
}

function readScopes(parameters: URLSearchParams): Result<readonly Access[], RequestError> {
  const texts = parameters.getAll('scope')
  if (texts.join(' ').length > SCOPE_MAX_LENGTH) {
    return err(invalid(`the scopes are longer than ${SCOPE_MAX_LENGTH} characters: ask for fewer at a time`))
  }
  return ok(parseScopes(texts))
}
