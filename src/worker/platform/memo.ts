/**
 * A cache with an expiry for each entry and a bounded size. The least recently used entries are dropped first. Keys may be
 * secrets, so expired entries are removed at the first call of `get` that is a minute or more after the last sweep.
 */
import type { EpochSeconds } from '../../policy/model.ts'

const SWEEP_SECONDS = 60

/** A cache in memory; all times are seconds since the epoch, given by the caller. */
export class Memo<T> {
  readonly #entries = new Map<string, { readonly value: T; readonly until: EpochSeconds; readonly places: number }>()
  readonly #capacity: number
  #taken = 0
  #sweptAt = Number.NEGATIVE_INFINITY

  /** @param capacity in places; most entries take one place */
  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** Number of entries, including expired ones that were not removed yet. */
  get size(): number {
    return this.#entries.size
  }

  /** The value of an entry that has not expired; it becomes the most recently used one. */
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
   * Adds or replaces an entry.
   *
   * @param until when it expires, exclusive
   * @param places how much of the capacity it takes; default 1
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
