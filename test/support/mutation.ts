/** Changes one text of the sources at a time, in a copy of the project, and reports the changes that no test notices. */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const ROOT = join(import.meta.dirname, '../..')

export type Mutation = {
  /** Path below the project. */
  readonly file: string
  /** A text that the file holds once. */
  readonly from: string
  readonly to: string
}

export type Trial<T extends Mutation> = {
  readonly mutations: readonly T[]
  /** Files and folders of the project that the copy holds; `node_modules` is linked. */
  readonly parts: readonly string[]
  /**
   * Whether a test fails, or never ends, in the copy. Asked first about all chosen mutations while none is made: then the
   * answer has to be no.
   */
  readonly isNoticed: (copy: string, mutations: readonly T[]) => boolean
  /** A regular expression: only mutations that it finds in file or text are tried. */
  readonly only?: string
}

/**
 * Tries the mutations one after the other and prints a line for each.
 *
 * @returns the exit status: 1 if a change survives
 * @throws Error when the tests fail without a change, or a text is not there once
 */
export function tryMutations<T extends Mutation>({ mutations, parts, isNoticed, only = '' }: Trial<T>): number {
  const copy = mkdtempSync(join(tmpdir(), 'dockgate-mutation-'))
  try {
    for (const part of parts) cpSync(join(ROOT, part), join(copy, part), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
    const chosen = mutations.filter(({ file, from, to }) => new RegExp(only).test(`${file} ${from} ${to}`))
    if (isNoticed(copy, chosen)) throw new Error('the tests fail without any change: run them by themselves first')
    const survivors = chosen.filter((mutation) => {
      const { file, from, to } = mutation
      const path = join(copy, file)
      const source = readFileSync(path, 'utf8')
      if (source.split(from).length !== 2) throw new Error(`${file} does not hold once: ${from}`)
      writeFileSync(
        path,
        source.replace(from, () => to),
      )
      const noticed = isNoticed(copy, [mutation])
      writeFileSync(path, source)
      console.log(`${noticed ? 'killed  ' : 'SURVIVED'} ${file}: ${from.trim()} -> ${to.trim() || 'nothing'}`)
      return !noticed
    })
    console.log(`${chosen.length - survivors.length} of ${chosen.length} changes are noticed`)
    return survivors.length === 0 ? 0 : 1
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}
