/**
 * Text that others carry for the gate: encrypted, so that they learn nothing from it, and bound to the whole context that it
 * is good for, so that it is worth nothing elsewhere (AES-256-GCM, the context as associated data). Never a right: what is
 * opened is judged again.
 *
 * The keys are derived from the token signing keys (HKDF-SHA256, RFC 5869): the first one seals, all of them open, so a
 * rotation of `TOKEN_SIGNING_KEY` does not break what is under way.
 */
import type { CryptoKey } from 'jose'
import type { Env } from './env.ts'
import { Fault } from './fault.ts'
import { perIsolate } from './settings.ts'

/**
 * Everything that a sealed text is good for; opening compares all of it. A new kind of sealed text is a new member, so that
 * nobody forgets to say what it is bound to.
 */
export type SealContext = RequestContext | { readonly purpose: 'issuer keys'; readonly source: string }

/** What one caller does with one thing of one registry, behind one gate. */
export type RequestContext = {
  readonly purpose: 'upload' | 'list'
  /** The service of the policy in force, and its pointer key. */
  readonly service: string
  readonly pointer: string
  /** Which upstream, also where two of them have one URL; see `Upstream.id`. */
  readonly upstream: string
  /** URL of the thing at the upstream: origin, base path, and the upstream's own name for the repository. */
  readonly url: string
  /** The gate's path for the thing, with the gate's name for the repository. */
  readonly path: string
  /** The caller's name, and what vouches for it; see `Identified`. */
  readonly caller: string
  readonly credential: string
}

export type Seal = {
  seal(text: string, context: SealContext): Promise<string>
  /** Nothing for what was altered, sealed for another context, or by nobody. */
  open(sealed: string, context: SealContext): Promise<string | undefined>
}

const PURPOSE = 'dockgate sealed text 2'
const NONCE_BYTES = 12

const encoder = new TextEncoder()

/** Throws the fault `signing_key_unavailable`. */
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
          // Not sealed with this key for this context: perhaps with the next one.
        }
      }
      return undefined
    },
  }
})

const algorithm = (iv: Uint8Array<ArrayBuffer>, context: SealContext) => ({
  name: 'AES-GCM',
  iv,
  // One spelling of one context, in whatever order its fields were written.
  additionalData: encoder.encode(JSON.stringify(Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1)))),
})

async function derive(secret: string): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey('raw', encoder.encode(secret), 'HKDF', false, ['deriveKey'])
  const parameters = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: encoder.encode(PURPOSE) }
  return crypto.subtle.deriveKey(parameters, material, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])
}

/**
 * The member `d` of each private key of a JWK or JWKS (RFC 7518 sections 6.2.2 and 6.3.2, RFC 8037 section 2). The first
 * key is private, since it signs; of an older one only the public half may be left.
 */
function privateParts(text: string | undefined): readonly string[] {
  let value: unknown
  try {
    value = JSON.parse(text ?? '')
  } catch {
    throw unusable()
  }
  const keys = isObject(value) && Array.isArray(value.keys) ? value.keys : [value]
  const parts = keys.map((key: unknown) => (isObject(key) ? key.d : undefined))
  if (!isSecret(parts[0])) throw unusable()
  return parts.filter(isSecret)
}

const isSecret = (part: unknown): part is string => typeof part === 'string' && part.length >= 32

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

const unusable = () =>
  new Fault('signing_key_unavailable', 'TOKEN_SIGNING_KEY is no private JWK: make one with `dockgate keys generate`')

function toBase64Url(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** Only the one canonical spelling: a text with stray bits at its end is another text. */
function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(text) || text.length % 4 === 1) return undefined
  const bytes = Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))
  return toBase64Url(bytes) === text ? bytes : undefined
}
