/**
 * The registry behind the gate: where it is, what it wants as a credential, and how one request is sent there. A client's
 * credential never goes there, a redirect is never followed, and what fails is a fault with a code.
 */

import { isRecord } from '../../base/json.ts'
import { isJson, parseMediaType } from '../../registry/media-type.ts'
import type { RegistryRequest } from '../../registry/request.ts'
import { type HeaderRecord, reachesClient } from '../answers/headers.ts'
import { Fault } from '../platform/fault.ts'
import { upstreamSeconds } from '../platform/metrics.ts'
import { readText } from '../platform/read-text.ts'
import { TIMED_OUT, within } from '../platform/timeout.ts'
import type { Authentication } from './authentication.ts'
import { echoes, repeats } from './echo.ts'

/** A registry behind the gate. */
export type Upstream = {
  /** Which entry of the table it is: no two have the same, also where they have one URL. Stable while the table is. */
  readonly id: string
  /** Scheme and authority, e.g. `https://registry.example.com`. */
  readonly origin: string
  /** The path before `/v2/` there, without a trailing slash; mostly empty. */
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
  readonly body?: RequestInit['body']
  /** Of the body; absent when it is not known before its end. */
  readonly bodyBytes?: number
  /** On another host than the upstream's own, which does not get the credential of the upstream. */
  readonly isElsewhere?: boolean
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
  const { body = null, isElsewhere = false } = outgoing
  if (isElsewhere) return accepted(await attempt(upstream, request, outgoing, undefined), request)
  const asked = upstream.named?.(request) ?? request
  const isOnce = body !== null && typeof body !== 'string'
  // An await of a plain value costs a turn of the microtask queue. test/worker/hot-path.test.ts counts the turns.
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
    const askedMs = Date.now()
    const answer = await within(timeoutMs, asking)
    upstreamSeconds.observe((Date.now() - askedMs) / 1000)
    if (answer === TIMED_OUT) {
      connection?.abort()
      throw new Fault('upstream_timeout', 'the registry did not begin to answer within UPSTREAM_TIMEOUT_SECONDS')
    }
    if (answer.status < 300) {
      if (authorization !== undefined) refuseWholeEchoIn(answer.headers, authorization)
      return answer
    }
    if (authorization !== undefined) refuseEchoIn(answer.headers, authorization)
    return answer.status < 400 ? answer : await readError(answer, request, connection, authorization)
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
 * An error with the body that a client may see: the registry's own list of errors as JSON, which repeats nothing of the
 * gate's credential. Any other body is left out, and its type with it.
 *
 * An error may have come before the request's body had ended. The client sends no more of it then, so the connection to the
 * upstream would wait for the rest for ever, and with it the next request on it: it is given up.
 */
async function readError(
  answer: Response,
  request: RegistryRequest,
  connection: AbortController | undefined,
  authorization: string | undefined,
): Promise<Response> {
  if (request.method === 'HEAD') return answer
  const { status, statusText } = answer
  const headers = new Headers(answer.headers)
  const type = parseMediaType(headers.get('content-type') ?? '')
  const isReadable = status < 500 && status !== 401 && type !== undefined && isJson(type)
  const text = isReadable ? await readText(answer.body, ERROR_MAX_BYTES) : undefined
  if (connection === undefined) await discard(answer)
  else connection.abort()
  for (const name of ['content-encoding', 'content-length']) headers.delete(name)
  const parts = text === undefined ? undefined : partsOfErrors(text)
  const isFit = parts !== undefined && (authorization === undefined || !echoes(parts, authorization))
  if (!isFit) headers.delete('content-type')
  return new Response(isFit ? text : null, { status, statusText, headers })
}

/** Every name and text in a list of errors (OCI distribution-spec 1.1, "Error Codes"), and the list itself as it was sent. */
function partsOfErrors(text: string): readonly string[] | undefined {
  const parts = [text]
  try {
    const value: unknown = JSON.parse(text, (key, item: unknown) => {
      parts.push(key)
      if (typeof item === 'string') parts.push(item)
      return item
    })
    return isRecord(value) && Array.isArray(value.errors) ? parts : undefined
  } catch {
    return undefined
  }
}

/** Throws `upstream_invalid` for a header, of those that clients may see, which repeats the gate's credential. */
function refuseEchoIn(headers: Headers, authorization: string): void {
  const shown: string[] = []
  headers.forEach((value, name) => {
    if (reachesClient(name)) shown.push(value)
  })
  if (echoes(shown, authorization)) throw echoed()
}

/** Headers of an answer without an error that a registry fills as it likes. */
const FREE_HEADERS = ['etag', 'docker-upload-uuid', 'warning'] as const

/** As {@link refuseEchoIn}, for the hot path: headers that hold free text, and the credential as a whole. */
function refuseWholeEchoIn(headers: Headers, authorization: string): void {
  for (const name of FREE_HEADERS) {
    const value = headers.get(name)
    if (value !== null && repeats(value, authorization)) throw echoed()
  }
}

const echoed = (): Fault =>
  new Fault('upstream_invalid', "the registry repeats the gate's own credential in the headers of its answer")

/** Let go of a body that nobody will read. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => undefined)
}
