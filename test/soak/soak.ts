/**
 * The soak: many clients against one gate for a while, with policy pushes, KV failures, failures of the registry and key
 * rotations injected. Counts wrong verdicts, failures that no injected fault explains, and memory.
 *
 *   node test/soak/soak.ts --seconds 180 --clients 50
 *
 * Exit status: 0 when nothing was wrong, else 1.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { generateKey, parseSigningKey } from '../../src/bundle/keys.ts'
import { closeClients } from './client.ts'
import { type SoakGate, startSoakGate, workerdMemoryMiB } from './gate.ts'
import { GRACE_MS, Ledger } from './ledger.ts'
import { PolicyTurns } from './policy-turns.ts'
import { type Mood, type SoakRegistry, startSoakRegistry } from './registry.ts'
import { runClient } from './workload.ts'

export type SoakReport = {
  readonly seconds: number
  readonly clients: number
  readonly requests: number
  readonly allowed: number
  readonly denied: number
  readonly wrongVerdicts: number
  /** 5xx and broken connections while nothing was injected. */
  readonly unexplainedFailures: number
  readonly explainedFailures: number
  readonly internalErrors: number
  readonly injected: Readonly<Record<string, number>>
  /** Seconds from a push until the gate decided by it; the longest. */
  readonly slowestPushSeconds: number
  /** Of workerd: every fifteen seconds. */
  readonly memoryMiB: readonly number[]
  /** The first of what was wrong. */
  readonly examples: readonly string[]
}

/** The private keys that sign tokens: the newest first, four at most. */
type TokenKeys = Awaited<ReturnType<typeof generateKey>>['private'][]

/** Runs the soak. */
export async function soak(seconds: number, clients: number): Promise<SoakReport> {
  const registry = await startSoakRegistry()
  const pairs = await Promise.all([generateKey('EdDSA'), generateKey('ES256')])
  // Each key signs in turn and knows the other one, as in a rotation: a bundle of the one may follow one of the other.
  const signers = await Promise.all(
    [pairs, pairs.toReversed()].map((order) =>
      parseSigningKey(JSON.stringify({ keys: order.map((pair) => pair.private) })),
    ),
  )
  const tokenKeys: TokenKeys = [(await generateKey('ES256')).private]
  const gate = await startSoakGate({
    UPSTREAM: registry.url,
    UPSTREAM_AUTHORIZATION: 'Basic gate',
    UPSTREAM_TIMEOUT_SECONDS: '2',
    POLICY_REFRESH_SECONDS: '1',
    POLICY_MAX_AGE_SECONDS: '1',
    POLICY_PUBLIC_KEYS: JSON.stringify({ keys: pairs.map((pair) => pair.public) }),
    TOKEN_SIGNING_KEY: JSON.stringify({ keys: tokenKeys }),
  })
  const ledger = new Ledger(gate.url, (id) => registry.saw(id))
  const turns = new PolicyTurns(gate, signers, ledger)
  const steps = disturbances({ gate, registry, ledger, turns, tokenKeys })

  await turns.push()
  let isOver = false
  const started = performance.now()
  const until = started + seconds * 1000
  const memory: number[] = []
  const meter = setInterval(() => memory.push(workerdMemoryMiB() ?? 0), 15_000)
  const working = Array.from({ length: clients }, (_, number) => runClient(number, ledger, turns, () => isOver))
  try {
    for (let step = 0; performance.now() < until; step++) {
      await steps[step % steps.length]?.()
      // Longer than the grace: there are stretches in which nothing explains a failure.
      await delay(Math.min(GRACE_MS + 1500, Math.max(0, until - performance.now())))
    }
  } finally {
    isOver = true
    await Promise.all(working)
    clearInterval(meter)
    closeClients()
  }
  const report: SoakReport = {
    seconds: Math.round((performance.now() - started) / 1000),
    clients,
    ...ledger.counts,
    internalErrors: gate.log().length,
    injected: ledger.injected,
    slowestPushSeconds: Math.round(turns.slowestPushSeconds * 10) / 10,
    memoryMiB: memory,
    examples: [...ledger.examples, ...gate.log().slice(0, 5)],
  }
  await gate.close()
  await registry.stop()
  return report
}

type Disturbed = {
  readonly gate: SoakGate
  readonly registry: SoakRegistry
  readonly ledger: Ledger
  readonly turns: PolicyTurns
  readonly tokenKeys: TokenKeys
}

/** The steps that the soak repeats: pushes, failures of KV and of the registry, and rotations of the token keys. */
function disturbances({ gate, registry, ledger, turns, tokenKeys }: Disturbed): readonly (() => Promise<void>)[] {
  const push = (): Promise<void> => turns.push()
  const kvFault = (name: string, kv: 'throws' | 'hangs') => (): Promise<void> =>
    ledger.fault(
      name,
      1500,
      () => gate.change({ kv }),
      () => gate.change({ kv: 'well' }),
    )
  const registryFault = (mood: Mood) => (): Promise<void> =>
    ledger.fault(
      `registry ${mood}`,
      800,
      () => registry.become(mood),
      () => registry.become('well'),
    )
  const corruptPointer = async (): Promise<void> => {
    const good = (await gate.kv.get('pointer')) ?? ''
    await ledger.fault(
      'pointer corrupted',
      1500,
      () => gate.kv.put('pointer', `${good.slice(0, -8)}AAAAAAAA`),
      () => gate.kv.put('pointer', good),
    )
  }
  const rotateTokenKeys = async (): Promise<void> => {
    tokenKeys.unshift((await generateKey('ES256')).private)
    tokenKeys.splice(4)
    await gate.change({ keys: JSON.stringify({ keys: tokenKeys }) })
    ledger.countInjected('token key rotations')
  }
  return [
    push,
    kvFault('KV throws', 'throws'),
    rotateTokenKeys,
    push,
    registryFault('away'),
    corruptPointer,
    push,
    registryFault('broken'),
    kvFault('KV hangs', 'hangs'),
    rotateTokenKeys,
    registryFault('resets'),
  ]
}

/** Whether nothing was wrong. */
export const isClean = ({ wrongVerdicts, unexplainedFailures, internalErrors }: SoakReport): boolean =>
  wrongVerdicts === 0 && unexplainedFailures === 0 && internalErrors === 0

if (import.meta.main) {
  const { values } = parseArgs({
    options: { seconds: { type: 'string', default: '180' }, clients: { type: 'string', default: '50' } },
  })
  const report = await soak(Number(values.seconds), Number(values.clients))
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
  process.exitCode = isClean(report) ? 0 : 1
}
