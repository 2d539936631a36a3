/**
 * What a file holds, as plain data and as places: every key and value with the offset at which it starts. Kept as arrays
 * in document order, for a policy may have a million values. Never knows a syntax; readers of one build the tree.
 */
import { isRecord } from '../base/json.ts'
import { type Complaint, complaint } from './problem.ts'

/** A mapping of a file. Without prototype, so that every key is data. */
export type Mapping = { [key: string]: unknown }

/** Whether a value of a file is a mapping. */
export const isMapping = (value: unknown): value is Mapping => isRecord(value)

/** How deep collections may be nested. A policy needs six levels, and readers recurse. */
export const MAX_DEPTH = 64
/** The complaint about a value that is nested more deeply than {@link MAX_DEPTH}. */
export const TOO_DEEP = complaint(
  'too_deep',
  `values are nested more than ${MAX_DEPTH} levels deep`,
  'a policy needs six levels',
)
/** How many values aliases may expand to: enough for thousands of assignments that share a list, too few for a bomb. */
const MAX_ALIASED_VALUES = 1_000_000
/** A collection with more nodes than this gets an index when it is first asked for a child. */
const LARGE = 256

/** A key or value, by its number in document order. */
export type Node = number

/** The values of one file, and their places. */
export class Tree {
  /** After a mapping come its keys and values in turn, after a list its items; the root is the first. */
  readonly #values: unknown[] = []
  readonly #starts: number[] = []
  /** The number of the node behind everything that is inside a node. */
  readonly #ends: number[] = []
  /** What an alias refers to. */
  readonly #targets = new Map<Node, Node>()
  readonly #indexes = new Map<Node, ReadonlyMap<string | number, Node>>()

  /** Plain data; undefined if there is none. */
  get value(): unknown {
    return this.#values[0]
  }

  /** How many nodes there are. */
  get size(): number {
    return this.#values.length
  }

  valueOf(node: Node): unknown {
    return this.#values[node]
  }

  /** The offset at which a node starts. */
  startOf(node: Node): number {
    return this.#starts[node] ?? 0
  }

  isAlias(node: Node): boolean {
    return this.#targets.has(node)
  }

