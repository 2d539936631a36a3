/**
 * The importers' patterns against what Go itself answered (see vectors/README.md): each is read as Go reads it, or not at
 * all.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { doublestarWays, isDoublestar, looseDoublestar, pathMatches, pathMatchWays } from '../../src/importers/glob.ts'
import { placeOfWays, type Way } from '../../src/importers/place.ts'
import { parseRe2, re2Groups, re2Matches, re2Ways } from '../../src/importers/re2.ts'
import { holds } from './evaluate.ts'

type Vectors = { texts: string[]; rows: [pattern: string, answers: string][] }
const read = (name: string) => JSON.parse(readFileSync(`${import.meta.dirname}/vectors/${name}.json`, 'utf8'))
const RE2: Vectors = read('re2')
const PATH_MATCH: Vectors = read('path-match')
const GROUPS: { rows: [pattern: string, text: string, groups: string[] | null][] } = read('re2-groups')

const isName = (text: string) => /^[a-z0-9]+(?:[._-][a-z0-9]+)*(?:\/[a-z0-9]+(?:[._-][a-z0-9]+)*)*$/.test(text)

/** What the ways of a pattern say of names that Go answered otherwise; nothing if they cannot be said. */
function wrongNames(ways: readonly Way[] | undefined, texts: readonly string[], answers: string) {
  const where = ways && placeOfWays(ways)
  const rows = [...texts.entries()].filter(([, text]) => isName(text))
  const wrong = where === undefined ? [] : rows.filter(([at, text]) => holds(where, text) !== (answers[at] === '1'))
  return wrong.map(([, text]) => text)
}

describe('a regular expression of Go', () => {
  it('matches known texts as Go does, or is not understood', () => {
    const wrong: unknown[] = []
    for (const [pattern, answers] of RE2.rows) {
      const re2 = parseRe2(pattern)
      if (re2 === undefined) continue
      if (answers === '') wrong.push({ pattern, go: 'refused' })
      for (const [at, text] of RE2.texts.entries()) {
        if (re2Matches(re2, text) !== (answers[at] === '1')) wrong.push({ pattern, text, go: answers[at] })
      }
    }
    expect(wrong).toEqual([])
  })

  it('is the same place, or cannot be said', () => {
    const wrong = RE2.rows.flatMap(([pattern, answers]) => {
      const re2 = answers === '' ? undefined : parseRe2(pattern)
      const names = re2 === undefined ? [] : wrongNames(re2Ways(re2), RE2.texts, answers)
      return names.length === 0 ? [] : [{ pattern, names }]
    })
    expect(wrong).toEqual([])
  }, 60_000)

  it('captures what Go captures, or that is not told', () => {
    for (const [pattern, text, groups] of GROUPS.rows) {
      const re2 = parseRe2(pattern)
      const own = re2 && re2Groups(re2, text)
      if (own !== undefined) expect([pattern, own]).toEqual([pattern, groups])
    }
  })

  it.each([
    '\\Aguest',
    '^[[:alpha:]]+$',
    '(?i)admin',
    '\\Qa.b\\E',
    '\\pL',
    '^a{2}$',
    '^(?P<n>a)b$',
    '\\bapp\\b',
    '[^\\pL]',
  ])('is understood: %s', (pattern) => {
    expect(parseRe2(pattern)).toBeDefined()
  })

  it.each([
    '^team/',
    '^(secret|release)/',
    '^[^/]+/.*$',
    '/x$',
    '^a{1,2}$',
    '^\\Qa.b\\E$',
    '^[^s]',
    '\\Ateam/.*\\z',
    '^(?i)TEAM/',
  ])('is a place: %s', (pattern) => {
    const re2 = parseRe2(pattern)
    const ways = re2 && re2Ways(re2)
    expect(ways && placeOfWays(ways)).toBeDefined()
  })

  it.each(['(?=a)', '(a)\\1', 'a**', '(?m)^a$', '\\p{Greek}', '(', 'a{1001}', '(?i)é', '\\Z'])(
    'is not understood: %s',
    (pattern) => {
      expect(parseRe2(pattern)).toBeUndefined()
    },
  )

  it('takes no time for expressions that backtrack', () => {
    const re2 = parseRe2('^(?:(?:a*)*)*b$')
    expect(re2 && re2Matches(re2, 'a'.repeat(200))).toBe(false)
  })
})

