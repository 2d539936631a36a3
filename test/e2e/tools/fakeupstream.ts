/** An upstream that does what a test says, good or bad, and remembers what it was asked. */

import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'

/** Answers one request in whatever way. A request whose handler throws is cut off. */
export type Behaviour = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

export interface AskedRequest {
  readonly method: string
  readonly target: string
  readonly headers: IncomingHttpHeaders
}

export interface FakeUpstream {
  readonly url: string
  /** From now on, every request but `GET /v2/`, which is a registry's that wants no credential. */
  behave(behaviour: Behaviour): void
  /** What was asked since the last call, except for `GET /v2/`; from then on forgotten. */
  take(): readonly AskedRequest[]
  stop(): Promise<void>
}

export async function startFakeUpstream(): Promise<FakeUpstream> {
  let behaviour: Behaviour = (_, response) => void response.writeHead(404).end()
  let asked: AskedRequest[] = []
  const server = createServer({ keepAliveTimeout: 60_000 }, async (request, response) => {
    const { method = '', url: target = '', headers } = request
    response.on('error', () => undefined)
    if (target === '/v2/') return void response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    asked.push({ method, target, headers })
    try {
      await behaviour(request, response)
    } catch {
      response.destroy()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the fake upstream has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    behave: (wanted) => {
      behaviour = wanted
    },
    take: () => {
      const taken = asked
      asked = []
      return taken
    },
    stop: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
