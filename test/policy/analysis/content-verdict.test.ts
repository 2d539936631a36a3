import { describe, expect, it } from 'vitest'
import { contentVerdict, type KnownContent } from '../../../src/policy/analysis/content-verdict.ts'
import type { ProtectionData } from '../../../src/policy/decide/compiled.ts'
import { effectiveRightsOf, indexCommon, indexPrincipal } from '../../../src/policy/decide/effective-rights.ts'
import { bitsOf } from '../../../src/policy/permission-bits.ts'
import { principalKey } from '../../../src/policy/principal.ts'
import { parseRegistryRequest } from '../../../src/registry/parse.ts'
import type { Permission } from '../../../src/registry/permission.ts'
import { COMMON } from '../../bundle/fixture.ts'

const ONE = `sha256:${'1'.repeat(64)}`
const TWO = `sha256:${'2'.repeat(64)}`
const CI = principalKey({ kind: 'token', name: 'ci' })
const NOW = 0
const VERSIONS: ProtectionData = { name: 'p', on: ['app'], tags: ['v*'], writeOnce: true, message: 'Kept.' }

/** The rights of the token ci: everything, with or without quarantine/read. */
function rightsOf(protections: readonly ProtectionData[], permissions: readonly Permission[]) {
  const common = indexCommon({ ...COMMON, protections })
  const own = indexPrincipal({ grants: [{ on: '*', bits: bitsOf(permissions), rule: 'scopeMap ci' }] })
  return { common, rights: effectiveRightsOf({ authenticated: true, acts: [CI] }, common, [own]) }
}

function ask(
  line: string,
  known: KnownContent = {},
  protections: readonly ProtectionData[] = [VERSIONS],
  permissions: readonly Permission[] = ['content/read', 'content/write', 'content/delete'],
) {
  const [method = '', path = ''] = line.split(' ')
  const request = parseRegistryRequest(method, path)
  if (!request.ok) throw new Error(line)
  const { common, rights } = rightsOf(protections, permissions)
  return contentVerdict(common, rights, request.value, { now: NOW }, known)
}

const DENIED = { effect: 'deny', code: 'write_once', rule: { kind: 'protection', id: 'p' }, message: 'Kept.' }

describe('contentVerdict', () => {
  it.each<[string, KnownContent]>([
    ['PUT /v2/app/manifests/v1', { tagExists: ONE }],
    [`PUT /v2/app/manifests/${TWO}?tag=v1`, { tagExists: ONE }],
    [`PUT /v2/app/manifests/${TWO}?tag=x&tag=v1`, { tagExists: ONE }],
    ['DELETE /v2/app/manifests/v1', {}],
    ['DELETE /v2/app/manifests/v1', { tagExists: null }],
    ['DELETE /acr/v1/app/_tags/v1', {}],
    [`DELETE /v2/app/manifests/${ONE}`, { tagExists: ONE }],
    ['DELETE /acr/v1/app', { tagExists: ONE }],
    [`DELETE /v2/app/blobs/${ONE}`, {}],
    [`POST /acr/v1/_deleted/app/_manifests/${ONE}`, {}],
  ])('denies %s with %j', (line, known) => {
    expect(ask(line, known)).toEqual(DENIED)
  })

  it.each([
    ['PUT /v2/app/manifests/v1', 'the tag v1 names another digest'],
    [`PUT /v2/app/manifests/${ONE}?tag=x&tag=v1`, 'the tag v1 names another digest'],
    ['DELETE /v2/app/manifests/latest', 'a kept tag needs its manifest'],
    [`DELETE /v2/app/manifests/${ONE}`, 'a kept tag needs the manifest'],
    ['DELETE /acr/v1/app', 'the repository has a kept tag'],
  ])('cannot say of %s alone: it is denied if %s', (line, condition) => {
    expect(ask(line)).toEqual({ effect: 'depends', rule: { kind: 'protection', id: 'p' }, condition })
  })

  it.each<[string, KnownContent]>([
    ['PUT /v2/app/manifests/v1', { tagExists: null }],
    [`PUT /v2/app/manifests/${ONE}?tag=v1`, { tagExists: ONE }],
    ['PUT /v2/app/manifests/latest', { tagExists: ONE }],
    [`PUT /v2/app/manifests/${ONE}`, {}],
    ['PUT /v2/other/manifests/v1', { tagExists: ONE }],
    [`DELETE /v2/app/manifests/${TWO}`, { tagExists: ONE }],
    ['GET /v2/app/manifests/v1', {}],
    ['PATCH /acr/v1/app/_tags/v1', {}],
    ['DELETE /acr/v1/app/_tags/v1/_metadata/key', {}],
    ['GET /v2/', {}],
  ])('allows %s with %j', (line, known) => {
    expect(ask(line, known)).toEqual({ effect: 'allow' })
  })

  it.each<[string, Partial<ProtectionData>]>([
    ['exempts the caller', { except: [CI] }],
    ['is only audited', { audit: true }],
  ])('allows what a protection covers that %s', (_what, more) => {
    const protections = [{ ...VERSIONS, ...more }]
    for (const line of ['PUT /v2/app/manifests/v1', 'DELETE /v2/app/manifests/v1', `DELETE /v2/app/blobs/${ONE}`]) {
      expect(ask(line, { tagExists: ONE }, protections)).toEqual({ effect: 'allow' })
    }
  })
})

describe('contentVerdict of a pull', () => {
  const waits: ProtectionData = { name: 'waits', on: ['app'], quarantine: true }
  const rule = { kind: 'protection', id: 'waits' }

  it.each<KnownContent>([{ quarantine: 'pending' }, { quarantine: 'rejected' }])('is a deny with %j', (known) => {
    for (const reference of ['v1', ONE]) {
      expect(ask(`GET /v2/app/manifests/${reference}`, known, [waits])).toEqual({
        effect: 'deny',
        code: 'quarantined',
        rule,
      })
    }
  })

  it('depends on the state if nobody says it', () => {
    expect(ask('HEAD /v2/app/manifests/v1', {}, [waits])).toEqual({
      effect: 'depends',
      rule,
      condition: 'it is not released',
    })
  })

  it.each<[string, KnownContent, Partial<ProtectionData>, Permission[]]>([
    ['of what is released', { quarantine: 'released' }, {}, ['content/read']],
    ['by a caller with quarantine/read', { quarantine: 'pending' }, {}, ['quarantine/read']],
    ['where it is only audited', { quarantine: 'pending' }, { audit: true }, ['content/read']],
    ['from another repository', { quarantine: 'pending' }, { on: ['other'] }, ['content/read']],
  ])('is an allow %s', (_what, known, more, permissions) => {
    expect(ask('GET /v2/app/manifests/v1', known, [{ ...waits, ...more }], permissions)).toEqual({ effect: 'allow' })
  })
})
