/** Files that were not written by a friend: never an exception, always a place, in bounded time. */
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { readPolicies } from '../../src/files/load.ts'
import { shown } from './shown.ts'

const REGISTRY = 'registry: { service: registry.example.com }'
const read = (text: string) =>
  readPolicies([
    { path: 'r.yaml', text: REGISTRY },
    { path: 'a.yaml', text },
  ])

const bomb = `a: &a [x, x, x, x, x, x, x, x, x, x]
${['b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name, i) => `${name}: &${name} [${`*${'abcdefg'[i]}, `.repeat(10)}]`).join('\n')}
roleAssignments: *h`

describe('hostile text', () => {
  it.each([
    ['flow nesting', '['.repeat(50_000), 'too_deep'],
    ['block nesting', '- '.repeat(50_000), 'too_deep'],
    ['an alias bomb', bomb, 'alias_expansion'],
    ['an endless alias', 'tokens: &t { a: *t }', 'alias_unknown'],
    ['a second document', 'tokens: {}\n---\ntokens: {}', 'yaml_documents'],
    ['a prototype', 'tokens: { __proto__: { scopeMap: x } }', 'key_invalid'],
    [
      'a claim that would be dropped',
      'identities: { i: { issuer: x, subject: a, claims: { __proto__: b } } }',
      'key_invalid',
    ],
    ['a key that is a list', '? [a]\n: b', 'yaml_syntax'],
    ['a merge key', 'tokens: { a: { <<: { scopeMap: x } } }', 'merge_key'],
    ['a control character', 'tokens: { "a\\0": {} }', 'name_invalid'],
    ['a name too long', `tokens: { ${'a'.repeat(51)}: {} }`, 'name_invalid'],
    ['an infinite lifetime', 'registry: { tokenLifetimeSeconds: .inf }', 'duplicate_name'],
  ])('%s', (_, text, code) => {
    const { policies, problems } = read(text)
    expect(policies).toBeUndefined()
    expect(problems.map((problem) => problem.code)).toContain(code)
  })

  const nested = (depth: number) => `${'['.repeat(depth)}1${']'.repeat(depth)}`
  it.each([
    ['a.yaml', '['.repeat(200_000), 'a.yaml:1:65'],
    ['a.json', '['.repeat(200_000), 'a.json:1:65'],
    ['a.yaml', '{a: '.repeat(200_000), 'a.yaml:1:257'],
    ['a.json', '{"a": '.repeat(200_000), 'a.json:1:385'],
    ['a.yaml', '- '.repeat(200_000), 'a.yaml:1:129'],
    ['a.yaml', '? '.repeat(200_000), 'a.yaml:1:129'],
    ['a.yaml', `tokens:\n  a: ${'['.repeat(200_000)}`, 'a.yaml:2:68'],
    ['a.yaml', Array.from({ length: 100 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'), 'a.yaml:65:65'],
    ['a.yaml', nested(65), 'a.yaml:1:65'],
    ['a.json', nested(65), 'a.json:1:65'],
    ['a.test.yaml', nested(65), 'a.test.yaml:1:65'],
  ])(
    'refuses nesting in %s while reading, with its place: %#',
    (path, text, place) => {
      const before = process.cpuUsage()
      const { problems } = readPolicies([{ path, text }])
      const { user } = process.cpuUsage(before)
      expect(problems.map(shown)).toEqual([
        `${place} too_deep: values are nested more than 64 levels deep (a policy needs six levels)`,
      ])
      expect(user).toBeLessThan(5_000_000)
    },
    60_000,
  )

  it.each(['a.yaml', 'a.json'])('reads 64 levels in %s', (path) => {
    expect(readPolicies([{ path, text: nested(64) }]).problems.map(({ code }) => code)).toEqual(['azure_unknown'])
  })

  it.each([
    ...['[', '{', '[[', '{a: [', '- ', '? ', ': ', '!', '! ', '&', '&a ', '*', '*a ', '"', "'", '|', '|\n', '>\n '],
    ...[
      '#',
      '# \n',
      ' #\n',
      '\n',
      ' \n',
      '\t',
      '\r',
      '\r\n',
      '%',
      '%a\n',
      '---\n',
      '...\n',
      ',',
      '[],',
      '{},',
      ']',
      '}',
    ],
    ...[
      'a: ',
      'a:\n',
      'a: a\n',
      'a: [\n',
      '- a\n',
      '- a\n  # b\n',
      '"a" ',
      '"a": ',
      '\\',
      '"\\',
      '@',
      '`',
      '<<: ',
      '\0',
      '😀',
    ],
  ])(
    'reads 100,000 characters of %j in bounded time',
    (unit) => {
      const text = unit.repeat(Math.ceil(100_000 / unit.length))
      for (const path of ['a.yaml', 'a.json']) {
        const before = process.cpuUsage()
        const { problems } = readPolicies([{ path, text }])
        const { user } = process.cpuUsage(before)
        expect(problems.length).toBeLessThanOrEqual(100_000)
        expect(user).toBeLessThan(5_000_000)
      }
    },
    60_000,
  )

  it('reports a bomb once, at the alias that goes too far', () => {
    const problems = read(bomb).problems.filter(({ code }) => code === 'alias_expansion')
    expect(problems).toHaveLength(1)
    expect(problems[0]?.source.line).toBe(6)
  })

  it('lets assignments share a list', () => {
    const rules = '  - { principal: everyone, role: Owner, repositories: *list }\n'.repeat(100)
    const { policies, problems } = read(
      `roleAssignments:\n  - { principal: everyone, role: Owner, repositories: &list [a/*, b] }\n${rules}`,
    )
    expect(problems).toEqual([])
    expect(policies?.roleAssignments).toHaveLength(101)
  })

  it('shows no more than twenty syntax errors of a file', () => {
    expect(read('a: b: c\n'.repeat(1000)).problems.length).toBeLessThanOrEqual(20)
  })

  it('finds duplicates among many keys in time', () => {
    const names = Array.from({ length: 20_000 }, (_, i) => `  t${i}: { scopeMap: _repositories_pull }`).join('\n')
    expect(read(`tokens:\n${names}\n  t7: {}`).problems).toMatchObject([
      { code: 'duplicate_key', message: 'this key is here twice, first at a.yaml:9:3' },
    ])
  }, 60_000)

  const words = fc.constantFrom(
    ...['registry', 'tokens', 'scopeMaps', 'roles', 'roleAssignments', 'principal', 'condition', 'Name', 'value'],
    ...[
      'properties',
      'principalId',
      'scopeMapId',
      'permissions',
      'everyone',
      'AcrPull',
      '__proto__',
      'constructor',
      '*',
    ],
  )
  const json = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 5 }, fc.constant(null), words, fc.integer(), tie('list'), tie('map')),
    list: fc.array(tie('value'), { maxLength: 4 }),
    map: fc.dictionary(words, tie('value'), { maxKeys: 5 }),
  }))
  test.prop([json.value])('any data is answered with problems or policies', (value) => {
    const { policies, problems } = read(JSON.stringify(value))
    expect(policies === undefined).toBe(problems.some(({ severity }) => severity === 'error'))
    for (const { source, message } of problems) {
      expect(source.line).toBeGreaterThan(0)
      expect(source.column).toBeGreaterThan(0)
      expect(message).not.toBe('')
    }
  })

  test.prop([fc.string({ unit: 'binary' })])('any text is', (text) => {
    const { policies, problems } = read(text)
    expect(policies === undefined).toBe(problems.some(({ severity }) => severity === 'error'))
  })

  test.prop([fc.nat(), fc.nat(), fc.string()])('a damaged file is', (from, length, insert) => {
    const good = `tokens: { ci: { scopeMap: m } }\nscopeMaps: { m: { actions: [repositories/a/content/read] } }\n`
    const at = from % good.length
    read(good.slice(0, at) + insert + good.slice(at + (length % 10)))
  })
})
