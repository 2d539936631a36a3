/**
 * A cache of verified shards by digest. The least recently used shards are dropped first. Views share it, so a new bundle
 * reads only the shards that changed.
 */

import type { Result } from '../../base/result.ts'
import type { BundleProblem } from '../../bundle/problem.ts'
import { openShard, type Shard } from '../../bundle/shard.ts'
import { TIMED_OUT, within } from '../platform/timeout.ts'

/** Estimated memory for shards. An isolate has 128 MB for everything. */
const CAPACITY_BYTES = 32 * 1024 * 1024

/** Memory of a parsed shard with opened principals, for each byte of its text. */
const MEMORY_PER_BYTE = 4

/** How long to wait for a read of another request. If that request has ended, its read may never settle. */
const PATIENCE_MS = 1000

/** Reads the bytes of a shard; `fresh` avoids cached copies. Never rejects. */
export type ReadShard = (digest: string, fresh: boolean) => Promise<Result<ArrayBuffer, BundleProblem>>

/** The shards of one store. */
export class Shards {
  readonly #read: ReadShard
  readonly #capacityBytes: number
  /** Least recently used first. */
  readonly #kept = new Map<string, Shard>()
  readonly #flights = new Map<string, Promise<Result<Shard, BundleProblem>>>()
  #usedBytes = 0

  /** @param capacityBytes of estimated memory; default 32 MiB */
  constructor(read: ReadShard, capacityBytes = CAPACITY_BYTES) {
    this.#read = read
    this.#capacityBytes = capacityBytes
  }

  /** Estimated memory of the cached shards: at most the capacity, or one shard that is larger. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  /** Whether a shard is cached. Does not count as a use. */
  has(digest: string): boolean {
    return this.#kept.has(digest)
  }

  /** A cached shard, which becomes the most recently used one. */
  get(digest: string): Shard | undefined {
    const shard = this.#kept.get(digest)
    if (shard !== undefined) {
      this.#kept.delete(digest)
      this.#kept.set(digest, shard)
    }
    return shard
  }

  /** Reads, verifies and caches a shard. There is at most one read at a time for each digest. Never rejects. */
  async load(digest: string): Promise<Result<Shard, BundleProblem>> {
    const flight = this.#flights.get(digest)
    if (flight !== undefined) {
      const landed = await within(PATIENCE_MS, flight)
      if (landed !== TIMED_OUT) return landed
    }
    const own = this.#fetch(digest)
    this.#flights.set(digest, own)
    const landed = await own
    if (this.#flights.get(digest) === own) this.#flights.delete(digest)
    return landed
  }

  async #fetch(digest: string): Promise<Result<Shard, BundleProblem>> {
    const first = await this.#open(digest, false)
    const isCopy = !first.ok && (first.error.code === 'shard_missing' || first.error.code === 'shard_digest')
    const shard = isCopy ? await this.#open(digest, true) : first
    if (shard.ok) this.#keep(digest, shard.value)
    return shard
  }

  async #open(digest: string, fresh: boolean): Promise<Result<Shard, BundleProblem>> {
    const bytes = await this.#read(digest, fresh)
    return bytes.ok ? openShard(digest, bytes.value) : bytes
  }

  #keep(digest: string, shard: Shard): void {
    if (this.get(digest) !== undefined) return
    this.#kept.set(digest, shard)
    this.#usedBytes += memory(shard)
    for (const [oldest, old] of this.#kept) {
      if (this.#usedBytes <= this.#capacityBytes || oldest === digest) break
      this.#kept.delete(oldest)
      this.#usedBytes -= memory(old)
    }
  }
}

const memory = (shard: Shard): number => shard.bytes * MEMORY_PER_BYTE
