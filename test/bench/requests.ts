/**
 * Whole requests: the gate next to a Worker that only passes requests on, on the same runtime and before the same registry,
 * which costs nothing. Runs alternate; the clock is the client's. Requests are as Cloudflare's edge hands them to a Worker,
 * and once without what it adds.
 */
import { type Load, startLoad } from './client.ts'
import { type Comparison, median } from './comparison.ts'
import { EDGE_HEADERS } from './edge.ts'
import type { Order } from './load.ts'
import type { BenchOptions } from './options.ts'
import { bundle, GATE_SOURCE, type Running, startWorker, workerSource } from './workerd.ts'
import { createWorld, type World } from './world.ts'

const CONNECTIONS = [1, 8, 64]
/** More tokens than the gate remembers: asked for in turn, none is ever remembered. */
const COLD_TOKENS = 10_500
const DIGEST = `sha256:${'a'.repeat(64)}`

const TARGET = { of: 'ratio', atLeast: 0.9 } as const

type Subject = { readonly name: string; readonly worker: Running; readonly tokens: readonly string[] }

type Run = {
  readonly perSecond: number
  readonly cpuMicroseconds: number
  readonly p50: number
  readonly p99: number
}

export async function measureRequests(options: BenchOptions): Promise<readonly Comparison[]> {
  const world = await createWorld(1000)
  const registry = await bundle(workerSource('upstream.js'))
  const upstream = await startWorker({ script: registry })
  const load = startLoad()
  const closing: Running[] = [upstream]
  try {
    const address = { UPSTREAM: `http://127.0.0.1:${upstream.port}` }
    const workers = await startAll(world, address)
    closing.push(...workers.map(({ worker }) => worker))
    const bound = await startAll(world, { UPSTREAM: 'https://registry.internal' }, registry)
    closing.push(...bound.map(({ worker }) => worker))
    return [
      ...(await overNetwork(workers, world, load, options)),
      ...(await withoutEdge(workers, world, load, options)),
      ...(await overBinding(bound, world, load, options)),
      ...(await coldMemo(workers, world, load, options)),
    ]
  } finally {
    load.close()
    await Promise.all(closing.map((worker) => worker.close()))
  }
}

async function startAll(
  world: World,
  bindings: Readonly<Record<string, string>>,
  registry?: string,
): Promise<readonly Subject[]> {
  const tokens = await world.mint(1)
  const service = registry === undefined ? {} : { registry }
  const start = async (name: string, source: URL, rest: Partial<Parameters<typeof startWorker>[0]> = {}) => ({
    name,
    tokens,
    worker: await startWorker({ script: await bundle(source), bindings, ...service, ...rest }),
  })
  return [
    await start('gate', GATE_SOURCE, { kv: world.kv, bindings: { ...bindings, ...world.bindings } }),
    await start('plain pass-through', workerSource('plain.js')),
    await start('Hono pass-through', workerSource('hono.js')),
    await start('pass-through that logs', workerSource('logging.js')),
  ]
}

type Question = Pick<Order, 'method' | 'path' | 'headers'> & { readonly name: string }

const questions = ({ repository }: World): readonly Question[] => [
  { name: 'manifest GET', method: 'GET', path: `/v2/${repository}/manifests/latest`, headers: EDGE_HEADERS },
  { name: 'blob HEAD', method: 'HEAD', path: `/v2/${repository}/blobs/${DIGEST}`, headers: EDGE_HEADERS },
]

async function overNetwork(subjects: readonly Subject[], world: World, load: Load, options: BenchOptions) {
  const all: Comparison[] = []
  for (const question of questions(world)) {
    for (const connections of CONNECTIONS) {
      const runs = await alternate(subjects, { ...question, connections }, load, options)
      const what = `${question.name}, ${connections} connection${connections === 1 ? '' : 's'}`
      all.push(throughput(what, runs, 1, TARGET), throughput(what, runs, 2, TARGET))
      all.push(...latencies(what, runs))
      if (connections === 8) all.push(throughput(what, runs, 3), cpu(what, runs, 1), cpu(what, runs, 3))
    }
  }
  return all
}

