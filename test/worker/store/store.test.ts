import { env } from 'cloudflare:workers'
import { base64url, CompactSign, UnsecuredJWT } from 'jose'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { shardKey } from '../../../src/bundle/digest.ts'
import { digestFor, MANIFEST_TYPE, type Manifest } from '../../../src/bundle/manifest.ts'
import { signManifest } from '../../../src/bundle/sign.ts'
import type { CompiledPolicy } from '../../../src/policy/decide/compiled.ts'
import { indexPrincipal } from '../../../src/policy/decide/effective-rights.ts'
import { Fault } from '../../../src/worker/platform/fault.ts'
import type { PolicyView } from '../../../src/worker/store/policy-view.ts'
import { createPolicies, PolicyStore, type StoreEnv } from '../../../src/worker/store/store.ts'
import {
  type Bundle,
  bundleOf,
  bytesOf,
  COMMON,
  type KeyPair,
  keyOf,
  manyTokens,
  NOW,
  newKey,
  policyOf,
  reader,
} from '../../bundle/fixture.ts'

/** KV that a test can change, cut off and count. */
class FakeKv {
  readonly values = new Map<string, string>()
  readonly reads: string[] = []
  /** Thrown by reads of the keys for which it returns one. */
  fault: (key: string) => Error | undefined = () => undefined
  /** Reads wait for it. */
  gate: Promise<void> = Promise.resolve()

  get(key: string, options: { type: 'text'; cacheTtl: number }): Promise<string | null>
  get(key: string, options: { type: 'arrayBuffer'; cacheTtl: number }): Promise<ArrayBuffer | null>
  async get(key: string, { type, cacheTtl }: { type: string; cacheTtl: number }): Promise<string | ArrayBuffer | null> {
    expect(cacheTtl).toBeGreaterThanOrEqual(30)
    this.reads.push(key)
    await this.gate
    const fault = this.fault(key)
    if (fault !== undefined) throw fault
    const value = this.values.get(key) ?? null
    return value === null || type === 'text' ? value : bytesOf(value)
  }

  put({ pointer, shards }: Pick<Bundle, 'pointer' | 'shards'>): void {
    for (const [key, text] of shards) this.values.set(key, text)
    this.values.set('pointer', pointer)
  }
}

