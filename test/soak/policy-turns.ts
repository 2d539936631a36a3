/** Pushes policies that differ in one right, and checks that the gate decides by the one in force. */
import { setTimeout as delay } from 'node:timers/promises'
import type { SigningKey } from '../../src/bundle/keys.ts'
import { publish } from '../../src/cli/bundles/publish.ts'
import type { SoakGate } from './gate.ts'
import type { Ledger } from './ledger.ts'
import { compiledPolicy, FLIPPING } from './world.ts'

/** The policy that is in force, and the one that is on its way. */
export class PolicyTurns {
  /** Seconds from a push until the gate decided by it; the longest. */
  slowestPushSeconds = 0
  readonly #gate: SoakGate
  readonly #signers: readonly SigningKey[]
  readonly #ledger: Ledger
  #turn = 0
  #isSettled = false
  /** Counts every change of what is expected of the flipping right. */
  #epoch = 0
  #inForce = { atMs: 0, what: 'the start' }
  #isDiagnosed = false

  constructor(gate: SoakGate, signers: readonly SigningKey[], ledger: Ledger) {
    this.#gate = gate
    this.#signers = signers
    this.#ledger = ledger
  }

  /** Push the next policy and wait until the gate decides by it. */
  async push(): Promise<void> {
    this.#isSettled = false
    this.#epoch++
    const next = this.#turn + 1
    const key = this.#signers[next % this.#signers.length]
    if (key === undefined) throw new Error('the soak has no key that signs bundles')
    const startedMs = performance.now()
    const now = Math.floor(Date.now() / 1000)
    const { serial } = await publish({ policy: compiledPolicy(next), kv: this.#gate.kv, key, now, force: true })
    this.#ledger.countInjected('pushes')
    await this.#untilInForce(serial, startedMs)
    this.slowestPushSeconds = Math.max(this.slowestPushSeconds, (performance.now() - startedMs) / 1000)
    this.#turn = next
    this.#epoch++
    this.#isSettled = true
    this.#inForce = { atMs: performance.now(), what: `bundle ${serial} (turn ${next}) was in force` }
  }

  /** Ask for the flipping right. */
  async flip(): Promise<void> {
    const epoch = this.#epoch
    const wasSettled = this.#isSettled
    const isAllowed = this.#turn % 2 === 0
    const { got, reached, failed } = await this.#ledger.ask(FLIPPING)
    // Before a push, and while it is on its way, either policy may decide.
    if (failed || !wasSettled || epoch !== this.#epoch) return
    const isRight = isAllowed ? got.status === 200 : got.status === 403 && !reached
    if (isRight) return
    const { atMs, what } = this.#inForce
    const ageMs = Math.round(performance.now() - atMs)
    this.#ledger.wrong(`decided by an older policy, ${ageMs} ms after ${what}`, FLIPPING, got)
    await this.#diagnose()
  }

  async #untilInForce(serial: number, startedMs: number): Promise<void> {
    for (;;) {
      const answer: unknown = await fetch(`${this.#gate.url}/readyz`)
        .then((response) => response.json())
        .catch(() => undefined)
      if (serialIn(answer) === serial) return
      if (performance.now() - startedMs > 15_000) {
        throw new Error(`bundle ${serial} is not in force: ${JSON.stringify(answer)}`)
      }
      await delay(50)
    }
  }

  async #diagnose(): Promise<void> {
    if (this.#isDiagnosed) return
    this.#isDiagnosed = true
    const state = await fetch(`${this.#gate.url}/readyz`).then((response) => response.text())
    const stored = (await this.#gate.kv.get('pointer')) ?? ''
    const { serial } = JSON.parse(Buffer.from(stored.split('.')[1] ?? '', 'base64url').toString('utf8'))
    this.#ledger.examples.push(`the gate said ${state}, and KV held bundle ${serial}`)
  }
}

function serialIn(answer: unknown): number | undefined {
  if (typeof answer !== 'object' || answer === null) return undefined
  if ('policy' in answer) return serialIn(answer.policy)
  return 'serial' in answer && typeof answer.serial === 'number' ? answer.serial : undefined
}
