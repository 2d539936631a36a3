/** Compiling a policy and pushing it into a store in this process, at several sizes, all of it and after one change. */
import { generateKey, parseSigningKey, type SigningKey } from '../../src/bundle/keys.ts'
import type { Kv } from '../../src/cli/bundles/kv.ts'
import { publish } from '../../src/cli/bundles/publish.ts'
import { compile } from '../../src/policy/compile/compile.ts'
import type { PolicySet } from '../../src/policy/model.ts'
import { type Comparison, median } from './comparison.ts'
import type { BenchOptions } from './options.ts'
import { syntheticPolicies, withOneChange } from './synthetic.ts'

const SIZES = [10, 1000, 100_000]
const MILLION = 1_000_000

export async function measurePolicies({ quick, million }: BenchOptions): Promise<readonly Comparison[]> {
  const key = await parseSigningKey(JSON.stringify((await generateKey('EdDSA')).private))
  const comparisons: Comparison[] = []
  await once(syntheticPolicies({ roleAssignments: 1000, tokens: 0 }), key)
  for (const size of [...(quick ? SIZES.slice(0, 2) : SIZES), ...(million ? [MILLION] : [])]) {
    const policies = syntheticPolicies({ roleAssignments: size, tokens: 0 })
    const rounds = size >= 100_000 ? 3 : 7
    const runs: Run[] = []
    for (let round = 0; round < rounds; round++) runs.push(await once(policies, key))
    const pick = (name: keyof Run) => runs.map((run) => run[name])
    const label = `${size.toLocaleString('en-US')} assignments`
    comparisons.push({
      part: 'policies',
      what: `compile ${label}`,
      unit: 'ms',
      ours: pick('compile'),
      against: '20 s for a million, in proportion',
      theirs: [(20_000 * size) / MILLION],
      ...(size < 1000 ? {} : { target: { of: 'ratio', atMost: 1 } }),
    })
    comparisons.push({
      part: 'policies',
      what: `push ${label} after one change: bytes sent`,
      unit: 'KiB',
      ours: pick('changedKib'),
      against: 'all of it',
      theirs: pick('kib'),
      notes: { pushMs: median(pick('push')), pushAgainMs: median(pick('again')), shards: median(pick('shards')) },
    })
    comparisons.push({
      part: 'policies',
      what: `push ${label} after one change: time`,
      unit: 'ms',
      ours: pick('again'),
      against: 'first push',
      theirs: pick('push'),
    })
  }
  return comparisons
}

type Run = {
  readonly compile: number
  readonly push: number
  readonly again: number
  readonly kib: number
  readonly changedKib: number
  /** Uploaded after the change. */
  readonly shards: number
}

async function once(policies: PolicySet, key: SigningKey): Promise<Run> {
  const kv = memoryKv()
  const [compiled, compileMs] = await timed(() => compile(policies))
  const now = 1_800_000_000
  const [first, pushMs] = await timed(() => publish({ policy: compiled, kv, key, now }))
  const changed = compile(withOneChange(policies))
  const [second, againMs] = await timed(() => publish({ policy: changed, kv, key, now: now + 60 }))
  return {
    compile: compileMs,
    push: pushMs,
    again: againMs,
    kib: first.bytes.uploaded / 1024,
    changedKib: second.bytes.uploaded / 1024,
    shards: second.shards.uploaded,
  }
}

async function timed<T>(run: () => T | Promise<T>): Promise<readonly [T, number]> {
  const began = performance.now()
  const value = await run()
  return [value, performance.now() - began]
}

function memoryKv(): Kv {
  const values = new Map<string, string>()
  return {
    place: 'memory',
    get: async (key) => values.get(key),
    list: async (prefix) => [...values.keys()].filter((key) => key.startsWith(prefix)),
    putAll: async (pairs) => {
      for (const { key, value } of pairs) values.set(key, value)
    },
    put: async (key, value) => {
      values.set(key, value)
    },
    deleteAll: async (keys) => {
      for (const key of keys) values.delete(key)
    },
  }
}
