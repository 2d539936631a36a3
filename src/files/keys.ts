/**
 * The public keys of an issuer, as they may stand in a policy file: public, asymmetric, and strong enough. Never imports
 * a key: that is for anyone who verifies with it.
 *
 * Source: RFC 7517, RFC 7518 section 6, RFC 8037 section 2.
 */
import type { Entry } from './entry.ts'
import { complaint, type Report } from './problem.ts'

const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  RSA: ['n', 'e'],
  EC: ['crv', 'x', 'y'],
  OKP: ['crv', 'x'],
}
/** Characters of base64url that 2048 bits take, the least that RS256 allows (RFC 7518 section 3.3). */
const RSA_LENGTH = 342

/** Reports public keys that the gate could not use, and private keys. */
export function checkKeys(keys: readonly Readonly<Record<string, unknown>>[], list: Entry, report: Report): void {
  for (const [index, key] of keys.entries()) {
    const secret = PRIVATE_MEMBERS.find((member) => member in key)
    if (secret !== undefined) {
      const hint = 'give the public key only, and replace this one: it is not secret any more'
      report.error(list.keyAt(index, secret), complaint('private_key', `"${secret}" makes this a private key`, hint))
      continue
    }
    const members = typeof key.kty === 'string' ? MEMBERS[key.kty] : undefined
    if (members === undefined) {
      report.error(
        list.at(index, 'kty'),
        complaint('key_unusable', 'kty is not RSA, EC or OKP', 'give a public key of one of these'),
      )
      continue
    }
    const absent = members.find((member) => typeof key[member] !== 'string')
    if (absent !== undefined) {
      report.error(list.at(index), complaint('key_unusable', `the key has no "${absent}"`, 'copy the whole public key'))
    } else if (typeof key.n === 'string' && key.n.length < RSA_LENGTH) {
      report.error(list.at(index, 'n'), complaint('key_unusable', 'an RSA key needs 2048 bits', 'give a longer key'))
    }
  }
}