/** Collects what a request leaves to be done behind its answer. */
class Background {
  readonly #promises: Promise<unknown>[] = []
  waitUntil(promise: Promise<unknown>): void {
    this.#promises.push(promise)
  }
  async settled(): Promise<void> {
    await Promise.all(this.#promises)
  }
}

const CI = keyOf('token:ci')
const OLD = policyOf({ 'token:ci': reader('old/app') })
const NEW = policyOf({ 'token:ci': reader('new/app') })

let key: KeyPair
let kv: FakeKv
let background: Background
let store: PolicyStore
let log: unknown[]

const storeWith = (more: Partial<StoreEnv> = {}): PolicyStore =>
  new PolicyStore({ POLICY_PUBLIC_KEYS: key.publicKeys, ...more }, kv, (line) => log.push(JSON.parse(line)))

beforeEach(async () => {
  log = []
  key = await newKey()
  kv = new FakeKv()
  background = new Background()
  store = storeWith()
})

/** The policy at a time, after whatever a request leaves behind its answer is done. */
async function policyAt(now: number): Promise<PolicyView> {
  const view = await store.current(background, now)
  await background.settled()
  return view
}

const readsFrom = async (view: PolicyView, name: string): Promise<boolean> =>
  (await view.principal(CI))?.rights.grants.find(name, () => true) !== undefined

const faultOf = async (promise: Promise<unknown> | unknown): Promise<unknown> =>
  Promise.resolve(promise).then(
    () => undefined,
    (error: unknown) => (error instanceof Fault ? error.code : error),
  )

async function tampered(bundle: Bundle, change: (manifest: Manifest) => object): Promise<string> {
  const [header = '', payload = '', signature = ''] = bundle.pointer.split('.')
  const manifest = JSON.parse(new TextDecoder().decode(base64url.decode(payload)))
  return `${header}.${base64url.encode(JSON.stringify(change(manifest)))}.${signature}`
}

/** A manifest of any shape, signed by the right key. */
const signed = (manifest: object): Promise<string> =>
  new CompactSign(new TextEncoder().encode(JSON.stringify(manifest)))
    .setProtectedHeader({ alg: key.signing.algorithm, kid: key.signing.id, typ: MANIFEST_TYPE })
    .sign(key.signing.key)

describe('a bundle takes effect', () => {
  it('is a promise at first, and a value from then on', async () => {
    kv.put(await bundleOf(OLD, key.signing))
    const first = store.current(background, NOW)
    expect(first).toBeInstanceOf(Promise)
    const view = await first
    expect(view).toMatchObject({ serial: 1, keyId: key.signing.id, common: { service: 'registry.example.com' } })
    expect(view.principal(CI)).toBeInstanceOf(Promise)
    expect(await view.principal(CI)).toEqual(indexPrincipal(reader('old/app')))
    expect(view.principal(CI)).toEqual(indexPrincipal(reader('old/app')))
    expect(view.principal(keyOf('token:other'))).toBeUndefined()
    expect(store.current(background, NOW + 1)).toBe(view)
    expect(kv.reads).toEqual(['pointer', expect.stringMatching(/^sha256:[0-9a-f]{64}$/)])
  })

  it('is read from Workers KV by the environment', async () => {
    const bundle = await bundleOf(NEW, key.signing, { pointer: 'staging' })
    for (const [name, text] of bundle.shards) await env.POLICY.put(name, text)
    await env.POLICY.put('staging', bundle.pointer)
    const settings: StoreEnv = { POLICY_PUBLIC_KEYS: key.publicKeys, POLICY_POINTER: 'staging' }
    const policies = createPolicies<StoreEnv>(() => env.POLICY)
    const view = await policies.current(settings, background, NOW)
    expect(await readsFrom(view, 'new/app')).toBe(true)
    expect(policies.current(settings, background, NOW + 1)).toBe(view)
    expect(policies.status(settings, NOW + 4)).toEqual({
      ready: true,
      serial: 1,
      service: 'registry.example.com',
      pointer: 'staging',
      keyId: key.signing.id,
      created: NOW - 60,
      expires: NOW - 60 + 31_536_000,
      ageSeconds: 64,
      checkedSecondsAgo: 4,
      bounds: { refreshSeconds: 10, maxAgeSeconds: 30, maxStalenessSeconds: 21_600 },
      state: 'missing',
      warnings: [],
    })
  })

  it.each(['EdDSA', 'ES256'] as const)('is signed with %s, by any of several keys', async (algorithm) => {
    const other = await newKey(algorithm)
    kv.put(await bundleOf(OLD, other.signing))
    store = storeWith({ POLICY_PUBLIC_KEYS: JSON.stringify({ keys: [key.publicKey, other.publicKey] }) })
    expect((await policyAt(NOW)).keyId).toBe(other.signing.id)
  })

  it('is read by one request for all that wait', async () => {
    kv.put(await bundleOf(OLD, key.signing))
    const views = await Promise.all([1, 2, 3].map(() => store.current(background, NOW)))
    await Promise.all(views.map((view) => view.principal(CI)))
    expect(kv.reads).toHaveLength(2)
  })
})

describe('refresh', () => {
  const changed = async () => {
    kv.put(await bundleOf(OLD, key.signing))
    const view = await policyAt(NOW)
    await view.principal(CI)
    kv.put(await bundleOf(NEW, key.signing, { serial: 2 }))
    return view
  }

  it('does not happen before its time', async () => {
    const view = await changed()
    expect(await policyAt(NOW + 9)).toBe(view)
    expect(await policyAt(NOW + 9)).toBe(view)
  })

  it('happens behind the answer, and the next one knows', async () => {
    const view = await changed()
    expect(store.current(background, NOW + 10)).toBe(view)
    await background.settled()
    const next = store.current(background, NOW + 10)
    expect(next).toMatchObject({ serial: 2 })
    expect(await readsFrom(view, 'old/app')).toBe(true)
    expect(await readsFrom(await next, 'new/app')).toBe(true)
  })

  it('happens before the answer when nobody looked for long', async () => {
    await changed()
    expect(await store.current(background, NOW + 31)).toMatchObject({ serial: 2 })
  })

  it('makes nobody wait for a store that hangs, beyond its bound', async () => {
    const view = await changed()
    kv.gate = new Promise(() => {})
    vi.useFakeTimers()
    try {
      const answer = store.current(background, NOW + 31)
      await vi.advanceTimersByTimeAsync(5000)
      expect(await answer).toBe(view)
      // The attempt is over; the next one is not made before its time, and nobody waits until then.
      expect(store.current(background, NOW + 36)).toBe(view)
    } finally {
      vi.useRealTimers()
    }
  })

  it('keeps trying behind the answers while the store fails, and makes only the first one wait', async () => {
    const view = await changed()
    kv.fault = () => new Error('KV GET failed: 503')
    expect(store.current(background, NOW + 31)).toBeInstanceOf(Promise)
    await background.settled()
    for (const seconds of [32, 41, 42, 51, 61]) {
      expect(store.current(background, NOW + seconds)).toBe(view)
      await background.settled()
    }
    expect(kv.reads.filter((name) => name === 'pointer')).toHaveLength(5)
    // Nobody asked for long: the next one waits again.
    kv.fault = () => undefined
    expect(await store.current(background, NOW + 92)).toMatchObject({ serial: 2 })
  })

  it('reads changed shards ahead, so that a switch makes nobody wait', async () => {
    await changed()
    const view = await store.current(background, NOW + 31)
    expect(view.principal(CI)).not.toBeInstanceOf(Promise)
  })

  it('that a newer one overtook changes nothing any more', async () => {
    await changed()
    const third = await bundleOf(policyOf({ 'token:ci': reader('third/app') }), key.signing, { serial: 3 })
    let goOn = (): void => undefined
    const slow = new Promise<void>((resolve) => {
      goOn = resolve
    })
    // The pointer is read at once and names bundle 2; its shard does not come yet.
    const before = kv.reads.length
    store.current(background, NOW + 10)
    kv.gate = slow
    await vi.waitFor(() => expect(kv.reads.length).toBe(before + 2), 60_000)
    kv.gate = Promise.resolve()
    kv.put(third)
    expect(await store.current(background, NOW + 41)).toMatchObject({ serial: 3 })
    goOn()
    await background.settled()
    const view = await store.current(background, NOW + 41)
    expect(view).toMatchObject({ serial: 3 })
    expect(await readsFrom(view, 'third/app')).toBe(true)
    expect(await readsFrom(view, 'new/app')).toBe(false)
  })

  it('shows a loop of steady requests the old policy or the new one', async () => {
    await changed()
    const seen = new Set<string>()
    for (let tenth = 0; tenth < 400; tenth++) {
      const view = await store.current(background, NOW + tenth / 10)
      const [old, fresh] = await Promise.all([readsFrom(view, 'old/app'), readsFrom(view, 'new/app')])
      seen.add(`${view.serial} ${old} ${fresh}`)
    }
    expect([...seen]).toEqual(['1 true false', '2 false true'])
  })
})

/** Each makes the store hold something that must not take effect after bundle 5 (OLD). */
const BAD: readonly [string, string, (good: Bundle) => Promise<void>][] = [
  [
    'a manifest changed in place',
    'signature_invalid',
    async () => {
      const bundle = await bundleOf(NEW, key.signing, { serial: 6 })
      kv.put({ ...bundle, pointer: await tampered(bundle, (manifest) => ({ ...manifest, serial: 7 })) })
    },
  ],
  [
    'shards of one bundle in the manifest of another',
    'signature_invalid',
    async (good) => {
      const bundle = await bundleOf(NEW, key.signing, { serial: 6 })
      kv.put({
        ...good,
        pointer: await tampered(good, (manifest) => ({ ...manifest, shards: bundle.manifest.shards })),
      })
    },
  ],
  [
    'a signature of another bundle',
    'signature_invalid',
    async (good) => {
      const bundle = await bundleOf(NEW, key.signing, { serial: 6 })
      kv.put({ ...bundle, pointer: [...bundle.pointer.split('.').slice(0, 2), good.pointer.split('.')[2]].join('.') })
    },
  ],
  [
    'the signature of a foreign key',
    'key_unknown',
    async () => {
      kv.put(await bundleOf(NEW, (await newKey()).signing, { serial: 6 }))
    },
  ],
  [
    'a foreign key under the name of ours',
    'signature_invalid',
    async () => {
      const foreign = await newKey()
      kv.put(await bundleOf(NEW, { ...foreign.signing, id: key.signing.id }, { serial: 6 }))
    },
  ],
  [
    'no signature',
    'manifest_malformed',
    async () => {
      const { manifest } = await bundleOf(NEW, key.signing, { serial: 6 })
      kv.values.set('pointer', new UnsecuredJWT({ ...manifest }).encode())
    },
  ],
  [
    'alg none under our type and key',
    'manifest_malformed',
    async () => {
      const { manifest } = await bundleOf(NEW, key.signing, { serial: 6 })
      const header = base64url.encode(JSON.stringify({ alg: 'none', typ: 'dockgate-bundle+jws', kid: key.signing.id }))
      kv.values.set('pointer', `${header}.${base64url.encode(JSON.stringify(manifest))}.`)
    },
  ],
  [
    'an HMAC with the public key as its secret',
    'manifest_malformed',
    async () => {
      const { manifest } = await bundleOf(NEW, key.signing, { serial: 6 })
      const jws = new CompactSign(new TextEncoder().encode(JSON.stringify(manifest)))
      jws.setProtectedHeader({ alg: 'HS256', typ: 'dockgate-bundle+jws', kid: key.signing.id })
      kv.values.set('pointer', await jws.sign(new TextEncoder().encode(key.publicKeys)))
    },
  ],
  [
    'a token of ours that is not a bundle',
    'manifest_malformed',
    async () => {
      const { manifest } = await bundleOf(NEW, key.signing, { serial: 6 })
      const jws = new CompactSign(new TextEncoder().encode(JSON.stringify(manifest)))
      jws.setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: key.signing.id })
      kv.values.set('pointer', await jws.sign(key.signing.key))
    },
  ],
  [
    'an old manifest replayed',
    'serial_backwards',
    async () => {
      kv.put(await bundleOf(NEW, key.signing, { serial: 4 }))
    },
  ],
  [
    'the same serial with other content',
    'serial_conflict',
    async () => {
      kv.put(await bundleOf(NEW, key.signing, { serial: 5 }))
    },
  ],
  [
    'an expired bundle',
    'expired',
    async () => {
      kv.put(await bundleOf(NEW, key.signing, { serial: 6, expires: NOW }))
    },
  ],
  [
    'a bundle of a clock that runs ahead',
    'not_yet_valid',
    async () => {
      kv.put(await bundleOf(NEW, key.signing, { serial: 6, created: NOW + 86_400 }))
    },
  ],
  [
    'a bundle of a later format',
    'format_unsupported',
    async () => {
      const bundle = await bundleOf(NEW, key.signing, { serial: 6 })
      kv.put({ ...bundle, pointer: await signManifest({ ...bundle.manifest, format: 3 }, key.signing) })
    },
  ],
  [
    'a manifest that lacks shards',
    'manifest_malformed',
    async () => {
      const bundle = await bundleOf(NEW, key.signing, { serial: 6 })
      kv.put({ ...bundle, pointer: await signManifest({ ...bundle.manifest, bits: 1 }, key.signing) })
    },
  ],
  [
    'the bundle of another pointer, signed by the same key',
    'pointer_mismatch',
    async () => {
      kv.put(await bundleOf(NEW, key.signing, { serial: 6, pointer: 'staging' }))
    },
  ],
  [
    'the bundle of the pointer’s own shadow',
    'pointer_mismatch',
    async () => {
      kv.put(await bundleOf(NEW, key.signing, { serial: 6, pointer: 'pointer-shadow' }))
    },
  ],
  [
    'a bundle of the format before, which names no pointer',
    'format_unsupported',
    async () => {
      const bundle = await bundleOf(NEW, key.signing, { serial: 6 })
      const { pointer: _, ...unbound } = { ...bundle.manifest, format: 1 }
      kv.put({ ...bundle, pointer: await signed(unbound) })
    },
  ],
  [
    'a bundle of this format that names no pointer',
    'manifest_malformed',
    async () => {
      const bundle = await bundleOf(NEW, key.signing, { serial: 6 })
      const { pointer: _, ...unbound } = bundle.manifest
      kv.put({ ...bundle, pointer: await signed(unbound) })
    },
  ],
  [
    'a pointer cut short',
    'signature_invalid',
    async () => {
      const bundle = await bundleOf(NEW, key.signing, { serial: 6 })
      kv.put({ ...bundle, pointer: bundle.pointer.slice(0, -20) })
    },
  ],
  [
    'an empty pointer',
    'manifest_malformed',
    async () => {
      kv.values.set('pointer', '')
    },
  ],
  [
    'no pointer',
    'pointer_missing',
    async () => {
      kv.values.delete('pointer')
    },
  ],
  [
    'a store that throws on every read',
    'store_unavailable',
    async () => {
      kv.fault = () => new Error('KV GET failed: 503')
    },
  ],
  [
    'a shard that is not there',
    'shard_missing',
    async () => {
      const bundle = await bundleOf(NEW, key.signing, { serial: 6 })
      kv.put({ ...bundle, shards: new Map() })
    },
  ],
  [
    'a shard that was changed',
    'shard_digest',
    async () => {
      const bundle = await bundleOf(NEW, key.signing, { serial: 6 })
      kv.put({
        ...bundle,
        shards: new Map([...bundle.shards].map(([name, text]) => [name, text.replace('new/app', '*')])),
      })
    },
  ],
  [
    'a shard cut short',
    'shard_digest',
    async () => {
      const bundle = await bundleOf(NEW, key.signing, { serial: 6 })
      kv.put({ ...bundle, shards: new Map([...bundle.shards].map(([name, text]) => [name, text.slice(0, 20)])) })
    },
  ],
  [
    'the shard of another bundle under the right name',
    'shard_digest',
    async (good) => {
      const bundle = await bundleOf(NEW, key.signing, { serial: 6 })
      const other = [...good.shards.values()][0] ?? ''
      kv.put({ ...bundle, shards: new Map([...bundle.shards.keys()].map((name) => [name, other])) })
    },
  ],
  [
    'a shard that cannot be read',
    'store_unavailable',
    async () => {
      kv.put(await bundleOf(NEW, key.signing, { serial: 6 }))
      kv.fault = (name) => (name === 'pointer' ? undefined : new Error('KV GET failed: 503'))
    },
  ],
]

