/**
 * The keys of minted tokens, imported once per isolate. The first key signs and all keys are accepted, so that keys can be
 * rotated with an overlap. A private key leaves this file only as a `CryptoKey`.
 */
import { type CryptoKey, importJWK, type JWK } from 'jose'
import { isRecord } from '../../base/json.ts'
import { libtrustKeyId } from '../../identity/key-id.ts'
import { Fault } from '../platform/fault.ts'

/** The imported keys of `TOKEN_SIGNING_KEY`. */
export type TokenKeys = {
  readonly signing: { readonly kid: string; readonly key: CryptoKey }
  /** Public keys by `kid`. */
  readonly accepted: ReadonlyMap<string, CryptoKey>
  /** The public keys as a JWKS (RFC 7517). */
  readonly published: { readonly keys: readonly JWK[] }
}

let known: { readonly text: string | undefined; readonly keys: Promise<TokenKeys> } | undefined

/**
 * The keys in `TOKEN_SIGNING_KEY`: a private JWK of P-256, or a JWKS of several.
 *
 * @throws Fault `signing_key_unavailable` (as a rejection) when a key is missing or invalid
 */
export function tokenKeys({ TOKEN_SIGNING_KEY: text }: { readonly TOKEN_SIGNING_KEY: string }): Promise<TokenKeys> {
  if (known?.text !== text) known = { text, keys: importKeys(text) }
  return known.keys
}

async function importKeys(text: string | undefined): Promise<TokenKeys> {
  try {
    const jwks = parseKeys(text)
    const signer = jwks[0]
    if (signer?.d === undefined) throw new Error('the first key has no private part')
    const accepted = new Map<string, CryptoKey>()
    const published: JWK[] = []
    for (const jwk of jwks) {
      const { kid, key } = await importPublic(jwk)
      if (accepted.has(kid)) continue
      accepted.set(kid, key)
      published.push({ kty: 'EC', crv: 'P-256', x: jwk.x, y: jwk.y, kid, alg: 'ES256', use: 'sig' })
    }
    const { kid } = await importPublic(signer)
    return { signing: { kid, key: await importKey(signer) }, accepted, published: { keys: published } }
  } catch (cause) {
    throw new Fault(
      'signing_key_unavailable',
      'TOKEN_SIGNING_KEY holds no usable key: set it to what "dockgate keys generate" prints',
      { cause },
    )
  }
}

type EcKey = { readonly x: string; readonly y: string; readonly d?: string }

function parseKeys(text: string | undefined): readonly EcKey[] {
  if (text === undefined || text === '') throw new Error('it is not set')
  const value: unknown = JSON.parse(text)
  const keys = isRecord(value) && Array.isArray(value.keys) ? value.keys : [value]
  return keys.map((key: unknown) => {
    if (!isRecord(key) || key.kty !== 'EC' || key.crv !== 'P-256') throw new Error('a key is not of P-256')
    const { x, y, d } = key
    if (typeof x !== 'string' || typeof y !== 'string') throw new Error('a key has no x or y')
    if (d !== undefined && typeof d !== 'string') throw new Error('the d of a key is not a string')
    return d === undefined ? { x, y } : { x, y, d }
  })
}

async function importPublic({ x, y }: EcKey): Promise<{ kid: string; key: CryptoKey }> {
  const key = await importKey({ x, y })
  const spki = await crypto.subtle.exportKey('spki', key)
  if (!(spki instanceof ArrayBuffer)) throw new Error('the platform exports no SubjectPublicKeyInfo')
  return { kid: libtrustKeyId(new Uint8Array(await crypto.subtle.digest('SHA-256', spki))), key }
}

async function importKey(key: EcKey): Promise<CryptoKey> {
  const { d } = key
  const imported = await importJWK(
    { kty: 'EC', crv: 'P-256', x: key.x, y: key.y, ...(d === undefined ? {} : { d }) },
    'ES256',
    { extractable: d === undefined },
  )
  if (imported instanceof Uint8Array) throw new Error('a key is a shared secret')
  return imported
}
