/**
 * Regular expressions of Go, for ASCII texts: as places, as far as a condition can say them, and matched with a text that
 * is known at the import. What this reader does not understand, or Go refuses, is nothing; nothing is guessed.
 *
 * Source: RE2 syntax (github.com/google/re2/wiki/Syntax), as Go's package "regexp/syntax" reads it with Perl flags; a match
 * may begin and end anywhere.
 */
import { ALPHABET, DEEP, FLAT, type Item, MAX_WAYS, NAME_CHARACTERS, oneOf, type Way } from './place.ts'

type Node =
  | { readonly kind: 'set'; readonly set: ReadonlySet<number> }
  | { readonly kind: 'begin' | 'end' | 'boundary' | 'inside' }
  | { readonly kind: 'sequence' | 'choice'; readonly parts: readonly Node[] }
  | { readonly kind: 'group'; readonly part: Node }
  | {
      readonly kind: 'repeat'
      readonly part: Node
      readonly min: number
      readonly max: number
      readonly lazy: boolean
    }
type Flags = { readonly fold: boolean; readonly dotAll: boolean; readonly ungreedy: boolean }

const ASCII = Array.from({ length: 128 }, (_, code) => code)
const MAX_DEPTH = 50
/** Go refuses more repetitions. */
const MAX_REPEAT = 1000
/** An expression that is understood. */
export type Re2 = { readonly node: Node; readonly hasGroupInRepeat: boolean }

/** Read an expression; nothing if Go refuses it, or it says what is not understood here. */
export function parseRe2(source: string): Re2 | undefined {
  try {
    const reader = new Reader(source)
    const node = reader.whole()
    return { node, hasGroupInRepeat: hasGroup(node, false) }
  } catch (cause) {
    if (cause instanceof NotUnderstood) return undefined
    throw cause
  }
}

class NotUnderstood extends Error {
  override readonly name = 'NotUnderstood'
}

const chars = (text: string): readonly number[] => [...text].map((char) => char.charCodeAt(0))
const range = (low: string, high: string): readonly number[] =>
  ASCII.filter((code) => low.charCodeAt(0) <= code && code <= high.charCodeAt(0))
const without = (codes: Iterable<number>): readonly number[] => {
  const set = new Set(codes)
  return ASCII.filter((code) => !set.has(code))
}

