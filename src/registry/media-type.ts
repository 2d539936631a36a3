/**
 * Media types, read as RFC 9110 section 8.3.1 has them. A `Content-Type` that is not one media type has no type here: no
 * reader may take a part of it for the whole.
 */

const MEDIA_TYPE =
  /^([!#$%&'*+.^`|~\w-]+\/[!#$%&'*+.^`|~\w-]+)(?:[ \t]*;[ \t]*(?:[!#$%&'*+.^`|~\w-]+=(?:[!#$%&'*+.^`|~\w-]+|"(?:[^"\\]|\\.)*"))?)*[ \t]*$/

/** The longest `Content-Type` that is read, in characters. */
const MAX_LENGTH = 1024

/** Type and subtype in lower case, `text/html` of `Text/HTML; charset=utf-8`; `undefined` for what is not one media type. */
export function parseMediaType(contentType: string): string | undefined {
  if (contentType.length > MAX_LENGTH) return undefined
  return MEDIA_TYPE.exec(contentType)?.[1]?.toLowerCase()
}

/** Whether a media type of {@link parseMediaType} is JSON (RFC 8259), or a format based on it (RFC 6839 section 3.1). */
export const isJson = (mediaType: string): boolean => /^application\/(?:json|[^/]+\+json)$/.test(mediaType)

/**
 * Whether no browser makes a document, a style or a script of this type: bytes, JSON, and the types that registries give to
 * what they store.
 */
export const isInert = (mediaType: string): boolean =>
  /^application\/(?:octet-stream|json|gzip|x-gzip|x-tar|zstd|vnd\..+|[^/]+\+(?:json|gzip|zstd))$/.test(mediaType) &&
  !mediaType.endsWith('xml')
