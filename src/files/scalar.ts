/**
 * The place of a character of a text value in its YAML source. Folding, indentation and escapes change only white space
 * and escaped characters, so the n-th visible character of the value is the n-th visible one of the source. Never parses
 * YAML: the scalar was read already.
 */
const isSpace = (char: string) => /\s/.test(char)

/** The index after a block scalar's header line (`|`, `>-`, with a comment perhaps). */
const afterHeader = (source: string, start: number) => {
  const newline = source.indexOf('\n', start)
  return newline < 0 ? source.length : newline + 1
}

const ESCAPED_LENGTH: Readonly<Record<string, number>> = { x: 4, u: 6, U: 10 }
/** Escapes that stand for white space: of YAML 1.2, section 5.7, and a line continuation. */
const ESCAPED_SPACE = new Set([...'nrtvf', 'N', '_', 'L', 'P', ' ', '\t', '\n', '\r'])

/** The visible characters of the scalar that starts at `start`, and of what follows it, as [index, length]. */
function* visible(source: string, start: number): Generator<[number, number]> {
  const first = source[start] ?? ''
  const isQuoted = first === "'" || first === '"'
  const isBlock = first === '|' || first === '>'
  for (let index = isBlock ? afterHeader(source, start) : isQuoted ? start + 1 : start; index < source.length; ) {
    const char = source[index] ?? ''
    let length = 1
    let hidden = isSpace(char)
    if (first === "'" && char === "'") length = 2
    if (first === '"' && char === '\\') {
      const letter = source[index + 1] ?? ''
      length = ESCAPED_LENGTH[letter] ?? 2
      const code = length > 2 ? Number.parseInt(source.slice(index + 2, index + length), 16) : undefined
      hidden = code === undefined ? ESCAPED_SPACE.has(letter) : isSpace(String.fromCharCode(code))
    }
    if (!hidden) yield [index, length]
    index += length
  }
}

/**
 * The index in `source` of `value[offset]`, for the scalar that starts at `start` and has this value. White space is
 * answered as the place after the visible character before it; an offset at the end as the place after the last one.
 */
export function scalarIndex(source: string, start: number, value: string, offset: number): number {
  const atVisible = offset < value.length && !isSpace(value[offset] ?? '')
  let wanted = atVisible ? 1 : 0
  for (const char of value.slice(0, offset)) if (!isSpace(char)) wanted += char.length
  let [index, length] = [start, 0]
  for (const next of visible(source, start)) {
    if (wanted <= 0) break
    ;[index, length] = next
    wanted -= 1
  }
  return atVisible ? index : index + length
}
