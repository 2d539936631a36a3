/**
 * The `Authorization` header: exactly one Basic or Bearer credential. Knows the form of a credential, never whether it
 * is good.
 *
 * Sources: RFC 9110 section 11.4, RFC 6750 section 2.1 (b64token), RFC 7617 (Basic, UTF-8, split at the first colon).
 */
import { err, ok, type Result } from '../base/result.ts'

/** The credential of an `Authorization` header. */
export type Credential =
  | { readonly kind: 'basic'; readonly user: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string }

/** The longest header that is read, in characters: a token of {@link ../identity/compact.ts} as Basic password fits. */
const HEADER_MAX_LENGTH = 49_152
/** The longest credential of another scheme that is recognized, in characters. */
const OTHER_SCHEME_MAX_LENGTH = 8192

const HEADER = /^(basic|bearer) +([A-Za-z0-9._~+/-]+=*)$/i

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const PARAMETER = `${TOKEN}[ \\t]*=[ \\t]*(?:${TOKEN}|"(?:[^"\\\\]|\\\\.)*")`
/** One credential of any other scheme, a token68 or parameters (RFC 9110 section 11.4). A word alone may be a token. */
const ANY_SCHEME = new RegExp(
  `^(?!(?:basic|bearer) )${TOKEN} +(?:[A-Za-z0-9._~+/-]+=*|${PARAMETER}(?:[ \\t]*,[ \\t]*${PARAMETER})*)$`,
  'i',
)

/**
 * Read the value of the header. A repeated header reaches us joined by a comma, which no credential holds, so that it is
 * refused like every other surplus.
 *
 * @returns `credential_unsupported` for one well-formed credential of another scheme
 */
export function parseAuthorization(
  value: string,
): Result<Credential, 'credential_malformed' | 'credential_unsupported'> {
  const [, scheme = '', credential = ''] = value.length <= HEADER_MAX_LENGTH ? (HEADER.exec(value) ?? []) : []
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return ok({ kind: 'bearer', token: credential })
    case 'basic':
      return parseBasic(credential)
    default:
      return err(isOfOtherScheme(value) ? 'credential_unsupported' : 'credential_malformed')
  }
}

const isOfOtherScheme = (value: string): boolean => value.length <= OTHER_SCHEME_MAX_LENGTH && ANY_SCHEME.test(value)

function parseBasic(encoded: string): Result<Credential, 'credential_malformed'> {
  const text = decodeBase64Text(encoded)
  const colon = text?.indexOf(':') ?? -1
  if (text === undefined || colon < 0 || hasControlCharacter(text)) return err('credential_malformed')
  return ok({ kind: 'basic', user: text.slice(0, colon), password: text.slice(colon + 1) })
}

/** Whether a text holds a character that RFC 7617 forbids in user names and passwords. */
export const hasControlCharacter = (text: string): boolean =>
  [...text].some((character) => character < ' ' || character === '\x7f')

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** The UTF-8 text in canonical base64 (RFC 4648 section 4); missing padding is forgiven. */
function decodeBase64Text(encoded: string): string | undefined {
  const digits = encoded.replace(/=+$/, '')
  const padding = encoded.length - digits.length
  if (padding > 0 && (encoded.length % 4 !== 0 || padding > 2)) return undefined
  let escaped = ''
  let bits = 0
  let count = 0
  for (const digit of digits) {
    const value = ALPHABET.indexOf(digit)
    if (value < 0) return undefined
    bits = ((bits << 6) | value) & 0x3fff
    count += 6
    if (count < 8) continue
    count -= 8
    escaped += `%${((bits >> count) & 0xff).toString(16).padStart(2, '0')}`
  }
  // A lone digit, or bits beyond the last byte: two spellings of one credential.
  if (count >= 6 || (bits & ((1 << count) - 1)) !== 0) return undefined
  try {
    return decodeURIComponent(escaped)
  } catch {
    return undefined
  }
}
