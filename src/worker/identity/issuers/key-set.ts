/**
 * The public keys of an issuer (RFC 7517). Shared secrets, private keys, keys for encryption and unknown key types are
 * dropped, so only a public key for signatures can verify a JWT. jose matches key, algorithm and use.
 */
import { type CryptoKey, calculateJwkThumbprint, createLocalJWKSet, type JWTHeaderParameters } from 'jose'
import { JWKSMultipleMatchingKeys, JWKSNoMatchingKey } from 'jose/errors'
import { isRecord } from '../../../base/json.ts'

/** The usable keys of a JWKS. */
export type KeySet = {
  /** Whether the set has this key. A header without `kid` may mean any key, so the answer is true. */
  has(wanted: WantedKey): boolean
  /**
   * The one key for a header.
   *
   * @throws JWKSNoMatchingKey, JWKSMultipleMatchingKeys (jose) when the set has none, or more than one
   */
  find(header: JWTHeaderParameters): Promise<FoundKey>
}

/** A key by the `kid` of a header, which the sender of a JWT chose, or by its RFC 7638 thumbprint and algorithm. */
export type WantedKey =
  | { readonly kid: string | undefined }
  | { readonly thumbprint: string; readonly algorithm: string }

/** A key with its RFC 7638 thumbprint. */
export type FoundKey = { readonly key: CryptoKey; readonly thumbprint: string }

const KEY_TYPES: readonly unknown[] = ['RSA', 'EC', 'OKP']

/**
 * The usable keys of a JWKS.
 *
 * @throws Error when `value` is not a JWKS
 */
export async function parseKeySet(value: unknown): Promise<KeySet> {
  if (!isRecord(value) || !Array.isArray(value.keys)) throw new Error('it is not a JWKS: "keys" is missing')
  const members = (await Promise.all(value.keys.filter(isPublicKey).map(memberOf))).filter(isMember)
  const ids = new Set(members.map(({ kid }) => kid))
  return {
    has: (wanted) =>
      'thumbprint' in wanted
        ? members.some(
            ({ thumbprint, algorithm }) =>
              thumbprint === wanted.thumbprint && (algorithm ?? wanted.algorithm) === wanted.algorithm,
          )
        : wanted.kid === undefined || ids.has(wanted.kid),
    async find(header) {
      const found: FoundKey[] = []
      for (const { thumbprint, find } of members) {
        const key = await find(header).catch(ignoreOtherKey)
        if (key !== undefined) found.push({ key, thumbprint })
      }
      const [first, second] = found
      if (first === undefined) throw new JWKSNoMatchingKey()
      if (second !== undefined) throw new JWKSMultipleMatchingKeys()
      return first
    },
  }
}

function ignoreOtherKey(error: unknown): undefined {
  if (error instanceof JWKSNoMatchingKey) return undefined
  throw error
}

type PublicKey = { readonly kty: string; readonly kid?: string; readonly alg?: string }

const isPublicKey = (key: unknown): key is PublicKey =>
  isRecord(key) &&
  KEY_TYPES.includes(key.kty) &&
  key.d === undefined &&
  (key.use === undefined || key.use === 'sig') &&
  (key.key_ops === undefined || (Array.isArray(key.key_ops) && key.key_ops.includes('verify'))) &&
  (key.alg === undefined || typeof key.alg === 'string') &&
  (key.kid === undefined || typeof key.kid === 'string')

type Member = {
  readonly kid: string | undefined
  /** The only algorithm that the key is for; undefined: any that fits its type. */
  readonly algorithm: string | undefined
  /** RFC 7638, SHA-256. */
  readonly thumbprint: string
  readonly find: (header: JWTHeaderParameters) => Promise<CryptoKey>
}

/** Undefined for an incomplete key, which could verify nothing. */
async function memberOf(jwk: PublicKey): Promise<Member | undefined> {
  try {
    return {
      kid: jwk.kid,
      algorithm: jwk.alg,
      thumbprint: await calculateJwkThumbprint(jwk),
      find: createLocalJWKSet({ keys: [jwk] }),
    }
  } catch {
    return undefined
  }
}

const isMember = (member: Member | undefined): member is Member => member !== undefined
