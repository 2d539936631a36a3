/**
 * What each room of the gate costs in CPU time of workerd, apart; and the minting of tokens, next to the bare signature.
 */
import type { Comparison } from './comparison.ts'
import type { BenchOptions } from './options.ts'
import { bundle, type Running, startWorker, workerSource } from './workerd.ts'
import { createWorld } from './world.ts'

/** All of policy work, in microseconds of a warm request. */
const BUDGET = 50
/** Of each part in one request to the measured Worker: some tens of milliseconds. */
const TIMES: Readonly<Record<string, number>> = {
  parse: 20_000,
  identify: 5000,
  decide: 10_000,
  audit: 2000,
  gate: 1000,
  all: 1000,
  mint: 300,
  sign: 300,
  verify: 300,
}

type Measure = (part: string) => Promise<number>

export const measureParts = (options: BenchOptions): Promise<readonly Comparison[]> =>
  onWorker(options, async (measure, rounds) => {
    const parts = ['parse', 'identify', 'decide', 'audit', 'gate', 'all']
    const costs = await alternate(parts, measure, rounds)
    const [parse = [], identify = [], decide = [], audit = [], gate = [], all = []] = costs
    const policy = parse.map((cost, at) => cost + (identify[at] ?? 0) + (decide[at] ?? 0) + (audit[at] ?? 0))
    const row = (what: string, ours: readonly number[]): Comparison => ({
      part: 'parts',
      what,
      unit: 'µs CPU',
      ours,
      against: 'limit',
      theirs: [BUDGET],
    })
    return [
      row('parse', parse),
      row('identify, token seen before', identify),
      row('decide, with the bound of the token', decide),
      row('audit, writing the line', audit),
      { ...row('parse, identify, decide, audit', policy), target: { of: 'value', atMost: BUDGET } },
      row('the whole gate, without line and registry', gate),
      row('the whole gate, without registry', all),
    ]
  })

export const measureMinting = (options: BenchOptions): Promise<readonly Comparison[]> =>
  onWorker(options, async (measure, rounds) => {
    const [mint = [], verify = [], sign = []] = await alternate(['mint', 'verify', 'sign'], measure, rounds)
    const against = { part: 'minting', unit: 'µs CPU', against: 'bare ES256 signature', theirs: sign }
    return [
      { ...against, what: 'mint a token', ours: mint },
      { ...against, what: 'verify a token, the first time', ours: verify },
    ]
  })

async function onWorker<T>({ quick }: BenchOptions, run: (measure: Measure, rounds: number) => Promise<T>): Promise<T> {
  const world = await createWorld(1000)
  const [token = ''] = await world.mint(1)
  const script = await bundle(workerSource('parts.ts'))
  const worker = await startWorker({ script, bindings: world.bindings, kv: world.kv })
  const headers = { authorization: `Bearer ${token}`, 'x-path': `/v2/${world.repository}/manifests/latest` }
  try {
    return await run((part) => cost(worker, part, headers), quick ? 3 : 9)
  } finally {
    await worker.close()
  }
}

async function alternate(parts: readonly string[], measure: Measure, rounds: number): Promise<readonly number[][]> {
  for (const part of parts) await measure(part)
  const costs: number[][] = parts.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (const [at, part] of parts.entries()) costs[at]?.push(await measure(part))
  }
  return costs
}

/** CPU time of one part, in microseconds, without that of asking for it. */
async function cost(worker: Running, part: string, headers: Readonly<Record<string, string>>): Promise<number> {
  const times = TIMES[part] ?? 0
  const spend = async (path: string) => {
    const before = await worker.cpu()
    const answer = await worker.get(path, headers)
    if (!answer.ok) throw new Error(`the part ${part} failed with ${answer.status}: ${await answer.text()}`)
    await answer.text()
    return (await worker.cpu()) - before
  }
  const idle = await spend('/nothing?n=0')
  return ((await spend(`/${part}?n=${times}`)) - idle) / times
}
