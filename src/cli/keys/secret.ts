/** Generated passwords of tokens, and the digest that is kept of one. Never writes a secret anywhere. */
import { createHash, randomBytes } from 'node:crypto'

/** 32 random bytes in base64url: strong enough that one SHA-256 protects it. No command takes it for an option. */
export function newSecret(): string {
  const secret = randomBytes(32).toString('base64url')
  return secret.startsWith('-') ? newSecret() : secret
}

/** The digest of a secret as policy files keep it: SHA-256, in lower-case hex. */
export const sha256Hex = (text: string): string => createHash('sha256').update(text).digest('hex')
