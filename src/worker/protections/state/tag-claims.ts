/**
 * Which digest each tag names, as far as the gate knows, and which pushes and deletes are under way. A push claims its tags
 * for its digest before the registry sees it. So two pushes at once never both win, and a push whose answer is lost leaves a
 * claim that the same digest may use again. Knows nothing of policy: the gate says which tags are kept.
 */
import { type Claim, type ClaimAnswer, type FoundTags, type KnownTag, type PushEnd, WHOLE_REPOSITORY } from './calls.ts'

/** Milliseconds after which a request cannot have an effect in the registry any more: no client and no proxy waits so long. */
const LOST_AFTER_MS = 15 * 60_000

type ClaimRow = { tag: string; digest: string; settled: number }

/** The claims of one repository. Each method runs inside of a transaction of the object. */
export class TagClaims {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  /** Claims every tag of a push, or none. */
  claim({ tags, digests, children }: Claim, nowMs: number): ClaimAnswer {
    for (const { tag, keeps } of tags) {
      const held = this.#claimOf(tag)
      if (!keeps || held === undefined || digests.includes(held.digest)) continue
      const isSure = held.settled === 1 || this.#hasAttempt(tag, nowMs)
      return { outcome: 'taken', tag, digest: held.digest, isSure }
    }
    if ([...digests, ...children, WHOLE_REPOSITORY].some((each) => this.#isBeingDeleted(each, nowMs))) {
      return { outcome: 'deleting' }
    }
    const [digest] = digests
    this.learnChildren(digest, children)
    const attempt = crypto.randomUUID()
    for (const { tag } of tags) {
      const held = this.#claimOf(tag)
      if (held === undefined || !digests.includes(held.digest)) this.#put(tag, digest, false)
      this.#sql.exec('INSERT INTO attempts (id, tag, started) VALUES (?, ?, ?)', attempt, tag, nowMs)
    }
    return { outcome: 'claimed', attempt }
  }

  /** Records how a push ended. */
  settle(attempt: string, digests: readonly string[], end: PushEnd, nowMs: number): void {
    const tags = this.#texts('SELECT tag FROM attempts WHERE id = ?', attempt)
    this.#sql.exec('DELETE FROM attempts WHERE id = ?', attempt)
    for (const tag of tags) {
      const held = this.#claimOf(tag)
      // An exempt caller has moved the tag in the meantime.
      if (held === undefined || !digests.includes(held.digest)) continue
      if (end.outcome === 'stored') this.#put(tag, held.digest, true)
      else if (!this.#hasAttempt(tag, nowMs)) this.#release(held, end.outcome === 'unsent' ? null : end.found[tag])
    }
  }

  /** Records what the registry says of a tag whose push was lost. A tag that the registry does not have stays claimed. */
  confirm(tag: string, found: string, nowMs: number): void {
    const held = this.#claimOf(tag)
    if (held?.settled === 0 && !this.#hasAttempt(tag, nowMs)) this.#put(tag, found, true)
  }

  /** Records the digests of tags that the registry has not confirmed yet. */
  adopt(found: FoundTags): void {
    for (const [tag, digest] of Object.entries(found)) {
      if (digest === null) continue
      const held = this.#claimOf(tag)
      if (held === undefined) this.#put(tag, digest, true)
      // A push claims the tag for another digest. It will not go on, but it has not asked the registry yet.
      else if (held.settled === 0 && held.digest !== digest) {
        this.#sql.exec('INSERT OR REPLACE INTO sightings (tag, digest) VALUES (?, ?)', tag, digest)
      }
    }
  }

  /** Those of the tags that the registry has not confirmed. */
  unconfirmedOf(tags: readonly string[]): readonly string[] {
    return tags.filter((tag) => this.#claimOf(tag)?.settled !== 1)
  }

  /** Records that the registry does not have tags any more. A tag stays known while a push of it is under way. */
  forgetTags(tags: readonly string[], nowMs: number): void {
    for (const tag of tags) {
      this.#sql.exec('DELETE FROM sightings WHERE tag = ?', tag)
      if (!this.#hasAttempt(tag, nowMs)) this.#sql.exec('DELETE FROM claims WHERE tag = ?', tag)
    }
  }

  /**
   * Until {@link endDeletion}, no push may claim one of these digests, nor an index that lists one.
   *
   * @param digests of one manifest in each algorithm, or {@link WHOLE_REPOSITORY}
   * @returns the name of the deletion
   */
  beginDeletion(digests: readonly string[], nowMs: number): string {
    const id = crypto.randomUUID()
    for (const digest of digests) {
      this.#sql.exec('INSERT INTO deletions (id, digest, started) VALUES (?, ?, ?)', id, digest, nowMs)
    }
    return id
  }

  /** Lets pushes claim the digests again. @param gone what the registry does not have any more */
  endDeletion(id: string, gone: readonly string[], nowMs: number): void {
    this.#sql.exec('DELETE FROM deletions WHERE id = ?', id)
    for (const digest of gone) {
      const all = digest === WHOLE_REPOSITORY
      const tags = all ? this.#texts(ALL_TAGS) : this.#texts('SELECT tag FROM claims WHERE digest = ?', digest)
      this.forgetTags(tags, nowMs)
    }
  }

  /** Tags that name one of the digests, or an index that lists one at any depth, in the order of their names. */
  tagsThatNeed(digests: readonly string[]): readonly string[] {
    if (digests.includes(WHOLE_REPOSITORY)) return this.#texts(ALL_TAGS)
    return [...new Set(digests.flatMap((digest) => this.#texts(TAGS_THAT_NEED, digest)))].sort()
  }

  /** Tags after a name, in the order of their names. */
  knownTags(after: string, limit: number): readonly KnownTag[] {
    const rows = this.#sql.exec<ClaimRow>('SELECT * FROM claims WHERE tag > ? ORDER BY tag LIMIT ?', after, limit)
    return Array.from(rows, ({ tag, digest, settled }) => ({ name: tag, digest, confirmed: settled === 1 }))
  }

  /** Manifests that tags name, directly or through an index, and whose children are not known. */
  unreadManifests(): readonly string[] {
    return this.#texts(UNREAD)
  }

  /** The manifest and what it lists at any depth, as far as their children are not known. */
  unreadBelow(digest: string): readonly string[] {
    return this.#texts(UNREAD_BELOW, digest)
  }

  /** Records what a manifest lists; a manifest that is not an index lists nothing. */
  learnChildren(digest: string, children: readonly string[]): void {
    this.#sql.exec('INSERT OR IGNORE INTO manifests (digest) VALUES (?)', digest)
    for (const child of children) {
      this.#sql.exec('INSERT OR IGNORE INTO children (parent, child) VALUES (?, ?)', digest, child)
    }
  }

  /** The only column of each row. */
  #texts(query: string, ...values: readonly string[]): readonly string[] {
    return Array.from(this.#sql.exec(query, ...values).raw<string[]>(), ([text = '']) => text)
  }

  #claimOf(tag: string): ClaimRow | undefined {
    return this.#sql.exec<ClaimRow>('SELECT * FROM claims WHERE tag = ?', tag).toArray()[0]
  }

  #put(tag: string, digest: string, settled: boolean): void {
    this.#sql.exec(
      'INSERT OR REPLACE INTO claims (tag, digest, settled) VALUES (?, ?, ?)',
      tag,
      digest,
      settled ? 1 : 0,
    )
    if (settled) this.#sql.exec('DELETE FROM sightings WHERE tag = ?', tag)
  }

  /** No push of the tag is under way, so the registry knows: a claim that it never confirmed ends. */
  #release({ tag, settled }: ClaimRow, found: string | null | undefined): void {
    if (typeof found === 'string') this.#put(tag, found, true)
    else if (found === null && settled === 0) this.#sql.exec('DELETE FROM claims WHERE tag = ?', tag)
  }

  #hasAttempt(tag: string, nowMs: number): boolean {
    this.#sql.exec('DELETE FROM attempts WHERE tag = ? AND started < ?', tag, nowMs - LOST_AFTER_MS)
    return this.#sql.exec('SELECT 1 FROM attempts WHERE tag = ? LIMIT 1', tag).toArray().length > 0
  }

  #isBeingDeleted(digest: string, nowMs: number): boolean {
    this.#sql.exec('DELETE FROM deletions WHERE started < ?', nowMs - LOST_AFTER_MS)
    return this.#sql.exec('SELECT 1 FROM deletions WHERE digest = ? LIMIT 1', digest).toArray().length > 0
  }
}

const ALL_TAGS = 'SELECT tag FROM claims ORDER BY tag'

/** The digest, and each index that lists it, at any depth. */
const NEEDED = 'WITH RECURSIVE n (d) AS (VALUES (?) UNION SELECT parent FROM children JOIN n ON child = n.d)'
const TAGS_THAT_NEED = `${NEEDED} SELECT tag FROM claims JOIN n ON digest = d UNION SELECT tag FROM sightings JOIN n ON digest = d`

/** What is reached from some digests through the children of manifests, and whose own children are not known. */
const unreadFrom = (start: string): string =>
  `WITH RECURSIVE r (digest) AS (${start} UNION SELECT child FROM children JOIN r ON parent = r.digest) SELECT digest FROM r WHERE digest NOT IN (SELECT digest FROM manifests)`
const UNREAD = unreadFrom('SELECT digest FROM claims UNION SELECT digest FROM sightings')
const UNREAD_BELOW = unreadFrom('VALUES (?)')
