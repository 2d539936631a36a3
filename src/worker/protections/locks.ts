/**
 * Locks, as Azure's: an attribute that is false forbids an operation to everybody, after permissions have allowed it. Only a
 * gate with `METADATA_API=gate` keeps locks; in front of Azure's own registry that keeps them.
 *
 * A lock of the repository that forbids to write or to read is one of everything in it. One that forbids to delete is of the
 * repository alone.
 *
 * Source: Azure, `container-registry-image-lock.md`.
 */
import { contentChange } from '../../registry/content-change.ts'
import { parseDigest, parseTag, type RepositoryName, type Tag } from '../../registry/name.ts'
import type { Reference, RegistryRequest } from '../../registry/request.ts'
import type { Refusal } from '../answers/refusal.ts'
import { readManifestText } from '../forward/forward.ts'
import { logFault } from '../platform/fault.ts'
import { discard, type Upstream } from '../upstream/upstream.ts'
import { readManifest } from './manifest.ts'
import { type GuardPorts, type ProtectedRepository, protectedRepository } from './protected-repository.ts'
import { LOCK, type LockedTargets, REPOSITORY, WHOLE_REPOSITORY } from './state/calls.ts'
import { nameAtUpstream, registryObjectName, stateOf } from './state-client.ts'

/** The attributes of Azure's metadata API, with the bits of the locks that they are when they are false. */
export const ATTRIBUTES: ReadonlyMap<string, number> = new Map([
  ['deleteEnabled', LOCK.delete],
  ['writeEnabled', LOCK.write],
  ['listEnabled', LOCK.list],
  ['readEnabled', LOCK.read],
])

/** A manifest or a tag that cannot be updated cannot be deleted either. */
const KEEPS = LOCK.delete | LOCK.write
const LOCKED_TAGS_MAX = 1000

/** Sends a request on if no lock forbids it. @param read the text of a pushed manifest, if locks had to know it */
export type SendUnlocked = (read?: string) => Response | Refusal | Promise<Response | Refusal>

/** Sends an allowed request, unless a lock forbids it. */
export async function guardLocks(
  request: RegistryRequest,
  ports: GuardPorts,
  send: SendUnlocked,
): Promise<Response | Refusal> {
  if (!('name' in request) || request.name === undefined) return send()
  const repository = protectedRepository(request.name, ports)
  switch (request.operation) {
    case 'pullManifest':
      return pull(request.reference, repository, send)
    case 'pullBlob':
      return (await refuseWhole(repository, LOCK.read)) ?? send()
    case 'mountBlob': {
      const source = protectedRepository(request.from, ports)
      return (await refuseWhole(source, LOCK.read)) ?? (await refuseWhole(repository, LOCK.write)) ?? send()
    }
    case 'startUpload':
    case 'completeUpload':
      return (await refuseWhole(repository, LOCK.write)) ?? send()
    default:
  }
  const change = contentChange(request)
  switch (change?.kind) {
    case undefined:
      return send()
    case 'push':
      return push(change.tags, repository, send)
    case 'deleteTag':
      return deleteManifest({ kind: 'tag', tag: change.tag }, repository, send)
    case 'deleteManifest':
      return deleteManifest({ kind: 'digest', digest: change.digest }, repository, send)
    case 'deleteRepository':
    case 'deleteBlob':
    case 'restore':
      return changeAll(change.kind, repository, send)
  }
}

async function refuseWhole({ state }: ProtectedRepository, bits: number): Promise<Refusal | undefined> {
  return refusalOf(await state().locksOf([REPOSITORY]), [REPOSITORY], bits)
}

async function pull(
  reference: Reference,
  repository: ProtectedRepository,
  send: SendUnlocked,
): Promise<Response | Refusal> {
  const state = repository.state()
  const own = reference.kind === 'tag' ? reference.tag : await recordedDigest(reference, repository)
  const targets = own === undefined ? [REPOSITORY] : [REPOSITORY, own]
  const locks = await state.locksOf(targets)
  const refused = refusalOf(locks, targets, LOCK.read)
  if (refused !== undefined) return refused
  const answer = await send()
  const isSettled = reference.kind === 'digest' || (locks.anyManifest & LOCK.read) === 0
  if (isSettled || !(answer instanceof Response) || (answer.status >= 400 && answer.status !== 416)) return answer
  // Only the registry knows which manifest the tag names.
  try {
    const header = parseDigest(answer.headers.get('docker-content-digest') ?? '')
    const named: Reference = header.ok ? { kind: 'digest', digest: header.value } : reference
    const digest = await recordedDigest(named, repository)
    const found = digest === undefined ? undefined : refusalOf(await state.locksOf([digest]), [digest], LOCK.read)
    if (digest !== undefined && found === undefined) return answer
    await discard(answer)
    return found ?? { code: 'manifest_missing' }
  } catch (error) {
    await discard(answer)
    throw error
  }
}

