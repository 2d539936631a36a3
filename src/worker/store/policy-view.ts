/**
 * The policy in force, as the corridor sees it: one verified bundle. A view never changes; a new bundle is a new view.
 */

import type { Common, IndexedPrincipal } from '../../policy/decide/effective-rights.ts'
import type { EpochSeconds } from '../../policy/model.ts'
import type { PrincipalKey } from '../../policy/principal.ts'
import type { Background } from '../platform/background.ts'
import type { Env } from '../platform/env.ts'

export type PolicyView = {
  readonly serial: number
  /** What the bundle was made from, for people. */
  readonly label?: string
  /** Key that signed the bundle. */
  readonly keyId: string
  /** Seconds since the epoch: made, and valid until. */
  readonly created: number
  readonly expires: number
  readonly common: Common
  /**
   * What the policy says of one principal; nothing when it names none. A promise only when its shard has to be read first.
   * Rejects with the fault `policy_unavailable` when that fails.
   */
  principal(key: PrincipalKey): IndexedPrincipal | undefined | Promise<IndexedPrincipal | undefined>
}

/** The policy for one request: at once when it is fresh; rejects with the fault `policy_unavailable` when there is none. */
export type CurrentPolicy = (env: Env, ctx: Background, now: EpochSeconds) => PolicyView | Promise<PolicyView>
