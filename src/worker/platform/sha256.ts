/** Digests of text that must not be kept in clear, such as passwords. */
import { toHex } from '../../base/bytes.ts'

/** SHA-256 of a text in UTF-8, as lower-case hexadecimal. */
export const sha256Hex = async (text: string): Promise<string> =>
  toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))))
