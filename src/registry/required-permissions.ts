/**
 * What each registry request needs: the permissions, and the repository each is needed on. One table for the gate, the
 * command line and the challenge. Never says who has them.
 *
 * Sources: the access records of the reference registry's `registry/handlers/app.go`; Azure "container-registry-rbac-
 * built-in-roles-directory-reference" for tag lists and metadata; pushing needs reading too (Azure token guide).
 */
import type { RepositoryName, Tag } from './name.ts'
import type { Action, ControlAction, Requirement } from './permission.ts'
import type { RegistryRequest } from './request.ts'

const PULL = ['content/read'] as const
const PUSH = ['content/write', 'content/read'] as const
const DELETE = ['content/delete'] as const
const LIST = ['metadata/read'] as const

/** Soft delete has no data action: Azure decides it by these control-plane actions. */
export const DELETED_READ = 'Microsoft.ContainerRegistry/registries/deleted/read' as ControlAction
export const DELETED_RESTORE = 'Microsoft.ContainerRegistry/registries/deleted/restore/action' as ControlAction

const on = (repository: RepositoryName, actions: readonly Action[]): readonly Requirement[] =>
  actions.map((action) => ({ action, repository }))

/** Everything the caller must hold, in the order in which it is told what is missing. A ping needs no permission. */
export function requirements(request: RegistryRequest): readonly Requirement[] {
  switch (request.operation) {
    case 'ping':
      return []
    case 'listCatalog':
      return [{ action: 'catalog/read' }]
    case 'listTags':
      return on(request.name, LIST)
    case 'listReferrers':
    case 'pullManifest':
    case 'pullBlob':
      return on(request.name, PULL)
    case 'pushManifest':
    case 'startUpload':
    case 'mountBlob':
    case 'uploadStatus':
    case 'uploadChunk':
    case 'completeUpload':
    case 'cancelUpload':
      return on(request.name, PUSH)
    case 'deleteManifest':
    case 'deleteBlob':
      return on(request.name, DELETE)
    case 'metadata':
      return request.requirements
  }
}

/** The tags that a request names; none of them when any tag may be meant. */
export function namedTags(request: RegistryRequest): readonly Tag[] {
  switch (request.operation) {
    case 'pullManifest':
    case 'deleteManifest':
      return request.reference.kind === 'tag' ? [request.reference.tag] : []
    case 'pushManifest':
      return request.reference.kind === 'tag' ? [request.reference.tag, ...request.tags] : request.tags
    case 'metadata':
      return request.tag === undefined ? [] : [request.tag]
    default:
      return []
  }
}

/** A change by digest, or of a whole repository, that is not bound to one tag: it reaches every tag. */
export function reachesEveryTag(request: RegistryRequest): boolean {
  switch (request.operation) {
    case 'deleteManifest':
      return request.reference.kind === 'digest'
    case 'deleteBlob':
      return true
    case 'metadata':
      return request.method !== 'GET' && request.tag === undefined
    default:
      return false
  }
}
