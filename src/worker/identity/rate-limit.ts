/**
 * Failed logins, counted for each pair of client address and user name with Cloudflare's rate limiting binding. After too
 * many failures every login of that pair is refused for a minute, even with the right password, so that guessing is slow.
 * Other pairs are not affected. Without the binding nothing is counted.
 */
import type { EpochSeconds } from '../../policy/model.ts'
import type { Env } from '../platform/env.ts'
import { Memo } from '../platform/memo.ts'
import { sha256Hex } from '../platform/sha256.ts'
import { RETRY_AFTER_SECONDS } from './identified-caller.ts'

const BLOCKED_MAX = 10_000

const blocked = new Memo<true>(BLOCKED_MAX)

/** The key of one pair of client address and user name: a digest, which shows neither of them. */
export const loginKey = (clientIp: string | undefined, user: string): Promise<string> =>
  sha256Hex(`login\n${clientIp ?? ''}\n${user}`)

/** Whether logins of this key are refused now. */
export const isBlocked = (key: string, now: EpochSeconds): boolean => blocked.get(key, now) === true

/** Counts a failed login. Returns whether there were too many; false if the binding is absent or fails. */
export async function countFailure(
  { LOGIN_LIMIT }: Pick<Env, 'LOGIN_LIMIT'>,
  key: string,
  now: EpochSeconds,
): Promise<boolean> {
  if (LOGIN_LIMIT === undefined) return false
  const { success } = await LOGIN_LIMIT.limit({ key }).catch(() => ({ success: true }))
  if (!success) blocked.set(key, true, now + RETRY_AFTER_SECONDS)
  return !success
}
