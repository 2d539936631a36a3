/**
 * The policy in force as one request sees it: one verified bundle. A view never changes; a new bundle is a new view.
 */

import type { Common, IndexedPrincipal } from '../../policy/decide/effective-rights.ts'
import type { EpochSeconds } from '../../policy/model.ts'
import type { PrincipalKey } from '../../policy/principal.ts'
import type { Background } from '../platform/background.ts'
import type { Env } from '../platform/env.ts'

/** One verified bundle. */
export type PolicyView = {
  readonly serial: number
  /** What the bundle was made from, for example a commit. For people only. */
  readonly label?: string
  /** Key that signed the bundle. */
  readonly keyId: string
  readonly created: EpochSeconds
  /** Exclusive. */
  readonly expires: EpochSeconds
  readonly common: Common
  /**
   * The rules of one principal; undefined if the policy does not name it. A promise only if its shard must be read first.
   *
   * @throws Fault `policy_unavailable` (as a rejection) when the shard cannot be read
   */
  principal(key: PrincipalKey): IndexedPrincipal | undefined | Promise<IndexedPrincipal | undefined>
}

/**
 * The policy for one request. A value if it is fresh enough, a promise if the pointer must be read first.
 *
 * @throws Fault `policy_unavailable` (as a rejection) when no policy may be used
 */
export type CurrentPolicy = (env: Env, ctx: Background, now: EpochSeconds) => PolicyView | Promise<PolicyView>
