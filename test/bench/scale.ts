/**
 * What a policy costs at each size: compiling, encoding, pushing, a cold start, one change. Each size is measured in a
 * process of its own, so that its peak of memory is its own. Prints a table in Markdown for docs/scale.md.
 *
 * Usage: node test/bench/scale.ts [assignments[:tokens]…], with as many tokens as assignments by default
 */
import { spawnSync } from 'node:child_process'
import { cpus } from 'node:os'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { encodeBundle } from '../../src/bundle/encode.ts'
import { generateKey, parsePublicKeys, parseSigningKey } from '../../src/bundle/keys.ts'
import { digestFor, digestsOf, type Manifest } from '../../src/bundle/manifest.ts'
import { openShard } from '../../src/bundle/shard.ts'
import { signManifest } from '../../src/bundle/sign.ts'
import { verifyManifest } from '../../src/bundle/verify.ts'
import { compile } from '../../src/policy/compile/compile.ts'
import type { CompiledPolicy } from '../../src/policy/decide/compiled.ts'
import { indexCommon } from '../../src/policy/decide/effective-rights.ts'
import { principalOf, syntheticPolicies, withOneChange } from './synthetic.ts'

/** Role assignments and tokens. */
const SIZES = ['10', '1000', '10000', '100000', '1000000:0', '1000000']
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
  /** All of a cold start, on code that never ran before. */
  readonly first: number
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
    pointer: 'pointer',
    serial: 1,
    created: 1_800_000_000,
    ...(previous === undefined ? {} : { previousBits: previous.bits }),
  }
  const manifest = await encodeBundle(policy, options, (shard) => {
    largest = Math.max(largest, shard.bytes)
    if (known?.has(shard.digest) === false || shard.text.includes(keepFor)) kept.set(shard.digest, shard.text)
  })
  return { manifest, largest, kept }
}

async function measure(assignments: number, tokens: number): Promise<Measured> {
  const policies = syntheticPolicies({ roleAssignments: assignments, tokens })
  const [compiled, compileTime] = await timed(() => compile(policies))
  const someone = principalOf(0)
  const [{ manifest, largest, kept }, encodeTime] = await timed(() => encode(compiled, someone))
  // Before the second policy is made: pushing never holds two.
  const peakBytes = process.resourceUsage().maxRSS * 1024
  const pair = await generateKey('EdDSA')
  const pointer = await signManifest(manifest, await parseSigningKey(JSON.stringify(pair.private)))
  const publicKeys = JSON.stringify({ keys: [pair.public] })
  const digest = digestFor(manifest, someone)
  const shard = kept.get(digest) ?? ''
  const cold = child<Pick<Measured, 'first' | 'verify' | 'shard'>>(['--cold'], { pointer, publicKeys, digest, shard })
  const changed = await encode(compile(withOneChange(policies)), 'changed/app', manifest)
  const known = digestsOf(manifest)
  const fresh = [...digestsOf(changed.manifest)].filter((each) => !known.has(each))
  return {
    assignments,
    tokens,
    principals: manifest.principals,
    grants: manifest.grants,
    compile: compileTime,
    encode: encodeTime,
    peakBytes,
    bytes: manifest.bytes,
    shards: 2 ** manifest.bits,
    largestShard: largest,
    manifestBytes: pointer.length,
    ...cold,
    changedShards: fresh.length,
    changedBytes: fresh.reduce((sum, each) => sum + (changed.kept.get(each)?.length ?? 0), 0),
  }
}

type Cold = { readonly pointer: string; readonly publicKeys: string; readonly digest: string; readonly shard: string }

/** What a gate does with the two values that it reads first, in CPU time of a process that has done nothing else. */
async function coldStart({ pointer, publicKeys, digest, shard }: Cold) {
  const bytes = Uint8Array.from(new TextEncoder().encode(shard)).buffer
  const verify: number[] = []
  const open: number[] = []
  for (let round = 0; round < COLD_STARTS; round++) {
    const [verified, verifying] = await timed(async () => {
      const result = await verifyManifest(pointer, await parsePublicKeys(publicKeys), { pointer: 'pointer' })
      if (result.ok) indexCommon(result.value.manifest.common)
      return result
    })
    const [opened, opening] = await timed(async () => {
      const result = await openShard(digest, bytes)
      return result.ok ? result.value.principal(principalOf(0)) : undefined
    })
    if (!verified.ok || opened === undefined) throw new Error('the bundle does not hold what went into it')
    verify.push(verifying.cpu)
    open.push(opening.cpu)
  }
  return { first: (verify[0] ?? 0) + (open[0] ?? 0), verify: median(verify), shard: median(open) }
}

/** This script in a process of its own. */
function child<T>(args: readonly string[], input: unknown): T {
  const command = ['--max-old-space-size=8192', fileURLToPath(import.meta.url), ...args]
  const { status, stdout } = spawnSync(process.execPath, command, {
    encoding: 'utf8',
    input: JSON.stringify(input),
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  if (status !== 0) throw new Error(`${args.join(' ')} failed`)
  return JSON.parse(stdout)
}

const count = (n: number) => n.toLocaleString('en-US')
const kib = (bytes: number) => `${count(Math.round(bytes / 1024))} KiB`
const mib = (bytes: number) => `${count(Math.round(bytes / 1024 ** 2))} MiB`
const ms = (value: number) => `${value.toFixed(value < 10 ? 2 : 0)} ms`
const both = ({ wall, cpu }: Time) => `${ms(wall)} / ${ms(cpu)}`

const ROWS: readonly (readonly [string, (m: Measured) => string])[] = [
  ['role assignments', (m) => count(m.assignments)],
  ['tokens', (m) => count(m.tokens)],
  ['principals', (m) => count(m.principals)],
  ['grants', (m) => count(m.grants)],
  ['compile: wall / CPU time', (m) => both(m.compile)],
  ['encode and digest all shards: wall / CPU time', (m) => both(m.encode)],
  ['peak memory, with the policy set itself', (m) => mib(m.peakBytes)],
  ['all shards', (m) => kib(m.bytes)],
  ['shards', (m) => count(m.shards)],
  ['largest shard', (m) => kib(m.largestShard)],
  ['pointer (signed manifest)', (m) => kib(m.manifestBytes)],
  ['cold start, first time ever: CPU time', (m) => ms(m.first)],
  ['cold start, compiled code: verify and parse the pointer', (m) => ms(m.verify)],
  ['cold start, compiled code: verify, parse and open one shard', (m) => ms(m.shard)],
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
  process.stdout.write(JSON.stringify(await measure(Number(rest[0]), Number(rest[1]))))
} else if (mode === '--cold') {
  process.stdout.write(JSON.stringify(await coldStart(JSON.parse(await text(process.stdin)))))
} else {
  const sizes = mode === undefined ? SIZES : process.argv.slice(2)
  const all = sizes.map((size): Measured => {
    process.stderr.write(`measuring ${size}\n`)
    const [assignments = '', tokens = assignments] = size.split(':')
    return child(['--one', assignments, tokens], null)
  })
  const machine = `${cpus().length} x ${cpus()[0]?.model.trim()}, Node ${process.version}, ${process.platform}`
  process.stdout.write(`${new Date().toISOString().slice(0, 10)}, ${machine}\n\n${table(all)}\n`)
}
