/**
 * What was verified a moment ago need not be verified again. Bounded in number and by expiry; the oldest use goes first.
 * A memo belongs to one policy view and is forgotten with it. Keys are digests: nothing secret is kept.
 */
import type { EpochSeconds } from '../policy/model.ts'

export class Memo<T> {
  readonly #entries = new Map<string, { readonly value: T; readonly until: EpochSeconds }>()
  readonly #capacity: number

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
    if (now >= entry.until) return undefined
    this.#entries.set(key, entry)
    return entry.value
  }

  /** @param until exclusive */
  set(key: string, value: T, until: EpochSeconds): void {
    this.#entries.delete(key)
    this.#entries.set(key, { value, until })
    if (this.#entries.size <= this.#capacity) return
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest)
      return
    }
  }
}
