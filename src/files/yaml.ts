/**
 * Reads YAML 1.2 into a tree, with one library. A long list or mapping is handed over in pieces while the text is still
 * being parsed, so that a file with 100,000 rules needs little more memory than its values, and nesting is bounded before
 * anything recurses into it. Never checks what the data means.
 */
import {
  Composer,
  CST,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  Lexer,
  type ParsedNode,
  Parser,
  type YAMLError,
} from 'yaml'
import { complaint } from './problem.ts'
import { MAX_DEPTH, type TreeBuilder } from './tree.ts'

/** What reading a text as YAML found, in addition to its values. */
export type YamlReading = {
  /** What the library complains of, in the order in which it noticed. */
  readonly faults: readonly YAMLError[]
  /** What the directive `%YAML` asks for; absent without one. */
  readonly version?: string
  /** Where values were nested too deeply; nothing behind it was read. */
  readonly tooDeep?: number
  /** Where a second document starts; it was not read. */
  readonly second?: number
}

const OPTIONS = {
  resolveKnownTags: false,
  stringKeys: true,
  // The library compares every key with every other; the builder uses a map.
  uniqueKeys: false,
  logLevel: 'error',
} as const

const MERGE_KEY = complaint(
  'merge_key',
  'this is a merge key, which YAML 1.2 does not have',
  'write the keys out; an alias may only take the place of a whole value',
)

/**
 * Reads the first document of a text into the builder.
 *
 * @param pieceLength how many entries of a collection are handed over at once; few, so that their memory is freed early
 */
export function readYaml(text: string, builder: TreeBuilder, pieceLength = 100): YamlReading {
  const parser = new Parser()
  const pieces = new Pieces(builder, pieceLength)
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) pieces.take(token)
    const { stack } = parser
    const top = stack.at(-1)
    // The document is below the collections.
    if (stack.length > MAX_DEPTH + 1 && CST.isCollection(top)) return { ...pieces.reading, tooDeep: top.offset }
    const document = stack[0]
    if (document?.type !== 'document') continue
    if (pieces.hasDocument) {
      pieces.end(text.length)
      return { ...pieces.reading, second: document.offset }
    }
    pieces.drain(document, stack[1], stack[2])
  }
  for (const token of parser.end()) pieces.take(token)
  pieces.end(text.length)
  return pieces.reading
}

type Block = CST.BlockMap | CST.BlockSequence

const isBlock = (token: CST.Token | undefined): token is Block =>
  token?.type === 'block-map' || token?.type === 'block-seq'

/** Turns what the parser has completed into nodes of the tree, and takes it from the parser. */
class Pieces {
  readonly #builder: TreeBuilder
  readonly #length: number
  readonly #composer = new Composer(OPTIONS)
  readonly #faults: YAMLError[] = []
  #version: string | undefined
  /** How many collections of the builder, from the root down, a piece has left open: they go on in the next one. */
  #open = 0
  /** Whether the parser has finished a document. */
  hasDocument = false

  constructor(builder: TreeBuilder, length: number) {
    this.#builder = builder
    this.#length = length
  }

