/**
 * Reads JSON (RFC 8259) into a tree: no comments, no trailing commas, nothing that `JSON.parse` refuses. Own code, since
 * the platform's parser knows no places. Never recurses, so that nesting cannot exhaust the stack.
 */
import { complaint } from './problem.ts'
import { type Fault, MAX_DEPTH, TOO_DEEP, type TreeBuilder } from './tree.ts'

/** Reads a text into the builder, up to the first mistake; undefined if there is none. */
export function readJson(text: string, builder: TreeBuilder): Fault | undefined {
  const fault = new JsonReader(text, builder).read()
  if (fault !== undefined) builder.abandon(fault.offset)
  return fault
}

const SPACE = /[ \t\n\r]*/y
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
/** Something that looks like one word or number. */
const WORD = /[\w.+-]+/y
/** An escape sequence, or (captured) a character that may not be in a string. */
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})|(\\|[^ -\uffff])/g
const WORDS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['true', true],
  ['false', false],
  ['null', null],
])

type Expected = 'value' | 'key' | 'colon' | 'next'

const NAMES: Readonly<Record<Expected, string>> = {
  value: 'a value',
  key: 'a key in double quotes',
  colon: 'a colon',
  next: 'a comma or a closing bracket',
}

class JsonReader {
  readonly #text: string
  readonly #builder: TreeBuilder
  /** The brackets that close what is open. */
  readonly #closing: ('}' | ']')[] = []
  #at = 0
  #expected: Expected | 'end' = 'value'

  constructor(text: string, builder: TreeBuilder) {
    this.#text = text
    this.#builder = builder
  }

  read(): Fault | undefined {
    for (;;) {
      this.#skipSpace()
      if (this.#expected === 'end') return this.#at < this.#text.length ? this.#fault(AFTER_END) : undefined
      const fault = this.#step(this.#expected)
      if (fault !== undefined) return fault
    }
  }

  #step(expected: Expected): Fault | undefined {
    const char = this.#text.charAt(this.#at)
    switch (expected) {
      case 'value':
        return char === '{' || char === '[' ? this.#open(char) : char === '"' ? this.#string() : this.#word()
      case 'key':
        return char === '"' ? this.#string() : this.#unexpected(expected)
      case 'colon':
        if (char !== ':') return this.#unexpected(expected)
        this.#at += 1
        this.#expected = 'value'
        return undefined
      case 'next':
        if (char === this.#closing.at(-1)) return this.#close()
        return char === ',' ? this.#comma() : this.#unexpected(expected)
    }
  }

  #open(bracket: '{' | '['): Fault | undefined {
    if (this.#builder.depth === MAX_DEPTH) return this.#fault(TOO_DEEP)
    const closing = bracket === '{' ? '}' : ']'
    this.#builder.open(this.#at, bracket === '{' ? Object.create(null) : [])
    this.#closing.push(closing)
    this.#at += 1
    this.#skipSpace()
    if (this.#text.charAt(this.#at) === closing) return this.#close()
    this.#expected = bracket === '{' ? 'key' : 'value'
    return undefined
  }

  #close(): undefined {
    this.#builder.close()
    this.#closing.pop()
    this.#at += 1
    this.#ended()
  }

  #comma(): Fault | undefined {
    const comma = this.#at
    this.#at += 1
    this.#skipSpace()
    const closing = this.#closing.at(-1)
    if (this.#text.charAt(this.#at) === closing) return { offset: comma, reason: TRAILING_COMMA }
    this.#expected = closing === '}' ? 'key' : 'value'
    return undefined
  }

  /** A value has ended. */
  #ended(): void {
    this.#expected = this.#closing.length === 0 ? 'end' : 'next'
  }

  #string(): Fault | undefined {
    const [start, end] = [this.#at, closingQuote(this.#text, this.#at + 1)]
    if (end < 0) return this.#fault(UNCLOSED_STRING)
    const raw = this.#text.slice(start + 1, end)
    for (const { index, 1: wrong } of raw.matchAll(ESCAPE)) {
      if (wrong === undefined) continue
      this.#at = start + 1 + index
      return this.#fault(wrong === '\\' ? BAD_ESCAPE : BAD_CHARACTER)
    }
    const value = String(JSON.parse(this.#text.slice(start, end + 1)))
    this.#at = end + 1
    if (this.#expected === 'key') {
      this.#builder.key(start, value)
      this.#expected = 'colon'
    } else {
      this.#builder.scalar(start, value)
      this.#ended()
    }
    return undefined
  }

  /** A number, `true`, `false` or `null`. */
  #word(): Fault | undefined {
    const word = this.#match(WORD)
    const value = word !== '' && this.#match(NUMBER) === word ? Number(word) : WORDS.get(word)
    if (value === undefined) return this.#unexpected('value')
    this.#builder.scalar(this.#at, value)
    this.#at += word.length
    this.#ended()
    return undefined
  }

  #unexpected(expected: Expected): Fault {
    const rest = this.#text.slice(this.#at, this.#at + 2)
    if (rest === '') return this.#fault(complaint(CODE, `the file ends here, ${NAMES[expected]} is missing`, CUT_OFF))
    if (rest === '//' || rest === '/*' || rest.startsWith('#')) return this.#fault(COMMENT)
    if (rest.startsWith("'")) return this.#fault(SINGLE_QUOTE)
    const hint =
      expected === 'value' || expected === 'key' ? TEXT_IN_QUOTES : 'look for a missing comma, bracket or quote'
    return this.#fault(complaint(CODE, `not valid JSON: expected ${NAMES[expected]}`, hint))
  }

  #fault(reason: Fault['reason']): Fault {
    return { offset: this.#at, reason }
  }

  #skipSpace(): void {
    this.#at += this.#match(SPACE).length
  }

  /** What a sticky pattern matches here. */
  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    return pattern.exec(this.#text)?.[0] ?? ''
  }
}

/** The offset of the quote that ends a string; -1 if there is none. */
function closingQuote(text: string, start: number): number {
  for (let quote = text.indexOf('"', start); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0
    while (text.charAt(quote - 1 - backslashes) === '\\' && quote - 1 - backslashes >= start) backslashes += 1
    if (backslashes % 2 === 0) return quote
  }
  return -1
}

const CODE = 'json_syntax'
const CUT_OFF = 'the file may have been cut off: write it again'
const TEXT_IN_QUOTES = 'write text in double quotes; other values are numbers, true, false and null'
const AFTER_END = complaint(CODE, 'not valid JSON: the file goes on after its value', 'keep one value in a file')
const TRAILING_COMMA = complaint(CODE, 'JSON has no comma before a closing bracket', 'remove the comma')
const COMMENT = complaint(
  CODE,
  'JSON has no comments',
  'remove the comment, or name the file *.yaml and start comments with #',
)
const SINGLE_QUOTE = complaint(CODE, 'JSON has no single quotes', 'write text in double quotes')
const UNCLOSED_STRING = complaint(CODE, 'this text has no closing quote', 'end it with a double quote')
const BAD_ESCAPE = complaint(CODE, 'this is not an escape sequence of JSON', 'write \\\\ for a backslash')
const BAD_CHARACTER = complaint(
  CODE,
  'a control character cannot be in a text of JSON',
  'write \\n for a line break, \\t for a tab',
)
