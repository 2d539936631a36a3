/**
 * What was verified a moment ago need not be verified again. Bounded in size and by expiry; the oldest use goes first.
 * What expired is dropped within a minute, once somebody asks for anything: keys may be secrets.
 */
import type { EpochSeconds } from '../../policy/model.ts'

const SWEEP_SECONDS = 60

export class Memo<T> {
  readonly #entries = new Map<string, { readonly value: T; readonly until: EpochSeconds; readonly places: number }>()
  readonly #capacity: number
  #taken = 0
  #sweptAt = Number.NEGATIVE_INFINITY

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string, now: EpochSeconds): T | undefined {
    if (now >= this.#sweptAt + SWEEP_SECONDS) this.#sweep(now)
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    if (now >= entry.until) {
      this.#forget(key)
      return undefined
    }
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return entry.value
  }

  /**
   * @param until exclusive
   * @param places how much of the capacity it takes
   */
  set(key: string, value: T, until: EpochSeconds, places = 1): void {
    this.#forget(key)
    this.#entries.set(key, { value, until, places })
    this.#taken += places
    for (const oldest of this.#entries.keys()) {
      if (this.#taken <= this.#capacity) return
      this.#forget(oldest)
    }
  }

  #sweep(now: EpochSeconds): void {
    this.#sweptAt = now
    for (const [key, { until }] of this.#entries) if (now >= until) this.#forget(key)
  }

  #forget(key: string): void {
    this.#taken -= this.#entries.get(key)?.places ?? 0
    this.#entries.delete(key)
  }
}
