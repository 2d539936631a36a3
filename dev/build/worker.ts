/**
 * The Worker as one ES module. This is the only place that says how it is bundled: the package, `dockgate dev`, the tests
 * and the benches all run these bytes.
 */
import { join } from 'node:path'
import { type BuildOptions, build, type Metafile } from 'esbuild'
import { ROOT } from './root.ts'

const WORKER_OPTIONS = {
  absWorkingDir: ROOT,
  bundle: true,
  write: false,
  minify: true,
  metafile: true,
  format: 'esm',
  target: 'es2024',
  conditions: ['workerd', 'worker', 'browser'],
  external: ['node:*', 'cloudflare:*'],
  logLevel: 'silent',
} as const satisfies BuildOptions

const WORKER_ENTRY = join(ROOT, 'src', 'worker', 'index.ts')
/** The gate with a page for browsers, for `dockgate dev` only. */
export const DEV_WORKER_ENTRY = join(ROOT, 'src', 'worker', 'dev.ts')

/** A bundled Worker: its text, and what esbuild put into it. */
export type BuiltWorker = { readonly text: string; readonly metafile: Metafile }

/**
 * Bundles a Worker. The same sources give the same bytes, wherever the project is and whatever the current folder is.
 *
 * @param entry path of its main module; default: the gate
 * @throws esbuild's `BuildFailure` when a source cannot be compiled
 */
export async function buildWorker(entry = WORKER_ENTRY): Promise<BuiltWorker> {
  const { outputFiles, metafile } = await build({ ...WORKER_OPTIONS, entryPoints: [entry] })
  return { text: outputFiles[0]?.text ?? '', metafile }
}
