/**
 * Patterns of an identity's claims: `*` stays inside one `/` segment, `**` spans segments, anything else is literal. The
 * whole text must match, with letter case. Takes time in proportion to pattern times text, whatever the text.
 */

/** Whether `text` matches `pattern`. */
export function matchesClaimPattern(pattern: string, text: string): boolean {
  const steps = pattern.match(/\*\*|./gs) ?? []
  // Where in the pattern one may stand after the text read so far; stars may match nothing.
  let places = reach(steps, new Set([0]))
  for (let at = 0; at < text.length && places.size > 0; at++) {
    const next = new Set<number>()
    for (const place of places) {
      const step = steps[place]
      if (step === '**' || (step === '*' && text[at] !== '/')) next.add(place)
      else if (step === text[at] && step !== '*') next.add(place + 1)
    }
    places = reach(steps, next)
  }
  return places.has(steps.length)
}

function reach(steps: readonly string[], places: Set<number>): Set<number> {
  for (const place of places) if (steps[place]?.startsWith('*')) places.add(place + 1)
  return places
}
