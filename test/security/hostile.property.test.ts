/**
 * Text from strangers, made to break anyone who reads it: nothing throws, nothing is taken for good, and nothing takes longer
 * or more room than its length explains. There are no clocks here: what backtracks over these sizes ends in the test
 * runner's own time limit.
 */
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { digestOf } from '../../src/bundle/digest.ts'
import { parseManifest } from '../../src/bundle/manifest.ts'
import { openShard } from '../../src/bundle/shard.ts'
import { verifyManifest } from '../../src/bundle/verify.ts'
import { readPolicies } from '../../src/files/load.ts'
import { parseAuthorization } from '../../src/identity/authorization.ts'
import { matchesClaimPattern } from '../../src/identity/claim-pattern.ts'
import { isCompactJws } from '../../src/identity/compact-jws.ts'
import { parseCondition } from '../../src/policy/condition/parse.ts'
import { nextTarget } from '../../src/registry/link.ts'
import { parseMediaType } from '../../src/registry/media-type.ts'
import { parseScopes, SCOPES_MAX } from '../../src/registry/scope.ts'
import { nextQuery } from '../../src/worker/forward/pager.ts'
import { verifyIssuerJwt } from '../../src/worker/identity/issuers/verify.ts'
import { tokenKeys } from '../../src/worker/identity/keys.ts'
import { verifyMinted } from '../../src/worker/identity/minted.ts'
import { Fault } from '../../src/worker/platform/fault.ts'
import { parseChallenge } from '../../src/worker/upstream/challenge.ts'
import { bytesOf, keyOf, newKey } from '../bundle/fixture.ts'
import { ctx, makeTokenKey, NOW, noSeal } from '../identity/tools/auth-fixture.ts'
import { forge, jwks, makeKey } from '../identity/tools/issuer.ts'
import { SERVICE, viewOf } from '../identity/tools/policy.ts'

/** A list goes on nowhere, or the gate says that it does not understand where. */
function queryOrFault(link: string): unknown {
  try {
    return nextQuery(link)
  } catch (error) {
    return error
  }
}

const LONG = 100_000
/** Longer than any header that a platform lets through. */
const HEADER = 131_072

const ISSUER = 'https://ci.example.com'
const issuerKey = await makeKey('issuer-key')
const { issuers } = viewOf(
  `issuers: { ci: { issuer: ${ISSUER}, audiences: [${SERVICE}], jwks: ${JSON.stringify(jwks(issuerKey))} } }
registry: { service: ${SERVICE} }`,
).common
const ownKeys = await tokenKeys({ TOKEN_SIGNING_KEY: JSON.stringify(await makeTokenKey()) })
const policyKey = await newKey()

/** Pieces on which a pattern that backtracks would stumble. */
const PIECES = [
  ...[' ', '\t', ',', ';', '=', '"', '\\', '<', '>', '(', ')', '{', '[', '%', '*', '**', '/', 'a', 'a-', 'a.', 'a__'],
  ...['Bearer ', 'Basic ', 'Bearer a,', 'realm="', 'realm="a",', 'a=', 'a="\\', 'rel=', '<a>; rel ', '<a>;rel=x', '<<'],
  ...['repository:', 'repository:a:pull ', 'repository:a/', 'eyJ', 'eyJ.', '.', '\0', '\ud800', '🦭'],
]

