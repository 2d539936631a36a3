/**
 * Failed logins, counted per client address and user name with Cloudflare's rate limiting binding. Whoever fails too often
 * is turned away for a minute, right password or not, so that guessing is slow; nobody else notices. Without the binding
 * nothing is counted.
 */
import type { EpochSeconds } from '../../policy/model.ts'
import type { Env } from '../platform/env.ts'
import { Memo } from '../platform/memo.ts'
import { sha256Hex } from '../platform/sha256.ts'
import { RETRY_AFTER_SECONDS } from './identified-caller.ts'

const BLOCKED_MAX = 10_000

const blocked = new Memo<true>(BLOCKED_MAX)

/** Names one client address and user, without either. */
export const loginKey = (clientIp: string | undefined, user: string): Promise<string> =>
  sha256Hex(`login\n${clientIp ?? ''}\n${user}`)

export const isBlocked = (key: string, now: EpochSeconds): boolean => blocked.get(key, now) === true

/** Count a failure; whether it was one too many. A counter that fails counts nothing. */
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
