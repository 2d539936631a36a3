/**
 * The soak: many clients against one gate for a while, with policy pushes, KV failures, failures of the registry and key
 * rotations injected. Counts wrong verdicts, failures that no injected fault explains, and memory.
 *
 *   node test/soak/soak.ts --seconds 180 --clients 50
 *
 * Exit status: 0 when nothing was wrong, else 1.
 */
import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { generateKey, parseSigningKey } from '../../src/bundle/keys.ts'
import { publish } from '../../src/cli/bundles/publish.ts'
import { readPolicies } from '../../src/files/load.ts'
import { compile } from '../../src/policy/compile/compile.ts'
import { type Asked, ask, closeClients, type Got } from './client.ts'
import { startSoakGate, workerdMemoryMiB } from './gate.ts'
import { type Mood, startSoakRegistry } from './registry.ts'

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

/** Allowed, or refused with one of these. */
type Expectation = 'allow' | readonly number[]

const PASSWORD = 'soak-password-of-this-test-only'
const sha256 = createHash('sha256').update(PASSWORD).digest('hex')
const BASIC = `Basic ${Buffer.from(`ci:${PASSWORD}`).toString('base64')}`
const FLIP = `Basic ${Buffer.from(`flip:${PASSWORD}`).toString('base64')}`
const WRONG = `Basic ${Buffer.from('ci:wrong').toString('base64')}`
const DIGEST = `sha256:${'a'.repeat(64)}`
const SERVICE = 'registry.example.com'

/** Two policies that differ in one right, and in the size of what nobody asks for. */
function policyOf(turn: number): string {
  const idle = Array.from(
    { length: 200 + turn },
    (_, n) => `  idle${n}: { scopeMap: nothing, credentials: { password1: { sha256: ${sha256} } } }`,
  )
  return `
registry: { service: ${SERVICE}, anonymous: [repositories/public/*/content/read] }
scopeMaps:
  ci: { actions: [repositories/samples/*/content/read, repositories/samples/*/content/write, repositories/samples/*/metadata/read] }
  flip: { actions: [repositories/${turn % 2 === 0 ? 'flip' : 'flop'}/*/content/read] }
  nothing: { actions: [repositories/nothing/content/read] }
tokens:
  ci: { scopeMap: ci, credentials: { password1: { sha256: ${sha256} } } }
  flip: { scopeMap: flip, credentials: { password1: { sha256: ${sha256} } } }
${idle.join('\n')}
`
}

function compiled(turn: number) {
  const { policies, problems } = readPolicies([{ path: 'soak.yaml', text: policyOf(turn) }])
  if (policies === undefined) throw new Error(JSON.stringify(problems[0]))
  return compile(policies)
}

/** How long after a fault its traces may still be seen, in milliseconds. */
const GRACE_MS = 3500

