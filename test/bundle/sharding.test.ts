import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { MAX_BITS, SHARD_BYTES, shardBits, shardOf } from '../../src/bundle/sharding.ts'

describe('the shard of a principal', () => {
  // Gates and publishers of one format agree on these for ever.
  it.each([
    ['token:ci', 8, 125],
    ['identity:acme-release', 8, 221],
    ['subject:entra/0f3c', 16, 6614],
    ['group:entra/ünïcode', 16, 29_447],
  ])('%s among 2 ** %i is %i', (key, bits, shard) => {
    expect(shardOf(key, bits)).toBe(shard)
  })

  test.prop([fc.string(), fc.integer({ min: 0, max: MAX_BITS - 1 })])(
    'splits in two with one more bit',
    (key, bits) => {
      expect(shardOf(key, bits)).toBeLessThan(2 ** bits)
      expect(shardOf(key, bits + 1) >> 1).toBe(shardOf(key, bits))
    },
  )

  it('is even: no shard holds twice its part', () => {
    const counts = new Array<number>(64).fill(0)
    for (let n = 0; n < 64_000; n++) {
      const shard = shardOf(`token:t${n}`, 6)
      counts[shard] = (counts[shard] ?? 0) + 1
    }
    expect(Math.max(...counts)).toBeLessThan(1200)
    expect(Math.min(...counts)).toBeGreaterThan(800)
  })
})

describe('the number of shards', () => {
  it.each([
    [0, undefined, 0],
    [SHARD_BYTES, undefined, 0],
    [1.3 * SHARD_BYTES, undefined, 0],
    [1.5 * SHARD_BYTES, undefined, 1],
    [1024 * SHARD_BYTES, undefined, 10],
    [2 ** 60, undefined, MAX_BITS],
    // A bundle in force keeps its number while it fits.
    [2 * SHARD_BYTES, 0, 0],
    [2.1 * SHARD_BYTES, 0, 1],
    [1024 * SHARD_BYTES, 9, 9],
    [1024 * SHARD_BYTES, 8, 10],
    [1024 * SHARD_BYTES, 11, 11],
    [1024 * SHARD_BYTES, 12, 10],
    [10, 0, 0],
    [10, 1, 0],
  ])('of %d bytes after 2 ** %s is 2 ** %i', (bytes, previous, bits) => {
    expect(shardBits(bytes, previous)).toBe(bits)
  })
})
