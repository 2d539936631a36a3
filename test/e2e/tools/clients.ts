/**
 * The stock programs the end-to-end tests drive: where they are, and how to run one as a person with an empty home
 * would. Never touches the real home: each {@link Session} has its own logins, caches and image storage.
 */

import { mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Client, findClient, searchPath } from './find-client.ts'
import { type Outcome, type RunOptions, runProgram } from './process.ts'
import { scratchDirectory } from './scratch.ts'

/** The client's path. Throws when it is missing: ask {@link requireClients} first. */
export function clientPath(client: Client): string {
  const path = findClient(client)
  if (path === undefined) throw new Error(`${client} is missing: run .ci/clients`)
  return path
}

/**
 * Whether a suite that needs these clients can run here: `describe.runIf(requireClients(['crane']))(…)`. Where one is
 * missing it answers false, and the end of the run says what was skipped (test/support/skipped.ts); with `DOCKGATE_E2E=required` in the environment it throws instead,
 * so that continuous integration cannot pass by skipping.
 */
export function requireClients(clients: readonly Client[]): boolean {
  const missing = clients.filter((client) => findClient(client) === undefined)
  if (missing.length === 0) return true
  const message = `end-to-end tests need ${missing.join(', ')}: run .ci/clients to install`
  if (process.env.DOCKGATE_E2E === 'required') throw new Error(message)
  return false
}

export { type Client, findClient } from './find-client.ts'

/** One person at one machine: logins made in a session are seen by every client of this session, and by no other. */
export interface Session {
  readonly home: string
  /** Where all clients keep their logins. */
  readonly credentialsFile: string
  /** Run a client to its end; `env` adds to the session's environment. Never throws for the client's failure. */
  run(client: Client, args: readonly string[], options?: SessionRunOptions): Promise<Outcome>
}

/** Options of {@link Session.run}. */
export interface SessionRunOptions extends Omit<RunOptions, 'environment'> {
  readonly env?: Readonly<Record<string, string>>
}

/** Start a session with an empty home and no login. */
export function openSession(): Session {
  const home = scratchDirectory('home')
  const dockerConfig = join(home, '.docker')
  const credentialsFile = join(dockerConfig, 'config.json')
  const storageConfiguration = join(home, 'storage.conf')
  const runtimeDirectory = join(home, 'run')
  for (const directory of [dockerConfig, runtimeDirectory]) mkdirSync(directory, { recursive: true, mode: 0o700 })
  writeFileSync(credentialsFile, '{}')
  writeFileSync(
    storageConfiguration,
    `[storage]\ndriver = "vfs"\ngraphroot = "${join(home, 'storage')}"\nrunroot = "${join(home, 'run', 'storage')}"\n`,
  )
  const environment = {
    PATH: searchPath.join(delimiter),
    HOME: home,
    XDG_CONFIG_HOME: join(home, '.config'),
    XDG_CACHE_HOME: join(home, '.cache'),
    XDG_DATA_HOME: join(home, '.local', 'share'),
    XDG_RUNTIME_DIR: runtimeDirectory,
    DOCKER_CONFIG: dockerConfig,
    REGISTRY_AUTH_FILE: credentialsFile,
    CONTAINERS_STORAGE_CONF: storageConfiguration,
    BUILDAH_ISOLATION: 'chroot',
    // Without it, skopeo and buildah run by root remember in a file of the machine's which blobs a host has.
    _CONTAINERS_ROOTLESS_UID: '1',
    NO_COLOR: '1',
  }
  return {
    home,
    credentialsFile,
    run: (client, args, { env, ...options } = {}) =>
      runProgram(clientPath(client), args, { ...options, environment: { ...environment, ...env } }),
  }
}
