/**
 * A name for a text that must not be kept in clear: SipHash-2-4 with 128 bits (Aumasson and Bernstein) under a key that
 * nobody knows and that ends with the isolate. Without the key no one can find a text with a given name, or two with the
 * same one. It takes neither a promise nor a copy, which SHA-256 of the platform would at every request; what is compared
 * or kept beyond an isolate is named by SHA-256.
 */

/** 128 bits, in words of 32, the lowest first. */
export type HashKey = readonly [number, number, number, number]

/** The longest text that has a name, in bytes: longer than any credential. */
const MAX_BYTES = 32_768

/** One for all: a hash is made in one go. Eight bytes more end the last block. */
const bytes = new Uint8Array(MAX_BYTES + 8)
const encoder = new TextEncoder()
let isolateKey: HashKey | undefined

/** The name of a text in this isolate; nothing for one that is too long. */
export function keyedHash(text: string): string | undefined {
  // Not at start-up: the platform has no randomness before the first request.
  isolateKey ??= randomKey()
  return sipHash(text, isolateKey)
}

function randomKey(): HashKey {
  const [a = 0, b = 0, c = 0, d = 0] = crypto.getRandomValues(new Int32Array(4))
  return [a, b, c, d]
}

/** Of the text's UTF-8. Eight code units, which hold the 16 bytes of the hash in their order. */
export function sipHash(text: string, [k0, k1, k2, k3]: HashKey): string | undefined {
  const { read, written: length } = encoder.encodeInto(text, bytes.subarray(0, MAX_BYTES))
  if (read < text.length) return undefined
  // The last block ends with the length, and zeros before it.
  const end = length | 7
  bytes.fill(0, length, end)
  bytes[end] = length
  const words = new Int32Array(bytes.buffer, 0, (end + 1) / 4)
  // Four words of 64 bits in halves, the lower one first: "somepseudorandomlygeneratedbytes" under the key.
  let [a0, a1, b0, b1] = [k0 ^ 0x70736575, k1 ^ 0x736f6d65, k2 ^ 0x6e646f6d ^ 0xee, k3 ^ 0x646f7261]
  let [c0, c1, d0, d1] = [k0 ^ 0x6e657261, k1 ^ 0x6c796765, k2 ^ 0x79746573, k3 ^ 0x74656462]
  const blocks = words.length / 2
  let hash = ''
  // Two more steps make the two halves of the result.
  for (let step = 0; step < blocks + 2; step++) {
    const low = words[2 * step] ?? 0
    const high = words[2 * step + 1] ?? 0
    d0 ^= low
    d1 ^= high
    for (let round = step < blocks ? 2 : 4; round > 0; round--) {
      let sum = (a0 >>> 0) + (b0 >>> 0)
      let swap = sum | 0
      a0 = (a1 + b1 + (sum > 0xffffffff ? 1 : 0)) | 0
      a1 = swap
      swap = (b0 << 13) | (b1 >>> 19)
      b1 = ((b1 << 13) | (b0 >>> 19)) ^ a0
      b0 = swap ^ a1

      sum = (c0 >>> 0) + (d0 >>> 0)
      c1 = (c1 + d1 + (sum > 0xffffffff ? 1 : 0)) | 0
      c0 = sum | 0
      swap = (d0 << 16) | (d1 >>> 16)
      d1 = ((d1 << 16) | (d0 >>> 16)) ^ c1
      d0 = swap ^ c0

      sum = (a0 >>> 0) + (d0 >>> 0)
      a1 = (a1 + d1 + (sum > 0xffffffff ? 1 : 0)) | 0
      a0 = sum | 0
      swap = (d0 << 21) | (d1 >>> 11)
      d1 = ((d1 << 21) | (d0 >>> 11)) ^ a1
      d0 = swap ^ a0

      sum = (c0 >>> 0) + (b0 >>> 0)
      swap = sum | 0
      c0 = (c1 + b1 + (sum > 0xffffffff ? 1 : 0)) | 0
      c1 = swap
      swap = (b0 << 17) | (b1 >>> 15)
      b1 = ((b1 << 17) | (b0 >>> 15)) ^ c0
      b0 = swap ^ c1
    }
    a0 ^= low
    a1 ^= high
    if (step >= blocks) hash += halves(a0 ^ b0 ^ c0 ^ d0) + halves(a1 ^ b1 ^ c1 ^ d1)
    if (step === blocks - 1) c0 ^= 0xee
    if (step === blocks) b0 ^= 0xdd
  }
  return hash
}

const halves = (word: number): string => String.fromCharCode(word & 0xffff, word >>> 16)
