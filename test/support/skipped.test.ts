/** What the end of `npm test` says of tests that did not run. */
import { describe, expect, it } from 'vitest'
import { formatSkipped, type Skipped } from './skipped.ts'

const one = (file: string, count: number, ...notes: readonly string[]): Skipped => ({ file, count, notes })

describe('the last lines of a run', () => {
  it.each([
    { of: 'nothing where everything ran', skipped: [], missing: ['crane'], lines: [''] },
    {
      of: 'what is missing',
      skipped: [one('e2e/gate.test.ts', 12), one('dev/docker-registry.test.ts', 1)],
      missing: ['crane', 'cosign'],
      lines: [
        '13 tests were skipped:',
        '  e2e/gate.test.ts: 12 (a program is missing)',
        '  dev/docker-registry.test.ts: 1 (a program is missing)',
        'Missing on this machine: crane, cosign. `.ci/clients` installs them on Debian.',
      ],
    },
    {
      of: 'what the tests themselves said',
      skipped: [one('dev/registry.test.ts', 1, 'no tagDelete')],
      missing: [],
      lines: ['1 test was skipped:', '  dev/registry.test.ts: 1 (no tagDelete)'],
    },
    {
      of: 'a reason also where there is none',
      skipped: [one('e2e/gate.test.ts', 2)],
      missing: [],
      lines: ['2 tests were skipped:', '  e2e/gate.test.ts: 2 (not for this run or machine)'],
    },
  ])('say $of', ({ skipped, missing, lines }) => {
    expect(formatSkipped(skipped, missing).split('\n')).toEqual(lines)
  })
})
