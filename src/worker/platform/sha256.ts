import { hexOf } from '../../bundle/digest.ts'

/** SHA-256 of a text, in lower-case hex. Names what must not be kept in clear. */
export const sha256Hex = async (text: string): Promise<string> =>
  hexOf(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))))
