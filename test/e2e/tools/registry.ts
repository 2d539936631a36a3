/**
 * A registry to stand behind the gate, as a test sees it: started, ended, restarted, and asked which requests reached
 * it, so that a test can say that a refused one did not.
 */

import { randomUUID } from 'node:crypto'
import { Agent, get } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

/** A request as a registry served it. */
export interface ServedRequest {
  readonly method: string
  /** Path and query as they came over the wire. */
  readonly target: string
  readonly status: number
}

/** What a registry served since it was last told to forget. */
export interface Journal {
  /** Every request that was answered before this call, oldest first. */
  requests(): Promise<readonly ServedRequest[]>
  /** Leave out of later lists all that came before. */
  forgetRequests(): Promise<void>
}

/** A registry under a test's control, on a loopback port and storage of its own. */
export interface Registry extends Journal {
  /** `http://127.0.0.1:port`, the same after a restart. */
  readonly url: string
  /** `127.0.0.1:port`, for references. */
  readonly host: string
  /** All it has logged. */
  log(): string
  /** End it in an orderly way; the storage stays. */
  stop(): Promise<void>
  /** End it in the middle of whatever it does. */
  kill(): Promise<void>
  /** Start it again, on the same port and storage. */
  restart(): Promise<void>
}

const RECORD_TIMEOUT_MS = 60_000

/** The query parameter of the requests that a journal makes itself. */
const MARK = 'journal-mark'

/**
 * The journal of a registry at `url` that keeps its records in order. Records come a moment after answers, so a
 * journal first makes a request of its own: once that is recorded, so is everything answered before it.
 */
export function journalOf(url: string, isUp: () => boolean, records: () => readonly ServedRequest[]): Journal {
  let forgotten = 0
  const settled = async (): Promise<readonly ServedRequest[]> => {
    if (!isUp()) return records()
    const target = `/v2/?${MARK}=${randomUUID()}`
    await answered(`${url}${target}`)
    await until(RECORD_TIMEOUT_MS, 'the registry does not record its requests', () =>
      records().some((record) => record.target === target),
    )
    return records()
  }
  return {
    requests: async () =>
      (await settled()).slice(forgotten).filter(({ target }) => !target.startsWith(`/v2/?${MARK}=`)),
    forgetRequests: async () => {
      forgotten = (await settled()).length
    },
  }
}

/** Wait until `done`; throws `complaint` when that takes too long. */
export async function until(timeoutMs: number, complaint: string, done: () => boolean): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!done()) {
    if (performance.now() > deadline) throw new Error(complaint)
    await delay(5)
  }
}

/** One request on a connection of its own, over when its answer is read; the answer does not matter. */
function answered(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    get(url, { agent: new Agent({ keepAlive: false }) }, (response) => response.resume().on('end', resolve)).on(
      'error',
      reject,
    )
  })
}
