/** A real HTTP issuer on a free port of this machine. What it answers can be changed at any time. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { onTestFinished } from 'vitest'
import { jwks, type SigningKey } from './issuer.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

export type HttpIssuer = {
  readonly url: string
  /** Paths asked for, in order. */
  readonly asked: string[]
  keys: readonly SigningKey[]
  /** Answers in place of the issuer, by path. */
  readonly instead: Map<string, Handler>
  /** Refuse connections, or take them again on the same port. */
  down(): Promise<void>
  up(): Promise<void>
}

export const DISCOVERY = '/.well-known/openid-configuration'
export const KEYS = '/keys'

export const sendJson = (response: ServerResponse, value: unknown, status = 200): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

/** Closed when the test ends. */
export async function startIssuer(...keys: readonly SigningKey[]): Promise<HttpIssuer> {
  const asked: string[] = []
  const instead = new Map<string, Handler>()
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    asked.push(path)
    const handler = instead.get(path)
    if (handler !== undefined) handler(request, response)
    else if (path === DISCOVERY) sendJson(response, { issuer: issuer.url, jwks_uri: `${issuer.url}${KEYS}` })
    else if (path === KEYS) sendJson(response, jwks(...issuer.keys))
    else response.writeHead(404).end()
  })
  const listen = (port: number) =>
    new Promise<number>((resolve) =>
      server.listen(port, '127.0.0.1', () => {
        const address = server.address()
        resolve(typeof address === 'object' && address !== null ? address.port : 0)
      }),
    )
  const port = await listen(0)
  const down = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  const issuer: HttpIssuer = {
    url: `http://127.0.0.1:${port}`,
    asked,
    keys,
    instead,
    down,
    up: async () => void (await listen(port)),
  }
  onTestFinished(async () => void (server.listening && (await down())))
  return issuer
}
