/**
 * The public keys of an issuer (RFC 7517). Shared secrets, private keys and unknown kinds are left out, so that a JWT
 * cannot be verified with anything but a public key; jose matches key, algorithm and use.
 */
import { createLocalJWKSet, type JWTVerifyGetKey } from 'jose'
import { isRecord } from '../../identity/federation.ts'

export type KeySet = {
  readonly key: JWTVerifyGetKey
  /** Whether a header that names this `kid` can be meant; one that names none may mean an only key. */
  has(kid: string | undefined): boolean
}

const KEY_TYPES: readonly unknown[] = ['RSA', 'EC', 'OKP']

/** @throws Error when this is no JWKS */
export function parseKeySet(value: unknown): KeySet {
  if (!isRecord(value) || !Array.isArray(value.keys)) throw new Error('it is not a JWKS: "keys" is missing')
  const keys = value.keys.filter(isPublicKey)
  const ids = new Set(keys.map(({ kid }) => kid))
  return { key: createLocalJWKSet({ keys }), has: (kid) => kid === undefined || ids.has(kid) }
}

type PublicKey = { readonly kty: string; readonly kid?: string }

const isPublicKey = (key: unknown): key is PublicKey =>
  isRecord(key) &&
  KEY_TYPES.includes(key.kty) &&
  key.d === undefined &&
  (key.kid === undefined || typeof key.kid === 'string')
