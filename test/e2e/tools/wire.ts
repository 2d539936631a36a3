/**
 * One HTTP exchange as it goes over the wire: nothing is decoded, followed or asked again, and a body may be a stream that
 * is longer than memory. Every exchange has a connection of its own.
 */

import { type IncomingMessage, request as open } from 'node:http'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'

export interface Question {
  /** Default `GET`. */
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** A stream is sent chunked, unless the headers say how long it is. */
  readonly body?: Uint8Array | string | Readable
}

export interface Answer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
  /** The body as JSON. Throws when it is none. */
  json(): unknown
}

/** `Authorization` of a person with a password. */
export const basic = (name: string, password: string): string =>
  `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`

/** Ask, and read the whole answer. Rejects when the connection breaks before the answer's end. */
export async function ask(url: string, question: Question = {}): Promise<Answer> {
  const message = await begin(url, question)
  const body = await buffer(message)
  return {
    status: message.statusCode ?? 0,
    headers: message.headers,
    body,
    json: () => JSON.parse(body.toString('utf8')),
  }
}

/**
 * Ask, and hand out the answer once its head is there; the caller reads or destroys it. With `Expect: 100-continue` the body
 * waits for its invitation. An answer may come before a body has ended, which then is broken off when the answer was read.
 */
export function begin(url: string, { method = 'GET', headers = {}, body }: Question): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const length =
      body instanceof Readable || (body === undefined && (method === 'GET' || method === 'HEAD'))
        ? {}
        : { 'content-length': String(Buffer.byteLength(body ?? '')) }
    const request = open(url, { method, headers: { ...length, ...headers }, agent: false })
    const send = () => (body instanceof Readable ? body.pipe(request) : request.end(body))
    request.on('error', reject)
    request.on('response', (response) => {
      response.on('close', () => request.destroy())
      resolve(response)
    })
    if (headers.expect === undefined) send()
    else request.on('continue', send).flushHeaders()
  })
}

/** A client that sends these bytes, of more that it promised, and then neither goes on nor leaves. */
export const stalling = (part: Uint8Array): Readable => {
  const body = new Readable({ read: () => undefined })
  body.push(part)
  return body
}

/** A client that hears the answer's status in the middle of its body, and neither goes on nor leaves until it is told to. */
export function linger(
  url: string,
  { method = 'PATCH', headers = {} }: Question,
  part: Uint8Array,
): Promise<{ readonly status: number; leave(): void }> {
  const { hostname, port, host, pathname } = new URL(url)
  const lines = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
    socket.on('error', reject)
    socket.once('data', (head) => {
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head.toString('latin1'))?.[1])
      resolve({ status, leave: () => socket.destroy() })
    })
    socket.write(`${method} ${pathname} HTTP/1.1\r\n${lines.join('')}\r\n`)
    socket.write(part)
  })
}

/** A client that sends these bytes, of more that it promised, and then leaves. */
export function breakOff(url: string, { method = 'PATCH', headers = {} }: Question, part: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const request = open(url, { method, headers, agent: false })
    request.on('error', () => undefined)
    request.on('close', resolve)
    // Written is what the kernel took: give it the time to arrive.
    request.write(part, () => setTimeout(() => request.destroy(), 100))
  })
}
