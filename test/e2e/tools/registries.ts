/**
 * Registries to stand behind the gate, each on a free loopback port with its own storage: Debian's docker-registry as
 * a child process, and the project's embedded development registry. Both tell which requests reached them, so a test
 * can say that a refused one did not.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll } from 'vitest'
import { clientPath, openSession } from './clients.ts'
import { scratchDirectory } from './scratch.ts'

/** A request as a registry served it. */
export interface ServedRequest {
  readonly method: string
  /** Path and query as they came over the wire. */
  readonly target: string
  readonly status: number
}

/** A registry under a test's control. */
export interface Registry {
  /** `http://127.0.0.1:port`, the same after a restart. */
  readonly url: string
  /** `127.0.0.1:port`, for references. */
  readonly host: string
  /** Every request whose answer was complete before this call, oldest first, since the last {@link forgetRequests}. */
  requests(): Promise<readonly ServedRequest[]>
  /** Begin a new list of requests. */
  forgetRequests(): Promise<void>
  /** All it has logged. */
  log(): string
  /** End it in an orderly way; the storage stays. */
  stop(): Promise<void>
  /** End it in the middle of whatever it does. */
  kill(): Promise<void>
  /** Start it again, on the same port and storage. */
  restart(): Promise<void>
}

/** How docker-registry knows its callers (distribution, `docs/configuration.md`, `auth`). Default: it does not ask. */
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

const START_TIMEOUT_MS = 20_000
const LOG_TIMEOUT_MS = 5_000

/** Registries that no test has ended: a test that fails half way leaves none behind. */
const running = new Set<ChildProcess>()

afterAll(() => Promise.all([...running].map((process) => endProcess(process, 'SIGKILL'))))

/** Start Debian's docker-registry with filesystem storage and deletes enabled. */
export async function startDockerRegistry(authentication?: RegistryAuthentication): Promise<Registry> {
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
    ...auth,
  })

  let child: ChildProcess | undefined
  let log = ''
  let forgotten = 0
  let port = 0

  const start = async (): Promise<void> => {
    writeFileSync(configurationFile, JSON.stringify(configuration(port)))
    const process = spawn(clientPath('docker-registry'), ['serve', configurationFile], { env: {}, stdio: 'pipe' })
    child = process
    running.add(process)
    const begin = log.length
    for (const stream of [process.stdout, process.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        log += text
      })
    }
    const listening = () => /listening on 127\.0\.0\.1:(\d+)/.exec(log.slice(begin))?.[1]
    await until(START_TIMEOUT_MS, 'docker-registry does not start', () => {
      if (hasEnded(process)) throw new Error(`docker-registry ended at its start:\n${log.slice(begin)}`)
      return listening() !== undefined
    })
    port = Number(listening())
  }

  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    if (child !== undefined) await endProcess(child, signal)
    child = undefined
  }

  /** The log is written in order: once a request of our own is in it, so is every one answered before. */
  const flush = async (): Promise<void> => {
    if (child === undefined) return
    const mark = `/v2/?${FLUSH}=${randomUUID()}`
    await answered(`http://127.0.0.1:${port}${mark}`)
    await until(LOG_TIMEOUT_MS, 'docker-registry does not log its requests', () => log.includes(`"GET ${mark} HTTP`))
  }

  await start()
  return {
    url: `http://127.0.0.1:${port}`,
    host: `127.0.0.1:${port}`,
    requests: async () => {
      await flush()
      return servedRequests(log.slice(forgotten))
    },
    forgetRequests: async () => {
      await flush()
      forgotten = log.length
    },
    log: () => log,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    restart: async () => {
      await end('SIGTERM')
      await start()
    },
  }
}

/** The query parameter of the requests that {@link Registry.requests} makes itself. */
const FLUSH = 'log-flush'

/** The requests in an access log in Apache's combined format. */
function servedRequests(log: string): ServedRequest[] {
  return [...log.matchAll(/"([A-Z]+) (\S+) HTTP\/[\d.]+" (\d{3}) /g)]
    .map(([, method = '', target = '', status]) => ({ method, target, status: Number(status) }))
    .filter(({ target }) => !target.includes(`?${FLUSH}=`))
}

function hasEnded(process: ChildProcess): boolean {
  return process.exitCode !== null || process.signalCode !== null
}

async function endProcess(process: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  running.delete(process)
  if (hasEnded(process)) return
  const closed = once(process, 'close')
  process.kill(signal)
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

/** One request on a connection of its own, over when its answer is read; the answer does not matter. */
function answered(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    get(url, { agent: new Agent({ keepAlive: false }) }, (response) => response.resume().on('end', resolve)).on(
      'error',
      reject,
    )
  })
}

async function until(timeoutMs: number, complaint: string, done: () => boolean): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!done()) {
    if (performance.now() > deadline) throw new Error(complaint)
    await delay(5)
  }
}
