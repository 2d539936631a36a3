/** When a password ends: read from the command line, written into policy files. Never reads the clock. */
import { readTime } from '../../files/field.ts'
import type { EpochSeconds } from '../../policy/model.ts'
import { CommandError } from '../command-error.ts'

export const DEFAULT_DAYS = 90
const SECONDS: Readonly<Record<string, number>> = { h: 3600, d: 86_400, w: 604_800 }
/** The last second that policy files can name. */
const LAST = 253_402_300_799

/**
 * `30d`, `12h` or `4w` from now on, `2027-03-01` (its first moment in UTC), or an RFC 3339 time.
 *
 * @throws {@link CommandError} 2 when it is none of these, or not in the future
 */
export function readExpiry(text: string, now: EpochSeconds): EpochSeconds {
  const wrongUse = (message: string) =>
    new CommandError(2, message, { hint: 'write --expires 30d, 2027-03-01 or 2027-03-01T12:00:00Z' })
  const [, amount, unit] = /^(\d{1,6})([hdw])$/.exec(text) ?? []
  if (amount !== undefined && unit !== undefined) {
    const expires = now + Number(amount) * (SECONDS[unit] ?? 0)
    if (expires <= now || expires > LAST) throw wrongUse(`"${text}" is not in the future`)
    return expires
  }
  const time = readTime(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text)
  if (!time.ok) throw wrongUse(`"${text}" is neither a time nor a span of time`)
  if (time.value <= now) throw wrongUse(`${text} has passed`)
  return time.value
}

/** RFC 3339 in UTC, whole seconds. */
export const formatTime = (time: EpochSeconds): string => `${new Date(time * 1000).toISOString().slice(0, 19)}Z`
