/**
 * The bench: Dockgate next to what would be used without it, in one run on one machine. Prints one table, a ratio with its
 * spread in each row, and writes the raw numbers to a file.
 *
 * Usage: npm run bench -- [--quick] [--million] [--out DIR] [PART…]
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Comparison, formatTable, holds } from './comparison.ts'
import { measureDecisions } from './decisions.ts'
import { measureGroups } from './groups.ts'
import { describeMachine } from './machine.ts'
import type { BenchOptions } from './options.ts'
import { measureMinting, measureParts } from './parts.ts'
import { measurePolicies } from './policies.ts'
import { measureRequests } from './requests.ts'
import { measureStart } from './start.ts'

const PARTS: Readonly<Record<string, (options: BenchOptions) => Promise<readonly Comparison[]>>> = {
  requests: measureRequests,
  decisions: measureDecisions,
  groups: measureGroups,
  parts: measureParts,
  minting: measureMinting,
  policies: measurePolicies,
  start: measureStart,
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    million: { type: 'boolean', default: false },
    out: { type: 'string', default: join(import.meta.dirname, 'results') },
  },
})
const unknown = positionals.find((part) => PARTS[part] === undefined)
if (unknown !== undefined) {
  process.stderr.write(`the part ${unknown} does not exist; the parts are ${Object.keys(PARTS).join(', ')}\n`)
  process.exit(2)
}

const machine = describeMachine()
const comparisons: Comparison[] = []
for (const part of positionals.length > 0 ? positionals : Object.keys(PARTS)) {
  const began = performance.now()
  process.stderr.write(`measuring ${part}\n`)
  comparisons.push(...((await PARTS[part]?.(values)) ?? []))
  process.stderr.write(`measured ${part} in ${((performance.now() - began) / 1000).toFixed(1)} s\n`)
}

const { date, cpu, cores, memoryGiB, node, platform, load } = machine
process.stdout.write(
  `${date.slice(0, 10)}, ${cores} x ${cpu}, ${memoryGiB} GiB, ${platform}, Node ${node}, load ${load.toFixed(1)}\n\n`,
)
process.stdout.write(`${formatTable(comparisons)}\n`)
await mkdir(values.out, { recursive: true })
const file = join(values.out, `${date.replaceAll(':', '-')}.json`)
await writeFile(file, `${JSON.stringify({ machine, options: values, comparisons }, undefined, 2)}\n`)
process.stderr.write(`raw numbers: ${file}\n`)
const missed = comparisons.filter((comparison) => !holds(comparison))
if (missed.length > 0) process.stderr.write(`${missed.length} targets missed\n`)
