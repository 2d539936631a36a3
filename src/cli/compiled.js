// Finds the compiled command. An installed package has it in `dist/`. A clone compiles its sources into a cache folder when
// one of them has changed, and runs the sources themselves where that is not possible.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = new URL('../../', import.meta.url)
const SOURCE = new URL('./main.ts', import.meta.url)
const CACHE = new URL('node_modules/.cache/dockgate/', ROOT)

/** @returns {Promise<string>} URL of the module that runs the command */
export async function compiledMain() {
  if (!existsSync(SOURCE)) return new URL('dist/cli/main.js', ROOT).href
  const folder = freshFolder() ?? (await compile())
  return folder === undefined ? SOURCE.href : new URL(`${folder}/cli/main.js`, CACHE).href
}

/** The compiled folder, if no source has changed since. */
function freshFolder() {
  try {
    const { folder, inputs } = JSON.parse(readFileSync(new URL('current.json', CACHE), 'utf8'))
    const root = fileURLToPath(ROOT)
    for (const [path, mtimeMs, size] of inputs) {
      const found = statSync(root + path)
      if (found.mtimeMs !== mtimeMs || found.size !== size) return undefined
    }
    return existsSync(new URL(`${folder}/cli/main.js`, CACHE)) ? folder : undefined
  } catch {
    return undefined
  }
}

/** Undefined if it fails: without esbuild, in a folder that cannot be written, and with a source that is not valid. */
async function compile() {
  try {
    const { compileIntoCache } = await import('../../dev/build/cache.ts')
    return await compileIntoCache(fileURLToPath(CACHE))
  } catch {
    return undefined
  }
}
