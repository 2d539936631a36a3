/** Role assignments and deny assignments of policy files: whom they speak of, what they give or take, where and when. */
import type { Condition, DenyAssignment, RoleAssignment, Source, Window } from '../../policy/model.ts'
import { type Principal, type PrincipalKey, principalKey } from '../../policy/principal.ts'
import { readCondition } from '../condition.ts'
import type { Entry } from '../entry.ts'
import type { Names } from '../names.ts'
import { complaint, type Report } from '../problem.ts'
import type { Context, Item } from './context.ts'
import { optional } from './optional.ts'

/** Resolves the names of a role assignment. Reports what is wrong with it; an empty list if it cannot be used. */
export function resolveRoleAssignment(
  { name, entry, value }: Item<'roleAssignments'>,
  { names, roles, mode, ruleName, report }: Context,
): readonly RoleAssignment[] {
  if (value === undefined) return []
  const principal = principalOf(value.principal, entry.at('principal'), names)
  const role = roles.find(value.role)
  if (role === undefined && !roles.isBroken(value.role)) names.reportUnknown('role', value.role, entry.at('role'))
  if (mode === 'rbac') {
    for (const key of ['condition', 'repositories'] as const) {
      if (value[key] === undefined) continue
      const hint = `remove ${key}, or set registry.mode to abac; in a registry in rbac mode every role is for all repositories`
      report.error(entry.keyAt(key), complaint('mode_rbac', `${key} has no effect in rbac mode`, hint))
    }
  }
  const condition = conditionOf(value.condition, entry, report)
  const assignment = {
    name: ruleName(name, entry.source),
    principal,
    ...optional('condition', condition),
    ...optional('repositories', value.repositories),
    ...windowOf(value, entry, report),
    source: entry.source,
  }
  return role === undefined ? [] : [{ ...assignment, role }]
}

/** Resolves the names of a deny assignment. Reports what is wrong with it; an empty list if it cannot be used. */
export function resolveDenyAssignment(
  { name, entry, value }: Item<'denyAssignments'>,
  { names, ruleName, report }: Pick<Context, 'names' | 'ruleName' | 'report'>,
): readonly DenyAssignment[] {
  if (value === undefined) return []
  const principals = value.principals.map((item, index) => principalOf(item, entry.at('principals', index), names))
  const except = value.except.map((item, index) => principalOf(item, entry.at('except', index), names))
  return [
    {
      name: ruleName(name, entry.source),
      principals,
      except,
      permissions: [...new Set(value.permissions.flatMap(({ permissions }) => permissions))],
      actions: [...new Set(value.permissions.flatMap(({ actions }) => actions))],
      ...optional('repositories', value.repositories),
      ...optional('condition', conditionOf(value.condition, entry, report)),
      ...optional('message', value.message),
      ...(value.mode === 'audit' ? { mode: value.mode } : {}),
      ...windowOf(value, entry, report),
      source: entry.source,
    },
  ]
}

/** The key of a principal. Reports a name that the policy set does not have. */
export function principalOf(principal: Principal, source: Source, names: Names): PrincipalKey {
  if (principal.kind === 'token' || principal.kind === 'identity') names.require(principal.kind, principal.name, source)
  if (principal.kind === 'subject' || principal.kind === 'group') names.require('issuer', principal.issuer, source)
  return principalKey(principal)
}

const conditionOf = (text: string | undefined, entry: Entry, report: Report): Condition | undefined =>
  text === undefined ? undefined : readCondition(text, 'strict', entry, ['condition'], report)

function windowOf({ notBefore, notAfter }: Window, entry: Entry, report: Report): Window {
  if (notBefore !== undefined && notAfter !== undefined && notBefore >= notAfter) {
    const hint = 'notAfter must be later than notBefore'
    report.error(entry.at('notAfter'), complaint('window_empty', 'the rule ends before it begins', hint))
  }
  return { ...optional('notBefore', notBefore), ...optional('notAfter', notAfter) }
}
