/**
 * Which manifests of a repository are held back: when the gate first saw each, and what was decided about it. Knows nothing of
 * policy: the gate says whether a repository has a quarantine, and how long it lasts.
 */
import type { QuarantineDecision, QuarantineRecord, SeenManifest, Sighting } from './calls.ts'

type Row = {
  digest: string
  state: QuarantineRecord['state']
  first_seen: number | null
  exempt: number
  details: string | null
}

/** The records of one repository. Each method runs inside of a transaction of the object. */
export class QuarantineRecords {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  /**
   * Records a manifest that the gate sees. One that was seen in the registry before keeps its time, so that a push that failed
   * does not let a later one be older than it is.
   */
  see({ digest, exempt }: SeenManifest, sighting: Sighting, nowMs: number): QuarantineRecord {
    this.#insert(digest, exempt)
    if (sighting !== 'pushing') {
      this.#sql.exec('UPDATE quarantine SET first_seen = ? WHERE digest = ? AND first_seen IS NULL', nowMs, digest)
    }
    if (sighting === 'trusted') this.#pass(digest)
    const record = this.find(digest)
    if (record === undefined) throw new Error('a record that was written is not there')
    return record
  }

  /** What is known of a manifest; undefined if the gate has never seen it. */
  find(digest: string): QuarantineRecord | undefined {
    const [row] = this.#sql.exec<Row>('SELECT * FROM quarantine WHERE digest = ?', digest).toArray()
    return row && recordOf(row)
  }

  /** Records of manifests that are not exempt, in the order of their digests. */
  recorded(limit: number): readonly QuarantineRecord[] {
    const rows = this.#sql.exec<Row>('SELECT * FROM quarantine WHERE exempt = 0 ORDER BY digest LIMIT ?', limit)
    return Array.from(rows, recordOf)
  }

  /**
   * Records a decision. Releasing an index releases what it lists, at any depth, but for manifests that were rejected
   * themselves.
   */
  decide({ digest, state, details }: QuarantineDecision): void {
    this.#insert(digest, false)
    this.#sql.exec('UPDATE quarantine SET state = ?, details = ? WHERE digest = ?', state, details ?? null, digest)
    if (state === 'failed') return
    const listed = this.#sql.exec<{ digest: string }>(LISTED, digest).toArray()
    for (const each of listed) {
      this.#insert(each.digest, false)
      this.#pass(each.digest)
    }
  }

  #pass(digest: string): void {
    this.#sql.exec("UPDATE quarantine SET state = 'passed' WHERE digest = ? AND state = 'pending'", digest)
  }

  #insert(digest: string, exempt: boolean): void {
    this.#sql.exec(
      "INSERT OR IGNORE INTO quarantine (digest, state, exempt) VALUES (?, 'pending', ?)",
      digest,
      exempt ? 1 : 0,
    )
  }
}

const recordOf = ({ digest, state, first_seen: firstSeenMs, exempt, details }: Row): QuarantineRecord => ({
  digest,
  state,
  exempt: exempt === 1,
  ...(firstSeenMs === null ? {} : { firstSeenMs }),
  ...(details === null ? {} : { details }),
})

/** The digest, and what it lists at any depth. */
const LISTED =
  'WITH RECURSIVE l (digest) AS (VALUES (?) UNION SELECT child FROM children JOIN l ON parent = l.digest) SELECT digest FROM l'
