/**
 * Changes one value in the text of a YAML or JSON file and leaves every other byte as it is: comments, blank lines,
 * quotes, line ends. Text is inserted and replaced at the places of the parsed nodes; nothing is printed again. What
 * comes out is read again and must hold exactly the change, or the result is refused.
 */
import { isDeepStrictEqual } from 'node:util'
import { isMap, isScalar, type Pair, type ParsedNode, parseDocument, type Scalar, type YAMLMap } from 'yaml'
import { FileDocument, isMapping, type Mapping } from '../../../files/document.ts'
import { Report } from '../../../files/problem.ts'
import {
  detectLayout,
  isJson,
  type Layout,
  renderBlock,
  renderFlow,
  renderFlowPair,
  renderScalar,
  type Value,
} from './render.ts'

/** Replace `text.slice(start, end)`. */
type Splice = { readonly start: number; readonly end: number; readonly text: string }

type MapNode = YAMLMap.Parsed
type PairNode = Pair<ParsedNode, ParsedNode | null>

/**
 * `text` with the value at `path` set, mappings on the way made where there are none; with it removed if `value` is
 * undefined. Undefined if the layout of the file does not allow a change in place.
 */
export function setValue(
  file: string,
  text: string,
  path: readonly string[],
  value: Value | undefined,
): string | undefined {
  const before = dataOf(file, text)
  const wanted = changed(before.value, path, value)
  for (const splices of candidates(text, path, value)) {
    const result = apply(text, splices)
    const after = dataOf(file, result)
    const isKept = before.valid && after.valid && (!isJson(text) || isJson(result))
    if (isKept && isDeepStrictEqual(after.value, wanted)) return result
  }
  return undefined
}

/**
 * The plain data of a file; undefined if it holds none.
 *
 * @param file its name, which decides between YAML and JSON
 */
export function dataOf(file: string, text: string): { readonly value: unknown; readonly valid: boolean } {
  const report = new Report()
  const { value } = FileDocument.read(file, text, report)
  return { value: value ?? undefined, valid: report.errors === 0 }
}

function changed(data: unknown, [key, ...rest]: readonly string[], value: Value | undefined): unknown {
  if (key === undefined) return value === undefined ? undefined : plain(value)
  const copy: Mapping = Object.assign(Object.create(null), isMapping(data) ? data : {})
  const next = changed(copy[key], rest, value)
  if (next === undefined) delete copy[key]
  else copy[key] = next
  return copy
}

/** As the reader makes it: without prototype. */
function plain(value: Value): unknown {
  if (typeof value === 'string') return value
  const data: Mapping = Object.create(null)
  for (const [key, item] of Object.entries(value)) data[key] = plain(item)
  return data
}

const apply = (text: string, splices: readonly Splice[]): string =>
  splices
    .toSorted((a, b) => b.start - a.start)
    .reduce((result, { start, end, text: piece }) => result.slice(0, start) + piece + result.slice(end), text)

/** The ways to make the change, the most readable first. The caller tries them in this order. */
function* candidates(text: string, path: readonly string[], value: Value | undefined): Generator<readonly Splice[]> {
  const { contents } = parseDocument(text, { stringKeys: true, uniqueKeys: false, logLevel: 'error' })
  const layout = detectLayout(text)
  const [first = '', ...others] = path
  if (!isMap(contents)) {
    const isEmpty = contents === null || (isScalar(contents) && contents.value === null)
    if (isEmpty && value !== undefined)
      yield [appendTo(text, renderBlock(first, nested(others, value), '', layout), layout)]
    return
  }
  let map: MapNode = contents
  let holder: Holder | undefined
  for (const [depth, step] of path.entries()) {
    const rest = path.slice(depth + 1)
    const pair = map.items.find((item) => isScalar(item.key) && String(item.key.value) === step)
    if (pair === undefined) {
      if (value !== undefined) yield* addPair(text, { map, holder }, step, nested(rest, value), layout)
      return
    }
    const node = pair.value
    if (rest.length === 0) {
      if (value === undefined) yield removePair(text, map, pair)
      else if (isScalar(node) && typeof value === 'string') yield [replace(text, node, renderScalar(value, layout))]
      return
    }
    if (isScalar(node) && node.value === null && value !== undefined) {
      yield fillNull(text, map, pair, nested(rest, value), layout)
    }
    if (!isMap(node)) return
    holder = { map, pair }
    map = node
  }
}
type Holder = { readonly map: MapNode; readonly pair: PairNode }

/** A value below the steps that lead to it. */
const nested = (steps: readonly string[], value: Value): Value =>
  steps.reduceRight<Value>((inner, step) => ({ [step]: inner }), value)

