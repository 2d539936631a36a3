/**
 * The example policies as they are committed or staged, and not as the folder `policies/` has them: the tutorial has its
 * reader write there. Without git, for example in a source archive, they are those of the folder.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')

const git = (...args: readonly string[]): string =>
  execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })

function read(): ReadonlyMap<string, string> {
  try {
    const paths = git('ls-files', '-z', 'policies').split('\0').filter(Boolean)
    if (paths.length > 0) return new Map(paths.map((path) => [path.slice('policies/'.length), git('show', `:${path}`)]))
  } catch {
    // No git exists, or no repository.
  }
  const names = readdirSync(join(ROOT, 'policies'))
  return new Map(names.map((name) => [name, readFileSync(join(ROOT, 'policies', name), 'utf8')]))
}

/** Path below `policies/` to text. */
export const EXAMPLES: ReadonlyMap<string, string> = read()

/** Writes them into a folder, which is made. */
export function writeExamples(folder: string): void {
  for (const [path, text] of EXAMPLES) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
}

/** A folder that holds them until the tests of the file are over. */
export function exampleFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'dockgate-examples-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  writeExamples(folder)
  return folder
}
