import { describe, expect, it } from 'vitest'
import {
  type Claims,
  callerOfFederation,
  federate,
  type IdentityRule,
  type IssuerRule,
  type VerifiedBy,
} from '../../src/identity/federation.ts'
import { libtrustKeyId } from '../../src/identity/key-id.ts'
import { callerOfPrincipal } from '../../src/identity/named-caller.ts'
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

const VERIFIED_BY: VerifiedBy = { thumbprint: 'T', algorithm: 'RS256' }

/** All identities are denied something, so that those that the caller may be are in the answer. */
function callerOf(
  claims: Claims,
  identities: readonly IdentityRule[] = [],
  read: readonly string[] = [],
  rule: Partial<IssuerRule> = {},
) {
  const federation = federate({ ...issuer, ...rule }, { aud: 'a', oid: 'u1', ...claims }, VERIFIED_BY, read)
  if (!federation.ok) return federation.error
  const identityDenies = Object.fromEntries(identities.map(({ name }) => [`identity:${name}`, []]))
  return callerOfFederation({ ...issuer, ...rule }, federation.value, { identities, identityDenies })
}

describe('groups', () => {
  it.each<[string, Claims, readonly string[]]>([
    ['a list', { groups: ['g1', 'g2'] }, ['group:entra/g1', 'group:entra/g2']],
    ['a repeated one', { groups: ['g1', 'g1'] }, ['group:entra/g1']],
    ['one text', { groups: 'g1' }, ['group:entra/g1']],
    ['an empty list', { groups: [] }, []],
    ['a list and another claim', { groups: ['g1'], roles: ['g2'] }, ['group:entra/g1']],
    ['no overage', { groups: ['g1'], hasgroups: false }, ['group:entra/g1']],
    ['overage of something else', { groups: ['g1'], _claim_names: { roles: 'src1' } }, ['group:entra/g1']],
  ])('%s', (_, claims, keys) => {
    expect(callerOf(claims)).toEqual({ authenticated: true, acts: ['subject:entra/u1', ...keys], claims: {} })
  })

  const unknown = { authenticated: true, acts: ['subject:entra/u1'], groupsUnknownOf: 'entra', claims: {} }

  it.each<[string, Claims]>([
    ['a missing claim', {}],
    ['null', { groups: null }],
    ['another claim', { roles: ['g1'] }],
    ['overage', { _claim_names: { groups: 'src1' }, _claim_sources: { src1: {} } }],
    ['overage next to a list', { groups: ['g1'], _claim_names: { groups: 'src1' } }],
    ['overage of the implicit flow', { hasgroups: true }],
    ['overage as text', { hasgroups: 'true' }],
    ['more than are looked up', { groups: Array.from({ length: 257 }, (_, at) => `g${at}`) }],
    ['a number', { groups: 7 }],
    ['an object', { groups: { g1: true } }],
    ['a list with something else', { groups: ['g1', 7] }],
  ])('%s: unknown, so that no grant on a group counts and every deny does', (_, claims) => {
    expect(callerOf(claims)).toEqual(unknown)
  })

  it.each<[string, Claims, object]>([
    ['a missing claim: no groups', {}, { authenticated: true, acts: ['subject:entra/u1'], claims: {} }],
    ['null: no groups', { groups: null }, { authenticated: true, acts: ['subject:entra/u1'], claims: {} }],
    ['overage', { hasgroups: true }, unknown],
    ['a number', { groups: 7 }, unknown],
  ])('of an issuer that leaves the claim out when it is empty: %s', (_, claims, expected) => {
    expect(callerOf(claims, [], [], { claimsOmittedWhenEmpty: ['groups'] })).toEqual(expected)
  })
})

