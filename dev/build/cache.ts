/**
 * In a clone, compiles the command into a cache folder, so that it starts as fast as the installed package. Run by
 * `src/cli/compiled.js` when a source has changed. Several processes may do so at once: each folder is named by its
 * content and appears as a whole.
 */
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { compileCommand, NO_FILE } from './compile.ts'
import { ROOT } from './root.ts'

/** A process that was started long ago may still load a chunk of its folder. */
const KEPT_MS = 7 * 24 * 60 * 60 * 1000

/** Changes when `npm install` does: packages are compiled in. */
const LOCK_FILE = 'package-lock.json'

/**
 * Compiles into a folder of `cache` and records what it was made from, for `src/cli/compiled.js`.
 *
 * @returns name of the folder
 * @throws when a source cannot be compiled, or the cache cannot be written
 */
export async function compileIntoCache(cache: string): Promise<string> {
  await mkdir(cache, { recursive: true })
  const temporary = await mkdtemp(join(cache, 'new-'))
  try {
    const { metafiles } = await compileCommand(temporary)
    // Without it Node.js would look into each file for what kind of module it is.
    await writeFile(join(temporary, 'package.json'), '{"type":"module"}')
    const sources = metafiles
      .flatMap(({ inputs }) => Object.keys(inputs))
      .filter((path) => !path.includes('node_modules/') && !path.startsWith(`${NO_FILE}:`))
    const inputs = await Promise.all([...new Set([...sources, ...(await ownSources()), LOCK_FILE])].sort().map(stampOf))
    const folder = await nameOf(temporary)
    await rename(temporary, join(cache, folder)).catch(async (cause: unknown) => {
      // Another process was faster, with the same content.
      if (!(await exists(join(cache, folder)))) throw cause
    })
    const record = join(cache, `${folder}.json`)
    await writeFile(record, JSON.stringify({ folder, inputs }))
    await rename(record, join(cache, 'current.json'))
    await removeOld(cache, folder)
    return folder
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

/** How the compiler works is an input, too. */
const ownSources = async (): Promise<readonly string[]> =>
  (await readdir(import.meta.dirname)).map((name) => join('dev', 'build', name))

async function stampOf(path: string): Promise<readonly [path: string, mtimeMs: number, size: number]> {
  const { mtimeMs, size } = await stat(join(ROOT, path))
  return [path, mtimeMs, size]
}

async function nameOf(folder: string): Promise<string> {
  const hash = createHash('sha256')
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    const file = join(folder, name)
    if ((await stat(file)).isFile()) hash.update(`${name}\0`).update(await readFile(file))
  }
  return hash.digest('hex').slice(0, 16)
}

async function removeOld(cache: string, current: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (name === current || name === 'current.json') continue
    const { mtimeMs } = await stat(join(cache, name)).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }))
    if (Date.now() - mtimeMs > KEPT_MS) await rm(join(cache, name), { recursive: true, force: true })
  }
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )
