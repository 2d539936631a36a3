/**
 * The Durable Object of one repository of one registry: what protections must know and a registry cannot say. This class
 * opens the transactions; each concern has a file of its own. The gate calls its methods over Workers RPC.
 *
 * Source: Cloudflare Workers, "Durable Objects", SQLite storage.
 */
import { DurableObject } from 'cloudflare:workers'
import type {
  Claim,
  ClaimAnswer,
  FoundTags,
  KnownTag,
  LockedTargets,
  PushEnd,
  QuarantineDecision,
  QuarantineRecord,
  SeenManifest,
  SeenTimes,
  Sighting,
  StateCalls,
} from './calls.ts'
import { Locks } from './locks.ts'
import { migrate } from './migrations.ts'
import { QuarantineRecords } from './quarantine-records.ts'
import { TagClaims } from './tag-claims.ts'
import { Outbox, type WebhookEnv } from './webhook.ts'

/** The state of one repository. */
export class RepositoryState extends DurableObject<WebhookEnv> implements StateCalls {
  readonly #claims: TagClaims
  readonly #quarantine: QuarantineRecords
  readonly #locks: Locks
  readonly #outbox: Outbox

  constructor(ctx: DurableObjectState, env: WebhookEnv) {
    super(ctx, env)
    migrate(ctx.storage)
    this.#claims = new TagClaims(ctx.storage.sql)
    this.#quarantine = new QuarantineRecords(ctx.storage.sql)
    this.#locks = new Locks(ctx.storage.sql)
    this.#outbox = new Outbox(ctx.storage.sql)
  }

  async claim(claim: Claim): Promise<ClaimAnswer> {
    return this.#transaction(() => this.#claims.claim(claim, Date.now()))
  }

  async settle(attempt: string, digests: readonly string[], end: PushEnd): Promise<void> {
    this.#transaction(() => this.#claims.settle(attempt, digests, end, Date.now()))
  }

  async confirm(tag: string, found: string): Promise<void> {
    this.#transaction(() => this.#claims.confirm(tag, found, Date.now()))
  }

  async beginDeletion(digests: readonly string[]): Promise<{ readonly id: string; readonly tags: readonly string[] }> {
    return this.#transaction(() => ({
      id: this.#claims.beginDeletion(digests, Date.now()),
      tags: this.#claims.tagsThatNeed(digests),
    }))
  }

  async endDeletion(id: string, gone: readonly string[]): Promise<void> {
    this.#transaction(() => this.#claims.endDeletion(id, gone, Date.now()))
  }

  async forgetTags(tags: readonly string[]): Promise<void> {
    this.#transaction(() => this.#claims.forgetTags(tags, Date.now()))
  }

  async unconfirmedOf(tags: readonly string[]): Promise<readonly string[]> {
    return this.#claims.unconfirmedOf(tags)
  }

  async adopt(found: FoundTags): Promise<readonly string[]> {
    return this.#transaction(() => {
      this.#claims.adopt(found)
      return this.#claims.unreadManifests()
    })
  }

  async learnChildren(children: Readonly<Record<string, readonly string[]>>): Promise<readonly string[]> {
    return this.#transaction(() => {
      for (const [digest, listed] of Object.entries(children)) this.#claims.learnChildren(digest, listed)
      return this.#claims.unreadManifests()
    })
  }

  async tagsThatNeed(digests: readonly string[]): Promise<readonly string[]> {
    return this.#claims.tagsThatNeed(digests)
  }

  async quarantineRecord(digest: string): Promise<QuarantineRecord | null> {
    return this.#quarantine.find(digest) ?? null
  }

  async seeManifest(
    manifest: SeenManifest,
    children: readonly string[],
    sighting: Sighting,
  ): Promise<QuarantineRecord> {
    return this.#transaction(() => {
      this.#claims.learnChildren(manifest.digest, children)
      return this.#quarantine.see(manifest, sighting, Date.now())
    })
  }

  async decideQuarantine(decision: QuarantineDecision): Promise<void> {
    this.#transaction(() => this.#quarantine.decide(decision))
  }

  async unreadBelow(digest: string): Promise<readonly string[]> {
    return this.#claims.unreadBelow(digest)
  }

  async recordedManifests(limit: number): Promise<readonly QuarantineRecord[]> {
    return this.#quarantine.recorded(limit)
  }

  async locksOf(targets: readonly string[]): Promise<LockedTargets> {
    return this.#locks.of(targets)
  }

  async changeLock(target: string, forbid: number, permit: number): Promise<void> {
    this.#transaction(() => this.#locks.change(target, forbid, permit))
  }

  async lockedTargets(bits: number): Promise<ReadonlyMap<string, number>> {
    return this.#locks.targetsWith(bits)
  }

  async forgetTargets(targets: readonly string[]): Promise<void> {
    this.#transaction(() => this.#locks.forget(targets))
  }

  async observe(digests: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, SeenTimes>> {
    return this.#transaction(() => this.#locks.observe(digests, Date.now()))
  }

  async knownTags(after: string, limit: number): Promise<readonly KnownTag[]> {
    return this.#claims.knownTags(after, limit)
  }

  async announce(id: string, body: string): Promise<void> {
    const now = Date.now()
    this.#transaction(() => this.#outbox.add(id, body, now))
    await this.#scheduleAlarm()
  }

  override async alarm(): Promise<void> {
    await this.#outbox.deliver(this.env, Date.now())
    await this.#scheduleAlarm()
  }

  async #scheduleAlarm(): Promise<void> {
    const due = this.#outbox.nextDueMs()
    if (due !== undefined) await this.ctx.storage.setAlarm(due)
  }

  #transaction<T>(run: () => T): T {
    return this.ctx.storage.transactionSync(run)
  }
}
