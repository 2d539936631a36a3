/** Texts that people read. */

/** `1 rule`, `2 rules`. */
export const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`

/** The first names of a list, and how many others there are: a line that a person reads to its end. */
export function shortList(names: readonly string[], most = 5): string {
  const more = names.length - most
  return `${names.slice(0, most).join(', ')}${more > 0 ? ` and ${count(more, 'other')}` : ''}`
}
