import { fc, test } from '@fast-check/vitest'
import { base64url } from 'jose'
import { describe, expect, it } from 'vitest'
import { err, ok, type Result } from '../../src/base/result.ts'
import { shardKey } from '../../src/bundle/digest.ts'
import { generateKey, parsePublicKeys, parseSigningKey } from '../../src/bundle/keys.ts'
import { digestFor, digestsOf, formatManifest, parseManifest } from '../../src/bundle/manifest.ts'
import { readPrincipalData } from '../../src/bundle/policy-shape.ts'
import type { BundleProblem } from '../../src/bundle/problem.ts'
import { restorePolicy } from '../../src/bundle/restore.ts'
import { openShard } from '../../src/bundle/shard.ts'
import { verifyManifest } from '../../src/bundle/verify.ts'
import { compile } from '../../src/policy/compile/compile.ts'
import type { CompiledPolicy } from '../../src/policy/decide/compiled.ts'
import { indexPrincipal } from '../../src/policy/decide/effective-rights.ts'
import { principalOf, syntheticPolicies, withOneChange } from '../bench/synthetic.ts'
import { type Bundle, bundleOf, bytesOf, keyOf, manyTokens, NOW, newKey, policyOf, reader } from './fixture.ts'

const key = await newKey()
const pair = await generateKey('EdDSA')
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

const readFrom =
  ({ shards }: Bundle) =>
  async (digest: string): Promise<Result<ArrayBuffer, BundleProblem>> => {
    const value = shards.get(shardKey(digest))
    return value === undefined ? err({ code: 'shard_missing', message: '' }) : ok(bytesOf(value))
  }

const anyPolicy = fc
  .record({
    roleAssignments: fc.integer({ min: 0, max: 300 }),
    tokens: fc.integer({ min: 0, max: 300 }),
    seed: fc.nat(),
  })
  .map((options): CompiledPolicy => compile(syntheticPolicies({ ...options, repositories: 200 })))

describe('a bundle', () => {
  test.prop([anyPolicy], { numRuns: 25 })(
    'is the same, byte for byte, for the same policy and times',
    async (policy) => {
      const [one, two] = [await bundleOf(policy, key.signing), await bundleOf(structuredClone(policy), key.signing)]
      expect(text(formatManifest(one.manifest))).toBe(text(formatManifest(two.manifest)))
      expect([...one.shards]).toEqual([...two.shards])
      // Ed25519 signs the same text the same way.
      expect(one.pointer).toBe(two.pointer)
    },
  )

  test.prop([anyPolicy, fc.integer({ min: 0, max: 5 })], { numRuns: 25 })(
    'holds what was compiled, nothing else',
    async (policy, previousBits) => {
      const bundle = await bundleOf(policy, key.signing, { previousBits })
      expect(await restorePolicy(bundle.manifest, readFrom(bundle))).toEqual(ok(policy))
    },
  )

  test.prop([anyPolicy], { numRuns: 10 })(
    'opens each principal from the one shard that its key names',
    async (policy) => {
      const bundle = await bundleOf(policy, key.signing)
      for (const [name, data] of policy.principals) {
        const digest = digestFor(bundle.manifest, name)
        const shard = await openShard(digest, bytesOf(bundle.shards.get(shardKey(digest)) ?? ''))
        expect(shard.ok && shard.value.principal(name)).toEqual(indexPrincipal(data))
      }
    },
  )

  it('changes in one shard when one assignment changes', async () => {
    const policies = syntheticPolicies({ roleAssignments: 3000, tokens: 3000 })
    const before = await bundleOf(compile(policies), key.signing)
    const { bits } = before.manifest
    expect(bits).toBeGreaterThan(2)
    const after = await bundleOf(compile(withOneChange(policies)), key.signing, { serial: 2, previousBits: bits })
    const known = digestsOf(before.manifest)
    const fresh = [...digestsOf(after.manifest)].filter((digest) => !known.has(digest))
    expect(fresh).toEqual([digestFor(after.manifest, principalOf(0))])
  })

  it('is one shard when it is small, and many of about one size when it is large', async () => {
    expect((await bundleOf(manyTokens(100), key.signing)).shards.size).toBe(1)
    const { shards, manifest } = await bundleOf(manyTokens(8000, 50), key.signing)
    const sizes = [...shards.values()].map((shard) => shard.length)
    expect(shards.size).toBe(2 ** manifest.bits)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(manifest.bytes)
    for (const size of sizes) expect(size).toBeGreaterThan(30_000)
    for (const size of sizes) expect(size).toBeLessThan(130_000)
  })

  it('counts what it holds', async () => {
    const policy = policyOf({
      'token:a': reader('a'),
      'token:b': { grants: [...(reader('b').grants ?? []), ...(reader('c').grants ?? [])] },
    })
    expect((await bundleOf(policy, key.signing)).manifest).toMatchObject({ principals: 2, grants: 3 })
  })

  it('is valid for a year unless another is given', async () => {
    const { manifest } = await bundleOf(manyTokens(1), key.signing, { created: NOW })
    expect(manifest.expires - manifest.created).toBe(365 * 86_400)
  })
})

