/**
 * Patterns of an identity's claims: `*` stays inside one `/` segment, `**` spans segments, anything else is literal. The
 * whole text must match, with letter case.
 */

/** The longest text that a pattern reads, in characters. The sender chooses a claim's length, and often its text. */
export const PATTERN_TEXT_MAX_LENGTH = 1024

/** Whether anything but the very same text can match. */
export const isPattern = (pattern: string): boolean => pattern.includes('*')

/**
 * Whether `text` matches `pattern`. Allocates nothing, and takes time in proportion to the text for a given pattern.
 *
 * On a mismatch the last star takes one more character. A `*` cannot take a `/`. Then the last `**` goes on behind that
 * slash: a start that is earlier in the same segment would lead the `*` into the same segment again, no further left than
 * before, and fail there too.
 */
export function matchesClaimPattern(pattern: string, text: string): boolean {
  let p = 0
  let t = 0
  let starPattern = -1
  let starText = 0
  let spanPattern = -1
  let spanText = 0
  for (;;) {
    if (pattern[p] === '*') {
      if (pattern[p + 1] === '*') {
        p += 2
        spanPattern = p
        spanText = t
        starPattern = -1
      } else {
        p += 1
        starPattern = p
        starText = t
      }
    } else if (t === text.length) {
      return p === pattern.length
    } else if (p < pattern.length && pattern[p] === text[t]) {
      p += 1
      t += 1
    } else if (starPattern !== -1 && text[starText] !== '/') {
      p = starPattern
      t = ++starText
    } else if (spanPattern !== -1) {
      spanText = starPattern === -1 ? spanText + 1 : text.indexOf('/', spanText) + 1
      starPattern = -1
      p = spanPattern
      t = spanText
    } else return false
  }
}
