/**
 * The registry behind the gate: where it is, what it wants as a credential, and how one request is sent there. A client's
 * credential never goes there, a redirect is never followed, and what fails is a fault with a code.
 */
import type { RegistryRequest } from '../registry/request.ts'
import type { Env } from './env.ts'
import { Fault } from './fault.ts'
import { httpUrl, isSet, perIsolate, settingsOf } from './settings.ts'

export type Upstream = {
  /** Scheme and authority, e.g. `https://registry.example.com`. */
  readonly origin: string
  /** What stands before `/v2/` there, without a trailing slash; mostly empty. */
  readonly basePath: string
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
  /** The `Authorization` value for one request. A promise only when it has to be asked for. */
  readonly authorizationFor: AuthorizationFor
  readonly timeoutMs: number
}

export type AuthorizationFor = (request: RegistryRequest) => string | undefined | Promise<string | undefined>

/** The upstream of a request. */
export type UpstreamFor = (env: Env, request: RegistryRequest) => Upstream

/** One request, ready to be sent. */
export type Outgoing = {
  /** Absolute. */
  readonly url: string
  readonly headers: Headers
  readonly body?: BodyInit | null
  /** Of the body; absent when it is not known before its end. */
  readonly bodyBytes?: number
  /** On another host than the upstream's own: its credential stays at home. */
  readonly foreign?: boolean
}

/** A client that uploads more slowly than this is not waited for: 16 KiB/s. */
const SLOWEST_BYTES_PER_MS = 16

const single: (env: Env) => Upstream = perIsolate((env) => {
  const registry = env.REGISTRY
  if (registry === undefined && !isSet(env.UPSTREAM)) {
    throw new Fault('settings_invalid', 'UPSTREAM is missing: set it to the URL of the registry behind the gate')
  }
  const url = httpUrl('UPSTREAM', isSet(env.UPSTREAM) ? env.UPSTREAM : 'https://registry')
  const authorization = staticAuthorization(env)
  return {
    origin: url.origin,
    basePath: url.pathname.replace(/\/+$/, ''),
    fetch: registry === undefined ? (to, init) => fetch(to, init) : (to, init) => registry.fetch(to, init),
    authorizationFor: () => authorization,
    timeoutMs: settingsOf(env).upstreamTimeoutMs,
  }
})

/** The one upstream of `UPSTREAM` or `REGISTRY`. Throws the fault `settings_invalid`. */
export const upstreamFor: UpstreamFor = (env) => single(env)

/** None, `UPSTREAM_AUTHORIZATION` as it is, or user name and password as Basic. */
function staticAuthorization(env: Env): string | undefined {
  if (isSet(env.UPSTREAM_AUTHORIZATION)) return env.UPSTREAM_AUTHORIZATION
  if (!isSet(env.UPSTREAM_USERNAME) && !isSet(env.UPSTREAM_PASSWORD)) return undefined
  const pair = new TextEncoder().encode(`${env.UPSTREAM_USERNAME ?? ''}:${env.UPSTREAM_PASSWORD ?? ''}`)
  return `Basic ${btoa(String.fromCharCode(...pair))}`
}

/**
 * Send a request and wait for the answer to begin. Throws `upstream_unreachable`, `upstream_timeout`, or
 * `upstream_unauthorized` when the upstream refuses the gate's own credential.
 *
 * The time limit grows with a body of known length; with one of unknown length only the platform's own limits hold, since
 * the answer cannot begin before the client has sent all of it.
 */
export async function send(upstream: Upstream, request: RegistryRequest, outgoing: Outgoing): Promise<Response> {
  const { url, headers, body = null, bodyBytes, foreign = false } = outgoing
  const credential = foreign ? undefined : upstream.authorizationFor(request)
  const authorization = credential instanceof Promise ? await credential : credential
  if (authorization !== undefined) headers.set('authorization', authorization)
  const patienceMs = upstream.timeoutMs + (body === null ? 0 : (bodyBytes ?? Infinity) / SLOWEST_BYTES_PER_MS)
  const deadline = new AbortController()
  const timer = patienceMs < Infinity ? setTimeout(() => deadline.abort(), patienceMs) : undefined
  let response: Response
  try {
    response = await upstream.fetch(url, {
      method: request.method,
      headers,
      body,
      redirect: 'manual',
      cache: 'no-store',
      signal: deadline.signal,
    })
  } catch (cause) {
    throw deadline.signal.aborted
      ? new Fault('upstream_timeout', 'the registry did not begin to answer within UPSTREAM_TIMEOUT_SECONDS', { cause })
      : new Fault(
          'upstream_unreachable',
          'the registry cannot be reached: look whether it runs and UPSTREAM is right',
          {
            cause,
          },
        )
  } finally {
    if (timer !== undefined) clearTimeout(timer)
  }
  if (response.status === 401 || response.status === 407) {
    await discard(response)
    throw new Fault(
      'upstream_unauthorized',
      'the registry does not accept the gate: check the credentials for the upstream',
    )
  }
  return response
}

/** Let go of a body that nobody will read. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => undefined)
}