describe('a header full of one piece', () => {
  it.each(PIECES)('%j ends', (piece) => {
    const text = piece.repeat(Math.ceil(HEADER / piece.length))
    for (const [before, after] of [
      ['', ''],
      ['Basic ', '='],
      ['Bearer ', '!'],
      ['<', '>; rel="next'],
      ['Bearer realm="', ''],
    ]) {
      const header = `${before}${text}${after}`
      expect(parseAuthorization(header).ok).toBe(false)
      expect(isCompactJws(header)).toBe(false)
      expect(parseScopes([header]).length).toBeLessThanOrEqual(SCOPES_MAX)
      expect(queryOrFault(header)).toSatisfy((outcome) => outcome === undefined || outcome instanceof Fault)
      nextTarget(header)
      nextTarget(header.slice(0, 30_000))
      parseMediaType(header)
      parseMediaType(header.slice(0, 1000))
      parseChallenge(header)
    }
  })

  it.each(PIECES)('and patterns of %j end', (piece) => {
    const text = piece.repeat(200)
    matchesClaimPattern(text, 'a'.repeat(2000))
    matchesClaimPattern('*a'.repeat(60), `${text}b`)
    for (const dialect of ['strict', 'azure'] as const) parseCondition(text.slice(0, 8192), dialect)
    const { policies, problems } = readPolicies([{ path: 'a.yaml', text }])
    expect(policies !== undefined || problems.length > 0).toBe(true)
  })
})

describe('a Basic credential', () => {
  test.prop([
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.base64String(),
      fc.base64String().map((text) => `Basic ${text}`),
    ),
  ])('of any text is refused, or one name and password without control characters', (text) => {
    const credential = parseAuthorization(text)
    if (!credential.ok || credential.value.kind === 'bearer') return
    expect(`${credential.value.user}${credential.value.password}`).not.toMatch(/\p{Cc}(?<![\x80-\x9f])/u)
    expect(credential.value.user).not.toContain(':')
  })
})

describe('a JWT', () => {
  const odd = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom<unknown>(
      'none',
      'NONE',
      'HS256',
      'ES256',
      'RS256',
      '',
      null,
      [],
      {},
      ['ES256'],
      1e308,
      -1,
      '__proto__',
    ),
  )
  const header = fc.dictionary(
    fc.constantFrom(
      'alg',
      'kid',
      'typ',
      'crit',
      'jwk',
      'jku',
      'x5u',
      'x5c',
      'b64',
      'enc',
      'zip',
      '__proto__',
      'constructor',
    ),
    odd,
  )
  const claims = fc
    .tuple(
      fc.dictionary(
        fc.constantFrom('iss', 'aud', 'sub', 'exp', 'nbf', 'iat', 'jti', 'access', 'groups', 'dockgate', '__proto__'),
        odd,
      ),
      fc.boolean(),
    )
    .map(([more, good]) => (good ? { iss: ISSUER, aud: SERVICE, sub: 'job', exp: NOW + 60, ...more } : more))

  test.prop([header, claims, fc.constantFrom('', 'AAAA', 'A'.repeat(86), '=')], { numRuns: 1000 })(
    'with any header and claims that nobody signed is refused',
    async (header, claims, signature) => {
      const jwt = forge(header, claims, signature)
      expect((await verifyIssuerJwt(jwt, issuers, { ctx, now: NOW, sealing: noSeal })).ok).toBe(false)
      for (const use of ['access', 'refresh'] as const) {
        expect((await verifyMinted(use, jwt, SERVICE, ownKeys, NOW)).ok).toBe(false)
      }
      expect((await verifyManifest(jwt, policyKey.signing.accepted, { pointer: 'pointer' })).ok).toBe(false)
    },
  )

  it.each([
    ['nested arrays', `${'['.repeat(LONG)}${']'.repeat(LONG)}`],
    ['nested objects', `${'{"a":'.repeat(2000)}1${'}'.repeat(2000)}`],
    ['a million names', `{"alg":"ES256","a":[${'1,'.repeat(LONG)}1]}`],
    ['a number without end', `{"exp":${'9'.repeat(LONG)}}`],
    ['no JSON', 'x'.repeat(LONG)],
    ['nothing', ''],
  ])('of %s is refused', async (_, text) => {
    const part = Buffer.from(text).toString('base64url')
    for (const jwt of [
      `${part}.e30.AAAA`,
      `eyJhbGciOiJFUzI1NiJ9.${part}.AAAA`,
      `eyJhbGciOiJFUzI1NiJ9.e30.${part}`,
      part,
      '..',
      '.'.repeat(LONG),
    ]) {
      expect((await verifyIssuerJwt(jwt, issuers, { ctx, now: NOW, sealing: noSeal })).ok).toBe(false)
      expect((await verifyMinted('access', jwt, SERVICE, ownKeys, NOW)).ok).toBe(false)
      expect((await verifyManifest(jwt, policyKey.signing.accepted, { pointer: 'pointer' })).ok).toBe(false)
    }
  })
})