export async function soak(seconds: number, clients: number): Promise<SoakReport> {
  const registry = await startSoakRegistry()
  const pairs = await Promise.all([generateKey('EdDSA'), generateKey('ES256')])
  // Each signs in turn and knows the other, as in a rotation: what one signed, the other may follow.
  const signers = await Promise.all(
    [pairs, pairs.toReversed()].map((order) =>
      parseSigningKey(JSON.stringify({ keys: order.map((pair) => pair.private) })),
    ),
  )
  const tokenKeys = [(await generateKey('ES256')).private]
  const gate = await startSoakGate({
    UPSTREAM: registry.url,
    UPSTREAM_AUTHORIZATION: 'Basic gate',
    UPSTREAM_TIMEOUT_SECONDS: '2',
    POLICY_REFRESH_SECONDS: '1',
    POLICY_MAX_AGE_SECONDS: '1',
    POLICY_PUBLIC_KEYS: JSON.stringify({ keys: pairs.map((pair) => pair.public) }),
    TOKEN_SIGNING_KEY: JSON.stringify({ keys: tokenKeys }),
  })

  const counts = { requests: 0, allowed: 0, denied: 0, wrongVerdicts: 0, unexplainedFailures: 0, explainedFailures: 0 }
  const injected: Record<string, number> = {}
  const examples: string[] = []
  const faults: { readonly from: number; to: number }[] = []
  let turn = 0
  let isSettled = false
  /** Counts every change of what is expected of the flipping right. */
  let epoch = 0
  let pushedAt = 0
  let isDiagnosed = false
  let last = 'the start'
  let slowestPushSeconds = 0
  let isOver = false

  const isExplained = ({ from, to }: Got): boolean =>
    faults.some((fault) => from <= fault.to + GRACE_MS && to >= fault.from)
  const note = (what: string, asked: Asked, got: Got): void => {
    if (examples.length < 10)
      examples.push(`${what}: ${asked.method} ${asked.path} was answered ${got.status} ${got.body.slice(0, 200)}`)
  }

  /** Send one request and hold the answer to what is expected. */
  async function check(asked: Asked, expected: Expectation, mayBeVisible?: (got: Got) => boolean): Promise<Got> {
    const got = await ask(gate.url, asked)
    counts.requests++
    const reached = registry.saw(got.id)
    if (got.status === 0 || got.status >= 500) {
      // A fault may keep an answer away; it may never let a request through.
      if (reached && typeof expected === 'object') wrong('a refused request reached the registry', asked, got)
      if (isExplained(got)) counts.explainedFailures++
      else {
        counts.unexplainedFailures++
        note('unexplained failure', asked, got)
      }
      return got
    }
    const isAllowed = got.status < 400
    counts[isAllowed ? 'allowed' : 'denied']++
    if (typeof expected === 'object') {
      if (!expected.includes(got.status) || reached) wrong('allowed what is denied', asked, got)
    } else if (!isAllowed) wrong('denied what is allowed', asked, got)
    else if (mayBeVisible?.(got) === false) wrong('showed what is hidden', asked, got)
    return got
  }
  function wrong(what: string, asked: Asked, got: Got): void {
    counts.wrongVerdicts++
    note(what, asked, got)
  }

  async function mint(): Promise<string> {
    const query = ['samples/app:pull,push,metadata_read', 'secret/app:pull'].map((scope) => `scope=repository:${scope}`)
    const got = await check(
      { method: 'GET', path: `/token?service=${SERVICE}&${query.join('&')}`, authorization: BASIC },
      'allow',
    )
    const token: unknown = got.status === 200 ? JSON.parse(got.body).token : undefined
    return typeof token === 'string' ? `Bearer ${token}` : BASIC
  }

  async function flip(): Promise<void> {
    const before = epoch
    const wasSettled = isSettled
    const isAllowed = turn % 2 === 0
    const asked = { method: 'GET', path: '/v2/flip/app/manifests/v1', authorization: FLIP }
    const got = await ask(gate.url, asked)
    counts.requests++
    const reached = registry.saw(got.id)
    if (got.status === 0 || got.status >= 500) {
      if (isExplained(got)) counts.explainedFailures++
      else {
        counts.unexplainedFailures++
        note('unexplained failure', asked, got)
      }
      return
    }
    counts[got.status < 400 ? 'allowed' : 'denied']++
    // What was asked before a push, or on its way, may be decided by either.
    if (!wasSettled || before !== epoch) return
    const isRight = isAllowed ? got.status === 200 : got.status === 403 && !reached
    if (isRight) return
    wrong(`decided by a policy that is gone, ${Math.round(performance.now() - pushedAt)} ms after ${last}`, asked, got)
    if (isDiagnosed) return
    isDiagnosed = true
    const state = await fetch(`${gate.url}/readyz`).then((response) => response.text())
    const stored = (await gate.kv.get('pointer')) ?? ''
    const { serial } = JSON.parse(Buffer.from(stored.split('.')[1] ?? '', 'base64url').toString('utf8'))
    examples.push(`the gate said ${state}, and KV held bundle ${serial}`)
  }

  async function upload(authorization: string): Promise<void> {
    const started = await check({ method: 'POST', path: '/v2/samples/app/blobs/uploads/', authorization }, 'allow')
    if (started.status !== 202) return
    const [path = ''] = started.location.split('?', 1)
    // A token that was asked for one repository is sent for another one.
    const elsewhere = authorization === BASIC ? [404] : [401]
    await check({ method: 'GET', path, authorization: FLIP }, [403])
    await check(
      { method: 'PATCH', path: path.replace('/samples/app/', '/samples/other/'), authorization, body: 'x' },
      elsewhere,
    )
    await check(
      { method: 'PATCH', path: `${path.slice(0, -1)}${path.endsWith('A') ? 'B' : 'A'}`, authorization, body: 'x' },
      [404],
    )
    const chunk = await check({ method: 'PATCH', path, authorization, body: 'bytes' }, 'allow')
    if (chunk.status === 202)
      await check({ method: 'PUT', path: `${chunk.location}&digest=${DIGEST}`, authorization }, 'allow')
  }

  const hidden = ({ body }: Got): boolean => !body.includes('secret') && !body.includes('flip')
  const manifest = (name: string): string => `/v2/${name}/manifests/v1`

  async function client(number: number): Promise<void> {
    let bearer = await mint()
    let mintedAt = performance.now()
    for (let round = number; !isOver; round++) {
      if (performance.now() - mintedAt > 8000) {
        bearer = await mint()
        mintedAt = performance.now()
      }
      const authorization = round % 2 === 0 ? BASIC : bearer
      switch (round % 13) {
        case 0:
          await check({ method: 'GET', path: manifest('samples/app'), authorization }, 'allow')
          break
        case 1:
          await check({ method: 'GET', path: manifest('secret/app'), authorization }, [403])
          break
        case 2:
          await check({ method: 'GET', path: manifest('public/base') }, 'allow')
          break
        case 3:
          await check({ method: 'GET', path: manifest('secret/app') }, [401])
          break
        case 4:
          await check({ method: 'PUT', path: manifest('samples/app'), authorization, body: '{}' }, 'allow')
          break
        case 5:
          await check({ method: 'PUT', path: manifest('public/base'), authorization, body: '{}' }, [403])
          break
        case 6:
          await check({ method: 'DELETE', path: manifest('samples/app'), authorization }, [403])
          break
        case 7:
          await check({ method: 'GET', path: manifest('public/base'), authorization: WRONG }, [401])
          break
        case 8:
          await check({ method: 'GET', path: '/v2/_catalog', authorization: BASIC }, 'allow', hidden)
          break
        case 9:
          await check({ method: 'GET', path: '/v2/samples/../secret/app/manifests/v1', authorization }, [400, 404])
          break
        case 10:
          await flip()
          break
        case 11:
          await upload(authorization)
          break
        default:
          await check({ method: 'GET', path: `${manifest('secret/app')}?token=x`, authorization: 'Bearer x' }, [401])
      }
    }
  }

  async function push(): Promise<void> {
    isSettled = false
    epoch++
    const next = turn + 1
    const signer = signers[next % signers.length]
    if (signer === undefined) return
    const started = performance.now()
    const { serial } = await publish({
      policy: compiled(next),
      kv: gate.kv,
      key: signer,
      now: Math.floor(Date.now() / 1000),
      force: true,
    })
    injected.pushes = (injected.pushes ?? 0) + 1
    for (;;) {
      const answer = await fetch(`${gate.url}/readyz`)
        .then((response) => response.json())
        .catch(() => undefined)
      if (serialIn(answer) === serial) break
      if (performance.now() - started > 15_000)
        throw new Error(`bundle ${serial} is not in force: ${JSON.stringify(answer)}`)
      await delay(50)
    }
    slowestPushSeconds = Math.max(slowestPushSeconds, (performance.now() - started) / 1000)
    turn = next
    epoch++
    isSettled = true
    pushedAt = performance.now()
    last = `bundle ${serial} (turn ${turn}) was in force`
  }

  /** Make something fail for a while. */
  async function fault(name: string, ms: number, begin: () => Promise<void>, end: () => Promise<void>): Promise<void> {
    injected[name] = (injected[name] ?? 0) + 1
    const window = { from: performance.now(), to: Number.POSITIVE_INFINITY }
    faults.push(window)
    await begin()
    await delay(ms)
    await end()
    window.to = performance.now()
  }
  const registryFault = (mood: Mood, ms: number) =>
    fault(
      `registry ${mood}`,
      ms,
      () => registry.become(mood),
      () => registry.become('well'),
    )

  async function corruptPointer(): Promise<void> {
    const good = (await gate.kv.get('pointer')) ?? ''
    await fault(
      'pointer corrupted',
      1500,
      () => gate.kv.put('pointer', `${good.slice(0, -8)}AAAAAAAA`),
      () => gate.kv.put('pointer', good),
    )
  }

  async function rotateTokenKeys(): Promise<void> {
    tokenKeys.unshift((await generateKey('ES256')).private)
    tokenKeys.splice(4)
    await gate.change({ keys: JSON.stringify({ keys: tokenKeys }) })
    injected['token key rotations'] = (injected['token key rotations'] ?? 0) + 1
  }

  const STEPS: readonly (() => Promise<void>)[] = [
    push,
    () =>
      fault(
        'KV throws',
        1500,
        () => gate.change({ kv: 'throws' }),
        () => gate.change({ kv: 'well' }),
      ),
    rotateTokenKeys,
    push,
    () => registryFault('away', 800),
    corruptPointer,
    push,
    () => registryFault('broken', 800),
    () =>
      fault(
        'KV hangs',
        1500,
        () => gate.change({ kv: 'hangs' }),
        () => gate.change({ kv: 'well' }),
      ),
    rotateTokenKeys,
    () => registryFault('resets', 800),
  ]

  await push()
  const started = performance.now()
  const until = started + seconds * 1000
  const memory: number[] = []
  const meter = setInterval(() => memory.push(workerdMemoryMiB() ?? 0), 15_000)
  const working = Array.from({ length: clients }, (_, number) => client(number))
  try {
    for (let step = 0; performance.now() < until; step++) {
      await STEPS[step % STEPS.length]?.()
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
    ...counts,
    internalErrors: gate.log().length,
    injected,
    slowestPushSeconds: Math.round(slowestPushSeconds * 10) / 10,
    memoryMiB: memory,
    examples: [...examples, ...gate.log().slice(0, 5)],
  }
  await gate.close()
  await registry.stop()
  return report
}

function serialIn(answer: unknown): number | undefined {
  if (typeof answer !== 'object' || answer === null) return undefined
  if ('policy' in answer) return serialIn(answer.policy)
  return 'serial' in answer && typeof answer.serial === 'number' ? answer.serial : undefined
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
