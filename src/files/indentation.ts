/**
 * Finds the line with the wrong indentation in a file that is not YAML. A parser reports the line where it cannot go on,
 * which may be another line. Never reads what the lines mean.
 */
import { type Complaint, complaint } from './problem.ts'

/** Where the lines below may begin: a column, and whether `- ` begins there. */
type Column = { readonly at: number; readonly isItem: boolean }
type Culprit = { readonly offset: number; readonly reason: Complaint }

/** Of the line at `offset` and the next one, the first with a wrong indentation; undefined if both are right. */
export function misindented(text: string, offset: number): Culprit | undefined {
  const fault = text.lastIndexOf('\n', offset - 1) + 1
  let open: readonly Column[] = []
  let previous = ''
  let start = 0
  let checked = 0
  for (const line of text.split('\n')) {
    if (/^ *[^\s#]/.test(line)) {
      if (start >= fault) {
        const reason = complaintOf(line, open, previous)
        if (reason !== undefined) return { offset: start + indentOf(line), reason }
        checked += 1
        // What holds a second `: ` is wrong by itself, whatever comes after it.
        if (checked === 2 || /:\s.*:\s/.test(line)) return undefined
      }
      open = [...open.filter(({ at }) => at < indentOf(line)), ...columnsOf(line)]
      previous = line
    }
    start += line.length + 1
  }
  return undefined
}

const indentOf = (line: string): number => line.length - line.trimStart().length

/** A key or an item of a list, and no text that goes on. */
const isEntry = (line: string): boolean => /^ *(?:-(?:\s|$)|(?:[^\s"'{[][^\s]*|"[^"]*"|'[^']*')\s*:(?:\s|$))/.test(line)

/** Whether deeper lines may follow: its value begins or goes on below it. */
const isOpen = (line: string): boolean => /(?:[:,|>{[-]|[|>][+-]?)\s*(?:#.*)?$/.test(line)

function columnsOf(line: string): readonly Column[] {
  const columns: Column[] = []
  let at = indentOf(line)
  for (let item = /^- +(?=\S)/.exec(line.slice(at)); item !== null; item = /^- +(?=\S)/.exec(line.slice(at))) {
    columns.push({ at, isItem: true })
    at += item[0].length
  }
  return [...columns, { at, isItem: /^-\s*$/.test(line.slice(at)) }]
}

function complaintOf(line: string, open: readonly Column[], previous: string): Complaint | undefined {
  const indent = indentOf(line)
  const innermost = open.at(-1)
  if (innermost === undefined || !isEntry(line)) return undefined
  if (indent > innermost.at) {
    if (isOpen(previous)) return undefined
    const isItem = /^ *-(?:\s|$)/.test(line)
    const { at } = open.findLast((column) => column.isItem === isItem) ?? innermost
    return complaint('yaml_syntax', 'this line is indented deeper than its neighbours', `indent it by ${spaces(at)}`)
  }
  const [above, below] = [open.findLast(({ at }) => at < indent), open.find(({ at }) => at > indent)]
  if (open.some(({ at }) => at === indent) || above === undefined || below === undefined) return undefined
  return complaint(
    'yaml_syntax',
    `this line is indented by ${spaces(indent)}, as no line above it`,
    `indent it by ${above.at} or ${spaces(below.at)}`,
  )
}

const spaces = (count: number): string => `${count} space${count === 1 ? '' : 's'}`
