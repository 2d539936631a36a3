import { describe, expect, it } from 'vitest'
import { Memo } from '../../src/worker/platform/memo.ts'

describe('a memo', () => {
  it('forgets at the end, to the second', () => {
    const memo = new Memo<string>(2)
    memo.set('a', 'x', 10)
    expect(memo.get('a', 9)).toBe('x')
    expect(memo.get('a', 10)).toBeUndefined()
    expect(memo.get('a', 9)).toBeUndefined()
    expect(memo.size).toBe(0)
  })

  it('is bounded, and forgets the oldest use first', () => {
    const memo = new Memo<string>(2)
    memo.set('a', 'x', 10)
    memo.set('b', 'y', 10)
    memo.get('a', 1)
    memo.set('c', 'z', 10)
    expect(['a', 'b', 'c'].map((key) => memo.get(key, 1))).toEqual(['x', undefined, 'z'])
    expect(memo.size).toBe(2)
  })

  it('is bounded in size too: what is large takes the places of several', () => {
    const memo = new Memo<string>(4)
    for (const key of ['a', 'b', 'c', 'd']) memo.set(key, 'x', 10)
    memo.set('large', 'y', 10, 3)
    expect(['a', 'b', 'c', 'd', 'large'].filter((key) => memo.get(key, 1) !== undefined)).toEqual(['d', 'large'])
    memo.set('large', 'z', 10, 1)
    memo.set('e', 'x', 10, 2)
    expect(memo.size).toBe(3)
    memo.set('larger than all', 'x', 10, 5)
    expect(memo.size).toBe(0)
  })

  it('has the place again of what it forgot', () => {
    const memo = new Memo<string>(2)
    memo.set('a', 'x', 1, 2)
    expect(memo.get('a', 1)).toBeUndefined()
    memo.set('b', 'x', 10)
    memo.set('c', 'x', 10)
    expect(memo.size).toBe(2)
  })

  it('keeps the newest value of a key', () => {
    const memo = new Memo<string>(2)
    memo.set('a', 'x', 10)
    memo.set('a', 'y', 20)
    expect(memo.get('a', 15)).toBe('y')
    expect(memo.size).toBe(1)
  })
})