describe('a pattern of path.Match', () => {
  it('matches known texts as Go does, or is not told', () => {
    const wrong: unknown[] = []
    let unsure = 0
    for (const [pattern, answers] of PATH_MATCH.rows) {
      for (const [at, text] of PATH_MATCH.texts.entries()) {
        const own = pathMatches(pattern, text)
        if (own === undefined) unsure += 1
        else if (own !== (answers[at] === '1')) wrong.push({ pattern, text, go: answers[at] })
      }
    }
    expect(wrong).toEqual([])
    expect(unsure).toBeLessThan((PATH_MATCH.rows.length * PATH_MATCH.texts.length) / 4)
  })

  it('is the same place, or cannot be said', () => {
    const wrong = PATH_MATCH.rows.flatMap(([pattern, answers]) => {
      const names = wrongNames(pathMatchWays(pattern), PATH_MATCH.texts, answers)
      return names.length === 0 ? [] : [{ pattern, names }]
    })
    expect(wrong).toEqual([])
  })

  it.each(['a', '*', 'team/*', '[ab]', '[^s]*/*', 'release/v[0-9].[0-9]', '[!ab]', 'a\\/b', '[a', '{a,b}'])(
    'is a place: %s',
    (pattern) => {
      const ways = pathMatchWays(pattern)
      expect(ways && placeOfWays(ways)).toBeDefined()
    },
  )
})

/** Written by hand from the documentation of doublestar v4, functions Match and ValidatePattern. */
const DOUBLESTAR: readonly { pattern: string; yes: readonly string[]; no: readonly string[] }[] = [
  { pattern: '**', yes: ['a', 'a/b', 'a/b/c'], no: [] },
  { pattern: 'a/**', yes: ['a', 'a/b', 'a/b/c'], no: ['ab', 'b/a', 'ab/c'] },
  { pattern: '**/a', yes: ['a', 'b/a', 'c/b/a'], no: ['ba', 'a/b'] },
  { pattern: 'a/**/c', yes: ['a/c', 'a/b/c', 'a/b/b/c'], no: ['ac', 'a/bc', 'ab/c', 'a/c/d'] },
  { pattern: '**/a/**', yes: ['a', 'a/b', 'b/a', 'b/a/c/d'], no: ['ba/b', 'b/ac'] },
  { pattern: 'a**', yes: ['a', 'ab'], no: ['a/b', 'ab/c', 'ba'] },
  { pattern: '**a', yes: ['a', 'ba'], no: ['b/a', 'a/b'] },
  { pattern: 'a**/c', yes: ['a/c', 'ab/c'], no: ['a/b/c'] },
  { pattern: '*', yes: ['a', 'abc'], no: ['a/b'] },
  { pattern: '*/b', yes: ['a/b'], no: ['b', 'a/a/b'] },
  { pattern: 'a?', yes: ['ab'], no: ['a', 'a/b', 'abc'] },
  { pattern: '?/**', yes: ['a', 'a/b/c'], no: ['ab', 'ab/c'] },
  { pattern: '[!s]*/**', yes: ['te', 'team/app', 'a/s'], no: ['a', 's', 'secret', 'secret/x', 'shop/app/x'] },
  { pattern: '[^s]*/**', yes: ['te', 'team/app', 'a/s'], no: ['a', 's', 'secret', 'secret/x'] },
  { pattern: '[s!]*', yes: ['s', 'sa'], no: ['a', 's/a'] },
  { pattern: '[a-c]', yes: ['a', 'b', 'c'], no: ['d', 'ab', '1'] },
  { pattern: '[a-]b', yes: ['ab'], no: ['b', 'bb'] },
  { pattern: '[-a]b', yes: ['ab'], no: ['bb'] },
  { pattern: '[a\\-c]b', yes: ['ab', 'cb'], no: ['bb'] },
  { pattern: '[!a-y]', yes: ['z', '1'], no: ['a', 'y'] },
  { pattern: 'a[!b]c', yes: ['acc', 'a-c', 'a/c'], no: ['abc', 'ac'] },
  { pattern: '{a,b}', yes: ['a', 'b'], no: ['c', 'ab'] },
  { pattern: '{a,b}/**', yes: ['a', 'b/x', 'a/x/y'], no: ['c', 'ab/x'] },
  { pattern: 'x{a,b}y', yes: ['xay', 'xby'], no: ['xy', 'xaby'] },
  { pattern: 'x{,a}', yes: ['x', 'xa'], no: ['xb'] },
  { pattern: '{a,{b,c}d}', yes: ['a', 'bd', 'cd'], no: ['b', 'd'] },
  { pattern: '{a,**/b}', yes: ['a', 'b', 'x/b'], no: ['x/a'] },
  { pattern: 'a\\.b', yes: ['a.b'], no: ['a-b'] },
  { pattern: '\\*', yes: [], no: ['a', 'ab'] },
  { pattern: '\\{a', yes: [], no: ['a'] },
  { pattern: 'v[0-9].[0-9]', yes: ['v1.2'], no: ['v1x2', 'v12', 'vx.1'] },
  { pattern: 'infra/team-*/**', yes: ['infra/team-a', 'infra/team-a/b/c'], no: ['infra/teams', 'infra/x/team-a'] },
  // The end of a name is read before a `*`, and what comes behind that is not empty then.
  { pattern: 'secret*/**', yes: ['secret1', 'secret/x', 'secret1/x'], no: ['secret', 'secre'] },
  { pattern: 'secret/x*/**', yes: ['secret/xy', 'secret/x/y'], no: ['secret/x', 'secret'] },
  { pattern: 'secre?/**', yes: ['secret', 'secret/x'], no: ['secre'] },
  { pattern: '*/**', yes: ['a', 'a/b', 'a/b/c'], no: [] },
  { pattern: '{a*,b}/**', yes: ['ab', 'a/b', 'b', 'b/c'], no: ['a', 'c'] },
  { pattern: '$username/**', yes: [], no: ['username/x', 'a'] },
]

