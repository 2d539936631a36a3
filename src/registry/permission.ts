/**
 * The permission vocabulary: what a caller may do, in Dockgate's short spelling and in Azure's. Never says who holds a
 * permission.
 *
 * Source: Azure "permissions/containers" (the ten data actions of Microsoft.ContainerRegistry) and the scope-map actions
 * of "container-registry-token-based-repository-permissions".
 */

import { err, ok, type Result } from '../base/result.ts'
import type { RepositoryName } from './name.ts'

/** Permissions that are decided for one repository. */
export const REPOSITORY_PERMISSIONS = [
  'content/read',
  'content/write',
  'content/delete',
  'metadata/read',
  'metadata/write',
  'metadata/delete',
  'quarantine/read',
  'quarantine/write',
  'sign/write',
] as const

/** All data permissions. Only `catalog/read` does not name a repository. */
export const PERMISSIONS = [...REPOSITORY_PERMISSIONS, 'catalog/read'] as const

/** A permission on one repository. */
export type RepositoryPermission = (typeof REPOSITORY_PERMISSIONS)[number]
/** A data permission, in Dockgate's short spelling. */
export type Permission = (typeof PERMISSIONS)[number]

declare const controlAction: unique symbol
/** A control-plane action in Azure's full spelling, such as `Microsoft.ContainerRegistry/registries/importImage/action`. */
export type ControlAction = string & { readonly [controlAction]: true }

/** The subject of a decision: a data permission, or a control-plane action, which is compared literally. */
export type Action = Permission | ControlAction

/** One permission that a request needs. */
export type Requirement = {
  readonly action: Action
  /** Absent for actions without a repository, and for a question about the whole registry. */
  readonly repository?: RepositoryName
  /** An action that is sufficient instead of `action`. */
  readonly orElse?: Action
}

const PROVIDER = 'Microsoft.ContainerRegistry/registries/'

/** Azure's data action for each permission. */
export const DATA_ACTIONS: Readonly<Record<Permission, string>> = {
  'content/read': `${PROVIDER}repositories/content/read`,
  'content/write': `${PROVIDER}repositories/content/write`,
  'content/delete': `${PROVIDER}repositories/content/delete`,
  'metadata/read': `${PROVIDER}repositories/metadata/read`,
  'metadata/write': `${PROVIDER}repositories/metadata/write`,
  'metadata/delete': `${PROVIDER}repositories/metadata/delete`,
  'quarantine/read': `${PROVIDER}quarantinedArtifacts/read`,
  'quarantine/write': `${PROVIDER}quarantinedArtifacts/write`,
  'sign/write': `${PROVIDER}trustedCollections/write`,
  'catalog/read': `${PROVIDER}catalog/read`,
}

const SPELLINGS: ReadonlyMap<string, Permission> = new Map(
  PERMISSIONS.flatMap((permission) => {
    const full = DATA_ACTIONS[permission].toLowerCase()
    const relative = full.slice(PROVIDER.length)
    return [permission, full, relative, `registries/${relative}`].map((text) => [text, permission] as const)
  }),
)

const isPermission = new Set<string>(PERMISSIONS)
const ofRepository = new Set<string>(REPOSITORY_PERMISSIONS)

/** Whether a decision on `action` needs a repository. */
export const takesRepository = (action: Action): action is RepositoryPermission => ofRepository.has(action)

/** Whether `action` is one of the ten data permissions and not a control-plane action. */
export const isDataPermission = (action: Action): action is Permission => isPermission.has(action)

/** Azure's full spelling of an action: the data action of a permission; a control-plane action is unchanged. */
export const azureAction = (action: Action): string => (isDataPermission(action) ? DATA_ACTIONS[action] : action)

const CONTROL_ACTION = /^microsoft\.[a-z]+(?:\/[a-z0-9._-]+)+$/i

/**
 * Parses a permission in any accepted spelling and letter case: `content/read`, `repositories/content/read`,
 * `registries/repositories/content/read`, or Azure's full string. A full string, or one that starts with `registries/`, is
 * a control-plane action if it is not one of the ten data actions.
 */
export function parseAction(text: string): Result<Action, 'unknown_permission'> {
  const known = SPELLINGS.get(text.toLowerCase())
  if (known !== undefined) return ok(known)
  const full = /^registries\//i.test(text) ? `Microsoft.ContainerRegistry/${text}` : text
  return CONTROL_ACTION.test(full) ? ok(full as ControlAction) : err('unknown_permission')
}
