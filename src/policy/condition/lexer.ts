/**
 * Splits the text of a condition into tokens with their places. Knows no grammar; what is not a token at all becomes one
 * `invalid` token, the last.
 *
 * Source: Azure "conditions-format".
 */

import { GUID } from '../decide/condition/operator.ts'
import type { AttributeSource, Literal } from '../expression.ts'

/** What is wrong with a condition, and where: `offset` and `length` count characters (UTF-16 units) of its text. */
export type ConditionProblem = {
  readonly offset: number
  readonly length: number
  readonly message: string
  /** What would be right. */
  readonly hint?: string
}

type Place = { readonly offset: number; readonly length: number }

/** One token of a condition, with its place. */
export type Token = Place &
  (
    | { readonly kind: 'symbol'; readonly text: '(' | ')' | '{' | '}' | ',' | '&&' | '||' | '!' }
    | { readonly kind: 'word'; readonly text: string }
    | { readonly kind: 'literal'; readonly literal: Literal }
    | { readonly kind: 'attribute'; readonly source: AttributeSource; readonly name: string }
    | { readonly kind: 'end' }
    | { readonly kind: 'invalid'; readonly problem: ConditionProblem }
  )

const SPACE = /[ \t\r\n]*/y
const SYMBOL = /&&|\|\||[(){},!]/y
const STRING = /'([^'\r\n]*)(')?/y
const ATTRIBUTE = /@([A-Za-z]*)(\[)?([^[\]'"{}\r\n]*)(\])?/y
/** With what an attribute holds beyond a word, so that one without its `@` can be named as a whole. */
const WORD = /[A-Za-z0-9_+-][A-Za-z0-9_:.+/-]*(?:\[[^[\]'"{}\r\n]*\])?/y
const INTEGER = /^-?\d+$/
const SOURCES: ReadonlyMap<string, AttributeSource> = new Map(
  (['Request', 'Resource', 'Principal', 'Environment'] as const).map((source) => [source.toLowerCase(), source]),
)
const SYMBOLS = ['(', ')', '{', '}', ',', '&&', '||', '!'] as const

/** The tokens of `text`, the last of which is `end` or `invalid`. Linear in the length of the text. */
export function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = []
  let offset = 0
  for (;;) {
    offset += match(SPACE, text, offset)?.[0].length ?? 0
    const token = nextToken(text, offset)
    tokens.push(token)
    if (token.kind === 'end' || token.kind === 'invalid') return tokens
    offset += token.length
  }
}

function match(pattern: RegExp, text: string, offset: number): RegExpExecArray | null {
  pattern.lastIndex = offset
  return pattern.exec(text)
}

function invalid(offset: number, length: number, message: string, hint?: string): Token {
  const problem = { offset, length, message, ...(hint === undefined ? {} : { hint }) }
  return { kind: 'invalid', offset, length, problem }
}

function nextToken(text: string, offset: number): Token {
  if (offset === text.length) return { kind: 'end', offset, length: 0 }
  const symbol = match(SYMBOL, text, offset)?.[0]
  const known = SYMBOLS.find((candidate) => candidate === symbol)
  if (known !== undefined) return { kind: 'symbol', offset, length: known.length, text: known }
  if (text[offset] === "'") return stringToken(text, offset)
  if (text[offset] === '@') return attributeToken(text, offset)
  const word = match(WORD, text, offset)?.[0]
  if (word !== undefined) return wordToken(word, offset)
  return strangeCharacter(text, offset)
}

function stringToken(text: string, offset: number): Token {
  const [whole = '', value = '', close] = match(STRING, text, offset) ?? []
  if (close === undefined) {
    return invalid(offset, whole.length, 'string is not closed on its line', "end it with '")
  }
  return { kind: 'literal', offset, length: whole.length, literal: { type: 'string', value } }
}

function attributeToken(text: string, offset: number): Token {
  const [whole = '', sourceText = '', open, rawName = '', close] = match(ATTRIBUTE, text, offset) ?? []
  const source = SOURCES.get(sourceText.toLowerCase())
  if (source === undefined) {
    const hint = 'sources are @Request, @Resource, @Principal and @Environment'
    return invalid(offset, sourceText.length + 1, `unknown attribute source @${sourceText}`, hint)
  }
  if (open === undefined || close === undefined) {
    return invalid(offset, whole.trimEnd().length, 'attribute is not complete', `write @${source}[name]`)
  }
  const name = rawName.trim()
  if (name === '') return invalid(offset, whole.length, 'attribute has no name', `write @${source}[name]`)
  return { kind: 'attribute', offset, length: whole.length, source, name }
}

function wordToken(word: string, offset: number): Token {
  const length = word.length
  const literal = (value: Literal): Token => ({ kind: 'literal', offset, length, literal: value })
  if (GUID.test(word)) return literal({ type: 'guid', value: word.toLowerCase() })
  if (/^(?:true|false)$/i.test(word)) return literal({ type: 'boolean', value: word.toLowerCase() === 'true' })
  if (!INTEGER.test(word)) return { kind: 'word', offset, length, text: word }
  const value = Number(word)
  if (!Number.isSafeInteger(value)) {
    const hint = `between -${Number.MAX_SAFE_INTEGER} and ${Number.MAX_SAFE_INTEGER}`
    return invalid(offset, length, 'integer is too large', hint)
  }
  // Adding zero turns -0 into 0, the only one of the two that JSON keeps.
  return literal({ type: 'integer', value: value + 0 })
}

function strangeCharacter(text: string, offset: number): Token {
  const character = String.fromCodePoint(text.codePointAt(offset) ?? 0)
  const { length } = character
  const quoted = /[\p{Cc}\p{Cf}\p{Z}\p{Cs}\p{Cn}]/u.test(character)
    ? `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
    : character
  const message = `unexpected character ${quoted}`
  if ('"“”‘’`´'.includes(character))
    return invalid(offset, length, message, "strings stand between straight single quotes: 'text'")
  if ('=<>'.includes(character))
    return invalid(offset, length, message, 'operators are words, such as StringEquals or NumericLessThan')
  if ('&|'.includes(character)) return invalid(offset, length, message, `write ${character}${character}`)
  if (/\p{Z}|\p{Cf}/u.test(character))
    return invalid(offset, length, message, 'use plain spaces and line breaks between words')
  return invalid(offset, length, message)
}
