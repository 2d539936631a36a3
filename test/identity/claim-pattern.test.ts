import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { matchesClaimPattern } from '../../src/identity/claim-pattern.ts'

describe('a pattern matches the whole claim', () => {
  it.each([
    ['acme/app', 'acme/app'],
    ['refs/tags/v*', 'refs/tags/v1.2.3'],
    ['refs/tags/v*', 'refs/tags/v'],
    ['refs/heads/**', 'refs/heads/feature/x/y'],
    ['**', 'any/thing at:all'],
    ['**', ''],
    ['*', ''],
    ['*/app', 'acme/app'],
    ['**/app', 'acme/team/app'],
    ['repo:acme/*:ref:refs/tags/**', 'repo:acme/app:ref:refs/tags/v1/rc'],
    ['system:serviceaccount:prod:*', 'system:serviceaccount:prod:builder'],
    ['a*b*c', 'axxbyyc'],
    ['**a*', 'x/ya'],
    ['***', 'a/b'],
    ['a+(b)[c]?.$', 'a+(b)[c]?.$'],
  ])('%s ~ %s', (pattern, text) => {
    expect(matchesClaimPattern(pattern, text)).toBe(true)
  })

  it.each([
    ['acme/app', 'acme/apps'],
    ['acme/app', 'xacme/app'],
    ['acme/app', 'ACME/app'],
    ['acme/app', 'acme/app\n'],
    ['refs/tags/v*', 'refs/tags/v1/x'],
    ['refs/tags/v*', 'refs/heads/refs/tags/v1'],
    ['*', 'a/b'],
    ['*/app', 'a/b/app'],
    ['', 'a'],
    ['a', ''],
    ['a.c', 'abc'],
    ['a?c', 'abc'],
    ['[abc]', 'a'],
    ['**/app', 'app'],
    ['*', '/'],
  ])('%s does not match %s', (pattern, text) => {
    expect(matchesClaimPattern(pattern, text)).toBe(false)
  })

  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*'), maxLength: 8 })

  test.prop([letters, fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 10 })])(
    'as a regular expression would',
    (pattern, text) => {
      const source = pattern.replace(/\*\*|\*/g, (star) => (star === '**' ? '.*' : '[^/]*'))
      expect(matchesClaimPattern(pattern, text)).toBe(new RegExp(`^(?:${source})$`, 's').test(text))
    },
  )

  it('takes time in proportion, whatever the text', () => {
    const started = performance.now()
    expect(matchesClaimPattern(`${'*a'.repeat(50)}**${'*a'.repeat(50)}b`, 'a'.repeat(8000))).toBe(false)
    expect(performance.now() - started).toBeLessThan(2000)
  })
})
