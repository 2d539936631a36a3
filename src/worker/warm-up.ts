/**
 * The gate answers one made-up request while the isolate starts, so that the code is compiled when the first real request
 * comes. A request has 10 ms of CPU on Cloudflare's free plan; start-up has a second of its own. Key, policy and registry
 * are made here and thrown away: they cannot allow, delay or log anything. docs/decisions/0008-warm-up.md has the measurements.
 */
import { SignJWT } from 'jose'
import { ok } from '../base/result.ts'
import { digestOf } from '../bundle/digest.ts'
import { parsePublicKeys } from '../bundle/keys.ts'
import { FORMAT, MANIFEST_TYPE, type Manifest } from '../bundle/manifest.ts'
import { verifyManifest } from '../bundle/verify.ts'
import { credentialFingerprint } from '../identity/secret.ts'
import { createGate } from './gate.ts'
import { selectUpstream } from './hosts/select.ts'
import { identify } from './identity/identify.ts'
import { tokenKeys } from './identity/keys.ts'
import { mint } from './identity/minted.ts'
import type { Env } from './platform/env.ts'
import { upstreamSeconds } from './platform/metrics.ts'
import { Shards } from './store/shards.ts'
import { PolicyStore } from './store/store.ts'
import { openView } from './store/view.ts'

const ALGORITHM = 'ES256'
const SERVICE = 'warm-up'
const POINTER = 'warm-up'
const REPOSITORY = 'warm-up/app'
const TARGET = `https://warm-up.invalid/v2/${REPOSITORY}/manifests/latest`

/** No password has this digest. */
const CREDENTIAL = { name: 'password1', sha256: '0'.repeat(64) }

const SHARD = JSON.stringify({
  'token:warm-up': {
    token: { status: 'enabled', credentials: [CREDENTIAL] },
    grants: [{ on: 'warm-up/*', bits: 1, rule: 'scopeMap warm-up' }],
  },
})

const manifestOf = (shards: string): Manifest => ({
  format: FORMAT,
  pointer: POINTER,
  serial: 0,
  created: 0,
  expires: 1,
  bits: 0,
  shards,
  principals: 1,
  grants: 1,
  bytes: SHARD.length,
  common: {
    service: SERVICE,
    mode: 'abac',
    catalog: 'exact',
    tokenLifetimeSeconds: 60,
    issuers: [],
    identities: [],
    claims: [],
    readsMediaType: false,
    everyone: {},
    anonymous: {},
    groupDenies: {},
    identityDenies: {},
  },
})

/** The part of an environment that the gate reads once it has its policy. */
const environment = (secret: string): Env => ({
  TOKEN_SIGNING_KEY: secret,
  POLICY_PUBLIC_KEYS: '',
  POLICY: { get: () => Promise.resolve(null) },
  REGISTRY: { fetch: () => Promise.resolve(new Response(null, { headers: { 'content-type': 'application/json' } })) },
})

/** The status of the answer, which is 200. Rejects if the platform does not allow it: then the first request is slower. */
export async function warmUp(): Promise<number> {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
  if (!('privateKey' in pair)) throw new Error('no pair of keys')
  const secret = JSON.stringify(await crypto.subtle.exportKey('jwk', pair.privateKey))
  const keys = await tokenKeys({ TOKEN_SIGNING_KEY: secret })
  const bytes = Uint8Array.from(new TextEncoder().encode(SHARD)).buffer
  const pointer = await new SignJWT({ ...manifestOf(await digestOf(bytes)) })
    .setProtectedHeader({ typ: MANIFEST_TYPE, alg: ALGORITHM, kid: keys.signing.kid })
    .sign(keys.signing.key)
  const verified = await verifyManifest(pointer, await parsePublicKeys(JSON.stringify(keys.published)), {
    pointer: POINTER,
    service: SERVICE,
  })
  if (!verified.ok) throw new Error(verified.error.message)
  const view = openView(verified.value, new Shards(() => Promise.resolve(ok(bytes))), () => undefined)
  const proof = { kind: 'token', name: 'warm-up', credential: credentialFingerprint(CREDENTIAL) } as const
  const access = [{ type: 'repository', name: REPOSITORY, actions: ['pull'] }] as const
  const token = await mint('access', { proof, access }, { service: SERVICE, issuedAt: 0, expires: 60, id: '0' }, keys)
  const gate = createGate({
    policy: () => view,
    identify,
    select: selectUpstream,
    audit: JSON.stringify,
    nowMs: () => 0,
  })
  const env = environment(secret)
  const background = { waitUntil: () => undefined }
  // Without timers the store gives up before it has read anything: so far it is compiled, and the rest was above.
  const store = new PolicyStore(env, { get: async () => null }, () => undefined)
  await Promise.resolve(store.current(background, 0)).catch(() => undefined)
  const headers = { authorization: `Bearer ${token}`, 'cf-ray': '0000000000000000' }
  const answer = await gate(new Request(TARGET, { headers }), TARGET, env, background)
  // It is no request of anybody.
  upstreamSeconds.clear()
  return answer.status
}
