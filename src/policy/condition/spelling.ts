/** The nearest of a list of known names, for hints. Never decides anything. */

/** Number of characters to insert, delete or replace to turn one text into the other (Levenshtein). */
function distance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let i = 0; i < left.length; i++) {
    const row = [i + 1]
    for (let j = 0; j < right.length; j++) {
      const replaced = (previous[j] ?? 0) + (left[i] === right[j] ? 0 : 1)
      row.push(Math.min(replaced, (previous[j + 1] ?? 0) + 1, (row[j] ?? 0) + 1))
    }
    previous = row
  }
  return previous[right.length] ?? 0
}

/** The candidate that `word` was most likely meant to be, in any letter case; `undefined` when none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestDistance = Number.POSITIVE_INFINITY
  const lower = word.toLowerCase()
  for (const candidate of candidates) {
    const allowed = Math.max(1, Math.floor(candidate.length / 5))
    if (Math.abs(candidate.length - word.length) > allowed) continue
    const steps = distance(lower, candidate.toLowerCase())
    if (steps <= allowed && steps < bestDistance) {
      best = candidate
      bestDistance = steps
    }
  }
  return best
}
