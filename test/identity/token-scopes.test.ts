import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { grantScopes } from '../../src/identity/token-scopes.ts'
import { decide } from '../../src/policy/decide/decide.ts'
import {
  type EffectiveRights,
  effectiveRightsOf,
  type IndexedPrincipal,
} from '../../src/policy/decide/effective-rights.ts'
import { parsePrincipal, principalKey } from '../../src/policy/principal.ts'
import { type Access, includesScope, parseScopes, REPOSITORY_SCOPE_ACTIONS } from '../../src/registry/scope.ts'
import type { PolicyView } from '../../src/worker/store/policy-view.ts'
import { NOW } from './tools/auth-fixture.ts'
import { SERVICE, viewOf } from './tools/policy.ts'

const WRITER = 'Container Registry Repository Writer'
const view = viewOf(`
registry: { service: ${SERVICE} }
scopeMaps: { mixed: { actions: [repositories/a/content/read, repositories/b/*/content/write, repositories/b/*/content/delete] } }
tokens:
  mixed: { scopeMap: mixed, credentials: { password1: { sha256: "${'0'.repeat(63)}1" } } }
  off: { scopeMap: _repositories_admin, status: disabled, credentials: { password1: { sha256: "${'0'.repeat(63)}2" } } }
issuers: { i: { issuer: 'https://i.example.com', audiences: [${SERVICE}] } }
roleAssignments:
  - { principal: 'subject:i/tags', role: ${WRITER}, condition: "@Request[Dockgate/request:tag] StringEquals 'v1'" }
  - { principal: 'subject:i/get', role: ${WRITER}, condition: "@Request[Dockgate/request:method] StringEquals 'GET'" }
  - { principal: 'subject:i/home', role: ${WRITER}, condition: "@Request[Dockgate/request:clientIp] IpInRange '192.0.2.0/24'" }
  - { principal: 'subject:i/denied', role: ${WRITER} }
denyAssignments:
  - { name: no, principals: ['subject:i/denied'], permissions: [content/write], repositories: [a] }
`)

function rights(text: string, policies: PolicyView = view): EffectiveRights {
  const principal = parsePrincipal(text)
  if (!principal.ok) throw new Error(text)
  const key = principalKey(principal.value)
  const own = policies.principal(key)
  if (own instanceof Promise) throw new Error('not at hand')
  const known: readonly IndexedPrincipal[] = own === undefined ? [] : [own]
  return effectiveRightsOf({ authenticated: true, acts: [key] }, policies.common, known)
}

const grant = (who: string, scope: string, more: object = {}) =>
  grantScopes(parseScopes([scope]), { rights: rights(who), catalog: 'filtered', now: NOW, ...more })
    .map(({ name, actions }) => `${name}:${actions.join(',')}`)
    .join(' ')

describe('what is granted', () => {
  it.each([
    ['token:mixed', 'repository:a:*', 'a:pull'],
    ['token:mixed', 'repository:b/c:pull,push,delete', 'b/c:delete,push'],
    ['token:mixed', 'repository:b:push repository:a:push', ''],
    ['token:mixed', 'registry:catalog:* registry:deleted_catalog:*', 'catalog:*'],
    ['token:mixed', 'repository:a:deleted_read,deleted_restore', ''],
    ['token:off', 'repository:a:pull registry:catalog:*', ''],
    ['token:unknown', 'repository:a:pull', ''],
    ['subject:i/tags', 'repository:a:pull,push', 'a:pull,push'],
    ['subject:i/get', 'repository:a:pull,delete', 'a:pull'],
    ['subject:i/denied', 'repository:a:pull,push repository:b:push', 'a:pull b:push'],
  ])('%s asks %s', (who, scope, expected) => expect(grant(who, scope)).toBe(expected))

  it('knows the address of the client', () => {
    expect(grant('subject:i/home', 'repository:a:pull', { clientIp: '192.0.2.7' })).toBe('a:pull')
    expect(grant('subject:i/home', 'repository:a:pull', { clientIp: '198.51.100.7' })).toBe('')
    expect(grant('subject:i/home', 'repository:a:pull')).toBe('')
  })
})

describe('never more', () => {
  const name = fc.constantFrom('a', 'b', 'b/c', 'd')
  const access: fc.Arbitrary<Access> = fc.oneof(
    fc.record({
      type: fc.constant('repository' as const),
      name,
      actions: fc.subarray([...REPOSITORY_SCOPE_ACTIONS.keys()], { minLength: 1 }),
    }),
    fc.record({
      type: fc.constant('registry' as const),
      name: fc.constant('catalog'),
      actions: fc.constant(['*']),
    }),
  )
  const list = fc.uniqueArray(access, { selector: ({ type, name }) => `${type}:${name}` })
  const who = fc.constantFrom(
    'token:mixed',
    'token:off',
    'subject:i/tags',
    'subject:i/get',
    'subject:i/denied',
    'subject:i/x',
  )

  const within = (granted: readonly Access[], bound: readonly Access[]) =>
    granted.every((entry) => includesScope(bound, entry))

  test.prop([who, list, list])('than asked, than policy allows, than the presented token has', (text, asked, bound) => {
    const asking = { rights: rights(text), catalog: 'exact' as const, now: NOW }
    const free = grantScopes(asked, asking)
    const bounded = grantScopes(asked, { ...asking, bound })
    expect(within(free, asked)).toBe(true)
    expect(within(bounded, bound)).toBe(true)
    expect(within(bounded, free)).toBe(true)
    expect(grantScopes(asked, { ...asking, bound: [] })).toEqual([])
    for (const entry of free.filter(({ actions }) => actions.includes('push'))) {
      const question = { action: 'content/write', repository: entry.name, now: NOW } as const
      const possible = ['POST', 'PUT', 'PATCH', 'GET', 'DELETE'].map(
        (method) => decide(asking.rights, { ...question, attributes: { method } }).effect,
      )
      expect(possible).toContain('allow')
    }
  })

  test.prop([who, list, list, fc.integer({ min: 1, max: 5 })])(
    'however often a token is exchanged for another',
    (text, first, wanted, times) => {
      const asking = { rights: rights(text), catalog: 'filtered' as const, now: NOW }
      const start = grantScopes(first, asking)
      let held = start
      for (let time = 0; time < times; time++) {
        const next = grantScopes(wanted, { ...asking, bound: held })
        expect(within(next, held)).toBe(true)
        held = next
      }
      expect(within(held, start)).toBe(true)
    },
  )
})
