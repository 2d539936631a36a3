/**
 * From a role definition to data permissions, in either of Azure's role assignment permissions modes: in `abac` mode a
 * role's `dataActions` decide, in `rbac` mode its legacy registry-wide `actions`.
 *
 * Source: Azure "container-registry-rbac-abac-repository-permissions" and "container-registry-rbac-built-in-roles-
 * directory-reference".
 */
import { DATA_ACTIONS, PERMISSIONS, type Permission } from '../../registry/permission.ts'
import { isActionGranted } from '../action-pattern.ts'
import type { Mode, RoleDefinition, RolePermission } from '../model.ts'
import { bitsOf } from '../permission-bits.ts'

const PROVIDER = 'Microsoft.ContainerRegistry/registries/'

/** The legacy actions, each of which gives a permission. Tag lists come with pulling, locks do not. */
const LEGACY_ACTIONS: Readonly<Record<Permission, readonly string[]>> = {
  'content/read': [`${PROVIDER}pull/read`],
  'content/write': [`${PROVIDER}push/write`],
  'content/delete': [`${PROVIDER}artifacts/delete`],
  'metadata/read': [`${PROVIDER}pull/read`, `${PROVIDER}metadata/read`],
  'metadata/write': [`${PROVIDER}metadata/write`],
  'metadata/delete': [`${PROVIDER}artifacts/delete`],
  'quarantine/read': [`${PROVIDER}quarantine/read`],
  'quarantine/write': [`${PROVIDER}quarantine/write`],
  'sign/write': [`${PROVIDER}sign/write`],
  'catalog/read': [`${PROVIDER}pull/read`],
}

/** Roles that administer access: their `*` and `*` + `/read` give no permission on data (no document says that they do). */
const ADMINISTRATORS_OF_ACCESS = new Set([
  'f58310d9-a9f6-439a-9e8d-f62e7b41a168',
  '18d7d88d-d35e-4fb5-a5c3-7773c20a72d9',
])
const OWNER = '8e3af657-a8ff-443c-a75c-2fe8c4bcb635'
const CONTRIBUTOR = 'b24988ac-6180-42a0-ab88-20f7382dd24c'
const IMAGE_SIGNER = '6cef56e8-d556-48e5-a04f-b8e64114680f'

/** Bits of the data permissions that one element of a role gives in a mode, apart from conditions. */
export function permissionBits(role: RoleDefinition, element: RolePermission, mode: Mode): number {
  const given = PERMISSIONS.filter((permission) =>
    mode === 'abac'
      ? isActionGranted(element.dataActions, element.notDataActions, DATA_ACTIONS[permission])
      : LEGACY_ACTIONS[permission].some((action) => isActionGranted(element.actions, element.notActions, action)),
  )
  return bitsOf(role.builtIn ? given.filter((permission) => isHonoured(role.id ?? '', permission, mode)) : given)
}

/** Where Azure documents a built-in role to give less than its definition says. */
function isHonoured(id: string, permission: Permission, mode: Mode): boolean {
  if (mode === 'rbac' && ADMINISTRATORS_OF_ACCESS.has(id)) return false
  if (permission !== 'sign/write') return true
  // Owners do not sign (2020 role table); content trust does not exist on registries in abac mode (2025 overview).
  return mode === 'rbac' ? id !== OWNER && id !== CONTRIBUTOR : id !== IMAGE_SIGNER
}