const DIGIT = range('0', '9')
const LOWER = range('a', 'z')
const UPPER = range('A', 'Z')
const WORD = [...DIGIT, ...LOWER, ...UPPER, ...chars('_')]
const PERL: Readonly<Record<string, readonly number[]>> = {
  d: DIGIT,
  D: without(DIGIT),
  w: WORD,
  W: without(WORD),
  s: chars('\t\n\f\r '),
  S: without(chars('\t\n\f\r ')),
}
const POSIX: Readonly<Record<string, readonly number[]>> = {
  alnum: [...DIGIT, ...LOWER, ...UPPER],
  alpha: [...LOWER, ...UPPER],
  ascii: ASCII,
  blank: chars('\t '),
  cntrl: [...ASCII.slice(0, 32), 127],
  digit: DIGIT,
  graph: range('!', '~'),
  lower: LOWER,
  print: range(' ', '~'),
  punct: [...range('!', '/'), ...range(':', '@'), ...range('[', '`'), ...range('{', '~')],
  space: chars('\t\n\v\f\r '),
  upper: UPPER,
  word: WORD,
  xdigit: [...DIGIT, ...range('A', 'F'), ...range('a', 'f')],
}
const CONTROLS: Readonly<Record<string, string>> = { a: '\x07', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

const EMPTY: Node = { kind: 'sequence', parts: [] }

class Reader {
  readonly #source: string
  #at = 0
  #depth = 0

  constructor(source: string) {
    this.#source = source
  }

  whole(): Node {
    const node = this.#choice({ fold: false, dotAll: false, ungreedy: false })
    if (this.#at < this.#source.length) throw new NotUnderstood()
    return node
  }

  #choice(start: Flags): Node {
    this.#depth += 1
    if (this.#depth > MAX_DEPTH) throw new NotUnderstood()
    const choices: Node[] = []
    let flags = start
    do {
      const [node, after] = this.#sequence(flags)
      choices.push(node)
      flags = after
    } while (this.#take('|'))
    this.#depth -= 1
    return choices.length === 1 ? (choices[0] ?? EMPTY) : { kind: 'choice', parts: choices }
  }

  /** A sequence, and the flags that hold behind it. */
  #sequence(start: Flags): readonly [Node, Flags] {
    const parts: Node[] = []
    let flags = start
    while (this.#at < this.#source.length && this.#peek() !== '|' && this.#peek() !== ')') {
      if (this.#take('\\Q')) {
        const end = this.#source.indexOf('\\E', this.#at)
        const quoted = this.#source.slice(this.#at, end < 0 ? undefined : end)
        this.#at = end < 0 ? this.#source.length : end + 2
        parts.push(...[...quoted].map((char) => character(char, flags)))
        const last = parts.pop()
        if (quoted !== '' && last !== undefined) parts.push(this.#quantified(last, flags))
        else if (last !== undefined) parts.push(last)
        continue
      }
      const changed = /^\(\?([imsU]*)(?:-([imsU]+))?\)/.exec(this.#source.slice(this.#at))
      if (changed !== null) {
        this.#at += changed[0].length
        flags = withFlags(flags, changed[1], changed[2])
        continue
      }
      parts.push(this.#quantified(this.#atom(flags), flags))
    }
    return [parts.length === 1 ? (parts[0] ?? EMPTY) : { kind: 'sequence', parts }, flags]
  }

  #quantified(part: Node, flags: Flags): Node {
    const match = /^(?:[*+?]|\{(\d{1,4})(?:(,)(\d{0,4}))?\})/.exec(this.#source.slice(this.#at))
    if (match === null) return part
    // Go repeats anchors; nobody needs it.
    if (part.kind === 'begin' || part.kind === 'end' || part.kind === 'boundary' || part.kind === 'inside')
      throw new NotUnderstood()
    this.#at += match[0].length
    const [sign, low, comma, high] = match
    const min = low === undefined ? (sign === '+' ? 1 : 0) : Number(low)
    const max =
      low === undefined
        ? sign === '?'
          ? 1
          : Number.POSITIVE_INFINITY
        : comma === undefined
          ? min
          : high === ''
            ? Number.POSITIVE_INFINITY
            : Number(high)
    if (min > MAX_REPEAT || (max > MAX_REPEAT && max !== Number.POSITIVE_INFINITY) || max < min)
      throw new NotUnderstood()
    const lazy = this.#take('?') !== flags.ungreedy
    if (/^(?:[*+?]|\{\d+(?:,\d*)?\})/.test(this.#source.slice(this.#at))) throw new NotUnderstood()
    return { kind: 'repeat', part, min, max, lazy }
  }

  #atom(flags: Flags): Node {
    const char = this.#next()
    switch (char) {
      case '(':
        return this.#group(flags)
      case '[':
        return { kind: 'set', set: this.#class(flags) }
      case '.':
        return { kind: 'set', set: new Set(flags.dotAll ? ASCII : without(chars('\n'))) }
      case '^':
        return { kind: 'begin' }
      case '$':
        return { kind: 'end' }
      case '*':
      case '+':
      case '?':
        throw new NotUnderstood()
      case '\\':
        return this.#escape(flags)
      default:
        return character(char, flags)
    }
  }

  #group(outer: Flags): Node {
    let flags = outer
    let captures = true
    const head = /^\?(?:P<\w+>|([imsU]*)(?:-([imsU]+))?:)/.exec(this.#source.slice(this.#at))
    if (head !== null) {
      this.#at += head[0].length
      if (head[1] !== undefined) {
        captures = false
        flags = withFlags(flags, head[1], head[2])
      }
    } else if (this.#peek() === '?') throw new NotUnderstood()
    const part = this.#choice(flags)
    if (!this.#take(')')) throw new NotUnderstood()
    return captures ? { kind: 'group', part } : { kind: 'sequence', parts: [part] }
  }

  #escape(flags: Flags): Node {
    const char = this.#peek()
    if (char === 'A' || char === 'z' || char === 'b' || char === 'B') {
      this.#at += 1
      return { kind: char === 'A' ? 'begin' : char === 'z' ? 'end' : char === 'b' ? 'boundary' : 'inside' }
    }
    const named = this.#namedClass()
    if (named !== undefined) return { kind: 'set', set: folded(named, flags) }
    return character(this.#escaped(), flags)
  }

  /** `\d`, `\pL` and the like, behind the backslash. */
  #namedClass(): readonly number[] | undefined {
    const perl = PERL[this.#peek()]
    if (perl !== undefined) {
      this.#at += 1
      return perl
    }
    const unicode = /^([pP])(?:([A-Z])|\{(\^?)([A-Z][a-z]?)\})/.exec(this.#source.slice(this.#at))
    if (unicode === null) return undefined
    this.#at += unicode[0].length
    const [, sign, short, caret, long] = unicode
    const name = short ?? long ?? ''
    if (
      !/^(?:C|Cc|Cf|Co|Cs|L|Ll|Lm|Lo|Lt|Lu|M|Mc|Me|Mn|N|Nd|Nl|No|P|Pc|Pd|Pe|Pf|Pi|Po|Ps|S|Sc|Sk|Sm|So|Z|Zl|Zp|Zs)$/.test(
        name,
      )
    )
      throw new NotUnderstood()
    const category = new RegExp(`\\p{${name}}`, 'u')
    const members = ASCII.filter((code) => category.test(String.fromCharCode(code)))
    return (sign === 'P') !== (caret === '^') ? without(members) : members
  }

  /** One escaped character, behind the backslash. */
  #escaped(): string {
    const char = this.#next()
    const control = CONTROLS[char]
    if (control !== undefined) return control
    if (char === 'x') {
      const match = /^(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})/.exec(this.#source.slice(this.#at))
      const code = Number.parseInt(match?.[1] ?? match?.[2] ?? '', 16)
      if (match === null || code > 0x10ffff) throw new NotUnderstood()
      this.#at += match[0].length
      return String.fromCodePoint(code)
    }
    if (char === '' || /[A-Za-z0-9]/.test(char) || char > '\x7f') throw new NotUnderstood()
    return char
  }

  #class(flags: Flags): ReadonlySet<number> {
    const isNegated = this.#take('^')
    const members: number[] = []
    for (let isFirst = true; isFirst || this.#peek() !== ']'; isFirst = false) {
      if (this.#at >= this.#source.length) throw new NotUnderstood()
      const posix = /^\[:(\^?)(\w+):\]/.exec(this.#source.slice(this.#at))
      if (posix !== null) {
        const named = POSIX[posix[2] ?? '']
        if (named === undefined) throw new NotUnderstood()
        this.#at += posix[0].length
        members.push(...(posix[1] === '^' ? without(named) : named))
        continue
      }
      if (this.#peek() === '\\') {
        this.#at += 1
        const named = this.#namedClass()
        if (named !== undefined) {
          members.push(...named)
          continue
        }
        this.#at -= 1
      }
      const low = this.#classCharacter()
      const isRange = this.#peek() === '-' && this.#source[this.#at + 1] !== ']' && this.#at + 1 < this.#source.length
      if (isRange) this.#at += 1
      const high = isRange ? this.#classCharacter() : low
      const [from, to] = [low.codePointAt(0) ?? 0, high.codePointAt(0) ?? 0]
      if (from > to || (flags.fold && to > 127)) throw new NotUnderstood()
      members.push(...ASCII.filter((code) => from <= code && code <= to))
    }
    this.#at += 1
    const set = folded(members, flags)
    return isNegated ? new Set(without(set)) : set
  }

  #classCharacter(): string {
    const char = this.#next()
    if (char === '') throw new NotUnderstood()
    return char === '\\' ? this.#escaped() : char
  }

  #peek(): string {
    return this.#source[this.#at] ?? ''
  }

  #next(): string {
    const code = this.#source.codePointAt(this.#at)
    if (code === undefined) return ''
    const char = String.fromCodePoint(code)
    this.#at += char.length
    return char
  }

  #take(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false
    this.#at += text.length
    return true
  }
}

function withFlags(flags: Flags, on = '', off = ''): Flags {
  // With (?m) the anchors mean lines.
  if (on.includes('m')) throw new NotUnderstood()
  const flag = (name: string, before: boolean) => (off.includes(name) ? false : on.includes(name) || before)
  return { fold: flag('i', flags.fold), dotAll: flag('s', flags.dotAll), ungreedy: flag('U', flags.ungreedy) }
}

function character(char: string, flags: Flags): Node {
  const code = char.codePointAt(0) ?? 0
  // A few letters beyond ASCII fold into it.
  if (flags.fold && code > 127) throw new NotUnderstood()
  return { kind: 'set', set: folded(code > 127 ? [] : [code], flags) }
}

function folded(codes: Iterable<number>, { fold }: Flags): ReadonlySet<number> {
  const set = new Set(codes)
  if (fold) {
    for (const code of [...set]) {
      const char = String.fromCharCode(code)
      if (/[A-Za-z]/.test(char)) set.add(char.toLowerCase().charCodeAt(0)).add(char.toUpperCase().charCodeAt(0))
    }
  }
  return set
}

function hasGroup(node: Node, isRepeated: boolean): boolean {
  switch (node.kind) {
    case 'group':
      return isRepeated || hasGroup(node.part, isRepeated)
    case 'repeat':
      return hasGroup(node.part, isRepeated || node.max > 1)
    case 'sequence':
    case 'choice':
      return node.parts.some((part) => hasGroup(part, isRepeated))
    default:
      return false
  }
}

const isAscii = (text: string): boolean => [...text].every((char) => char <= '\x7f')

/** Whether the expression matches a part of `text`; nothing for a text beyond ASCII. */
export function re2Matches({ node }: Re2, text: string): boolean | undefined {
  if (!isAscii(text)) return undefined
  const starts = new Set(Array.from({ length: text.length + 1 }, (_, at) => at))
  return endsOf(node, text, starts).size > 0
}

/** Where matches may end that begin at one of `starts`. Every offset is visited once, so that no expression is slow. */
function endsOf(node: Node, text: string, starts: ReadonlySet<number>): ReadonlySet<number> {
  const filtered = (isMatch: (at: number) => boolean) => new Set([...starts].filter(isMatch))
  const isWord = (at: number) => /\w/.test(text.charAt(at))
  switch (node.kind) {
    case 'set':
      return new Set(
        [...starts].filter((at) => at < text.length && node.set.has(text.charCodeAt(at))).map((at) => at + 1),
      )
    case 'begin':
      return filtered((at) => at === 0)
    case 'end':
      return filtered((at) => at === text.length)
    case 'boundary':
      return filtered((at) => isWord(at - 1) !== isWord(at))
    case 'inside':
      return filtered((at) => isWord(at - 1) === isWord(at))
    case 'group':
      return endsOf(node.part, text, starts)
    case 'sequence':
      return node.parts.reduce((ends, part) => endsOf(part, text, ends), starts)
    case 'choice':
      return new Set(node.parts.flatMap((part) => [...endsOf(part, text, starts)]))
    case 'repeat': {
      let ends = starts
      for (let count = 0; count < node.min; count++) ends = endsOf(node.part, text, ends)
      const all = new Set(ends)
      for (let count = node.min; count < node.max && ends.size > 0; count++) {
        ends = new Set([...endsOf(node.part, text, ends)].filter((end) => !all.has(end)))
        for (const end of ends) all.add(end)
      }
      return all
    }
  }
}

/**
 * What the groups of the first match hold, `''` for one that took no part; nothing if the expression does not match, or
 * undefined if that cannot be known: of a repeated group Go and JavaScript keep different texts.
 */
export function re2Groups(re2: Re2, text: string): readonly string[] | null | undefined {
  const isMatch = re2Matches(re2, text)
  if (isMatch === undefined || re2.hasGroupInRepeat) return undefined
  if (!isMatch) return null
  const match = new RegExp(javascriptOf(re2.node)).exec(text)
  return match === null ? null : match.slice(1).map((group: string | undefined) => group ?? '')
}

function javascriptOf(node: Node): string {
  switch (node.kind) {
    case 'set':
      return `[${[...node.set].map((code) => `\\x${code.toString(16).padStart(2, '0')}`).join('')}]`
    case 'begin':
      return '^'
    case 'end':
      return '$'
    case 'boundary':
      return '\\b'
    case 'inside':
      return '\\B'
    case 'group':
      return `(${javascriptOf(node.part)})`
    case 'sequence':
      return `(?:${node.parts.map(javascriptOf).join('')})`
    case 'choice':
      return `(?:${node.parts.map(javascriptOf).join('|')})`
    case 'repeat':
      return `(?:${javascriptOf(node.part)}){${node.min},${node.max === Number.POSITIVE_INFINITY ? '' : node.max}}${node.lazy ? '?' : ''}`
  }
}

type Anchor = { readonly kind: 'begin' | 'end' }
type Step = Item | Anchor

/** The ways of an expression through a repository name; nothing if they cannot be said. */
export function re2Ways({ node }: Re2): readonly Way[] | undefined {
  const open = stepsOf(node)
  if (open === undefined) return undefined
  const ways: Way[] = []
  for (const steps of open) {
    const way = anchored(steps)
    if (way === undefined) return undefined
    if (way !== 'impossible') ways.push(way)
  }
  return ways
}

/** Steps as a way that matches a whole name. An anchor behind a character cannot hold; one behind a run is not checked. */
function anchored(steps: readonly Step[]): Way | 'impossible' | undefined {
  const isItem = (step: Step): step is Item => step.kind === 'one' || step.kind === 'run'
  const items = steps.filter(isItem)
  const isBegun = steps[0]?.kind === 'begin'
  const isEnded = steps.at(-1)?.kind === 'end'
  for (const [index, step] of steps.entries()) {
    if (isItem(step)) continue
    const outside = (step.kind === 'begin' ? steps.slice(0, index) : steps.slice(index + 1)).filter(isItem)
    if (outside.some(({ kind }) => kind === 'one')) return 'impossible'
    if (outside.length > 0) return undefined
  }
  // Anchors of the other kind may stand first or last; then the name is empty, which no name is.
  const hasBegin = isBegun || steps.some(({ kind }) => kind === 'begin')
  const hasEnd = isEnded || steps.some(({ kind }) => kind === 'end')
  if (items.length === 0 && hasBegin && hasEnd) return 'impossible'
  return [...(hasBegin ? [] : [DEEP]), ...items, ...(hasEnd ? [] : [DEEP])]
}

function stepsOf(node: Node): readonly (readonly Step[])[] | undefined {
  switch (node.kind) {
    case 'set': {
      const item = itemOf(node.set)
      return item.kind === 'one' && item.set === '' ? [] : [[item]]
    }
    case 'begin':
    case 'end':
      return [[{ kind: node.kind }]]
    case 'boundary':
    case 'inside':
      return undefined
    case 'group':
      return stepsOf(node.part)
    case 'choice': {
      const all: (readonly Step[])[] = []
      for (const part of node.parts) {
        const steps = stepsOf(part)
        if (steps === undefined) return undefined
        all.push(...steps)
      }
      return all.length > MAX_WAYS ? undefined : all
    }
    case 'sequence':
      return node.parts.reduce<readonly (readonly Step[])[] | undefined>(
        (before, part) => {
          const steps = before && stepsOf(part)
          return before && steps && join(before, steps)
        },
        [[]],
      )
    case 'repeat':
      return repeated(node.part, node.min, node.max)
  }
}

const join = (first: readonly (readonly Step[])[], second: readonly (readonly Step[])[]) =>
  first.length * second.length > MAX_WAYS
    ? undefined
    : first.flatMap((head) => second.map((tail) => [...head, ...tail]))

const itemOf = (set: ReadonlySet<number>): Item => oneOf((char) => set.has(char.charCodeAt(0)))

function repeated(part: Node, min: number, max: number): readonly (readonly Step[])[] | undefined {
  const steps = stepsOf(part)
  if (steps === undefined) return undefined
  let all: readonly (readonly Step[])[] | undefined = [[]]
  for (let count = 0; count < min && all !== undefined; count++) all = join(all, steps)
  if (all === undefined) return undefined
  if (max === Number.POSITIVE_INFINITY) {
    const only = steps.length === 1 && steps[0]?.length === 1 ? steps[0][0] : undefined
    const set = only?.kind === 'one' ? only.set : ''
    // Nothing can be repeated only no times.
    if (steps.length === 0) return all
    if (set !== ALPHABET && set !== NAME_CHARACTERS) return undefined
    return join(all, [[set === ALPHABET ? FLAT : DEEP]])
  }
  const results = [...all]
  for (let count = min; count < max; count++) {
    all = join(all, steps)
    if (all === undefined || results.length + all.length > MAX_WAYS) return undefined
    if (all.length === 0) break
    results.push(...all)
  }
  return results
}
