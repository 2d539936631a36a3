/** Lints of rights that a role only seems to restrict, or only seems to give. */

import { permissionBits } from '../policy/azure/mode.ts'
import { specialize } from '../policy/compile/condition/specialize.ts'
import type { RoleAssignment } from '../policy/model.ts'
import { permissionsOf } from '../policy/permission-bits.ts'
import { azureAction, DATA_ACTIONS, type Permission, takesRepository } from '../registry/permission.ts'
import type { Lint } from './lint.ts'

/** The lint `?`. */
export const unrestrictedRight: Lint = {
  id: 'unrestricted_right',
  explanation:
    'A condition that names its actions holds for these alone: every other right of the role is granted on every repository.',
  fix: 'name all rights of the role in ActionMatches, or leave ActionMatches out; repositories: ["*"] says that all are meant',
  *find({ policies }) {
    if (policies.registry.mode !== 'abac') return
    for (const assignment of policies.roleAssignments) {
      const open = unrestrictedBy(assignment)
      if (open.length === 0) continue
      const { name, source } = assignment
      yield { source, message: `the condition of role assignment ${name} leaves ${open.join(', ')} unrestricted` }
    }
  },
}

/** The rights on repositories that the condition is always true for. */
function unrestrictedBy({ role, condition, repositories }: RoleAssignment): readonly Permission[] {
  if (condition === undefined || repositories !== undefined) return []
  const parts = role.permissions.filter((part) => part.condition === undefined)
  const bits = parts.reduce((all, part) => all | permissionBits(role, part, 'abac'), 0)
  return permissionsOf(bits).filter((permission) => {
    if (!takesRepository(permission)) return false
    const left = specialize(condition.expression, azureAction(permission))
    return left.type === 'constant' && left.value
  })
}

/** The lint `?`. */
export const dataActionInActions: Lint = {
  id: 'data_action_in_actions',
  explanation:
    'A data action among the actions of a role grants nothing: Azure and Dockgate look for it among the dataActions alone.',
  fix: 'move it to dataActions',
  *find({ policies }) {
    for (const { name, permissions, source } of policies.roles) {
      if (source === undefined) continue
      const found = permissions.flatMap(({ actions }) => actions.filter(isDataAction))
      if (found.length > 0) {
        yield {
          source,
          message: `the role ${name} has data actions among its actions: ${[...new Set(found)].join(', ')}`,
        }
      }
    }
  },
}

const KNOWN: ReadonlySet<string> = new Set(Object.values(DATA_ACTIONS).map((action) => action.toLowerCase()))
const REPOSITORIES = DATA_ACTIONS['content/read'].replace('content/read', '').toLowerCase()

/** A data action, or a pattern that only data actions of repositories can match. */
function isDataAction(pattern: string): boolean {
  const lower = pattern.toLowerCase()
  return KNOWN.has(lower) || lower.startsWith(REPOSITORIES)
}
