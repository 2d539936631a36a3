/** Role assignments of Azure's lists. Where one cannot be followed it is reported, and grants nothing. */

import { roleGuid } from '../../policy/azure/roles.ts'
import type { Condition, RoleAssignment } from '../../policy/model.ts'
import { principalKey } from '../../policy/principal.ts'
import { parseScope } from '../azure.ts'
import { readCondition } from '../condition.ts'
import type { Entry } from '../entry.ts'
import { complaint } from '../problem.ts'
import type { AzureRegistry } from './azure-registry.ts'
import type { AzureItem, Context } from './context.ts'
import { optional } from './optional.ts'
import { ROLES_OF_OTHER_SERVICES } from './other-services.ts'

const PRINCIPALS: Readonly<Record<string, 'subject' | 'group'>> = {
  user: 'subject',
  serviceprincipal: 'subject',
  group: 'group',
}

/** The role assignments of Azure's lists that belong to the registry. */
export function resolveAzureRoleAssignments(registry: AzureRegistry, context: Context): readonly RoleAssignment[] {
  const list = context.declared.azure.roleAssignments
  const [first] = list
  if (first === undefined) return []
  const issuer = entraIssuer(first.entry, context)
  return issuer === undefined ? [] : list.flatMap((item) => resolveAssignment(item, issuer, registry, context))
}

/** The issuer of Azure's principals: the only one with `subjectClaim: oid`, else the one that the registry names. */
function entraIssuer(first: Entry, { declared, report }: Context): string | undefined {
  const named = declared.registry[0]?.value?.entraIssuer
  const issuers = declared.issuers.filter(({ value }) => value?.subjectClaim === 'oid')
  const name = issuers.length === 1 ? issuers[0]?.name : named
  if (name === undefined && declared.issuers.every(({ value }) => value !== undefined)) {
    const what =
      issuers.length === 0
        ? 'no issuer is said to vouch for the principals of Azure'
        : 'several issuers may vouch for the principals of Azure'
    const hint =
      issuers.length === 0 ? 'define an issuer with subjectClaim: oid' : 'name one of them in registry.entraIssuer'
    report.error(first.source, complaint('entra_issuer_missing', what, hint))
  }
  return name
}

function resolveAssignment(
  { name, entry, value }: AzureItem<'roleAssignments'>,
  issuer: string,
  registry: AzureRegistry,
  { roles, mode, ruleName, report }: Context,
): readonly RoleAssignment[] {
  if (value === undefined) return []
  const skip = (key: string, code: string, message: string) => {
    report.warning(entry.at(key), complaint(code, message, 'this assignment grants nothing'))
    return []
  }
  const scope = parseScope(value.scope)
  if (scope === undefined || !registry.isWithin(scope)) {
    return skip('scope', 'azure_scope', `the scope "${value.scope}" is not that of this registry`)
  }
  const kind = PRINCIPALS[value.principalType?.toLowerCase() ?? '']
  if (kind === undefined) {
    return skip('principalType', 'azure_principal', `unknown type of principal "${value.principalType ?? ''}"`)
  }
  const wanted = value.roleDefinitionId ?? value.roleDefinitionName ?? ''
  const role = roles.find(wanted)
  if (role === undefined) {
    const key = value.roleDefinitionId === undefined ? 'roleDefinitionName' : 'roleDefinitionId'
    const id = roleGuid(wanted)
    const elsewhere = id === undefined ? undefined : ROLES_OF_OTHER_SERVICES.get(id)
    if (elsewhere !== undefined) {
      return skip(key, 'azure_role_elsewhere', `the role "${elsewhere}" is built in and gives no right in a registry`)
    }
    // A role that was deleted has no name any more.
    const shown = value.roleDefinitionName || id || wanted
    return skip(key, 'azure_role', `the role "${shown}" is not known; export it with az role definition list`)
  }
  let condition: Condition | undefined
  if (value.condition !== undefined && value.condition !== '') {
    const version = String(value.conditionVersion ?? '')
    if (!['2.0', '2', ''].includes(version)) {
      const what = `the condition is of version "${version}", and only 2.0 is understood`
      return skip('conditionVersion', 'azure_condition_version', what)
    }
    condition = readCondition(value.condition, 'azure', entry, ['condition'], report)
    if (condition === undefined) return []
    if (mode === 'rbac') {
      const hint = 'the assignment holds for all repositories, as in Azure'
      report.warning(entry.keyAt('condition'), complaint('mode_rbac', 'the condition has no effect in rbac mode', hint))
      condition = undefined
    }
  }
  const principal = principalKey({ kind, issuer, id: value.principalId.toLowerCase() })
  return [
    {
      name: ruleName(name, entry.source),
      principal,
      role,
      ...optional('condition', condition),
      source: entry.source,
    },
  ]
}