describe('an identity', () => {
  const main = identity('main', { subject: 'u1', claims: { repository: 'acme/*', ref: 'refs/heads/main' } })
  const good = { repository: 'acme/app', ref: 'refs/heads/main' }
  const read = ['repository', 'ref', 'constructor']
  const memberships = (claims: Claims, rule = main, settings: Partial<IssuerRule> = {}) => {
    const caller = callerOf(claims, [rule], read, settings)
    return typeof caller === 'string' ? caller : { is: caller.acts.slice(1), mayBe: caller.mayBe ?? [] }
  }
  const YES = { is: ['identity:main'], mayBe: [] }
  const NO = { is: [], mayBe: [] }
  const UNKNOWN = { is: [], mayBe: ['identity:main'] }

  it('matches when everything does', () => expect(memberships(good)).toEqual(YES))

  it.each<[string, Claims]>([
    ['another subject', { ...good, oid: 'u2' }],
    ['another subject and a missing claim', { oid: 'u2', repository: 'acme/app' }],
    ['another value', { ...good, repository: 'evil/app' }],
    ['another value and a missing claim', { repository: 'evil/app' }],
    ['another value and an odd claim', { repository: 'evil/app', ref: 7 }],
    ['another letter case', { ...good, ref: 'refs/heads/Main' }],
    ['an empty text', { ...good, ref: '' }],
    ['a text that is too long for a pattern, where the exact claim differs', { ...good, ref: 'x'.repeat(2000) }],
  ])('does not match with %s', (_, claims) => expect(memberships(claims)).toEqual(NO))

  it.each<[string, Claims]>([
    ['a missing claim', { repository: 'acme/app' }],
    ['no claim at all', {}],
    ['null', { ...good, ref: null }],
    ['a list with the value', { ...good, ref: ['refs/heads/main'] }],
    ['a list without the value', { ...good, ref: ['refs/heads/other'] }],
    ['an empty list', { ...good, ref: [] }],
    ['a number', { ...good, ref: 1 }],
    ['a boolean', { ...good, ref: true }],
    ['an object', { ...good, ref: { toString: 'refs/heads/main' } }],
    ['a list of something else', { ...good, ref: [7] }],
    ['a text that is too long for a pattern', { ...good, repository: `acme/${'x'.repeat(1020)}` }],
  ])('may match with %s: it does not grant, and its deny holds', (_, claims) => {
    expect(memberships(claims)).toEqual(UNKNOWN)
  })

  it.each<[string, Claims, object]>([
    ['a missing claim', { repository: 'acme/app' }, NO],
    ['null', { ...good, ref: null }, NO],
    ['the value', good, YES],
    ['a list', { ...good, ref: [] }, UNKNOWN],
    ['a number', { ...good, ref: 0 }, UNKNOWN],
    ['another claim missing', { ref: 'refs/heads/main' }, UNKNOWN],
  ])('of an issuer that leaves the claim out when it is empty: %s', (_, claims, expected) => {
    expect(memberships(claims, main, { claimsOmittedWhenEmpty: ['ref'] })).toEqual(expected)
  })

  it('that policy did not read when the federation was made is not readable, and not absent', () => {
    const federation = federate(issuer, { aud: 'a', oid: 'u1', ...good }, VERIFIED_BY, ['ref'])
    if (!federation.ok) throw new Error(federation.error)
    const now = { identities: [], identityDenies: {}, claims: ['ref', 'kind', 'team'] }
    expect(callerOfFederation(issuer, federation.value, now)).toMatchObject({
      claims: { ref: good.ref },
      unreadClaims: ['kind', 'team'],
    })
    const { unreadClaims } = callerOfFederation(issuer, federation.value, { identities: [], identityDenies: {} })
    expect(unreadClaims).toBeUndefined()
  })

  it('that denies nothing is not one that the caller may be', () => {
    const federation = federate(issuer, { aud: 'a', oid: 'u1' }, VERIFIED_BY, read)
    if (!federation.ok) throw new Error(federation.error)
    const caller = callerOfFederation(issuer, federation.value, { identities: [main], identityDenies: {} })
    expect(caller).not.toHaveProperty('mayBe')
  })

  it('does not match by inherited properties', () => {
    expect(memberships(good, identity('main', { claims: { constructor: '**' } }))).toEqual(UNKNOWN)
  })

  it('does not match without a rule, or as another issuer’s', () => {
    expect(memberships(good, identity('main', {}))).toEqual(NO)
    expect(memberships(good, { ...main, issuer: 'other' })).toEqual(NO)
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
  const policy = {
    issuers: [issuer, { ...issuer, name: 'strict', claimsOmittedWhenEmpty: ['groups'] }],
    identities,
    identityDenies: { 'identity:two': [] },
  }
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
    expect(callerOfPrincipal(principal.value, extras, policy)).toMatchObject({ authenticated: true, acts })
  })

  it.each<[string, object, object]>([
    ['subject:entra/u2', {}, { groupsUnknownOf: 'entra', mayBe: ['identity:two'] }],
    ['subject:entra/u2', { groups: [] }, { mayBe: ['identity:two'] }],
    ['subject:entra/u2', { groups: ['g'], claims: { team: 'b' } }, {}],
    ['subject:strict/u2', {}, {}],
    ['subject:other/u2', {}, { groupsUnknownOf: 'other' }],
    ['identity:one', {}, {}],
    ['group:entra/g', {}, {}],
    ['token:ci', {}, {}],
    ['everyone', {}, {}],
  ])('%s %o: what it may be is %o', (text, extras, expected) => {
    const principal = parsePrincipal(text)
    if (!principal.ok) throw new Error(text)
    const { groupsUnknownOf, mayBe } = callerOfPrincipal(principal.value, extras, policy)
    expect({ groupsUnknownOf, mayBe }).toEqual({ groupsUnknownOf: undefined, mayBe: undefined, ...expected })
  })

  it('anonymous is nobody', () => {
    expect(callerOfPrincipal({ kind: 'anonymous' }, { groups: ['g'] }, policy)).toEqual({
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
  const key = { thumbprint: 'T', algorithm: 'RS256', read: { from: 'https://keys.example.com', at: 1 } }
  const federation = {
    name: 'entra',
    key,
    issuer: 'i',
    audience: 'a',
    subjectClaim: 'oid',
    groupsClaim: 'groups',
    subject: 'u1',
    groups: [],
    read: [],
    claims: {},
    odd: [],
  }
  const withKey = (changed: unknown) => ({
    sub: 'u1',
    access: [],
    dockgate: { federation: { ...federation, key: changed } },
  })

  it.each<[string, Claims]>([
    ['a token', good],
    ['anonymous', { sub: '', access: [], dockgate: {} }],
    ['federation', { sub: 'u1', access: [], dockgate: { federation } }],
    ['a key of the policy', withKey({ thumbprint: 'T', algorithm: 'RS256' })],
    ['missing groups', { sub: 'u1', access: [], dockgate: { federation: { ...federation, groups: 'missing' } } }],
    ['unknown groups', { sub: 'u1', access: [], dockgate: { federation: { ...federation, groups: 'unknown' } } }],
  ])('%s', (_, claims) => expect(parseMintedClaims('access', claims).ok).toBe(true))

  it.each<[string, Claims]>([
    ['no origin', { ...good, dockgate: undefined }],
    ['origin of another kind', { ...good, dockgate: [] }],
    ['no access', { ...good, access: undefined }],
    ['access that is not a list', { ...good, access: {} }],
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
    ['no key, as older gates made it', withKey(undefined)],
    ['a key by its kid', withKey('key-1')],
    ['a key without its thumbprint', withKey({ algorithm: 'RS256' })],
    ['a key without its algorithm', withKey({ thumbprint: 'T' })],
    ['a key that was read at no time', withKey({ ...key, read: { from: 'x' } })],
    ['a key that was read nowhere', withKey({ ...key, read: { at: 1 } })],
    ['no odd claims', { sub: 'u1', access: [], dockgate: { federation: { ...federation, odd: undefined } } }],
    ['a foreign subject', { sub: 'u2', access: [], dockgate: { federation } }],
  ])('not with %s', (_, claims) => expect(parseMintedClaims('access', claims).ok).toBe(false))

  it('a refresh token needs no access, but none that is wrong', () => {
    expect(parseMintedClaims('refresh', { ...good, access: undefined }).ok).toBe(true)
    expect(parseMintedClaims('refresh', { ...good, access: 'all' }).ok).toBe(false)
  })
})
