/**
 * One HTTP request, sent as it is written: no path is normalised, no redirect followed, and repeated headers of the answer
 * stay apart. For questions that a client library would mend before anybody sees them.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'

/** A request of a probe, as it is written to the connection. */
export type Question = {
  readonly method: string
  /** Raw request target. */
  readonly target: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** What a gate answered to a {@link Question}. */
export type Answer = {
  readonly status: number
  /** By lower-case name, in the order in which they came. */
  readonly headers: ReadonlyMap<string, readonly string[]>
  /** At most {@link BODY_MAX_BYTES} of it. */
  readonly body: string
}

const TIMEOUT_MS = 20_000
const BODY_MAX_BYTES = 65_536

/** @throws Error of the network, or when the answer takes longer than 20 s */
export function ask(origin: URL, { method, target, headers = {}, body = '' }: Question): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = (origin.protocol === 'https:' ? httpsRequest : httpRequest)(
      origin,
      {
        method,
        path: target,
        headers: { 'user-agent': 'dockgate-probe', 'content-length': Buffer.byteLength(body), ...headers },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      },
      (response) => readAnswer(response).then(resolve, reject),
    )
    request.on('error', reject)
    request.end(body)
  })
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response) {
    bytes += chunk.length
    chunks.push(chunk)
    if (bytes > BODY_MAX_BYTES) break
  }
  const headers = new Map<string, string[]>()
  for (let index = 0; index + 1 < response.rawHeaders.length; index += 2) {
    const name = (response.rawHeaders[index] ?? '').toLowerCase()
    headers.set(name, [...(headers.get(name) ?? []), response.rawHeaders[index + 1] ?? ''])
  }
  return { status: response.statusCode ?? 0, headers, body: Buffer.concat(chunks).toString('utf8') }
}
