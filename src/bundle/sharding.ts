/**
 * Which shard of a bundle holds a principal, and how many shards there are. Part of the format: gates and publishers
 * must agree on it.
 */

/** Size of a shard to aim for: one fast read and parse. */
export const SHARD_BYTES = 65_536

/** More would not be read any faster, and the manifest names them all. */
export const MAX_BITS = 16

/** FNV-1a over the UTF-16 code units, mixed by MurmurHash3's finalizer so that its high bits are even too. */
function hash(key: string): number {
  let value = 0x811c9dc5
  for (let index = 0; index < key.length; index++) value = Math.imul(value ^ key.charCodeAt(index), 0x01000193)
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return (value ^ (value >>> 16)) >>> 0
}

/** The shard of a principal among `2 ** bits`: the first bits of its hash, so that one more bit splits each shard in two. */
export const shardOf = (key: string, bits: number): number => (bits === 0 ? 0 : hash(key) >>> (32 - bits))

/**
 * The number of shards, as a power of two, for a policy of `bytes`. The one in force is kept while its shards stay between
 * half and twice {@link SHARD_BYTES} on average, so that a policy that grows a little does not move every shard.
 */
export function shardBits(bytes: number, previous?: number): number {
  if (previous !== undefined) {
    const average = bytes / 2 ** previous
    if (average <= 2 * SHARD_BYTES && (previous === 0 || average >= SHARD_BYTES / 2)) return previous
  }
  return Math.min(MAX_BITS, Math.max(0, Math.round(Math.log2(Math.max(bytes, 1) / SHARD_BYTES))))
}
