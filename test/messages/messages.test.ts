/**
 * That every message which a person can meet has a test: each text of which an error, a warning or a finding is made is
 * part of a message that some test asserts in full, letter by letter and with its place or exit status.
 *
 * The tests of messages run here once more, with marks in the texts of the sources. A string with marks equals what a test
 * expects if it does without them; then its texts are asserted.
 */
import { describe, expect, inject, it } from 'vitest'
import { MARK } from './texts.ts'

const texts = new Map(inject('texts').map((text) => [text.mark, text]))
const asserted = new Set<string>()

expect.addEqualityTesters([
  (a: unknown, b: unknown) => {
    if (typeof a !== 'string' || typeof b !== 'string') return undefined
    const marks = a.match(MARK)
    if (marks === null || b.search(MARK) !== -1) return undefined
    const isEqual = a.replace(MARK, '') === b
    for (const mark of marks) if (isEqual && new RegExp(texts.get(mark)?.form ?? '').test(b)) asserted.add(mark)
    return isEqual
  },
])

/** The tests that assert messages. */
const TESTS = [
  'bundle/problems',
  'cli/bundles/policy-source',
  'cli/probing/probe',
  'cli/commands/dev/record-log',
  'cli/commands/dev/reload',
  'cli/bundles/label',
  'cli/gates/gate-commands',
  'cli/commands/deploy/deploy',
  'cli/refusals',
  'cli/store-refusals',
  'cli/stores',
  'cli/records/logs',
  'cli/serve-refusals',
  ...[
    'deny-assignments',
    'empty-file',
    'hints',
    'issuers',
    'limits',
    'protections',
    'registry',
    'role-assignments',
    'roles',
    'scope-maps',
  ].map((name) => `files/errors/${name}`),
  'files/errors/syntax',
  'files/errors/tokens',
  'files/folder',
  'files/indentation',
  'files/json',
  'files/reported',
  'importers/findings',
  'importers/refused',
  'lint/lints',
  'policy/condition/parse',
  'registry/refused',
]

describe.each(TESTS)('%s', async (name) => {
  await import(/* @vite-ignore */ `${import.meta.dirname}/../${name}.test.ts`)
})

it('leaves no text without a test that asserts it in full', () => {
  const missing = [...texts.values()].filter(({ mark }) => !asserted.has(mark))
  expect(missing.map(({ place, text }) => `${place} ${text}`)).toEqual([])
})