async function push(
  tags: readonly Tag[],
  repository: ProtectedRepository,
  send: SendUnlocked,
): Promise<Response | Refusal> {
  const state = repository.state()
  const targets = [REPOSITORY, ...tags]
  const locks = await state.locksOf(targets)
  const refused = refusalOf(locks, targets, LOCK.write)
  if (refused !== undefined) return refused
  if ((locks.anyManifest & LOCK.write) === 0) return send()
  const text = await readManifestText(repository.forwarding)
  const manifest = text === undefined ? undefined : await readManifest(text)
  if (manifest === undefined) return { code: 'manifest_unreadable' }
  return refusalOf(await state.locksOf(manifest.digests), manifest.digests, LOCK.write) ?? send(text)
}

async function deleteManifest(
  reference: Reference,
  repository: ProtectedRepository,
  send: SendUnlocked,
): Promise<Response | Refusal> {
  const { facts } = repository
  const state = repository.state()
  const own = reference.kind === 'tag' ? reference.tag : reference.digest
  const manifest = await facts.manifest(reference)
  const targets = [own, ...(manifest?.digests ?? [])]
  const locks = await state.locksOf([REPOSITORY, ...targets])
  const refused = refusalOf(locks, [REPOSITORY], LOCK.write) ?? refusalOf(locks, targets, KEEPS)
  if (refused !== undefined) return refused
  // A registry deletes the other tags of a manifest with it, also where only one of its tags was to be deleted.
  const locked = await state.lockedTargets(KEEPS | LOCK.list | LOCK.read)
  const tags = [...locked.keys()].flatMap((target) => {
    const tag = parseTag(target)
    return tag.ok && tag.value !== own ? [tag.value] : []
  })
  if (tags.length > LOCKED_TAGS_MAX) return { code: 'too_many_tags' }
  const found = await facts.digestsOf(tags)
  const named = tags.filter((tag) => manifest?.digests.some((digest) => digest === found[tag]) === true)
  const lost = refusalOf({ forbidden: locked, anyManifest: 0 }, named, KEEPS)
  if (lost !== undefined) return lost
  const answer = await send()
  const gone = reference.kind === 'tag' ? [own] : [...targets, ...named]
  if (answer instanceof Response && answer.ok) await forget(gone, repository)
  return answer
}

/** A change that may reach everything that the repository has. */
async function changeAll(
  kind: 'deleteRepository' | 'deleteBlob' | 'restore',
  repository: ProtectedRepository,
  send: SendUnlocked,
): Promise<Response | Refusal> {
  const state = repository.state()
  const whole = await refuseWhole(repository, kind === 'deleteRepository' ? KEEPS : LOCK.write)
  if (whole !== undefined) return whole
  const locked = await state.lockedTargets(KEEPS)
  const refused = refusalOf({ forbidden: locked, anyManifest: 0 }, [...locked.keys()], KEEPS)
  if (refused !== undefined) return refused
  const answer = await send()
  if (kind === 'deleteRepository' && answer instanceof Response && answer.ok) {
    await forget([WHOLE_REPOSITORY], repository)
  }
  return answer
}

/** A lock that is left behind forbids more than it must, and never less. */
async function forget(targets: readonly string[], { state, id }: ProtectedRepository): Promise<void> {
  try {
    await state().forgetTargets(targets)
  } catch (error) {
    logFault(error, id)
  }
}

/** The digest under which the state records a manifest; undefined if the registry does not have it. */
async function recordedDigest(reference: Reference, { facts }: ProtectedRepository): Promise<string | undefined> {
  if (reference.kind === 'digest' && reference.digest.startsWith('sha256:')) return reference.digest
  return (await facts.manifest(reference))?.digests[0]
}

function refusalOf({ forbidden }: LockedTargets, targets: readonly string[], bits: number): Refusal | undefined {
  for (const target of targets) {
    const hit = (forbidden.get(target) ?? 0) & bits
    const attribute = [...ATTRIBUTES].find(([, bit]) => (bit & hit) !== 0)?.[0]
    if (attribute !== undefined) return { code: 'locked', attribute, ...(target === REPOSITORY ? {} : { target }) }
  }
  return undefined
}

/** The repositories, by their names at the registry, or the tags of one repository, that lists leave out. */
export async function hiddenNames(
  repository: RepositoryName | undefined,
  upstream: Upstream,
  env: GuardPorts['env'],
): Promise<ReadonlySet<string>> {
  const name = registryObjectName(upstream)
  const object = repository === undefined ? name : `${name} ${nameAtUpstream(upstream, repository)}`
  return new Set((await stateOf(env, object).lockedTargets(LOCK.list)).keys())
}
