import { describe, expect, it } from 'vitest'
import { callerOfPrincipal } from '../../src/identity/assume.ts'
import {
  type Claims,
  callerOfFederation,
  federate,
  type IdentityRule,
  type IssuerRule,
} from '../../src/identity/federation.ts'
import { libtrustKeyId } from '../../src/identity/key-id.ts'
import { credentialFingerprint, findCredential } from '../../src/identity/secret.ts'
import { parseMintedClaims } from '../../src/identity/token-claims.ts'
import { parsePrincipal } from '../../src/policy/principal.ts'

const issuer: IssuerRule = {
  name: 'entra',
  issuer: 'https://sts.windows.net/t/',
  audiences: ['a', 'b'],
  algorithms: ['RS256'],
  subjectClaim: 'oid',
  groupsClaim: 'groups',
}
const identity = (name: string, rule: Partial<IdentityRule>): IdentityRule => ({
  name,
  issuer: 'entra',
  claims: {},
  ...rule,
})

function callerOf(claims: Claims, identities: readonly IdentityRule[] = [], read: readonly string[] = []) {
  const federation = federate(issuer, { aud: 'a', oid: 'u1', ...claims }, undefined, read)
  if (!federation.ok) return federation.error
  return callerOfFederation(issuer, federation.value, identities)
}

describe('groups', () => {
  it.each<[string, Claims, readonly string[]]>([
    ['a list', { groups: ['g1', 'g2'] }, ['group:entra/g1', 'group:entra/g2']],
    ['a repeated one', { groups: ['g1', 'g1'] }, ['group:entra/g1']],
    ['one text', { groups: 'g1' }, ['group:entra/g1']],
    ['none', {}, []],
    ['null', { groups: null }, []],
    ['an empty list', { groups: [] }, []],
    ['another claim', { roles: ['g1'] }, []],
    ['no overage', { groups: ['g1'], hasgroups: false }, ['group:entra/g1']],
    ['overage of something else', { groups: ['g1'], _claim_names: { roles: 'src1' } }, ['group:entra/g1']],
  ])('%s', (_, claims, keys) => {
    expect(callerOf(claims)).toEqual({ authenticated: true, acts: ['subject:entra/u1', ...keys], claims: {} })
  })

  it.each<[string, Claims]>([
    ['overage', { _claim_names: { groups: 'src1' }, _claim_sources: { src1: {} } }],
    ['overage beside a list', { groups: ['g1'], _claim_names: { groups: 'src1' } }],
    ['overage of the implicit flow', { hasgroups: true }],
    ['overage as text', { hasgroups: 'true' }],
    ['more than are looked up', { groups: Array.from({ length: 257 }, (_, at) => `g${at}`) }],
    ['a number', { groups: 7 }],
    ['an object', { groups: { g1: true } }],
    ['a list with something else', { groups: ['g1', 7] }],
  ])('%s: unknown, so that no grant on a group counts and every deny does', (_, claims) => {
    expect(callerOf(claims)).toEqual({
      authenticated: true,
      acts: ['subject:entra/u1'],
      groupsUnknownOf: 'entra',
      claims: {},
    })
  })
})

describe('an identity', () => {
  const main = identity('main', { subject: 'u1', claims: { repository: 'acme/*', ref: 'refs/heads/main' } })
  const good = { repository: 'acme/app', ref: 'refs/heads/main' }
  const acts = (claims: Claims, rule = main) => {
    const caller = callerOf(claims, [rule], ['repository', 'ref', 'constructor'])
    return typeof caller === 'string' ? caller : caller.acts.slice(1)
  }

  it('matches when everything does', () => expect(acts(good)).toEqual(['identity:main']))

  it.each<[string, Claims]>([
    ['another subject', { ...good, oid: 'u2' }],
    ['another value', { ...good, repository: 'evil/app' }],
    ['another letter case', { ...good, ref: 'refs/heads/Main' }],
    ['a missing claim', { repository: 'acme/app' }],
    ['a list with the value', { ...good, ref: ['refs/heads/main'] }],
    ['a number', { ...good, ref: 1 }],
    ['an object', { ...good, ref: { toString: 'refs/heads/main' } }],
  ])('does not with %s', (_, claims) => expect(acts(claims)).toEqual([]))

  it('does not match by inherited properties', () => {
    expect(acts(good, identity('x', { claims: { constructor: '**' } }))).toEqual([])
  })

  it('does not match without a rule, or as another issuer’s', () => {
    expect(acts(good, identity('x', {}))).toEqual([])
    expect(acts(good, { ...main, issuer: 'other' })).toEqual([])
  })
})

describe('claims of a JWT', () => {
  it('that policy reads are kept, if they are text', () => {
    const read = ['team', 'list', 'number', 'mixed', 'missing']
    expect(callerOf({ team: 'a', list: ['b'], number: 1, mixed: ['a', 1], other: 'x' }, [], read)).toMatchObject({
      claims: { team: 'a', list: ['b'] },
    })
  })

  it.each<[string, Claims, string]>([
    ['no subject', { oid: undefined, sub: 'u1' }, 'subject_missing'],
    ['a foreign audience', { aud: 'c' }, 'audience_foreign'],
  ])('%s', (_, claims, problem) => expect(callerOf(claims)).toBe(problem))
})

