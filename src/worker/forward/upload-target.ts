/**
 * What the `Location` in an answer to an upload names: where the upload goes on, or the blob that it became. Only the
 * first is sealed into a session, since anyone who holds a session may send `DELETE` and `PUT` to what it names, with the right
 * to push alone. So a path that registries read as a blob, a manifest or the upload of another repository is neither.
 *
 * Source: OCI distribution-spec 1.1, "Endpoints" and "Pushing a blob in chunks" (the `Location` is opaque, and may name any
 * host).
 */
import { type Digest, parseDigest, type RepositoryName } from '../../registry/name.ts'

/** Where a `Location` was read, and what it may name. */
export type UploadPlace = {
  /** URL that the upstream was asked for, against which a relative `Location` is read. */
  readonly requested: string
  readonly origin: string
  readonly basePath: string
  /** The repository, by the name that the upstream has for it. */
  readonly repository: RepositoryName
  /** `name` or `name:port` under which clients reach the gate: many registries have it as their public name. */
  readonly gateHosts: ReadonlySet<string>
  /** Foreign hosts that an upload may continue on. */
  readonly uploadHosts: ReadonlySet<string>
}

/** What the `Location` of an upload names. */
export type UploadTarget =
  /** Path and query on the upstream, or the whole URL on another host. */
  | { readonly kind: 'session'; readonly target: string; readonly form: LocationForm }
  | { readonly kind: 'blob'; readonly digest: Digest }
  /** Nothing that an upload may continue with, and why: part of a sentence. */
  | { readonly kind: 'unfit'; readonly why: string }

/** How a `Location` was written; clients that add a parameter by hand rely on it staying so. */
export type LocationForm = { readonly isAbsolute: boolean; readonly hasQuery: boolean }

const unfit = (why: string): UploadTarget => ({ kind: 'unfit', why })

const OTHER_HOST = 'continues an upload on a host that UPLOAD_HOSTS does not name'
const OTHER_BASE = "continues an upload outside of its own base path: set UPSTREAM to the registry's whole URL"
const OTHER_THING = 'continues an upload with what is not an upload of this repository'

/** The scheme is not compared: registries behind a load balancer often do not know theirs. */
export function readUploadTarget(location: string, place: UploadPlace): UploadTarget {
  const { requested, origin, basePath, uploadHosts, gateHosts } = place
  const url = URL.canParse(location, requested) ? new URL(location, requested) : undefined
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) return unfit(OTHER_HOST)
  const { host, pathname: path, search } = url
  const form = { isAbsolute: /^(?:[a-z][a-z0-9+.-]*:)?\/\//i.test(location.trim()), hasQuery: search !== '' }
  if (host === new URL(origin).host || gateHosts.has(host)) {
    const own = belowBase(path, basePath)
    return own === undefined ? unfit(OTHER_BASE) : named(own, `${basePath}${own}${search}`, form, place, true)
  }
  if (url.protocol !== 'https:' || !uploadHosts.has(host)) return unfit(OTHER_HOST)
  return named(path, `${url.origin}${path}${search}`, form, place, false)
}

/** The path as the registry counts it. One that does not know its base path leaves it out. */
function belowBase(path: string, basePath: string): string | undefined {
  if (path.startsWith(`${basePath}/`)) return path.slice(basePath.length)
  return path.startsWith('/v2/') ? path : undefined
}

/** Words of the request grammar between a repository's name and what is meant in it. */
const MARKERS: ReadonlySet<string> = new Set(['blobs', 'manifests', 'tags', 'referrers'])

/**
 * What some servers cut off a segment before they read it: path parameters (RFC 3986 section 3.3), white space, dots at the
 * end, and control characters.
 */
const CUT_OFF = /;|[\s\p{Cc}]|[^./\\]\.+(?:[/\\]|$)/u

/** @param isOwn whether it is on the upstream itself, where a registry's paths begin at the root */
function named(
  path: string,
  target: string,
  form: LocationForm,
  { repository }: UploadPlace,
  isOwn: boolean,
): UploadTarget {
  const text = decoded(path)
  if (text === undefined || CUT_OFF.test(text)) return unfit(OTHER_THING)
  // The gate would check its own digest, and the registry would push the one that it reads first.
  if (namesDigest(target)) return unfit(OTHER_THING)
  const read = segmentsOf(text)
  const start = registryStart(read)
  // Such as `/artifacts-uploads/…` of Artifact Registry. Other paths of a registry's host may be another API of it.
  if (start === undefined) {
    const isUpload = !isOwn || read.some((segment) => segment.includes('upload'))
    return isUpload ? { kind: 'session', target, form } : unfit(OTHER_THING)
  }
  const raw = path.split('/').slice(1)
  const isPlain =
    raw.length === read.length && raw.every((segment, index) => decoded(segment)?.toLowerCase() === read[index])
  const blobs = ['v2', ...repository.split('/'), 'blobs']
  const isHere = (!isOwn || start === 0) && blobs.every((segment, index) => raw[start + index] === segment)
  const rest = read.slice(start + blobs.length)
  if (!isPlain || !isHere || rest.length === 0) return unfit(OTHER_THING)
  if (rest.length === 1) {
    const digest = parseDigest(decoded(raw.at(-1) ?? '') ?? '')
    return isOwn && digest.ok ? { kind: 'blob', digest: digest.value } : unfit(OTHER_THING)
  }
  // A blob, a manifest or an upload of a repository whose name goes on with `/blobs/…`.
  if (rest.slice(0, -1).some((segment) => MARKERS.has(segment))) return unfit(OTHER_THING)
  return { kind: 'session', target, form }
}

/** Whether a query has a key that some reader takes for `digest`, or one that cannot be read. */
function namesDigest(target: string): boolean {
  const query = target.includes('?') ? target.slice(target.indexOf('?') + 1) : ''
  return query.split(/[&;]/).some((part) => {
    const key = decoded((part.split('=', 1)[0] ?? '').replaceAll('+', ' '))
    return key === undefined || key.trim().toLowerCase() === 'digest'
  })
}

/** How often a path may be encoded. */
const MAX_DECODINGS = 8

/** A text decoded until nothing is left to decode; nothing for what cannot be decoded. */
function decoded(text: string): string | undefined {
  let known = text
  for (let round = 0; round < MAX_DECODINGS; round++) {
    if (!known.includes('%')) return known
    try {
      known = decodeURIComponent(known)
    } catch {
      return undefined
    }
  }
  return undefined
}

/** The segments of a decoded path as the most lenient reader sees them: in lower case, without empty and dot segments. */
function segmentsOf(text: string): readonly string[] {
  const segments: string[] = []
  for (const segment of text.toLowerCase().split(/[/\\]/)) {
    if (segment === '..') segments.pop()
    else if (segment !== '' && segment !== '.') segments.push(segment)
  }
  return segments
}

/** Where a path of the registry API or of Azure's begins; nothing for other paths. */
function registryStart(segments: readonly string[]): number | undefined {
  const start = segments.findIndex(
    (segment, index) => segment === 'v2' || (segment === 'acr' && segments[index + 1] === 'v1'),
  )
  return start < 0 ? undefined : start
}
