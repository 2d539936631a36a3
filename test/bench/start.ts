/**
 * The Worker's size, its first decision, and the memory that many callers take. A cold start is the first request that a
 * new workerd answers, beside the first request of a Worker that only reads the same two values of KV.
 */
import { shardKey } from '../../src/bundle/digest.ts'
import { digestFor } from '../../src/bundle/manifest.ts'
import { decodeManifest } from '../../src/bundle/verify.ts'
import { principalKey } from '../../src/policy/principal.ts'
import { startLoad } from './client.ts'
import { type Comparison, median } from './comparison.ts'
import type { BenchOptions } from './main.ts'
import { bundle, GATE_SOURCE, startWorker, type WorkerOptions, workerSource } from './workerd.ts'
import { createWorld } from './world.ts'

const SIZE_KIB = 150
const COLD_START_MS = 10
const MEMORY_MIB = 128
const PRINCIPALS = 10_000

export async function measureStart(options: BenchOptions): Promise<readonly Comparison[]> {
  return [await size(), await coldStart(options), await memory(options)]
}

async function size(): Promise<Comparison> {
  const script = await bundle(GATE_SOURCE)
  return {
    part: 'start',
    what: 'Worker, minified',
    unit: 'KiB',
    ours: [Buffer.byteLength(script) / 1024],
    beside: 'limit',
    theirs: [SIZE_KIB],
    target: { of: 'value', atMost: SIZE_KIB },
  }
}

/** CPU time of the first request less that of the same Worker's second one, which finds everything ready. */
async function coldStart({ quick }: BenchOptions): Promise<Comparison> {
  const world = await createWorld(1000)
  const [token = ''] = await world.mint(1)
  const registry = await bundle(workerSource('upstream.js'))
  const manifest = decodeManifest(world.kv.get('pointer') ?? '')
  const name = world.policies.tokens[0]?.name ?? ''
  if (!manifest.ok) throw new Error(manifest.error.message)
  const shard = shardKey(digestFor(manifest.value, principalKey({ kind: 'token', name })))
  const gate = {
    script: await bundle(GATE_SOURCE),
    kv: world.kv,
    bindings: { ...world.bindings, UPSTREAM: 'https://registry.internal' },
    registry,
  }
  const reads = {
    script: await bundle(workerSource('two-reads.js')),
    kv: world.kv,
    bindings: { SHARD: shard },
    registry,
  }
  const path = `/v2/${world.repository}/manifests/latest`
  const first = async (options: WorkerOptions): Promise<number> => {
    const worker = await startWorker(options)
    try {
      const spend = async () => {
        const before = await worker.cpu()
        const answer = await worker.get(path, { authorization: `Bearer ${token}` })
        if (!answer.ok) throw new Error(`the first request failed with ${answer.status}`)
        await answer.text()
        return ((await worker.cpu()) - before) / 1000
      }
      const cold = await spend()
      return cold - (await spend())
    } finally {
      await worker.close()
    }
  }
  const ours: number[] = []
  const theirs: number[] = []
  for (let round = 0; round < (quick ? 3 : 7); round++) {
    ours.push(await first(gate))
    theirs.push(await first(reads))
  }
  const added = ours.map((cost, at) => cost - (theirs[at] ?? 0))
  return {
    part: 'start',
    what: 'first decision of an isolate, beyond two reads of KV',
    unit: 'ms CPU',
    ours: added,
    beside: 'the two reads',
    theirs,
    target: { of: 'value', atMost: COLD_START_MS },
    notes: { whole: median(ours) },
  }
}

/** What workerd holds beyond its start once so many principals have called, each with a token of its own. */
async function memory({ quick }: BenchOptions): Promise<Comparison> {
  const principals = quick ? PRINCIPALS / 10 : PRINCIPALS
  const world = await createWorld(principals)
  const registry = await bundle(workerSource('upstream.js'))
  const bindings = { ...world.bindings, UPSTREAM: 'https://registry.internal' }
  const worker = await startWorker({ script: await bundle(GATE_SOURCE), kv: world.kv, bindings, registry })
  const load = startLoad()
  try {
    const before = await worker.memory()
    const tokens: string[] = []
    for (let n = 0; n < principals; n++) tokens.push(...(await world.mint(1, n)))
    // A ping is answered for whoever shows a good token, whatever it may do.
    await load.run({ port: worker.port, connections: 8, method: 'GET', path: '/v2/', tokens, requests: principals })
    return {
      part: 'start',
      what: `memory of workerd for ${principals.toLocaleString('en-US')} callers`,
      unit: 'MiB',
      ours: [((await worker.memory()) - before) / 1024 ** 2],
      beside: 'limit of an isolate',
      theirs: [MEMORY_MIB],
      target: { of: 'value', atMost: MEMORY_MIB },
    }
  } finally {
    load.close()
    await worker.close()
  }
}
