/** The layout of help texts. Options are laid out by commander; this fits the text around them to the width. */

/**
 * The lines of a help text, its paragraphs filled to `width` columns. Indented lines are examples and lists, and lines that
 * end with a colon are headings: both keep their line breaks. An example that is too long is broken so that a shell still
 * reads it.
 */
export function fitHelp(text: string, width: number): readonly string[] {
  const lines: string[] = []
  let paragraph: string[] = []
  const end = () => {
    lines.push(...wrap(paragraph.join(' '), width))
    paragraph = []
  }
  for (const line of text.replace(/\n$/, '').split('\n')) {
    if (/^\S.*[^:]$/.test(line)) {
      paragraph.push(line)
      continue
    }
    end()
    lines.push(...(line.length > width ? breakExample(line, width) : [line]))
  }
  end()
  return lines
}

/** `  dockgate push --remote     remark`: the remark goes below, and the command is broken before its options. */
function breakExample(line: string, width: number): readonly string[] {
  const [, command = line, remark] = /^(\s*\S.*?)\s{3,}(\S.*)$/.exec(line) ?? []
  const pieces = command.split(/ (?=-)/)
  const lines: string[] = []
  let current = ''
  for (const piece of pieces) {
    const longer = current === '' ? piece : `${current} ${piece}`
    // Room for the backslash.
    if (current === '' || longer.length <= width - 2) current = longer
    else {
      lines.push(`${current} \\`)
      current = `    ${piece}`
    }
  }
  return [...lines, current, ...(remark === undefined ? [] : wrap(remark, width - 6).map((text) => `      ${text}`))]
}

/** Text in lines of at most `width` columns, broken at spaces; a longer word has its own line. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ').filter((part) => part !== '')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line === '' || longer.length <= width) line = longer
    else {
      lines.push(line)
      line = word
    }
  }
  return line === '' ? lines : [...lines, line]
}
