/** What the identity tests show credentials to: a signing key, a clock, headers, and a background that waits for nobody. */
import { exportJWK, generateKeyPair, type JWK } from 'jose'

export const NOW = 1_800_000_000

export const ctx = { waitUntil: (promise: Promise<unknown>) => void promise.catch(() => undefined) }

/** For what isolates share, where there is nothing that they could share it by. */
export const noSeal = (): never => {
  throw new Error('the key that seals is missing')
}

export async function makeTokenKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  return exportJWK(privateKey)
}

export const basic = (user: string, password: string): string =>
  `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(`${user}:${password}`)))}`

export const bearer = (token: string): string => `Bearer ${token}`

export const requestWith = (authorization?: string, url = 'https://registry.example.com/v2/'): Request =>
  new Request(url, authorization === undefined ? {} : { headers: { authorization } })
