/** Builds what the package holds, into `dist/`: `npm run build`, and `npm pack` before it packs. */
import { execFileSync } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { commitOf } from '../../src/cli/terminal/version.ts'
import { compileCommand, compileEngine } from './compile.ts'
import { noticesOf } from './notices.ts'
import { ROOT } from './root.ts'

const DIST = join(ROOT, 'dist')
/** Other files in `dist/`, such as bundles of `dockgate build`, stay. */
const OUTPUTS = ['cli', 'types', 'index.js', 'worker.js', 'dev-worker.js', 'worker.d.ts', 'THIRD-PARTY-NOTICES.txt']

for (const name of OUTPUTS) await rm(join(DIST, name), { recursive: true, force: true })
const { metafiles } = await compileCommand(DIST, { commit: await commitOf(ROOT) })
const metafile = await compileEngine(join(DIST, 'index.js'))
await writeTypes(join(DIST, 'types'))
await copyFile(join(import.meta.dirname, 'worker.d.ts'), join(DIST, 'worker.d.ts'))
await writeFile(join(DIST, 'THIRD-PARTY-NOTICES.txt'), await noticesOf([...metafiles, metafile]))

/** The declarations of `src/index.ts` and of what they name, and no others: a user need not have our packages. */
async function writeTypes(out: string): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'dockgate-types-'))
  try {
    const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
    const project = join(ROOT, 'src', 'tsconfig.types.json')
    execFileSync(process.execPath, [compiler, '-p', project, '--outDir', scratch], { stdio: 'inherit' })
    const reached = new Set<string>()
    const copy = async (name: string): Promise<void> => {
      if (reached.has(name)) return
      reached.add(name)
      const text = await readFile(join(scratch, `${name}.d.ts`), 'utf8')
      await mkdir(dirname(join(out, name)), { recursive: true })
      await writeFile(join(out, `${name}.d.ts`), text.replaceAll(/(from '\.[^']+)\.ts'/g, "$1.js'"))
      for (const [, path = ''] of text.matchAll(/(?:from|import\() ?'(\.[^']+)\.ts'/g))
        await copy(join(dirname(name), path))
    }
    await copy('index')
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}