describe('a manifest', () => {
  const payload = async (change: (value: Record<string, unknown>) => unknown): Promise<Uint8Array> => {
    const { manifest } = await bundleOf(manyTokens(1), key.signing)
    return new TextEncoder().encode(JSON.stringify(change({ ...manifest })))
  }
  it.each<[string, (value: Record<string, unknown>) => unknown, string, RegExp]>([
    ['a later format', (m) => ({ ...m, format: 3 }), 'format_unsupported', /deploy a newer gate/],
    ['an earlier format', (m) => ({ ...m, format: 1 }), 'format_unsupported', /push again/],
    ['a format that is text', (m) => ({ ...m, format: '1' }), 'manifest_malformed', /format/],
    ['a field that nobody knows', (m) => ({ ...m, shadow: true }), 'manifest_malformed', /shadow/],
    ['no pointer', ({ pointer: _, ...m }) => m, 'manifest_malformed', /pointer is not there/],
    ['a label of two lines', (m) => ({ ...m, label: 'a\nb' }), 'manifest_malformed', /label/],
    ['a label that colours a terminal', (m) => ({ ...m, label: '\x1b[31mred' }), 'manifest_malformed', /label/],
    ['a label that turns the line around', (m) => ({ ...m, label: 'a\u202eb' }), 'manifest_malformed', /label/],
    ['an empty label', (m) => ({ ...m, label: '' }), 'manifest_malformed', /label/],
    ['a label without end', (m) => ({ ...m, label: 'x'.repeat(201) }), 'manifest_malformed', /label/],
    ['no serial', ({ serial: _, ...m }) => m, 'manifest_malformed', /serial is not there/],
    ['a serial that is negative', (m) => ({ ...m, serial: -1 }), 'manifest_malformed', /serial/],
    ['a serial that no double holds', (m) => ({ ...m, serial: 2 ** 60 }), 'manifest_malformed', /serial/],
    ['too few digests', (m) => ({ ...m, shards: '' }), 'manifest_malformed', /1 digests/],
    ['too many shards', (m) => ({ ...m, bits: 17 }), 'manifest_malformed', /digests/],
    ['digests of other characters', (m) => ({ ...m, shards: '/'.repeat(43) }), 'manifest_malformed', /digests/],
    ['no common part', (m) => ({ ...m, common: null }), 'manifest_malformed', /common is not an object/],
    ['a list', () => [], 'manifest_malformed', /object/],
    ['nothing', () => null, 'manifest_malformed', /object/],
  ])('with %s is refused', async (_, change, code, message) => {
    const parsed = parseManifest(await payload(change))
    expect(parsed).toEqual({ ok: false, error: { code, message: expect.stringMatching(message) } })
  })

  it.each([
    ['no JSON', 'xyz'],
    ['no UTF-8', '\xff'],
    ['half of it', '{"format":1,'],
  ])('that is %s is refused', (_, raw) => {
    const parsed = parseManifest(Uint8Array.from([...raw].map((character) => character.charCodeAt(0))))
    expect(parsed).toMatchObject({ ok: false, error: { code: 'manifest_malformed' } })
  })

  it.each(['', 'a', 'a.b', 'a.b.c', '..', `${base64url.encode('{}')}..`, `${base64url.encode('null')}.e30.AA`])(
    'is not the text %j',
    async (value) => {
      const verified = await verifyManifest(value, key.signing.accepted, { pointer: 'pointer' })
      expect(verified).toMatchObject({ ok: false, error: { code: 'manifest_malformed' } })
    },
  )
})

