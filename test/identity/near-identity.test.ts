import { describe, expect, it } from 'vitest'
import type { ClaimTexts, IdentityRule } from '../../src/identity/federation.ts'
import { callerOfPrincipal } from '../../src/identity/named-caller.ts'
import { nearIdentities } from '../../src/identity/near-identity.ts'
import { parsePrincipal } from '../../src/policy/principal.ts'

const MAIN = 'repo:acme/app:ref:refs/heads/main'
const IDENTITIES: readonly IdentityRule[] = [
  { name: 'web', issuer: 'github', claims: { repository: 'acme/web', ref: 'refs/heads/main', event_name: 'push' } },
  { name: 'tags', issuer: 'github', claims: { repository: 'acme/web', ref: 'refs/tags/v*' } },
  { name: 'main', issuer: 'github', subject: MAIN, claims: {} },
  { name: 'both', issuer: 'github', subject: MAIN, claims: { environment: 'production' } },
  { name: 'named', issuer: 'odd', claims: { subject: 'x', constructor: 'y' } },
  { name: 'single', issuer: 'odd', claims: { name: 'robot' } },
]

function near(text: string, claims: ClaimTexts = {}) {
  const principal = parsePrincipal(text)
  if (!principal.ok) throw new Error(text)
  const found = nearIdentities(principal.value, { claims }, IDENTITIES)
  const { acts } = callerOfPrincipal(
    principal.value,
    { claims },
    { issuers: [], identities: IDENTITIES, identityDenies: {} },
  )
  for (const { name } of found) expect(acts).not.toContain(`identity:${name}`)
  return found.map(({ name, unmet }) => [
    name,
    ...unmet.map(({ claim, wanted, value }) => `${claim}: ${value ?? 'nothing'}, not ${wanted}`),
  ])
}

describe('an identity is near', () => {
  it.each<[string, string, ClaimTexts, readonly (readonly string[])[]]>([
    [
      'but for one claim; before one that meets less',
      'subject:github/acme',
      { repository: 'acme/web', ref: 'refs/pull/7/merge', event_name: 'push' },
      [
        ['web', 'ref: refs/pull/7/merge, not refs/heads/main'],
        ['tags', 'ref: refs/pull/7/merge, not refs/tags/v*'],
      ],
    ],
    [
      'but for claims that nothing is said of',
      'subject:github/acme',
      { repository: 'acme/web' },
      [
        ['tags', 'ref: nothing, not refs/tags/v*'],
        ['web', 'ref: nothing, not refs/heads/main', 'event_name: nothing, not push'],
      ],
    ],
    [
      'but for a list, which is not text',
      'subject:github/acme',
      { repository: 'acme/web', ref: ['refs/tags/v1'] },
      [['tags', 'ref: [refs/tags/v1], not refs/tags/v*']],
    ],
    [
      'but for the end of its subject',
      'subject:github/repo:acme/app:pull_request',
      {},
      [['main', `subject: repo:acme/app:pull_request, not ${MAIN}`]],
    ],
    [
      'but for the claim next to its subject',
      `subject:github/${MAIN}`,
      {},
      [['both', 'environment: nothing, not production']],
    ],
    [
      'but for a claim whose name every object has',
      'subject:odd/me',
      { subject: 'x' },
      [['named', 'constructor: nothing, not y']],
    ],
  ])('%s', (_, principal, claims, expected) => {
    expect(near(principal, claims)).toEqual(expected)
  })
})

describe('no identity is near', () => {
  it.each<[string, string, ClaimTexts]>([
    [
      'where two claims differ',
      'subject:github/acme',
      { repository: 'acme/fork', ref: 'refs/heads/x', event_name: 'push' },
    ],
    ['where nothing is said', 'subject:github/acme', {}],
    ['of another issuer', 'subject:gitlab/acme', { repository: 'acme/web', ref: 'refs/heads/main' }],
    ['where only the kind of subject is the same', 'subject:github/repo:acme/other:pull_request', {}],
    ['where the only claim differs', 'subject:odd/me', { name: 'rabot' }],
    ['where the subject is not a claim', 'subject:odd/x', {}],
    ['for a token', 'token:ci', { repository: 'acme/web' }],
    ['for a group', 'group:github/acme', { repository: 'acme/web' }],
  ])('%s', (_, principal, claims) => {
    expect(near(principal, claims)).toEqual([])
  })
})
