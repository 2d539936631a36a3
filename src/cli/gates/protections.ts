/** What a gate says of protections: `/acr/v1/NAME/_protections`, read into the shapes of `--json`. */
import { isRecord } from '../../base/json.ts'
import { parseRepositoryName } from '../../registry/name.ts'
import { CommandError } from '../terminal/command-error.ts'
import type { GateClient } from './gate-client.ts'

/** A protection that covers a repository. */
export type ShownProtection = {
  readonly name: string
  readonly mode: 'enforce' | 'audit'
  readonly writeOnce?: true
  readonly tags?: readonly string[]
  readonly quarantine?: true
  /** Seconds. */
  readonly releaseAfter?: number
  readonly message?: string
}

/** A tag that the gate knows of. */
export type ShownTag = {
  readonly name: string
  readonly digest: string
  readonly confirmed: boolean
  readonly protection?: string
}

/** A repository with its protections. */
export type ProtectedRepository = { readonly repository: string; readonly protections: readonly ShownProtection[] }

/** Statuses of a repository that the credential may not see, or that does not exist. */
const NOT_SEEN = [401, 403, 404]

/** The path of a call about a repository. @throws {@link CommandError} 2 for what is not a repository name */
function acrPath(repository: string, rest: string): string {
  if (parseRepositoryName(repository).ok) return `/acr/v1/${repository}/${rest}`
  throw new CommandError(2, `'${repository}' is not a repository name`, {
    hint: 'write it without host and tag: acme/app',
  })
}

/**
 * The protections of repositories.
 *
 * @param named the repositories; if none is named, those of the catalog that protections cover
 */
export async function protectionsOf(
  client: GateClient,
  named: readonly string[],
): Promise<readonly ProtectedRepository[]> {
  const found: ProtectedRepository[] = []
  for (const repository of named.length === 0 ? await client.repositories() : named) {
    const accepts = named.length === 0 ? NOT_SEEN : []
    const answer = await client.call('GET', `${acrPath(repository, '_protections')}?n=1`, { accepts })
    const protections = listIn(answer, 'protections') as readonly ShownProtection[]
    if (named.length > 0 || protections.length > 0) found.push({ repository, protections })
  }
  return found
}

/** The tags of a repository that the gate knows of. */
export async function knownTags(client: GateClient, repository: string): Promise<readonly ShownTag[]> {
  return ((await client.list(acrPath(repository, '_protections'), 'tags')) ?? []) as readonly ShownTag[]
}

/** What a seed has found. */
export type Seeded = {
  readonly repository: string
  /** Tags that write-once protections cover. */
  readonly covered: number
  readonly adopted: readonly { readonly name: string; readonly digest: string }[]
  readonly conflicts: readonly { readonly name: string; readonly expected: string; readonly found: string | null }[]
}

/** Makes tags known to a gate. @param tags the tags with the digests that they must have; absent: all that are covered */
export async function seed(
  client: GateClient,
  repository: string,
  tags?: Readonly<Record<string, string>>,
): Promise<Seeded> {
  const body = tags === undefined ? {} : { tags }
  const answer = await client.call('POST', acrPath(repository, '_protections'), { body })
  return {
    repository,
    covered: typeof answer?.covered === 'number' ? answer.covered : 0,
    adopted: listIn(answer, 'adopted') as Seeded['adopted'],
    conflicts: listIn(answer, 'conflicts') as Seeded['conflicts'],
  }
}

/** A list of objects in an answer of the gate, which is of the same version as the command. */
function listIn(value: unknown, key: string): readonly Readonly<Record<string, unknown>>[] {
  const list: unknown = isRecord(value) ? value[key] : undefined
  return Array.isArray(list) ? list.filter(isRecord) : []
}

/** A manifest in a repository that has a quarantine. */
export type QuarantinedManifest = {
  readonly repository: string
  readonly digest: string
  /** Absent for a manifest that is never held back: it is attached to another one. */
  readonly state?: 'pending' | 'passed' | 'failed'
  readonly details?: string
  readonly tags: readonly string[]
  /** When the gate first saw it, RFC 3339. */
  readonly seen?: string
}

/** Manifests of repositories that have a quarantine. @param named as in {@link protectionsOf} */
export async function quarantinedManifests(
  client: GateClient,
  named: readonly string[],
): Promise<readonly QuarantinedManifest[]> {
  const manifests: QuarantinedManifest[] = []
  for (const { repository, protections } of await protectionsOf(client, named)) {
    if (!protections.some(({ quarantine }) => quarantine === true)) continue
    const listed = (await client.list(acrPath(repository, '_manifests'), 'manifests', [404])) ?? []
    manifests.push(...listed.flatMap((each) => manifestIn(repository, each)))
  }
  return manifests
}

/** The state of one manifest, after a decision if there is one. */
export async function manifestState(
  client: GateClient,
  repository: string,
  digest: string,
  decision?: { readonly quarantineState: 'Passed' | 'Failed'; readonly quarantineDetails?: string },
): Promise<QuarantinedManifest | undefined> {
  const path = acrPath(repository, `_manifests/${digest}`)
  const answer =
    decision === undefined ? await client.call('GET', path) : await client.call('PATCH', path, { body: decision })
  return manifestIn(repository, answer?.manifest)[0]
}

function manifestIn(repository: string, value: unknown): readonly QuarantinedManifest[] {
  if (!isRecord(value) || typeof value.digest !== 'string') return []
  const { digest, quarantineState, quarantineDetails, tags, createdTime } = value
  const state = typeof quarantineState === 'string' ? quarantineState.toLowerCase() : undefined
  return [
    {
      repository,
      digest,
      ...(state === 'pending' || state === 'passed' || state === 'failed' ? { state } : {}),
      ...(typeof quarantineDetails === 'string' ? { details: quarantineDetails } : {}),
      tags: Array.isArray(tags) ? tags.filter((tag) => typeof tag === 'string') : [],
      ...(typeof createdTime === 'string' ? { seen: createdTime } : {}),
    },
  ]
}
