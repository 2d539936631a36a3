/**
 * The Worker's size, its first decision, and the memory that many callers take. A cold start is the first request that a
 * new workerd decides, next to the first request of a Worker that only reads the same two values of KV and logs as much. It
 * is one that policy refuses: forwarding comes after the decision, and costs any Worker what it costs.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { shardKey } from '../../src/bundle/digest.ts'
import { digestFor } from '../../src/bundle/manifest.ts'
import { decodeOutline } from '../../src/bundle/verify.ts'
import { principalKey } from '../../src/policy/principal.ts'
import { isRefusal } from '../../src/worker/identity/identified-caller.ts'
import { identify } from '../../src/worker/identity/identify.ts'
import type { PolicyKv } from '../../src/worker/platform/env.ts'
import { PolicyStore } from '../../src/worker/store/store.ts'
import { type Comparison, median } from './comparison.ts'
import type { BenchOptions } from './options.ts'
import { bundle, GATE_SOURCE, startWorker, type WorkerOptions, workerSource } from './workerd.ts'
import { createWorld } from './world.ts'

const SIZE_KIB = 200
const COLD_START_MS = 10
const MEMORY_MIB = 128
const PRINCIPALS = 10_000
const SMALL = 1000

export async function measureStart(options: BenchOptions): Promise<readonly Comparison[]> {
  const sizes = options.million ? [SMALL, 1_000_000] : [SMALL]
  const starts: Comparison[] = []
  for (const assignments of sizes) starts.push(await coldStart(assignments, options))
  return [await size(), ...starts, await memory(options)]
}

async function size(): Promise<Comparison> {
  const script = await bundle(GATE_SOURCE)
  return {
    part: 'start',
    what: 'Worker, minified',
    unit: 'KiB',
    ours: [Buffer.byteLength(script) / 1024],
    against: 'limit',
    theirs: [SIZE_KIB],
    target: { of: 'value', atMost: SIZE_KIB },
  }
}

/** CPU time of the first request less that of the same Worker's second one, which finds everything ready. */
async function coldStart(assignments: number, { quick }: BenchOptions): Promise<Comparison> {
  const world = await createWorld(assignments, SMALL)
  const [token = ''] = await world.mint(1)
  const registry = await bundle(workerSource('upstream.js'))
  const manifest = decodeOutline(world.kv.get('pointer') ?? '')
  const name = world.policies.tokens[0]?.name ?? ''
  if (!manifest.ok) throw new Error(manifest.error.message)
  const shard = shardKey(digestFor(manifest.value, principalKey({ kind: 'token', name })))
  const kv = new Map([...world.kv].filter(([key]) => key === 'pointer' || key === shard))
  const gate = {
    script: await bundle(GATE_SOURCE),
    kv,
    bindings: { ...world.bindings, UPSTREAM: 'https://registry.internal' },
    registry,
  }
  const reads = {
    script: await bundle(workerSource('two-reads.js')),
    kv,
    bindings: { SHARD: shard },
    registry,
  }
  const path = `/v2/nobody/${world.repository}/manifests/latest`
  const first = async (options: WorkerOptions): Promise<number> => {
    const worker = await startWorker(options)
    try {
      const spend = async () => {
        const before = await worker.cpu()
        const answer = await worker.get(path, { authorization: `Bearer ${token}` })
        if (answer.status !== 403) throw new Error(`the first request was answered with ${answer.status}`)
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
    what: `first decision of an isolate, ${assignments.toLocaleString('en-US')} assignments, beyond two reads of KV`,
    unit: 'ms CPU',
    ours: added,
    against: 'the two reads',
    theirs,
    target: { of: 'value', atMost: COLD_START_MS },
    notes: { whole: median(ours) },
  }
}

/** What the gate's own code holds on the heap once so many principals have called, each with a token of its own. */
async function memory({ quick }: BenchOptions): Promise<Comparison> {
  const principals = quick ? PRINCIPALS / 10 : PRINCIPALS
  const world = await createWorld(principals)
  const tokens: string[] = []
  for (let n = 0; n < principals; n++) tokens.push(...(await world.mint(1, n)))
  const encoder = new TextEncoder()
  // Every value is a new buffer, as it is from KV.
  const kv = new Map([...world.kv].map(([key, text]) => [key, encoder.encode(text)]))
  const background = { waitUntil: () => undefined }
  const now = Math.floor(Date.now() / 1000)
  const before = collectedHeapBytes()
  const store = new PolicyStore({ POLICY_PUBLIC_KEYS: '', ...world.bindings }, { get: kvGet(kv) }, () => undefined)
  const view = await store.current(background, now)
  for (const token of tokens) {
    const request = new Request('https://registry.example.com/v2/', { headers: { authorization: `Bearer ${token}` } })
    const who = await identify(request, view, { TOKEN_SIGNING_KEY: '', ...world.bindings }, background, now)
    if (isRefusal(who)) throw new Error(`a token was refused: ${who.code}`)
  }
  const held = collectedHeapBytes() - before
  if (store.status(now).ready !== true) throw new Error('the policy was not held')
  return {
    part: 'start',
    what: `heap for ${principals.toLocaleString('en-US')} callers`,
    unit: 'MiB',
    ours: [held / 1024 ** 2],
    against: 'limit of an isolate',
    theirs: [MEMORY_MIB],
    target: { of: 'value', atMost: MEMORY_MIB },
  }
}

function kvGet(values: ReadonlyMap<string, Uint8Array>): PolicyKv['get'] {
  function get(key: string, options: { type: 'text'; cacheTtl: number }): Promise<string | null>
  function get(key: string, options: { type: 'arrayBuffer'; cacheTtl: number }): Promise<ArrayBuffer | null>
  async function get(key: string, { type }: { type: string }): Promise<string | ArrayBuffer | null> {
    const value = values.get(key)
    if (value === undefined) return null
    return type === 'text' ? new TextDecoder().decode(value) : Uint8Array.from(value).buffer
  }
  return get
}

function collectedHeapBytes(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}
