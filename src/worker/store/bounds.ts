/** The bounds on how old the policy in force may be, as the environment sets them. */
import type { Env } from '../platform/env.ts'
import { Fault } from '../platform/fault.ts'

export type Bounds = {
  /** The pointer is read again, behind the answer, when it was last read longer ago. */
  readonly refreshSeconds: number
  /** The pointer is read before the answer when it was last read longer ago: a gate that slept does not answer from its dream. */
  readonly maxAgeSeconds: number
  /** Nothing is answered when the pointer was last read and verified longer ago. */
  readonly maxStalenessSeconds: number
}

type BoundsEnv = Pick<Env, 'POLICY_REFRESH_SECONDS' | 'POLICY_MAX_AGE_SECONDS' | 'MAX_STALENESS_SECONDS'>

/** @throws Fault `settings_invalid` */
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
