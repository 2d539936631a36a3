/**
 * Write-once tags: a tag keeps its digest. A push claims its tags in the state of the repository before the registry sees
 * it, then asks the registry what the tags name, and goes on only if they name nothing or the same digest. A deletion goes on
 * only if no kept tag needs what it deletes.
 *
 * Each outcome that nobody knows leaves a claim, or a deletion, that grants nothing: see `./state/tag-claims.ts`.
 */
import type { ProtectionData } from '../../policy/decide/compiled.ts'
import type { KeptTags } from '../../policy/decide/protections.ts'
import type { ContentChange } from '../../registry/content-change.ts'
import type { Tag } from '../../registry/name.ts'
import type { Reference } from '../../registry/request.ts'
import type { Refusal } from '../answers/refusal.ts'
import { logFault } from '../platform/fault.ts'
import { readManifest } from './manifest.ts'
import type { RegistryFacts } from './registry-facts.ts'
import { type FoundTags, type StateCalls, WHOLE_REPOSITORY } from './state/calls.ts'

/** One change of a repository that write-once protections cover. */
export type GuardedChange = {
  readonly kept: KeptTags
  readonly state: () => StateCalls
  readonly facts: RegistryFacts
  /** The text of the pushed manifest; undefined if it cannot be read. */
  readonly manifest: () => Promise<string | undefined>
  /** Sends the request to the registry, with this body in place of the client's. */
  readonly forward: (body?: string) => Promise<Response | Refusal>
  /** Takes the name of a protection that would have refused the change, but is only audited. */
  readonly audit: (protection: string) => void
  /** Id of the request, for the log. */
  readonly id: string
}

/** Makes a change of content, or refuses it. */
export function guardWriteOnce(change: ContentChange, guarded: GuardedChange): Promise<Response | Refusal> {
  switch (change.kind) {
    case 'push':
      return push(change.tags, guarded)
    case 'deleteTag':
      return deleteTag(change.tag, guarded)
    case 'deleteManifest':
      return deleteManifest({ kind: 'digest', digest: change.digest }, guarded)
    case 'deleteRepository':
      return deleteDigests([WHOLE_REPOSITORY], guarded)
    case 'deleteBlob':
    case 'restore':
      return changeUnseen(change.kind, guarded)
  }
}

async function push(tags: readonly Tag[], guarded: GuardedChange): Promise<Response | Refusal> {
  const { kept, forward, facts } = guarded
  const covered = [...new Set(tags)].filter(kept.isCovered)
  if (covered.length === 0) return forward()
  const text = await guarded.manifest()
  const manifest = text === undefined ? undefined : await readManifest(text)
  if (manifest === undefined) return { code: 'manifest_unreadable' }
  const { digests, children } = manifest
  const state = guarded.state()
  const claim = await claimTags({ tags: covered, digests, children }, state, guarded)
  if ('code' in claim) return claim
  const { attempt } = claim
  // Tags of exempt callers may move.
  const watched = covered.filter((tag) => kept.keeper(tag) !== undefined || kept.audited(tag).length > 0)
  let found: FoundTags
  try {
    found = await facts.digestsOf(watched)
  } catch (error) {
    await settle(guarded, () => state.settle(attempt, digests, { outcome: 'unsent' }))
    throw error
  }
  const moved = watched.filter((tag) => typeof found[tag] === 'string' && !digests.includes(found[tag]))
  const refused = moved.map((tag) => refusalOf(kept, tag, found[tag] ?? undefined)).find((each) => each !== undefined)
  if (refused !== undefined) {
    await settle(guarded, () => state.settle(attempt, digests, { outcome: 'refused', found }))
    return refused
  }
  for (const tag of moved) for (const { name } of kept.audited(tag)) guarded.audit(name)
  const answer = await forward(text)
  if (!(answer instanceof Response)) {
    await settle(guarded, () => state.settle(attempt, digests, { outcome: 'unsent' }))
  } else if (answer.ok) {
    await settle(guarded, () => state.settle(attempt, digests, { outcome: 'stored' }))
  } else if (answer.status < 500) {
    await settle(guarded, async () => {
      await state.settle(attempt, digests, { outcome: 'refused', found: await facts.digestsOf(covered) })
    })
  }
  return answer
}

type Pushed = {
  readonly tags: readonly Tag[]
  readonly digests: readonly [string, ...string[]]
  children: readonly string[]
}

/** Claims tags. Where the answer to an earlier push was lost, the registry says whether its digest holds the tag. */
async function claimTags(
  { tags, digests, children }: Pushed,
  state: StateCalls,
  { kept, facts }: GuardedChange,
): Promise<{ readonly attempt: string } | Refusal> {
  const claim = { tags: tags.map((tag) => ({ tag, keeps: kept.keeper(tag) !== undefined })), digests, children }
  // Each round settles one tag.
  for (let round = 0; ; round++) {
    const answer = await state.claim(claim)
    if (answer.outcome === 'claimed') return answer
    if (answer.outcome === 'deleting') return { code: 'manifest_busy' }
    const { digest, isSure } = answer
    const tag = tags.find((each) => each === answer.tag)
    const found = isSure || tag === undefined || round === tags.length ? undefined : (await facts.digestsOf([tag]))[tag]
    if (tag === undefined || typeof found !== 'string' || found === digest) {
      return refusalOf(kept, answer.tag, digest) ?? { code: 'manifest_busy' }
    }
    await state.confirm(tag, found)
  }
}

