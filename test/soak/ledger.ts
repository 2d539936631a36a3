/** What the soak counts: verdicts, failures with and without an injected fault that explains them, and examples. */
import { setTimeout as delay } from 'node:timers/promises'
import { type Asked, ask, type Got } from './client.ts'

/** Allowed, or refused with one of these. */
export type Expectation = 'allow' | readonly number[]

/** How long after a fault its traces may still be seen, in milliseconds. */
export const GRACE_MS = 3500

const EXAMPLES_MAX = 10

/** Sends requests to the gate and compares the answers with what is expected. */
export class Ledger {
  readonly counts = {
    requests: 0,
    allowed: 0,
    denied: 0,
    wrongVerdicts: 0,
    unexplainedFailures: 0,
    explainedFailures: 0,
  }
  readonly injected: Record<string, number> = {}
  readonly examples: string[] = []
  readonly #faults: { readonly from: number; to: number }[] = []
  readonly #gateUrl: string
  readonly #saw: (id: string) => boolean

  /** @param saw whether the registry saw a request */
  constructor(gateUrl: string, saw: (id: string) => boolean) {
    this.#gateUrl = gateUrl
    this.#saw = saw
  }

  /** Send one request and compare the answer with what is expected. */
  async check(asked: Asked, expected: Expectation, mayBeVisible?: (got: Got) => boolean): Promise<Got> {
    const { got, reached, failed } = await this.ask(asked)
    const isRefusal = typeof expected === 'object'
    if (failed) {
      // A fault may keep an answer away; it may never let a request through.
      if (reached && isRefusal) this.wrong('a refused request reached the registry', asked, got)
    } else if (isRefusal) {
      if (!expected.includes(got.status) || reached) this.wrong('allowed what is denied', asked, got)
    } else if (got.status >= 400) this.wrong('denied what is allowed', asked, got)
    else if (mayBeVisible?.(got) === false) this.wrong('showed what is hidden', asked, got)
    return got
  }

  /** Send one request and count its answer. */
  async ask(asked: Asked): Promise<{ readonly got: Got; readonly reached: boolean; readonly failed: boolean }> {
    const got = await ask(this.#gateUrl, asked)
    const reached = this.#saw(got.id)
    const failed = got.status === 0 || got.status >= 500
    this.counts.requests++
    if (!failed) this.counts[got.status < 400 ? 'allowed' : 'denied']++
    else if (this.#isExplained(got)) this.counts.explainedFailures++
    else {
      this.counts.unexplainedFailures++
      this.#note('unexplained failure', asked, got)
    }
    return { got, reached, failed }
  }

  wrong(what: string, asked: Asked, got: Got): void {
    this.counts.wrongVerdicts++
    this.#note(what, asked, got)
  }

  /** Make something fail for a while, in milliseconds. */
  async fault(name: string, ms: number, begin: () => Promise<void>, end: () => Promise<void>): Promise<void> {
    this.countInjected(name)
    const window = { from: performance.now(), to: Number.POSITIVE_INFINITY }
    this.#faults.push(window)
    await begin()
    await delay(ms)
    await end()
    window.to = performance.now()
  }

  countInjected(name: string): void {
    this.injected[name] = (this.injected[name] ?? 0) + 1
  }

  #isExplained({ from, to }: Got): boolean {
    return this.#faults.some((fault) => from <= fault.to + GRACE_MS && to >= fault.from)
  }

  #note(what: string, { method, path }: Asked, { status, body }: Got): void {
    if (this.examples.length >= EXAMPLES_MAX) return
    this.examples.push(`${what}: ${method} ${path} was answered ${status} ${body.slice(0, 200)}`)
  }
}
