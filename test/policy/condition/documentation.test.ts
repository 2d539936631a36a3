import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { parseCondition } from '../../../src/policy/condition/parse.ts'

const page = readFileSync(new URL('../../../docs/conditions.md', import.meta.url), 'utf8')
const indented = page
  .split('\n\n')
  .filter((paragraph) => paragraph.startsWith('    '))
  .map((paragraph) => paragraph.replaceAll('...', 'Microsoft.ContainerRegistry/registries/repositories'))
const examples = [page.split('```')[1] ?? '', ...indented]

it('has examples', () => {
  expect(examples).toHaveLength(6)
})

it.each(examples)('docs/conditions.md: %s', (text) => {
  expect(parseCondition(text, 'strict')).toMatchObject({ ok: true, value: { warnings: [] } })
})
