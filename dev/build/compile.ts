/** Compiles the command and the Worker into a folder that runs without TypeScript. Never touches anything outside of it. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild'
import { ROOT } from './root.ts'
import { buildWorker, DEV_WORKER_ENTRY } from './worker.ts'

/** Packages that the user installs, and that only some commands load: see `peerDependencies` in package.json. */
const LOADED_WHEN_NEEDED = ['miniflare', 'workerd', 'wrangler']

/** commander and yaml are CommonJS and require modules of Node.js; ES modules have no `require`. */
const REQUIRE =
  "import{createRequire as $createRequire}from'node:module';const require=$createRequire(import.meta.url);"

/** Inputs that are not files are in this namespace of esbuild. */
export const NO_FILE = 'replaced'

/** Modules of Node.js that get other contents when a package imports them. */
const REPLACED: readonly { readonly module: RegExp; readonly by: string; readonly contents: string }[] = [
  // It runs subcommands that are programs of their own. There are none here, and it is slow to load.
  { module: /^node:child_process$/, by: 'node_modules/commander/', contents: '' },
  // It reads a debugging option from the environment at every token: a tenth of the time of a check of 100,000 rules.
  {
    module: /^process$/,
    by: 'node_modules/yaml/',
    contents: 'exports.env = {}; exports.emitWarning = (warning) => globalThis.process.emitWarning(warning)',
  },
]

const REPLACE_MODULES: Plugin = {
  name: 'replace-modules',
  setup(hooks) {
    for (const { module, by, contents } of REPLACED) {
      hooks.onResolve({ filter: module }, ({ path, importer }) =>
        importer.includes(by) ? { path, namespace: NO_FILE, pluginData: contents } : undefined,
      )
    }
    hooks.onLoad({ filter: /.*/, namespace: NO_FILE }, ({ pluginData }) => ({ contents: pluginData }))
  },
}

const FOR_NODE = {
  absWorkingDir: ROOT,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node22.18',
  // Names of functions stay: an unexpected fault shows its stack.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  banner: { js: REQUIRE },
  metafile: true,
  logLevel: 'silent',
} as const satisfies BuildOptions

/** What a compilation made. */
export type Compiled = {
  /** What went into it, with paths relative to {@link ROOT}. */
  readonly metafiles: readonly Metafile[]
}

/** Options of a compilation of the command. */
export type CompileOptions = {
  /** For `dockgate --version`; null where there is none. Absent: the command asks git when it runs. */
  readonly commit?: string | null
}

/**
 * Writes `cli/main.js` with its chunks, one per command and what commands share, `worker.js`, and `dev-worker.js`, which only
 * `dockgate dev` runs.
 *
 * @throws esbuild's `BuildFailure` when a source cannot be compiled
 */
export async function compileCommand(out: string, { commit }: CompileOptions = {}): Promise<Compiled> {
  const command = build({
    ...FOR_NODE,
    entryPoints: { main: 'src/cli/main.ts' },
    outdir: join(out, 'cli'),
    chunkNames: '[name]-[hash]',
    splitting: true,
    external: LOADED_WHEN_NEEDED,
    define: { DOCKGATE_COMPILED: 'true', ...(commit === undefined ? {} : { DOCKGATE_COMMIT: JSON.stringify(commit) }) },
    plugins: [REPLACE_MODULES],
  })
  const worker = await buildWorker()
  const devWorker = await buildWorker(DEV_WORKER_ENTRY)
  await mkdir(out, { recursive: true })
  await writeFile(join(out, 'worker.js'), worker.text)
  await writeFile(join(out, 'dev-worker.js'), devWorker.text)
  return { metafiles: [(await command).metafile, worker.metafile, devWorker.metafile] }
}

/**
 * Writes the engine as one module.
 *
 * @returns what went into it
 * @throws esbuild's `BuildFailure` when a source cannot be compiled
 */
export async function compileEngine(file: string): Promise<Metafile> {
  const { metafile } = await build({ ...FOR_NODE, entryPoints: ['src/index.ts'], outfile: file })
  return metafile
}
