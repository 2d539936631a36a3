import { isDeepStrictEqual } from 'node:util'
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import type { Value } from '../../../../src/cli/commands/token/render.ts'
import * as splice from '../../../../src/cli/commands/token/splice.ts'
import { readPolicies } from '../../../../src/files/load.ts'

/** Valid JSON is read as JSON, as a file of that name is. */
function nameOf(text: string): string {
  try {
    JSON.parse(text)
    return 'a.json'
  } catch {
    return 'a.yaml'
  }
}
const dataOf = (text: string) => splice.dataOf(nameOf(text), text)
const setValue = (text: string, path: readonly string[], value: Value | undefined) =>
  splice.setValue(nameOf(text), text, path, value)

const SHA = 'ab'.repeat(32)
const ENTRY = { scopeMap: 'm', credentials: { password1: { sha256: SHA, expires: '2027-03-01T00:00:00Z' } } }
const PASSWORD = `{ sha256: "${SHA}", expires: 2027-03-01T00:00:00Z }`
const block = (indent: string, unit = '  ') =>
  [`${indent}ci:`, `${indent}${unit}scopeMap: m`, `${indent}${unit}credentials:`]
    .concat(`${indent}${unit}${unit}password1: ${PASSWORD}`)
    .join('\n')
const FLOW = `{ scopeMap: m, credentials: { password1: ${PASSWORD} } }`
const JSON_FLOW = `{ "scopeMap": "m", "credentials": { "password1": { "sha256": "${SHA}", "expires": "2027-03-01T00:00:00Z" } } }`

