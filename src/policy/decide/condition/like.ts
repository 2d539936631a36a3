/**
 * The patterns of `StringLike`: `*` is any run of characters, `?` is one character, `\*` and `\?` are the characters
 * themselves, and a backslash before anything else is a backslash. The whole text must match.
 *
 * Source: Azure "conditions-format", string comparison operators.
 */

/** A pattern taken apart for an index of names. */
export type LikeShape = {
  /** The text before the first wildcard, unescaped. */
  readonly prefix: string
  /** Everything literal, unescaped; wildcards left out. */
  readonly literal: string
  /** What follows `prefix`: nothing at all, exactly one `*`, or anything else. */
  readonly rest: 'nothing' | 'anything' | 'more'
}

/** Whether the character at `index` is a backslash that makes the next one literal. */
const escapes = (pattern: string, index: number): boolean => {
  if (pattern[index] !== '\\') return false
  const next = pattern[index + 1]
  return next === '*' || next === '?'
}

/**
 * Match with two positions and one place to return to: the last `*`. Time is at most the product of both lengths,
 * whatever the pattern.
 */
export function matchesLike(pattern: string, text: string): boolean {
  let p = 0
  let t = 0
  let starPattern = -1
  let starText = 0
  while (t < text.length) {
    const c = pattern[p]
    if (c === '*') {
      starPattern = ++p
      starText = t
    } else if (c === '?') {
      p += 1
      t += isPair(text, t) ? 2 : 1
    } else if (c !== undefined && pattern[escapes(pattern, p) ? p + 1 : p] === text[t]) {
      p += escapes(pattern, p) ? 2 : 1
      t += 1
    } else if (starPattern !== -1) {
      p = starPattern
      t = ++starText
    } else return false
  }
  while (pattern[p] === '*') p += 1
  return p === pattern.length
}

/** A character outside the basic plane is two units of the string, and one `?`. */
const isPair = (text: string, index: number): boolean => (text.codePointAt(index) ?? 0) > 0xffff

/** Prepares the pattern of `StringLike`. */
export function shapeOfLike(pattern: string): LikeShape {
  let literal = ''
  let prefix: string | undefined
  let firstWildcard = pattern.length
  for (let p = 0; p < pattern.length; p++) {
    const c = pattern[p]
    if (c === '*' || c === '?') {
      if (prefix === undefined) firstWildcard = p
      prefix ??= literal
    } else {
      if (escapes(pattern, p)) p += 1
      literal += pattern[p]
    }
  }
  if (prefix === undefined) return { prefix: literal, literal, rest: 'nothing' }
  return { prefix, literal, rest: pattern.slice(firstWildcard) === '*' ? 'anything' : 'more' }
}