describe('a principal that is named', () => {
  const identities = [identity('one', { subject: 'u1' }), identity('two', { claims: { team: 'a*' } })]
  it.each<[string, object, readonly string[]]>([
    ['token:ci', {}, ['token:ci']],
    ['token:ci', { groups: ['g'], claims: { team: 'ab' } }, ['token:ci']],
    ['subject:entra/u1', {}, ['subject:entra/u1', 'identity:one']],
    [
      'subject:entra/u2',
      { claims: { team: 'ab' }, groups: ['g'] },
      ['subject:entra/u2', 'group:entra/g', 'identity:two'],
    ],
    ['subject:other/u1', {}, ['subject:other/u1']],
    ['identity:one', { groups: ['g'] }, ['identity:one', 'group:entra/g']],
    ['identity:unknown', { groups: ['g'] }, ['identity:unknown']],
    ['group:entra/g', { groups: ['g', 'h'] }, ['group:entra/g', 'group:entra/h']],
    ['everyone', {}, []],
  ])('%s %o', (text, extras, acts) => {
    const principal = parsePrincipal(text)
    if (!principal.ok) throw new Error(text)
    expect(callerOfPrincipal(principal.value, extras, identities)).toMatchObject({ authenticated: true, acts })
  })

  it('anonymous is nobody', () => {
    expect(callerOfPrincipal({ kind: 'anonymous' }, { groups: ['g'] }, identities)).toEqual({
      authenticated: false,
      acts: [],
    })
  })
})

describe('a password', () => {
  const digest = (letter: string) => letter.repeat(64)
  const credentials = [
    { name: 'password1', sha256: digest('a'), expires: 100 },
    { name: 'password2', sha256: digest('b') },
  ]
  it.each([
    ['the first', digest('a'), 99, 'password1'],
    ['the second', digest('b'), 99, 'password2'],
    ['expired', digest('a'), 100, undefined],
    ['wrong', digest('c'), 0, undefined],
    ['the filling of a missing one', digest('0'), 0, undefined],
    ['a prefix', 'a', 0, undefined],
    ['nothing', '', 0, undefined],
  ])('%s', (_, sha256, now, name) => {
    expect(findCredential(credentials, sha256, now)?.name).toBe(name)
    expect(findCredential([], sha256, now)).toBeUndefined()
  })

  it('leaves a fingerprint that is short of it', () => {
    expect(credentialFingerprint({ name: 'p', sha256: digest('a') })).toBe('a'.repeat(16))
  })
})

describe('a key id', () => {
  it('is the libtrust fingerprint', () => {
    const digest = Uint8Array.from({ length: 32 }, (_, at) => at)
    expect(libtrustKeyId(digest)).toBe('AAAQ:EAYE:AUDA:OCAJ:BIFQ:YDIO:B4IB:CEQT:CQKR:MFYY:DENB:WHA5')
  })
})

describe('claims that say they are ours are read strictly', () => {
  const good = { sub: 'ci', access: [], dockgate: { token: 'ci', credential: 'ff' } }
  const federation = {
    name: 'entra',
    issuer: 'i',
    audience: 'a',
    subjectClaim: 'oid',
    groupsClaim: 'groups',
    subject: 'u1',
    groups: [],
    read: [],
    claims: {},
  }

  it.each<[string, Claims]>([
    ['a token', good],
    ['anonymous', { sub: '', access: [], dockgate: {} }],
    ['federation', { sub: 'u1', access: [], dockgate: { federation } }],
    ['unknown groups', { sub: 'u1', access: [], dockgate: { federation: { ...federation, groups: 'unknown' } } }],
  ])('%s', (_, claims) => expect(parseMintedClaims('access', claims).ok).toBe(true))

  it.each<[string, Claims]>([
    ['no origin', { ...good, dockgate: undefined }],
    ['origin of another kind', { ...good, dockgate: [] }],
    ['no access', { ...good, access: undefined }],
    ['access that is no list', { ...good, access: {} }],
    ['access of an unknown type', { ...good, access: [{ type: 'moon', name: 'x', actions: [] }] }],
    ['access without actions', { ...good, access: [{ type: 'repository', name: 'x' }] }],
    ['access with other actions', { ...good, access: [{ type: 'repository', name: 'x', actions: [1] }] }],
    ['another subject', { ...good, sub: 'cd' }],
    ['no subject', { ...good, sub: undefined }],
    ['an anonymous one with a subject', { ...good, dockgate: {} }],
    ['no fingerprint', { ...good, dockgate: { token: 'ci' } }],
    ['an empty fingerprint', { ...good, dockgate: { token: 'ci', credential: '' } }],
    ['a name that none can have', { ...good, sub: 'a/b', dockgate: { token: 'a/b', credential: 'ff' } }],
    ['two origins', { ...good, dockgate: { token: 'ci', credential: 'ff', federation } }],
    ['an end that is text', { ...good, dockgate: { ...good.dockgate, until: '9' } }],
    [
      'a federation without claims',
      { sub: 'u1', access: [], dockgate: { federation: { ...federation, claims: null } } },
    ],
    [
      'a federation that does not say what was read',
      { sub: 'u1', access: [], dockgate: { federation: { ...federation, read: undefined } } },
    ],
    ['other groups', { sub: 'u1', access: [], dockgate: { federation: { ...federation, groups: 'all' } } }],
    ['a foreign subject', { sub: 'u2', access: [], dockgate: { federation } }],
  ])('not with %s', (_, claims) => expect(parseMintedClaims('access', claims).ok).toBe(false))

  it('a refresh token needs no access, but none that is wrong', () => {
    expect(parseMintedClaims('refresh', { ...good, access: undefined }).ok).toBe(true)
    expect(parseMintedClaims('refresh', { ...good, access: 'all' }).ok).toBe(false)
  })
})
