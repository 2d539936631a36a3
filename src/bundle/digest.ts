/** The SHA-256 of a shard: 43 characters of base64url in manifests, `sha256:` and hex as the key in the store. */
import { base64url } from 'jose'
import { toHex } from '../base/bytes.ts'

/** Characters of one digest: 32 bytes in base64url without padding. */
export const DIGEST_LENGTH = 43

/** SHA-256 of bytes in base64url: {@link DIGEST_LENGTH} characters. {@link shardKey} makes the key of the store from it. */
export async function digestOf(bytes: ArrayBuffer | Uint8Array<ArrayBuffer>): Promise<string> {
  return base64url.encode(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))
}

/** Prefix of the store keys of shards, which are their digests. */
export const SHARD_PREFIX = 'sha256:'

/** The store's key of a shard. */
export function shardKey(digest: string): string {
  return SHARD_PREFIX + toHex(base64url.decode(digest))
}
