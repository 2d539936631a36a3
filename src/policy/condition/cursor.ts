/**
 * A place in the tokens of a condition: reading it, moving on, and saying what is expected instead. Knows
 * the words of the grammar, not its rules.
 */
import { formatLiteral } from './format.ts'
import type { ConditionProblem, Token } from './lexer.ts'

/** Characters (UTF-16 units) of the text. */
export type Place = { readonly offset: number; readonly length: number }

/** The place of something that has one. */
export const placeOf = ({ offset, length }: Place): Place => ({ offset, length })

/** All from the start of one place to the end of another. */
export const span = (from: Place, to: Place): Place => ({
  offset: from.offset,
  length: to.offset + to.length - from.offset,
})

/** Makes a {@link ConditionProblem}. */
export const problemAt = (place: Place, message: string, hint?: string): ConditionProblem => ({
  ...placeOf(place),
  message,
  ...(hint === undefined ? {} : { hint }),
})

/** Functions of the condition language. */
export const FUNCTIONS = ['ActionMatches', 'SubOperationMatches', 'Exists'] as const
const KEYWORDS = new Map<string, 'and' | 'or' | 'not' | (typeof FUNCTIONS)[number]>([
  ['and', 'and'],
  ['&&', 'and'],
  ['or', 'or'],
  ['||', 'or'],
  ['not', 'not'],
  ['!', 'not'],
  ...FUNCTIONS.map((name) => [name.toLowerCase(), name] as const),
])

/** A token as it is named in a message. */
function describe(token: Exclude<Token, { kind: 'invalid' }>): string {
  switch (token.kind) {
    case 'end':
      return 'the end of the condition'
    case 'literal':
      return formatLiteral(token.literal)
    case 'attribute':
      return 'an attribute'
    case 'symbol':
    case 'word':
      return token.text
  }
}

/** Reads a list of tokens from left to right. */
export class Cursor {
  readonly #tokens: readonly Token[]
  #position = 0

  /** `tokens` end with `end` or `invalid`. */
  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  get token(): Token {
    return this.#tokens[this.#position] ?? { kind: 'end', offset: 0, length: 0 }
  }

  /** The logical operator or function at this place, in its one spelling. */
  get keyword() {
    const { token } = this
    return token.kind === 'word' || token.kind === 'symbol' ? KEYWORDS.get(token.text.toLowerCase()) : undefined
  }

  /** Move on, except past the last token; gives the one left behind. */
  next(): Token {
    const { token } = this
    if (token.kind !== 'end' && token.kind !== 'invalid') this.#position += 1
    return token
  }

  isEnd(): boolean {
    return this.token.kind === 'end'
  }

  isSymbol(text: string): boolean {
    return this.token.kind === 'symbol' && this.token.text === text
  }

  /** Move past `symbol` if it is next. */
  take(symbol: string): boolean {
    const isHere = this.isSymbol(symbol)
    if (isHere) this.next()
    return isHere
  }

  /** Whether the token touches the string before it, as in `'it's'`. */
  get isInsideString(): boolean {
    const { token } = this
    const previous = this.#tokens[this.#position - 1]
    return (
      previous?.kind === 'literal' &&
      previous.literal.type === 'string' &&
      previous.offset + previous.length === token.offset &&
      (token.kind === 'word' || token.kind === 'literal')
    )
  }

  /** The problem that the next token is not the expected one. */
  unexpected(expected: string, hint?: string): ConditionProblem {
    const { token } = this
    if (token.kind === 'invalid') return token.problem
    if (this.isInsideString) return problemAt(token, "a string cannot hold a '", 'the language has no way to write one')
    return problemAt(token, `expected ${expected}, found ${describe(token)}`, hint)
  }
}
