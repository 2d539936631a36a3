/** The documents that are made from the code are up to date, and no document points to nothing. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fill } from '../../docs/generate/markdown.ts'
import { generatedPages } from '../../docs/generate.ts'
import { documents, ROOT, readDocument } from './markdown.ts'

describe('generated documents', async () => {
  it.each(await generatedPages())('docs/$name is what the code says (else: npm run docs)', ({ committed, text }) => {
    expect(committed).toBe(text)
  })

  it('keep their prose', () => {
    const page = 'before\n<!-- generated: a -->\nold\n<!-- end of generated -->\nafter\n'
    expect(fill(page, { a: 'new' })).toBe('before\n<!-- generated: a -->\nnew\n<!-- end of generated -->\nafter\n')
  })

  it.each([
    ['a part without its mark', 'text', "the page lacks the marks of the part 'a'"],
    ['a part without its end', '<!-- generated: a -->\n', "the page lacks the marks of the part 'a'"],
    ['a mark that nobody fills', '<!-- generated: b -->\n<!-- end of generated -->', "nobody generates the part 'b'"],
  ])('refuse %s', (_, page, message) => {
    expect(() => fill(page, { a: 'new' })).toThrow(message)
  })
})

/** The names that headings get where Markdown is shown. */
const anchorsOf = (document: string): readonly string[] =>
  [...document.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-'),
  )

describe('links', () => {
  it.each(documents().map((path) => ({ path })))('$path points to what there is', ({ path }) => {
    const document = readDocument(path)
    const broken = [...document.matchAll(/\]\((?!https?:|mailto:)([^)\s#]*)(?:#([^)\s]+))?\)/g)].flatMap(
      ([, target = '', anchor]) => {
        const file = target === '' ? path : join(dirname(path), target)
        if (!existsSync(join(ROOT, file))) return [target]
        if (anchor === undefined || !file.endsWith('.md')) return []
        return anchorsOf(readDocument(file)).includes(anchor) ? [] : [`${target}#${anchor}`]
      },
    )
    expect(broken).toEqual([])
  })
})
