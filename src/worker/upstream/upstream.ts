/**
 * The registry behind the gate: where it is, what it wants as a credential, and how one request is sent there. A client's
 * credential never goes there, a redirect is never followed, and what fails is a fault with a code.
 */
import type { RegistryRequest } from '../../registry/request.ts'
import type { HeaderRecord } from '../answers/headers.ts'
import { Fault } from '../platform/fault.ts'
import { readText } from '../platform/read-text.ts'
import { TIMED_OUT, within } from '../platform/timeout.ts'
import type { Authentication } from './authentication.ts'

export type Upstream = {
  /** Which entry of the table it is: no two have the same, also where they have one URL. Stable while the table is. */
  readonly id: string
  /** Scheme and authority, e.g. `https://registry.example.com`. */
  readonly origin: string
  /** What stands before `/v2/` there, without a trailing slash; mostly empty. */
  readonly basePath: string
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
  readonly authorizationFor: Authentication['authorizationFor']
  /** Absent where nothing can be learned from a 401. */
  readonly refused?: Authentication['refused']
  /** The request as the upstream names its repositories; absent where they have the gate's names. */
  readonly named?: (request: RegistryRequest) => RegistryRequest
  readonly timeoutMs: number
}

/** One request, ready to be sent. */
export type Outgoing = {
  /** Absolute. */
  readonly url: string
  readonly headers: Readonly<HeaderRecord>
  readonly body?: BodyInit | null
  /** Of the body; absent when it is not known before its end. */
  readonly bodyBytes?: number
  /** On another host than the upstream's own: its credential stays at home. */
  readonly foreign?: boolean
}

/** A client that uploads more slowly than this is not waited for: 16 KiB/s. */
const SLOWEST_BYTES_PER_MS = 16

/**
 * Send a request and wait for the answer to begin. Throws `upstream_unreachable`, `upstream_timeout`, or
 * `upstream_unauthorized` when the upstream refuses the gate's own credential.
 *
 * What can be sent again is, once, when the upstream's 401 says how to do better. The time limit grows with a body of known
 * length; with one of unknown length only the platform's own limits hold, since the answer cannot begin before the client
 * has sent all of it.
 */
export async function send(upstream: Upstream, request: RegistryRequest, outgoing: Outgoing): Promise<Response> {
  const { body = null, foreign = false } = outgoing
  if (foreign) return accepted(await attempt(upstream, request, outgoing, undefined), request)
  const asked = upstream.named?.(request) ?? request
  const isOnce = body !== null && typeof body !== 'string'
  const known = upstream.authorizationFor(asked, isOnce)
  const authorization = known instanceof Promise ? await known : known
  const answer = await attempt(upstream, request, outgoing, authorization)
  if (answer.status !== 401) return accepted(answer, request)
  const isBetter = upstream.refused?.(asked, answer.headers.get('www-authenticate'), authorization) ?? false
  if (isOnce || !isBetter) return accepted(answer, request)
  await discard(answer)
  const better = await upstream.authorizationFor(asked, isOnce)
  return accepted(await attempt(upstream, request, outgoing, better), request)
}

async function attempt(
  upstream: Upstream,
  request: RegistryRequest,
  outgoing: Outgoing,
  authorization: string | undefined,
): Promise<Response> {
  const { url, headers, body = null, bodyBytes } = outgoing
  const init: RequestInit = {
    method: request.method,
    headers: authorization === undefined ? headers : { ...headers, authorization },
    redirect: 'manual',
    cache: 'no-store',
  }
  // Without a body that keeps coming, the platform ends the fetch together with the request that asked for it: there is
  // nothing to abort, and a controller would cost every pull more than its decision.
  const connection = body === null ? undefined : new AbortController()
  const timeoutMs = upstream.timeoutMs + (body === null ? 0 : (bodyBytes ?? Infinity) / SLOWEST_BYTES_PER_MS)
  try {
    const asking = upstream.fetch(url, connection === undefined ? init : { ...init, body, signal: connection.signal })
    const answer = await within(timeoutMs, asking)
    if (answer === TIMED_OUT) {
      connection?.abort()
      throw new Fault('upstream_timeout', 'the registry did not begin to answer within UPSTREAM_TIMEOUT_SECONDS')
    }
    return connection === undefined || answer.status < 400 ? answer : await detached(answer, connection)
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault(
      'upstream_unreachable',
      'the registry cannot be reached: look whether it runs and UPSTREAM is right',
      { cause },
    )
  }
}

function accepted(answer: Response, request: RegistryRequest): Response | Promise<Response> {
  return answer.status === 401 || answer.status === 407 ? unauthorized(answer, request) : answer
}

async function unauthorized(answer: Response, request: RegistryRequest): Promise<Response> {
  await discard(answer)
  const what = `${request.operation}${'name' in request && request.name !== undefined ? ` on ${request.name}` : ''}`
  throw new Fault(
    'upstream_unauthorized',
    `the registry does not accept the gate's own credential for ${what}: check it, and that its account may do that there`,
  )
}

/** The longest error that is read of the upstream, in bytes. */
const ERROR_MAX_BYTES = 65_536

/**
 * A refusal that may have come before the request's body had ended. The client sends no more of it then, so the connection
 * to the upstream would wait for the rest for ever, and with it the next request on it: it is given up.
 */
async function detached(answer: Response, connection: AbortController): Promise<Response> {
  const text = await readText(answer.body, ERROR_MAX_BYTES)
  connection.abort()
  const headers = new Headers(answer.headers)
  for (const name of ['content-encoding', 'content-length']) headers.delete(name)
  return new Response(text, { status: answer.status, statusText: answer.statusText, headers })
}

/** Let go of a body that nobody will read. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => undefined)
}