/** The same with three headers and no `cf`: what a pass-through then need not copy makes it cheaper, and the gate hardly. */
async function withoutEdge(subjects: readonly Subject[], world: World, load: Load, options: BenchOptions) {
  const all: Comparison[] = []
  for (const question of questions(world)) {
    const runs = await alternate(subjects, { ...question, headers: {}, connections: 8 }, load, options)
    const what = `${question.name}, 8 connections, without what the edge adds`
    all.push(throughput(what, runs, 1), throughput(what, runs, 3), cpu(what, runs, 1), cpu(what, runs, 3))
  }
  return all
}

/** Nothing between the Worker and the registry but the runtime: the least that can be added to. */
async function overBinding(subjects: readonly Subject[], world: World, load: Load, options: BenchOptions) {
  const [question] = questions(world)
  if (question === undefined) return []
  const runs = await alternate(subjects, { ...question, connections: 8 }, load, options)
  const what = `${question.name}, 8 connections, registry by service binding`
  return [throughput(what, runs, 1), throughput(what, runs, 2), cpu(what, runs, 1), cpu(what, runs, 3)]
}

async function coldMemo(subjects: readonly Subject[], world: World, load: Load, options: BenchOptions) {
  const tokens = await world.mint(COLD_TOKENS)
  const fresh = subjects.slice(0, 2).map((subject) => ({ ...subject, tokens }))
  const all: Comparison[] = []
  for (const question of questions(world)) {
    const runs = await alternate(fresh, { ...question, connections: 8 }, load, options)
    const what = `${question.name}, 8 connections, a token never seen before`
    all.push(throughput(what, runs, 1), cpu(what, runs, 1))
  }
  return all
}

/** Runs of each subject, in turn; who goes first changes from round to round. */
async function alternate(
  subjects: readonly Subject[],
  order: Question & Pick<Order, 'connections'>,
  load: Load,
  { quick }: BenchOptions,
): Promise<readonly (readonly Run[])[]> {
  const rounds = quick ? 4 : 16
  const milliseconds = quick ? 200 : 250
  const { connections, method, path, headers = {} } = order
  const orderFor = ({ worker, tokens }: Subject) => ({ connections, method, path, headers, port: worker.port, tokens })
  for (const subject of subjects) await load.run({ ...orderFor(subject), milliseconds: quick ? 300 : 800 })
  const runs: Run[][] = subjects.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < subjects.length; turn++) {
      const at = (round + turn) % subjects.length
      const subject = subjects[at]
      if (subject === undefined) continue
      const before = await subject.worker.cpu()
      const { requests, seconds, p50, p99 } = await load.run({ ...orderFor(subject), milliseconds })
      const spent = (await subject.worker.cpu()) - before
      runs[at]?.push({ perSecond: requests / seconds, cpuMicroseconds: spent / requests, p50, p99 })
    }
  }
  return runs
}

const SUBJECTS = ['', 'plain', 'Hono', 'plain with a log line']

type Runs = readonly (readonly Run[])[]

const pick = (runs: Runs, subject: number, key: keyof Run): readonly number[] =>
  runs[subject]?.map((run) => run[key]) ?? []

const throughput = (what: string, runs: Runs, other: number, target?: Comparison['target']): Comparison => ({
  part: 'requests',
  what,
  unit: 'req/s',
  ours: pick(runs, 0, 'perSecond'),
  against: SUBJECTS[other] ?? '',
  theirs: pick(runs, other, 'perSecond'),
  ...(target === undefined ? {} : { target }),
})

const cpu = (what: string, runs: Runs, other: number): Comparison => ({
  part: 'requests',
  what: `${what}: CPU of workerd`,
  unit: 'µs',
  ours: pick(runs, 0, 'cpuMicroseconds'),
  against: SUBJECTS[other] ?? '',
  theirs: pick(runs, other, 'cpuMicroseconds'),
  notes: { added: median(pick(runs, 0, 'cpuMicroseconds')) - median(pick(runs, other, 'cpuMicroseconds')) },
})

const latencies = (what: string, runs: Runs): readonly Comparison[] =>
  (['p50', 'p99'] as const).map((key) => ({
    part: 'requests',
    what: `${what}: ${key}`,
    unit: 'ms',
    ours: pick(runs, 0, key),
    against: 'plain',
    theirs: pick(runs, 1, key),
  }))
