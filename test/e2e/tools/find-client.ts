/** The stock programs that the end-to-end tests drive, and where they are on this machine. */
import { accessSync, constants } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'

/** What `.ci/clients` installs. */
export const CLIENTS = [
  'crane',
  'skopeo',
  'oras',
  'buildah',
  'podman',
  'cosign',
  'notation',
  'docker-registry',
  'busybox',
  'htpasswd',
  'openssl',
] as const

export type Client = (typeof CLIENTS)[number]

/** Where `.ci/clients` unpacks what the machine's own release does not carry. */
const cacheDirectory =
  process.env.DOCKGATE_CI_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'dockgate-ci')

/** The folders of PATH, and the cache folder of `.ci/clients`. */
export const searchPath = [...(process.env.PATH ?? '').split(delimiter), join(cacheDirectory, 'root', 'usr', 'bin')]

/** The client's path, or undefined when it is neither on PATH nor in the cache folder. */
export function findClient(client: Client): string | undefined {
  return searchPath.map((directory) => join(directory, client)).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
