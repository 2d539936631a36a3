/** Keeps what this command writes out of git: a `.gitignore` in the folder that holds it. */
import { appendFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Adds the patterns that the folder's own `.gitignore` lacks; makes the file where there is none. Rejects with the error of
 * the file system.
 *
 * @param patterns in git's syntax (gitignore(5)), relative to the folder
 */
export async function ignoreInGit(directory: string, patterns: readonly string[]): Promise<void> {
  const file = join(directory, '.gitignore')
  const known = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const lines = known.split('\n').map((line) => line.trim())
  const missing = patterns.filter((pattern) => !lines.includes(pattern))
  if (missing.length === 0) return
  const separator = known === '' || known.endsWith('\n') ? '' : '\n'
  await appendFile(file, `${separator}${missing.join('\n')}\n`)
}
