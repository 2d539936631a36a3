/** Requests byte for byte, as no client library would send them, and a server that records what reaches it. */

import { createServer } from 'node:http'
import { connect } from 'node:net'

export interface RawAnswer {
  /** 0 when the connection closed without an answer. */
  readonly status: number
  readonly head: string
  readonly body: string
}

const TIMEOUT_MS = 60_000

/**
 * Send `head` lines (request line first) and an optional body on a connection of its own.
 *
 * @param named the `Host` header; by default that of `url`
 */
export function sendRaw(
  url: string,
  head: readonly string[],
  body: Uint8Array = new Uint8Array(),
  named: string = new URL(url).host,
): Promise<RawAnswer> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname)
    const chunks: Buffer[] = []
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`no answer to ${head[0]?.slice(0, 200)}`)))
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', (error) => (isReset(error) ? finish() : reject(error)))
    socket.on('close', finish)
    socket.write(`${head.join('\r\n')}\r\nHost: ${named}\r\nConnection: close\r\n\r\n`)
    socket.write(body)
    function finish(): void {
      const text = Buffer.concat(chunks).toString('utf8')
      const end = text.indexOf('\r\n\r\n')
      resolve({
        status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0),
        head: text.slice(0, Math.max(end, 0)),
        body: text.slice(end + 4),
      })
    }
  })
}

const isReset = (error: Error): boolean => 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE')

export interface Recorder {
  readonly url: string
  /** Method and target of each request since the last call, oldest first; from then on forgotten. */
  take(): readonly string[]
  close(): Promise<void>
}

/** A server that answers everything with 200 and an empty object, and remembers what it was asked. */
export async function startRecorder(): Promise<Recorder> {
  let seen: string[] = []
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`)
    request.resume()
    response.writeHead(200, { 'content-type': 'application/json', location: request.url ?? '/' })
    response.end('{}')
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    take: () => {
      const taken = seen
      seen = []
      return taken
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