describe('write access to KV alone is not enough', () => {
  it.each(BAD)('%s keeps the last good bundle, says %s, and ends in 503', async (_, code, spoil) => {
    const good = await bundleOf(OLD, key.signing, { serial: 5 })
    kv.put(good)
    await (await policyAt(NOW)).principal(CI)
    await spoil(good)
    const kept = await policyAt(NOW + 31)
    expect(kept.serial).toBe(5)
    expect([await readsFrom(kept, 'old/app'), await readsFrom(kept, 'new/app')]).toEqual([true, false])
    expect(store.status(NOW + 31)).toMatchObject({ ready: true, serial: 5, lastProblem: { code } })
    expect(log.at(-1)).toMatchObject({ kind: 'policy', serial: 5, problem: { code } })
    expect((await policyAt(NOW + 21_600)).serial).toBe(5)
    expect(await faultOf(store.current(background, NOW + 21_601))).toBe('policy_unavailable')
    expect(store.status(NOW + 21_601).ready).toBe(false)
  })

  it.each(BAD)('%s grants nothing to a gate that has just started', async (_, code, spoil) => {
    await spoil(await bundleOf(OLD, key.signing, { serial: 5 }))
    const granted = await Promise.resolve(store.current(background, NOW)).then(
      (view) => readsFrom(view, 'new/app').catch(() => false),
      () => false,
    )
    // Which of two bundles of ours came first is what a gate without memory cannot know.
    expect(granted).toBe(code.startsWith('serial_'))
  })

  it('recovers by itself, and logs each change once', async () => {
    kv.put(await bundleOf(OLD, key.signing, { serial: 5 }))
    await policyAt(NOW)
    kv.fault = () => new Error('KV GET failed: 503')
    for (const seconds of [31, 62, 93]) await policyAt(NOW + seconds)
    kv.fault = () => undefined
    kv.put(await bundleOf(NEW, key.signing, { serial: 6 }))
    expect((await policyAt(NOW + 124)).serial).toBe(6)
    expect(store.status(NOW + 124).lastProblem).toBeUndefined()
    expect(log).toEqual([
      { kind: 'policy', serial: 5, keyId: key.signing.id, warnings: [] },
      { kind: 'policy', serial: 5, keyId: key.signing.id, problem: expect.anything(), warnings: [] },
      { kind: 'policy', serial: 6, keyId: key.signing.id, warnings: [] },
    ])
  })

  it('a roll-back is a new serial', async () => {
    const old = await bundleOf(OLD, key.signing, { serial: 5 })
    kv.put(old)
    await policyAt(NOW)
    kv.put(await bundleOf(NEW, key.signing, { serial: 6 }))
    expect((await policyAt(NOW + 31)).serial).toBe(6)
    kv.values.set('pointer', old.pointer)
    expect((await policyAt(NOW + 62)).serial).toBe(6)
    kv.values.set('pointer', await signManifest({ ...old.manifest, serial: 7, rollbackOf: 5 }, key.signing))
    const view = await policyAt(NOW + 93)
    expect([view.serial, await readsFrom(view, 'old/app')]).toEqual([7, true])
  })
})

