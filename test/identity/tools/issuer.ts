/** An OIDC issuer's signing side: makes keys and JWTs, good and bad ones. Serves nothing by itself. */
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'

export type SigningKey = {
  readonly kid: string
  readonly algorithm: string
  readonly key: CryptoKey
  readonly jwk: JWK
}

export async function makeKey(kid: string, algorithm = 'ES256'): Promise<SigningKey> {
  const pair = await generateKeyPair(algorithm, { extractable: true })
  return {
    kid,
    algorithm,
    key: pair.privateKey,
    jwk: { ...(await exportJWK(pair.publicKey)), kid, alg: algorithm, use: 'sig' },
  }
}

export const jwks = (...keys: readonly SigningKey[]): { keys: JWK[] } => ({ keys: keys.map(({ jwk }) => jwk) })

/** A JWT with exactly these claims. */
export const sign = (
  { key, kid, algorithm }: SigningKey,
  claims: Readonly<Record<string, unknown>>,
  header: Readonly<Record<string, unknown>> = {},
): Promise<string> => new SignJWT(claims).setProtectedHeader({ alg: algorithm, kid, ...header }).sign(key)

const base64url = (value: unknown): string =>
  btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(value))))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '')

/** A JWT put together by hand: what no library would sign. */
export const forge = (header: unknown, claims: unknown, signature = 'AAAA'): string =>
  `${base64url(header)}.${base64url(claims)}.${signature}`

/** A JWT whose RS256 signature is right, whatever its header says. */
export async function signAnyway({ key }: SigningKey, header: unknown, claims: unknown): Promise<string> {
  const text = forge(header, claims).split('.').slice(0, 2).join('.')
  const signature = new Uint8Array(await crypto.subtle.sign('RSASSA-PKCS1-v1_5', key, new TextEncoder().encode(text)))
  const encoded = btoa(String.fromCharCode(...signature))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '')
  return `${text}.${encoded}`
}
