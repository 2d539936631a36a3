/** Documents as the tests read them: their blocks of code, with the marks before them, in order. Never runs anything. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const ROOT = join(import.meta.dirname, '..', '..')

export type Block = {
  /** Of its first line. */
  readonly line: number
  /** Of a fenced block; empty for an indented one. */
  readonly language: string
  readonly text: string
  /** `<!-- not run: … -->` before it. */
  readonly notRun?: string
  /** `<!-- write: … -->` before it: the file that the reader is told to write. */
  readonly write?: string
  /** `<!-- before: … -->` before it: a command whose result the reader has from another document. */
  readonly before?: string
}

/** README.md and everything in docs/, relative to the project. */
export const documents = (): readonly string[] => [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => join('docs', path))
    .sort(),
]

export const readDocument = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

const MARK = /^<!-- (not run|write|before): (.+?)(?: -->)?$/

/** Fenced blocks, blocks indented by four spaces, and files that stand inside a comment `<!-- write: NAME` … `-->`. */
export function blocksOf(document: string): readonly Block[] {
  const lines = document.split('\n')
  const blocks: Block[] = []
  let marks: Pick<Block, 'notRun' | 'write' | 'before'> = {}
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? ''
    const start = index + 1
    const takeUntil = (isEnd: (line: string) => boolean): string[] => {
      const taken: string[] = []
      for (index++; index < lines.length && !isEnd(lines[index] ?? ''); index++) taken.push(lines[index] ?? '')
      return taken
    }
    const fence = /^```(\w*)/.exec(line)
    const [, kind, value = ''] = MARK.exec(line) ?? []
    if (kind !== undefined && !line.endsWith('-->')) {
      blocks.push({ line: start, language: '', text: takeUntil((end) => end === '-->').join('\n'), write: value })
    } else if (kind !== undefined) {
      marks = { ...marks, [kind === 'not run' ? 'notRun' : kind]: value }
    } else if (fence !== null) {
      blocks.push({
        line: start,
        language: fence[1] ?? '',
        text: takeUntil((end) => end === '```').join('\n'),
        ...marks,
      })
      marks = {}
    } else if (/^ {4}\S/.test(line) && (lines[index - 1] ?? '') === '') {
      const rest = takeUntil((end) => !/^(?: {4}|$)/.test(end))
      index--
      const text = [line, ...rest]
        .map((indented) => indented.slice(4))
        .join('\n')
        .trimEnd()
      blocks.push({ line: start, language: '', text, ...marks })
      marks = {}
    } else if (line.trim() !== '') marks = {}
  }
  return blocks
}

export type Command = { readonly line: number; readonly text: string; readonly output: readonly string[] }

/** The commands of a session: lines that begin with `$ `, and what is shown below each. Others are no session. */
export function commandsOf({ line, language, text }: Block): readonly Command[] {
  const lines = text.split('\n')
  const first = line + (language === '' ? 0 : 1)
  return lines.flatMap((candidate, index): readonly Command[] => {
    if (!candidate.startsWith('$ ')) return []
    const end = lines.findIndex((other, place) => place > index && other.startsWith('$ '))
    const output = lines.slice(index + 1, end < 0 ? undefined : end)
    return [{ line: first + index, text: candidate.slice(2), output: output.filter((shown) => shown !== '') }]
  })
}