describe('a bundle counts for the service and the pointer that it was signed for', () => {
  const OTHER = policyOf({ 'token:ci': reader('new/app') }, { ...COMMON, service: 'staging.example.com' })
  const asServiceOf = (serial: number) => bundleOf(OTHER, key.signing, { serial })

  it('is not replaced by one of another service, and says so', async () => {
    kv.put(await bundleOf(OLD, key.signing, { serial: 5 }))
    await policyAt(NOW)
    kv.put(await asServiceOf(6))
    expect((await policyAt(NOW + 31)).serial).toBe(5)
    expect(store.status(NOW + 31)).toMatchObject({
      service: 'registry.example.com',
      pointer: 'pointer',
      lastProblem: {
        code: 'service_mismatch',
        message:
          'bundle 6 is for the service "staging.example.com" and this is "registry.example.com": push the policies of this service; if the service has a new name, deploy the gate with it in POLICY_SERVICE',
      },
    })
  })

  it.each([
    ['registry.example.com', 'policy_unavailable'],
    ['staging.example', 'policy_unavailable'],
    ['staging.example.com', 6],
    ['', 6],
  ])('with POLICY_SERVICE %j a gate that has just started gets %s', async (POLICY_SERVICE, expected) => {
    kv.put(await asServiceOf(6))
    store = storeWith({ POLICY_SERVICE })
    const outcome = await Promise.resolve(store.current(background, NOW)).then(
      ({ serial }) => serial,
      (error: unknown) => (error instanceof Fault ? error.code : error),
    )
    expect(outcome).toBe(expected)
  })

  it.each(['staging', 'pointer-b', 'pointer:5'])('is found under %s alone', async (pointer) => {
    const bundle = await bundleOf(NEW, key.signing, { serial: 6, pointer })
    kv.put(bundle)
    expect(await faultOf(store.current(background, NOW))).toBe('policy_unavailable')
    kv.values.set(pointer, bundle.pointer)
    expect((await storeWith({ POLICY_POINTER: pointer }).current(background, NOW)).serial).toBe(6)
  })

  it('shows its label wherever its serial shows', async () => {
    kv.put(await bundleOf(OLD, key.signing, { serial: 5, label: '1a2b3c4 Give team-x push' }))
    expect((await policyAt(NOW)).label).toBe('1a2b3c4 Give team-x push')
    expect(store.status(NOW).label).toBe('1a2b3c4 Give team-x push')
    expect(log).toEqual([
      { kind: 'policy', serial: 5, label: '1a2b3c4 Give team-x push', keyId: key.signing.id, warnings: [] },
    ])
  })
})

