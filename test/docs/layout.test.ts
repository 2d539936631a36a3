import { describe, expect, it } from 'vitest'
import { documents, readDocument } from './markdown.ts'

const MAX_COLUMNS = 100
/** Written by `npm run docs`, or by the test of the known cases. */
const GENERATED = ['docs/commands.md', 'docs/roles.md', 'docs/lints.md', 'docs/security-cases.md']

/** Numbers of the lines of text that are too long. Code, tables, headings, marks and lines of one unbreakable word may be long. */
function longLines(document: string): readonly number[] {
  const lines = document.split('\n')
  let isCode = false
  let isGenerated = false
  return lines.flatMap((line, index) => {
    if (/^\s*```/.test(line)) isCode = !isCode
    if (line.startsWith('<!-- generated')) isGenerated = true
    if (line === '<!-- end of generated -->') isGenerated = false
    const isText = !isCode && !isGenerated && !/^(?: {4}|[#|<!])/.test(line)
    const breaks = line
      .trim()
      .replaceAll(/`[^`]*`|\[[^\]]*\]\([^)]*\)/g, 'x')
      .includes(' ')
    return isText && breaks && line.length > MAX_COLUMNS ? [index + 1] : []
  })
}

describe('lines of text in documents', () => {
  it('are found when they are too long, and not in code, tables and headings', () => {
    const long = 'word '.repeat(25)
    expect(
      longLines(['short', long, `| ${long} |`, `# ${long}`, '```', long, '```', `    ${long}`].join('\n')),
    ).toEqual([2])
  })

  it.each(documents().filter((path) => !GENERATED.includes(path)))('are wrapped at 100 columns in %s', (path) => {
    expect(longLines(readDocument(path))).toEqual([])
  })
})
