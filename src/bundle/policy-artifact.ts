/**
 * Bundles as an artifact in a registry: where it is, and its manifest. Each value of the store is a layer. Shards are known
 * by their digests, pointers by the key in their title. A bundle is signed, so that the registry need not be trusted.
 *
 * Source: OCI image-spec 1.1, "Image Manifest" (artifacts); annotation `org.opencontainers.image.title`.
 */
import { isRecord } from '../base/json.ts'
import { err, ok, type Result } from '../base/result.ts'
import { OCI_MANIFEST } from '../registry/media-type.ts'
import {
  type Digest,
  parseDigest,
  parseRepositoryName,
  parseTag,
  type RepositoryName,
  type Tag,
} from '../registry/name.ts'

/** Type of the artifact, and of its layers. */
const ARTIFACT_TYPE = 'application/vnd.dockgate.policy.v1'
const POINTER_TYPE = 'application/vnd.dockgate.policy.pointer.v1'
const SHARD_TYPE = 'application/vnd.dockgate.policy.shard.v1'
const TITLE = 'org.opencontainers.image.title'

/** The empty configuration of artifacts, and its digest. */
export const EMPTY_CONFIG = {
  text: '{}',
  mediaType: 'application/vnd.oci.empty.v1+json',
  digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
} as const

/** Where an artifact is. */
export type ArtifactPlace = {
  /** Scheme and authority of the registry. */
  readonly origin: string
  readonly repository: RepositoryName
  readonly tag: Tag
}

const PREFIX = 'oci://'
const DEFAULT_TAG = 'latest'
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/

/** Reads `oci://HOST/REPOSITORY[:TAG]`. The registry is asked by HTTPS, on this machine by plain HTTP. Default tag: latest. */
export function parseArtifactPlace(text: string): Result<ArtifactPlace, 'place_invalid'> {
  const [host = '', ...path] = text.startsWith(PREFIX) ? text.slice(PREFIX.length).split('/') : []
  const [name = '', tagText = DEFAULT_TAG, ...more] = path.join('/').split(':')
  const origin = `${LOOPBACK.test(host) ? 'http' : 'https'}://${host}`
  const url = URL.canParse(origin) ? new URL(origin) : undefined
  const repository = parseRepositoryName(name)
  const tag = parseTag(tagText)
  const isHost = url !== undefined && /^[a-z0-9.[\]:-]+$/i.test(host) && url.pathname === '/'
  if (!isHost || !repository.ok || !tag.ok || more.length > 0) return err('place_invalid')
  return ok({ origin: url.origin, repository: repository.value, tag: tag.value })
}

/** A layer. `key`: the store's key of a pointer; absent for a shard, whose key is its digest. */
export type ArtifactLayer = { readonly key?: string; readonly digest: Digest; readonly size: number }

/** The layers of a manifest; undefined for a text that is not one of a policy. Layers that nobody knows are left out. */
export function readArtifact(text: string): readonly ArtifactLayer[] | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isRecord(value) || value.artifactType !== ARTIFACT_TYPE || !Array.isArray(value.layers)) return undefined
  const layers: readonly unknown[] = value.layers
  return layers.flatMap((layer) => {
    if (!isRecord(layer) || typeof layer.digest !== 'string' || typeof layer.size !== 'number') return []
    const digest = parseDigest(layer.digest)
    if (!digest.ok) return []
    const known = { digest: digest.value, size: layer.size }
    if (layer.mediaType === SHARD_TYPE) return [known]
    const key = isRecord(layer.annotations) ? layer.annotations[TITLE] : undefined
    return layer.mediaType === POINTER_TYPE && typeof key === 'string' ? [{ ...known, key }] : []
  })
}

/** The manifest of layers, as text. */
export const formatArtifact = (layers: readonly ArtifactLayer[]): string =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType: ARTIFACT_TYPE,
    config: { mediaType: EMPTY_CONFIG.mediaType, digest: EMPTY_CONFIG.digest, size: EMPTY_CONFIG.text.length },
    layers: layers.map(({ key, digest, size }) => ({
      mediaType: key === undefined ? SHARD_TYPE : POINTER_TYPE,
      digest,
      size,
      ...(key === undefined ? {} : { annotations: { [TITLE]: key } }),
    })),
  })
