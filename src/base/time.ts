/**
 * Times as people write them (RFC 3339) and as the gate counts them (whole seconds since 1970). This is the only reader and
 * the only writer of times, so that files, command options and output agree. It never asks what time it is.
 */

/** Seconds since 1970-01-01T00:00:00Z, a whole number. */
export type EpochSeconds = number

const DAY_SECONDS = 86_400
/** The last time that RFC 3339 can write, 9999-12-31T23:59:59Z: its years have four digits. */
export const LAST_TIME: EpochSeconds = 253_402_300_799

const RFC_3339 =
  /^(\d{4})-(0[1-9]|1[0-2])-(\d{2})[Tt]([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(\.\d+)?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))$/

/**
 * Reads a time of RFC 3339 section 5.6. Refuses a date without a time, which may mean the beginning or the end of the day.
 * Also refuses days that do not exist (`2027-02-30`), leap seconds, fractions of a second other than `.000`, and years
 * before 1970.
 *
 * @returns undefined if the text is not a time of this form
 */
export function parseTime(text: string): EpochSeconds | undefined {
  const match = RFC_3339.exec(text)
  if (match === null) return undefined
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, fraction = 0] = match.slice(1, 8).map(Number)
  if (fraction > 0 || day < 1 || day > daysIn(year, month)) return undefined
  const offset = (Number(match[9] ?? 0) * 60 + Number(match[10] ?? 0)) * 60
  const local = daysBefore(year, month, day) * DAY_SECONDS + (hour * 60 + minute) * 60 + second
  const time = match[8] === '-' ? local + offset : local - offset
  return time >= 0 && time <= LAST_TIME ? time : undefined
}

/**
 * The time that an invalid text probably means. A date becomes its first moment in UTC; a time loses its fraction of a
 * second.
 *
 * @returns a text that {@link parseTime} reads; undefined if no time is similar
 */
export function similarTime(text: string): string | undefined {
  const similar = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text.replace(/(:\d\d)\.\d+/, '$1')
  return similar !== text && parseTime(similar) !== undefined ? similar : undefined
}

/** Writes a time in RFC 3339, in UTC and whole seconds: `2027-03-01T00:00:00Z`. The range is that of {@link parseTime}. */
export function formatTime(time: EpochSeconds): string {
  const seconds = Math.floor(time) % DAY_SECONDS
  const { year, month, day } = dateOf(Math.floor(time / DAY_SECONDS))
  const clock = [seconds / 3600, (seconds / 60) % 60, seconds % 60].map((part) => digits(Math.floor(part), 2))
  return `${digits(year, 4)}-${digits(month, 2)}-${digits(day, 2)}T${clock.join(':')}Z`
}

const digits = (value: number, length: number): string => String(value).padStart(length, '0')

const isLeapYear = (year: number): boolean => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)

const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
const daysIn = (year: number, month: number): number =>
  month === 2 && isLeapYear(year) ? 29 : (MONTH_DAYS[month - 1] ?? 0)

/** Days from the beginning of the Gregorian calendar to the first day of a year. */
const daysToYear = (year: number): number => {
  const before = year - 1
  return before * 365 + Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400)
}

/** Days from 1970-01-01 to a date. */
function daysBefore(year: number, month: number, day: number): number {
  let days = daysToYear(year) - daysToYear(1970) + day - 1
  for (let earlier = 1; earlier < month; earlier++) days += daysIn(year, earlier)
  return days
}

function dateOf(days: number): { readonly year: number; readonly month: number; readonly day: number } {
  let year = 1970 + Math.floor(days / 366)
  while (daysBefore(year + 1, 1, 1) <= days) year += 1
  let month = 1
  while (month < 12 && daysBefore(year, month + 1, 1) <= days) month += 1
  return { year, month, day: days - daysBefore(year, month, 1) + 1 }
}
