/**
 * A store in a registry: one artifact whose layers are the values. Values are uploaded at once; the manifest that names them
 * is pushed with the pointer, so that a reader sees the old bundle or the new one.
 */
import { createHash } from 'node:crypto'
import { SHARD_PREFIX } from '../../bundle/digest.ts'
import {
  type ArtifactLayer,
  type ArtifactPlace,
  EMPTY_CONFIG,
  formatArtifact,
  readArtifact,
} from '../../bundle/policy-artifact.ts'
import { formatTarget } from '../../registry/format.ts'
import { OCI_MANIFEST } from '../../registry/media-type.ts'
import { type Digest, parseDigest } from '../../registry/name.ts'
import type { RegistryRequest } from '../../registry/request.ts'
import { openUpstream } from '../../worker/upstream/open.ts'
import { readAuthHosts } from '../../worker/upstream/realm.ts'
import { send } from '../../worker/upstream/upstream.ts'
import { CommandError } from '../terminal/command-error.ts'
import type { KvPair, OpenKv } from './kv.ts'

const TIMEOUT_MS = 60_000

type Layers = {
  /** By the key of the store. */
  readonly byKey: Map<string, ArtifactLayer>
  /** Digest of the manifest that has them; undefined if the tag names none. */
  readonly manifest: string | undefined
}

/** The store in an artifact. Its methods throw {@link CommandError} 3. */
export function artifactKv(place: ArtifactPlace): OpenKv {
  const registry = new StoreRegistry(place)
  let known: Promise<Layers> | undefined
  let isChanged = false
  const layers = (): Promise<Layers> => {
    known ??= registry.layers()
    return known
  }
  const upload = async (pairs: readonly KvPair[]): Promise<void> => {
    const { byKey } = await layers()
    for (const { key, value } of pairs) {
      const layer = await registry.upload(value)
      byKey.set(key, key.startsWith(SHARD_PREFIX) ? layer : { ...layer, key })
    }
    isChanged ||= pairs.length > 0
  }
  const commit = async (): Promise<void> => {
    const { byKey, manifest } = await layers()
    known = undefined
    isChanged = false
    await registry.push(formatArtifact([...byKey.values()].sort(order)), manifest)
  }
  const get = async (key: string): Promise<string | undefined> => {
    const layer = (await layers()).byKey.get(key)
    return layer === undefined ? undefined : registry.blob(layer.digest)
  }
  return {
    place: registry.name,
    get,
    async getAll(keys) {
      const values = new Map<string, string>()
      for (const key of keys) {
        const value = await get(key)
        if (value !== undefined) values.set(key, value)
      }
      return values
    },
    list: async (prefix) => [...(await layers()).byKey.keys()].filter((key) => key.startsWith(prefix)),
    putAll: upload,
    async put(key, value) {
      await upload([{ key, value }])
      await commit()
    },
    async deleteAll(keys) {
      const { byKey } = await layers()
      for (const key of keys) byKey.delete(key)
      await commit()
    },
    async close() {
      if (isChanged) await commit()
    },
  }
}

/** Pointers first, so that a person finds them in a long manifest. */
const order = (a: ArtifactLayer, b: ArtifactLayer): number =>
  Number(a.key === undefined) - Number(b.key === undefined) || ((a.key ?? a.digest) < (b.key ?? b.digest) ? -1 : 1)

/** The calls of a registry that a store needs. */
class StoreRegistry {
  /** For messages. */
  readonly name: string
  readonly #place: ArtifactPlace
  readonly #upstream: ReturnType<typeof openUpstream>

  constructor(place: ArtifactPlace) {
    const url = new URL(place.origin)
    this.name = `oci://${url.host}/${place.repository}:${place.tag}`
    this.#place = place
    this.#upstream = this.#open(url)
  }

  /** What the tag names. */
  async layers(): Promise<Layers> {
    const answer = await this.#ask(this.#manifest('GET'))
    if (answer.status === 404) return { byKey: new Map(), manifest: undefined }
    const text = await this.#text(answer, 'reading the manifest')
    const layers = readArtifact(text)
    if (layers === undefined) {
      throw new CommandError(1, `${this.name} is something else than a policy: it is not overwritten`, {
        hint: 'name another tag or repository',
      })
    }
    return {
      byKey: new Map(layers.map((layer) => [layer.key ?? layer.digest, layer])),
      manifest: digestOf(text),
    }
  }

  async blob(digest: Digest): Promise<string> {
    const { repository: name } = this.#place
    let answer = await this.#ask({ operation: 'pullBlob', method: 'GET', name, digest })
    // Storage of the registry, which gets no credential.
    if (answer.status >= 300 && answer.status < 400) {
      answer = await this.#fetch(new URL(answer.headers.get('location') ?? '', this.#place.origin).href, {})
    }
    const text = await this.#text(answer, `reading ${digest}`)
    if (digestOf(text) === digest) return text
    throw new CommandError(3, `${this.name} gave other bytes than those of ${digest}`)
  }

