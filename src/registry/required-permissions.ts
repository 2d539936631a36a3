/**
 * The permissions that each registry request needs, and on which repository. One table for the gate, the command line and
 * the challenge. Never says who has a permission.
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

/** The control-plane action that lists deleted artifacts. Soft delete has no data action in Azure. */
export const DELETED_READ = 'Microsoft.ContainerRegistry/registries/deleted/read' as ControlAction
/** The control-plane action that restores deleted artifacts. */
export const DELETED_RESTORE = 'Microsoft.ContainerRegistry/registries/deleted/restore/action' as ControlAction

const on = (repository: RepositoryName, actions: readonly Action[]): readonly Requirement[] =>
  actions.map((action) => ({ action, repository }))

/** All permissions that a request needs, in the order in which a missing one is reported. A ping needs none. */
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

/** The tags that a request names. Empty if the request may concern any tag. */
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

/** Whether a request changes content without naming a tag, by digest or in a whole repository. Then it affects every tag. */
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
