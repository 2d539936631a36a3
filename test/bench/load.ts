/**
 * The client that measures: raw keep-alive connections in a process of their own, one request at a time on each, so that
 * neither a client library nor the measured process stands between. Reads whole responses by `Content-Length`.
 *
 * Started by {@link startLoad} in `./client.ts`; speaks by messages.
 */
import { connect, type Socket } from 'node:net'
import { quantile } from './comparison.ts'

export type Order = {
  readonly port: number
  readonly connections: number
  /** Requests after which to stop, or milliseconds. */
  readonly requests?: number
  readonly milliseconds?: number
  readonly method: 'GET' | 'HEAD'
  readonly path: string
  /** Sent in turn, one after another, over all runs. */
  readonly tokens?: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
}

export type Result = {
  readonly requests: number
  readonly seconds: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
}

const END_OF_HEADERS = Buffer.from('\r\n\r\n')

let turn = 0
let tokens: readonly string[] = []

async function run(order: Order): Promise<Result> {
  if (order.tokens !== undefined) tokens = order.tokens
  const { method, path, port, requests = Infinity, milliseconds = Infinity, headers = {} } = order
  const lines = Object.entries({ host: 'registry.example.com', accept: '*/*', ...headers })
  const start = `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}`
  const prepared = tokens.map((token) => Buffer.from(`${start}authorization: Bearer ${token}\r\n\r\n`))
  const next = (): Buffer => prepared[turn++ % prepared.length] ?? Buffer.from(`${start}\r\n`)
  const latencies: number[] = []
  const began = performance.now()
  let left = requests
  const mayGoOn = () => left-- > 0 && performance.now() - began < milliseconds
  const sockets = await Promise.all(Array.from({ length: order.connections }, () => open(port)))
  await Promise.all(sockets.map((socket) => drive(socket, method === 'HEAD', next, mayGoOn, latencies)))
  const seconds = (performance.now() - began) / 1000
  for (const socket of sockets) socket.destroy()
  const sorted = Float64Array.from(latencies).sort()
  return { requests: latencies.length, seconds, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) }
}

const open = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket))
    socket.once('error', reject)
  })

function drive(
  socket: Socket,
  isHead: boolean,
  next: () => Buffer,
  mayGoOn: () => boolean,
  latencies: number[],
): Promise<void> {
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0)
    let sentAt = 0
    const send = () => {
      if (!mayGoOn()) return resolve()
      sentAt = performance.now()
      socket.write(next())
    }
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the connection was closed')))
    socket.on('data', (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
      const end = received.indexOf(END_OF_HEADERS)
      if (end < 0) return
      const head = received.toString('latin1', 0, end)
      if (!head.startsWith('HTTP/1.1 200 ')) return reject(new Error(`not the expected answer: ${head}`))
      const [, length] = /\r\ncontent-length: (\d+)/i.exec(head) ?? []
      if (length === undefined) return reject(new Error(`an answer without a length: ${head}`))
      if (received.length < end + 4 + (isHead ? 0 : Number(length))) return
      received = Buffer.alloc(0)
      latencies.push(performance.now() - sentAt)
      send()
    })
    send()
  })
}

process.on('message', (order: Order) => {
  run(order).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
  )
})
