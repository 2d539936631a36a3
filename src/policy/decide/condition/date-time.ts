/**
 * Date-times of conditions, `yyyy-mm-ddThh:mm:ss.fffffffZ`, as exact instants. Knows no clock and no time zone but the
 * offset written down.
 *
 * Source: Azure "conditions-format", date-time comparison operators; RFC 3339, section 5.6.
 */

/** `seconds` since 1970-01-01T00:00:00Z (whole), and `ticks` of 100 ns after it (0 to 9,999,999). */
export type Instant = { readonly type: 'instant'; readonly seconds: number; readonly ticks: number }

const DATE_TIME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,7}))?(?:Z|([+-])(\d\d):(\d\d))$/

const isLeap = (year: number) => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0

const daysInMonth = (year: number, month: number) =>
  month === 2 ? (isLeap(year) ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31

/** Days since 1970-01-01 in the Gregorian calendar, counted in years that begin in March so that leap days come last. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400)
  return marchYear * 365 + leapDays + dayOfYear - 719_468
}

/**
 * Read a date-time: seconds are required, the fraction has one to seven digits or is absent, the zone is `Z` or an
 * offset `+hh:mm`. No leap seconds, no hour 24, no year 0000. `undefined` if it is none.
 */
export function parseDateTime(text: string): Instant | undefined {
  const match = DATE_TIME.exec(text)
  if (match === null) return undefined
  const field = (index: number) => Number(match[index] ?? 0)
  const [year, month, day, hour, minute, second] = [field(1), field(2), field(3), field(4), field(5), field(6)]
  const [offsetHour, offsetMinute] = [field(9), field(10)]
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined
  if (hour > 23 || minute > 59 || second > 59 || offsetHour > 23 || offsetMinute > 59) return undefined
  const offsetSeconds = (match[8] === '-' ? -1 : 1) * (offsetHour * 3600 + offsetMinute * 60)
  const seconds = daysSinceEpoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offsetSeconds
  return { type: 'instant', seconds, ticks: Number((match[7] ?? '').padEnd(7, '0')) }
}

/** Negative, zero or positive as `left` is earlier than, equal to or later than `right`. */
export const compareInstants = (left: Instant, right: Instant): number =>
  left.seconds - right.seconds || left.ticks - right.ticks
