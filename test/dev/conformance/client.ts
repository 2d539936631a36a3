/**
 * A registry client for tests: it makes the requests of the OCI distribution-spec one by one, so that a test sees every
 * status and header. It follows `Location` as clients must, and knows nothing of the registry behind the URL.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { expect, type TestContext } from 'vitest'

/** Parts of the spec, or of the habits of registries, that a registry may lack. */
export type Feature =
  /** Names that the spec's grammar forbids are refused everywhere. */
  | 'nameGrammar'
  /** The same for digests of manifests. */
  | 'digestGrammar'
  /** `POST ?digest=` pushes; without it the answer is 202. */
  | 'singlePost'
  /** `Content-Range` of a chunk is read: 416 for a wrong place, a refusal for a wrong length. */
  | 'chunkOrder'
  /** An upload that is not there is 404; without it 400 will do. */
  | 'unknownUploadIs404'
  | 'mount'
  /** `mediaType` must agree with `Content-Type`. */
  | 'manifestTypeChecked'
  /** Manifests of media types that the registry does not know. */
  | 'artifactManifests'
  | 'foreignLayers'
  /** `PUT .../manifests/<digest>?tag=a&tag=b`. */
  | 'multiTag'
  | 'sha512'
  | 'tagOrder'
  /** `n`, `last` and `Link` on tags. */
  | 'tagPages'
  /** A repository without tags has an empty list; without it, the list is 404. */
  | 'emptyTagList'
  /** HEAD of lists. */
  | 'listHead'
  | 'tagDelete'
  | 'manifestDelete'
  | 'blobDelete'
  | 'catalog'
  | 'referrers'
  /** `ETag` with `If-None-Match` and `If-Range`. */
  | 'revalidation'

export interface Target {
  /** Base URL, without a path. */
  readonly url: string
  /** Sent with every request, for instance `Authorization`. */
  readonly headers?: Readonly<Record<string, string>>
  /** Every feature that is not named is expected. */
  readonly supports?: Partial<Record<Feature, boolean>>
  /** Repositories are made below this name; default `conformance`. */
  readonly namespace?: string
}

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json'
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json'
export const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip'
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
export const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json'

/** Some bytes and how a manifest refers to them. */
export interface Content {
  readonly bytes: Buffer
  readonly digest: string
  readonly descriptor: { readonly mediaType: string; readonly digest: string; readonly size: number }
}

export const sha = (algorithm: 'sha256' | 'sha512', bytes: Buffer): string =>
  `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`

export function content(bytes: Buffer, mediaType = OCI_LAYER, algorithm: 'sha256' | 'sha512' = 'sha256'): Content {
  const digest = sha(algorithm, bytes)
  return { bytes, digest, descriptor: { mediaType, digest, size: bytes.length } }
}

/** Bytes that no other test has. */
export const randomContent = (size = 512, mediaType?: string, algorithm?: 'sha256' | 'sha512'): Content =>
  content(randomBytes(size), mediaType, algorithm)

export const document = (value: object, mediaType: string): Content =>
  content(Buffer.from(JSON.stringify(value)), mediaType)

export const image = (config: Content, layers: readonly Content[], more: object = {}): Content =>
  document(
    {
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: config.descriptor,
      layers: layers.map((layer) => layer.descriptor),
      ...more,
    },
    OCI_MANIFEST,
  )

export const index = (manifests: readonly Content[], more: object = {}): Content =>
  document(
    { schemaVersion: 2, mediaType: OCI_INDEX, manifests: manifests.map((manifest) => manifest.descriptor), ...more },
    OCI_INDEX,
  )

interface Call {
  readonly headers?: Record<string, string>
  readonly body?: Buffer | ReadableStream
}

export class Client {
  readonly target: Target

  constructor(target: Target) {
    this.target = target
  }

  /** Skip the test where the registry lacks a feature. */
  needs(context: TestContext, ...features: Feature[]): void {
    for (const feature of features) context.skip(this.lacks(feature), `no ${feature}`)
  }

  lacks(feature: Feature): boolean {
    return this.target.supports?.[feature] === false
  }

  /** A repository name that nothing has used before. */
  repository(): string {
    return `${this.target.namespace ?? 'conformance'}/${randomUUID()}`
  }

  /** @param location a path of the registry, or a URL that it gave */
  call(method: string, location: string, { headers = {}, body }: Call = {}): Promise<Response> {
    return fetch(new URL(location, this.target.url), {
      method,
      headers: { ...this.target.headers, ...headers },
      ...(body instanceof ReadableStream ? { body, duplex: 'half' } : body && { body: Uint8Array.from(body) }),
    })
  }

