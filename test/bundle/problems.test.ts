/** Why keys, manifests, principals and shards are refused, word by word. */
import { base64url } from 'jose'
import { describe, expect, it } from 'vitest'
import { ok, type Result } from '../../src/base/result.ts'
import { digestOf, shardKey } from '../../src/bundle/digest.ts'
import { generateKey, parsePublicKeys, parseSigningKey } from '../../src/bundle/keys.ts'
import { MANIFEST_TYPE, parseManifest } from '../../src/bundle/manifest.ts'
import { readPrincipalData } from '../../src/bundle/policy-shape.ts'
import type { BundleProblem } from '../../src/bundle/problem.ts'
import { restorePolicy } from '../../src/bundle/restore.ts'
import { openShard } from '../../src/bundle/shard.ts'
import { signManifest } from '../../src/bundle/sign.ts'
import { admit, type BundleContext, decodeOutline, verifyManifest } from '../../src/bundle/verify.ts'
import { bundleOf, bytesOf, manyTokens, newKey } from './fixture.ts'

const shown = (result: Result<unknown, BundleProblem>): string =>
  result.ok ? 'fine' : `${result.error.code}: ${result.error.message}`
const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

const key = await newKey()
const pair = await generateKey('EdDSA')
const HERE: BundleContext = { pointer: 'pointer' }
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
      { ...manifest, format: 3 },
      "format_unsupported: the bundle has format 3 and this gate reads format 2: deploy a newer gate, or push with the dockgate command of this gate's version",
    ],
    [
      'an earlier format',
      { ...manifest, format: 1 },
      "format_unsupported: the bundle has format 1 and this gate reads format 2: push again with the dockgate command of this gate's version",
    ],
    ['a format that is text', { ...manifest, format: '1' }, wrong('format is not a whole number')],
    ['a field that nobody knows', { ...manifest, shadow: 1 }, wrong('shadow is not a field that this version knows')],
    ['an empty label', { ...manifest, label: '' }, wrong('label is not one line of 1 to 200 characters')],
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
      'a protection that is off',
      { ...manifest, common: { ...manifest.common, protections: [{ name: 'p', writeOnce: false }] } },
      wrong('common.protections[0].writeOnce is not true'),
    ],
    [
      'a protection of a kind that this version does not know',
      { ...manifest, common: { ...manifest.common, protections: [{ name: 'p', frozen: true }] } },
      wrong('common.protections[0].frozen is not a field that this version knows'),
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
    expect(shown(await verifyManifest(text, key.signing.accepted, HERE))).toEqual(expected)
  })

  it('that was changed is refused', async () => {
    const [head = '', , signature = ''] = (await signManifest(manifest, key.signing)).split('.')
    const changed = [head, base64url.encode(bytes({ ...manifest, serial: 8 })), signature].join('.')
    expect(shown(await verifyManifest(changed, key.signing.accepted, HERE))).toEqual(
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
    const inForce = current === undefined ? undefined : { ...manifest, serial: current }
    expect(shown(admit({ manifest, keyId: 'k' }, HERE, inForce, now))).toEqual(expected)
  })

  it('is read from no other value', () => {
    expect(shown(decodeOutline('a.!.b'))).toEqual('manifest_malformed: the value is not a signed manifest')
    expect(shown(decodeOutline(pointer))).toBe('fine')
  })

  const outlined = (change: object) => `a.${base64url.encode(bytes({ ...manifest, ...change }))}.b`
  it.each<[string, object, string]>([
    ['of the format before', { format: 1, pointer: undefined }, 'fine'],
    [
      'of a later format',
      { format: 3 },
      "format_unsupported: the bundle has format 3 and this gate reads format 2: deploy a newer gate, or push with the dockgate command of this gate's version",
    ],
    ['without a format', { format: undefined }, wrong('format is not a whole number')],
    ['with too few digests', { bits: 1 }, wrong('shards does not hold 2 digests')],
    ['with a serial that is text', { serial: '7' }, wrong('serial is not a whole number')],
    ['made at no time', { created: null }, wrong('created is not a whole number')],
  ])('%s has an outline, or says why not', (_, change, expected) => {
    expect(shown(decodeOutline(outlined(change)))).toEqual(expected)
  })

  const elsewhere = (to: string) =>
    `pointer_mismatch: bundle 7 was signed for the pointer "pointer" and lies under "${to}": somebody copied it; push again with --pointer ${to}`
  const foreign = (service: string) =>
    `service_mismatch: bundle 7 is for the service "registry.example.com" and this is "${service}": push the policies of this service; if the service has a new name, deploy the gate with it in POLICY_SERVICE`
  it.each<[string, BundleContext, string]>([
    ['its own pointer', { pointer: 'pointer' }, 'fine'],
    ['its own pointer and service', { pointer: 'pointer', service: 'registry.example.com' }, 'fine'],
    ['the pointer of another gate', { pointer: 'staging' }, elsewhere('staging')],
    ['the shadow of its pointer', { pointer: 'pointer-shadow' }, elsewhere('pointer-shadow')],
    ['the name of a record', { pointer: 'pointer:7' }, elsewhere('pointer:7')],
    ['its pointer in capitals', { pointer: 'Pointer' }, elsewhere('Pointer')],
    ['no pointer', { pointer: '' }, elsewhere('')],
    ['another service', { pointer: 'pointer', service: 'other.example.com' }, foreign('other.example.com')],
    ['a part of its service', { pointer: 'pointer', service: 'registry.example' }, foreign('registry.example')],
    [
      'its service in capitals',
      { pointer: 'pointer', service: 'Registry.example.com' },
      foreign('Registry.example.com'),
    ],
    ['another pointer and service', { pointer: 'staging', service: 'other.example.com' }, elsewhere('staging')],
  ])('signed for one gate is verified and admitted for %s as it says', async (_, context, expected) => {
    expect(shown(await verifyManifest(pointer, key.signing.accepted, context))).toEqual(expected)
    expect(shown(admit({ manifest, keyId: 'k' }, context, undefined, 1_000_000))).toEqual(expected)
  })

  it.each<[string, BundleContext, string]>([
    ['the service of the bundle in force', HERE, foreign('other.example.com')],
    ['the service that the gate was given', { ...HERE, service: 'registry.example.com' }, 'fine'],
  ])('has to be of %s', (_, context, expected) => {
    const inForce = { serial: 1, common: { ...manifest.common, service: 'other.example.com' } }
    expect(shown(admit({ manifest, keyId: 'k' }, context, inForce, 1_000_000))).toEqual(expected)
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