  /** The value at a key or index of a collection; keys in another letter case, as Azure's tools write them, will do. */
  child(parent: Node, step: string | number): Node | undefined {
    const node = this.#targets.get(parent) ?? parent
    const isLarge = (this.#ends[node] ?? 0) - node > LARGE
    const exact = isLarge ? this.#indexOf(node).get(step) : this.#search(node, (key) => key === step)
    if (exact !== undefined || typeof step === 'number') return exact
    const wanted = step.toLowerCase()
    return this.#search(node, (key) => String(key).toLowerCase() === wanted)
  }

  /** The key of a value in a mapping; in a list the value itself. */
  keyOf(parent: Node, child: Node): Node {
    return Array.isArray(this.#values[parent]) ? child : child - 1
  }

  /** Append a node; `extend` it once all that is inside has followed. */
  add(start: number, value: unknown): Node {
    this.#starts.push(start)
    this.#ends.push(this.#starts.length)
    return this.#values.push(value) - 1
  }

  addAlias(start: number, value: unknown, target: Node | undefined): void {
    const node = this.add(start, value)
    if (target !== undefined) this.#targets.set(node, target)
  }

  extend(node: Node): void {
    this.#ends[node] = this.#values.length
  }

  #indexOf(node: Node): ReadonlyMap<string | number, Node> {
    const known = this.#indexes.get(node)
    if (known !== undefined) return known
    const index = new Map<string | number, Node>()
    this.#search(node, (key, child) => {
      if (!index.has(key)) index.set(key, child)
      return false
    })
    this.#indexes.set(node, index)
    return index
  }

  #search(node: Node, matches: (key: string | number, child: Node) => boolean): Node | undefined {
    const value = this.#values[node]
    if (typeof value !== 'object' || value === null) return undefined
    const isList = Array.isArray(value)
    const end = this.#ends[node] ?? 0
    for (let next = node + 1, position = 0; next < end; position++) {
      const child = isList ? next : next + 1
      if (matches(isList ? position : String(this.#values[next]), child)) return child
      next = this.#ends[child] ?? end
    }
    return undefined
  }
}

/** What is wrong with a file, before anybody knows the line. Never quotes the file, which may not be a policy at all. */
export type Fault = { readonly offset: number; readonly reason: Complaint }
/** What an anchor names; `size` counts the values in it, those of aliases included. */
type Target = { readonly node?: Node; readonly value: unknown; readonly size: number }

/** A collection that is being read. */
type Frame = {
  readonly node: Node
  readonly value: unknown[] | Mapping
  readonly anchor: string | undefined
  readonly duplicates: { readonly key: string; readonly offset: number }[]
  /** The key of the value to come; null if that is to be dropped. */
  key: string | null | undefined
  size: number
}

const NOTHING: Target = { value: undefined, size: 1 }

/** Builds a tree from keys and values in document order. An alias is the very value of its anchor, so nothing grows. */
export class TreeBuilder {
  readonly tree = new Tree()
  /** What is wrong although the syntax is right. */
  readonly faults: Fault[] = []
  readonly #place: (offset: number) => string
  readonly #anchors = new Map<string, Target | 'open'>()
  readonly #stack: Frame[] = []
  #aliased = 0

  /** `place` says where an offset is, for messages. */
  constructor(place: (offset: number) => string) {
    this.#place = place
  }

  /** How many collections are open. */
  get depth(): number {
    return this.#stack.length
  }

  /** A key of the mapping that was opened last; undefined if it is not text. */
  key(start: number, text: string | undefined): void {
    const frame = this.#stack.at(-1)
    if (frame === undefined) return
    this.tree.add(start, text ?? '')
    frame.key = null
    if (text === undefined || text === '__proto__') {
      this.complain(start, complaint('key_invalid', 'this cannot be a key', 'a key is plain text'))
    } else if (text in frame.value) frame.duplicates.push({ key: text, offset: start })
    else frame.key = text
  }

  scalar(start: number, value: unknown, anchor?: string): void {
    const node = this.tree.add(start, value)
    if (anchor !== undefined) this.#anchors.set(anchor, { node, value, size: 1 })
    this.#put(value, 1)
  }

  alias(start: number, name: string): void {
    const { node, value, size } = this.#resolve(start, name)
    this.tree.addAlias(start, value, node)
    this.#put(value, size)
  }

  open(start: number, value: unknown[] | Mapping, anchor?: string): void {
    const node = this.tree.add(start, value)
    if (anchor !== undefined) this.#anchors.set(anchor, 'open')
    this.#stack.push({ node, value, anchor, duplicates: [], key: undefined, size: 1 })
  }

  close(): void {
    const frame = this.#stack.pop()
    if (frame === undefined) return
    const { node, value, anchor, duplicates, size } = frame
    this.tree.extend(node)
    for (const { key, offset } of duplicates) {
      const first = this.#place(this.tree.startOf((this.tree.child(node, key) ?? node) - 1))
      this.complain(offset, complaint('duplicate_key', `this key is here twice, first at ${first}`, 'keep one of them'))
    }
    if (anchor !== undefined) this.#anchors.set(anchor, { node, value, size })
    this.#put(value, size)
  }

  /** Close what is open: the text ended too early, at `offset`. */
  abandon(offset: number): void {
    if (this.#stack.at(-1)?.key !== undefined) this.scalar(offset, null)
    while (this.#stack.length > 0) this.close()
  }

  #put(value: unknown, size: number): void {
    const frame = this.#stack.at(-1)
    if (frame === undefined) return
    frame.size += size
    if (Array.isArray(frame.value)) frame.value.push(value)
    else if (typeof frame.key === 'string') frame.value[frame.key] = value
    frame.key = undefined
  }

  #resolve(offset: number, name: string): Target {
    // An alias without a name is a syntax error already.
    if (name === '') return NOTHING
    const target = this.#anchors.get(name)
    if (target === undefined || target === 'open') {
      const reason =
        target === 'open' ? 'this alias is inside its own anchor' : 'no anchor before this alias has its name'
      const hint = 'define the anchor first; to start a text with *, quote it'
      this.complain(offset, complaint('alias_unknown', reason, hint))
      return NOTHING
    }
    const before = this.#aliased
    this.#aliased += target.size
    if (this.#aliased <= MAX_ALIASED_VALUES) return target
    if (before <= MAX_ALIASED_VALUES) {
      this.complain(
        offset,
        complaint(
          'alias_expansion',
          'aliases expand to more than a million values',
          'write the values out, in several files',
        ),
      )
    }
    return NOTHING
  }

  /** Note what is wrong with the value that is being read. */
  complain(offset: number, reason: Complaint): void {
    this.faults.push({ offset, reason })
  }
}
