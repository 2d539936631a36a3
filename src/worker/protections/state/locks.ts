/**
 * Locks of a repository, its tags and its manifests, and when the gate first saw them: what Azure's metadata API shows and a
 * registry of another kind does not keep. Knows nothing of requests: the gate says which locks concern one.
 */
import { type LockedTargets, REPOSITORY, type SeenTimes, WHOLE_REPOSITORY } from './calls.ts'

type LockRow = { target: string; forbidden: number }
type SeenRow = { created: number; updated: number }

/** The locks of one repository. Each method runs inside of a transaction of the object. */
export class Locks {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  /** What the locks of targets forbid. */
  of(targets: readonly string[]): LockedTargets {
    const rows = targets.flatMap((target) =>
      this.#sql.exec<LockRow>('SELECT * FROM locks WHERE target = ?', target).toArray(),
    )
    const manifests = this.#sql.exec<{ forbidden: number }>(
      "SELECT DISTINCT forbidden FROM locks WHERE instr(target, ':') > 0",
    )
    let anyManifest = 0
    for (const { forbidden } of manifests) anyManifest |= forbidden
    return { forbidden: new Map(rows.map((row) => [row.target, row.forbidden])), anyManifest }
  }

  /** Changes one lock. A lock that forbids nothing ends. */
  change(target: string, forbid: number, permit: number): void {
    const forbidden = ((this.of([target]).forbidden.get(target) ?? 0) | forbid) & ~permit
    if (forbidden === 0) this.#sql.exec('DELETE FROM locks WHERE target = ?', target)
    else this.#sql.exec('INSERT OR REPLACE INTO locks (target, forbidden) VALUES (?, ?)', target, forbidden)
  }

  /** Targets whose lock forbids something of the bits, without the repository itself. */
  targetsWith(bits: number): ReadonlyMap<string, number> {
    const rows = this.#sql.exec<LockRow>(
      'SELECT * FROM locks WHERE forbidden & ? > 0 AND target <> ?',
      bits,
      REPOSITORY,
    )
    return new Map(Array.from(rows, ({ target, forbidden }) => [target, forbidden]))
  }

  /** Forgets targets that were deleted. */
  forget(targets: readonly string[]): void {
    for (const target of targets) {
      if (target === WHOLE_REPOSITORY) for (const table of ['locks', 'seen']) this.#sql.exec(`DELETE FROM ${table}`)
      this.#sql.exec('DELETE FROM locks WHERE target = ?', target)
      this.#sql.exec('DELETE FROM seen WHERE target = ?', target)
    }
  }

  /** Records the digest of each target. A tag that names another digest than before was updated now. */
  observe(digests: ReadonlyMap<string, string>, nowMs: number): ReadonlyMap<string, SeenTimes> {
    const times = new Map<string, SeenTimes>()
    for (const [target, digest] of digests) {
      const row = this.#sql
        .exec<SeenRow>(
          `INSERT INTO seen (target, digest, created, updated) VALUES (?, ?, ?, ?)
           ON CONFLICT (target) DO UPDATE SET
             updated = iif(digest = excluded.digest, updated, excluded.updated), digest = excluded.digest
           RETURNING created, updated`,
          target,
          digest,
          nowMs,
          nowMs,
        )
        .one()
      times.set(target, { createdMs: row.created, updatedMs: row.updated })
    }
    return times
  }
}
