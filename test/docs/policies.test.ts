/** Every policy in the documents is one that loads, and every decision test one that passes on the example. */

import { describe, expect, it } from 'vitest'
import { textsOf } from '../../src/cli/commands/init/texts.ts'
import { PolicyFile, TestFile } from '../../src/files/definition.ts'
import { readPolicies } from '../../src/files/load.ts'
import { EXAMPLES } from '../support/examples.ts'
import { blocksOf, documents, readDocument } from './markdown.ts'

const SECTIONS = Object.keys(PolicyFile.shape)

const POLICIES = [...EXAMPLES].map(([path, text]) => ({ path, text }))

/** What the tutorial begins with. */
const WRITTEN_BY_INIT = textsOf(
  { upstream: '', host: 'registry.example.com', callers: 'tokens', push: 'samples/*', pusher: '' },
  'registry.example.com',
)
const TUTORIAL = [{ path: 'policy.yaml', text: WRITTEN_BY_INIT.policy }]

const yamlBlocks = documents().flatMap((path) =>
  blocksOf(readDocument(path)).flatMap(({ language, text, line, write }) =>
    language === 'yaml' ? [{ place: `${path}:${line}`, text, written: write }] : [],
  ),
)

const startsWith = (text: string, keys: readonly string[]): boolean =>
  keys.some((key) => new RegExp(`^${key.replace('$', '\\$')}:`, 'm').test(text))

describe('policies in documents', () => {
  const blocks = yamlBlocks.filter(({ text }) => startsWith(text, SECTIONS) && !/^(?:on|jobs|auth|steps):/m.test(text))

  it.each(blocks)('$place is valid', ({ place, text, written }) => {
    // What is written goes next to the example, or in the place of a part of it.
    const basis = place.startsWith('docs/tutorial.md:') ? TUTORIAL : POLICIES
    const others = written === undefined ? [] : basis.filter(({ path }) => `policies/${path}` !== written)
    const { problems } = readPolicies([...others, { path: 'shown.yaml', text }])
    const errors = problems.filter(({ severity }) => severity === 'error')
    expect(errors.map(({ message }) => message)).toEqual([])
  })

  it('are found', () => {
    expect(blocks.length).toBeGreaterThan(10)
  })
})

describe('decision tests in documents', () => {
  const blocks = yamlBlocks.filter(({ text }) =>
    startsWith(
      text,
      Object.keys(TestFile.shape).filter((key) => key === 'tests'),
    ),
  )

  it.each(blocks)('$place can be read', ({ text }) => {
    const { problems, tests } = readPolicies([...POLICIES, { path: 'shown.test.yaml', text }])
    expect(problems.filter(({ severity }) => severity === 'error')).toEqual([])
    expect(tests.length).toBeGreaterThan(0)
  })
})
