/**
 * The `Location` of an answer, made fit for the client: an upload goes on through the gate, what was created is named by
 * the gate's own path, a redirect is the upstream's affair. Never hands out another URL of the upstream.
 */
import type { Digest } from '../registry/name.ts'
import { parseDigest } from '../registry/name.ts'
import type { RegistryRequest } from '../registry/request.ts'
import { Fault } from './fault.ts'

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/**
 * @param requested URL that the upstream was asked for
 * @param seal makes the gate's session of the upstream's `Location`
 */
export function locationFor(
  request: RegistryRequest,
  answer: Response,
  requested: string,
  seal: (location: string) => Promise<string>,
): string | undefined | Promise<string> {
  const { status } = answer
  if (status === 201) return created(request, answer)
  if (status < 300 && !isUpload(request)) return undefined
  const location = answer.headers.get('location')
  if (status >= 300) return REDIRECTS.has(status) && location !== null ? redirect(location, requested) : undefined
  if (location !== null) return seal(location)
  if (status === 202) throw new Fault('upstream_invalid', 'the registry accepted an upload and did not say where')
  return undefined
}

/**
 * A redirect passes untouched, and is never followed: it names a place that holds its own permission (a signed URL), or
 * a path that is judged here again. One kind is completed: a path outside `/v2/` means nothing on this host, but on the
 * upstream's, where Artifact Registry keeps its signed downloads.
 */
function redirect(location: string, requested: string): string {
  const isForeignPath = location.startsWith('/') && !location.startsWith('//') && !location.startsWith('/v2/')
  return isForeignPath ? new URL(location, requested).href : location
}

function created(request: RegistryRequest, answer: Response): string | undefined {
  if (!('name' in request)) return undefined
  const stored = parseDigest(answer.headers.get('docker-content-digest') ?? '')
  const blob = (digest: Digest) => `/v2/${request.name}/blobs/${digest}`
  switch (request.operation) {
    case 'pushManifest': {
      const { reference } = request
      const asked = reference.kind === 'tag' ? reference.tag : reference.digest
      // Either is a manifest to pull: the registry's own choice stays where it is told.
      const names = answer.headers.get('location')?.endsWith(`/manifests/${asked}`) === true || !stored.ok
      return `/v2/${request.name}/manifests/${names ? asked : stored.value}`
    }
    case 'mountBlob':
      return blob(request.digest)
    case 'startUpload':
    case 'completeUpload':
      return request.digest === undefined ? undefined : blob(request.digest)
    default:
      return undefined
  }
}

function isUpload({ operation }: RegistryRequest): boolean {
  switch (operation) {
    case 'startUpload':
    case 'mountBlob':
    case 'uploadStatus':
    case 'uploadChunk':
    case 'completeUpload':
      return true
    default:
      return false
  }
}
