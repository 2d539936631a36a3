/**
 * A file of another program as values that know their places: YAML, of which JSON is a part. No scalar has a type yet, for
 * every program gives it its own: a scalar is the text as it is spelled, and whether it is plain. What YAML libraries read
 * in different ways is refused.
 *
 * Source: YAML 1.1 and 1.2; gopkg.in/yaml.v2, function decoder.merge.
 */
import { isAlias, isMap, isScalar, LineCounter, type ParsedNode, parseDocument, Scalar } from 'yaml'
import { FILE_MAX_BYTES } from '../files/file-text.ts'
import { formatSource } from '../files/problem.ts'
import type { Source } from '../policy/model.ts'
import { ImportError } from './input.ts'

/** A value of a foreign file, as its own program reads it, with its place. */
export type Foreign =
  /** `isPlain`: written without quotes, so that a program may take it for something else than text. */
  | { readonly kind: 'scalar'; readonly source: Source; readonly text: string; readonly isPlain: boolean }
  | { readonly kind: 'list'; readonly source: Source; readonly items: readonly Foreign[] }
  | { readonly kind: 'mapping'; readonly source: Source; readonly entries: readonly ForeignEntry[] }

/** A single value of a foreign file. */
export type ForeignScalar = Extract<Foreign, { kind: 'scalar' }>
/** A key and its value; no two keys of a mapping have the same text. */
export type ForeignEntry = { readonly key: ForeignScalar; readonly value: Foreign }

