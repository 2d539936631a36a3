/**
 * The permission vocabulary: what a caller may be allowed to do, in Dockgate's short spelling and in Azure's.
 * Never says who holds a permission.
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

/** All data permissions; `catalog/read` is the only one that names no repository. */
export const PERMISSIONS = [...REPOSITORY_PERMISSIONS, 'catalog/read'] as const

export type RepositoryPermission = (typeof REPOSITORY_PERMISSIONS)[number]
export type Permission = (typeof PERMISSIONS)[number]

declare const controlAction: unique symbol
/** A control-plane action in Azure's full spelling, e.g. `Microsoft.ContainerRegistry/registries/importImage/action`. */
export type ControlAction = string & { readonly [controlAction]: true }

/** What a decision is about: a data permission, or a control-plane action that is matched literally. */
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

/** Whether a decision about `action` names a repository. */
export const takesRepository = (action: Action): action is RepositoryPermission => ofRepository.has(action)

/** Whether `action` is one of the ten data permissions, as opposed to a control-plane action. */
export const isDataPermission = (action: Action): action is Permission => isPermission.has(action)

/** Azure's full spelling of an action: the data action of a permission, a control-plane action as it is. */
export const azureAction = (action: Action): string => (isDataPermission(action) ? DATA_ACTIONS[action] : action)

const CONTROL_ACTION = /^microsoft\.[a-z]+(?:\/[a-z0-9._-]+)+$/i

/**
 * Read a permission in any accepted spelling, in any letter case: `content/read`, `repositories/content/read`,
 * `registries/repositories/content/read`, or Azure's full string. A full or `registries/`-prefixed string that is none
 * of the ten data actions is a control-plane action.
 */
export function parseAction(text: string): Result<Action, 'unknown_permission'> {
  const known = SPELLINGS.get(text.toLowerCase())
  if (known !== undefined) return ok(known)
  const full = /^registries\//i.test(text) ? `Microsoft.ContainerRegistry/${text}` : text
  return CONTROL_ACTION.test(full) ? ok(full as ControlAction) : err('unknown_permission')
}
