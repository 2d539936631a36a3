/**
 * Whether the gate is alive, and whether it holds a policy that is fresh enough to decide by. Tells which bundle is in
 * force, never what it says.
 */
import type { EpochSeconds } from '../policy/model.ts'
import type { Env } from './platform/env.ts'
import { createRoutes, type Routes } from './platform/routes.ts'
import type { CurrentPolicy } from './store/policy-view.ts'

/** What the health routes depend on. */
export type HealthPorts = {
  readonly policy: CurrentPolicy
  readonly status: (env: Env, now: EpochSeconds) => { readonly ready: boolean }
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number
}

/** Makes the routes `/livez` and `/readyz`. */
export function createHealth({ policy, status, nowMs }: HealthPorts): Routes {
  const health = createRoutes()
  health.get('/livez', (c) => c.json({ status: 'ok' }))
  health.get('/readyz', async (c) => {
    const now = Math.floor(nowMs() / 1000)
    // A pointer that is old is read again first; the status says why it cannot be read.
    await Promise.resolve(policy(c.env, c.executionCtx, now)).catch(() => undefined)
    const state = status(c.env, now)
    return c.json(state, state.ready ? 200 : 503)
  })
  return health
}