  /** Open an upload; the answer is its URL. */
  async open(name: string): Promise<string> {
    const response = await this.call('POST', `/v2/${name}/blobs/uploads/`)
    expect(response.status).toBe(202)
    return locationOf(response)
  }

  /** Close an upload, with the last bytes or none. */
  close(location: string, digest: string, call: Call = {}): Promise<Response> {
    const url = new URL(location, this.target.url)
    url.searchParams.set('digest', digest)
    const headers = call.body ? { 'Content-Type': 'application/octet-stream', ...call.headers } : (call.headers ?? {})
    return this.call('PUT', url.href, { ...call, headers })
  }

  /** One chunk, with its place in the blob as `Content-Range`. */
  patch(location: string, start: number, body: Buffer): Promise<Response> {
    return this.call('PATCH', location, {
      headers: { 'Content-Type': 'application/octet-stream', 'Content-Range': `${start}-${start + body.length - 1}` },
      body,
    })
  }

  async pushBlob(name: string, blob: Content): Promise<Content> {
    const response = await this.close(await this.open(name), blob.digest, { body: blob.bytes })
    expect(response.status).toBe(201)
    return blob
  }

  putManifest(name: string, reference: string, manifest: Content, contentType = manifest.descriptor.mediaType) {
    return this.call('PUT', `/v2/${name}/manifests/${reference}`, {
      headers: { 'Content-Type': contentType },
      body: manifest.bytes,
    })
  }

  async pushManifest(name: string, reference: string, manifest: Content): Promise<Content> {
    const response = await this.putManifest(name, reference, manifest)
    expect(response.status, await response.clone().text()).toBe(201)
    return manifest
  }

  /** An image with one layer, and whatever `more` adds to its manifest. */
  async pushImage(name: string, reference?: string, more: object = {}): Promise<Content> {
    const config = await this.pushBlob(name, randomContent(64, OCI_CONFIG))
    const manifest = image(config, [await this.pushBlob(name, randomContent())], more)
    return this.pushManifest(name, reference ?? manifest.digest, manifest)
  }

  getManifest(name: string, reference: string, method = 'GET'): Promise<Response> {
    const accept = [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST, '*/*'].join(', ')
    return this.call(method, `/v2/${name}/manifests/${reference}`, { headers: { Accept: accept } })
  }

  getBlob(name: string, digest: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.call('GET', `/v2/${name}/blobs/${digest}`, { headers })
  }
}

export function locationOf(response: Response): string {
  const location = response.headers.get('Location')
  if (location === null) throw new Error(`${response.status} without Location`)
  return new URL(location, response.url).href
}

/** Untyped on purpose: the tests compare it whole. */
export const jsonOf = async (response: Response) => JSON.parse(await response.text())

export const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer())

/** The target of the `next` link, or undefined (RFC 8288). */
export const nextOf = (response: Response): string | undefined => {
  const [, next] = /<([^>]+)>\s*;\s*rel="?next"?/.exec(response.headers.get('Link') ?? '') ?? []
  return next === undefined ? undefined : new URL(next, response.url).href
}

/** The codes of the section "Error Codes". */
const SPEC_CODES = [
  'BLOB_UNKNOWN',
  'BLOB_UPLOAD_INVALID',
  'BLOB_UPLOAD_UNKNOWN',
  'DIGEST_INVALID',
  'MANIFEST_BLOB_UNKNOWN',
  'MANIFEST_INVALID',
  'MANIFEST_UNKNOWN',
  'NAME_INVALID',
  'NAME_UNKNOWN',
  'SIZE_INVALID',
  'UNAUTHORIZED',
  'DENIED',
  'UNSUPPORTED',
  'TOOMANYREQUESTS',
]

/** A refusal: one of the statuses, and if the body is JSON the format and the codes of "Error Codes". */
export async function expectRefusal(
  response: Response,
  statuses: number | readonly number[],
  codes: readonly string[] = SPEC_CODES,
): Promise<void> {
  const text = await response.text()
  expect([statuses].flat(), text).toContain(response.status)
  if (!response.headers.get('Content-Type')?.startsWith('application/json') || text === '') return
  const body: unknown = JSON.parse(text)
  expect(body).toEqual({ errors: expect.arrayContaining([expect.objectContaining({ code: expect.any(String) })]) })
  expect(codes, text).toContain(/"code":"([A-Z_]+)"/.exec(text)?.[1])
}
