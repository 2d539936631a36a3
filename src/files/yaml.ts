/**
 * YAML 1.2, of which JSON is a part, read into trees by two libraries. `readPlain` is for files as they should be, and ten
 * times as fast; it leaves to `readAny`, whose library explains every mistake, whatever it does not understand. Where both
 * can read a file, they read the same. Never judges what the data means.
 */
import {
  boolCoreTag,
  EVENT_ID,
  type Event,
  floatCoreTag,
  getScalarValue,
  intCoreTag,
  NOT_RESOLVED,
  nullCoreTag,
  parseEvents,
  SCALAR_STYLE,
  type ScalarEvent,
} from 'js-yaml'
import { isAlias, isMap, isScalar, type ParsedNode, parseDocument, type YAMLError } from 'yaml'
import { TreeBuilder } from './tree.ts'

/** Types of plain scalars (YAML 1.2, section 10.3, the core schema). */
const TYPES = [nullCoreTag, boolCoreTag, intCoreTag, floatCoreTag]
const TYPED_STARTS = new Set(TYPES.flatMap(({ implicitFirstChars }) => implicitFirstChars ?? []))

function plainValue(text: string): unknown {
  if (!TYPED_STARTS.has(text.charAt(0))) return text
  for (const { resolve, tagName } of TYPES) {
    const value = resolve(text, false, tagName)
    if (value !== NOT_RESOLVED) return value
  }
  // A number that is too large is no text.
  return /\d$/.test(text) && Math.abs(Number(text)) === Number.POSITIVE_INFINITY ? Number(text) : text
}

/**
 * Read one document without directives, tags and other rarities, which is what policy files are; undefined for any other
 * text, a wrong one too.
 */
export function readPlain(text: string, place: (offset: number) => string): TreeBuilder | undefined {
  // What follows a lone carriage return is a line of its own to one library only.
  if (text.includes('\r') && /\r(?!\n)/.test(text)) return undefined
  const events = eventsOf(text)
  const builder = new TreeBuilder(place)
  return events !== undefined && new EventReader(text, builder).read(events) ? builder : undefined
}

function eventsOf(text: string): readonly Event[] | undefined {
  try {
    return parseEvents(text, {})
  } catch {
    // Whatever it was: the other library says it better.
    return undefined
  }
}

const isQuoted = ({ style }: ScalarEvent) =>
  style === SCALAR_STYLE.SINGLE_QUOTED || style === SCALAR_STYLE.DOUBLE_QUOTED
const isBlock = ({ style }: ScalarEvent) => style === SCALAR_STYLE.LITERAL_BLOCK || style === SCALAR_STYLE.FOLDED_BLOCK

class EventReader {
  readonly #text: string
  readonly #builder: TreeBuilder
  #documents = 0
  #depth = 0
  /** Where the last key ends. */
  #keyEnd = 0

  constructor(text: string, builder: TreeBuilder) {
    this.#text = text
    this.#builder = builder
  }