describe('the data of a principal', () => {
  it.each<[string, unknown, RegExp]>([
    ['a field that nobody knows', { grants: [], roles: [] }, /roles/],
    ['a grant without a pattern', { grants: [{ bits: 1, rule: 'scopeMap a' }] }, /grants\[0\]\.on is not there/],
    ['a grant with an empty pattern', { grants: [{ on: '', bits: 1, rule: 'scopeMap a' }] }, /grants\[0\]\.on/],
    ['bits that are text', { grants: [{ on: '*', bits: '1', rule: 'scopeMap a' }] }, /bits/],
    ['bits that are negative', { grants: [{ on: '*', bits: -1, rule: 'scopeMap a' }] }, /bits/],
    ['a rule of no kind', { grants: [{ on: '*', bits: 1, rule: 'magic a' }] }, /rule/],
    ['a limit that nobody knows', { grants: [{ on: '*', bits: 1, rule: 'scopeMap a', days: 'Sunday' }] }, /days/],
    ['a window that is text', { grants: [{ on: '*', bits: 1, rule: 'scopeMap a', until: 'soon' }] }, /until/],
    ['a condition of no type', { grants: [{ on: '*', bits: 1, rule: 'scopeMap a', when: {} }] }, /when/],
    [
      'an inherited type',
      { grants: [{ on: '*', bits: 1, rule: 'scopeMap a', when: { type: 'toString' } }] },
      /toString/,
    ],
    ['half a condition', { grants: [{ on: '*', bits: 1, rule: 'scopeMap a', when: { type: 'not' } }] }, /operand/],
    ['a token of no status', { token: { status: 'on', credentials: [] } }, /status/],
    [
      'a hash in capitals',
      { token: { status: 'enabled', credentials: [{ name: 'p', sha256: 'A'.repeat(64) }] } },
      /sha256/,
    ],
    [
      'a deny that spares nobody known',
      { denies: [{ bits: 1, rule: 'denyAssignment a', except: ['root'] }] },
      /except/,
    ],
  ])('with %s is refused', (_, value, message) => {
    expect(() => readPrincipalData(value, '')).toThrow(message)
  })
})

describe('keys', () => {
  it('are known by their kid, else by their thumbprint', async () => {
    const { private: ecKey } = await generateKey('ES256')
    const { kid, ...nameless } = ecKey
    expect((await parseSigningKey(JSON.stringify(nameless))).id).toBe(kid)
    expect((await parseSigningKey(JSON.stringify({ ...ecKey, kid: 'mine' }))).id).toBe('mine')
  })

  it('sign with the first, and accept all', async () => {
    const [one, two] = [await generateKey('EdDSA'), await generateKey('ES256')]
    const signing = await parseSigningKey(JSON.stringify({ keys: [one.private, two.public] }))
    expect(signing.id).toBe(one.private.kid)
    expect([...signing.accepted.keys()]).toEqual([one.private.kid, two.private.kid])
  })

  it.each<[string, string]>([
    ['no JSON', 'secret'],
    ['a list', '[]'],
    ['an empty set', '{"keys":[]}'],
    ['a private key', JSON.stringify(pair.private)],
    ['a private key in a set', JSON.stringify({ keys: [pair.public, pair.private] })],
    ['a shared secret', '{"kty":"oct","k":"c2VjcmV0"}'],
    ['an RSA key', '{"kty":"RSA","n":"AQAB","e":"AQAB"}'],
    ['another curve', JSON.stringify({ ...pair.public, crv: 'Ed448' })],
    ['another algorithm than its curve', JSON.stringify({ ...pair.public, alg: 'ES256' })],
    ['a damaged point', JSON.stringify({ ...pair.public, x: 'AA' })],
    ['a kid that is a number', JSON.stringify({ ...pair.public, kid: 7 })],
  ])('that are %s are no public keys, and are not quoted', async (_, json) => {
    const error = await parsePublicKeys(json).catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(Error)
    expect(String(error)).not.toContain(String(pair.private.d))
  })

  it.each<[string, string]>([
    ['a public key', JSON.stringify(pair.public)],
    ['no JSON', 'secret'],
  ])('that are %s sign nothing', async (_, json) => {
    await expect(parseSigningKey(json)).rejects.toThrow()
  })
})

it('principals are found by whole keys only', async () => {
  const bundle = await bundleOf(policyOf({ 'token:ci': reader('a') }), key.signing)
  const digest = digestFor(bundle.manifest, 'token:ci')
  const shard = await openShard(digest, bytesOf(bundle.shards.get(shardKey(digest)) ?? ''))
  for (const other of ['token:c', 'token:CI', 'token:toString', 'identity:ci', 'token:__proto__']) {
    expect([other, shard.ok && shard.value.principal(keyOf(other))]).toEqual([other, undefined])
  }
})
