/**
 * What the gate asks a token of the upstream's token service for: what one request takes there, in the words of
 * distribution's `docs/content/spec/auth/scope.md`, computed from the parsed request. Never the client's words, nor the upstream's.
 */
import type { RegistryRequest } from '../../registry/request.ts'
import { type Access, formatScope, neededScope, pullScope } from '../../registry/scope.ts'

/**
 * Scopes, the first of which is of the repository that the request is about; none for a ping.
 *
 * @param isAzure the upstream decides lists of tags by an action of their own (Azure/acr `docs/AAD-OAuth.md`)
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
      // This API is Azure's alone, and so are the scopes that the gate itself knows for it.
      const scope = neededScope(request)
      return scope === undefined ? [] : [formatScope(scope)]
    }
  }
}

const PUSH = ['pull', 'push'] as const

const on = (name: string, actions: Access['actions']): string => formatScope({ type: 'repository', name, actions })
