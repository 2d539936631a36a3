/**
 * How a new value is written into a file that has a style already: its line ends, its indentation, JSON or YAML. Never
 * reads or writes anything.
 */

/** Text, or a mapping of such values. */
export type Value = string | { readonly [key: string]: Value }

/** How a file is written: as JSON or YAML, and how it indents. */
export type Layout = {
  readonly newline: '\n' | '\r\n'
  /** Spaces of one level. */
  readonly indent: string
  /** Everything is in double quotes. */
  readonly json: boolean
}

const DEFAULT_LAYOUT: Layout = { newline: '\n', indent: '  ', json: false }

/** Reads the layout of a file from its text. */
export function detectLayout(text: string): Layout {
  const indent = /^( +)[^\s#-]/m.exec(text)?.[1] ?? DEFAULT_LAYOUT.indent
  return { newline: text.includes('\r\n') ? '\r\n' : '\n', indent, json: isJson(text) }
}

/** Whether a file of YAML or JSON is JSON. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const PLAIN = /^[A-Za-z_][A-Za-z0-9_-]{0,49}$/
/** Words that are not text in some version of YAML. */
const RESERVED = /^(?:null|true|false|yes|no|on|off|y|n)$/i
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/

/** A text as the layout writes it, quoted where it must be. */
export const renderScalar = (text: string, { json }: Layout): string =>
  !json && ((PLAIN.test(text) && !RESERVED.test(text)) || TIME.test(text)) ? text : JSON.stringify(text)

/** `key: value` inside braces; over several lines if `indent` says where the line of its key begins. */
export function renderFlowPair(key: string, value: Value, layout: Layout, indent?: string): string {
  const name = renderScalar(key, layout)
  return `${name}: ${typeof value === 'string' ? renderScalar(value, layout) : renderFlow(value, layout, indent)}`
}

/** A mapping in braces; over several lines if `indent` says where the line of its key begins. */
export function renderFlow(value: { readonly [key: string]: Value }, layout: Layout, indent?: string): string {
  const inner = indent === undefined ? undefined : indent + layout.indent
  const pairs = Object.entries(value).map(([key, item]) => renderFlowPair(key, item, layout, inner))
  if (inner === undefined) return `{ ${pairs.join(', ')} }`
  return `{${pairs.map((pair) => layout.newline + inner + pair).join(',')}${layout.newline}${indent}}`
}

/** The lines of `key: value`; a mapping of nothing but texts stays in its line. */
export function renderBlock(key: string, value: Value, indent: string, layout: Layout): readonly string[] {
  const isLeaf = typeof value === 'string' || Object.values(value).every((item) => typeof item === 'string')
  if (isLeaf) return [indent + renderFlowPair(key, value, layout)]
  const children = Object.entries(value).flatMap(([name, item]) =>
    renderBlock(name, item, indent + layout.indent, layout),
  )
  return [`${indent}${renderScalar(key, layout)}:`, ...children]
}