async function deleteTag(tag: Tag, guarded: GuardedChange): Promise<Response | Refusal> {
  const { kept, state } = guarded
  const refused = refusalOf(kept, tag)
  if (refused !== undefined) return refused
  for (const { name } of kept.audited(tag)) guarded.audit(name)
  // A registry may delete the manifest with the tag, and with it the other tags of the manifest.
  const answer = await deleteManifest({ kind: 'tag', tag }, guarded)
  if (kept.isCovered(tag) && isGone(answer)) await settle(guarded, () => state().forgetTags([tag]))
  return answer
}

async function deleteManifest(reference: Reference, guarded: GuardedChange): Promise<Response | Refusal> {
  const manifest = await guarded.facts.manifest(reference)
  if (manifest !== undefined) return deleteDigests(manifest.digests, guarded)
  // A push may store the manifest before the deletion arrives.
  return reference.kind === 'digest' ? deleteDigests([reference.digest], guarded) : guarded.forward()
}

/** @param digests of one manifest in each algorithm, or of the whole repository */
async function deleteDigests(digests: readonly string[], guarded: GuardedChange): Promise<Response | Refusal> {
  const state = guarded.state()
  const { id, tags } = await state.beginDeletion(digests)
  let refused: Refusal | undefined
  try {
    refused = refuseAny(tags, guarded) ?? (await refuseUnseen(digests, state, guarded))
  } catch (error) {
    await settle(guarded, () => state.endDeletion(id, []))
    throw error
  }
  if (refused !== undefined) {
    await settle(guarded, () => state.endDeletion(id, []))
    return refused
  }
  const answer = await guarded.forward()
  // After any other answer the registry may still delete it: the deletion ends by age.
  if (isGone(answer)) await settle(guarded, () => state.endDeletion(id, digests))
  else if (!(answer instanceof Response) || answer.status < 500) await settle(guarded, () => state.endDeletion(id, []))
  return answer
}

/** Looks at the kept tags that the state does not know yet. */
async function refuseUnseen(
  digests: readonly string[],
  state: StateCalls,
  guarded: GuardedChange,
): Promise<Refusal | undefined> {
  const { kept, facts } = guarded
  const isWatched = (tag: string): boolean => kept.keeper(tag) !== undefined || kept.audited(tag).length > 0
  if (kept.holding.enforced.length + kept.holding.audited.length === 0) return undefined
  const tags = await facts.tags(isWatched)
  if (tags === undefined) return { code: 'too_many_tags' }
  await adoptTags(tags, state, facts)
  const needed = await state.tagsThatNeed(digests)
  const refused = refuseAny(needed, guarded)
  if (refused === undefined) {
    for (const name of new Set(needed.flatMap((tag) => kept.audited(tag).map((each) => each.name)))) guarded.audit(name)
  }
  return refused
}

/**
 * Makes tags known that the registry has, and what their manifests list.
 *
 * @returns what the registry says of those that were not known
 */
export async function adoptTags(tags: readonly Tag[], state: StateCalls, facts: RegistryFacts): Promise<FoundTags> {
  const unconfirmed = new Set(await state.unconfirmedOf(tags))
  const found = await facts.digestsOf(tags.filter((tag) => unconfirmed.has(tag)))
  let unread = await state.adopt(found)
  const asked = new Set<string>()
  for (;;) {
    const next = unread.filter((digest) => !asked.has(digest))
    if (next.length === 0) return found
    for (const digest of next) asked.add(digest)
    unread = await state.learnChildren(await facts.childrenOf(next))
  }
}

/** A change whose manifests and tags the gate cannot know: every kept tag may need what it changes. */
async function changeUnseen(
  kind: 'deleteBlob' | 'restore',
  { kept, forward, audit }: GuardedChange,
): Promise<Response | Refusal> {
  const { enforced, audited } = kept.holding
  const [first] = enforced
  if (first !== undefined) return { code: 'write_once', change: kind, ...namesOf(first) }
  for (const { name } of audited) audit(name)
  return forward()
}

const refuseAny = (tags: readonly string[], { kept }: GuardedChange): Refusal | undefined =>
  tags.map((tag) => refusalOf(kept, tag)).find((refusal) => refusal !== undefined)

/** The refusal to move a tag, with the digest that it names, or to delete what it needs. */
function refusalOf(kept: KeptTags, tag: string, digest?: string): Refusal | undefined {
  const protection = kept.keeper(tag)
  if (protection === undefined) return undefined
  const change = digest === undefined ? 'delete' : 'move'
  return { code: 'write_once', change, tag, ...(digest === undefined ? {} : { digest }), ...namesOf(protection) }
}

const namesOf = ({ name, message }: ProtectionData) => ({
  rule: { kind: 'protection', id: name } as const,
  ...(message === undefined ? {} : { message }),
})

const isGone = (answer: Response | Refusal): boolean =>
  answer instanceof Response && (answer.ok || answer.status === 404)

/** Records an end. If that fails, the client still gets the registry's answer: what is left behind grants nothing. */
async function settle({ id }: GuardedChange, record: () => Promise<void>): Promise<void> {
  try {
    await record()
  } catch (error) {
    logFault(error, id)
  }
}
