import { describe, expect, it } from 'vitest'
import { Memo } from '../../src/worker/memo.ts'

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

  it('keeps the newest value of a key', () => {
    const memo = new Memo<string>(2)
    memo.set('a', 'x', 10)
    memo.set('a', 'y', 20)
    expect(memo.get('a', 15)).toBe('y')
    expect(memo.size).toBe(1)
  })
})
