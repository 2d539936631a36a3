/** A registry for the soak: knows which request reached it, and can be broken, slow or away. */
import { createServer, type Server, type ServerResponse } from 'node:http'

export type Mood = 'well' | 'broken' | 'resets' | 'away'

const DIGEST = `sha256:${'a'.repeat(64)}`
export const CATALOG = ['public/base', 'samples/app', 'secret/app', 'secret/vault', 'flip/app']

/** A registry that can fail, and remembers which requests it saw. */
export type SoakRegistry = Awaited<ReturnType<typeof startSoakRegistry>>

export async function startSoakRegistry() {
  const reached = new Set<string>()
  let mood: Mood = 'well'
  let server: Server | undefined
  let port = 0
  const listen = async (): Promise<void> => {
    const started = createServer((request, response) => {
      reached.add(request.headers['user-agent'] ?? '')
      request.resume()
      if (mood === 'resets') {
        response.socket?.destroy()
        return
      }
      if (mood === 'broken') {
        response.writeHead(500, { 'content-type': 'text/plain' }).end('internal error')
        return
      }
      answer(request.method ?? 'GET', request.url ?? '/', response)
    })
    await new Promise<void>((resolve) => {
      started.listen(port, '127.0.0.1', resolve)
    })
    const address = started.address()
    port = typeof address === 'object' && address !== null ? address.port : 0
    server = started
  }
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      const stopping = server
      server = undefined
      if (stopping === undefined) return resolve()
      stopping.closeAllConnections()
      stopping.close(() => resolve())
    })
  await listen()
  return {
    url: `http://127.0.0.1:${port}`,
    /** Whether a request came here; asked once for each. */
    saw: (id: string): boolean => reached.delete(id),
    become: async (next: Mood): Promise<void> => {
      mood = next
      if (next === 'away') await stop()
      else if (server === undefined) await listen()
    },
    stop,
  }
}

function answer(method: string, target: string, response: ServerResponse): void {
  const [path = ''] = target.split('?')
  const json = (value: unknown) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  if (path.endsWith('/_catalog')) json({ repositories: CATALOG })
  else if (path.endsWith('/tags/list')) json({ name: 'x', tags: ['v1'] })
  else if (method === 'POST') response.writeHead(202, { location: `${path}uuid?_state=x` }).end()
  else if (method === 'PATCH') response.writeHead(202, { location: target }).end()
  else if (method === 'PUT') response.writeHead(201, { 'docker-content-digest': DIGEST }).end()
  else if (method === 'DELETE') response.writeHead(202).end()
  else {
    response.writeHead(200, {
      'content-type': 'application/vnd.oci.image.manifest.v1+json',
      'docker-content-digest': DIGEST,
    })
    response.end(method === 'HEAD' ? undefined : '{"schemaVersion":2}')
  }
}
