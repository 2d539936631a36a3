/**
 * Regular expressions of other systems as places, as far as a condition can say them: literals, `.`, `.*`, `.+`,
 * `[^/]*`, `[^/]+`, small classes, `?`, groups and alternatives, anchors. Exact, or nothing.
 *
 * Source: RE2 syntax, as Go's package "regexp" reads it; a match may begin and end anywhere.
 */
import { atMostSlashes, classMembers, like } from './glob.ts'
import { and, or, type Where } from './where.ts'

const MAX_ALTERNATIVES = 100

/** One way through an expression. `deep`: a wildcard of it takes slashes; `flat`: one of it does not. */
type Way = { readonly text: string; readonly deep: boolean; readonly flat: boolean }

const EMPTY: Way = { text: '', deep: false, flat: false }

/** Where `source` matches a repository name. */
export function regexWhere(source: string): Where | undefined {
  const reader = new Reader(source)
  const ways = reader.alternatives()
  if (ways === undefined || !reader.isAtEnd) return undefined
  const places = ways.map((way): Where | undefined => {
    const start = way.text.startsWith('^') ? way.text.slice(1) : `*${way.text}`
    const whole = start.endsWith('$') ? start.slice(0, -1) : `${start}*`
    if (/[\^$]/.test(whole)) return undefined
    const isOpen = !way.text.startsWith('^') || !way.text.endsWith('$')
    const pattern = whole.replace(/\*+/g, '*')
    if (!way.flat) return like(pattern)
    return way.deep || isOpen ? undefined : and(like(pattern), atMostSlashes(pattern.split('/').length - 1))
  })
  const known = places.filter((place) => place !== undefined)
  return known.length === places.length ? or(...known) : undefined
}

class Reader {
  readonly #source: string
  #at = 0

  constructor(source: string) {
    this.#source = source
  }

  get isAtEnd(): boolean {
    return this.#at === this.#source.length
  }

  alternatives(): readonly Way[] | undefined {
    const all: Way[] = []
    do {
      const sequence = this.#sequence()
      if (sequence === undefined) return undefined
      all.push(...sequence)
    } while (this.#take('|'))
    return all.length <= MAX_ALTERNATIVES ? all : undefined
  }

  #sequence(): readonly Way[] | undefined {
    let ways: readonly Way[] = [EMPTY]
    while (!this.isAtEnd && !['|', ')'].includes(this.#peek())) {
      const next = this.#item()
      if (next === undefined) return undefined
      ways = ways.flatMap((way) =>
        next.map(({ text, deep, flat }) => ({
          text: way.text + text,
          deep: way.deep || deep,
          flat: way.flat || flat,
        })),
      )
      if (ways.length > MAX_ALTERNATIVES) return undefined
    }
    return ways
  }

  #item(): readonly Way[] | undefined {
    const rest = this.#source.slice(this.#at)
    const wild = /^(\.|\[\^\/\])([*+]?)(?![?{*+])/.exec(rest)
    if (wild !== null) {
      this.#at += wild[0].length
      const text = wild[2] === '' ? '?' : wild[2] === '*' ? '*' : '?*'
      return [{ text, deep: wild[1] === '.', flat: wild[1] !== '.' }]
    }
    const atom = this.#atom()
    if (atom === undefined) return undefined
    if (this.#take('?')) return ['*', '+', '?'].includes(this.#peek()) ? undefined : [...atom, EMPTY]
    return /^[*+{]/.test(this.#source.slice(this.#at)) ? undefined : atom
  }

  #atom(): readonly Way[] | undefined {
    const char = this.#peek()
    this.#at += 1
    if (char === '(') {
      if (this.#take('?') && !this.#take(':')) return undefined
      const inner = this.alternatives()
      return this.#take(')') ? inner : undefined
    }
    if (char === '[') {
      const end = this.#source.indexOf(']', this.#at + 1)
      const members = end < 0 ? undefined : classMembers(this.#source.slice(this.#at, end))
      this.#at = end + 1
      return members?.map(literal)
    }
    if (char === '\\') {
      const escaped = this.#peek()
      this.#at += 1
      if (escaped === 'd') return [...'0123456789'].map(literal)
      return /^[^A-Za-z0-9*?^$]$/.test(escaped) ? [literal(escaped)] : undefined
    }
    // Anchors are judged where the whole way is known.
    return /^[*+?{.]$/.test(char) ? undefined : [literal(char)]
  }

  #peek(): string {
    return this.#source[this.#at] ?? ''
  }

  #take(char: string): boolean {
    if (this.#peek() !== char) return false
    this.#at += 1
    return true
  }
}

const literal = (text: string): Way => ({ ...EMPTY, text })

/** Whether `source` matches a text that is known; nothing if the expression is not understood here. */
export function regexMatches(source: string, text: string): RegExpExecArray | null | undefined {
  try {
    return new RegExp(source, 's').exec(text)
  } catch {
    return undefined
  }
}
