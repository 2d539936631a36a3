/**
 * One file as plain data that knows its places: JSON if its name ends in `.json`, else YAML 1.2. Syntax is checked here,
 * what the data means elsewhere. Never throws for what a file holds, and never quotes a file whose syntax is wrong: it
 * may be anything.
 */
import type { Source } from '../policy/model.ts'
import { conflictMarker } from './conflict.ts'
import { FILE_MAX_BYTES, FILE_TOO_LARGE } from './file-text.ts'
import { readJson } from './json.ts'
import { formatSource, type Report } from './problem.ts'
import { scalarIndex } from './scalar.ts'
import { type Fault, type Node, TOO_DEEP, Tree, TreeBuilder } from './tree.ts'
import { readYaml } from './yaml.ts'
import { syntaxFaults } from './yaml-fault.ts'

export { isMapping, type Mapping } from './tree.ts'

/** Keys and indexes from the root of a file to a value. */
export type Path = readonly (string | number)[]

/** One file: its value, and the place of each part of it. */
export class FileDocument {
  readonly file: string
  /** The syntax is wrong: the value may name things, but is not worth more reports. */
  readonly broken: boolean
  readonly #text: string
  readonly #lines: Lines
  readonly #tree: Tree

  private constructor(text: string, lines: Lines, tree: Tree, broken: boolean) {
    this.file = lines.file
    this.broken = broken
    this.#text = text
    this.#lines = lines
    this.#tree = tree
  }

  /**
   * Read a file; what is wrong with its syntax goes to the report.
   *
   * @param file decides by its ending what the text is, and names the file in the report
   */
  static read(file: string, text: string, report: Report): FileDocument {
    const lines = new Lines(file, text)
    const builder = new TreeBuilder((offset) => formatSource(lines.at(offset)))
    const reading = text.length > FILE_MAX_BYTES ? TOO_LARGE : readSyntax(file, text, builder)
    /** One complaint is enough for a place. */
    const blamed = new Set<number>()
    for (const { offset, reason } of [...reading.faults, ...builder.faults]) {
      if (!blamed.has(offset)) report.error(lines.at(offset), reason)
      blamed.add(offset)
    }
    return new FileDocument(text, lines, reading.unreadable ? new Tree() : builder.tree, blamed.size > 0)
  }

  /** Plain data; undefined if the file is empty or unreadable. */
  get value(): unknown {
    return this.#tree.value
  }

  /** The place of the value at `path`; of the nearest value around it where there is none. */
  at(path: Path): Source {
    return this.#placeOf(this.#find(path).value)
  }

  /** The place of the key at `path`; of the value itself for an element of a list. */
  keyAt(path: Path): Source {
    return this.#placeOf(this.#find(path).key)
  }

  /** The place of the character at `offset` in the text at `path`. */
  within(path: Path, offset: number): Source {
    const { value: node, found } = this.#find(path)
    const text = this.#tree.valueOf(node)
    return found && typeof text === 'string' && !this.#tree.isAlias(node)
      ? this.#lines.at(scalarIndex(this.#text, this.#tree.startOf(node), text, offset))
      : this.#placeOf(node)
  }

  /** The characters with which the file writes the plain value at `path`: `1.0`, where the data is the number 1. */
  sourceText(path: Path): string | undefined {
    const { value: node, found } = this.#find(path)
    const plain = /[^\s,[\]{}]+/y
    plain.lastIndex = this.#tree.startOf(node)
    return found && !this.#tree.isAlias(node) ? plain.exec(this.#text)?.[0] : undefined
  }

  #find(path: Path): { readonly key: Node; readonly value: Node; readonly found: boolean } {
    let [key, value] = [0, 0]
    for (const step of path) {
      const child = this.#tree.child(value, step)
      if (child === undefined) return { key, value, found: false }
      key = this.#tree.keyOf(value, child)
      value = child
    }
    return { key, value, found: true }
  }

  #placeOf(node: Node): Source {
    return this.#lines.at(this.#tree.startOf(node))
  }
}

/** Where the lines of a text start. */
class Lines {
  readonly file: string
  readonly #text: string
  #starts: readonly number[] | undefined

  constructor(file: string, text: string) {
    this.file = file
    this.#text = text
  }

  /** The place of a character. */
  at(offset: number): Source {
    this.#starts ??= startsOf(this.#text)
    let [low, high] = [0, this.#starts.length]
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if ((this.#starts[middle] ?? 0) <= offset) low = middle
      else high = middle
    }
    return { file: this.file, line: low + 1, column: offset - (this.#starts[low] ?? 0) + 1 }
  }
}

function startsOf(text: string): readonly number[] {
  const starts = [0]
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', end + 1)) starts.push(end + 1)
  return starts
}

type Reading = {
  readonly faults: readonly Fault[]
  /** Not even the names in the file can be relied on. */
  readonly unreadable: boolean
}

const TOO_LARGE: Reading = { faults: [{ offset: 0, reason: FILE_TOO_LARGE }], unreadable: true }

function readSyntax(file: string, text: string, builder: TreeBuilder): Reading {
  const marker = conflictMarker(text)
  if (marker !== undefined) return { faults: [marker], unreadable: true }
  if (/\.json$/i.test(file)) {
    const fault = readJson(text, builder)
    return { faults: fault === undefined ? [] : [fault], unreadable: fault?.reason === TOO_DEEP }
  }
  const reading = readYaml(text, builder)
  if (reading.tooDeep === undefined) return { faults: syntaxFaults(reading, text), unreadable: false }
  return { faults: [{ offset: reading.tooDeep, reason: TOO_DEEP }], unreadable: true }
}