function* addPair(
  text: string,
  { map, holder }: { readonly map: MapNode; readonly holder: Holder | undefined },
  key: string,
  value: Value,
  layout: Layout,
): Generator<readonly Splice[]> {
  const last = map.items.at(-1)
  if (last === undefined) {
    // Braces with nothing in them give way to a block, where one can stand.
    if (!layout.json && holder !== undefined && holder.map.flow !== true && isBlank(text, map)) {
      yield fillNull(text, holder.map, holder.pair, { [key]: value }, layout)
    }
    const start = map.range[0] + 1
    const closing = /\s/.test(text[start] ?? '') ? '' : ' '
    yield [{ start, end: start, text: ` ${renderFlowPair(key, value, layout)}${closing}` }]
    return
  }
  if (map.flow === true) {
    const start = last.value?.range[1] ?? last.key.range[1]
    const indent = indentOf(text, last.key.range[0])
    const isOwnLine = /^\s+$/.test(text.slice(lineStart(text, last.key.range[0]), last.key.range[0]))
    const pair = renderFlowPair(key, value, layout, isOwnLine ? indent : undefined)
    yield [{ start, end: start, text: isOwnLine ? `,${layout.newline}${indent}${pair}` : `, ${pair}` }]
    return
  }
  const lines = renderBlock(key, value, indentOf(text, map.range[0]), layout)
  const others = map.items.slice(1)
  const isAiry = others.length > 0 && others.every((item) => item.key.spaceBefore === true)
  if (holder !== undefined) {
    const at = endOfEntry(text, map)
    if (isAiry) yield [insertLines(at, ['', ...lines], layout)]
    yield [insertLines(at, lines, layout)]
    return
  }
  const isTight = others.length > 0 && !others.some((item) => item.key.spaceBefore === true)
  const at = endOfDocument(text, map)
  if (!isTight) yield [insertLines(at, ['', ...lines], layout)]
  yield [insertLines(at, lines, layout)]
  const start = lineStart(text, map.range[0])
  yield [{ start, end: start, text: [...lines, ...(isTight ? [] : ['']), ''].join(layout.newline) }]
}

const insertLines = (at: number, lines: readonly string[], { newline }: Layout): Splice => ({
  start: at,
  end: at,
  text: lines.map((line) => newline + line).join(''),
})

/** Give a key that holds nothing (no value, `null`, `{}`) a mapping. */
function fillNull(text: string, map: MapNode, pair: PairNode, value: Value, layout: Layout): readonly Splice[] {
  const [from, to] = pair.value === null ? [pair.key.range[1], pair.key.range[1]] : pair.value.range
  if (typeof value === 'string') return []
  if (map.flow === true) return [{ start: from, end: to, text: (from === to ? ' ' : '') + renderFlow(value, layout) }]
  const indent = indentOf(text, map.range[0]) + layout.indent
  const lines = Object.entries(value).flatMap(([key, item]) => renderBlock(key, item, indent, layout))
  const line = lineEnd(text, Math.max(from, to))
  const removed = from === to ? [] : [{ start: text.slice(0, from).trimEnd().length, end: to, text: '' }]
  return [...removed, insertLines(line, lines, layout)]
}

const replace = (text: string, { range: [start, end] }: Scalar.Parsed, piece: string): Splice => {
  const source = text.slice(start, end)
  // A block scalar ends with its last line.
  const ending = /\r?\n$/.exec(source)?.[0] ?? ''
  return { start, end, text: (start === end ? ' ' : '') + piece + ending }
}

function removePair(text: string, map: MapNode, pair: PairNode): readonly Splice[] {
  const start = pair.key.range[0]
  const end = pair.value?.range[1] ?? pair.key.range[1]
  if (map.flow !== true) {
    const from = lineStart(text, start)
    const to = lineEnd(text, end)
    const newline = /^\r?\n/.exec(text.slice(to))?.[0].length ?? 0
    return [{ start: from, end: to + newline, text: '' }]
  }
  const index = map.items.indexOf(pair)
  const previous = map.items[index - 1]
  const next = map.items[index + 1]
  if (previous !== undefined) {
    const [from, comma] = [
      previous.value?.range[1] ?? previous.key.range[1],
      text.indexOf(',', previous.value?.range[1]),
    ]
    const between = text.slice(from, start)
    if (between.trim() === ',') return [{ start: from, end, text: '' }]
    return [
      { start: comma, end: comma + 1, text: '' },
      { start: lineStart(text, start), end, text: '' },
    ]
  }
  return [{ start, end: next === undefined ? end : next.key.range[0], text: '' }]
}

/** A file without data gets its first lines. */
function appendTo(text: string, lines: readonly string[], { newline }: Layout): Splice {
  const start = text.length
  const before = text === '' || text.endsWith('\n') ? '' : newline
  return { start, end: start, text: before + lines.map((line) => line + newline).join('') }
}

const isBlank = (text: string, { range: [start, end] }: MapNode): boolean => /^\{[ \t]*\}$/.test(text.slice(start, end))

const lineStart = (text: string, at: number): number => text.lastIndexOf('\n', at - 1) + 1

/** Where the line's text ends, before its line end. */
function lineEnd(text: string, at: number): number {
  const newline = text.indexOf('\n', at)
  if (newline < 0) return text.length
  return text[newline - 1] === '\r' ? newline - 1 : newline
}

const indentOf = (text: string, at: number): string =>
  /^\uFEFF?( *)/.exec(text.slice(lineStart(text, at), at))?.[1] ?? ''

/** Behind the last entry of a block, and the comments that follow it directly. */
function endOfEntry(text: string, map: MapNode): number {
  const width = indentOf(text, map.range[0]).length
  let at = lineEnd(text, text.slice(0, map.range[1]).trimEnd().length)
  for (;;) {
    const comment = /^\r?\n( *)#[^\r\n]*/.exec(text.slice(at))
    if (comment === null || (comment[1] ?? '').length < width) return at
    at += comment[0].length
  }
}

/** Behind everything that a document holds, comments too. */
function endOfDocument(text: string, map: MapNode): number {
  const end = /^\.\.\.(?:\s|$)/m.exec(text.slice(map.range[1]))
  return text.slice(0, end === null ? text.length : map.range[1] + end.index).trimEnd().length
}
