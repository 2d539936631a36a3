/**
 * Which manifests of a repository are held back: when the gate first saw each, and what was decided about it. Knows nothing of
 * policy: the gate says whether a repository has a quarantine, and how long it lasts.
 */
import type { QuarantineDecision, QuarantineRecord, SeenManifest } from './calls.ts'

type Row = {
  digest: string
  state: QuarantineRecord['state']
  first_seen: number
  exempt: number
  details: string | null
}

/** The records of one repository. Each method runs inside of a transaction of the object. */
export class QuarantineRecords {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  /** Records a manifest that the gate sees. One that was seen before keeps its state and its time. */
  see({ digest, exempt }: SeenManifest, nowMs: number): QuarantineRecord {
    this.#sql.exec(
      "INSERT OR IGNORE INTO quarantine (digest, state, first_seen, exempt) VALUES (?, 'pending', ?, ?)",
      digest,
      nowMs,
      exempt ? 1 : 0,
    )
    const record = this.find(digest)
    if (record === undefined) throw new Error('a record that was written is not there')
    return record
  }

  /** What is known of a manifest; undefined if the gate has never seen it. */
  find(digest: string): QuarantineRecord | undefined {
    const [row] = this.#sql.exec<Row>('SELECT * FROM quarantine WHERE digest = ?', digest).toArray()
    if (row === undefined) return undefined
    const { state, first_seen: firstSeenMs, exempt, details } = row
    return { digest, state, firstSeenMs, exempt: exempt === 1, ...(details === null ? {} : { details }) }
  }

  /** Releases a manifest whose pusher is trusted, unless it was rejected. */
  trust(digest: string): void {
    this.#sql.exec("UPDATE quarantine SET state = 'passed' WHERE digest = ? AND state = 'pending'", digest)
  }

  /**
   * Records a decision. Releasing an index releases what it lists, at any depth, but for manifests that were rejected
   * themselves.
   */
  decide({ digest, state, details }: QuarantineDecision, nowMs: number): void {
    this.see({ digest, exempt: false }, nowMs)
    this.#sql.exec('UPDATE quarantine SET state = ?, details = ? WHERE digest = ?', state, details ?? null, digest)
    if (state === 'failed') return
    this.#sql.exec(
      `INSERT OR IGNORE INTO quarantine (digest, state, first_seen, exempt) SELECT digest, 'pending', ?, 0 FROM (${LISTED})`,
      nowMs,
      digest,
    )
    this.#sql.exec(
      `UPDATE quarantine SET state = 'passed' WHERE state = 'pending' AND digest IN (SELECT digest FROM (${LISTED}))`,
      digest,
    )
  }
}

const LISTED = `
  WITH RECURSIVE listed (digest) AS (
    VALUES (?) UNION SELECT child FROM children JOIN listed ON parent = listed.digest
  )
  SELECT digest FROM listed`
