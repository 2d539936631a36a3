/** How old the policy in force may be, as the variables say. docs/decisions/0006-bundle-freshness.md has the reasons. */
import type { Env } from '../platform/env.ts'
import { Fault } from '../platform/fault.ts'

/** Ages of the pointer, counted from when it was last read and verified. */
export type Bounds = {
  /** An older pointer is read again in the background, after the response. Default 10. */
  readonly refreshSeconds: number
  /** An older pointer is read again before the response, so that an idle gate does not use an old policy. Default 30. */
  readonly maxAgeSeconds: number
  /** With an older pointer every request is answered with 503. Default 21600. */
  readonly maxStalenessSeconds: number
}

type BoundsEnv = Pick<Env, 'POLICY_REFRESH_SECONDS' | 'POLICY_MAX_AGE_SECONDS' | 'MAX_STALENESS_SECONDS'>

/**
 * Reads the bounds. Each of them is a whole number of at most nine digits.
 *
 * @throws Fault `settings_invalid`, which names the variable
 */
export function readBounds(env: BoundsEnv): Bounds {
  const read = (name: keyof BoundsEnv, fallback: number): number => {
    const text = env[name]
    if (text === undefined || text === '') return fallback
    if (/^\d{1,9}$/.test(text)) return Number(text)
    throw new Fault('settings_invalid', `${name} is ${JSON.stringify(text)}; give it a whole number of seconds`)
  }
  return {
    refreshSeconds: read('POLICY_REFRESH_SECONDS', 10),
    maxAgeSeconds: read('POLICY_MAX_AGE_SECONDS', 30),
    maxStalenessSeconds: read('MAX_STALENESS_SECONDS', 21_600),
  }
}
