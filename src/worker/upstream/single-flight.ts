/**
 * One call at a time for each key. Requests that arrive during a call share its outcome, which must be plain data. The call
 * may never settle if its request has ended, so other requests wait for it only as long as a call can take.
 */
import { TIMED_OUT, within } from '../platform/timeout.ts'

/** The running calls by key. */
export class SingleFlight<T> {
  readonly #running = new Map<string, Promise<T>>()
  readonly #timeoutMs: number

  /** @param timeoutMs how long a call can take */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  /** The outcome of the running call, or of a new one. */
  async run(key: string, call: () => Promise<T>): Promise<T> {
    const running = this.#running.get(key)
    const outcome = running === undefined ? TIMED_OUT : await within(this.#timeoutMs, running)
    if (outcome !== TIMED_OUT) return outcome
    const made = call().finally(() => {
      if (this.#running.get(key) === made) this.#running.delete(key)
    })
    this.#running.set(key, made)
    return made
  }
}
