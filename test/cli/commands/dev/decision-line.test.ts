/** How `dockgate dev` shows each line of the Worker's log. */
import { describe, expect, it } from 'vitest'
import { Policies } from '../../../../src/cli/answers/policies.ts'
import { logLine } from '../../../../src/cli/commands/dev/decision-line.ts'
import { readPolicies } from '../../../../src/files/load.ts'

const POLICY = `scopeMaps:
  push: { actions: [repositories/a/*/content/read, repositories/a/*/content/write] }
tokens: { ci: { scopeMap: push } }
denyAssignments:
  - { name: keep, principals: [everyone], permissions: [content/delete], repositories: [release/*] }
`
const { policies: set } = readPolicies([{ path: 'p.yaml', text: POLICY }])
if (set === undefined) throw new Error('the policies are not valid')
const policies = new Policies('policies', set, [])

const shown = (line: unknown): string => logLine(typeof line === 'string' ? line : JSON.stringify(line), policies)

/** What every record holds. */
const BASE = { time: '2026-09-01T10:20:30.123Z', id: 'i1', bundle: 7, ms: 3 }
const CI = { ...BASE, principal: 'token:ci' }
const PULL = { operation: 'pullManifest', permission: 'content/read', repository: 'a/b', reference: 'v1' }
const DIGEST = `sha256:${'0'.repeat(64)}`

describe('a record of a request that policy allows', () => {
  it.each([
    {
      of: 'a pull by tag',
      record: { ...CI, ...PULL, decision: 'allow', rule: 'scopeMap push', status: 200 },
      line: '10:20:30  allow  200  token:ci  pullManifest  a/b:v1  by scope map push (policies/p.yaml:2)',
    },
    {
      of: 'a pull by digest',
      record: { ...CI, ...PULL, reference: DIGEST, decision: 'allow', rule: 'scopeMap push', status: 200 },
      line: `10:20:30  allow  200  token:ci  pullManifest  a/b@${DIGEST}  by scope map push (policies/p.yaml:2)`,
    },
    {
      of: 'a ping',
      record: { ...CI, operation: 'ping', decision: 'allow', status: 200 },
      line: '10:20:30  allow  200  token:ci  ping  needs no permission, only a credential',
    },
    {
      of: 'what the registry does not have',
      record: { ...CI, ...PULL, decision: 'allow', rule: 'scopeMap push', status: 404 },
      line: '10:20:30  allow  404  token:ci  pullManifest  a/b:v1  by scope map push (policies/p.yaml:2)',
    },
  ])('shows as allow: $of', ({ record, line }) => {
    expect(shown(record)).toBe(line)
  })
})

describe('a record of a request that is refused', () => {
  it.each([
    {
      of: 'no rule grants it',
      record: { ...CI, ...PULL, permission: 'content/write', decision: 'deny', reason: 'no_grant', status: 403 },
      line: '10:20:30  deny   403  token:ci  pullManifest  a/b:v1  token:ci has no content/write on a/b (no_grant)  id i1',
    },
    {
      of: 'a deny assignment',
      record: {
        ...CI,
        operation: 'deleteManifest',
        permission: 'content/delete',
        repository: 'release/x',
        reference: 'v1',
        decision: 'deny',
        rule: 'denyAssignment keep',
        reason: 'deny_assignment',
        status: 403,
      },
      line: '10:20:30  deny   403  token:ci  deleteManifest  release/x:v1  content/delete on release/x is denied by deny assignment keep (policies/p.yaml:5) (deny_assignment)  id i1',
    },
    {
      of: 'a wrong password',
      record: { ...BASE, operation: 'ping', decision: 'deny', reason: 'credential_invalid', status: 401 },
      line: '10:20:30  deny   401  nobody  ping  the credential was not valid (credential_invalid)  id i1',
    },
    {
      of: 'what is not a registry request',
      record: { ...BASE, decision: 'deny', reason: 'not_a_registry_request', status: 404 },
      line: '10:20:30  deny   404  nobody  request  it was not a registry request (not_a_registry_request)  id i1',
    },
  ])('shows as deny, with the permission, the rule and the id: $of', ({ record, line }) => {
    expect(shown(record)).toBe(line)
  })
})

describe('a record of a request to which the gate answers with a challenge', () => {
  it.each([
    {
      of: 'the ping of a client that has not logged in',
      record: {
        ...BASE,
        principal: 'anonymous',
        operation: 'ping',
        decision: 'deny',
        reason: 'authentication_required',
        status: 401,
      },
      line: '10:20:30  login  401  anonymous  ping  callers without a credential may not (authentication_required)  id i1',
    },
    {
      of: 'a token with too little scope',
      record: { ...CI, ...PULL, decision: 'deny', reason: 'insufficient_scope', status: 401 },
      line: '10:20:30  login  401  token:ci  pullManifest  a/b:v1  policy allowed it, but the token that was presented did not reach it (insufficient_scope)  id i1',
    },
  ])('shows as login, and never as deny: $of', ({ record, line }) => {
    expect(shown(record)).toBe(line)
  })
})

describe('a record of a request that failed', () => {
  const allowed = { ...CI, ...PULL, decision: 'allow', rule: 'scopeMap push' }
  it.each([
    {
      of: 'the registry cannot be reached',
      record: { ...allowed, reason: 'upstream_unreachable', status: 502 },
      line: '10:20:30  fail   502  token:ci  pullManifest  a/b:v1  by scope map push (policies/p.yaml:2), but the registry behind the gate could not be reached (upstream_unreachable)  id i1',
    },
    {
      of: 'the registry answers with an error of its own',
      record: { ...allowed, status: 503 },
      line: '10:20:30  fail   503  token:ci  pullManifest  a/b:v1  by scope map push (policies/p.yaml:2), but the registry behind the gate answered with an error  id i1',
    },
    {
      of: 'the gate has no policy',
      record: { ...BASE, decision: 'deny', reason: 'policy_unavailable', status: 503 },
      line: '10:20:30  fail   503  nobody  request  the gate could not read its policy (policy_unavailable)  id i1',
    },
  ])('shows as fail, and never as allow: $of', ({ record, line }) => {
    expect(shown(record)).toBe(line)
  })
})

describe('what the Worker logs next to records', () => {
  const problem = { code: 'kv_unavailable', message: 'KV does not answer' }
  it.each([
    { line: { kind: 'policy', serial: 7, keyId: 'k', warnings: [] }, words: 'policy: bundle 7 is in force' },
    {
      line: { kind: 'policy', serial: 7, keyId: 'k', problem, warnings: ['bundle 7 expires in 3 days'] },
      words: 'policy: bundle 7 is in force; KV does not answer; bundle 7 expires in 3 days',
    },
    {
      line: { kind: 'policy', problem, warnings: [] },
      words: 'policy: no bundle is in force; KV does not answer',
    },
    {
      line: { kind: 'fault', id: 'i1', fault: 'upstream_timeout', message: 'it took 60 s' },
      words: 'fault: it took 60 s',
    },
    { line: { message: 'words' }, words: 'gate: words' },
    { line: { other: 1 }, words: '{"other":1}' },
    { line: 'plain text', words: 'plain text' },
    { line: '{ not JSON', words: '{ not JSON' },
  ])('shows as $words', ({ line, words }) => {
    expect(shown(line)).toBe(words)
  })
})
