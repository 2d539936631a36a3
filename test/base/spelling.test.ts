import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { nearest } from '../../src/base/spelling.ts'

describe('nearest', () => {
  it.each([
    ['tokn', ['token', 'tokens'], 'token'],
    ['ACRPULL', ['AcrPush', 'AcrPull'], 'AcrPull'],
    ['AcrPlul', ['AcrPush', 'AcrPull'], 'AcrPull'],
    ['contnet/read', ['content/write', 'content/read'], 'content/read'],
    ['_repository_pull', ['_repositories_push', '_repositories_pull'], '_repositories_pull'],
    ['ab', ['aa', 'bb'], 'aa'],
    ['bob', ['everyone', 'anonymous'], undefined],
    ['content/remove', ['content/read'], undefined],
    ['', ['a'], 'a'],
    ['x', [], undefined],
  ])('of %j in %j is %j', (word, candidates, expected) => {
    expect(nearest(word, candidates)).toBe(expected)
  })

  test.prop([fc.string(), fc.array(fc.string())])('finds a word that is there', (word, others) => {
    expect(nearest(word, [...others, word])?.toLowerCase()).toBe(word.toLowerCase())
  })

  test.prop([fc.string({ minLength: 4 }), fc.nat()])('forgives one letter', (word, at) => {
    const index = at % word.length
    expect(nearest(word.slice(0, index) + word.slice(index + 1), [word])).toBe(word)
  })
})
