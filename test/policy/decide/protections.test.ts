import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import type { ProtectionData } from '../../../src/policy/decide/compiled.ts'
import { coversTag, exempts, keptTags, NO_PROTECTIONS, protectionsOn } from '../../../src/policy/decide/protections.ts'
import { type PrincipalKey, parsePrincipal, principalKey } from '../../../src/policy/principal.ts'
import { matchesWildcards } from '../../../src/policy/wildcard.ts'

const key = (text: string): PrincipalKey => {
  const parsed = parsePrincipal(text)
  if (!parsed.ok) throw new Error(text)
  return principalKey(parsed.value)
}
const caller = (...acts: readonly string[]) => ({ authenticated: true, acts: acts.map(key) })
const once = (more: Partial<ProtectionData> = {}): ProtectionData => ({ name: 'p', writeOnce: true, ...more })
const SIGNATURE = `sha256-${'a'.repeat(64)}`

describe('protectionsOn', () => {
  it.each([
    [undefined, 'release/app'],
    [[], 'release/app'],
    [[once({ on: ['release/*'] })], 'release'],
    [[once({ on: ['release/*'] })], 'releases/app'],
    [[once({ on: ['app'] })], 'app/sub'],
    [[once({ on: ['a/*', 'b'] })], 'c'],
  ])('with %j is the same empty list for %s', (protections, repository) => {
    expect(protectionsOn(protections === undefined ? {} : { protections }, repository)).toBe(NO_PROTECTIONS)
  })

  it.each([
    [once(), 'anything'],
    [once({ on: ['*'] }), 'a/b'],
    [once({ on: ['release/*'] }), 'release/app'],
    [once({ on: ['a', 'release/*'] }), 'release/a/b'],
    [once({ on: ['app'] }), 'app'],
  ])('holds %j for %s', (protection, repository) => {
    expect(protectionsOn({ protections: [protection] }, repository)).toEqual([protection])
  })
})

describe('coversTag', () => {
  it.each([
    [['v*'], 'latest'],
    [['v*'], 'V1'],
    [['v1'], 'v10'],
    [['*-rc'], 'v1-rc2'],
    [['v*.0'], 'v1.0.1'],
    [undefined, SIGNATURE],
    [undefined, `${SIGNATURE}.sig`],
    [undefined, `${SIGNATURE}.att`],
    [undefined, `${SIGNATURE}.sbom`],
    [['*'], `${SIGNATURE}.sig`],
    [['sha*'], `${SIGNATURE}.sig`],
    [['sha256-*.att'], `${SIGNATURE}.sig`],
  ])('is false for %j and %s', (tags, tag) => {
    expect(coversTag(tags === undefined ? {} : { tags }, tag)).toBe(false)
  })

  it.each([
    [undefined, 'v1'],
    [undefined, 'sha256-abc'],
    [undefined, `${SIGNATURE}.other`],
    [['*'], 'v1'],
    [['v*'], 'v'],
    [['latest', 'v*'], 'v1.2.3'],
    [['v*.*'], 'v1.2'],
    [['sha256-*'], `${SIGNATURE}.sig`],
    [['sha256-*.sig'], `${SIGNATURE}.sig`],
  ])('is true for %j and %s', (tags, tag) => {
    expect(coversTag(tags === undefined ? {} : { tags }, tag)).toBe(true)
  })

  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 })
  test.prop([letters, fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 })])(
    'matches a pattern as a regular expression would',
    (pattern, text) => {
      const expression = new RegExp(`^${pattern.replaceAll('*', '.*')}$`)
      expect(matchesWildcards(pattern, text)).toBe(expression.test(text))
    },
  )
})

describe('exempts', () => {
  it.each([
    [[], 'token:ci'],
    [['token:admin'], 'token:ci'],
    [['identity:ci'], 'token:ci'],
    [['group:corp/a'], 'group:corp/b'],
  ])('is false for %j and %s', (except, acts) => {
    expect(exempts({ except: except.map(key) }, caller(acts))).toBe(false)
  })

  it('is false for a group that the caller only may be in', () => {
    const unsure = { ...caller('subject:corp/1'), groupsUnknownOf: 'corp', mayBe: [key('identity:ci')] }
    expect(exempts({ except: [key('group:corp/a'), key('identity:ci')] }, unsure)).toBe(false)
  })

  it('is true for each key that the caller acts as', () => {
    expect(exempts({ except: [key('group:corp/a')] }, caller('subject:corp/1', 'group:corp/a'))).toBe(true)
  })
})

describe('keptTags', () => {
  it('is undefined if no protection is about tags', () => {
    expect(keptTags([], caller('token:ci'))).toBeUndefined()
    expect(keptTags([{ name: 'p' }], caller('token:ci'))).toBeUndefined()
  })

  it('names the first enforced protection that covers a tag', () => {
    const kept = keptTags(
      [
        once({ name: 'audited', audit: true }),
        once({ name: 'exempt', except: [key('token:ci')] }),
        once({ name: 'others', tags: ['v*'] }),
        once({ name: 'all' }),
      ],
      caller('token:ci'),
    )
    expect([kept?.keeper('v1')?.name, kept?.keeper('latest')?.name]).toEqual(['others', 'all'])
    expect(kept?.audited('v1').map(({ name }) => name)).toEqual(['audited'])
    expect(kept?.holding.enforced.map(({ name }) => name)).toEqual(['others', 'all'])
  })

  it('covers a tag also for a caller that it exempts, so that the state stays true', () => {
    const kept = keptTags([once({ except: [key('token:ci')] })], caller('token:ci'))
    expect([kept?.isCovered('v1'), kept?.keeper('v1'), kept?.audited('v1')]).toEqual([true, undefined, []])
  })
})
