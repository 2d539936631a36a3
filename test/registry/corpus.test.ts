/** The bypass corpus (test/vectors), run against the parser: every target is refused as it says, or forwarded as it says. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { formatTarget } from '../../src/registry/format.ts'
import { parseRegistryRequest } from '../../src/registry/parse.ts'
import type { RegistryRequest } from '../../src/registry/request.ts'
import { type Access, parseScopes } from '../../src/registry/scope.ts'

type Verdict =
  | { readonly verdict: 'refuse'; readonly status: number; readonly code: string }
  | { readonly verdict: 'forward'; readonly target: string; readonly repositories: readonly string[] }
  | { readonly verdict: 'forward'; readonly session: string; readonly repositories: readonly string[] }

type RequestCase = {
  readonly family: string
  readonly method: string
  readonly target: string
  readonly expected: Verdict
  readonly why: string
}
type ScopeCase = {
  readonly family: string
  readonly scope: readonly string[]
  readonly expected: readonly Access[]
  readonly why: string
}

function cases<T>(file: string): readonly T[] {
  return JSON.parse(readFileSync(new URL(`../vectors/${file}.json`, import.meta.url), 'utf8')).cases
}

const short = (text: string): string => (text.length > 160 ? `${text.slice(0, 160)}… (${text.length})` : text)
const titled = <T extends RequestCase>(list: readonly T[]) =>
  list.map(
    (row) =>
      [`${row.family}: ${JSON.stringify(row.method)} ${JSON.stringify(short(row.target))}: ${row.why}`, row] as const,
  )

function repositoriesOf(request: RegistryRequest): readonly string[] {
  const name = 'name' in request && request.name !== undefined ? [request.name] : []
  return request.operation === 'mountBlob' ? [...name, request.from] : name
}

function verdictOf(method: string, target: string): Verdict {
  const parsed = parseRegistryRequest(method, target)
  if (!parsed.ok) return { verdict: 'refuse', status: parsed.error.status, code: parsed.error.code }
  const repositories = repositoriesOf(parsed.value)
  return 'session' in parsed.value
    ? { verdict: 'forward', session: parsed.value.session, repositories }
    : { verdict: 'forward', target: formatTarget(parsed.value), repositories }
}

describe.each([
  ['paths', 350],
  ['queries', 80],
])('the corpus of %s', (file, least) => {
  const rows = cases<RequestCase>(file)

  it.each(titled(rows))('%s', (_title, { method, target, expected }) => {
    expect(verdictOf(method, target)).toEqual(expected)
  })

  it('is large, has no case twice, and refuses more than it forwards', () => {
    expect(rows.length).toBeGreaterThanOrEqual(least)
    expect(new Set(rows.map(({ method, target }) => `${method} ${target}`)).size).toBe(rows.length)
    const refused = rows.filter(({ expected }) => expected.verdict === 'refuse').length
    expect(refused).toBeGreaterThan(rows.length / 2)
  })

  it('forwards nothing that is not plain ASCII without dot segments, doubled slashes or raw semicolons', () => {
    for (const { expected } of rows) {
      if ('target' in expected) expect(expected.target).toMatch(/^(?!.*(?:\/\/|\/\.))[\x21-\x3a\x3c-\x7e]+$/)
    }
  })
})

describe('the corpus of scopes', () => {
  const rows = cases<ScopeCase>('scopes')

  it.each(rows.map((row) => [`${row.family}: ${short(JSON.stringify(row.scope))}: ${row.why}`, row] as const))(
    '%s',
    (_title, { scope, expected }) => {
      expect(parseScopes(scope)).toEqual(expected)
    },
  )
})

describe('the corpus of headers', () => {
  type HeaderCase = {
    readonly headers: readonly (readonly [string, string])[]
    readonly expected: { readonly class: string }
  }
  const rows = cases<HeaderCase>('headers')

  it('is large, has no case twice, and expects refusals most often', () => {
    expect(rows.length).toBeGreaterThanOrEqual(60)
    expect(new Set(rows.map(({ headers }) => JSON.stringify(headers))).size).toBe(rows.length)
    const counts = Map.groupBy(rows, ({ expected }) => expected.class)
    expect([...counts.keys()].sort()).toEqual(['anonymous', 'basic', 'bearer', 'refuse'])
    expect(counts.get('refuse')?.length).toBeGreaterThan(rows.length / 2)
  })
})
