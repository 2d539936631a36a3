/**
 * Which headers pass the gate, both ways, by name. What is not listed stops here: a credential, a cookie, a challenge,
 * a forwarding header, whatever `Connection` names. Never reads a header to decide anything.
 */
import type { RegistryRequest } from '../../registry/request.ts'

/** No shared cache may keep what was decided for one caller, and no proxy may re-encode what a digest is computed over. */
export const JUDGED_CACHE_CONTROL = 'private, no-store, no-transform'

/**
 * For a browser that opens an answer: it takes no other type than the one that is declared, runs nothing, loads nothing, and
 * gives the answer an origin of its own (Fetch, `nosniff`; CSP Level 3, `sandbox`). Registry clients read neither.
 */
export const INERT_HEADERS = {
  'content-security-policy': "default-src 'none'; sandbox",
  'x-content-type-options': 'nosniff',
} as const

const TO_UPSTREAM = [
  'accept',
  'range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'if-range',
  'user-agent',
  'docker-distribution-api-version',
] as const

/** `Cache-Control`, `Location` and `Link` are written by the gate. */
const TO_CLIENT: ReadonlySet<string> = new Set([
  'accept-ranges',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'docker-content-digest',
  'docker-distribution-api-version',
  'docker-upload-uuid',
  'etag',
  'last-modified',
  'oci-chunk-max-length',
  'oci-chunk-min-length',
  'oci-filters-applied',
  'oci-subject',
  'oci-tag',
  'range',
  'retry-after',
  'warning',
])

/** Whether a client may see a header of the registry, as the registry or the gate wrote it. */
export const reachesClient = (name: string): boolean => TO_CLIENT.has(name) || name === 'location' || name === 'link'

/** By lower-case name. Plain while they are gathered: the platform's `Headers` takes a call for each name, and a copy. */
export type HeaderRecord = Record<string, string>

/** Without `Authorization`, which is the upstream's own affair. Compression is declined: lengths must stay what they are. */
export function upstreamHeaders(incoming: Headers, request: RegistryRequest): HeaderRecord {
  const headers: HeaderRecord = { 'accept-encoding': 'identity' }
  for (const name of TO_UPSTREAM) copy(incoming, headers, name)
  if (!sendsBody(request)) return headers
  switch (request.operation) {
    case 'metadata':
      // The gate writes attributes again, as JSON: read as another type they could say what the gate did not check.
      if (request.attributes) headers['content-type'] = 'application/json'
      else copy(incoming, headers, 'content-type')
      return headers
    case 'pushManifest':
      copy(incoming, headers, 'content-type')
      return headers
    default:
      // Whatever the client calls the bytes of a blob, a registry must not read parameters out of them.
      headers['content-type'] = 'application/octet-stream'
      copy(incoming, headers, 'content-range')
      return headers
  }
}

/** For a page that the gate reads itself: whole, and whether or not the client has an older one. */
export function pageHeaders(incoming: Headers): HeaderRecord {
  const headers: HeaderRecord = { 'accept-encoding': 'identity' }
  copy(incoming, headers, 'accept')
  copy(incoming, headers, 'user-agent')
  return headers
}

/**
 * Take away what the client may not see, which is everything that is not listed, `Location` included; and say what caches and
 * browsers may do with the rest.
 *
 * @param headers a copy of `upstream`
 * @param upstream of the upstream's answer
 */
export function keepClientHeaders(headers: Headers, upstream: Headers): void {
  upstream.forEach((_, name) => {
    if (!TO_CLIENT.has(name)) headers.delete(name)
  })
  headers.set('cache-control', JUDGED_CACHE_CONTROL)
  for (const [name, value] of Object.entries(INERT_HEADERS)) headers.set(name, value)
}

/** Whether the operation has a body that the upstream may see. */
export function sendsBody(request: RegistryRequest): boolean {
  switch (request.operation) {
    case 'pushManifest':
    case 'uploadChunk':
    case 'completeUpload':
      return true
    case 'startUpload':
      return request.digest !== undefined
    case 'metadata':
      return request.method !== 'GET' && request.method !== 'DELETE'
    default:
      return false
  }
}

/** A content type whose body a web server would read parameters from. Repeated headers arrive as one, hence `includes`. */
export function isForm(contentType: string | null): boolean {
  if (contentType === null) return false
  const text = contentType.toLowerCase()
  return text.includes('form-urlencoded') || text.includes('multipart/')
}

/** `application/json` of `Application/JSON; charset=utf-8`. */
export function mediaTypeOf(contentType: string | null): string | undefined {
  if (contentType === null) return undefined
  const end = contentType.indexOf(';')
  return (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase()
}

function copy(from: Headers, to: HeaderRecord, name: string): void {
  const value = from.get(name)
  if (value !== null) to[name] = value
}