describe('a bundle', () => {
  const json = fc.oneof(
    fc.jsonValue(),
    fc.dictionary(
      fc.constantFrom(
        'format',
        'serial',
        'created',
        'expires',
        'bits',
        'shards',
        'common',
        'principals',
        'grants',
        'bytes',
        '__proto__',
      ),
      fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.integer(), fc.constantFrom(1e308, -1, 2 ** 53, 0.5)),
    ),
  )

  test.prop([json], { numRuns: 1000 })('with any manifest is refused, not crashed by', (value) => {
    const parsed = parseManifest(new TextEncoder().encode(JSON.stringify(value)))
    expect(parsed.ok).toBe(false)
  })

  it.each([31, 40, 1e9, -1, 0.5])('that says it has 2 ** %d shards takes no room for them', (bits) => {
    const manifest = {
      format: 1,
      serial: 1,
      created: 1,
      expires: 2,
      bits,
      shards: '',
      common: {},
      principals: 0,
      grants: 0,
      bytes: 0,
    }
    expect(parseManifest(new TextEncoder().encode(JSON.stringify(manifest))).ok).toBe(false)
  })

  test.prop([
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.jsonValue().map((value) => JSON.stringify({ 'token:ci': value })),
    ),
  ])('with any shard of the right digest grants nothing that it does not say', async (text) => {
    const bytes = bytesOf(text)
    const shard = await openShard(await digestOf(bytes), bytes)
    if (!shard.ok) return
    let grants: unknown
    try {
      grants = shard.value.principal(keyOf('token:ci'))?.rights
    } catch (error) {
      expect(error).toBeInstanceOf(Error)
      return
    }
    // What is read as a principal was written as one.
    if (grants !== undefined) expect(text).toContain('token:ci')
  })
})

describe('a policy', () => {
  const alias = Array.from({ length: 30 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n}, *a${n}, *a${n}]`).join('\n')
  it.each([
    ['a bomb of aliases', `a0: &a0 [x]\n${alias}`],
    ['a deep list', '['.repeat(LONG)],
    ['a deep map', `${'a: {'.repeat(2000)}${'}'.repeat(2000)}`],
    ['many documents', '---\n'.repeat(LONG / 10)],
    ['many anchors', Array.from({ length: 5000 }, (_, n) => `k${n}: &a${n} v`).join('\n')],
    ['a merge key', 'a: &a { tokens: {} }\nb: { <<: *a }'],
    ['tags', 'registry: !!js/function "function () {}"'],
    ['keys of prototypes', '__proto__: { polluted: true }\nconstructor: { prototype: { polluted: true } }'],
    ['a very long key', `${'k'.repeat(LONG)}: 1`],
    ['a very long name', `tokens: { ${'n'.repeat(LONG)}: {} }`],
  ])('with %s is refused in words', (_, text) => {
    const { policies, problems } = readPolicies([{ path: 'hostile.yaml', text }])
    expect(policies).toBeUndefined()
    expect(problems.length).toBeGreaterThan(0)
    expect(problems.length).toBeLessThan(text.split('\n').length + 100)
    expect(problems.map(({ message }) => message).join('').length).toBeLessThan(10 * text.length + 10_000)
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  })
})

describe('a condition', () => {
  it.each([
    ['parentheses', '('.repeat(8192)],
    ['negations', '!'.repeat(8192)],
    ['one operand', 'a'.repeat(8192)],
    ['quotes', "'".repeat(8191)],
    ['ands', ' AND '.repeat(1600)],
    ['sets', '{'.repeat(8192)],
    ['more than its bound', ' '.repeat(LONG)],
  ])('of %s is refused', (_, text) => {
    for (const dialect of ['strict', 'azure'] as const) expect(parseCondition(text, dialect).ok).toBe(false)
  })
})
