/** Deny assignments with `mode: audit`: they decide nothing, and are named where they would have denied. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readPolicies } from '../../src/files/load.ts'
import { callerOfPrincipal } from '../../src/identity/named-caller.ts'
import { compile } from '../../src/policy/compile/compile.ts'
import { auditedDenies, authorize } from '../../src/policy/decide/authorize.ts'
import { effectiveRightsOf, indexCommon, indexPrincipal } from '../../src/policy/decide/effective-rights.ts'
import { parsePrincipal } from '../../src/policy/principal.ts'
import { parseRegistryRequest } from '../../src/registry/parse.ts'

const NOW = 1_795_000_000

/** @param mode of every deny */
function policyWith(denies: readonly string[], mode: 'audit' | 'enforce') {
  const text = `registry: { service: registry.example.com, anonymous: [repositories/public/*/content/read] }
tokens:
  admin: { scopeMap: _repositories_admin }
  reader: { scopeMap: _repositories_pull }
${denies.length === 0 ? '' : `denyAssignments:\n${denies.map((deny) => `  - { ${deny}, mode: ${mode} }\n`).join('')}`}`
  const { policies, problems } = readPolicies([{ path: 'p.yaml', text }])
  if (policies === undefined) throw new Error(JSON.stringify(problems))
  const compiled = compile(policies)
  const common = indexCommon(compiled.common)
  return (who: string, method: string, path: string, facts = {}) => {
    const principal = parsePrincipal(who)
    const request = parseRegistryRequest(method, path)
    if (!principal.ok || !request.ok) throw new Error(`${who} ${method} ${path}`)
    const caller = callerOfPrincipal(principal.value, {}, common)
    const own = caller.acts.flatMap((key) => {
      const data = compiled.principals.get(key)
      return data === undefined ? [] : [indexPrincipal(data)]
    })
    const rights = effectiveRightsOf(caller, common, own)
    const about = { now: NOW, ...facts }
    return {
      effect: authorize(rights, common, request.value, about).effect,
      audited: auditedDenies(rights, common, request.value, about),
    }
  }
}

const DENIES = [
  'name: everybody, principals: [everyone], permissions: [content/delete]',
  'name: of-releases, principals: [token:admin], permissions: ["*"], repositories: [release/*]',
  'name: excepted, principals: [everyone], permissions: [content/read], except: [token:admin]',
  'name: of-tags, principals: [token:admin], permissions: [content/write], condition: "@Request[Dockgate/request:tag] StringEquals \'latest\'"',
  'name: over, principals: [everyone], permissions: [content/read], notAfter: 2020-01-01T00:00:00Z',
]

describe('deny assignments that are only audited', () => {
  it.each([
    ['token:admin', 'DELETE', '/v2/release/app/manifests/v1', ['of-releases', 'everybody']],
    ['token:admin', 'GET', '/v2/release/app/manifests/v1', ['of-releases']],
    ['token:admin', 'GET', '/v2/team/app/manifests/v1', []],
    ['token:admin', 'PUT', '/v2/team/app/manifests/latest', ['of-tags']],
    ['token:admin', 'PUT', '/v2/team/app/manifests/v1?tag=latest', ['of-tags']],
    ['token:admin', 'PUT', '/v2/team/app/manifests/v1', []],
    ['token:reader', 'GET', '/v2/team/app/manifests/v1', ['excepted']],
    ['anonymous', 'GET', '/v2/public/app/manifests/v1', ['excepted']],
  ])('let %s %s %s, and name %j', (who, method, path, names) => {
    const { effect, audited } = policyWith(DENIES, 'audit')(who, method, path)
    expect(effect).toBe('allow')
    expect([...audited].sort()).toEqual([...names].sort())
  })

  it('decide as a policy without them, and are named exactly where they would deny', () => {
    const requests = [
      ...['GET', 'PUT', 'DELETE'].flatMap((method) =>
        ['release/app', 'team/app', 'public/app'].flatMap((name) =>
          ['v1', 'latest'].map((tag) => [method, `/v2/${name}/manifests/${tag}`] as const),
        ),
      ),
      ['GET', '/v2/team/app/tags/list'] as const,
      ['DELETE', `/v2/release/app/blobs/sha256:${'a'.repeat(64)}`] as const,
    ]
    fc.assert(
      fc.property(
        fc.subarray(DENIES),
        fc.constantFrom('token:admin', 'token:reader', 'anonymous', 'everyone'),
        fc.constantFrom(...requests),
        (denies, who, [method, path]) => {
          const without = policyWith([], 'enforce')(who, method, path)
          const audited = policyWith(denies, 'audit')(who, method, path)
          const enforced = policyWith(denies, 'enforce')(who, method, path)
          expect(audited.effect).toBe(without.effect)
          if (without.effect === 'allow') expect(audited.audited.length > 0).toBe(enforced.effect === 'deny')
          expect(enforced.audited).toEqual([])
        },
      ),
    )
  })
})
