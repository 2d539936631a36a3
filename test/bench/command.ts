/**
 * How long the command takes to start, next to `node -e 0`: `npm run bench:command`. Runs alternate, and each ratio is taken
 * within its round; a row shows medians. The sources are what ran before there was a compiled command.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ROOT } from '../../dev/build/root.ts'

const ROUNDS = 15
const COMPILED = join(ROOT, 'src/cli/bin.js')
const SOURCES = join(ROOT, 'src/cli/main.ts')
const CASES: Readonly<Record<string, readonly string[]>> = {
  can: ['can', 'token:ci', 'content/write', 'samples/app'],
  check: ['check'],
  '--help': ['--help'],
  '--version': ['--version'],
}

/** Milliseconds of one run of Node.js. */
function time(...args: readonly string[]): number {
  const start = performance.now()
  const { status } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'ignore' })
  if (status !== 0) throw new Error(`${args.join(' ')} ended with status ${status}`)
  return performance.now() - start
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

process.stdout.write('| command | compiled | sources | `node -e 0` |\n|---|---|---|---|\n')
for (const [name, args] of Object.entries(CASES)) {
  time(COMPILED, ...args)
  const rounds = Array.from({ length: ROUNDS }, () => ({
    base: time('-e', '0'),
    compiled: time(COMPILED, ...args),
    sources: time(SOURCES, ...args),
  }))
  const ratio = (key: 'compiled' | 'sources') => median(rounds.map((round) => round[key] / round.base)).toFixed(2)
  const base = median(rounds.map((round) => round.base)).toFixed(0)
  process.stdout.write(`| \`${name}\` | ${ratio('compiled')} | ${ratio('sources')} | ${base} ms |\n`)
}
