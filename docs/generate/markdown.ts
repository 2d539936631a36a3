/** The few forms of Markdown that generated pages are made of. */

/** A table, with columns as wide as their widest cell; `|` and line ends inside cells are made harmless. */
export function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [columns, ...rows].map((row) => row.map(cell))
  const widths = columns.map((_, index) => Math.max(3, ...lines.map((row) => row[index]?.length ?? 0)))
  const format = (row: readonly string[]) =>
    `| ${row.map((text, index) => text.padEnd(widths[index] ?? 0)).join(' | ')} |`
  const [head = [], ...body] = lines
  return [head, widths.map((width) => '-'.repeat(width)), ...body].map(format).join('\n')
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

export const code = (text: string): string => `\`${text}\``

const START = (name: string) => `<!-- generated: ${name} -->`
const END = '<!-- end of generated -->'

/**
 * Replace the text between the marks of each part of a page.
 *
 * @throws when the page lacks a mark, or marks a part that nobody makes
 */
export function fill(page: string, parts: Readonly<Record<string, string>>): string {
  const marked = [...page.matchAll(/<!-- generated: (.+?) -->/g)].map(([, name]) => name ?? '')
  for (const name of marked) if (!Object.hasOwn(parts, name)) throw new Error(`nobody generates the part '${name}'`)
  return Object.entries(parts).reduce((text, [name, part]) => {
    const start = text.indexOf(START(name))
    const end = text.indexOf(END, start)
    if (start < 0 || end < 0) throw new Error(`the page lacks the marks of the part '${name}'`)
    return `${text.slice(0, start)}${START(name)}\n${part}\n${text.slice(end)}`
  }, page)
}
