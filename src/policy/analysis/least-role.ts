/**
 * The role that gives what is missing and as little else as possible: a built-in one, one of the policy's own, or a new one
 * that holds nothing else. Never assigns it.
 */
import { type Action, azureAction, isDataPermission, type Permission } from '../../registry/permission.ts'
import { isActionGranted } from '../action-pattern.ts'
import { BUILT_IN_ROLES } from '../azure/built-in-roles.ts'
import { permissionBits } from '../azure/mode.ts'
import type { Mode, PolicySet, RoleDefinition } from '../model.ts'
import { bitsOf, permissionsOf } from '../permission-bits.ts'

/** Every action that a built-in role names without a wildcard: enough to tell a broad role from a narrow one. */
const KNOWN_ACTIONS: readonly string[] = [
  ...new Set(BUILT_IN_ROLES.flatMap(({ permissions }) => permissions.flatMap(({ actions }) => actions))),
].filter((action) => !action.includes('*'))

/** Data permissions that a role gives in a mode whatever the request; elements with a condition do not count. */
export const permissionsOfRole = (role: RoleDefinition, mode: Mode): readonly Permission[] =>
  permissionsOf(
    role.permissions
      .filter(({ condition }) => condition === undefined)
      .reduce((bits, element) => bits | permissionBits(role, element, mode), 0),
  )

const givesControl = (role: RoleDefinition, action: string): boolean =>
  role.permissions.some(
    ({ actions, notActions, condition }) => condition === undefined && isActionGranted(actions, notActions, action),
  )

/** A role that allows everything is never the answer to one missing right. */
const givesEverything = (role: RoleDefinition): boolean =>
  role.permissions.some(({ actions, dataActions }) => [...actions, ...dataActions].includes('*'))

/** @param actions at least one; all of them data permissions or all of them control-plane actions */
export function leastRole(actions: readonly Action[], policies: Pick<PolicySet, 'roles' | 'registry'>): RoleDefinition {
  const { mode } = policies.registry
  const wanted = actions.filter(isDataPermission)
  const shadowed = new Set(policies.roles.flatMap(({ name, id }) => [name.toLowerCase(), id]))
  const builtIn = BUILT_IN_ROLES.filter(({ name, id }) => !shadowed.has(name.toLowerCase()) && !shadowed.has(id))
  const candidates = [...builtIn, ...policies.roles]
    .filter((role) => !givesEverything(role))
    .map((role) => ({
      role,
      permissions: permissionsOfRole(role, mode),
      control: KNOWN_ACTIONS.filter((action) => givesControl(role, action)).length,
    }))
    .filter(
      ({ role, permissions }) =>
        wanted.every((permission) => permissions.includes(permission)) &&
        actions.every((action) => isDataPermission(action) || givesControl(role, action)),
    )
    // Stable: of equals the first wins, and built-in roles come first.
    .sort((a, b) => a.permissions.length - b.permissions.length || a.control - b.control)
  return candidates[0]?.role ?? ownRole(actions, mode)
}

/** A role of exactly these actions; which list they go into follows from the mode. */
function ownRole(actions: readonly Action[], mode: Mode): RoleDefinition {
  const isData = mode === 'abac' && bitsOf(actions.filter(isDataPermission)) !== 0
  const texts = actions.map((action) =>
    isDataPermission(action) && mode === 'rbac'
      ? `Microsoft.ContainerRegistry/registries/${action}`
      : azureAction(action),
  )
  return {
    name: `Only ${actions.map((action) => action.replace(/^.*registries\//i, '')).join(' and ')}`,
    builtIn: false,
    permissions: [
      { actions: isData ? [] : texts, notActions: [], dataActions: isData ? texts : [], notDataActions: [] },
    ],
  }
}