  /** Uploads a value, unless the registry has it. */
  async upload(value: string): Promise<ArtifactLayer> {
    const digest = this.#digest(digestOf(value))
    const { repository: name } = this.#place
    const size = Buffer.byteLength(value)
    const known = await this.#ask({ operation: 'pullBlob', method: 'HEAD', name, digest })
    if (known.ok) return { digest, size }
    const started = await this.#ask({ operation: 'startUpload', method: 'POST', name }, '')
    const location = started.headers.get('location')
    if (started.status !== 202 || location === null) throw await this.#failure(started, 'starting an upload')
    const session = new URL(location, this.#place.origin)
    session.searchParams.set('digest', digest)
    const request = { operation: 'completeUpload', method: 'PUT', name, session: session.href, digest } as const
    const isElsewhere = session.origin !== this.#place.origin
    const headers = { 'content-type': 'application/octet-stream' }
    const done = await this.#send(request, { url: session.href, headers, body: value, isElsewhere })
    if (done.status !== 201) throw await this.#failure(done, 'uploading a value')
    return { digest, size }
  }

  /**
   * Moves the tag to a manifest.
   *
   * @param before digest of the manifest that the tag named when it was read
   * @throws {@link CommandError} 3 if somebody has moved the tag since then
   */
  async push(text: string, before: string | undefined): Promise<void> {
    await this.upload(EMPTY_CONFIG.text)
    const now = await this.#ask(this.#manifest('GET'))
    const digest = now.status === 404 ? undefined : digestOf(await this.#text(now, 'reading the manifest'))
    if (digest !== before) {
      throw new CommandError(3, `somebody else has changed ${this.name} in the meantime`, { hint: 'try again' })
    }
    const { repository: name, tag } = this.#place
    const request = {
      operation: 'pushManifest',
      method: 'PUT',
      name,
      reference: { kind: 'tag', tag },
      tags: [],
    } as const
    const answer = await this.#ask(request, text, OCI_MANIFEST)
    if (answer.status !== 201) throw await this.#failure(answer, 'pushing the manifest')
  }

  #manifest(method: 'GET' | 'HEAD'): RegistryRequest {
    const { repository: name, tag } = this.#place
    return { operation: 'pullManifest', method, name, reference: { kind: 'tag', tag } }
  }

  #ask(request: RegistryRequest, body?: string, type?: string): Promise<Response> {
    const accept = request.operation === 'pullManifest' ? OCI_MANIFEST : '*/*'
    return this.#send(request, {
      url: `${this.#place.origin}${formatTarget(request)}`,
      headers: { accept, ...(type === undefined ? {} : { 'content-type': type }) },
      ...(body === undefined ? {} : { body }),
    })
  }

  async #send(request: RegistryRequest, outgoing: Parameters<typeof send>[2]): Promise<Response> {
    try {
      return await send(this.#upstream, request, outgoing)
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new CommandError(3, `${this.name} cannot be used: ${why}`, { hint: HINT, cause })
    }
  }

  async #fetch(url: string, init: RequestInit): Promise<Response> {
    return fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) })
  }

  async #text(answer: Response, doing: string): Promise<string> {
    if (answer.status === 200) return answer.text()
    throw await this.#failure(answer, doing)
  }

  async #failure(answer: Response, doing: string): Promise<CommandError> {
    const said = (await answer.text()).slice(0, 500)
    return new CommandError(3, `${this.name} answered ${answer.status} while ${doing}`, {
      details: said === '' ? [] : [said],
      hint: HINT,
    })
  }

  #digest(text: string): Digest {
    const digest = parseDigest(text)
    if (!digest.ok) throw new Error('a hash is not a digest')
    return digest.value
  }

  /** With the credential of the store, else that of the registry behind the gate where it is the same host. */
  #open(url: URL): ReturnType<typeof openUpstream> {
    const { STORE_USERNAME, STORE_PASSWORD, UPSTREAM = '', ...env } = process.env
    const isUpstream = URL.canParse(UPSTREAM) && new URL(UPSTREAM).host === url.host
    const own = { username: STORE_USERNAME, password: STORE_PASSWORD }
    const upstream = {
      authorization: env.UPSTREAM_AUTHORIZATION,
      username: env.UPSTREAM_USERNAME,
      password: env.UPSTREAM_PASSWORD,
    }
    const isOwn = (STORE_USERNAME ?? '') !== '' || (STORE_PASSWORD ?? '') !== ''
    try {
      return openUpstream({
        id: 'store',
        url,
        fetch: (to, init) => this.#fetch(to, init),
        timeoutMs: TIMEOUT_MS,
        authHosts: readAuthHosts(env.UPSTREAM_AUTH_HOSTS),
        credential: isOwn ? own : isUpstream ? upstream : {},
      })
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new CommandError(2, `the credential for ${this.name} cannot be used: ${why}`, { hint: HINT, cause })
    }
  }
}

const HINT = 'look at the address, and at STORE_USERNAME and STORE_PASSWORD'

const digestOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`
