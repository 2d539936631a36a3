/**
 * The development registry: a whole OCI distribution-spec 1.1 registry on one folder, so that `dockgate dev` has
 * something to guard. It is not for production (nothing is flushed to disk, nothing is replicated, nobody is asked who
 * they are) and never part of the Worker.
 */
import { timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { answerBlob } from './blobs.ts'
import type { Exchange } from './exchange.ts'
import { answerCatalog, answerReferrers, answerTags } from './lists.ts'
import { answerManifest } from './manifests.ts'
import { json, methodNotAllowed, type Reply, refuse, send } from './reply.ts'
import { parseRoute } from './route.ts'
import { Store } from './store.ts'
import { answerUpload, answerUploads } from './uploading.ts'
import { Uploads } from './uploads.ts'

/** Options of the development registry. */
export interface RegistryOptions {
  /** Holds everything; created when missing. Only one registry at a time may use it. */
  readonly directory: string
  /** Default `127.0.0.1`. */
  readonly host?: string
  /** Default 0: any free port. */
  readonly port?: number
  /** The one `Authorization` header value that is accepted. Absent: every request is. */
  readonly authorization?: string
  /** Called once for every request, when its answer is complete or its connection broke. */
  readonly onRequest?: (record: RequestRecord) => void
  /** Called with the error behind every answer 500. */
  readonly onFault?: (error: unknown) => void
}

/** What the registry saw of one request. */
export interface RequestRecord {
  readonly method: string
  /** The request target as received. */
  readonly url: string
  readonly status: number
}

/** A running development registry. */
export interface Registry {
  /** Without a trailing slash. */
  readonly url: string
  readonly port: number
  /** Stop at once: what is under way is cut off. Uploads can be resumed from the same folder. */
  close(): Promise<void>
}

/** Start a registry. Rejects if the folder or the port cannot be used. */
export async function startRegistry(options: RegistryOptions): Promise<Registry> {
  const { directory, host = '127.0.0.1', port = 0, authorization, onRequest, onFault = () => {} } = options
  const store = await Store.open(directory)
  const uploads = new Uploads(directory)
  // A layer may take longer than Node's five minutes per request, and a gate keeps its connections.
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 75_000 }, async (request, response) => {
    response.once('close', () => {
      onRequest?.({ method: request.method ?? '', url: request.url ?? '', status: response.statusCode })
    })
    try {
      const reply = isAuthorized(request, authorization)
        ? await answer(request, store, uploads)
        : unauthorized(authorization)
      await send(request, response, reply)
    } catch (error) {
      if (request.destroyed && !request.complete) return
      if (response.destroyed) return
      onFault(error)
      if (response.headersSent) response.destroy()
      else await send(request, response, refuse(500, 'UNKNOWN', 'the development registry failed, see its log'))
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  const address = server.address()
  const bound = isAddressInfo(address) ? address.port : port
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    port: bound,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)))
        server.closeAllConnections()
      }),
  }
}

async function answer(request: IncomingMessage, store: Store, uploads: Uploads): Promise<Reply> {
  const [path = '', query = ''] = splitTarget(request.url ?? '')
  const exchange: Exchange = { request, query: new URLSearchParams(query), store, uploads }
  const parsed = parseRoute(path)
  if (!parsed.ok) return parsed.error
  const route = parsed.value
  switch (route.kind) {
    case 'ping':
      return ['GET', 'HEAD'].includes(request.method ?? '') ? json(200, {}) : methodNotAllowed(['GET', 'HEAD'])
    case 'catalog':
      return answerCatalog(exchange)
    case 'tags':
      return answerTags(exchange, route.name)
    case 'referrers':
      return answerReferrers(exchange, route.name, route.reference)
    case 'manifests':
      return answerManifest(exchange, route.name, route.reference)
    case 'blobs':
      return answerBlob(exchange, route.name, route.reference)
    case 'uploads':
      return answerUploads(exchange, route.name)
    case 'upload':
      return answerUpload(exchange, route.name, route.reference)
  }
}

function splitTarget(target: string): [path: string, query: string] {
  const mark = target.indexOf('?')
  return mark < 0 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)]
}

/** Exactly the one value, once: `headers` would hide a second `Authorization`, `headersDistinct` keeps both. */
function isAuthorized(request: IncomingMessage, authorization: string | undefined): boolean {
  if (authorization === undefined) return true
  const values = request.headersDistinct.authorization ?? []
  const [given, expected] = [Buffer.from(values.join('\n')), Buffer.from(authorization)]
  return given.length === expected.length && timingSafeEqual(given, expected)
}

function unauthorized(authorization = ''): Reply {
  const scheme = /^Bearer /i.test(authorization) ? 'Bearer' : 'Basic'
  return refuse(401, 'UNAUTHORIZED', 'authentication required', undefined, {
    'WWW-Authenticate': `${scheme} realm="development registry"`,
  })
}

const isAddressInfo = (address: AddressInfo | string | null): address is AddressInfo =>
  typeof address === 'object' && address !== null
