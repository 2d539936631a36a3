/**
 * Whether an answer of the upstream repeats the credential that the gate sent there: servers that explain an error by the
 * request's headers do. Looks for the credential as it was sent, for what Basic encodes, and for either in base64, also
 * behind the escapes of JSON, URLs and HTML.
 */

import { toHex } from '../../base/bytes.ts'

/** Shorter texts are in answers by chance. */
const TEXT_MIN_LENGTH = 4
const ENCODED_MIN_LENGTH = 8

/**
 * Whether texts of an answer repeat a credential: as a whole or a long piece of it, behind escapes, with white space between,
 * or in hexadecimal.
 *
 * @param texts parts of an answer, read as JSON where it is JSON
 * @param authorization the value of the header that was sent
 */
export function echoes(texts: readonly string[], authorization: string): boolean {
  const { whole, pieces } = secretsOf(authorization)
  return texts.some((text) => {
    const plain = formsOf(text)
    return [...whole, ...pieces].some((secret) => plain.some((form) => form.includes(secret)))
  })
}

/** Whether a text holds a credential as a whole, as it was sent or in base64. For the hot path. */
export const repeats = (text: string, authorization: string): boolean =>
  secretsOf(authorization).whole.some((secret) => text.includes(secret))

/** `whole`: the credential in each spelling. `pieces`: what is left of it where somebody cut it off or broke it in two. */
type Secrets = { readonly whole: readonly string[]; readonly pieces: readonly string[] }

/** The gate sends one credential again and again: making its spellings costs more than looking for them. */
let latest: { readonly authorization: string; readonly secrets: Secrets } | undefined

function secretsOf(authorization: string): Secrets {
  if (latest?.authorization === authorization) return latest.secrets
  const whole = spellingsOf(authorization)
  const secrets = { whole, pieces: [...new Set(whole.flatMap(piecesOf))] }
  latest = { authorization, secrets }
  return secrets
}

/** The length of a piece that is in no answer by chance. */
const PIECE_LENGTH = 12

const piecesOf = (secret: string): readonly string[] =>
  Array.from({ length: Math.max(0, secret.length - PIECE_LENGTH + 1) }, (_, start) =>
    secret.slice(start, start + PIECE_LENGTH),
  )

function spellingsOf(authorization: string): readonly string[] {
  const space = authorization.indexOf(' ')
  const credential = authorization.slice(space + 1).trim()
  const isBasic = /^basic$/i.test(authorization.slice(0, Math.max(space, 0)))
  const pair = isBasic ? decodeBase64(credential) : undefined
  const password = pair?.slice(pair.indexOf(':') + 1)
  const texts = [credential.replace(/=+$/, ''), ...[pair, password].filter((text) => text !== undefined)]
  return [
    // A URL escapes the bytes of a text, and not its characters.
    ...texts.flatMap((text) => [text, bytesOf(text)]).filter((text) => text.length >= TEXT_MIN_LENGTH),
    ...texts.flatMap((text) => [...base64Parts(text), hexOf(text)]).filter((text) => text.length >= ENCODED_MIN_LENGTH),
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

const hexOf = (text: string): string => toHex(new TextEncoder().encode(text))

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

/** How often a text may be escaped. */
const MAX_ESCAPES = 4

/** A text as it is, behind its escapes, and each without white space; in lower case too, for hexadecimal digits. */
function formsOf(text: string): readonly string[] {
  const forms = [text]
  for (let round = 0; round < MAX_ESCAPES; round++) {
    const plain = withoutEscapes(forms.at(-1) ?? '')
    if (plain === forms.at(-1)) break
    forms.push(plain)
  }
  const dense = forms.map((form) => form.replaceAll(/=\r?\n|\s+/g, ''))
  return [...new Set([...forms, ...dense, ...dense.map((form) => form.toLowerCase())])]
}

/** Named references of HTML for characters that base64 and passwords have. */
const NAMED: Readonly<Record<string, string>> = {
  sol: '/',
  plus: '+',
  equals: '=',
  amp: '&',
  quot: '"',
  apos: "'",
  colon: ':',
}

const ESCAPES =
  /%([0-9a-f]{2})|\\u00([0-9a-f]{2})|\\u\{0*([0-9a-f]{2})\}|\\x([0-9a-f]{2})|&#x0*([0-9a-f]{2});?|=([0-9A-F]{2})/gi

/** Escapes of URLs, JSON, JavaScript, HTML and quoted-printable as the character that they stand for. */
const withoutEscapes = (text: string): string =>
  text
    .replaceAll(ESCAPES, (_, ...codes: (string | undefined)[]) =>
      String.fromCharCode(Number.parseInt(codes.slice(0, 6).find((code) => code !== undefined) ?? '20', 16)),
    )
    .replaceAll(/\\([0-3]?[0-7]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)))
    .replaceAll(/&#0*(\d{2,3});?/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replaceAll(/&([a-z]{2,6});/g, (whole, name: string) => NAMED[name] ?? whole)
    .replaceAll('\\', '')
