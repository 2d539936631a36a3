/**
 * The id of a signing key as docker's registry computes it for a certificate: its libtrust fingerprint. A token whose
 * `kid` is this is found in `rootcertbundle` (distribution 2) and in `jwks` (distribution 3) alike.
 *
 * Source: distribution `docs/content/spec/auth/jwt.md`, `kid`; RFC 4648 section 6 (base32).
 */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** @param digest SHA-256 of the public key as DER SubjectPublicKeyInfo */
export function libtrustKeyId(digest: Uint8Array): string {
  let text = ''
  let bits = 0
  let count = 0
  // 240 bits: twelve groups of four characters, and no padding.
  for (const byte of digest.subarray(0, 30)) {
    bits = ((bits << 8) | byte) & 0xfff
    for (count += 8; count >= 5; ) {
      count -= 5
      text += ALPHABET.charAt((bits >> count) & 31)
    }
  }
  return text.replace(/.{4}(?=.)/g, '$&:')
}
