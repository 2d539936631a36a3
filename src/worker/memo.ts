/**
 * What was verified a moment ago need not be verified again. Bounded in size and by expiry; the oldest use goes first.
 * Who keeps secrets in one must be sure that they end soon by themselves.
 */
import type { EpochSeconds } from '../policy/model.ts'

export class Memo<T> {
  readonly #entries = new Map<string, { readonly value: T; readonly until: EpochSeconds; readonly places: number }>()
  readonly #capacity: number
  #taken = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string, now: EpochSeconds): T | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    this.#entries.delete(key)
    if (now < entry.until) {
      this.#entries.set(key, entry)
      return entry.value
    }
    this.#taken -= entry.places
    return undefined
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

  #forget(key: string): void {
    this.#taken -= this.#entries.get(key)?.places ?? 0
    this.#entries.delete(key)
  }
}
