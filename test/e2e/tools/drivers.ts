/**
 * How each stock client says push, pull, copy, list, delete and log in, over plain http on loopback. Each function
 * runs one command in the caller's session and gives its outcome; what it means is for the test to say.
 */

import { join } from 'node:path'
import type { Session } from './clients.ts'
import type { Layout } from './images.ts'
import type { Outcome } from './process.ts'
import { scratchDirectory } from './scratch.ts'

export interface Account {
  readonly username: string
  readonly password: string
}

/** What every client can do. References are `host:port/name:tag` or `host:port/name@digest`. */
export interface Driver {
  readonly client: 'crane' | 'skopeo' | 'oras' | 'buildah' | 'podman'
  /** Log in to `host:port`; the password goes over standard input. crane stores it unchecked, the others ask the host. */
  login(session: Session, host: string, account: Account): Promise<Outcome>
  push(session: Session, layout: Layout, reference: string): Promise<Outcome>
}

/** A client that keeps manifests byte for byte, and can list and delete. */
export interface CopyingDriver extends Driver {
  /** Pull into `directory`, which becomes an OCI layout. Indexes come with all their images. */
  pull(session: Session, reference: string, directory: string): Promise<Outcome>
  copy(session: Session, from: string, to: string): Promise<Outcome>
  /** List the tags of `host:port/name`. */
  tags(session: Session, repository: string): Promise<Outcome>
  /** Delete a manifest. crane sends the reference as it is; skopeo and oras resolve a tag and delete the digest. */
  remove(session: Session, reference: string): Promise<Outcome>
}

export const crane = {
  client: 'crane',
  login: (session, host, { username, password }) =>
    session.run('crane', ['auth', 'login', host, '--username', username, '--password-stdin'], { input: password }),
  push: (session, layout, reference) => session.run('crane', ['push', '--insecure', layout.directory, reference]),
  pull: (session, reference, directory) =>
    session.run('crane', ['pull', '--insecure', '--format', 'oci', reference, directory]),
  copy: (session, from, to) => session.run('crane', ['copy', '--insecure', from, to]),
  tags: (session, repository) => session.run('crane', ['ls', '--insecure', repository]),
  remove: (session, reference) => session.run('crane', ['delete', '--insecure', reference]),
  /** List the repositories of `host:port`. */
  catalog: (session: Session, host: string) => session.run('crane', ['catalog', '--insecure', host]),
} as const satisfies CopyingDriver & Record<string, unknown>

const skopeoCopy = ['copy', '--all', '--preserve-digests', '--src-tls-verify=false', '--dest-tls-verify=false']

export const skopeo = {
  client: 'skopeo',
  login: (session, host, { username, password }) =>
    session.run('skopeo', ['login', '--tls-verify=false', '--username', username, '--password-stdin', host], {
      input: password,
    }),
  push: (session, layout, reference) =>
    session.run('skopeo', [...skopeoCopy, `oci:${layout.directory}:${layout.tag}`, `docker://${reference}`]),
  pull: (session, reference, directory) =>
    session.run('skopeo', [...skopeoCopy, `docker://${reference}`, `oci:${directory}:pulled`]),
  copy: (session, from, to) => session.run('skopeo', [...skopeoCopy, `docker://${from}`, `docker://${to}`]),
  tags: (session, repository) => session.run('skopeo', ['list-tags', '--tls-verify=false', `docker://${repository}`]),
  remove: (session, reference) => session.run('skopeo', ['delete', '--tls-verify=false', `docker://${reference}`]),
} as const satisfies CopyingDriver

export const oras = {
  client: 'oras',
  login: (session, host, { username, password }) =>
    session.run('oras', ['login', '--plain-http', '--username', username, '--password-stdin', host], {
      input: password,
    }),
  push: (session, layout, reference) =>
    session.run('oras', [
      ...['cp', '--no-tty', '--from-oci-layout', `${layout.directory}:${layout.tag}`],
      ...['--to-plain-http', reference],
    ]),
  pull: (session, reference, directory) =>
    session.run('oras', ['cp', '--no-tty', '--from-plain-http', reference, '--to-oci-layout', `${directory}:pulled`]),
  copy: (session, from, to) =>
    session.run('oras', ['cp', '--no-tty', '--from-plain-http', from, '--to-plain-http', to]),
  tags: (session, repository) => session.run('oras', ['repo', 'tags', '--plain-http', repository]),
  remove: (session, reference) => session.run('oras', ['manifest', 'delete', '--plain-http', '--force', reference]),
  /** List the repositories of `host:port`. */
  catalog: (session: Session, host: string) => session.run('oras', ['repo', 'ls', '--plain-http', host]),
  /** Attach an artifact of this type, with one small file in it, to the image: it becomes a referrer. */
  attach: (session: Session, reference: string, artifactType: string, file: string) =>
    session.run(
      'oras',
      ['attach', '--plain-http', '--artifact-type', artifactType, reference, `./${file}:text/plain`],
      {
        cwd: session.home,
      },
    ),
  /** List what refers to the image, as JSON. */
  discover: (session: Session, reference: string) =>
    session.run('oras', ['discover', '--plain-http', '--format', 'json', reference]),
} as const satisfies CopyingDriver & Record<string, unknown>

/**
 * buildah (whose transfers are podman's too) unpacks an image into its storage and packs it again on push, so layers
 * and manifest get new digests.
 */
export const buildah = {
  client: 'buildah',
  login: (session, host, { username, password }) =>
    session.run('buildah', ['login', '--tls-verify=false', '--username', username, '--password-stdin', host], {
      input: password,
    }),
  push: async (session, layout, reference) => {
    const loaded = await session.run('buildah', ['pull', `oci:${layout.directory}:${layout.tag}`])
    if (loaded.status !== 0) return loaded
    return session.run('buildah', ['push', '--tls-verify=false', loaded.stdout.trim(), `docker://${reference}`])
  },
  /** Pull into the session's storage; the image's id, which is its config's digest, is the last line of stdout. */
  pull: (session: Session, reference: string) => session.run('buildah', ['pull', '--tls-verify=false', reference]),
  /** Start a container from an image in the session's storage and run `command` in it. */
  runContainer: async (session: Session, image: string, command: readonly string[]) => {
    const created = await session.run('buildah', ['from', '--pull=false', image])
    if (created.status !== 0) return created
    return session.run('buildah', ['run', created.stdout.trim(), '--', ...command])
  },
} as const satisfies Driver & Record<string, unknown>

/** podman shares buildah's transfers and storage, and has a login of its own. */
export const podman = {
  client: 'podman',
  login: (session, host, { username, password }) =>
    session.run('podman', ['login', '--tls-verify=false', '--username', username, '--password-stdin', host], {
      input: password,
    }),
  push: async (session, layout, reference) => {
    const loaded = await session.run('podman', ['pull', '--quiet', `oci:${layout.directory}:${layout.tag}`])
    if (loaded.status !== 0) return loaded
    return session.run('podman', ['push', '--tls-verify=false', loaded.stdout.trim(), `docker://${reference}`])
  },
} as const satisfies Driver

/** The clients that keep digests: for `describe.each`. */
export const copyingDrivers: readonly CopyingDriver[] = [crane, skopeo, oras]

/** A new folder to pull into. */
export function pullDirectory(): string {
  return join(scratchDirectory('pulled'), 'layout')
}
