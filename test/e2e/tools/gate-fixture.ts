/** A gate before a registry, started before the tests of a suite and ended after them. */

import { afterAll, beforeAll } from 'vitest'
import { type Gate, type GateOptions, startGate } from './gate.ts'

interface Upstream {
  readonly url: string
  stop(): Promise<void>
}

/** @param take is given both once they serve; the suite keeps them */
export function gateBefore<U extends Upstream>(
  start: () => Promise<U>,
  options: Omit<GateOptions, 'upstream'>,
  take: (gate: Gate, upstream: U) => void | Promise<void>,
): void {
  let upstream: U | undefined
  let gate: Gate | undefined
  beforeAll(async () => {
    upstream = await start()
    gate = await startGate({ ...options, upstream: upstream.url })
    await take(gate, upstream)
  })
  afterAll(async () => {
    await gate?.stop()
    await upstream?.stop()
  })
}
