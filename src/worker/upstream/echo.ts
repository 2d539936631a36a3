/**
 * Whether an answer of the upstream repeats the credential that the gate sent there: servers that explain an error by the
 * request's headers do. Looks for the credential as it was sent, for what Basic encodes, and for either in base64, also
 * behind the escapes of JSON, URLs and HTML.
 */

/** Shorter texts are in answers by chance. */
const TEXT_MIN_LENGTH = 4
const ENCODED_MIN_LENGTH = 8

/**
 * @param texts parts of an answer, read as JSON where it is JSON
 * @param authorization the value of the header that was sent
 */
export function echoes(texts: readonly string[], authorization: string): boolean {
  const secrets = secretsOf(authorization)
  return texts.some((text) => {
    const plain = [text, withoutEscapes(text)]
    return secrets.some((secret) => plain.some((form) => form.includes(secret)))
  })
}

function secretsOf(authorization: string): readonly string[] {
  const space = authorization.indexOf(' ')
  const credential = authorization.slice(space + 1).trim()
  const isBasic = /^basic$/i.test(authorization.slice(0, Math.max(space, 0)))
  const pair = isBasic ? decodeBase64(credential) : undefined
  const password = pair?.slice(pair.indexOf(':') + 1)
  const texts = [credential.replace(/=+$/, ''), ...[pair, password].filter((text) => text !== undefined)]
  return [
    // A URL escapes the bytes of a text, and not its characters.
    ...texts.flatMap((text) => [text, bytesOf(text)]).filter((text) => text.length >= TEXT_MIN_LENGTH),
    ...texts.flatMap(base64Parts).filter((text) => text.length >= ENCODED_MIN_LENGTH),
  ]
}

function decodeBase64(text: string): string | undefined {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)))
  } catch {
    return undefined
  }
}

/** A text in UTF-8, one character for each byte. */
const bytesOf = (text: string): string =>
  Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('')

/** The base64 digits of a text, for each position at which it may begin: only the digits that depend on no other byte. */
function base64Parts(text: string): readonly string[] {
  const bytes = bytesOf(text)
  return [0, 1, 2].flatMap((before) => {
    const binary = `${'\0'.repeat(before)}${bytes}`
    const first = Math.ceil((before * 8) / 6)
    const end = Math.floor((binary.length * 8) / 6)
    const digits = btoa(binary).slice(first, end)
    return [digits, digits.replaceAll('+', '-').replaceAll('/', '_')]
  })
}

/** `%2B`, `\u002b`, `&#43;`, `&#x2b;` and `\/` as the character that they stand for. */
const withoutEscapes = (text: string): string =>
  text
    .replaceAll(/%([0-9a-f]{2})|\\u00([0-9a-f]{2})|&#x0*([0-9a-f]{2});/gi, (_, ...codes: (string | undefined)[]) =>
      String.fromCharCode(Number.parseInt(codes.slice(0, 3).find((code) => code !== undefined) ?? '20', 16)),
    )
    .replaceAll(/&#0*(\d{2,3});/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replaceAll('\\', '')
