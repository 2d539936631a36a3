/**
 * As much of Cloudflare's API as wrangler needs to deploy a gate, on this machine: records what is made, and serves the
 * uploaded Worker at the root of the same address, with the KV values, variables and secrets that it was given.
 */
import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare'
import { COMPATIBILITY_DATE, COMPATIBILITY_FLAGS } from '../../../src/cli/project/worker-settings.ts'

export type Cloudflare = {
  readonly url: string
  /** `METHOD /path`, of every call that changes something, in order. */
  readonly changes: string[]
  /** Titles by id. */
  readonly namespaces: Map<string, string>
  readonly values: Map<string, string>
  readonly secrets: Map<string, string>
  /** The script as it was uploaded, and its settings. */
  worker?: { readonly script: string; readonly metadata: Metadata }
  /** Calls, as in `changes`, the next of which fails. */
  readonly broken: RegExp[]
  close(): Promise<void>
}

type Metadata = {
  readonly main_module: string
  readonly bindings: readonly { readonly type: string; readonly name: string; readonly text?: string }[]
}

const ACCOUNT = '/client/v4/accounts/account/'

export async function startCloudflare(): Promise<Cloudflare> {
  let gate: { readonly miniflare: Miniflare; readonly address: URL } | undefined
  const server = createServer((request, response) => {
    const answered = request.url?.startsWith('/client/v4/') === true ? api(request, response) : serve(request, response)
    answered.catch((cause: unknown) => response.writeHead(500).end(String(cause)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const cloudflare: Cloudflare = {
    url: `http://127.0.0.1:${port}`,
    changes: [],
    namespaces: new Map(),
    values: new Map(),
    secrets: new Map(),
    broken: [],
    async close() {
      server.closeAllConnections()
      server.close()
      await gate?.miniflare.dispose()
    },
  }

  async function api(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', cloudflare.url)
    const path = decodeURIComponent(url.pathname.slice(ACCOUNT.length))
    const call = `${request.method} ${path}`
    const body = await buffer(request)
    const answer = (result: unknown, status = 200, code = 0) => {
      const errors = status < 300 ? [] : [{ code, message: String(result) }]
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(
        JSON.stringify({ success: status < 300, errors, messages: [], result: status < 300 ? result : null }),
      )
    }
    const broken = cloudflare.broken.findIndex((pattern) => pattern.test(call))
    if (broken >= 0) {
      cloudflare.broken.splice(broken, 1)
      answer('the imitation was told to fail', 400, 9999)
      return
    }
    if (request.method !== 'GET') cloudflare.changes.push(call)
    if (call === 'GET storage/kv/namespaces') {
      const page = Number(url.searchParams.get('page') ?? 1)
      answer(page > 1 ? [] : [...cloudflare.namespaces].map(([id, title]) => ({ id, title })))
    } else if (call === 'POST storage/kv/namespaces') {
      const { title }: { title: string } = JSON.parse(body.toString())
      const id = String(cloudflare.namespaces.size + 1).padStart(32, '0')
      cloudflare.namespaces.set(id, title)
      answer({ id, title })
    } else if (/^GET storage\/kv\/namespaces\/\d+\/values\//.test(call)) {
      const value = cloudflare.values.get(path.replace(/^.*?\/values\//, ''))
      if (value === undefined) answer("get: 'key not found'", 404, 10009)
      else response.end(value)
    } else if (/^PUT storage\/kv\/namespaces\/\d+\/bulk$/.test(call)) {
      const pairs: { key: string; value: string }[] = JSON.parse(body.toString())
      for (const { key, value } of pairs) cloudflare.values.set(key, value)
      answer({ successful_key_count: pairs.length, unsuccessful_keys: [] })
    } else if (/^PUT storage\/kv\/namespaces\/\d+\/values\//.test(call)) {
      cloudflare.values.set(path.replace(/^.*?\/values\//, ''), await textOf(body, request))
      answer({})
    } else if (/^GET storage\/kv\/namespaces\/\d+\/keys$/.test(call)) {
      const prefix = url.searchParams.get('prefix') ?? ''
      answer([...cloudflare.values.keys()].filter((name) => name.startsWith(prefix)).map((name) => ({ name })))
    } else if (call === 'GET workers/scripts/dockgate/secrets') {
      if (cloudflare.worker === undefined) answer('This Worker does not exist on your account.', 404, 10007)
      else answer([...cloudflare.secrets.keys()].map((name) => ({ name, type: 'secret_text' })))
    } else if (call === 'GET workers/scripts/dockgate/settings') {
      if (cloudflare.worker === undefined) answer('This Worker does not exist on your account.', 404, 10007)
      else answer({ bindings: [...cloudflare.secrets.keys()].map((name) => ({ name, type: 'secret_text' })) })
    } else if (
      call === 'PATCH workers/scripts/dockgate/settings' ||
      call.startsWith('PATCH workers/scripts/dockgate/secrets')
    ) {
      const text = await textOf(body, request, 'settings')
      readSecrets(JSON.parse(text), cloudflare.secrets)
      answer({})
    } else if (call === 'PUT workers/scripts/dockgate' || call === 'POST workers/scripts/dockgate/versions') {
      const form = await formOf(body, request)
      const metadata: Metadata = JSON.parse(String(form.get('metadata')))
      const module = form.get(metadata.main_module)
      if (module === null || typeof module === 'string') throw new Error('no module was uploaded')
      cloudflare.worker = { script: await module.text(), metadata }
      const script = { etag: 'e', handlers: ['fetch'], last_deployed_from: 'wrangler' }
      answer({ id: 'dockgate', startup_time_ms: 1, metadata: {}, resources: { script, bindings: [] } })
    } else if (call.endsWith(' workers/scripts/dockgate/subdomain')) {
      answer({ enabled: false, previews_enabled: false })
    } else if (call.includes('domains/changeset')) {
      answer({ added: [], removed: [], updated: [], conflicting: [] })
    } else if (call === 'GET workers/workers/dockgate') {
      answer({ id: 'dockgate', name: 'dockgate', subdomain: { enabled: false, previews_enabled: false } })
    } else if (call === 'GET workers/scripts/dockgate/deployments') {
      answer({ deployments: [{ id: '1', source: 'wrangler', strategy: 'percentage', author_email: '', versions: [] }] })
    } else if (call.startsWith('GET workers/services/') || call.startsWith('GET workers/scripts/dockgate')) {
      if (cloudflare.worker === undefined) answer('This Worker does not exist on your account.', 404, 10090)
      else answer({ default_environment: { environment: 'production', script: { last_deployed_from: 'wrangler' } } })
    } else answer(request.method === 'GET' ? [] : {})
  }

  /** The gate, from what was recorded when it is asked for the first time. */
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (cloudflare.worker === undefined) {
      response.writeHead(530).end()
      return
    }
    gate ??= await run(cloudflare)
    const { method = 'GET', headers, url } = request
    const body = await buffer(request)
    const forwarded = forward({ port: gate.address.port, method, headers, path: url }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(response)
    })
    forwarded.on('error', (cause) => response.destroy(cause)).end(body)
  }
  return cloudflare
}

type Named = { readonly name?: string; readonly text?: string; readonly type?: string }

/** Secrets of either form in which wrangler sends several: a list of bindings, or an object by name. */
function readSecrets(body: unknown, secrets: Map<string, string>): void {
  if (typeof body !== 'object' || body === null) return
  const list: unknown = 'bindings' in body ? body.bindings : 'secrets' in body ? body.secrets : body
  for (const item of Object.values(list ?? {}) as Named[]) {
    if (item?.type === 'secret_text' && item.name !== undefined && item.text !== undefined)
      secrets.set(item.name, item.text)
  }
}

const formOf = (body: Buffer, { headers }: IncomingMessage): Promise<FormData> =>
  new Response(new Uint8Array(body), { headers: { 'content-type': headers['content-type'] ?? '' } }).formData()

async function textOf(body: Buffer, request: IncomingMessage, part = 'value'): Promise<string> {
  if (!request.headers['content-type']?.startsWith('multipart/')) return body.toString()
  const value = (await formOf(body, request)).get(part)
  return typeof value === 'string' ? value : ((await value?.text()) ?? '')
}

async function run({ worker, values, secrets }: Cloudflare) {
  const texts = (worker?.metadata.bindings ?? []).filter(({ type }) => type === 'plain_text')
  const variables = Object.fromEntries(texts.map(({ name, text = '' }) => [name, text]))
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: '127.0.0.1',
      port: 0,
      cf: false,
      log: new Log(LogLevel.NONE),
      handleStructuredLogs: () => undefined,
      workers: [
        {
          name: 'gate',
          modules: [{ type: 'ESModule', path: 'index.js', contents: worker?.script ?? '' }],
          compatibilityDate: COMPATIBILITY_DATE,
          compatibilityFlags: [...COMPATIBILITY_FLAGS],
          kvNamespaces: { POLICY: 'policy' },
          durableObjects: { STATE: { className: 'RepositoryState', useSQLite: true } },
          bindings: { ...variables, ...Object.fromEntries(secrets) },
          unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
        },
      ],
    }),
  )
  await miniflare.ready
  const namespace = await miniflare.getKVNamespace('POLICY', 'gate')
  for (const [key, value] of values) await namespace.put(key, value)
  return { miniflare, address: await miniflare.unsafeGetDirectURL('gate') }
}
