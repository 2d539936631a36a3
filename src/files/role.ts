/**
 * Role definitions in all shapes that Azure writes and reads: list output, REST body, creation file, PowerShell; keys in
 * any letter case. Never decides whether two definitions may stand side by side.
 *
 * Source: Azure "role-definitions-list", "custom-roles-cli", "custom-roles-powershell".
 */

import { roleGuid } from '../policy/azure/roles.ts'
import type { Dialect } from '../policy/condition/parse.ts'
import type { RoleDefinition, RolePermission } from '../policy/model.ts'
import { readCondition } from './condition.ts'
import { Role } from './definition.ts'
import { isMapping, type Mapping } from './document.ts'
import { type Entry, spellingsOf } from './entry.ts'
import { complaint, type Report } from './problem.ts'

const ROLE_KEYS = spellingsOf(Object.keys(Role.shape))
const PERMISSION_KEYS = spellingsOf([
  ...['actions', 'notActions', 'dataActions', 'notDataActions'],
  ...['condition', 'conditionVersion'],
])

/** Read one role; undefined if what is wrong was reported. `azure` ignores keys that it does not know. */
export function readRole(raw: Entry, dialect: Dialect, report: Report): RoleDefinition | undefined {
  const loose = dialect === 'azure'
  const entry = raw.fold(ROLE_KEYS, loose)
  if (!isMapping(entry.value)) {
    entry.parse(Role, report)
    return undefined
  }
  const elements = entry
    .child('permissions')
    .children()
    .map((element) => element.fold(PERMISSION_KEYS, loose))
  const value: Mapping = { ...entry.value }
  if (Array.isArray(value.permissions)) value.permissions = elements.map((element) => element.value)
  const role = entry.with(value).parse(Role, report)
  if (role === undefined) return undefined

  const id = roleGuid(role.id ?? '') ?? roleGuid(role.name ?? '')
  const name = role.roleName ?? (roleGuid(role.name ?? '') === undefined ? role.name : undefined)
  const own = [role.actions, role.notActions, role.dataActions, role.notDataActions]
  const isFlat = own.some((list) => list !== undefined)
  const errors = report.errors
  if (name === undefined) report.error(entry.source, complaint('missing_key', 'the role has no name', 'add Name'))
  if (id === undefined && role.id !== undefined && role.id !== null && role.id !== '') {
    report.error(
      entry.at('id'),
      complaint('guid_invalid', `"${role.id}" does not end in a GUID`, 'remove Id, or copy it from Azure'),
    )
  }
  if (role.permissions === undefined && !isFlat) {
    report.error(
      entry.source,
      complaint('missing_key', 'the role has no permissions', 'add permissions, with actions or dataActions'),
    )
  }
  if (role.permissions !== undefined && isFlat) {
    report.error(
      entry.source,
      complaint('ambiguous', 'actions are written both in permissions and next to it', 'keep permissions'),
    )
  }
  const permissions = (role.permissions ?? [role]).map((element, index): RolePermission => {
    const text = 'condition' in element ? (element.condition ?? '') : ''
    const place = elements[index] ?? entry
    const condition = text === '' ? undefined : readCondition(text, dialect, place, ['condition'], report)
    return {
      actions: (element.actions ?? []).flat(),
      notActions: (element.notActions ?? []).flat(),
      dataActions: (element.dataActions ?? []).flat(),
      notDataActions: (element.notDataActions ?? []).flat(),
      ...(condition === undefined ? {} : { condition }),
    }
  })
  if (name === undefined || report.errors > errors) return undefined
  const builtIn =
    [role.roleType, role.type].some((type) => type?.toLowerCase() === 'builtinrole') || role.isCustom === false
  return { name, ...(id === undefined ? {} : { id }), builtIn, permissions, source: entry.source }
}
