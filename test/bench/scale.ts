/**
 * What a policy costs at each size: compiling, encoding, pushing, a cold start, one change. Each size is measured in a
 * process of its own, so that its peak of memory is its own. Prints a table in Markdown for docs/scale.md.
 *
 * Usage: node test/bench/scale.ts [assignments…]
 */
import { spawnSync } from 'node:child_process'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { encodeBundle } from '../../src/bundle/encode.ts'
import { generateKey, parsePublicKeys, parseSigningKey } from '../../src/bundle/keys.ts'
import { digestFor, digestsOf, type Manifest } from '../../src/bundle/manifest.ts'
import { openShard } from '../../src/bundle/shard.ts'
import { signManifest } from '../../src/bundle/sign.ts'
import { verifyManifest } from '../../src/bundle/verify.ts'
import { compile } from '../../src/policy/compile.ts'
import type { CompiledPolicy } from '../../src/policy/compiled.ts'
import { openCommon } from '../../src/policy/standing.ts'
import { principalOf, syntheticPolicies, withOneChange } from './synthetic.ts'

const SIZES = [10, 1000, 10_000, 100_000, 1_000_000]
const COLD_STARTS = 15

type Measured = {
  readonly assignments: number
  readonly tokens: number
  readonly principals: number
  readonly grants: number
  readonly compile: Time
  readonly encode: Time
  readonly peakBytes: number
  readonly bytes: number
  readonly shards: number
  readonly largestShard: number
  readonly manifestBytes: number
  readonly verify: number
  readonly shard: number
  readonly changedShards: number
  readonly changedBytes: number
}

/** Wall and CPU time (of all threads, the garbage collector's too) in milliseconds. */
type Time = { readonly wall: number; readonly cpu: number }

