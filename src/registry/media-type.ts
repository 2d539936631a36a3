/**
 * Media types (RFC 9110 section 8.3.1). A `Content-Type` that is not exactly one media type has no type here, so that no
 * reader mistakes a part of it for the whole.
 */

const MEDIA_TYPE =
  /^([!#$%&'*+.^`|~\w-]+\/[!#$%&'*+.^`|~\w-]+)(?:[ \t]*;[ \t]*(?:[!#$%&'*+.^`|~\w-]+=(?:[!#$%&'*+.^`|~\w-]+|"(?:[^"\\]|\\.)*"))?)*[ \t]*$/

/** The longest `Content-Type`, in characters. */
const MAX_LENGTH = 1024

/** The type and subtype in lower case: `text/html` for `Text/HTML; charset=utf-8`. Undefined if there is not exactly one. */
export function parseMediaType(contentType: string): string | undefined {
  if (contentType.length > MAX_LENGTH) return undefined
  return MEDIA_TYPE.exec(contentType)?.[1]?.toLowerCase()
}

/** Whether a result of {@link parseMediaType} is JSON (RFC 8259) or a format based on it (RFC 6839 section 3.1). */
export const isJson = (mediaType: string): boolean => /^application\/(?:json|[^/]+\+json)$/.test(mediaType)

/**
 * Whether browsers never show content of this type as a document and never run it as a style or a script. True for bytes,
 * JSON, and the types that registries give to their content.
 */
export const isInert = (mediaType: string): boolean =>
  /^application\/(?:octet-stream|json|gzip|x-gzip|x-tar|zstd|vnd\..+|[^/]+\+(?:json|gzip|zstd))$/.test(mediaType) &&
  !mediaType.endsWith('xml')

/** Media types of images (OCI image-spec 1.1, "Media Types"; Docker, "Image Manifest Version 2, Schema 2"). */
export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
/** As {@link OCI_MANIFEST}: a list of manifests. */
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json'
/** As {@link OCI_MANIFEST}: the configuration of an image. */
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json'
/** As {@link OCI_MANIFEST}, of Docker. */
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
/** As {@link OCI_INDEX}, of Docker. */
export const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json'
