/** Text for people, and the order of texts. */

/** A number with its noun: `1 rule`, `2 rules`. The plural of the noun takes an `s`. */
export const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`

/** The first `most` names of a list, and how many more there are: `a, b and 3 others`. Short enough to read to the end. */
export function shortList(names: readonly string[], most = 5): string {
  const more = names.length - most
  return `${names.slice(0, most).join(', ')}${more > 0 ? ` and ${count(more, 'other')}` : ''}`
}

/** Compares by UTF-16 code units, for `sort`: the same order on every machine, whatever its language. */
export const compareCodeUnits = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
