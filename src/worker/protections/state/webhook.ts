/**
 * The events of a quarantine, until the webhook has taken them: an outbox in the object, emptied by its alarm. An event is sent
 * again with the same `id` until the answer is 2xx, for 24 hours at most.
 *
 * Source: Azure/acr `docs/preview/quarantine/readme.md` (the event); RFC 2104 (HMAC).
 */
import { toHex } from '../../../base/bytes.ts'

/** What the webhook needs of the environment of the object. */
export type WebhookEnv = {
  /** URL that gets the events; absent: nobody is told. */
  readonly QUARANTINE_WEBHOOK?: string
  /** Key of the HMAC in `X-Dockgate-Signature`. */
  readonly QUARANTINE_WEBHOOK_SECRET?: string
}

const FIRST_RETRY_MS = 15_000
const LAST_RETRY_MS = 3_600_000
const GIVE_UP_AFTER_MS = 24 * 3_600_000
const TIMEOUT_MS = 10_000
/** Events of one alarm: a Worker of the free plan may make 50 calls. */
const BATCH = 20

type Row = { id: string; body: string; created: number; attempts: number }

/** The events that wait. Each method but {@link deliver} runs inside of a transaction of the object. */
export class Outbox {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  /** Adds an event. The same `id` again changes nothing. */
  add(id: string, body: string, nowMs: number): void {
    this.#sql.exec(
      'INSERT OR IGNORE INTO outbox (id, body, created, attempts, due) VALUES (?, ?, ?, 0, ?)',
      id,
      body,
      nowMs,
      nowMs,
    )
  }

  /** When the next event is due, in milliseconds since the epoch; undefined if none waits. */
  nextDueMs(): number | undefined {
    const [row] = this.#sql.exec<{ due: number | null }>('SELECT min(due) AS due FROM outbox').toArray()
    return row?.due ?? undefined
  }

  /** Sends the events that are due. Never rejects. */
  async deliver(env: WebhookEnv, nowMs: number): Promise<void> {
    const rows = this.#sql.exec<Row>('SELECT * FROM outbox WHERE due <= ? ORDER BY due LIMIT ?', nowMs, BATCH).toArray()
    for (const { id, body, created, attempts } of rows) {
      const problem = await send(body, env)
      if (problem === undefined) {
        this.#sql.exec('DELETE FROM outbox WHERE id = ?', id)
        continue
      }
      const isOver = nowMs - created >= GIVE_UP_AFTER_MS
      log(id, attempts + 1, isOver, problem)
      if (isOver) this.#sql.exec('DELETE FROM outbox WHERE id = ?', id)
      else {
        const delayMs = Math.min(FIRST_RETRY_MS * 2 ** attempts, LAST_RETRY_MS)
        this.#sql.exec('UPDATE outbox SET attempts = ?, due = ? WHERE id = ?', attempts + 1, nowMs + delayMs, id)
      }
    }
  }
}

/** Sends one event. @returns what went wrong; undefined for an answer with 2xx */
async function send(body: string, env: WebhookEnv): Promise<string | undefined> {
  const { QUARANTINE_WEBHOOK: url, QUARANTINE_WEBHOOK_SECRET: secret } = env
  if (url === undefined || url === '' || secret === undefined || secret === '') {
    return 'QUARANTINE_WEBHOOK and QUARANTINE_WEBHOOK_SECRET are not both set'
  }
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-dockgate-signature': `sha256=${await hmacOf(body, secret)}` },
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    await answer.body?.cancel()
    return answer.ok ? undefined : `the webhook answered with status ${answer.status}`
  } catch {
    // The error may hold the URL, which may hold a secret.
    return 'the webhook cannot be reached'
  }
}

async function hmacOf(body: string, secret: string): Promise<string> {
  const bytes = (text: string) => new TextEncoder().encode(text)
  const key = await crypto.subtle.importKey('raw', bytes(secret), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  return toHex(new Uint8Array(await crypto.subtle.sign('HMAC', key, bytes(body))))
}

/** One JSON line for the operator. */
const log = (id: string, attempts: number, isOver: boolean, message: string): void =>
  console.error(JSON.stringify({ kind: 'webhook', event: id, attempts, gaveUp: isOver, message }))