  /** Whether every event was understood. */
  read(events: readonly Event[]): boolean {
    return events.every((event) => this.#take(event)) && this.#documents === 1
  }

  #take(event: Event): boolean {
    const builder = this.#builder
    // More likely a key without a blank behind it than a name.
    if ('anchorEnd' in event && this.#text.charAt(event.anchorEnd - 1) === ':') return false
    switch (event.type) {
      case EVENT_ID.DOCUMENT:
        this.#documents += 1
        return this.#documents === 1 && event.directives.length === 0
      case EVENT_ID.POP:
        if (this.#depth > 0) builder.close()
        this.#depth -= 1
        return true
      case EVENT_ID.ALIAS:
        if (builder.atKey) return false
        builder.alias(event.anchorStart - 1, this.#text.slice(event.anchorStart, event.anchorEnd))
        return true
      case EVENT_ID.SEQUENCE:
      case EVENT_ID.MAPPING:
        if (builder.atKey || event.tagStart >= 0) return false
        builder.open(event.start, event.type === EVENT_ID.SEQUENCE ? [] : Object.create(null), this.#anchorOf(event))
        this.#depth += 1
        return true
      case EVENT_ID.SCALAR:
        return event.tagStart < 0 && (builder.atKey ? this.#takeKey(event) : this.#takeScalar(event))
    }
  }

  #takeKey(event: ScalarEvent): boolean {
    if (event.valueStart < 0 || event.anchorStart >= 0 || isBlock(event)) return false
    const quote = isQuoted(event) ? 1 : 0
    this.#builder.key(event.valueStart - quote, getScalarValue(this.#text, event))
    this.#keyEnd = event.valueEnd + quote
    return true
  }

  #takeScalar(event: ScalarEvent): boolean {
    const isEmpty = event.valueStart < 0
    if (isEmpty || isBlock(event)) {
      const start = event.anchorStart >= 0 ? undefined : this.#startBehindKey()
      if (start === undefined || (!isEmpty && !/[|>]/.test(this.#text.charAt(start)))) return false
      this.#builder.scalar(start, isEmpty ? null : getScalarValue(this.#text, event))
      return true
    }
    const text = getScalarValue(this.#text, event)
    const anchor = this.#anchorOf(event)
    if (event.style === SCALAR_STYLE.PLAIN) this.#builder.scalar(event.valueStart, plainValue(text), anchor)
    else this.#builder.scalar(event.valueStart - 1, text, anchor)
    return true
  }

  /** Where the value of the last key may start, in its line. */
  #startBehindKey(): number | undefined {
    if (!this.#builder.behindKey) return undefined
    const colon = /[ \t]*:[ \t]*/y
    colon.lastIndex = this.#keyEnd
    return colon.test(this.#text) ? colon.lastIndex : undefined
  }

  #anchorOf({ anchorStart, anchorEnd }: { readonly anchorStart: number; readonly anchorEnd: number }) {
    return anchorStart < 0 ? undefined : this.#text.slice(anchorStart, anchorEnd)
  }
}

export type AnyReading = {
  readonly builder: TreeBuilder
  readonly faults: readonly YAMLError[]
  /** What the directive `%YAML` asks for. */
  readonly version: string | undefined
}

/** Read any text; nothing is built from one that is nested too deeply. */
export function readAny(text: string, place: (offset: number) => string): AnyReading {
  const document = parseDocument(text, {
    prettyErrors: false,
    resolveKnownTags: false,
    stringKeys: true,
    // The library compares every key with every other; the builder does it with a map.
    uniqueKeys: false,
    logLevel: 'error',
  })
  const faults = [...document.errors, ...document.warnings]
  const { explicit, version } = document.directives?.yaml ?? { explicit: false, version: '1.2' }
  const builder = new TreeBuilder(place)
  if (!faults.some(isTooDeep)) build(document.contents, 0, builder)
  return { builder, faults, version: explicit === true ? version : undefined }
}

export const isTooDeep = ({ code }: YAMLError): boolean => code === 'RESOURCE_EXHAUSTION'

/** `otherwise`: the place of a value that is not there. */
function build(node: ParsedNode | null, otherwise: number, builder: TreeBuilder): void {
  if (node === null) builder.scalar(otherwise, null)
  else if (isAlias(node)) builder.alias(node.range[0], node.source)
  else if (isScalar(node)) builder.scalar(node.range[0], node.value, node.anchor)
  else {
    builder.open(node.range[0], isMap(node) ? Object.create(null) : [], node.anchor)
    if (isMap(node)) {
      for (const { key, value } of node.items) {
        const start = key?.range[0] ?? node.range[0]
        builder.key(start, key === null ? '' : isScalar(key) ? String(key.value) : undefined)
        build(value, start, builder)
      }
    } else for (const item of node.items) build(item, item.range[0], builder)
    builder.close()
  }
}
