/**
 * The scope maps that every registry has: defined by the system, listed with the user's own, never edited.
 *
 * Source: Azure "container-registry-token-based-repository-permissions" and the scope maps that registries list.
 */
import type { ScopeMap, ScopeMapPermission } from '../model.ts'

const system = (name: string, description: string, permissions: readonly ScopeMapPermission[]): ScopeMap => {
  const source = { file: 'system-defined scope maps', line: 1, column: 1 }
  const actions = permissions.map((permission) => ({ repository: { kind: 'all' } as const, permission, source }))
  return { name, description, actions, source }
}

/** The five system-defined scope maps; each covers every repository. */
export const SYSTEM_SCOPE_MAPS: readonly ScopeMap[] = [
  system('_repositories_admin', 'Can perform all read, write and delete operations on the registry', [
    'metadata/read',
    'metadata/write',
    'content/read',
    'content/write',
    'content/delete',
  ]),
  system('_repositories_pull', 'Can pull any repository of the registry', ['content/read']),
  system('_repositories_pull_metadata_read', 'Can perform all read operations on the registry', [
    'content/read',
    'metadata/read',
  ]),
  system('_repositories_push', 'Can push to any repository of the registry', ['content/read', 'content/write']),
  system('_repositories_push_metadata_write', 'Can perform all read and write operations on the registry', [
    'metadata/read',
    'metadata/write',
    'content/read',
    'content/write',
  ]),
]