  get reading(): YamlReading {
    return { faults: this.#faults, ...(this.#version === undefined ? {} : { version: this.#version }) }
  }

  /** A document, or anything else at the top level of the text. */
  take(token: CST.Token): void {
    const rest = token.type === 'document' && isBlock(token.value) ? { ...token, value: cut(token.value) } : token
    if (token.type === 'document') this.hasDocument = true
    for (const document of this.#composer.next(rest)) this.#build(document, 0)
  }

  end(offset: number): void {
    for (const document of this.#composer.end(true, offset)) this.#build(document, 0)
  }

  /**
   * Hand over the first entries of the root, or of the collection in it that is being parsed, if there are many. The
   * parser looks back at the last two entries, so these stay with it.
   */
  drain(document: CST.Document, root: CST.Token | undefined, section: CST.Token | undefined): void {
    if (!isBlock(root)) return
    const enough = this.#length + 2
    if (!isBlock(section) || section.items.length < enough) {
      if (root.items.length >= enough) this.#hand({ ...document, value: cut(root, this.#length) }, 1)
    } else if (awaitsValue(root)) {
      if (root.items.length > 1) this.#hand({ ...document, value: cut(root, root.items.length - 1) }, 1)
      this.#hand({ ...document, value: around(root, cut(section, this.#length)) }, 2)
    }
  }

  #hand(piece: CST.Document, open: number): void {
    for (const document of this.#composer.compose([piece])) this.#build(document, open)
  }

  #build(document: Document.Parsed, open: number): void {
    for (const fault of [...document.errors, ...document.warnings]) this.#faults.push(fault)
    const yaml = document.directives?.yaml
    if (yaml?.explicit === true) this.#version ??= yaml.version
    build(document.contents, 0, this.#builder, this.#open, open)
    this.#open = open
  }
}

/** Takes the first entries out of a collection, as a collection of their own that starts where they do. */
function cut(from: Block, count = from.items.length): Block {
  const [first] = from.items
  // What is left of a section that went before starts where its rest does.
  if (isBlock(first?.value)) first.value = { ...first.value, offset: startOf(first.value, first.value.items[0]) }
  const offset = startOf(from, first)
  return from.type === 'block-map'
    ? { ...from, offset, items: from.items.splice(0, count) }
    : { ...from, offset, items: from.items.splice(0, count) }
}

/** Where an entry starts: the library measures the distance of what follows from there. */
const startOf = (collection: Block, item: Block['items'][number] | undefined): number =>
  Math.max(collection.offset, item?.start[0]?.offset ?? item?.key?.offset ?? item?.value?.offset ?? 0)

/** Whether the value of the last entry is still being parsed. */
function awaitsValue(collection: Block): boolean {
  const last = collection.items.at(-1)
  return last?.value === undefined && (collection.type === 'block-seq' || last?.sep !== undefined)
}

/** A copy of a collection with one entry, its last, that has this value. */
function around(collection: Block, value: Block): Block {
  const offset = startOf(collection, collection.items.at(-1))
  if (collection.type === 'block-seq') {
    return { ...collection, offset, items: collection.items.slice(-1).map(({ start }) => ({ start, value })) }
  }
  const items = collection.items
    .slice(-1)
    .map((item) => ({ ...item, key: item.key ?? null, sep: item.sep ?? [], value }))
  return { ...collection, offset, items }
}

/**
 * @param otherwise the place of a value that is missing
 * @param resumed how many collections, this one first, are open already: their first entry goes on
 * @param kept how many collections, this one first, stay open: their last entry goes on later
 */
function build(node: ParsedNode | null, otherwise: number, builder: TreeBuilder, resumed: number, kept: number): void {
  if (resumed > 0 && !isCollection(node)) {
    // Only a text that is wrong breaks off a collection that was open.
    if (kept === 0) builder.close()
    return
  }
  if (node === null) builder.scalar(otherwise, null)
  else if (isAlias(node)) builder.alias(node.range[0], node.source)
  else if (isScalar(node)) builder.scalar(node.range[0], node.value, node.anchor)
  else {
    if (resumed === 0) builder.open(node.range[0], isMap(node) ? Object.create(null) : [], node.anchor)
    const last = node.items.length - 1
    for (const [index, item] of node.items.entries()) {
      const inner = [index === 0 ? Math.max(resumed - 1, 0) : 0, index === last ? Math.max(kept - 1, 0) : 0] as const
      if (!isPair(item)) {
        build(item, item.range[0], builder, ...inner)
        continue
      }
      const { key, value } = item
      const start = key?.range[0] ?? node.range[0]
      if (isScalar(key) && key.type === 'PLAIN' && key.value === '<<') builder.complain(start, MERGE_KEY)
      if (inner[0] === 0) builder.key(start, key === null ? '' : isScalar(key) ? String(key.value) : undefined)
      build(value, start, builder, ...inner)
    }
    if (kept === 0) builder.close()
  }
}
