import { describe, expect, it, vi } from 'vitest'
import { ok } from '../../../src/base/result.ts'
import { digestOf } from '../../../src/bundle/digest.ts'
import { Shards } from '../../../src/worker/store/shards.ts'
import { bytesOf } from '../../bundle/fixture.ts'

const textOf = (n: number) => `{"token:t${n}":${' '.repeat(1000)}{}}`
const shardOf = (n: number) => bytesOf(textOf(n))

describe('kept shards', () => {
  it('never take more than their room, and the least recently used go first', async () => {
    const byDigest = new Map<string, ArrayBuffer>()
    const digests: string[] = []
    for (let n = 0; n < 50; n++) {
      const digest = await digestOf(shardOf(n))
      digests.push(digest)
      byDigest.set(digest, shardOf(n))
    }
    const read = vi.fn(async (digest: string) => ok(byDigest.get(digest) ?? new ArrayBuffer()))
    const shards = new Shards(read, 45_000)
    const [first = '', second = ''] = digests
    for (const digest of digests) {
      expect((await shards.load(digest)).ok).toBe(true)
      expect(shards.get(first)).toBeDefined()
      expect(shards.usedBytes).toBeLessThanOrEqual(45_000)
    }
    expect(digests.filter((digest) => shards.has(digest))).toHaveLength(11)
    expect(shards.has(second)).toBe(false)
    expect((await shards.load(second)).ok).toBe(true)
    expect(read).toHaveBeenCalledTimes(51)
  })

  it('keep one that is larger than the room, alone', async () => {
    const digest = await digestOf(shardOf(1))
    const shards = new Shards(async () => ok(shardOf(1)), 10)
    expect((await shards.load(digest)).ok).toBe(true)
    expect(shards.get(digest)).toBeDefined()
  })

  it('are read past a damaged copy on the way', async () => {
    const digest = await digestOf(shardOf(1))
    const read = vi.fn(async (_: string, fresh: boolean) => ok(shardOf(fresh ? 1 : 2)))
    const shards = new Shards(read)
    expect((await shards.load(digest)).ok).toBe(true)
    expect(read.mock.calls).toEqual([
      [digest, false],
      [digest, true],
    ])
  })

  it('are read again by who waits for a request that is gone', async () => {
    vi.useFakeTimers()
    try {
      const digest = await digestOf(shardOf(1))
      const read = vi.fn(async () => ok(shardOf(1))).mockImplementationOnce(() => new Promise(() => {}))
      const shards = new Shards(read)
      void shards.load(digest)
      const waiter = shards.load(digest)
      await vi.advanceTimersByTimeAsync(1000)
      expect((await waiter).ok).toBe(true)
    } finally {
      vi.useRealTimers()
    }
  })
})
