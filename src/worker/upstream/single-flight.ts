/**
 * One call at a time for each key: who asks meanwhile shares its outcome, which must be plain data. The request that made
 * a call may end and take the call with it, so nobody waits for another's longer than a call can take.
 */
import { TIMED_OUT, within } from '../platform/timeout.ts'

export class SingleFlight<T> {
  readonly #running = new Map<string, Promise<T>>()
  readonly #patienceMs: number

  constructor(timeoutMs: number) {
    this.#patienceMs = timeoutMs
  }

  async run(key: string, call: () => Promise<T>): Promise<T> {
    const running = this.#running.get(key)
    const outcome = running === undefined ? TIMED_OUT : await within(this.#patienceMs, running)
    if (outcome !== TIMED_OUT) return outcome
    const made = call().finally(() => {
      if (this.#running.get(key) === made) this.#running.delete(key)
    })
    this.#running.set(key, made)
    return made
  }
}
