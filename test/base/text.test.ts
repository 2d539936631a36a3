import { fc } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { compareCodeUnits, count, shortList } from '../../src/base/text.ts'

describe('count', () => {
  it.each([
    [0, '0 rules'],
    [1, '1 rule'],
    [2, '2 rules'],
  ])('writes %i rule(s) as "%s"', (n, text) => {
    expect(count(n, 'rule')).toBe(text)
  })
})

describe('shortList', () => {
  it.each([
    [['a'], 'a'],
    [['a', 'b', 'c', 'd', 'e'], 'a, b, c, d, e'],
    [['a', 'b', 'c', 'd', 'e', 'f'], 'a, b, c, d, e and 1 other'],
    [['a', 'b', 'c', 'd', 'e', 'f', 'g'], 'a, b, c, d, e and 2 others'],
  ])('writes %j as "%s"', (names, text) => {
    expect(shortList(names)).toBe(text)
  })

  it('names as many as it is allowed to', () => {
    expect(shortList(['a', 'b', 'c'], 1)).toBe('a and 2 others')
  })
})

describe('compareCodeUnits', () => {
  it.each([
    ['B', 'a'],
    ['a', 'ä'],
    ['a10', 'a2'],
    ['\u{1f600}', '\uff5e'],
  ])('puts %j before %j, whatever the language', (first, second) => {
    expect([second, first].sort(compareCodeUnits)).toEqual([first, second])
  })

  it('agrees with the default order of sort', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (texts) => {
        expect(texts.toSorted(compareCodeUnits)).toEqual(texts.toSorted())
      }),
    )
  })
})
