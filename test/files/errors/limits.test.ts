/** What the author of a file reads that is too large, too deep, or too much once its aliases are expanded. */
import { describe, expect, it } from 'vitest'
import { readPolicies } from '../../../src/files/load.ts'
import { shown } from '../shown.ts'

const REGISTRY = { path: '0.yaml', text: 'registry: { service: registry.example.com }' }
const TENFOLD = Array.from(
  { length: 7 },
  (_, n) => `k${n}: &k${n} [${(n === 0 ? 'x, ' : `*k${n - 1}, `).repeat(10)}]`,
).join('\n')
const TOO_DEEP = 'too_deep: values are nested more than 64 levels deep (a policy needs six levels)'

describe('a file beyond a limit', () => {
  it.each([
    [
      'too large',
      'a.yaml',
      '#'.repeat(64 * 1024 * 1024 + 1),
      '1:1 file_too_large: the file is larger than 64 MiB (split it into several files)',
    ],
    [
      'too large',
      'a.json',
      ' '.repeat(64 * 1024 * 1024 + 1),
      '1:1 file_too_large: the file is larger than 64 MiB (split it into several files)',
    ],
    [
      'too much by aliases',
      'a.yaml',
      TENFOLD,
      '6:45 alias_expansion: aliases expand to more than a million values (write the values out, in several files)',
    ],
    ['too deep', 'a.yaml', '['.repeat(12_000), `1:65 ${TOO_DEEP}`],
    ['too deep', 'a.json', '['.repeat(12_000), `1:65 ${TOO_DEEP}`],
  ])(
    'is refused as %s: %s',
    (_, path, text, report) => {
      const { policies, problems } = readPolicies([REGISTRY, { path, text }])
      expect(problems.map(shown)).toEqual([`${path}:${report}`])
      expect(policies).toBeUndefined()
    },
    60_000,
  )
})
