/**
 * The scopes of the tokens that the gate requests from an upstream's token service (distribution
 * `docs/content/spec/auth/scope.md`). They are computed from the parsed request, never copied from the client or from the
 * upstream's challenge.
 */
import type { RegistryRequest } from '../../registry/request.ts'
import { type Access, formatScope, neededScope, pullScope } from '../../registry/scope.ts'

/**
 * The scopes that a request needs. The first one is for the repository of the request; a ping needs none.
 *
 * @param isAzure whether the upstream has an own action for lists of tags (Azure/acr `docs/AAD-OAuth.md`)
 */
export function upstreamScopes(request: RegistryRequest, isAzure: boolean): readonly string[] {
  switch (request.operation) {
    case 'ping':
      return []
    case 'listCatalog':
      return ['registry:catalog:*']
    case 'listTags':
      return [on(request.name, isAzure ? ['metadata_read'] : ['pull'])]
    case 'listReferrers':
    case 'pullManifest':
    case 'pullBlob':
      return [on(request.name, ['pull'])]
    case 'pushManifest':
    case 'startUpload':
    case 'uploadStatus':
    case 'uploadChunk':
    case 'completeUpload':
    case 'cancelUpload':
      return [on(request.name, PUSH)]
    case 'mountBlob':
      return [on(request.name, PUSH), formatScope(pullScope(request.from))]
    case 'deleteManifest':
    case 'deleteBlob':
      return [on(request.name, ['delete'])]
    case 'metadata': {
      // Only Azure has this API, so the upstream has the same scopes as the gate.
      const scope = neededScope(request)
      return scope === undefined ? [] : [formatScope(scope)]
    }
  }
}

const PUSH = ['pull', 'push'] as const

const on = (name: string, actions: Access['actions']): string => formatScope({ type: 'repository', name, actions })
