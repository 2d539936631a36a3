/**
 * An entry of a file while it is read: its value, and where each part of it is. Entries in Azure's shapes are first
 * brought to one spelling of keys; their places stay those of the file.
 */
import type * as z from 'zod'
import type { Source } from '../policy/model.ts'
import { type FileDocument, isMapping, type Mapping, type Path } from './document.ts'
import type { Report } from './problem.ts'
import { validate } from './validation.ts'

/** Keys by their lower-case spelling. */
export type Spellings = ReadonlyMap<string, string>
/** Keys by their lower-case spelling. */
export const spellingsOf = (keys: readonly string[]): Spellings => new Map(keys.map((key) => [key.toLowerCase(), key]))

/** A value of a file, with its place. */
export class Entry {
  readonly value: unknown
  readonly #document: FileDocument
  readonly #path: Path
  /** Where a renamed or lifted key is in the file. */
  readonly #renamed: ReadonlyMap<string, Path>

  constructor(document: FileDocument, path: Path, value: unknown, renamed: ReadonlyMap<string, Path> = new Map()) {
    this.#document = document
    this.#path = path
    this.value = value
    this.#renamed = renamed
  }

  /** The value below a key or an index. */
  child(step: string | number): Entry {
    const value = Array.isArray(this.value)
      ? this.value[Number(step)]
      : isMapping(this.value)
        ? this.value[step]
        : undefined
    return new Entry(this.#document, this.#resolve([step]), value)
  }

  /** All values of a list. */
  children(): readonly Entry[] {
    return Array.isArray(this.value) ? this.value.map((_, index) => this.child(index)) : []
  }

  /** Where the entry begins: its name, or its first character in a list. */
  get source(): Source {
    return this.#document.keyAt(this.#path)
  }

  get file(): string {
    return this.#document.file
  }

  at(...path: Path): Source {
    return this.#document.at(this.#resolve(path))
  }

  keyAt(...path: Path): Source {
    return this.#document.keyAt(this.#resolve(path))
  }

  /** The place of one character of the text at `path`. */
  within(path: Path, offset: number): Source {
    return this.#document.within(this.#resolve(path), offset)
  }

  /** The characters with which the file writes the plain value at `path`. */
  sourceText(...path: Path): string | undefined {
    return this.#document.sourceText(this.#resolve(path))
  }

  /** The entry as `schema` understands it; undefined if that was reported. */
  parse<T extends z.ZodType>(schema: T, report: Report): z.output<T> | undefined {
    return validate(schema, this.value, this, report)
  }

  /**
   * The entry with its keys in the spelling of `keys` (they compare without letter case), and those of a REST body's
   * `properties` lifted to the level of the others, which they override. Other keys stay, or go
   * with nulls if `loose`.
   */
  fold(keys: Spellings, loose: boolean): Entry {
    if (!isMapping(this.value)) return this
    const value: Mapping = Object.create(null)
    const renamed = new Map<string, Path>()
    const take = (from: Mapping, prefix: Path) => {
      for (const key in from) {
        const item = from[key]
        const lower = key.toLowerCase()
        if (prefix.length === 0 && lower === 'properties' && isMapping(item)) {
          lifted.push(key)
          continue
        }
        const name = keys.get(lower) ?? (loose ? undefined : key)
        if (name === undefined || (loose && item === null)) continue
        value[name] = item
        if (prefix.length > 0 || name !== key || this.#renamed.size > 0)
          renamed.set(name, this.#resolve([...prefix, key]))
        else renamed.delete(name)
      }
    }
    const lifted: string[] = []
    take(this.value, [])
    for (const key of lifted) {
      const item = this.value[key]
      if (isMapping(item)) take(item, [key])
    }
    return new Entry(this.#document, this.#path, value, renamed)
  }

  /** The same place with another value. */
  with(value: unknown): Entry {
    return new Entry(this.#document, this.#path, value, this.#renamed)
  }

  #resolve(path: Path): Path {
    const [first, ...rest] = path
    const renamed = typeof first === 'string' ? this.#renamed.get(first) : undefined
    return renamed === undefined ? [...this.#path, ...path] : [...renamed, ...rest]
  }
}
