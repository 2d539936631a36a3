/** Changes of attributes that the gate keeps: locks, and decisions about manifests in quarantine. */
import { isRecord } from '../../base/json.ts'
import { protectionsOn, quarantineOf } from '../../policy/decide/protections.ts'
import type { MetadataRequest } from '../../registry/request.ts'
import type { Refusal } from '../answers/refusal.ts'
import { ATTRIBUTES } from '../protections/locks.ts'
import type { GuardPorts } from '../protections/protected-repository.ts'
import { decideQuarantine } from '../protections/quarantine.ts'
import { LOCK, REPOSITORY } from '../protections/state/calls.ts'
import { nameAtUpstream, registryObjectName, stateOf } from '../protections/state-client.ts'
import { digestReference, metadataTarget, showManifest, showRepository, showTag } from './answer.ts'
import { allTags } from './inventory.ts'
import { type MetadataRepository, metadataRepository } from './repository.ts'

const STATES: ReadonlyMap<unknown, 'passed' | 'failed'> = new Map([
  ['passed', 'passed'],
  ['failed', 'failed'],
])

/** What a change of attributes asks for. */
type Change = {
  /** Bits of `LOCK`. */
  readonly forbid: number
  readonly permit: number
  readonly decision?: { readonly state: 'passed' | 'failed'; readonly details?: string }
}

/**
 * Makes an allowed change of attributes in place of the registry; undefined: the registry makes it.
 *
 * @param body the change, as JSON
 */
export function changeMetadata(
  request: MetadataRequest,
  body: string,
  ports: GuardPorts,
): Promise<Response | Refusal> | Refusal | undefined {
  const { name, requirements } = request
  if (name === undefined) return undefined
  const { keepsAttributes } = ports.context().settings
  const isDecision = requirements.some(({ action }) => action === 'quarantine/write')
  if (!keepsAttributes) {
    const isOwn = isDecision && quarantineOf(protectionsOn(ports.common, name)) !== undefined
    if (!isOwn) return undefined
  }
  const change = readChange(body)
  if (change === undefined || (!keepsAttributes && (change.forbid | change.permit) !== 0)) {
    return { code: 'attributes_invalid' }
  }
  return apply(request, change, metadataRepository(name, ports))
}

async function apply(
  request: MetadataRequest,
  change: Change,
  repository: MetadataRepository,
): Promise<Response | Refusal> {
  const target = metadataTarget(request)
  const { decision } = change
  if (decision !== undefined && target?.kind !== 'manifests') return { code: 'attributes_invalid' }
  switch (target?.kind) {
    case 'repository': {
      if ((await allTags(repository))?.length === 0) return { code: 'repository_missing' }
      await lockRepository(change, repository)
      return showRepository(repository)
    }
    case 'tags': {
      const { tag } = request
      const shown = tag === undefined ? undefined : await showTag(tag, repository)
      if (tag === undefined || !(shown instanceof Response)) return shown ?? { code: 'manifest_missing' }
      await lock(tag, change, repository)
      return showTag(tag, repository)
    }
    case 'manifests': {
      const { reference: text = '' } = target
      const reference = digestReference(text)
      const manifest = reference && (await repository.facts.manifest(reference))
      if (manifest === undefined) return { code: 'manifest_missing' }
      await lock(manifest.digests[0], change, repository)
      if (decision !== undefined) await decideQuarantine(manifest, decision, repository)
      return showManifest(text, repository)
    }
    default:
      return { code: 'metadata_unsupported' }
  }
}

async function lock(target: string, { forbid, permit }: Change, { state }: MetadataRepository): Promise<void> {
  if ((forbid | permit) !== 0) await state().changeLock(target, forbid, permit)
}

/** Whether lists show a repository is kept by the object of the registry, so that a list needs one call. */
async function lockRepository({ forbid, permit }: Change, repository: MetadataRepository): Promise<void> {
  const { upstream } = repository.forwarding
  const all = stateOf(repository.ports.env, registryObjectName(upstream))
  const change = { forbid: forbid & ~LOCK.list, permit: permit & ~LOCK.list }
  await lock(REPOSITORY, change, repository)
  if (((forbid | permit) & LOCK.list) === 0) return
  await all.changeLock(nameAtUpstream(upstream, repository.name), forbid & LOCK.list, permit & LOCK.list)
}

/** Reads a change; undefined for a key that the gate does not keep, or a value of another kind. */
function readChange(body: string): Change | undefined {
  const value: unknown = JSON.parse(body)
  if (!isRecord(value)) return undefined
  const { quarantineState, quarantineDetails, ...locks } = value
  let forbid = 0
  let permit = 0
  for (const [name, isEnabled] of Object.entries(locks)) {
    const bit = ATTRIBUTES.get(name)
    if (bit === undefined || typeof isEnabled !== 'boolean') return undefined
    if (isEnabled) permit |= bit
    else forbid |= bit
  }
  if (quarantineState === undefined && quarantineDetails === undefined) return { forbid, permit }
  const state = STATES.get(typeof quarantineState === 'string' ? quarantineState.toLowerCase() : undefined)
  if (state === undefined) return undefined
  if (quarantineDetails === undefined || quarantineDetails === null) return { forbid, permit, decision: { state } }
  if (typeof quarantineDetails !== 'string') return undefined
  return { forbid, permit, decision: { state, details: quarantineDetails } }
}
