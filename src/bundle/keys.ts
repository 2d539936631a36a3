/**
 * The keys of bundles: a private one signs, offline; gates hold public ones, several during a rotation. Ed25519 (`EdDSA`)
 * or P-256 (`ES256`), as JWK (RFC 7517). A key's id is its `kid`, or its RFC 7638 thumbprint when it has none.
 */
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose'
import { object, ShapeError, text } from './shape.ts'

/** Signature algorithms of bundles (RFC 7518, RFC 8037). */
export const ALGORITHMS = ['EdDSA', 'ES256'] as const
/** One of {@link ALGORITHMS}. */
export type Algorithm = (typeof ALGORITHMS)[number]

/** A public key that may verify bundles. `id` is its `kid`. */
export type VerificationKey = { readonly id: string; readonly algorithm: Algorithm; readonly key: CryptoKey }
/** By id. */
export type VerificationKeys = ReadonlyMap<string, VerificationKey>

/** What signs, and all whose signatures it recognises as its own. */
export type SigningKey = {
  readonly id: string
  readonly algorithm: Algorithm
  readonly key: CryptoKey
  /** The public halves of the file: that of the signing key, and those of older keys. */
  readonly accepted: VerificationKeys
}

/**
 * Read public keys: a JWKS, or one JWK.
 *
 * @throws Error that says which key is wrong and how; never quotes a key
 */
export async function parsePublicKeys(json: string): Promise<VerificationKeys> {
  const keys = new Map<string, VerificationKey>()
  for (const jwk of parseKeySet(json)) {
    if ('d' in jwk) throw new ShapeError('the public keys hold a private key; give the gate only the public half')
    const key = await importKey(jwk)
    keys.set(key.id, key)
  }
  return keys
}

/**
 * Read a signing key: a private JWK, or a JWKS whose first key signs while all of them are accepted.
 *
 * @throws Error that says which key is wrong and how; never quotes a key
 */
export async function parseSigningKey(json: string): Promise<SigningKey> {
  const jwks = parseKeySet(json)
  const first = jwks[0]
  if (first === undefined || !('d' in first)) throw new ShapeError('the first key is not a private key: it has no d')
  const accepted = new Map<string, VerificationKey>()
  for (const jwk of jwks) {
    const key = await importKey(publicHalf(jwk))
    accepted.set(key.id, key)
  }
  return { ...(await importKey(first)), accepted }
}

const publicHalf = ({ d: _, ...jwk }: JWK): JWK => jwk

function parseKeySet(json: string): readonly JWK[] {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    throw new ShapeError('the key is not JSON: a JWK or a JWKS is expected')
  }
  const record = object(value, 'the key')
  const keys = Array.isArray(record.keys) ? record.keys : [record]
  if (keys.length === 0) throw new ShapeError('the key set is empty')
  return keys.map((key) => object(key, 'a key'))
}

function algorithmOf({ kty, crv, alg }: JWK): Algorithm {
  const algorithm = kty === 'OKP' && crv === 'Ed25519' ? 'EdDSA' : kty === 'EC' && crv === 'P-256' ? 'ES256' : undefined
  const named = alg === 'Ed25519' ? 'EdDSA' : alg
  if (algorithm === undefined || (named !== undefined && named !== algorithm)) {
    throw new ShapeError('a key is neither Ed25519 (EdDSA) nor P-256 (ES256)')
  }
  return algorithm
}

async function importKey(jwk: JWK): Promise<VerificationKey> {
  const algorithm = algorithmOf(jwk)
  const id = jwk.kid === undefined ? await calculateJwkThumbprint(jwk) : text(jwk.kid, 'kid')
  const { kty, crv, x, y, d } = jwk
  const bare = Object.fromEntries(Object.entries({ kty, crv, x, y, d }).filter(([, part]) => part !== undefined))
  const damaged = (cause?: unknown): never => {
    throw new ShapeError(`the key ${id} cannot be imported: it is damaged`, { cause })
  }
  const key = await importJWK(bare, algorithm).catch(damaged)
  return key instanceof Uint8Array ? damaged() : { id, algorithm, key }
}

/** Both halves of a new key (RFC 7517). */
export type GeneratedKey = { readonly private: JWK; readonly public: JWK }

/** A new key pair whose `kid` is its thumbprint. */
export async function generateKey(algorithm: Algorithm): Promise<GeneratedKey> {
  const pair = await generateKeyPair(algorithm, { extractable: true })
  const jwk = await exportJWK(pair.privateKey)
  const named = { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: algorithm, use: 'sig' }
  return { private: named, public: publicHalf(named) }
}
