/**
 * Reads bundles from an artifact in a registry, in place of Workers KV. While the tag names the same manifest, a look at the
 * pointer costs one HEAD. Nothing is trusted here: the policy store verifies what it gets.
 *
 * Source: OCI distribution-spec 1.1, "Pulling manifests", "Pulling blobs".
 */
import { type ArtifactPlace, parseArtifactPlace, readArtifact } from '../../bundle/policy-artifact.ts'
import { formatTarget } from '../../registry/format.ts'
import { OCI_MANIFEST } from '../../registry/media-type.ts'
import { parseDigest } from '../../registry/name.ts'
import type { RegistryRequest } from '../../registry/request.ts'
import type { Env, PolicyKv } from '../platform/env.ts'
import { Fault } from '../platform/fault.ts'
import { readBytes, readText } from '../platform/read-text.ts'
import { isSet } from '../platform/settings.ts'
import { openUpstream } from '../upstream/open.ts'
import { readAuthHosts } from '../upstream/realm.ts'
import { discard, send, type Upstream } from '../upstream/upstream.ts'

/** Longest value of a store, in bytes, and longest manifest. */
const VALUE_MAX_BYTES = 25 * 1024 * 1024
const MANIFEST_MAX_BYTES = 4 * 1024 * 1024
/** The reader of the policy gives up before. */
const TIMEOUT_MS = 5000
/** Registries send a pull of a blob to their storage. */
const REDIRECTS_MAX = 3

type StoreEnv = Pick<
  Env,
  | 'POLICY'
  | 'POLICY_STORE'
  | 'STORE_USERNAME'
  | 'STORE_PASSWORD'
  | 'UPSTREAM'
  | 'UPSTREAM_AUTHORIZATION'
  | 'UPSTREAM_USERNAME'
  | 'UPSTREAM_PASSWORD'
  | 'UPSTREAM_AUTH_HOSTS'
>

/**
 * The store that an environment names: an artifact with `POLICY_STORE`, else the binding `POLICY`.
 *
 * @throws Fault `settings_invalid`
 */
export function policyStoreOf(env: StoreEnv): PolicyKv {
  if (!isSet(env.POLICY_STORE)) {
    if (env.POLICY !== undefined) return env.POLICY
    throw new Fault(
      'settings_invalid',
      'there is neither the binding POLICY nor POLICY_STORE: the gate has no policy store',
    )
  }
  const place = parseArtifactPlace(env.POLICY_STORE)
  if (!place.ok) throw new Fault('settings_invalid', 'POLICY_STORE must be of the form oci://host/repository:tag')
  return new OciStore(place.value, openStore(place.value, env))
}

/** The registry of the store. Its credential is the gate's own at the upstream, if both are the same host and it has none. */
function openStore({ origin }: ArtifactPlace, env: StoreEnv): Upstream {
  const url = new URL(origin)
  const isOwn = isSet(env.STORE_USERNAME) || isSet(env.STORE_PASSWORD)
  const isUpstream = isSet(env.UPSTREAM) && URL.canParse(env.UPSTREAM) && new URL(env.UPSTREAM).host === url.host
  const credential = isOwn
    ? { username: env.STORE_USERNAME, password: env.STORE_PASSWORD }
    : isUpstream
      ? {
          authorization: env.UPSTREAM_AUTHORIZATION,
          username: env.UPSTREAM_USERNAME,
          password: env.UPSTREAM_PASSWORD,
        }
      : {}
  return openUpstream({
    id: 'store',
    url,
    fetch: (to, init) => fetch(to, init),
    timeoutMs: TIMEOUT_MS,
    authHosts: readAuthHosts(env.UPSTREAM_AUTH_HOSTS),
    credential,
  })
}

/** A pointer that was read, and the digest of the manifest that named it. */
type Known = { readonly manifest: string; readonly text: string | null }

/** The artifact as the policy store reads it. */
class OciStore implements PolicyKv {
  readonly #place: ArtifactPlace
  readonly #upstream: Upstream
  readonly #known = new Map<string, Known>()

