/**
 * One file as plain data that knows its places: YAML 1.2, of which JSON is a part. Syntax is judged here, what the data
 * means elsewhere. Never throws for what a file holds: duplicate keys, several documents, alias bombs, deep nesting and
 * undecodable bytes are reported.
 */
import {
  isAlias,
  isMap,
  isScalar,
  LineCounter,
  type ParsedNode,
  parseDocument as parseYaml,
  type Scalar,
  type YAMLError,
} from 'yaml'
import type { Source } from '../policy/model.ts'
import { type Complaint, complaint, formatSource, type Report } from './problem.ts'
import { scalarIndex } from './scalar.ts'

export type Path = readonly (string | number)[]

/** Larger files are refused: they were not written by hand and would not fit into memory as a tree. */
export const FILE_MAX_BYTES = 64 * 1024 * 1024
const MAX_SYNTAX_ERRORS = 20
/** Aliases may stand for this many values in all: thousands of assignments may share a list, a bomb may not go off. */
const MAX_ALIASED_VALUES = 1_000_000

/** Where one value stands: its key (or its own start, in a list) and the node it was read from. */
type Spot = { readonly key: number; readonly node: ParsedNode | null; readonly value: unknown }

/** A mapping of a file. Without prototype, so that every key is data. */
export type Mapping = { [key: string]: unknown }

export const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export class FileDocument {
  readonly file: string
  /** Plain data; undefined if the file is empty or unreadable. */
  readonly value: unknown
  /** The syntax is wrong: the value may name things, but is not worth more reports. */
  readonly broken: boolean
  readonly #text: string
  readonly #lines: LineCounter
  readonly #spots: WeakMap<object, ReadonlyMap<string | number, Spot>>

  private constructor(
    file: string,
    text: string,
    lines: LineCounter,
    converted: Conversion | undefined,
    broken: boolean,
  ) {
    this.file = file
    this.value = converted?.value
    this.broken = broken
    this.#text = text
    this.#lines = lines
    this.#spots = converted?.spots ?? new WeakMap()
  }

  /** Read a file; what is wrong with its syntax goes to the report. */
  static read(file: string, text: string, report: Report): FileDocument {
    const lines = new LineCounter()
    const at = (offset: number): Source => sourceAt(file, lines, offset)
    const unreadable = (source: Source, reason: Complaint) => {
      report.error(source, reason)
      return new FileDocument(file, text, lines, undefined, true)
    }
    if (text.length > FILE_MAX_BYTES) {
      return unreadable(
        at(0),
        complaint('file_too_large', 'the file is larger than 64 MiB', 'split it into several files'),
      )
    }
    const yaml = parseYaml(text, {
      lineCounter: lines,
      prettyErrors: false,
      resolveKnownTags: false,
      stringKeys: true,
      // The library compares every key with every other; `convert` does it with a map.
      uniqueKeys: false,
      logLevel: 'error',
    })
    const tooDeep = yaml.errors.find(({ code }) => code === 'RESOURCE_EXHAUSTION')
    if (tooDeep !== undefined) {
      return unreadable(
        at(tooDeep.pos[0]),
        complaint('too_deep', 'values are nested too deeply', 'a policy needs six levels'),
      )
    }
    const faults = firstOfEachLine([...yaml.errors, ...yaml.warnings], lines).slice(0, MAX_SYNTAX_ERRORS)
    for (const fault of faults) report.error(at(fault.pos[0]), syntaxComplaint(fault, text))
    const { explicit, version } = yaml.directives?.yaml ?? { explicit: false, version: '1.2' }
    const old = explicit === true && version !== '1.2'
    if (old)
      report.error(
        at(0),
        complaint('yaml_version', `the file asks for YAML ${version}`, 'remove %YAML: files are YAML 1.2'),
      )
    const failedBefore = report.errors
    const converted = convert(yaml.contents, (offset, reason) => report.error(at(offset), reason), at)
    const broken = faults.length > 0 || old || report.errors > failedBefore
    return new FileDocument(file, text, lines, converted, broken)
  }

  /** The place of the value at `path`; of the nearest value around it where there is none. */
  at(path: Path): Source {
    const { spot } = this.#find(path)
    return this.#source(spot?.node?.range[0] ?? spot?.key)
  }

  /** The place of the key at `path`; of the value itself for an element of a list. */
  keyAt(path: Path): Source {
    return this.#source(this.#find(path).spot?.key)
  }

  /** The place of the character at `offset` in the text at `path`. */
  within(path: Path, offset: number): Source {
    const { spot, found } = this.#find(path)
    const node = spot?.node
    return found && isScalar(node) ? this.#source(scalarIndex(this.#text, node as Scalar, offset)) : this.at(path)
  }

  #find(path: Path): { spot: Spot | undefined; found: boolean } {
    let value = this.value
    let spot: Spot | undefined
    for (const step of path) {
      const places = typeof value === 'object' && value !== null ? this.#spots.get(value) : undefined
      const next = places?.get(step) ?? (typeof step === 'string' ? anyCase(places, step) : undefined)
      if (next === undefined) return { spot, found: false }
      spot = next
      value = next.value
    }
    return { spot, found: true }
  }

  #source(offset: number | undefined): Source {
    return sourceAt(this.file, this.#lines, offset ?? 0)
  }
}

