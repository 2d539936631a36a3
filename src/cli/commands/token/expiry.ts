/** When a password ends, as the command line says it. Never reads the clock. */
import { type EpochSeconds, LAST_TIME, parseTime, similarTime } from '../../../base/time.ts'
import { CommandError } from '../../terminal/command-error.ts'

/** Days for which a new password is good by default. */
export const DEFAULT_DAYS = 90
const SECONDS: Readonly<Record<string, number>> = { h: 3600, d: 86_400, w: 604_800 }

/**
 * Reads `30d`, `12h` or `4w`, counted from `now`, or a time of RFC 3339, as policy files write it. A date alone is refused
 * as it is there: it may mean the beginning or the end of the day.
 *
 * @throws {@link CommandError} 2 when it is none of these, or not in the future
 */
export function readExpiry(text: string, now: EpochSeconds): EpochSeconds {
  const wrongUse = (message: string, hint = 'write --expires 30d or 2027-03-01T12:00:00Z') =>
    new CommandError(2, message, { hint })
  const [, amount, unit] = /^(\d{1,6})([hdw])$/.exec(text) ?? []
  if (amount !== undefined && unit !== undefined) {
    const expires = now + Number(amount) * (SECONDS[unit] ?? 0)
    if (expires <= now || expires > LAST_TIME) throw wrongUse(`"${text}" is not in the future`)
    return expires
  }
  const time = parseTime(text)
  if (time === undefined) {
    const similar = similarTime(text)
    const hint = similar === undefined ? undefined : `did you mean ${similar}?`
    throw wrongUse(`"${text}" is neither a time nor a span of time`, hint)
  }
  if (time <= now) throw wrongUse(`${text} has passed`)
  return time
}
