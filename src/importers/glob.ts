/**
 * Shell patterns of Go programs as ways: `path.Match`, in which `*` stays inside one segment, and doublestar, in which a
 * segment `**` spans any number of them. Where a library answers otherwise than its documentation lets expect, there is
 * no answer.
 *
 * Source: Go standard library, package "path", function Match; bmatcuk/doublestar v4, functions Match and ValidatePattern.
 */
import { ALPHABET, DEEP, FLAT, type Item, literal, MAX_WAYS, oneOf, sequence, type Way } from './place.ts'
import { EVERYWHERE, type Where } from './where.ts'

/** `*`, `?`, or one character for which `isMember` holds; a class is written in brackets. */
type Token =
  | { readonly kind: 'star' }
  | { readonly kind: 'any' }
  | { readonly kind: 'character'; readonly isMember: (char: string) => boolean; readonly isClass: boolean }

/** The way of a pattern of `path.Match`: none if the pattern is malformed, for it matches no name; nothing if unsure. */
export function pathMatchWays(pattern: string): readonly Way[] | undefined {
  const tokens = pathMatchTokens(pattern)
  if (tokens === undefined) return []
  return isGreedySafe(tokens) ? [tokens.map(itemOf)] : undefined
}

/** Whether `path.Match` matches a whole text; nothing if unsure. */
export function pathMatches(pattern: string, text: string): boolean | undefined {
  const tokens = pathMatchTokens(pattern)
  if (tokens === undefined) return false
  if (text.includes('/') && !isGreedySafe(tokens)) return undefined
  const chars = [...text]
  let ends = new Set([0])
  for (const token of tokens) {
    const next = new Set<number>()
    for (const start of ends) {
      if (token.kind === 'star') {
        let end = start
        next.add(end)
        while (end < chars.length && chars[end] !== '/') next.add(++end)
      } else {
        const char = chars[start]
        if (char !== undefined && (token.kind === 'any' ? char !== '/' : token.isMember(char))) next.add(start + 1)
      }
    }
    ends = next
  }
  return ends.has(chars.length)
}

/** Both libraries take the first place that fits a part behind a `*`: the wrong one if a class has taken a slash. */
const isGreedySafe = (tokens: readonly Token[]): boolean => {
  const star = tokens.findIndex(({ kind }) => kind === 'star')
  return (
    star < 0 || !tokens.slice(star).some((token) => token.kind === 'character' && token.isClass && token.isMember('/'))
  )
}

const itemOf = (token: Token): Item =>
  token.kind === 'star' ? FLAT : token.kind === 'any' ? oneOf((char) => ALPHABET.includes(char)) : oneOf(token.isMember)

const characterToken = (char: string): Token => ({
  kind: 'character',
  isMember: (other) => other === char,
  isClass: false,
})

/** The tokens; nothing if the pattern is malformed. */
function pathMatchTokens(pattern: string): readonly Token[] | undefined {
  const chars = [...pattern]
  const tokens: Token[] = []
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at] ?? ''
    if (char === '*') tokens.push({ kind: 'star' })
    else if (char === '?') tokens.push({ kind: 'any' })
    else if (char === '[') {
      const found = pathMatchClass(chars, at + 1)
      if (found === undefined) return undefined
      tokens.push({ kind: 'character', isMember: found.isMember, isClass: true })
      at = found.end
    } else if (char === '\\') {
      at += 1
      const escaped = chars[at]
      if (escaped === undefined) return undefined
      tokens.push(characterToken(escaped))
    } else tokens.push(characterToken(char))
  }
  return tokens
}

type Class = { readonly isMember: (char: string) => boolean; readonly end: number }

function pathMatchClass(chars: readonly string[], start: number): Class | undefined {
  const isNegated = chars[start] === '^'
  let at = isNegated ? start + 1 : start
  const ranges: (readonly [string, string])[] = []
  const take = (): string | undefined => {
    let char = chars[at]
    if (char === undefined || char === '-' || char === ']') return undefined
    if (char === '\\') {
      at += 1
      char = chars[at]
    }
    at += 1
    return char
  }
  while (chars[at] !== ']' || ranges.length === 0) {
    const low = take()
    if (low === undefined) return undefined
    let high: string | undefined = low
    if (chars[at] === '-') {
      at += 1
      high = take()
      if (high === undefined) return undefined
    }
    ranges.push([low, high])
  }
  return { isMember: memberOf(ranges, isNegated), end: at }
}

const codeOf = (char: string): number => char.codePointAt(0) ?? 0

const memberOf =
  (ranges: readonly (readonly [string, string])[], isNegated: boolean) =>
  (char: string): boolean =>
    ranges.some(([low, high]) => codeOf(low) <= codeOf(char) && codeOf(char) <= codeOf(high)) !== isNegated

/** Whether doublestar takes the pattern at all. */
export function isDoublestar(pattern: string): boolean {
  let depth = 0
  for (let at = 0; at < pattern.length; at++) {
    switch (pattern[at]) {
      case '\\':
        at += 1
        if (at >= pattern.length) return false
        break
      case '[': {
        const first = /[!^]/.test(pattern.charAt(at + 1)) ? at + 2 : at + 1
        at = pattern.charAt(first) === ']' ? -1 : pattern.indexOf(']', first)
        if (at < 0) return false
        break
      }
      case '{':
        depth += 1
        break
      case '}':
        depth -= 1
        if (depth < 0) return false
    }
  }
  return depth === 0
}

/** Here the versions of the library differ, or it goes against its documentation. Braces may hide it. */
const DOUBTFUL = /\*{3}|\*\*\/\*\*|\/$/

