/** The reader and the writer of times: the platform's `Date` is the oracle for dates, the table for what is refused. */
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { formatTime, LAST_TIME, parseTime, similarTime } from '../../src/base/time.ts'

describe('parseTime', () => {
  it.each([
    ['1970-01-01T00:00:00Z', 0],
    ['2027-03-01T00:00:00Z', 1_803_859_200],
    ['2027-03-01t00:00:00z', 1_803_859_200],
    ['2027-03-01T00:00:00.000Z', 1_803_859_200],
    ['2027-03-01T01:30:00+01:30', 1_803_859_200],
    ['2027-02-28T23:00:00-01:00', 1_803_859_200],
    ['2028-02-29T00:00:00Z', 1_835_395_200],
    ['2000-02-29T12:00:00Z', 951_825_600],
    ['9999-12-31T23:59:59Z', LAST_TIME],
  ])('reads %s', (text, expected) => {
    expect(parseTime(text)).toBe(expected)
  })

  it.each([
    [''],
    ['now'],
    ['tomorrow'],
    ['2026'],
    ['2026-12-31'],
    ['2026-12-31 00:00:00Z'],
    ['2026-12-31T00:00:00'],
    ['2026-12-31T00:00Z'],
    ['2026-12-31T24:00:00Z'],
    ['2026-12-31T23:60:00Z'],
    ['2026-12-31T23:59:60Z'],
    ['2026-12-31T23:59:59.5Z'],
    ['2026-12-31T23:59:59,5Z'],
    ['2026-12-31T23:59:59.Z'],
    ['2026-02-29T00:00:00Z'],
    ['2026-02-30T00:00:00Z'],
    ['2026-04-31T00:00:00Z'],
    ['2100-02-29T00:00:00Z'],
    ['2026-00-10T00:00:00Z'],
    ['2026-13-10T00:00:00Z'],
    ['2026-10-00T00:00:00Z'],
    ['2026-10-32T00:00:00Z'],
    ['2026-1-1T00:00:00Z'],
    ['+2026-01-01T00:00:00Z'],
    ['12026-01-01T00:00:00Z'],
    ['1969-12-31T23:59:59Z'],
    ['1970-01-01T00:00:00+00:01'],
    ['9999-12-31T23:59:59-00:01'],
    ['2026-01-01T00:00:00+24:00'],
    ['2026-01-01T00:00:00+01:60'],
    ['2026-01-01T00:00:00+0100'],
    ['2026-01-01T00:00:00 Z'],
    [' 2026-01-01T00:00:00Z'],
    ['2026-01-01T00:00:00Z\n'],
    ['２０２６-01-01T00:00:00Z'],
    ['1798761600'],
  ])('refuses %j', (text) => {
    expect(parseTime(text)).toBeUndefined()
  })

  const two = (value: number) => String(value).padStart(2, '0')
  test.prop([fc.nat({ max: 99 }), fc.nat({ max: 13 }), fc.nat({ max: 33 })])(
    'knows the days that exist',
    (y, m, d) => {
      const text = `20${two(y)}-${two(m)}-${two(d)}T00:00:00Z`
      const date = new Date(Date.UTC(2000 + y, m - 1, d))
      const exists = date.toISOString().slice(0, 10) === text.slice(0, 10)
      expect(parseTime(text)).toBe(exists ? date.getTime() / 1000 : undefined)
    },
    60_000,
  )
})

describe('formatTime', () => {
  test.prop([fc.integer({ min: 0, max: LAST_TIME })], { numRuns: 1000 })(
    'writes what parseTime reads',
    (time) => {
      expect(formatTime(time)).toBe(new Date(time * 1000).toISOString().replace('.000Z', 'Z'))
      expect(parseTime(formatTime(time))).toBe(time)
    },
    60_000,
  )
})

describe('similarTime', () => {
  it.each([
    ['2026-12-31', '2026-12-31T00:00:00Z'],
    ['2026-12-31T12:00:00.123Z', '2026-12-31T12:00:00Z'],
    ['2026-12-31T12:00:00.5+02:00', '2026-12-31T12:00:00+02:00'],
    ['2026-02-30', undefined],
    ['2026-12-31T12:00:00Z', undefined],
    ['tomorrow', undefined],
  ])('offers for %s the time %s', (text, expected) => {
    expect(similarTime(text)).toBe(expected)
  })
})
