/** The values that operators read: patterns, date-times, IP addresses. */
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { compareInstants, parseDateTime } from '../../../src/policy/decide/condition/date-time.ts'
import { isInRange, parseIpAddress, parseIpRange } from '../../../src/policy/decide/condition/ip.ts'
import { matchesLike, shapeOfLike } from '../../../src/policy/decide/condition/like.ts'

describe('like', () => {
  it.each([
    ['a*c?', 'abcd', true],
    ['a*c', 'abcd', false],
    ['*', '', true],
    ['**', 'x', true],
    ['?', '', false],
    ['?', 'x', true],
    ['?', '\u{1f600}', true],
    ['??', '\u{1f600}', false],
    ['*?', '\u{1f600}', true],
    ['', '', true],
    ['', 'x', false],
    [String.raw`\*`, '*', true],
    [String.raw`\*`, 'x', false],
    [String.raw`a\?b`, 'a?b', true],
    [String.raw`a\?b`, 'axb', false],
    [String.raw`a\b`, String.raw`a\b`, true],
    [String.raw`a\\*`, String.raw`a\*`, true],
    ['a\\', 'a\\', true],
    ['a.c', 'abc', false],
    ['team-*/app', 'team-a/b/app', true],
    ['team-*/app', 'team-a/app/x', false],
    ['*ab', 'aab', true],
    ['a*b*c', 'abcbc', true],
  ])('%j on %j: %s', (pattern, text, expected) => {
    expect(matchesLike(pattern, text)).toBe(expected)
  })

  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '\\'), maxLength: 9 })
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '\\'), maxLength: 9 })

  test.prop([pattern, text], { numRuns: 5000 })('agrees with a recursive definition', (pattern, text) => {
    const match = (p: string, t: string): boolean => {
      if (p === '') return t === ''
      if (p[0] === '*') return match(p.slice(1), t) || (t !== '' && match(p, t.slice(1)))
      if (p[0] === '?') return t !== '' && match(p.slice(1), t.slice(1))
      const skip = /^\\[*?]/.test(p) ? 1 : 0
      return p[skip] === t[0] && match(p.slice(skip + 1), t.slice(1))
    }
    expect(matchesLike(pattern, text)).toBe(match(pattern, text))
  })

  test.prop([pattern, text], { numRuns: 5000 })('has a shape that says where it can match', (pattern, text) => {
    const { prefix, rest } = shapeOfLike(pattern)
    const isMatch = matchesLike(pattern, text)
    if (rest === 'nothing') expect(isMatch).toBe(text === prefix)
    if (rest === 'anything') expect(isMatch).toBe(text.startsWith(prefix))
    if (isMatch) expect(text.startsWith(prefix)).toBe(true)
  })

  it('does not blow up', () => {
    const started = performance.now()
    expect(matchesLike(`${'*a'.repeat(2000)}b`, 'a'.repeat(8000))).toBe(false)
    expect(performance.now() - started).toBeLessThan(1000)
  })
})

