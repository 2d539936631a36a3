/**
 * One file as plain data that knows its places: YAML 1.2, of which JSON is a part. Syntax is judged here, what the data
 * means elsewhere. Never throws for what a file holds: duplicate keys, several documents, alias bombs, deep nesting and
 * undecodable bytes are reported.
 */
import type { YAMLError } from 'yaml'
import type { Source } from '../policy/model.ts'
import { misindented } from './indentation.ts'
import { type Complaint, complaint, formatSource, type Report } from './problem.ts'
import { scalarIndex } from './scalar.ts'
import { type Node, Tree, type TreeBuilder } from './tree.ts'
import { isTooDeep, readAny, readPlain } from './yaml.ts'

export { isMapping, type Mapping } from './tree.ts'

export type Path = readonly (string | number)[]

/** Larger files are refused: they were not written by hand and would not fit into memory as a tree. */
export const FILE_MAX_BYTES = 64 * 1024 * 1024
const MAX_SYNTAX_ERRORS = 20
/** Faults that a wrong indentation may have brought about. */
const LAYOUT: ReadonlySet<string> = new Set([
  'BAD_INDENT',
  'BLOCK_AS_IMPLICIT_KEY',
  'MISSING_CHAR',
  'MULTILINE_IMPLICIT_KEY',
  'UNEXPECTED_TOKEN',
])

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

  /** Read a file; what is wrong with its syntax goes to the report. */
  static read(file: string, text: string, report: Report): FileDocument {
    const lines = new Lines(file, text)
    const place = (offset: number) => formatSource(lines.at(offset))
    const unreadable = (offset: number, reason: Complaint) => {
      report.error(lines.at(offset), reason)
      return new FileDocument(text, lines, new Tree(), true)
    }
    /** Where something was complained of: once is enough. */
    const blamed = new Set<number>()
    const blame = (offset: number, reason: Complaint) => {
      if (!blamed.has(offset)) report.error(lines.at(offset), reason)
      blamed.add(offset)
    }
    const built = ({ tree, faults }: TreeBuilder, isBroken: boolean) => {
      for (const { offset, reason } of faults) blame(offset, reason)
      return new FileDocument(text, lines, tree, isBroken || faults.length > 0)
    }
    if (text.length > FILE_MAX_BYTES) {
      return unreadable(0, complaint('file_too_large', 'the file is larger than 64 MiB', 'split it into several files'))
    }
    const plain = readPlain(text, place)
    if (plain !== undefined) return built(plain, false)

    const { builder, faults, version = '1.2' } = readAny(text, place)
    const tooDeep = faults.find(isTooDeep)
    if (tooDeep !== undefined) {
      return unreadable(
        tooDeep.pos[0],
        complaint('too_deep', 'values are nested too deeply', 'a policy needs six levels'),
      )
    }
    for (const fault of firstOfEachLine(faults, lines).slice(0, MAX_SYNTAX_ERRORS)) {
      const culprit = LAYOUT.has(fault.code) ? misindented(text, fault.pos[0]) : undefined
      const { offset, reason } = culprit ?? { offset: fault.pos[0], reason: syntaxComplaint(fault, text) }
      blame(offset, reason)
    }
    if (version !== '1.2') {
      report.error(
        lines.at(0),
        complaint('yaml_version', `the file asks for YAML ${version}`, 'remove %YAML: files are YAML 1.2'),
      )
    }
    return built(builder, faults.length > 0 || version !== '1.2')
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

/** One fault often brings others in its line. */
function firstOfEachLine(faults: readonly YAMLError[], lines: Lines): readonly YAMLError[] {
  const seen = new Set<number>()
  return faults
    .toSorted((a, b) => a.pos[0] - b.pos[0])
    .filter(({ pos }) => {
      const { line } = lines.at(pos[0])
      return !seen.has(line) && seen.add(line)
    })
}

/** The library's messages speak of its grammar; these of the file. */
function syntaxComplaint(fault: YAMLError, text: string): Complaint {
  const start = text[fault.pos[0]] ?? ''
  switch (fault.code) {
    case 'MULTIPLE_DOCS':
      return complaint('yaml_documents', 'a second document starts here', 'put it into a file of its own')
    case 'TAB_AS_INDENT':
      return complaint('yaml_tab', 'a tab cannot indent', 'indent with spaces')
    case 'BAD_ALIAS':
      return complaint('yaml_syntax', 'a plain * is an alias without a name', "to mean every repository, quote it: '*'")
    case 'BAD_SCALAR_START':
      return complaint('yaml_syntax', `plain text cannot start with ${start}`, 'quote the text')
    case 'TAG_RESOLVE_FAILED':
      return complaint(
        'yaml_tag',
        `${text.slice(...fault.pos)} is a YAML tag, which policy files do not use`,
        'to start a text with !, quote it',
      )
    case 'NON_STRING_KEY':
    case 'BLOCK_AS_IMPLICIT_KEY':
      return complaint(
        'yaml_syntax',
        'a mapping cannot start here',
        'put the key on a line of its own, or quote a text that holds ": "',
      )
    default:
      return complaint(
        'yaml_syntax',
        `not valid YAML: ${fault.message.charAt(0).toLowerCase()}${fault.message.slice(1)}`,
      )
  }
}

/** Bytes as text: UTF-8, with or without a byte order mark. */
export function decodeUtf8(bytes: Uint8Array): { text: string } | { line: number; column: number; reason: Complaint } {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    const reason = complaint('not_utf8', 'the file is UTF-16', 'save it as UTF-8 (PowerShell: Out-File -Encoding utf8)')
    return { line: 1, column: 1, reason }
  }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes) }
  } catch {
    const lenient = new TextDecoder('utf-8').decode(bytes)
    const before = lenient.slice(0, Math.max(lenient.indexOf('\ufffd'), 0)).split('\n')
    const reason = complaint('not_utf8', 'a byte here is not UTF-8', 'save the file as UTF-8')
    return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1, reason }
  }
}