describe('a pattern of doublestar', () => {
  it.each(DOUBLESTAR)('$pattern matches what doublestar matches', ({ pattern, yes, no }) => {
    expect(isDoublestar(pattern)).toBe(true)
    const ways = doublestarWays(pattern)
    const where = ways && placeOfWays(ways)
    if (where === undefined) throw new Error('cannot be said')
    expect([yes.filter((name) => !holds(where, name)), no.filter((name) => holds(where, name))]).toEqual([[], []])
    expect(yes.filter((name) => !holds(looseDoublestar(pattern), name))).toEqual([])
  })

  it.each([
    '**/app-*',
    'a/**/**',
    '{a/**,b}/**',
    'a/{**,b}/**',
    'a**/**',
    '{a*,b}**',
    'a/',
    '***',
    'x{**/a,b}',
    'a*{b,}',
    '{[a,b],c}',
    '*[!a]*/b',
    'a*/**/b',
    '*[a-z][a-z]',
    '*[a-z][a-z][a-z][a-z][a-z]',
  ])('cannot be said, and is not guessed: %s', (pattern) => {
    expect(isDoublestar(pattern)).toBe(true)
    const ways = doublestarWays(pattern)
    expect(ways && placeOfWays(ways)).toBeUndefined()
  })

  it.each([
    ['secret/**/', ['secret', 'secret/x']],
    ['{**,team}/*', ['a', 'a/b']],
    ['{**,a}/***', ['ci', 'a/b']],
    ['a/**/**', ['a', 'a/b']],
    ['te{a,}m/**/', ['team', 'tem', 'team/x']],
    ['\\secret/', ['secret']],
    ['${username}/**', ['ann', 'ann/x']],
    ['secret', ['secret']],
  ])('reaches at least what it matches: %s', (pattern, names) => {
    expect(names.filter((name) => !holds(looseDoublestar(pattern), name))).toEqual([])
  })

  it.each(['[', 'a[', '[]', '[!]', '{a', 'a}', '\\', 'a\\', '{a,b}}'])('is refused by doublestar: %s', (pattern) => {
    expect(isDoublestar(pattern)).toBe(false)
  })
})
