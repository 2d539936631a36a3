/**
 * Encrypted text that clients or caches keep for the gate. They cannot read it, and it opens only in the context that it
 * was sealed for (AES-256-GCM, the context is the associated data). A sealed text is never a right: the gate decides again
 * about what it opens.
 *
 * The keys are derived from the token signing keys (HKDF-SHA256, RFC 5869). The first key seals and all keys open, so a
 * rotation of `TOKEN_SIGNING_KEY` does not break running uploads and lists.
 */
import type { CryptoKey } from 'jose'
import { isRecord } from '../../base/json.ts'
import type { Env } from './env.ts'
import { Fault } from './fault.ts'
import { perIsolate } from './settings.ts'

/**
 * What a sealed text is bound to. It opens only if the whole context is equal. Each kind of sealed text is a member of this
 * union, so the compiler asks for its context.
 */
export type SealContext = RequestContext | { readonly purpose: 'issuer keys'; readonly source: string }

/** The context of a text that belongs to one caller, one upload or list, one registry and one policy. */
export type RequestContext = {
  readonly purpose: 'upload' | 'list'
  /** The service of the policy in force, and its pointer key. */
  readonly service: string
  readonly pointer: string
  /** `Upstream.id`, because two upstreams may have the same URL. */
  readonly upstream: string
  /** URL of the upload or list at the upstream: origin, base path, and the upstream's own name for the repository. */
  readonly url: string
  /** The gate's path for the upload or list, with the gate's name for the repository. */
  readonly path: string
  /** `name` and `credential` of the `IdentifiedCaller`. */
  readonly caller: string
  readonly credential: string
}

/** Seals and opens texts with the keys of one environment. */
export type Seal = {
  /** The sealed text in base64url. Two calls with the same arguments give different texts. */
  seal(text: string, context: SealContext): Promise<string>
  /** The text; undefined if it was changed, sealed for another context, or not sealed with one of the keys. */
  open(sealed: string, context: SealContext): Promise<string | undefined>
}

const PURPOSE = 'dockgate sealed text 2'
const NONCE_BYTES = 12

const encoder = new TextEncoder()

/**
 * The seal of an environment, made once per isolate.
 *
 * @throws Fault `signing_key_unavailable` when `TOKEN_SIGNING_KEY` has no private key
 */
export const sealOf: (env: Pick<Env, 'TOKEN_SIGNING_KEY'>) => Seal = perIsolate((env) => {
  const secrets = privateParts(env.TOKEN_SIGNING_KEY)
  const keys = Promise.all(secrets.map(derive))
  return {
    async seal(text, context) {
      const [key] = await keys
      if (key === undefined) throw unusable()
      const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES))
      const sealed = await crypto.subtle.encrypt(algorithm(nonce, context), key, encoder.encode(text))
      return toBase64Url(new Uint8Array([...nonce, ...new Uint8Array(sealed)]))
    },
    async open(sealed, context) {
      const bytes = fromBase64Url(sealed)
      if (bytes === undefined || bytes.length <= NONCE_BYTES) return undefined
      const nonce = bytes.slice(0, NONCE_BYTES)
      for (const key of await keys) {
        try {
          const opened = await crypto.subtle.decrypt(algorithm(nonce, context), key, bytes.slice(NONCE_BYTES))
          return new TextDecoder().decode(opened)
        } catch {
          // Not sealed with this key for this context. The next key may open it.
        }
      }
      return undefined
    },
  }
})

const algorithm = (iv: Uint8Array<ArrayBuffer>, context: SealContext) => ({
  name: 'AES-GCM',
  iv,
  // Sorted, so that equal contexts have equal bytes whatever the order of their fields.
  additionalData: encoder.encode(JSON.stringify(Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1)))),
})

async function derive(secret: string): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey('raw', encoder.encode(secret), 'HKDF', false, ['deriveKey'])
  const parameters = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: encoder.encode(PURPOSE) }
  return crypto.subtle.deriveKey(parameters, material, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])
}

/**
 * The member `d` of each private key of a JWK or JWKS (RFC 7518 sections 6.2.2 and 6.3.2, RFC 8037 section 2). The first
 * key signs, so it must be private. Older keys may have only their public part.
 */
function privateParts(text: string | undefined): readonly string[] {
  let value: unknown
  try {
    value = JSON.parse(text ?? '')
  } catch {
    throw unusable()
  }
  const keys = isRecord(value) && Array.isArray(value.keys) ? value.keys : [value]
  const parts = keys.map((key: unknown) => (isRecord(key) ? key.d : undefined))
  if (!isSecret(parts[0])) throw unusable()
  return parts.filter(isSecret)
}

const isSecret = (part: unknown): part is string => typeof part === 'string' && part.length >= 32

const unusable = () =>
  new Fault('signing_key_unavailable', 'TOKEN_SIGNING_KEY is not a private JWK: make one with `dockgate keys generate`')

// Not jose's base64url: its decoder accepts several spellings of the same bytes, with padding or with stray bits at the end.
// A sealed text has exactly one spelling, so nobody can make a second text from it.
function toBase64Url(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** The bytes of a text in its canonical spelling; undefined for every other spelling, for example with stray bits. */
function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(text) || text.length % 4 === 1) return undefined
  const bytes = Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))
  return toBase64Url(bytes) === text ? bytes : undefined
}
