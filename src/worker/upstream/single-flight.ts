/**
 * One call at a time for each key: who asks meanwhile shares its outcome, which must be plain data. The request that made
 * a call may end and take the call with it, so nobody waits for another's longer than a call can take.
 */
import { LATE, within } from '../platform/timeout.ts'

export class SingleFlight<T> {
  readonly #running = new Map<string, Promise<T>>()
  readonly #patienceMs: number

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs
  }

  async run(key: string, call: () => Promise<T>): Promise<T> {
    const running = this.#running.get(key)
    const outcome = running === undefined ? LATE : await within(this.#patienceMs, running)
    if (outcome !== LATE) return outcome
    const made = call().finally(() => {
      if (this.#running.get(key) === made) this.#running.delete(key)
    })
    this.#running.set(key, made)
    return made
  }
}
