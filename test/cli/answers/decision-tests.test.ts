/** Decision tests that ask with a request: one that is not a registry request proves nothing about the policies. */
import { expect, it } from 'vitest'
import { failingTests } from '../../../src/cli/answers/decision-tests.ts'
import { Policies } from '../../../src/cli/answers/policies.ts'
import { readPolicies } from '../../../src/files/load.ts'

const POLICY = `registry: { service: registry.example.com }
tokens: { ci: { scopeMap: _repositories_pull } }
`

/** What is said of a test that asks this, by each that fails. */
function failures(request: string, rest: string): readonly string[] {
  const { policies, tests, problems } = readPolicies([
    { path: 'a.yaml', text: POLICY },
    { path: 'a.test.yaml', text: `tests: [ { as: token:ci, request: "${request}", ${rest} } ]` },
  ])
  expect(problems).toEqual([])
  if (policies === undefined) throw new Error('no policies')
  return failingTests(new Policies('policies', policies, tests), 0).map(({ message }) => message)
}

const NONSENSE: readonly string[] = [
  'DELTE /v2/team/a/manifests/v1',
  'delete /v2/team/a/manifests/v1',
  'DELETE /v2/team/a/manifest/v1',
  'DELETE /v1/team/a/manifests/v1',
  'DELETE v2/team/a/manifests/v1',
  'DELETE /v2/Team/a/manifests/v1',
  'GET /v2/team/../a/manifests/v1',
  'PUT /v2/team/a/blobs/sha256:00',
]

it.each(NONSENSE)('A test with the request %s and "expect: deny" fails and says how to mend it.', (request) => {
  const [message, ...others] = failures(request, 'expect: deny')
  expect(others).toEqual([])
  expect(message).toMatch(/^deny: .+; mend the request, or add reason: not_a_registry_request$/)
})

it.each(NONSENSE)('A test with the request %s passes with its reason.', (request) => {
  expect(failures(request, 'expect: deny, reason: not_a_registry_request')).toEqual([])
})

it.each([
  ['expect: allow', /^expected allow; got deny: /],
  ['expect: deny, reason: no_grant', /^expected reason no_grant, got not_a_registry_request; got deny: /],
  ['expect: allow, reason: not_a_registry_request', /^expected allow; got deny: /],
])('A test with a request that is not one and "%s" fails.', (rest, message) => {
  const [failure = '', ...others] = failures('DELTE /v2/team/a/manifests/v1', rest)
  expect(others).toEqual([])
  expect(failure).toMatch(message)
})

it.each([
  ['DELETE /v2/team/a/manifests/v1', 'expect: deny'],
  ['DELETE /v2/team/a/manifests/v1', 'expect: deny, reason: no_grant'],
  ['GET /v2/team/a/manifests/v1', 'expect: allow'],
])('A test with the request %s and "%s" passes.', (request, rest) => {
  expect(failures(request, rest)).toEqual([])
})
