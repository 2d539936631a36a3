/** Why keys, manifests, principals and shards are refused, word by word. */
import { base64url } from 'jose'
import { describe, expect, it } from 'vitest'
import { digestOf, shardKey } from '../../src/bundle/digest.ts'
import { generateKey, parsePublicKeys, parseSigningKey } from '../../src/bundle/keys.ts'
import { MANIFEST_TYPE, parseManifest } from '../../src/bundle/manifest.ts'
import { readPrincipalData } from '../../src/bundle/policy-shape.ts'
import type { BundleProblem } from '../../src/bundle/problem.ts'
import { restorePolicy } from '../../src/bundle/restore.ts'
import { openShard } from '../../src/bundle/shard.ts'
import { signManifest } from '../../src/bundle/sign.ts'
import { admit, decodeManifest, verifyManifest } from '../../src/bundle/verify.ts'
import { ok, type Result } from '../../src/registry/result.ts'
import { bundleOf, bytesOf, manyTokens, newKey } from './fixture.ts'

const shown = (result: Result<unknown, BundleProblem>): string =>
  result.ok ? 'fine' : `${result.error.code}: ${result.error.message}`
const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

const key = await newKey()
const pair = await generateKey('EdDSA')
const { manifest, pointer } = await bundleOf(manyTokens(1), key.signing, {
  serial: 7,
  created: 1_000_000,
  expires: 2_000_000,
})

describe('keys', () => {
  it.each([
    ['secret', 'the key is not JSON: a JWK or a JWKS is expected'],
    ['[]', 'the key is not an object'],
    ['{"keys":[]}', 'the key set is empty'],
    ['{"keys":[1]}', 'a key is not an object'],
    [JSON.stringify(pair.private), 'the public keys hold a private key; give the gate only the public half'],
    ['{"kty":"RSA","n":"AQAB","e":"AQAB"}', 'a key is neither Ed25519 (EdDSA) nor P-256 (ES256)'],
    [JSON.stringify({ ...pair.public, kid: 'k', x: 'AA' }), 'the key k cannot be imported: it is damaged'],
    [JSON.stringify({ ...pair.public, kid: 7 }), 'kid is not text'],
  ])('that are %s are refused', async (json, expected) => {
    const cause: unknown = await parsePublicKeys(json).catch((error: unknown) => error)
    expect(cause instanceof Error && `keys_invalid: ${cause.message}`).toEqual(`keys_invalid: ${expected}`)
  })

  it('that are public sign nothing', async () => {
    const cause: unknown = await parseSigningKey(JSON.stringify(pair.public)).catch((error: unknown) => error)
    expect(cause instanceof Error && `keys_invalid: ${cause.message}`).toEqual(
      'keys_invalid: the first key is not a private key: it has no d',
    )
  })
})