describe('no policy', () => {
  it.each([
    ['never pushed', {}],
    ['public keys that are no JSON', { POLICY_PUBLIC_KEYS: 'none' }],
    ['an empty key set', { POLICY_PUBLIC_KEYS: '{"keys":[]}' }],
    ['a key of another kind', { POLICY_PUBLIC_KEYS: '{"keys":[{"kty":"oct","k":"AAAA"}]}' }],
  ])('%s is a fault, and not ready', async (name, more) => {
    if (name !== 'never pushed') kv.put(await bundleOf(OLD, key.signing))
    store = storeWith(more)
    expect(await faultOf(store.current(background, NOW))).toBe('policy_unavailable')
    expect(store.status(NOW)).toMatchObject({ ready: false, lastProblem: { message: expect.any(String) } })
  })

  it('is what an expired bundle becomes, until another is pushed', async () => {
    kv.put(await bundleOf(OLD, key.signing, { expires: NOW + 5 }))
    await policyAt(NOW + 4)
    expect(await faultOf(store.current(background, NOW + 5))).toBe('policy_unavailable')
    kv.put(await bundleOf(NEW, key.signing, { serial: 2 }))
    expect((await policyAt(NOW + 6)).serial).toBe(2)
  })

  it('comes with a warning through the last 30 days', async () => {
    kv.put(await bundleOf(OLD, key.signing, { expires: NOW + 30 * 86_400 }))
    await policyAt(NOW)
    expect(store.status(NOW).warnings).toEqual(['bundle 1 expires in 30 days; run dockgate push'])
    expect(log.at(-1)).toMatchObject({ warnings: [expect.stringContaining('30 days')] })
  })

  it.each(['-1', '1.5', 'soon'])('a bound of %j is wrong', (value) => {
    expect(() => storeWith({ MAX_STALENESS_SECONDS: value })).toThrow(/MAX_STALENESS_SECONDS/)
  })
})

