/** Asks the registry what protections must know of it: which digest a tag names, what a manifest lists, which tags there are. */
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from '../../registry/media-type.ts'
import { parseDigest, parseTag, type RepositoryName, type Tag } from '../../registry/name.ts'
import type { Reference, RegistryRequest } from '../../registry/request.ts'
import type { HeaderRecord } from '../answers/headers.ts'
import { urlOf } from '../forward/forward.ts'
import { MANIFEST_MAX_BYTES } from '../forward/manifest-type.ts'
import { PAGE_MAX, readList } from '../forward/pager.ts'
import { Fault } from '../platform/fault.ts'
import { readText } from '../platform/read-text.ts'
import { discard, send, type Upstream } from '../upstream/upstream.ts'
import { type Manifest, readManifest } from './manifest.ts'
import type { FoundTags } from './state/calls.ts'

/** Every type of manifest that a registry may hold, so that it converts none. */
const MANIFEST_TYPES = [
  OCI_MANIFEST,
  OCI_INDEX,
  DOCKER_MANIFEST,
  DOCKER_LIST,
  'application/vnd.oci.artifact.manifest.v1+json',
  '*/*',
].join(', ')

/** Requests that wait for an answer at the same time: a Worker may have six connections. */
const CONCURRENCY = 6

/** The facts of one repository. Each method throws as `send` does, and `upstream_invalid` for an answer that it cannot use. */
export class RegistryFacts {
  readonly #name: RepositoryName
  readonly #upstream: Upstream

  /** @param name of the repository at the gate */
  constructor(name: RepositoryName, upstream: Upstream) {
    this.#name = name
    this.#upstream = upstream
  }

  /** The digest of each tag; null for a tag that the registry does not have. */
  async digestsOf(tags: readonly Tag[]): Promise<FoundTags> {
    return Object.fromEntries(await inBatches(tags, async (tag) => [tag, await this.#digestOf(tag)] as const))
  }

  /** A manifest; undefined if the registry does not have it. */
  async manifest(reference: Reference): Promise<Manifest | undefined> {
    const text = await this.text(reference)
    if (text === undefined) return undefined
    const manifest = await readManifest(text)
    if (manifest === undefined) throw unusable(200)
    return manifest
  }

  /** What each manifest lists. A manifest that the registry does not have is left out: nobody knows what it lists. */
  async childrenOf(digests: readonly string[]): Promise<Readonly<Record<string, readonly string[]>>> {
    const read = async (text: string) => {
      const digest = parseDigest(text)
      const manifest = digest.ok ? await this.manifest({ kind: 'digest', digest: digest.value }) : undefined
      return manifest === undefined ? [] : [[text, manifest.children] as const]
    }
    return Object.fromEntries((await inBatches(digests, read)).flat())
  }

  /** The tags that are wanted; undefined if there are more than 1,000, or the list is too long to read. */
  async tags(isWanted: (tag: string) => boolean): Promise<readonly Tag[] | undefined> {
    const request = { operation: 'listTags', method: 'GET', name: this.#name, paging: {} } as const
    const page = await readList({
      key: 'tags',
      n: PAGE_MAX,
      most: PAGE_MAX,
      keepsPages: false,
      isWhole: false,
      isVisible: isWanted,
      fetchPage: (query) => this.#ask(request, query, 'application/json'),
    })
    if (page instanceof Response) {
      await discard(page)
      if (page.status === 404) return []
      throw unusable(page.status)
    }
    if (page.next !== undefined) return undefined
    return page.names.flatMap((name) => {
      const tag = parseTag(name)
      return tag.ok ? [tag.value] : []
    })
  }

  async #digestOf(tag: Tag): Promise<string | null> {
    const reference = { kind: 'tag', tag } as const
    const answer = await this.#manifest('HEAD', reference)
    await discard(answer)
    if (answer.status === 404) return null
    if (answer.status !== 200) throw unusable(answer.status)
    const digest = parseDigest(answer.headers.get('docker-content-digest') ?? '')
    // The header is optional (OCI distribution-spec, "Pulling manifests").
    return digest.ok ? digest.value : ((await this.manifest(reference))?.digests[0] ?? null)
  }

  /** The text of a manifest; undefined if the registry does not have it. */
  async text(reference: Reference): Promise<string | undefined> {
    const answer = await this.#manifest('GET', reference)
    if (answer.status === 404) {
      await discard(answer)
      return undefined
    }
    const text = answer.status === 200 ? await readText(answer.body, MANIFEST_MAX_BYTES) : undefined
    if (text === undefined) throw unusable(answer.status)
    return text
  }

  #manifest(method: 'GET' | 'HEAD', reference: Reference): Promise<Response> {
    return this.#ask({ operation: 'pullManifest', method, name: this.#name, reference }, '', MANIFEST_TYPES)
  }

  #ask(request: RegistryRequest, query: string, accept: string): Promise<Response> {
    const headers: HeaderRecord = { 'accept-encoding': 'identity', accept }
    return send(this.#upstream, request, { url: `${urlOf(request, this.#upstream)}${query}`, headers })
  }
}

const unusable = (status: number): Fault =>
  new Fault('upstream_invalid', `the registry answered a question of a protection with status ${status}`)

/** Runs as many at the same time as a Worker may have connections. */
export async function inBatches<T, R>(items: readonly T[], run: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = []
  for (let start = 0; start < items.length; start += CONCURRENCY) {
    results.push(...(await Promise.all(items.slice(start, start + CONCURRENCY).map(run))))
  }
  return results
}
