/** A short, stable name for a text: two rounds of FNV-1a (32 bit), in hex. Names rules for people; proves nothing. */
export function fingerprint(text: string): string {
  return round(text, 0x811c9dc5) + round(text, 0x1000193)
}

function round(text: string, seed: number): string {
  let hash = seed
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  return (hash >>> 0).toString(16).padStart(8, '0')
}