const timed = async <T>(run: () => T | Promise<T>): Promise<readonly [T, Time]> => {
  const start = performance.now()
  const before = process.cpuUsage()
  const value = await run()
  const { user, system } = process.cpuUsage(before)
  return [value, { wall: performance.now() - start, cpu: (user + system) / 1000 }]
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0

type Encoded = { readonly manifest: Manifest; readonly largest: number; readonly kept: ReadonlyMap<string, string> }

async function encode(policy: CompiledPolicy, keepFor: string, previous?: Manifest): Promise<Encoded> {
  const kept = new Map<string, string>()
  const known = previous === undefined ? undefined : digestsOf(previous)
  let largest = 0
  const options = {
    serial: 1,
    created: 1_800_000_000,
    ...(previous === undefined ? {} : { previousBits: previous.bits }),
  }
  const manifest = await encodeBundle(policy, options, ({ digest, text, bytes }) => {
    largest = Math.max(largest, bytes)
    if (known?.has(digest) === false || text.includes(keepFor)) kept.set(digest, text)
  })
  return { manifest, largest, kept }
}

async function measure(assignments: number): Promise<Measured> {
  const policies = syntheticPolicies({ roleAssignments: assignments, tokens: assignments })
  const [compiled, compileTime] = await timed(() => compile(policies))
  const someone = principalOf(0)
  const [{ manifest, largest, kept }, encodeTime] = await timed(() => encode(compiled, someone))
  // Before the second policy is made: pushing never holds two.
  const peakBytes = process.resourceUsage().maxRSS * 1024
  const pair = await generateKey('EdDSA')
  const pointer = await signManifest(manifest, await parseSigningKey(JSON.stringify(pair.private)))
  const publicKeys = JSON.stringify({ keys: [pair.public] })
  const digest = digestFor(manifest, someone)
  const shard = Uint8Array.from(new TextEncoder().encode(kept.get(digest) ?? '')).buffer
  const verifyMs: number[] = []
  const shardMs: number[] = []
  for (let round = 0; round < COLD_STARTS; round++) {
    const [verified, verifying] = await timed(async () => {
      const result = await verifyManifest(pointer, await parsePublicKeys(publicKeys))
      if (result.ok) openCommon(result.value.manifest.common)
      return result
    })
    const [opened, opening] = await timed(async () => {
      const result = await openShard(digest, shard)
      return result.ok ? result.value.principal(someone) : undefined
    })
    if (!verified.ok || opened === undefined) throw new Error('the bundle does not hold what went into it')
    verifyMs.push(verifying.wall)
    shardMs.push(opening.wall)
  }
  const changed = await encode(compile(withOneChange(policies)), 'changed/app', manifest)
  const known = digestsOf(manifest)
  const fresh = [...digestsOf(changed.manifest)].filter((each) => !known.has(each))
  return {
    assignments,
    tokens: assignments,
    principals: manifest.principals,
    grants: manifest.grants,
    compile: compileTime,
    encode: encodeTime,
    peakBytes,
    bytes: manifest.bytes,
    shards: 2 ** manifest.bits,
    largestShard: largest,
    manifestBytes: pointer.length,
    verify: median(verifyMs),
    shard: median(shardMs),
    changedShards: fresh.length,
    changedBytes: fresh.reduce((sum, each) => sum + (changed.kept.get(each)?.length ?? 0), 0),
  }
}

const count = (n: number) => n.toLocaleString('en-US')
const kib = (bytes: number) => `${count(Math.round(bytes / 1024))} KiB`
const mib = (bytes: number) => `${count(Math.round(bytes / 1024 ** 2))} MiB`
const ms = (value: number) => `${value.toFixed(value < 10 ? 2 : 0)} ms`
const both = ({ wall, cpu }: Time) => `${ms(wall)} / ${ms(cpu)}`

const ROWS: readonly (readonly [string, (m: Measured) => string])[] = [
  ['role assignments, and as many tokens', (m) => count(m.assignments)],
  ['principals', (m) => count(m.principals)],
  ['grants', (m) => count(m.grants)],
  ['compile: wall / CPU time', (m) => both(m.compile)],
  ['encode and digest all shards: wall / CPU time', (m) => both(m.encode)],
  ['peak memory, with the policy set itself', (m) => mib(m.peakBytes)],
  ['all shards', (m) => kib(m.bytes)],
  ['shards', (m) => count(m.shards)],
  ['largest shard', (m) => kib(m.largestShard)],
  ['pointer (signed manifest)', (m) => kib(m.manifestBytes)],
  ['cold start: verify and parse the pointer', (m) => ms(m.verify)],
  ['cold start: verify, parse and open one shard', (m) => ms(m.shard)],
  ['one changed assignment: shards uploaded', (m) => count(m.changedShards)],
  ['one changed assignment: bytes, without the pointer', (m) => kib(m.changedBytes)],
]

function table(all: readonly Measured[]): string {
  const lines = ROWS.map(([name, cell]) => `| ${[name, ...all.map(cell)].join(' | ')} |`)
  const [head = '', ...rest] = lines
  return [head, `|${'---|'.repeat(all.length + 1)}`, ...rest].join('\n')
}

const [mode, ...rest] = process.argv.slice(2)
if (mode === '--one') {
  process.stdout.write(JSON.stringify(await measure(Number(rest[0]))))
} else {
  const sizes = process.argv.length > 2 ? process.argv.slice(2).map(Number) : SIZES
  const all = sizes.map((size): Measured => {
    process.stderr.write(`measuring ${count(size)}\n`)
    const script = fileURLToPath(import.meta.url)
    const child = spawnSync(process.execPath, ['--max-old-space-size=8192', script, '--one', String(size)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    if (child.status !== 0) throw new Error(`measuring ${size} failed`)
    return JSON.parse(child.stdout)
  })
  const machine = `${cpus().length} x ${cpus()[0]?.model.trim()}, Node ${process.version}, ${process.platform}`
  process.stdout.write(`${new Date().toISOString().slice(0, 10)}, ${machine}\n\n${table(all)}\n`)
}