  constructor(place: ArtifactPlace, upstream: Upstream) {
    this.#place = place
    this.#upstream = upstream
  }

  get(key: string, options: { type: 'text'; cacheTtl: number }): Promise<string | null>
  get(key: string, options: { type: 'arrayBuffer'; cacheTtl: number }): Promise<ArrayBuffer | null>
  /** A pointer by its key, as text; a shard by its digest, as bytes. Null for one that the registry does not have. */
  get(key: string, { type }: { readonly type: 'text' | 'arrayBuffer' }): Promise<string | ArrayBuffer | null> {
    return type === 'text' ? this.#pointer(key) : this.#blob(key)
  }

  async #pointer(key: string): Promise<string | null> {
    const known = this.#known.get(key)
    if (known !== undefined && (await this.#digest()) === known.manifest) return known.text
    const answer = await this.#ask(this.#manifest('GET'))
    if (answer.status === 404) {
      await discard(answer)
      return null
    }
    const digest = answer.headers.get('docker-content-digest')
    const text = answer.status === 200 ? await readText(answer.body, MANIFEST_MAX_BYTES) : undefined
    const layers = text === undefined ? undefined : readArtifact(text)
    if (layers === undefined) throw new Error(`the registry has no policy under its tag (status ${answer.status})`)
    const layer = layers.find((each) => each.key === key)
    const bytes = layer === undefined ? null : await this.#blob(layer.digest)
    const pointer = bytes === null ? null : new TextDecoder().decode(bytes)
    if (digest !== null && pointer !== null) this.#known.set(key, { manifest: digest, text: pointer })
    return pointer
  }

  /** The digest that the tag names; undefined if the registry does not say. */
  async #digest(): Promise<string | undefined> {
    const answer = await this.#ask(this.#manifest('HEAD'))
    await discard(answer)
    return answer.status === 200 ? (answer.headers.get('docker-content-digest') ?? undefined) : undefined
  }

  async #blob(text: string): Promise<ArrayBuffer | null> {
    const digest = parseDigest(text)
    if (!digest.ok) throw new Error('a shard has no digest')
    const { repository: name } = this.#place
    let answer = await this.#ask({ operation: 'pullBlob', method: 'GET', name, digest: digest.value })
    for (let hop = 0; answer.status >= 300 && answer.status < 400 && hop < REDIRECTS_MAX; hop++) {
      answer = await follow(answer, this.#place.origin)
    }
    if (answer.status === 404) {
      await discard(answer)
      return null
    }
    const bytes = answer.status === 200 ? await readBytes(answer.body, VALUE_MAX_BYTES) : undefined
    if (bytes !== undefined) return bytes
    await discard(answer)
    throw new Error(`the registry answered for a blob with status ${answer.status}`)
  }

  #manifest(method: 'GET' | 'HEAD'): RegistryRequest {
    const { repository: name, tag } = this.#place
    return { operation: 'pullManifest', method, name, reference: { kind: 'tag', tag } }
  }

  #ask(request: RegistryRequest): Promise<Response> {
    const headers = {
      accept: request.operation === 'pullManifest' ? OCI_MANIFEST : '*/*',
      'accept-encoding': 'identity',
    }
    return send(this.#upstream, request, { url: `${this.#place.origin}${formatTarget(request)}`, headers })
  }
}

/** The answer of the storage of a registry, which gets no credential. By HTTP only where the registry itself is. */
async function follow(answer: Response, origin: string): Promise<Response> {
  await discard(answer)
  const location = answer.headers.get('location') ?? ''
  const target = URL.canParse(location, origin) ? new URL(location, origin) : undefined
  const isSafe = target?.protocol === 'https:' || (target !== undefined && target.origin === origin)
  if (target === undefined || !isSafe) throw new Error('the registry sends to a place without HTTPS')
  return fetch(target, { redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) })
}