/** The ways of a pattern that doublestar takes; undefined if they cannot be known. */
export function doublestarWays(pattern: string): readonly Way[] | undefined {
  if (DOUBTFUL.test(pattern)) return undefined
  const all: Way[] = []
  for (const plain of alternatives(pattern, 0) ?? ['']) {
    const ways = plain === '' || DOUBTFUL.test(plain) ? undefined : waysWithoutBraces(plain)
    if (ways === undefined) return undefined
    all.push(...ways)
    if (all.length > MAX_WAYS) return undefined
  }
  return all
}

/** The pattern with every choice of its braces, which are looked for from `start` on. */
function alternatives(pattern: string, start: number): readonly string[] | undefined {
  let open = start
  while (open < pattern.length && pattern[open] !== '{') {
    if (pattern[open] === '\\') open += 1
    else if (pattern[open] === '[') {
      const end = pattern.indexOf(']', open + 2)
      // The library looks for braces and commas inside of classes too.
      if (pattern.includes('{', end) && /[{},\\]/.test(pattern.slice(open, end))) return undefined
      open = end
    }
    open += 1
  }
  if (open >= pattern.length) return [pattern]
  const head = pattern.slice(0, open)
  const choices: string[] = []
  let depth = 1
  let from = open + 1
  let at = open + 1
  for (; at < pattern.length && depth > 0; at++) {
    const char = pattern[at]
    if (char === '\\') at += 1
    else if (char === '[') return undefined
    else if (char === '{') depth += 1
    else if (char === '}') depth -= 1
    if ((char === ',' && depth === 1) || depth === 0) {
      choices.push(pattern.slice(from, at))
      from = at + 1
    }
  }
  const all: string[] = []
  for (const choice of choices) {
    const rest = choice + pattern.slice(from)
    // Behind a brace the library takes any place for the start of a segment, and an empty choice for no end.
    if (rest.startsWith('**') && head !== '' && !head.endsWith('/')) return undefined
    if (/^\**$/.test(choice) && head.includes('*')) return undefined
    const further = alternatives(head + rest, open)
    if (further === undefined) return undefined
    all.push(...further)
    if (all.length > MAX_WAYS) return undefined
  }
  return all
}

function waysWithoutBraces(pattern: string): readonly Way[] | undefined {
  let ways: readonly Way[] | undefined = [[]]
  const add = (...more: readonly Way[]) => {
    ways = ways && sequence(ways, more)
  }
  let startsSegment = true
  let hasStar = false
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at] ?? ''
    if (char === '*') {
      const isDouble = pattern[at + 1] === '*'
      if (isDouble) at += 1
      if (isDouble && startsSegment && at + 1 >= pattern.length) add([DEEP])
      else if (isDouble && startsSegment && pattern[at + 1] === '/') {
        at += 1
        add([], [DEEP, literal('/')])
        continue
      } else add([FLAT])
      hasStar = true
      startsSegment = false
    } else if (char === '?') {
      add([oneOf((other) => ALPHABET.includes(other))])
      startsSegment = false
    } else if (char === '[') {
      const found = doublestarClass(pattern, at + 1)
      if (found === undefined || (hasStar && found.isMember('/'))) return undefined
      add([oneOf(found.isMember)])
      at = found.end
      startsSegment = false
    } else {
      if (char === '\\') at += 1
      add([literal(pattern[at] ?? '')])
      startsSegment = pattern[at] === '/'
    }
  }
  const own = parentWays(pattern)
  return ways && own && [...ways, ...own]
}

/**
 * The ways of `parent` for a pattern `parent/**`, which matches the parent too. A `*` at the end of the parent takes at least one
 * character then: where the name ends before it, the library does not take the rest of the pattern for empty.
 */
function parentWays(pattern: string): readonly Way[] | undefined {
  const parent = /^(.*[^\\])\/\*\*$/s.exec(pattern)?.[1]
  if (parent === undefined) return []
  const [, before, stars = ''] = /^(.*?)(\**)$/s.exec(parent) ?? []
  if (stars === '' || before?.endsWith('\\') === true) return waysWithoutBraces(parent)
  const ways = stars === '*' ? waysWithoutBraces(before ?? '') : undefined
  return ways && sequence(ways, [[oneOf((char) => ALPHABET.includes(char)), FLAT]])
}

function doublestarClass(pattern: string, start: number): Class | undefined {
  const isNegated = /[!^]/.test(pattern.charAt(start))
  const chars = [...pattern]
  if (chars.length !== pattern.length) return undefined
  let at = isNegated ? start + 1 : start
  const ranges: [string, string][] = []
  let last: string | undefined
  while (at < chars.length && chars[at] !== ']') {
    let char = chars[at] ?? ''
    at += 1
    const isRange = last !== undefined && char === '-' && at < chars.length && chars[at] !== ']'
    if (isRange) {
      char = chars[at] ?? ''
      at += 1
    }
    if (char === '\\' && (isRange || at < chars.length)) {
      char = chars[at] ?? ''
      at += 1
    }
    ranges.push([isRange ? (last ?? '') : char, char])
    last = isRange ? undefined : char
  }
  return at < chars.length ? { isMember: memberOf(ranges, isNegated), end: at } : undefined
}

/**
 * At least the names that a pattern of doublestar matches, for rules that must not reach them: all that begin with what comes
 * before its first special character. Without the slash at the end, since `parent/**` and a slash behind it match the parent.
 */
export function looseDoublestar(pattern: string): Where {
  const head = /^[^*?[\]{}\\$]*/.exec(pattern)?.[0] ?? ''
  const isWhole = head === pattern && !head.endsWith('/')
  const prefix = head.replace(/\/+$/, '')
  if (![...prefix].every((char) => ALPHABET.includes(char) || char === '/')) return EVERYWHERE
  if (prefix === '') return EVERYWHERE
  return isWhole ? { kind: 'equals', name: prefix } : { kind: 'prefix', prefix }
}
