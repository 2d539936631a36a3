import { describe, expect, it } from 'vitest'
import { NAME_MAX_LENGTH, parseDigest, parseRepositoryName, parseTag } from '../../src/registry/name.ts'

const HEX = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
/** What no name, tag or digest holds anywhere, tried in front, in the middle and behind. */
const FOREIGN = [
  '%',
  '%2f',
  '\\',
  ';',
  '#',
  '?',
  '&',
  ' ',
  '\n',
  '\r',
  '\t',
  '\0',
  '\u00e9',
  '\u0430',
  '\u200b',
  '\ud800',
  '*',
  '@',
  '~',
  "'",
  '"',
]

describe('a repository name', () => {
  it.each([
    'a',
    '0',
    'a/b',
    'a.b',
    'a_b',
    'a__b',
    'a-b',
    'a----b',
    'a/b/c/d',
    'a'.repeat(NAME_MAX_LENGTH),
    'manifests/tags',
  ])('may be %j', (text) => expect(parseRepositoryName(text)).toEqual({ ok: true, value: text }))

  it.each([
    '',
    '/',
    'a/',
    '/a',
    'a//b',
    '.',
    '..',
    'a/..',
    './a',
    'A',
    'aB',
    '_a',
    'a_',
    'a___b',
    'a..b',
    '-a',
    'a-',
    'a._b',
    'a-_b',
    'a/-b',
    'a:b',
    'h:5000/a',
    'a,b',
    'a'.repeat(NAME_MAX_LENGTH + 1),
  ])('may not be %j', (text) => expect(parseRepositoryName(text)).toEqual({ ok: false, error: 'name_invalid' }))
})

describe('a tag', () => {
  it.each(['v1', '_', '__x', '0', 'A.B-c_d', 'a..b', 'v1.', 'v1-', 'a'.repeat(128)])('may be %j', (text) =>
    expect(parseTag(text)).toEqual({ ok: true, value: text }),
  )

  it.each(['', '.', '..', '.a', '-a', 'a/b', 'a:b', 'a,b', 'a'.repeat(129), `sha256:${HEX}`])('may not be %j', (text) =>
    expect(parseTag(text)).toEqual({ ok: false, error: 'tag_invalid' }),
  )
})

describe('a digest', () => {
  it.each([
    `sha256:${HEX}`,
    `sha512:${HEX}${HEX}`,
    `blake3:${HEX}`,
    'multihash+base58:Qm-_=',
    'a.b_c-d+e:x',
    `x:${'a'.repeat(256)}`,
  ])('may be %j', (text) => expect(parseDigest(text)).toEqual({ ok: true, value: text }))

  it.each([
    '',
    ':',
    'sha256',
    'sha256:',
    `:${HEX}`,
    HEX,
    `sha256:${HEX}0`,
    `sha256:${HEX.slice(1)}`,
    `sha256:${HEX.toUpperCase()}`,
    `SHA256:${HEX}`,
    `sha256:${'g'.repeat(64)}`,
    `sha512:${HEX}`,
    `sha256::${HEX}`,
    `sha256:${HEX}:${HEX}`,
    `+sha256:${HEX}`,
    `sha256+:${HEX}`,
    `a++b:${HEX}`,
    `x:${'a'.repeat(257)}`,
    `sha256:${HEX}/..`,
  ])('may not be %j', (text) => expect(parseDigest(text)).toEqual({ ok: false, error: 'digest_invalid' }))
})

it.each(FOREIGN)('no name, tag or digest holds %j', (foreign) => {
  for (const [parse, text] of [
    [parseRepositoryName, 'ab'],
    [parseTag, 'ab'],
    [parseDigest, `sha256:${HEX}`],
    [parseDigest, 'x:ab'],
  ] as const) {
    for (const at of [0, 1, text.length]) {
      const bent = text.slice(0, at) + foreign + text.slice(at)
      expect([bent, parse(bent).ok]).toEqual([bent, false])
    }
  }
})
