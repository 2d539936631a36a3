/** The calls of the Durable Object of a repository: what the gate asks, and what it tells. */

/** In place of a digest: the deletion of a whole repository deletes every digest. */
export const WHOLE_REPOSITORY = '*'

/** What a push asks for. */
export type Claim = {
  /** `keeps`: the tag must keep the digest that it names. */
  readonly tags: readonly { readonly tag: string; readonly keeps: boolean }[]
  /** Digests of the manifest, in each algorithm that the registry may name it by. The first one is recorded. */
  readonly digests: readonly [string, ...string[]]
  /** Digests of the manifests that it lists. */
  readonly children: readonly string[]
}

/** The answer to a {@link Claim}. */
export type ClaimAnswer =
  /** `attempt` names this push when it is settled. */
  | { readonly outcome: 'claimed'; readonly attempt: string }
  /**
   * The tag names another digest, or is claimed for it; nothing was claimed. `isSure` is false if the answer to the push of
   * that digest was lost: then the registry knows.
   */
  | { readonly outcome: 'taken'; readonly tag: string; readonly digest: string; readonly isSure: boolean }
  /** The manifest, or one that it lists, is being deleted. Nothing was claimed. */
  | { readonly outcome: 'deleting' }

/** What the registry says of tags: a digest, or null for a tag that it does not have. */
export type FoundTags = Readonly<Record<string, string | null>>

/** How a push ended. A push whose end nobody knows is never settled. */
export type PushEnd =
  | { readonly outcome: 'stored' }
  /** The registry never saw it. */
  | { readonly outcome: 'unsent' }
  /** Refused, or not sent because a tag names another digest: the registry has these digests now. */
  | { readonly outcome: 'refused'; readonly found: FoundTags }

/** A manifest that the gate sees. `exempt`: it has a subject, so that it is never held back. */
export type SeenManifest = { readonly digest: string; readonly exempt: boolean }

/** How the gate sees a manifest: on its way to the registry, in the registry, or there from a trusted pusher. */
export type Sighting = 'pushing' | 'stored' | 'trusted'

/** What is known of a manifest in quarantine. */
export type QuarantineRecord = SeenManifest & {
  readonly state: 'pending' | 'passed' | 'failed'
  /** When the gate first saw it in the registry, in milliseconds since the epoch; absent: not yet. */
  readonly firstSeenMs?: number
  /** What was said about it with the decision. */
  readonly details?: string
}

/** A decision about a manifest. */
export type QuarantineDecision = {
  readonly digest: string
  readonly state: 'passed' | 'failed'
  readonly details?: string
}

/** The target of a lock on the whole repository. The other targets are tags and digests: only a digest has a colon. */
export const REPOSITORY = ''

/** What a lock may forbid, as bits of one number. */
export const LOCK = { delete: 1, write: 2, list: 4, read: 8 } as const

/** What locks forbid. */
export type LockedTargets = {
  /** By target, as bits of {@link LOCK}. A target without a lock is absent. */
  readonly forbidden: ReadonlyMap<string, number>
  /** What the locks of manifests forbid, of all manifests together. */
  readonly anyManifest: number
}

/** When the gate first saw a tag or a manifest, and a tag with its digest, in milliseconds since the epoch. */
export type SeenTimes = { readonly createdMs: number; readonly updatedMs: number }

/** A tag that the object knows. `confirmed`: the registry has said so. */
export type KnownTag = { readonly name: string; readonly digest: string; readonly confirmed: boolean }

/** The methods of the object. A call over Workers RPC may fail, or never end. */
export type StateCalls = {
  /** Claims the tags of a push before the registry sees it. */
  claim(claim: Claim): Promise<ClaimAnswer>
  /** Records how a push ended that {@link claim} allowed. */
  settle(attempt: string, digests: readonly string[], end: PushEnd): Promise<void>
  /** Records what the registry says of a tag whose push was lost. */
  confirm(tag: string, found: string): Promise<void>
  /** Blocks pushes that need a manifest until {@link endDeletion}, and says which tags need it. */
  beginDeletion(digests: readonly string[]): Promise<{ readonly id: string; readonly tags: readonly string[] }>
  /** Ends a deletion. `gone`: digests that the registry does not have any more. */
  endDeletion(id: string, gone: readonly string[]): Promise<void>
  /** Records that the registry does not have tags any more. */
  forgetTags(tags: readonly string[]): Promise<void>
  /** Those of the tags that the registry has not confirmed. */
  unconfirmedOf(tags: readonly string[]): Promise<readonly string[]>
  /** Records what the registry says of tags that it has not confirmed. Returns manifests whose children are not known. */
  adopt(found: FoundTags): Promise<readonly string[]>
  /** Records what manifests list. Returns manifests whose children are not known yet. */
  learnChildren(children: Readonly<Record<string, readonly string[]>>): Promise<readonly string[]>
  /** Tags that name one of the digests, or an index that lists one at any depth. */
  tagsThatNeed(digests: readonly string[]): Promise<readonly string[]>
  /** What is known of a manifest in quarantine; null if the gate has never seen it. */
  quarantineRecord(digest: string): Promise<QuarantineRecord | null>
  /** Records a manifest that the gate sees, and what it lists. A trusted one is released, unless it was rejected. */
  seeManifest(manifest: SeenManifest, children: readonly string[], sighting: Sighting): Promise<QuarantineRecord>
  /** Records a decision. A release of an index releases what it lists. */
  decideQuarantine(decision: QuarantineDecision): Promise<void>
  /** Manifests that were recorded for a quarantine and are not exempt, in order, at most `limit`. */
  recordedManifests(limit: number): Promise<readonly QuarantineRecord[]>
  /** The locks of targets. */
  locksOf(targets: readonly string[]): Promise<LockedTargets>
  /** Changes a lock: forbids and permits what is in the bits. */
  changeLock(target: string, forbid: number, permit: number): Promise<void>
  /** Targets whose lock forbids something of the bits, without the repository itself, and all that it forbids. */
  lockedTargets(bits: number): Promise<ReadonlyMap<string, number>>
  /** Forgets the locks and times of targets that were deleted, or of all with {@link WHOLE_REPOSITORY}. */
  forgetTargets(targets: readonly string[]): Promise<void>
  /** Records the digest of each target, and says when it was first seen. */
  observe(digests: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, SeenTimes>>
  /** Tags that pushes or the registry made known, in the order of their names. */
  knownTags(after: string, limit: number): Promise<readonly KnownTag[]>
  /** The manifest and what it lists at any depth, as far as their children are not known. */
  unreadBelow(digest: string): Promise<readonly string[]>
  /** Keeps an event for the webhook until that has taken it. `id` names the event; the same one again changes nothing. */
  announce(id: string, body: string): Promise<void>
}
