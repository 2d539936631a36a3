/**
 * Finds what is said of a repository name with a few map look-ups, however much is said of others: one look-up for the
 * exact name and one for each distinct length of a prefix.
 */
import type { NamePattern } from './compiled.ts'

/** Finds the values of all patterns that match a repository name, in a time that grows with the name alone. */
export class NameIndex<T> {
  readonly #everywhere: T[] = []
  readonly #exact = new Map<string, T[]>()
  readonly #prefixes = new Map<string, T[]>()
  /** Ascending and distinct. */
  #lengths: readonly number[] = []

  add(pattern: NamePattern, item: T): void {
    if (pattern === '*') {
      this.#everywhere.push(item)
    } else if (pattern.endsWith('*')) {
      const prefix = pattern.slice(0, -1)
      push(this.#prefixes, prefix, item)
      if (!this.#lengths.includes(prefix.length)) {
        this.#lengths = [...this.#lengths, prefix.length].sort((a, b) => a - b)
      }
    } else {
      push(this.#exact, pattern, item)
    }
  }

  /**
   * The first item for which `accept` holds among those whose pattern covers `name`; without a name, among those that
   * cover every repository.
   */
  find(name: string | undefined, accept: (item: T) => boolean): T | undefined {
    const everywhere = first(this.#everywhere, accept)
    if (everywhere !== undefined || name === undefined) return everywhere
    const exact = first(this.#exact.get(name), accept)
    if (exact !== undefined) return exact
    for (const length of this.#lengths) {
      if (length > name.length) return undefined
      const found = first(this.#prefixes.get(name.slice(0, length)), accept)
      if (found !== undefined) return found
    }
    return undefined
  }
}

function push<T>(map: Map<string, T[]>, key: string, item: T): void {
  const items = map.get(key)
  if (items === undefined) map.set(key, [item])
  else items.push(item)
}

function first<T>(items: readonly T[] | undefined, accept: (item: T) => boolean): T | undefined {
  if (items === undefined) return undefined
  for (const item of items) if (accept(item)) return item
  return undefined
}