describe('a manifest', () => {
  const wrong = (why: string) => `manifest_malformed: the bundle's manifest cannot be read: ${why}; push it again`
  const { serial: _, ...unnumbered } = manifest

  it.each<[string, unknown, string]>([
    [
      'a later format',
      { ...manifest, format: 2 },
      "format_unsupported: the bundle has format 2 and this gate reads format 1: deploy a newer gate, or push with the dockgate command of this gate's version",
    ],
    [
      'an earlier format',
      { ...manifest, format: 0 },
      "format_unsupported: the bundle has format 0 and this gate reads format 1: push again with the dockgate command of this gate's version",
    ],
    ['a format that is text', { ...manifest, format: '1' }, wrong('format is not a whole number')],
    ['a field that nobody knows', { ...manifest, shadow: 1 }, wrong('shadow is not a field that this version knows')],
    ['no serial', unnumbered, wrong('serial is not there')],
    ['a negative serial', { ...manifest, serial: -1 }, wrong('serial is not a whole number from 0')],
    ['other characters', { ...manifest, shards: '/' }, wrong('shards is not a list of digests')],
    ['too few digests', { ...manifest, shards: '' }, wrong('shards does not hold 1 digests')],
    ['no value', null, wrong('the value is not an object')],
    [
      'a flag that is text',
      { ...manifest, common: { ...manifest.common, readsMediaType: 'no' } },
      wrong('common.readsMediaType is not true or false'),
    ],
    [
      'a mode of its own',
      { ...manifest, common: { ...manifest.common, mode: 'x' } },
      wrong('common.mode is not one of abac, rbac'),
    ],
    [
      'a list that is none',
      { ...manifest, common: { ...manifest.common, issuers: {} } },
      wrong('common.issuers is not a list'),
    ],
  ])('with %s is refused', (_, value, expected) => {
    expect(shown(parseManifest(bytes(value)))).toEqual(expected)
  })

  const header = (fields: object) => base64url.encode(JSON.stringify(fields))
  it.each([
    ['x', 'manifest_malformed: the pointer does not hold a signed manifest; push again'],
    [
      `${header({ alg: 'none' })}.e30.`,
      'manifest_malformed: the pointer holds something else than a signed manifest; push again',
    ],
    [
      `${header({ alg: 'EdDSA', kid: 'other', typ: MANIFEST_TYPE })}.e30.AA`,
      'key_unknown: the bundle is signed by the key "other", which is not among the public keys; add it, or push with a key that is',
    ],
  ])('is not the pointer %s', async (text, expected) => {
    expect(shown(await verifyManifest(text, key.signing.accepted))).toEqual(expected)
  })

  it('that was changed is refused', async () => {
    const [head = '', , signature = ''] = (await signManifest(manifest, key.signing)).split('.')
    const changed = [head, base64url.encode(bytes({ ...manifest, serial: 8 })), signature].join('.')
    expect(shown(await verifyManifest(changed, key.signing.accepted))).toEqual(
      `signature_invalid: the bundle's signature by the key ${key.signing.id} does not hold; push again`,
    )
  })

  it.each<[string, number | undefined, number, string]>([
    ['is over', undefined, 2_000_000, 'expired: bundle 7 expired at 1970-01-24T03:33:20.000Z; push again'],
    [
      'is still to come',
      undefined,
      999_000,
      'not_yet_valid: bundle 7 was made at 1970-01-12T13:46:40.000Z, which is still to come; set the clocks',
    ],
    [
      'goes back',
      8,
      1_000_000,
      'serial_backwards: the pointer went back from bundle 8 to 7; to return to old rights use dockgate rollback',
    ],
    ['contradicts', 7, 1_000_000, 'serial_conflict: there are two bundles 7 with different content; push again'],
  ])('that %s is not admitted', (_, current, now, expected) => {
    const serial = current === undefined ? undefined : { serial: current }
    expect(shown(admit({ manifest, keyId: 'k' }, serial, now))).toEqual(expected)
  })

  it('is read from no other value', () => {
    expect(shown(decodeManifest('a.!.b'))).toEqual('manifest_malformed: the value is not a signed manifest')
    expect(shown(decodeManifest(pointer))).toBe('fine')
  })
})

describe('a principal', () => {
  const grant = (change: object) => ({ grants: [{ on: '*', bits: 1, rule: 'scopeMap a', ...change }] })
  it.each<[string, unknown, string]>([
    ['a list for an object', [], 'the value is not an object'],
    ['an empty pattern', grant({ on: '' }), 'grants[0].on is not a pattern of repository names'],
    ['a rule of no kind', grant({ rule: 'magic a' }), 'grants[0].rule is not a rule'],
    ['a condition of no type', grant({ when: { type: 'x' } }), "grants[0].when is of the unknown type 'x'"],
    [
      'a hash in capitals',
      { token: { status: 'enabled', credentials: [{ name: 'p', sha256: 'A'.repeat(64) }] } },
      'token.credentials[0].sha256 is not a SHA-256 in hex',
    ],
    [
      'an exception of nobody known',
      { denies: [{ bits: 1, rule: 'denyAssignment a', except: ['root'] }] },
      'denies[0].except[0] is not a principal',
    ],
  ])('with %s is refused', (_, value, expected) => {
    let message = ''
    try {
      readPrincipalData(value, '')
    } catch (cause) {
      message = cause instanceof Error ? cause.message : ''
    }
    expect(`shape: ${message}`).toEqual(`shape: ${expected}`)
  })
})

describe('a shard', () => {
  it('that was changed is refused', async () => {
    const digest = await digestOf(bytesOf('{ }'))
    expect(shown(await openShard(digest, bytesOf('{}')))).toEqual(
      `shard_digest: the value of ${shardKey(digest)} is not what its name says: it was changed or cut short; run dockgate push --all`,
    )
  })

  it('that names nobody is refused', async () => {
    const text = '{"root":{}}'
    const digest = await digestOf(bytesOf(text))
    const restored = await restorePolicy({ ...manifest, shards: digest }, async () => ok(bytesOf(text)))
    expect(shown(restored)).toEqual(
      `shard_malformed: ${shardKey(digest)} cannot be read: "root" is not a principal; push again with the dockgate command of this gate's version`,
    )
  })
})