/** The spot of a key in another letter case, as Azure's tools write them. */
function anyCase(places: ReadonlyMap<string | number, Spot> | undefined, key: string): Spot | undefined {
  if (places === undefined || places.size > 64) return undefined
  for (const [other, spot] of places) if (String(other).toLowerCase() === key.toLowerCase()) return spot
  return undefined
}

function sourceAt(file: string, lines: LineCounter, offset: number): Source {
  const { line, col } = lines.linePos(offset)
  return { file, line: Math.max(line, 1), column: Math.max(col, 1) }
}

type Conversion = { readonly value: unknown; readonly spots: WeakMap<object, ReadonlyMap<string | number, Spot>> }

/** A tree of YAML nodes as plain data. An alias is the very value of its anchor, so nothing grows. */
function convert(
  root: ParsedNode | null,
  complain: (offset: number, reason: Complaint) => void,
  at: (offset: number) => Source,
): Conversion {
  const spots = new WeakMap<object, ReadonlyMap<string | number, Spot>>()
  const anchors = new Map<string, { readonly value: unknown; readonly size: number } | 'open'>()
  let aliased = 0

  const resolve = (name: string, offset: number): { value: unknown; size: number } => {
    const target = anchors.get(name)
    // An alias without a name is a syntax error already.
    if (name === '') return { value: undefined, size: 1 }
    if (target === undefined || target === 'open') {
      const reason =
        target === 'open'
          ? `the alias *${name} is inside its own anchor`
          : `no anchor &${name} stands before this alias`
      complain(offset, complaint('alias_unknown', reason, `a value that starts with * must be quoted: '*${name}'`))
      return { value: undefined, size: 1 }
    }
    aliased += target.size
    if (aliased > MAX_ALIASED_VALUES && aliased - target.size <= MAX_ALIASED_VALUES) {
      complain(
        offset,
        complaint(
          'alias_expansion',
          'aliases stand for more than a million values',
          'write the values out, in several files',
        ),
      )
    }
    return aliased > MAX_ALIASED_VALUES ? { value: undefined, size: 1 } : target
  }

  const read = (node: ParsedNode | null): { value: unknown; size: number } => {
    if (node === null) return { value: null, size: 1 }
    if (isAlias(node)) return resolve(node.source, node.range[0])
    const anchor = node.anchor
    if (anchor !== undefined) anchors.set(anchor, 'open')
    const result = isScalar(node) ? { value: node.value, size: 1 } : isMap(node) ? readMap(node) : readList(node)
    if (anchor !== undefined) anchors.set(anchor, result)
    return result
  }

  const readMap = (node: Extract<ParsedNode, { items: { key: unknown }[] }>) => {
    const value: Mapping = Object.create(null)
    const places = new Map<string | number, Spot>()
    let size = 1
    for (const pair of node.items) {
      const key = pair.key === null ? '' : isScalar(pair.key) ? String(pair.key.value) : undefined
      const offset = pair.key?.range[0] ?? node.range[0]
      const child = read(pair.value)
      size += child.size
      const first = key === undefined ? undefined : places.get(key)
      if (key === undefined || key === '__proto__') {
        complain(offset, complaint('key_invalid', 'this cannot be a key', 'a key is plain text'))
      } else if (first !== undefined) {
        const place = formatSource(at(first.key))
        complain(
          offset,
          complaint('duplicate_key', `the key "${key}" is here twice, first at ${place}`, 'keep one of them'),
        )
      } else {
        value[key] = child.value
        places.set(key, { key: offset, node: pair.value, value: child.value })
      }
    }
    spots.set(value, places)
    return { value, size }
  }

  const readList = (node: Extract<ParsedNode, { items: ParsedNode[] }>) => {
    const value: unknown[] = []
    const places = new Map<string | number, Spot>()
    let size = 1
    for (const item of node.items) {
      const child = read(item)
      size += child.size
      places.set(value.length, { key: item.range[0], node: item, value: child.value })
      value.push(child.value)
    }
    spots.set(value, places)
    return { value, size }
  }

  return { value: read(root).value, spots }
}

/** One fault often brings others in its line. */
function firstOfEachLine(faults: readonly YAMLError[], lines: LineCounter): readonly YAMLError[] {
  const seen = new Set<number>()
  return faults
    .toSorted((a, b) => a.pos[0] - b.pos[0])
    .filter(({ pos }) => {
      const { line } = lines.linePos(pos[0])
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