describe('a policy with protections', () => {
  const protections = [{ name: 'releases', writeOnce: true }] as const
  const PROTECTED = { ...OLD, common: { ...OLD.common, protections } }
  const warning =
    'bundle 1 has protections and the gate has no binding STATE: what they cover gets 503; add the binding'

  it.each([
    ['without the binding STATE is warned about', {}, PROTECTED, 'missing', [warning]],
    ['with the binding STATE is not', { STATE: env.STATE }, PROTECTED, 'bound', []],
  ])('%s', async (_what, more, policy, state, warnings) => {
    kv.put(await bundleOf(policy, key.signing))
    store = storeWith(more)
    await policyAt(NOW)
    expect(store.status(NOW)).toMatchObject({ state, warnings })
  })
})

describe('shards', () => {
  const policy: CompiledPolicy = manyTokens(2000, 200)

  it('hold every principal, whatever their number', async () => {
    const bundle = await bundleOf(policy, key.signing)
    expect(bundle.manifest.bits).toBeGreaterThan(2)
    kv.put(bundle)
    const view = await policyAt(NOW)
    for (const [name, data] of policy.principals) expect(await view.principal(name)).toEqual(indexPrincipal(data))
    expect(await view.principal(keyOf('token:t2000'))).toBeUndefined()
    expect(kv.reads).toHaveLength(1 + bundle.shards.size)
  })

  it('that are missing fault those whose data they hold, and nobody else; and heal', async () => {
    const bundle = await bundleOf(policy, key.signing)
    const lost = shardKey(digestFor(bundle.manifest, 'token:t0'))
    kv.put({ ...bundle, shards: new Map([...bundle.shards].filter(([name]) => name !== lost)) })
    const view = await policyAt(NOW)
    const outcomes = new Map<string, unknown>()
    for (const name of policy.principals.keys()) outcomes.set(name, await faultOf(view.principal(name)))
    for (const [name, outcome] of outcomes) {
      const isLost = shardKey(digestFor(bundle.manifest, name)) === lost
      expect([name, outcome]).toEqual([name, isLost ? 'policy_unavailable' : undefined])
    }
    expect(store.status(NOW)).toMatchObject({ ready: true, lastProblem: { code: 'shard_missing' } })
    kv.put(bundle)
    expect(await view.principal(keyOf('token:t0'))).toBeDefined()
    expect(store.status(NOW).lastProblem).toBeUndefined()
  })

  it('that hold what this version cannot read fault, and do not grant', async () => {
    const odd = { grants: [{ on: '*', bits: 1, rule: 'roleAssignment odd', onlyOnSundays: true }] }
    kv.put(await bundleOf(policyOf({ 'token:ci': odd }), key.signing))
    const view = await policyAt(NOW)
    expect(await faultOf(view.principal(CI))).toBe('policy_unavailable')
    expect(await faultOf(view.principal(CI))).toBe('policy_unavailable')
    expect(store.status(NOW).lastProblem).toMatchObject({ code: 'shard_malformed' })
  })
})
