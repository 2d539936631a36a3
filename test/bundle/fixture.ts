/** Keys, policies and bundles for the tests of bundles; runs in Node and in workerd. */

import { shardKey } from '../../src/bundle/digest.ts'
import { encodeBundle } from '../../src/bundle/encode.ts'
import { type Algorithm, generateKey, parseSigningKey, type SigningKey } from '../../src/bundle/keys.ts'
import type { Manifest } from '../../src/bundle/manifest.ts'
import { signManifest } from '../../src/bundle/sign.ts'
import type { CommonData, CompiledPolicy, PrincipalData } from '../../src/policy/decide/compiled.ts'
import { type PrincipalKey, parsePrincipal, principalKey } from '../../src/policy/principal.ts'

export const NOW = 1_800_000_000

export const keyOf = (text: string): PrincipalKey => {
  const parsed = parsePrincipal(text)
  if (!parsed.ok) throw new Error(`${text} is not a principal`)
  return principalKey(parsed.value)
}

export const COMMON: CommonData = {
  service: 'registry.example.com',
  mode: 'abac',
  catalog: 'filtered',
  tokenLifetimeSeconds: 900,
  issuers: [],
  identities: [],
  claims: [],
  readsMediaType: false,
  everyone: {},
  anonymous: {},
  groupDenies: {},
  identityDenies: {},
}

/** Reads `repository` only. */
export const reader = (repository: string, rule = 'roleAssignment read'): PrincipalData => ({
  grants: [{ on: repository, bits: 1, rule }],
})

export function policyOf(principals: Readonly<Record<string, PrincipalData>>, common = COMMON): CompiledPolicy {
  const entries = Object.entries(principals).map(([key, data]) => [keyOf(key), data] as const)
  return { common, principals: new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1))) }
}

/** `count` tokens `t0`, `t1`, …, each of which reads its own repository; `padding` makes their data longer. */
export const manyTokens = (count: number, padding = 0): CompiledPolicy =>
  policyOf(
    Object.fromEntries(
      Array.from({ length: count }, (_, n) => [
        `token:t${n}`,
        reader(`own/${n}`, `roleAssignment ${'x'.repeat(padding)}${n}`),
      ]),
    ),
  )

/** UTF-8, in a buffer of its own. */
export const bytesOf = (text: string): ArrayBuffer => Uint8Array.from(new TextEncoder().encode(text)).buffer

export type KeyPair = { readonly signing: SigningKey; readonly publicKeys: string; readonly publicKey: unknown }

export async function newKey(algorithm: Algorithm = 'EdDSA'): Promise<KeyPair> {
  const pair = await generateKey(algorithm)
  const signing = await parseSigningKey(JSON.stringify(pair.private))
  return { signing, publicKeys: JSON.stringify({ keys: [pair.public] }), publicKey: pair.public }
}

export type Bundle = {
  readonly manifest: Manifest
  readonly pointer: string
  /** Texts by the store's key. */
  readonly shards: ReadonlyMap<string, string>
}

export type BundleOptions = {
  readonly pointer?: string
  readonly serial?: number
  readonly created?: number
  readonly expires?: number
  readonly previousBits?: number
  readonly label?: string
}

export async function bundleOf(policy: CompiledPolicy, key: SigningKey, options: BundleOptions = {}): Promise<Bundle> {
  const { pointer = 'pointer', serial = 1, created = NOW - 60, ...rest } = options
  const shards = new Map<string, string>()
  const manifest = await encodeBundle(policy, { pointer, serial, created, ...rest }, ({ digest, text }) => {
    shards.set(shardKey(digest), text)
  })
  return { manifest, pointer: await signManifest(manifest, key), shards }
}
