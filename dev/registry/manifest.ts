/**
 * What a registry reads in a manifest: its media type, what it refers to, and how it shows in a referrers list
 * (OCI distribution-spec "Pushing Manifests", "Listing Referrers"). It never changes the bytes and never asks the disk.
 */
import { isRecord } from '../../src/base/json.ts'
import type { Result } from '../../src/base/result.ts'
import { err, ok } from '../../src/base/result.ts'
import { type Digest, isDigest } from './grammar.ts'

/** Media type of an OCI image index. */
export const INDEX_MEDIA_TYPE = 'application/vnd.oci.image.index.v1+json'

/** What the registry reads of a manifest. */
export interface Manifest {
  readonly mediaType: string
  /** Blobs and manifests that must be in the repository before this manifest may be. */
  readonly blobs: readonly Digest[]
  readonly manifests: readonly Digest[]
  /** May be missing from the repository. */
  readonly subject?: Digest
  readonly artifactType?: string
  readonly annotations?: Readonly<Record<string, string>>
}

const IMAGES = new Set([
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
])
const INDEXES = new Set([INDEX_MEDIA_TYPE, 'application/vnd.docker.distribution.manifest.list.v2+json'])
/** Docker's schema 1 is identified by its payload without signatures, which this registry does not compute. */
const SCHEMA_1 = /^application\/vnd\.docker\.distribution\.manifest\.v1\+/
/** Layers that registries need not hold (image-spec "Non-Distributable Layers", Docker's foreign layers). */
const NOT_STORED = /^application\/vnd\.(?:oci\.image\.layer\.nondistributable\.|docker\.image\.rootfs\.foreign\.)/
/** RFC 6838 section 4.2. */
const MEDIA_TYPE = /^[a-z0-9][\w!#$&^.+-]{0,126}\/[a-z0-9][\w!#$&^.+-]{0,126}$/i

/**
 * Read a manifest.
 * @param contentType the `Content-Type` of the push; parameters are ignored, as the spec asks
 * @returns the manifest, or in words what is wrong with it
 */
export function parseManifest(bytes: Buffer, contentType: string | undefined): Result<Manifest, string> {
  const body = parseObject(bytes)
  if (body === undefined) return err('the manifest is not a JSON object')
  const declared = contentType?.split(';', 1)[0]?.trim() ?? ''
  const embedded = body.mediaType ?? declared
  if (typeof embedded !== 'string' || !MEDIA_TYPE.test(embedded)) {
    return err('neither Content-Type nor mediaType names the type of the manifest')
  }
  if (declared !== '' && declared !== embedded) return err('mediaType differs from Content-Type')
  if (SCHEMA_1.test(embedded)) return err('Docker manifests of schema 1 are not supported, push schema 2 or OCI')

  const subject = body.subject === undefined ? undefined : parseDescriptor(body.subject)
  if (subject === null) return err('subject is not a descriptor')
  const references = parseReferences(body, embedded)
  if (!references.ok) return references
  const artifactType = parseArtifactType(body, embedded)
  const annotations = parseAnnotations(body.annotations)
  return ok({
    mediaType: embedded,
    ...references.value,
    ...(subject && { subject: subject.digest }),
    ...(artifactType && { artifactType }),
    ...(annotations && { annotations }),
  })
}

/** The known types are checked; of any other type only `subject` has a meaning to the registry. */
function parseReferences(body: JsonObject, mediaType: string): Result<Pick<Manifest, 'blobs' | 'manifests'>, string> {
  const image = IMAGES.has(mediaType)
  if (!image && !INDEXES.has(mediaType)) return ok({ blobs: [], manifests: [] })
  if (body.schemaVersion !== 2) return err('schemaVersion is not 2')
  const config = parseDescriptor(body.config)
  const layers = parseDescriptors(body.layers)
  const manifests = parseDescriptors(body.manifests)
  if (image) {
    if (config === null) return err('config is not a descriptor')
    if (layers === null) return err('layers is not a list of descriptors')
    if (body.manifests !== undefined) return err('an image manifest cannot also be an index')
    return ok({ blobs: [config, ...layers.filter(isStored)].map((blob) => blob.digest), manifests: [] })
  }
  if (manifests === null) return err('manifests is not a list of descriptors')
  if (body.config !== undefined || body.layers !== undefined) {
    return err('an index cannot also be an image manifest')
  }
  return ok({ blobs: [], manifests: manifests.map((manifest) => manifest.digest) })
}

/** `artifactType`; for images without one the type of the config, for an index without one nothing. */
function parseArtifactType(body: JsonObject, mediaType: string): string | undefined {
  const own = body.artifactType
  if (typeof own === 'string' && own !== '') return own
  const config = INDEXES.has(mediaType) ? undefined : body.config
  return isRecord(config) && typeof config.mediaType === 'string' ? config.mediaType : undefined
}

function parseAnnotations(value: unknown): Record<string, string> | undefined {
  if (!isRecord(value)) return undefined
  const texts = Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  return Object.fromEntries(texts)
}

interface Descriptor {
  readonly mediaType: string
  readonly digest: Digest
  /** Held elsewhere: the registry may lack it. */
  readonly foreign: boolean
}

const isStored = (descriptor: Descriptor): boolean => !descriptor.foreign

function parseDescriptor(value: unknown): Descriptor | null {
  if (!isRecord(value)) return null
  const { mediaType, digest, size, urls } = value
  if (typeof mediaType !== 'string' || typeof digest !== 'string' || !isDigest(digest)) return null
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return null
  const foreign = NOT_STORED.test(mediaType) && Array.isArray(urls) && urls.length > 0
  return { mediaType, digest, foreign }
}

/** An absent list and `null` (what Go writes for an empty one) are empty. */
function parseDescriptors(value: unknown): Descriptor[] | null {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) return null
  const descriptors = value.map(parseDescriptor)
  return descriptors.every((descriptor) => descriptor !== null) ? descriptors : null
}

type JsonObject = Readonly<Record<string, unknown>>

function parseObject(bytes: Buffer): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}