describe('a token is added, and nothing else changes', () => {
  it.each([
    ['an empty file', '', `tokens:\n${block('  ')}\n`],
    ['comments only', '# ours\n', `# ours\ntokens:\n${block('  ')}\n`],
    ['no tokens key', 'registry:\n  mode: abac\n', `registry:\n  mode: abac\n\ntokens:\n${block('  ')}\n`],
    ['no final newline', 'registry: {}', `registry: {}\n\ntokens:\n${block('  ')}`],
    ['comments at the end', 'a: 1\n# of a\n\n# the end\n', `a: 1\n# of a\n\n# the end\n\ntokens:\n${block('  ')}\n`],
    ['sections without space', 'a: 1\nb: 2\n', `a: 1\nb: 2\ntokens:\n${block('  ')}\n`],
    ['a document end', 'a: 1\n...\n', `a: 1\n\ntokens:\n${block('  ')}\n...\n`],
    ['a document start', '--- # v\na: 1\n', `--- # v\na: 1\n\ntokens:\n${block('  ')}\n`],
    ['a section without value', 'tokens: # none\nb: 1\n', `tokens: # none\n${block('  ')}\nb: 1\n`],
    ['a section that is null', 'tokens: ~\nb: 1\n', `tokens:\n${block('  ')}\nb: 1\n`],
    ['an empty section', 'tokens: {}\nb: 1\n', `tokens:\n${block('  ')}\nb: 1\n`],
    ['an empty section with a comment', 'tokens: {} # none\n', `tokens: # none\n${block('  ')}\n`],
    ['an empty section, no newline', 'b: 1\ntokens: {}', `b: 1\ntokens:\n${block('  ')}`],
    ['a token', 'tokens:\n  a: {scopeMap: m}\n', `tokens:\n  a: {scopeMap: m}\n${block('  ')}\n`],
    [
      'a comment below the last token',
      'tokens:\n  a: {scopeMap: m} # one\n  # was: b\n\n# next\nb: 1\n',
      `tokens:\n  a: {scopeMap: m} # one\n  # was: b\n${block('  ')}\n\n# next\nb: 1\n`,
    ],
    [
      'tokens with space between',
      'tokens:\n  a:\n    scopeMap: m\n\n  b:\n    scopeMap: m\nx: 1\n',
      `tokens:\n  a:\n    scopeMap: m\n\n  b:\n    scopeMap: m\n\n${block('  ')}\nx: 1\n`,
    ],
    [
      'four spaces',
      'tokens:\n    a:\n        scopeMap: m\n',
      `tokens:\n    a:\n        scopeMap: m\n${block('    ', '    ')}\n`,
    ],
    ['tokens in one line', 'tokens: { a: {} } # x\n', `tokens: { a: {}, ci: ${FLOW} } # x\n`],
    ['tokens in braces, several lines', 'tokens: {\n  a: {}, # x\n}\n', undefined],
    ['a trailing comma', 'tokens: {a: {}, }\n', `tokens: {a: {}, ci: ${FLOW}, }\n`],
    [
      'CRLF',
      'a: 1\r\nb: 2\r\ntokens:\r\n  x: {}\r\n',
      `a: 1\r\nb: 2\r\ntokens:\r\n  x: {}\r\n${block('  ').replaceAll('\n', '\r\n')}\r\n`,
    ],
    ['JSON', '{"tokens":{"a":{}}}', `{"tokens":{"a":{}, "ci": ${JSON_FLOW}}}`],
    ['JSON without tokens', '{"a": 1}\n', `{"a": 1, "tokens": { "ci": ${JSON_FLOW} }}\n`],
    [
      'JSON in lines',
      '{\n  "tokens": {\n    "a": {}\n  }\n}\n',
      `{\n  "tokens": {\n    "a": {},\n    "ci": {\n      "scopeMap": "m",\n      "credentials": {\n        "password1": {\n          "sha256": "${SHA}",\n          "expires": "2027-03-01T00:00:00Z"\n        }\n      }\n    }\n  }\n}\n`,
    ],
    ['a block scalar that keeps its end', 'a: |+\n  x\n\n', `a: |+\n  x\n\ntokens:\n${block('  ')}\n\n`],
  ])('%s', (_, before, after) => {
    const result = setValue(before, ['tokens', 'ci'], ENTRY)
    if (after !== undefined) expect(result).toBe(after)
    expect(dataOf(result ?? '').value).toMatchObject({ tokens: { ci: ENTRY } })
    for (const [comment] of before.matchAll(/#.*/g)) expect(result).toContain(comment)
  })

  it.each([
    ['an alias', 'x: &t {a: {}}\ntokens: *t\n'],
    ['an anchor that something else uses', 'tokens: &t\n  a: {}\nx: *t\n'],
    ['a list', 'tokens: [a]\n'],
    ['a text', 'tokens: none\n'],
    ['a list of Azure', '[{"name": "a"}]'],
    ['a broken file', 'tokens: {a: \n'],
  ])('%s cannot be changed in place', (_, text) => {
    expect(setValue(text, ['tokens', 'ci'], ENTRY)).toBeUndefined()
  })

  it.each(['null', 'true', '123', '1e5', '-', '---', '-x', '0x1f', 'off', '_a'])('the name %s is text', (name) => {
    const result = setValue('tokens:\n  a: {}\n', ['tokens', name], ENTRY) ?? ''
    expect(Object.keys((dataOf(result).value as { tokens: object }).tokens).toSorted()).toEqual(['a', name].toSorted())
  })
})

describe('a value is replaced where it stands', () => {
  it.each([
    ['plain', 'tokens:\n  a:\n    status: enabled  # x\n', 'tokens:\n  a:\n    status: disabled  # x\n'],
    ['quoted', "tokens: {a: {status: 'enabled', b: 1}}", 'tokens: {a: {status: disabled, b: 1}}'],
    [
      'folded',
      'tokens:\n  a:\n    status: >-\n      enabled\n    b: 1\n',
      'tokens:\n  a:\n    status: disabled\n    b: 1\n',
    ],
    ['absent', 'tokens:\n  a:\n    b: 1 # y\n# end\n', 'tokens:\n  a:\n    b: 1 # y\n    status: disabled\n# end\n'],
    ['absent in braces', 'tokens: {a: {b: 1}}', 'tokens: {a: {b: 1, status: disabled}}'],
    ['JSON', '{"tokens": {"a": {"status":"enabled"}}}', '{"tokens": {"a": {"status":"disabled"}}}'],
  ])('%s', (_, before, after) => {
    expect(setValue(before, ['tokens', 'a', 'status'], 'disabled')).toBe(after)
  })

  it.each([
    ['the last in braces', 'p: {s: "x", e: y }\n', 'p: {s: "x" }\n'],
    ['the first in braces', 'p: {e: y, s: "x"}\n', 'p: {s: "x"}\n'],
    ['the only one', 'p: { e: y }\n', 'p: {  }\n'],
    ['a line', 'p:\n  s: x # a\n  e: y # b\n# c\n', 'p:\n  s: x # a\n# c\n'],
    ['the first line', 'p:\n  e: y\n  s: x\n', 'p:\n  s: x\n'],
    ['in JSON', '{"p": {"s": "x", "e": "y"}}', '{"p": {"s": "x"}}'],
    ['CRLF', 'p:\r\n  s: x\r\n  e: y\r\n', 'p:\r\n  s: x\r\n'],
  ])('removed: %s', (_, before, after) => {
    expect(setValue(before, ['p', 'e'], undefined)).toBe(after)
  })
})

const name = fc.stringMatching(/^[A-Za-z0-9_-]{1,12}$/).filter((text) => text !== '__proto__')
const token = fc.record(
  {
    scopeMap: fc.constantFrom('_repositories_pull', '_repositories_push'),
    status: fc.constantFrom('enabled', 'disabled'),
    credentials: fc.record({ password1: fc.constant({ sha256: SHA }) }),
  },
  { requiredKeys: ['scopeMap'] },
)
const document = fc.record({
  tokens: fc.option(fc.dictionary(name, token, { maxKeys: 4 }), { nil: undefined }),
  scopeMaps: fc.option(fc.dictionary(name, fc.constant({ actions: ['repositories/*/content/read'] }), { maxKeys: 3 }), {
    nil: undefined,
  }),
})
/** The same data in another dress. */
const dress = fc.record({
  flow: fc.boolean(),
  indent: fc.constantFrom(2, 3, 4),
  comments: fc.array(fc.constantFrom('', '# note', '  # deep', ' '), { maxLength: 3 }),
  windows: fc.boolean(),
  json: fc.boolean(),
  ending: fc.boolean(),
})

function write(
  data: object,
  { flow, indent, comments, windows, json, ending }: typeof dress extends fc.Arbitrary<infer T> ? T : never,
): string {
  const kept = Object.fromEntries(Object.entries(data).filter(([, value]) => value !== undefined))
  if (json) return JSON.stringify(kept, undefined, flow ? 0 : indent) + (ending ? '\n' : '')
  const text = stringify(kept, { indent, defaultStringType: 'QUOTE_SINGLE', collectionStyle: flow ? 'flow' : 'block' })
  const commented = `${comments.join('\n')}\n${text}${comments.join('\n')}`
  const lines = ending ? `${commented.trimEnd()}\n` : commented.trimEnd()
  return windows ? lines.replaceAll('\n', '\r\n') : lines
}

describe('for any file', () => {
  test.prop([document, dress, name], { numRuns: 150 })(
    'the change is all that changes',
    (data, how, wanted) => {
      const text = write(data, how)
      fc.pre(data.tokens === undefined || !Object.hasOwn(data.tokens, wanted))
      const entry = { scopeMap: '_repositories_pull', credentials: { password1: { sha256: SHA } } }
      const result = setValue(text, ['tokens', wanted], entry)
      if (result === undefined) throw new Error(`no result for ${JSON.stringify(text)}`)
      // What was there is still there, in order, and in one piece on each side.
      const [head, tail] = ends(text, result)
      expect(text.length - head - tail).toBeLessThanOrEqual(text.includes('{}') ? 4 : 0)
      const before = readPolicies([{ path: 'a.yaml', text }]).policies
      const after = readPolicies([{ path: 'a.yaml', text: result }]).policies
      const strip = (tokens: readonly { name: string }[] = []) =>
        tokens.map(({ name: own, ...rest }) => [own, { ...rest, source: 0 }])
      const added = [
        wanted,
        {
          scopeMap: '_repositories_pull',
          status: 'enabled',
          credentials: [{ name: 'password1', sha256: SHA }],
          source: 0,
        },
      ]
      expect(after).toBeDefined()
      expect(new Map(strip(after?.tokens) as [string, object][])).toEqual(
        new Map([...strip(before?.tokens), added] as [string, object][]),
      )
      expect(after?.scopeMaps.map((map) => map.name)).toEqual((before?.scopeMaps ?? []).map((map) => map.name))
      expect(isDeepStrictEqual(dataOf(result).value, dataOf(text).value)).toBe(false)
    },
    30_000,
  )
})

/** Lengths of the common beginning and, of what is left, the common end. */
function ends(a: string, b: string): [number, number] {
  let head = 0
  while (head < a.length && a[head] === b[head]) head++
  let tail = 0
  while (tail < a.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++
  return [head, tail]
}
