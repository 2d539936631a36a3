/** One request of a client of the soak, and what came back. Paths are sent as they are; connections are kept. */
import { Agent, request } from 'node:http'

export type Asked = {
  readonly method: string
  readonly path: string
  readonly authorization?: string
  readonly body?: string
}

export type Got = {
  /** 0 when the connection broke. */
  readonly status: number
  readonly location: string
  readonly body: string
  /** By which the registry knows the request. */
  readonly id: string
  /** Milliseconds, as of `performance.now()`. */
  readonly from: number
  readonly to: number
}

const agent = new Agent({ keepAlive: true, maxSockets: 200 })
let next = 0

export function ask(origin: string, { method, path, authorization, body = '' }: Asked): Promise<Got> {
  const id = `soak-${++next}`
  const from = performance.now()
  const headers = {
    'user-agent': id,
    'content-length': Buffer.byteLength(body),
    ...(authorization === undefined ? {} : { authorization }),
  }
  return new Promise((resolve) => {
    const done = (status: number, location = '', text = '') =>
      resolve({ status, location, body: text, id, from, to: performance.now() })
    const sent = request(origin, { agent, method, path, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', () => done(0))
      response.on('end', () =>
        done(response.statusCode ?? 0, response.headers.location, Buffer.concat(chunks).toString('utf8')),
      )
    })
    sent.on('error', () => done(0))
    sent.end(body)
  })
}

export const closeClients = (): void => agent.destroy()