const MAX_DEPTH = 1000
const SPELL_OUT = 'write the values out'
const STRING_TAG = 'tag:yaml.org,2002:str'
/** The text before a directive. */
const DIRECTIVE = /^((?:[ \t]*(?:#.*)?\r?\n)*)%/
/** Line breaks to YAML 1.1 only. */
const BREAKS = /\r(?!\n)|[\x85\u2028\u2029]/

/**
 * @param mayEscapeSlash whether the program takes the escape `\/`, as JSON does and yaml.v2 does not
 * @returns the value of the file; undefined if it is empty
 * @throws {@link ImportError} for a file that is not read in one way by every YAML library
 */
export function readForeign(file: string, text: string, mayEscapeSlash: boolean): Foreign | undefined {
  return new Reader(file, text, mayEscapeSlash).read()
}

/** What a value is, for messages. */
export const nounOf = ({ kind }: Foreign): string => (kind === 'scalar' ? 'text' : `a ${kind}`)

/** @throws {@link ImportError} always, with the place */
export function refuse(source: Source, message: string, hint?: string): never {
  throw new ImportError(`${formatSource(source)}: ${message}`, hint)
}

class Reader {
  readonly #file: string
  readonly #text: string
  readonly #mayEscapeSlash: boolean
  readonly #lines = new LineCounter()
  readonly #anchors = new Map<string, Foreign | 'open'>()

  constructor(file: string, text: string, mayEscapeSlash: boolean) {
    this.#file = file
    this.#text = text
    this.#mayEscapeSlash = mayEscapeSlash
  }

  read(): Foreign | undefined {
    const start = { file: this.#file, line: 1, column: 1 }
    if (this.#text.length > FILE_MAX_BYTES) refuse(start, 'the file is larger than 64 MiB')
    if (isDeep(this.#text)) refuse(start, 'values are nested too deeply')
    const document = parseDocument(this.#text, {
      schema: 'failsafe',
      prettyErrors: false,
      resolveKnownTags: false,
      uniqueKeys: false,
      lineCounter: this.#lines,
      logLevel: 'error',
    })
    const odd = BREAKS.exec(this.#text)
    if (odd !== null) {
      const hint = 'end lines with a line feed, and write the character as an escape'
      refuse(this.#at(odd.index), 'this character ends a line for some YAML libraries only', hint)
    }
    const [fault] = document.errors.toSorted((a, b) => a.pos[0] - b.pos[0])
    if (fault?.code === 'MULTIPLE_DOCS') {
      refuse(this.#at(fault.pos[0]), 'a second document starts here', 'put it into a file of its own')
    }
    if (fault !== undefined) {
      const { message } = fault
      refuse(this.#at(fault.pos[0]), `not valid YAML: ${message.charAt(0).toLowerCase()}${message.slice(1)}`)
    }
    const directive = DIRECTIVE.exec(this.#text)?.[1]
    if (directive !== undefined) {
      refuse(this.#at(directive.length), 'a YAML directive is not understood here', 'remove it')
    }
    const { contents } = document
    const isEmpty = isScalar(contents) && contents.source === '' && contents.type === Scalar.PLAIN
    return contents === null || isEmpty ? undefined : this.#value(contents)
  }

  #at(offset: number): Source {
    const { line, col } = this.#lines.linePos(offset)
    return { file: this.#file, line: Math.max(line, 1), column: Math.max(col, 1) }
  }

  #value(node: ParsedNode): Foreign {
    const source = this.#at(node.range[0])
    if (isAlias(node)) {
      const target = this.#anchors.get(node.source)
      if (target === 'open') refuse(source, `the alias *${node.source} is inside its own anchor`, SPELL_OUT)
      if (target === undefined) refuse(source, `no anchor &${node.source} stands before this alias`, SPELL_OUT)
      return { ...target, source }
    }
    const isText = isScalar(node) && node.tag === STRING_TAG
    if (node.tag !== undefined && !isText) {
      refuse(source, `the YAML tag ${shortTag(node.tag)} is not understood here`, 'write the value without it')
    }
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, 'open')
    const value = isScalar(node) ? this.#scalar(node, source) : this.#collection(node, source)
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, value)
    return value
  }

  #scalar(node: Scalar, source: Source): ForeignScalar {
    const isPlain = node.type === Scalar.PLAIN && node.tag === undefined
    const isEscaped =
      node.type === Scalar.QUOTE_DOUBLE && /(?<!\\)(?:\\\\)*\\\//.test(this.#text.slice(...(node.range ?? [])))
    if (isEscaped && !this.#mayEscapeSlash)
      refuse(source, 'the escape \\/ is not understood by yaml.v2', 'write / alone')
    return { kind: 'scalar', source, text: String(node.value ?? ''), isPlain }
  }

  #collection(node: Exclude<ParsedNode, Scalar>, source: Source): Foreign {
    if (isMap(node)) return this.#mapping(node, source)
    if (isAlias(node)) return this.#value(node)
    return { kind: 'list', source, items: node.items.map((item) => this.#value(item)) }
  }

  #mapping(node: Extract<ParsedNode, { items: { key: unknown }[] }>, source: Source): Foreign {
    const entries: ForeignEntry[] = []
    const seen = new Map<string, Source>()
    const add = (entry: ForeignEntry, place: Source) => {
      const first = seen.get(entry.key.text)
      if (first !== undefined) {
        const hint = 'keep one of them'
        refuse(place, `the key "${entry.key.text}" is here twice, first at ${formatSource(first)}`, hint)
      }
      seen.set(entry.key.text, place)
      entries.push(entry)
    }
    for (const { key: keyNode, value: valueNode } of node.items) {
      const key = keyNode === null ? undefined : this.#value(keyNode)
      if (key?.kind !== 'scalar') refuse(key?.source ?? source, 'this cannot be a key', 'a key is plain text')
      const value: Foreign =
        valueNode === null ? { kind: 'scalar', source: key.source, text: '', isPlain: true } : this.#value(valueNode)
      if (key.isPlain && key.text === '<<') {
        for (const entry of this.#merged(value)) add(entry, key.source)
      } else add({ key, value }, key.source)
    }
    return { kind: 'mapping', source, entries }
  }

  #merged(value: Foreign): readonly ForeignEntry[] {
    if (value.kind === 'mapping') return value.entries
    if (value.kind === 'list' && value.items.every(({ kind }) => kind === 'mapping')) {
      return value.items.flatMap((item) => this.#merged(item))
    }
    return refuse(value.source, 'only mappings can be merged with <<', SPELL_OUT)
  }
}

const shortTag = (tag: string): string => tag.replace(/^tag:yaml\.org,2002:/, '!!')

/** Brackets that are open at once, those in texts included: no file that people write comes near. */
function isDeep(text: string): boolean {
  let depth = 0
  for (const [char] of text.matchAll(/[[\]{}]/g)) {
    depth += char === '[' || char === '{' ? 1 : -1
    if (depth > MAX_DEPTH) return true
    if (depth < 0) depth = 0
  }
  return false
}
