/**
 * The policies of a folder, which are parsed again only when a file has changed. To load the YAML library, the definition of
 * policy files and to parse a few files takes longer than all the rest of `dockgate can`, so the compiled command keeps what it
 * read from small folders. A kept reading is found by the content of every file and by the version of the reader.
 */
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { getCompileCacheDir } from 'node:module'
import { join } from 'node:path'
import { toHex } from '../../base/bytes.ts'
import { readFolder } from '../../files/folder.ts'
import type { LoadResult, PolicyText } from '../../files/load.ts'
import { Report } from '../../files/problem.ts'

/** Characters of all files together: a larger folder takes as long to hash and to parse again as JSON. */
const MAX_LENGTH = 1_000_000
/** Readings that are kept. */
const MAX_KEPT = 20

/** Where readings are kept, and for which reader they are good. */
export type ReadingCache = {
  /** Made when needed. */
  readonly folder: string
  /** Changes whenever the reader of policy files does. */
  readonly version: string
}

/** Set by `dev/build/compile.ts`. */
declare const DOCKGATE_COMPILED: true | undefined

/**
 * In the folder in which Node.js keeps the compiled code of the command. Only the compiled command has it: there the name of
 * the file that holds this code changes with every change of the reader.
 */
function readingCache(): ReadingCache | undefined {
  const codeCache = typeof DOCKGATE_COMPILED === 'undefined' ? undefined : getCompileCacheDir()
  return codeCache === undefined ? undefined : { folder: join(codeCache, 'policies'), version: import.meta.url }
}

/**
 * As `loadPolicies` of `src/files`. A cache that cannot be read or written is as good as none.
 *
 * @param onRead called with the number of characters before they are parsed
 * @param cache absent: every file is parsed; default: the command's own
 */
export async function loadPolicies(
  directory: string,
  onRead: (characters: number) => void,
  cache: ReadingCache | undefined = readingCache(),
): Promise<LoadResult> {
  const report = new Report()
  const files = await readFolder(directory, report)
  if (files === undefined) return { tests: [], problems: report.problems }
  const length = files.reduce((sum, { text }) => sum + text.length, 0)
  onRead(length)
  const parse = async () => (await import('../../files/load.ts')).readPolicies(files, report)
  // What is wrong with the folder itself is not in the content of its files.
  if (cache === undefined || length > MAX_LENGTH || report.problems.length > 0) return parse()
  const path = join(cache.folder, `${await keyOf(files, cache.version)}.json`)
  const kept = await readKept(path)
  if (kept !== undefined) return kept
  const loaded = await parse()
  if (loaded.policies !== undefined) await keep(loaded, path, cache.folder)
  return loaded
}

async function keyOf(files: readonly PolicyText[], version: string): Promise<string> {
  const content = JSON.stringify([version, files.map(({ path, text }) => [path, text])])
  // Not `node:crypto`, which takes longer to load than the digest to compute.
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(content))))
}

async function readKept(path: string): Promise<LoadResult | undefined> {
  try {
    const kept: LoadResult | null = JSON.parse(await readFile(path, 'utf8'))
    return kept ?? undefined
  } catch {
    return undefined
  }
}

async function keep(loaded: LoadResult, path: string, folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const temporary = `${path}.${crypto.randomUUID()}`
    await writeFile(temporary, JSON.stringify(loaded), { mode: 0o600 })
    await rename(temporary, path)
    await removeOldest(folder)
  } catch {
    // The next run parses the files again.
  }
}

async function removeOldest(folder: string): Promise<void> {
  const names = await readdir(folder)
  if (names.length <= MAX_KEPT) return
  const dated = await Promise.all(
    names.map(async (name) => ({ path: join(folder, name), time: (await stat(join(folder, name))).mtimeMs })),
  )
  const old = dated.sort((a, b) => b.time - a.time).slice(MAX_KEPT)
  await Promise.all(old.map(({ path }) => rm(path, { force: true })))
}
