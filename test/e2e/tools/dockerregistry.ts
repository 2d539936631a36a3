/** Debian's docker-registry as a child process, with filesystem storage and deletes enabled. */

import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { clientPath, openSession } from './clients.ts'
import { journalOf, type Registry, type ServedRequest, until } from './registry.ts'
import { scratchDirectory } from './scratch.ts'

/** How docker-registry knows its callers (distribution, `docs/configuration.md`, `auth`). */
export type RegistryAuthentication =
  | { readonly type: 'htpasswd'; readonly users: Readonly<Record<string, string>> }
  | {
      readonly type: 'token'
      readonly realm: string
      readonly service: string
      readonly issuer: string
      /** Path of a PEM file with the certificates of the keys that may sign tokens. */
      readonly rootcertbundle: string
    }

const START_TIMEOUT_MS = 60_000

/** Registries that no test has ended: a test that fails half way leaves none behind. */
const running = new Set<ChildProcess>()

afterAll(() => Promise.all([...running].map((child) => endProcess(child, 'SIGKILL'))))

export interface RegistryLimits {
  /** The most repositories of which the catalog gives the names at once (`catalog.maxentries`); default 1000. */
  readonly catalogMax?: number
}

/** Start a docker-registry. Without `authentication` it asks nobody who they are. */
export async function startDockerRegistry(
  authentication?: RegistryAuthentication,
  { catalogMax }: RegistryLimits = {},
): Promise<Registry> {
  const directory = scratchDirectory('docker-registry')
  const configurationFile = join(directory, 'config.yml')
  const auth = authentication === undefined ? {} : { auth: await authSection(authentication, directory) }
  // One secret for all runs: an upload begun before a restart can go on after it.
  const secret = randomUUID()
  const configuration = (port: number) => ({
    version: '0.1',
    log: { level: 'info', formatter: 'json', accesslog: { disabled: false } },
    storage: {
      filesystem: { rootdirectory: join(directory, 'storage') },
      delete: { enabled: true },
      maintenance: { uploadpurging: { enabled: false } },
    },
    http: { addr: `127.0.0.1:${port}`, secret },
    ...(catalogMax === undefined ? {} : { catalog: { maxentries: catalogMax } }),
    ...auth,
  })

  let child: ChildProcess | undefined
  let log = ''

  /** Start the process; the port it listens on, which is any free one when `wanted` is 0. */
  const start = async (wanted: number): Promise<number> => {
    writeFileSync(configurationFile, JSON.stringify(configuration(wanted)))
    const begin = log.length
    const started = spawn(clientPath('docker-registry'), ['serve', configurationFile], { env: {}, stdio: 'pipe' })
    child = started
    running.add(started)
    for (const stream of [started.stdout, started.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        log += text
      })
    }
    const listening = () => /listening on 127\.0\.0\.1:(\d+)/.exec(log.slice(begin))?.[1]
    await until(START_TIMEOUT_MS, 'docker-registry does not start', () => {
      if (hasEnded(started)) throw new Error(`docker-registry ended at its start:\n${log.slice(begin)}`)
      return listening() !== undefined
    })
    return Number(listening())
  }

  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    if (child !== undefined) await endProcess(child, signal)
  }

  const port = await start(0)
  const host = `127.0.0.1:${port}`
  const isUp = () => child !== undefined && !hasEnded(child)
  return {
    url: `http://${host}`,
    host,
    ...journalOf(`http://${host}`, isUp, () => servedRequests(log)),
    log: () => log,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    restart: async () => {
      await end('SIGTERM')
      await start(port)
    },
  }
}

/** The requests in an access log in Apache's combined format. */
function servedRequests(log: string): ServedRequest[] {
  const records = log.matchAll(/"([A-Z]+) (\S+) HTTP\/[\d.]+" (\d{3}) /g)
  return [...records].map(([, method = '', target = '', status]) => ({ method, target, status: Number(status) }))
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

async function endProcess(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  running.delete(child)
  if (hasEnded(child)) return
  const closed = once(child, 'close')
  child.kill(signal)
  await closed
}

async function authSection(authentication: RegistryAuthentication, directory: string): Promise<unknown> {
  if (authentication.type === 'token') {
    const { realm, service, issuer, rootcertbundle } = authentication
    return { token: { realm, service, issuer, rootcertbundle } }
  }
  const path = join(directory, 'htpasswd')
  const session = openSession()
  const lines = await Promise.all(
    Object.entries(authentication.users).map(async ([name, password]) => {
      const hashed = await session.run('htpasswd', ['-n', '-i', '-B', name], { input: password })
      if (hashed.status !== 0) throw new Error(`htpasswd failed: ${hashed.stderr}`)
      return hashed.stdout.trim()
    }),
  )
  writeFileSync(path, `${lines.join('\n')}\n`)
  return { htpasswd: { realm: 'registry', path } }
}
