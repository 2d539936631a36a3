/**
 * Role definitions by the ways people name them: display name, GUID, or the path of a role definition. Never decides what
 * a role grants.
 */

import type { RoleDefinition } from '../model.ts'
import { BUILT_IN_ROLES } from './built-in-roles.ts'

export { BUILT_IN_ROLES } from './built-in-roles.ts'

const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const DEFINITION_PATH = /(?:^|\/)microsoft\.authorization\/roledefinitions\/([^/]+)$/

const keysOf = (role: RoleDefinition) => [role.name.toLowerCase(), ...(role.id === undefined ? [] : [role.id])]

const builtIn: ReadonlyMap<string, RoleDefinition> = new Map(
  BUILT_IN_ROLES.flatMap((role) => keysOf(role).map((key) => [key, role] as const)),
)

/** The GUID in `text`, lower-case: bare, or as the end of a role definition's path. Absent: `text` is a name. */
export function roleGuid(text: string): string | undefined {
  const lower = text.toLowerCase()
  const candidate = DEFINITION_PATH.exec(lower)?.[1] ?? lower
  return GUID.test(candidate) ? candidate : undefined
}

/**
 * Find a role by display name, GUID, or full `…/Microsoft.Authorization/roleDefinitions/GUID` path, without letter case.
 * `custom` is searched before the built-in roles, so that a tenant's own export of a built-in role is the one that counts.
 */
export function findRole(nameOrGuid: string, custom: readonly RoleDefinition[]): RoleDefinition | undefined {
  const key = roleGuid(nameOrGuid) ?? nameOrGuid.toLowerCase()
  return custom.find((role) => keysOf(role).includes(key)) ?? builtIn.get(key)
}
