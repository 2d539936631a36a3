/**
 * The `Location` of an answer, made fit for the client: an upload goes on through the gate, what was created is named by
 * the gate's own path, a redirect is the upstream's affair. Never hands out another URL of the upstream.
 */
import { type Digest, parseDigest, type RepositoryName } from '../../registry/name.ts'
import type { RegistryRequest } from '../../registry/request.ts'
import { Fault } from '../platform/fault.ts'
import type { UploadTarget } from './upload-target.ts'

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

type Session = UploadTarget & { readonly kind: 'session' }

/** What is known of the upload that an answer belongs to. */
export type UploadPorts = {
  /** What the upstream's `Location` names. */
  readonly read: (location: string) => UploadTarget
  /** The gate's own `Location` for where the upload goes on. */
  readonly seal: (session: Session) => Promise<string>
}

/**
 * @param requested URL that the upstream was asked for
 * @returns nothing where the client gets no `Location`
 * @throws Fault `upstream_invalid` where an upload goes on and cannot be followed
 */
export function locationFor(
  request: RegistryRequest,
  answer: Response,
  requested: string,
  upload: UploadPorts,
): string | undefined | Promise<string> {
  const { status, headers } = answer
  const isRedirect = REDIRECTS.has(status)
  if (!isRedirect && !isUpload(request)) return status === 201 ? createdManifest(request, answer) : undefined
  const location = headers.get('location')
  if (isRedirect || !isUpload(request)) return location === null ? undefined : redirect(location, requested)
  if (status < 300) return uploadLocation(request, status, location, upload)
  // Such as 416 for a chunk out of order: the client may go on where the registry says.
  const target = status >= 400 && location !== null ? upload.read(location) : undefined
  return target?.kind === 'session' ? upload.seal(target) : undefined
}

/**
 * A redirect passes untouched, and is never followed: it names a place that holds its own permission (a signed URL), or
 * a path that the gate decides again. One kind is completed: a path outside `/v2/` means nothing on this host, but on the
 * upstream's, where Artifact Registry keeps its signed downloads. What is not http or https is not a place at all.
 */
function redirect(location: string, requested: string): string {
  const protocol = URL.parse(location, requested)?.protocol
  if (protocol !== 'https:' && protocol !== 'http:') {
    throw new Fault('upstream_invalid', 'the registry redirects to a Location that is not an http or https URL')
  }
  const isOutsideOfV2 = location.startsWith('/') && !location.startsWith('//') && !location.startsWith('/v2/')
  return isOutsideOfV2 ? new URL(location, requested).href : location
}

function createdManifest(request: RegistryRequest, answer: Response): string | undefined {
  if (request.operation !== 'pushManifest') return undefined
  const stored = parseDigest(answer.headers.get('docker-content-digest') ?? '')
  const { reference } = request
  const asked = reference.kind === 'tag' ? reference.tag : reference.digest
  // Either is a manifest to pull: the registry's own choice stays where it is given.
  const names = answer.headers.get('location')?.endsWith(`/manifests/${asked}`) === true || !stored.ok
  return `/v2/${request.name}/manifests/${names ? asked : stored.value}`
}

/** Registries end an upload with 201, and some with 200, 203 or 204 (Docker's API text asks for 204 after `PUT`). */
function uploadLocation(
  request: UploadRequest,
  status: number,
  location: string | null,
  { read, seal }: UploadPorts,
): string | undefined | Promise<string> {
  const blob = (digest: Digest): string => `/v2/${request.name}/blobs/${digest}`
  const wanted = 'digest' in request ? request.digest : undefined
  if (status === 201 && wanted !== undefined) return blob(wanted)
  if (location === null) {
    if (status !== 202) return undefined
    throw new Fault('upstream_invalid', 'the registry accepted an upload and did not say where')
  }
  const target = read(location)
  switch (target.kind) {
    case 'session':
      return seal(target)
    case 'blob':
      return blob(wanted ?? target.digest)
    case 'unfit':
      if (status !== 202 && wanted !== undefined) return blob(wanted)
      throw new Fault('upstream_invalid', `the registry ${target.why}`)
  }
}

type UploadRequest = Extract<RegistryRequest, { readonly name: RepositoryName }>

function isUpload(request: RegistryRequest): request is UploadRequest {
  switch (request.operation) {
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