describe('date-time', () => {
  it.each([
    ['1970-01-01T00:00:00Z', 0, 0],
    ['2026-01-01T00:00:00Z', 1_767_225_600, 0],
    ['2024-02-29T12:34:56.7Z', 1_709_210_096, 7_000_000],
    ['2026-01-01T00:00:00.0000001Z', 1_767_225_600, 1],
    ['2026-01-01T01:30:00+01:30', 1_767_225_600, 0],
    ['2025-12-31T19:00:00-05:00', 1_767_225_600, 0],
    ['0001-01-01T00:00:00Z', -62_135_596_800, 0],
    ['9999-12-31T23:59:59.9999999Z', 253_402_300_799, 9_999_999],
  ])('%s', (text, seconds, ticks) => {
    expect(parseDateTime(text)).toEqual({ type: 'instant', seconds, ticks })
  })

  it.each([
    '',
    '2026-01-01',
    '2026-01-01T00:00:00',
    '2026-01-01T00:00Z',
    '2026-1-1T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2026-04-31T00:00:00Z',
    '2026-02-29T00:00:00Z',
    '2100-02-29T00:00:00Z',
    '2026-01-00T00:00:00Z',
    '0000-01-01T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T00:60:00Z',
    '2026-01-01T00:00:60Z',
    '2026-01-01T00:00:00.Z',
    '2026-01-01T00:00:00.12345678Z',
    '2026-01-01T00:00:00+24:00',
    '2026-01-01T00:00:00+0100',
    '2026-01-01t00:00:00z',
    ' 2026-01-01T00:00:00Z',
    '2026-01-01T00:00:00Z\n',
    '+002026-01-01T00:00:00Z',
    '２026-01-01T00:00:00Z',
  ])('%j is none', (text) => {
    expect(parseDateTime(text)).toBeUndefined()
  })

  const date = fc.date({
    min: new Date('0001-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59Z'),
    noInvalidDate: true,
  })
  test.prop([date, date], { numRuns: 2000 })('agrees with the calendar of the platform', (left, right) => {
    const [l, r] = [parseDateTime(left.toISOString()), parseDateTime(right.toISOString())]
    if (l === undefined || r === undefined) throw new Error('not read')
    expect(l.seconds * 1000 + l.ticks / 10_000).toBe(left.getTime())
    expect(Math.sign(compareInstants(l, r))).toBe(Math.sign(left.getTime() - right.getTime()))
  })
})

describe('IP addresses', () => {
  it.each([
    ['10.1.2.3', '10.0.0.0/8', true],
    ['11.1.2.3', '10.0.0.0/8', false],
    ['10.1.2.3', '10.9.9.9/8', true],
    ['10.1.2.3', '10.1.2.3', true],
    ['10.1.2.4', '10.1.2.3', false],
    ['10.1.2.3', '10.1.2.2/31', true],
    ['10.1.2.4', '10.1.2.2/31', false],
    ['10.1.130.0', '10.1.128.0/17', true],
    ['10.1.127.0', '10.1.128.0/17', false],
    ['255.255.255.255', '0.0.0.0/0', true],
    ['::ffff:10.1.2.3', '10.0.0.0/8', true],
    ['::ffff:a01:203', '10.1.2.3', true],
    ['10.1.2.3', '::ffff:10.0.0.0/104', true],
    ['10.1.2.3', '::/0', false],
    ['::1', '0.0.0.0/0', false],
    ['::1', '::1', true],
    ['0:0:0:0:0:0:0:1', '::1/128', true],
    ['2001:DB8::1', '2001:db8::/32', true],
    ['2001:db9::1', '2001:db8::/32', false],
    ['2001:db8:8000::', '2001:db8:8000::/33', true],
    ['2001:db8:7fff::', '2001:db8:8000::/33', false],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221', true],
    ['::10.1.2.3', '10.0.0.0/8', false],
    ['fe80::1', 'fe80::/10', true],
    ['::', '::/128', true],
  ])('%s in %s: %s', (address, range, expected) => {
    const [a, r] = [parseIpAddress(address), parseIpRange(range)]
    if (a === undefined || r === undefined) throw new Error('not read')
    expect(isInRange(a, r)).toBe(expected)
  })

  it.each([
    '',
    '10',
    '10.1.2',
    '10.1.2.3.4',
    '010.1.2.3',
    '10.1.2.03',
    '10.1.2.256',
    '0x0a.1.2.3',
    '10.1.2.3 ',
    '10.1.2.-3',
    '10.1.2.3/8',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    '12345::',
    'g::',
    'fe80::1%eth0',
    '[::1]',
    '::1.2.3',
    '1.2.3.4::',
    '::1.2.3.4:5',
    '::ffff:010.1.2.3',
    ':1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:',
  ])('%j is not an address', (text) => {
    expect(parseIpAddress(text)).toBeUndefined()
  })

  it.each([
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0.0/',
    '/8',
    '10.0.0.0/8/8',
    '::/129',
    '::/',
    '10/8',
    '10.0.0.0/1e1',
    '10.0.0.0/ 8',
  ])('%j is not a range', (text) => {
    expect(parseIpRange(text)).toBeUndefined()
  })
})
