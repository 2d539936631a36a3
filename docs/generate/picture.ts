/** Pictures of documents, as SVG text: boxes with a title and lines of text, and arrows between them. Light and dark. */

export type Box = {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly title: string
  /** Lines below the title. */
  readonly lines?: readonly string[]
  /** `accent` marks what the picture is about, `outside` what is not Dockgate's. */
  readonly kind?: 'plain' | 'accent' | 'outside' | 'terminal'
}

export type Arrow = {
  readonly from: readonly [number, number]
  readonly to: readonly [number, number]
  /** Text over the middle of the arrow. */
  readonly label?: string
  readonly isDashed?: boolean
  /** Without a head. */
  readonly isLine?: boolean
}

export type Picture = {
  readonly width: number
  readonly height: number
  /** What the picture shows, for readers who do not see it. */
  readonly description: string
  readonly boxes: readonly Box[]
  readonly arrows?: readonly Arrow[]
  readonly notes?: readonly { readonly x: number; readonly y: number; readonly text: string }[]
}

const STYLE = `
  :root { color-scheme: light dark }
  text { font: 13px ui-sans-serif, system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600 }
  .line, .note { fill: #59636e; font-size: 12px }
  rect { fill: #f6f8fa; stroke: #d1d9e0; rx: 6px }
  rect.accent { fill: #ddf4ff; stroke: #0969da }
  rect.outside { fill: #ffffff; stroke-dasharray: 4 3 }
  text.terminal { font-family: ui-monospace, monospace; font-size: 11.5px }
  path { fill: none; stroke: #59636e; stroke-width: 1.5 }
  .dashed { stroke-dasharray: 5 4 }
  .head { fill: #59636e; stroke: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .line, .note { fill: #9198a1 }
    rect { fill: #151b23; stroke: #3d444d }
    rect.accent { fill: #0c2d4d; stroke: #4493f8 }
    rect.outside { fill: #0d1117 }
    path { stroke: #9198a1 }
    .head { fill: #9198a1 }
  }
`

/** The picture as the text of an SVG file. */
export function svg({ width, height, description, boxes, arrows = [], notes = [] }: Picture): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-1 -1 ${width + 2} ${height + 2}" width="${width + 2}" height="${height + 2}" role="img">`,
    `<title>${escapeText(description)}</title>`,
    `<style>${STYLE}</style>`,
    '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">' +
      '<path class="head" d="M0 0 8 4 0 8z"/></marker></defs>',
    ...boxes.map(boxText),
    ...arrows.map(arrowText),
    ...notes.map(({ x, y, text }) => `<text class="note" x="${x}" y="${y}">${escapeText(text)}</text>`),
    '</svg>\n',
  ].join('\n')
}

function boxText({ x, y, width, height, title, lines = [], kind = 'plain' }: Box): string {
  const left = x + 10
  return [
    `<rect class="${kind}" x="${x}" y="${y}" width="${width}" height="${height}"/>`,
    `<text class="title" x="${left}" y="${y + 20}">${escapeText(title)}</text>`,
    ...lines.map(
      (line, index) =>
        `<text class="line ${kind}" xml:space="preserve" x="${left}" y="${y + 38 + 16 * index}">${escapeText(line)}</text>`,
    ),
  ].join('\n')
}

function arrowText({ from: [x1, y1], to: [x2, y2], label, isDashed, isLine }: Arrow): string {
  const line = `<path${isDashed ? ' class="dashed"' : ''} d="M${x1} ${y1} ${x2} ${y2}"${isLine ? '' : ' marker-end="url(#head)"'}/>`
  if (label === undefined) return line
  const text = `<text class="note" text-anchor="middle" x="${(x1 + x2) / 2}" y="${(y1 + y2) / 2 - 6}">${escapeText(label)}</text>`
  return `${line}\n${text}`
}

const escapeText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

/** Splits a text into lines of at most `width` characters, at blanks. */
export function wrap(text: string, width: number): readonly string[] {
  return text.split(' ').reduce<string[]>((lines, word) => {
    const last = lines.at(-1)
    if (last === undefined || last.length + word.length + 1 > width) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
    return lines
  }, [])
}
