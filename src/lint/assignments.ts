/** Lints of role assignments: what they grant, and what they only seem to. */

import { permissionBits } from '../policy/azure/mode.ts'
import { specialize } from '../policy/compile/condition/specialize.ts'
import { rulePlaces } from '../policy/compile/rule.ts'
import { type GrantData, parseRule } from '../policy/decide/compiled.ts'
import { isRepositoryName } from '../policy/decide/condition/attribute.ts'
import { shapeOfLike } from '../policy/decide/condition/like.ts'
import { type Expression, operandsOf } from '../policy/expression.ts'
import type { Condition, DenyAssignment, Mode, RoleAssignment, RoleDefinition } from '../policy/model.ts'
import { PERMISSION_BITS } from '../policy/permission-bits.ts'
import { azureAction, REPOSITORY_PERMISSIONS } from '../registry/permission.ts'
import { coveredRules } from './covered.ts'
import type { Finding, Lint, Subject } from './lint.ts'
import { ruleText } from './rule-text.ts'

/** Roles are few and assignments many: what a role gives is worked out once. */
function bitsOfRoles(mode: Mode): (role: RoleDefinition) => number {
  const known = new Map<RoleDefinition, number>()
  return (role) => {
    const bits = known.get(role) ?? role.permissions.reduce((all, part) => all | permissionBits(role, part, mode), 0)
    known.set(role, bits)
    return bits
  }
}

const REPOSITORY_BITS = REPOSITORY_PERMISSIONS.reduce((bits, permission) => bits | PERMISSION_BITS[permission], 0)

/** The lint `?`. */
export const prefixWithoutSlash: Lint = {
  id: 'prefix_without_slash',
  explanation:
    'A prefix without its slash at the end also covers names that only begin alike: backend covers backend-tools/x.',
  fix: 'end the prefix with a slash; for the repository of that very name add StringEqualsIgnoreCase',
  *find({ policies }) {
    const of = function* (what: string, { condition, source }: Pick<RoleAssignment, 'condition' | 'source'>) {
      for (const prefix of openPrefixes(condition)) {
        yield { source, message: `the condition of ${what} also covers what only begins with '${prefix}'` }
      }
    }
    for (const assignment of policies.roleAssignments) yield* of(`role assignment ${assignment.name}`, assignment)
    for (const deny of policies.denyAssignments) yield* of(`deny assignment ${deny.name}`, deny)
  },
}

function openPrefixes(condition: Condition | undefined): ReadonlySet<string> {
  const found = new Set<string>()
  const visit = (expression: Expression): void => {
    if (expression.type === 'and' || expression.type === 'or') for (const part of operandsOf(expression)) visit(part)
    else if (expression.type === 'not') visit(expression.operand)
    else if (expression.type === 'comparison') {
      const { operator, left, right } = expression
      if (left.type !== 'attribute' || !isRepositoryName(left)) return
      for (const literal of right.type === 'set' ? right.items : [right]) {
        if (literal.type !== 'string') continue
        const prefix = operator.includes('StartsWith') ? literal.value : prefixOfLike(operator, literal.value)
        if (prefix !== undefined && prefix !== '' && !prefix.endsWith('/')) found.add(prefix)
      }
    }
  }
  if (condition !== undefined) visit(condition.expression)
  return found
}

/** Only `prefix*`: anyone who writes more than one wildcard means it. */
function prefixOfLike(operator: string, pattern: string): string | undefined {
  if (!operator.includes('Like')) return undefined
  const { prefix, rest } = shapeOfLike(pattern)
  return rest === 'anything' ? prefix : undefined
}

/** The lint `?`. */
export const unscopedAssignment: Lint = {
  id: 'unscoped_assignment',
  explanation:
    'Where other assignments name their repositories, one that names none holds for all of them, perhaps by mistake.',
  fix: 'add repositories or a condition; repositories: ["*"] says that all are meant',
  *find({ policies }) {
    if (policies.registry.mode !== 'abac') return
    const bitsOf = bitsOfRoles('abac')
    const ofRepositories = policies.roleAssignments.filter(({ role }) => (bitsOf(role) & REPOSITORY_BITS) !== 0)
    const unscoped = ofRepositories.filter(
      ({ condition, repositories, role }) =>
        condition === undefined && repositories === undefined && role.permissions.every((part) => !part.condition),
    )
    if (unscoped.length * 2 > ofRepositories.length) return
    for (const { name, principal, role, source } of unscoped) {
      yield { source, message: `role assignment ${name} gives ${principal} the role ${role.name} on every repository` }
    }
  },
}

/** The lint `?`. */
export const roleWithoutEffect: Lint = {
  id: 'role_without_effect',
  explanation:
    "In abac mode only a role's dataActions count for repositories, in rbac mode only its actions, so a role made for the other mode grants nothing.",
  fix: 'assign the role of the same kind for this mode, or set registry.mode',
  *find({ policies }) {
    const { mode } = policies.registry
    const here = bitsOfRoles(mode)
    const there = bitsOfRoles(mode === 'abac' ? 'rbac' : 'abac')
    for (const { name, role, source } of policies.roleAssignments) {
      if (here(role) === 0 && there(role) !== 0) {
        yield { source, message: `the role ${role.name} of role assignment ${name} grants nothing in ${mode} mode` }
      }
    }
  },
}

/** The texts of all rules that grant anything. */
function grantingRules({ compiled }: Subject): ReadonlySet<string> {
  const rules = new Set<string>()
  const { everyone, anonymous } = compiled.common
  for (const { grants = [], control = [] } of [everyone, anonymous, ...compiled.principals.values()]) {
    for (const { rule } of grants) rules.add(rule)
    for (const { rule } of control) rules.add(rule)
  }
  return rules
}

/** The lint `?`. */
export const neverMatches: Lint = {
  id: 'never_matches',
  explanation:
    'A rule that no request can ever meet grants, or denies, nothing: often a misspelt name, or upper case in a repository name.',
  fix: 'mend its condition, or remove it',
  *find(subject) {
    const { policies } = subject
    const granting = grantingRules(subject)
    const bitsOf = bitsOfRoles(policies.registry.mode)
    for (const assignment of policies.roleAssignments) {
      const { name, role, source } = assignment
      if (isEmptyWindow(assignment) || (bitsOf(role) !== 0 && !granting.has(ruleText(assignment)))) {
        yield { source, message: `role assignment ${name} can never grant anything` }
      }
    }
    for (const deny of policies.denyAssignments) {
      if (isEmptyWindow(deny) || neverDenies(deny)) {
        yield { source: deny.source, message: `deny assignment ${deny.name} can never deny anything` }
      }
    }
  },
}

const isEmptyWindow = ({ notBefore, notAfter }: Pick<RoleAssignment, 'notBefore' | 'notAfter'>): boolean =>
  notBefore !== undefined && notAfter !== undefined && notBefore >= notAfter

const neverDenies = ({ condition, permissions, actions }: DenyAssignment): boolean =>
  condition !== undefined &&
  actions.length === 0 &&
  permissions.every((permission) => {
    const left = specialize(condition.expression, azureAction(permission))
    return left.type === 'constant' && !left.value
  })

/** The lint `?`. */
export const coveredByAnother: Lint = {
  id: 'covered_by_another',
  explanation:
    'A rule all of whose rights other rules of the same principal grant already adds nothing, and outlives the day when it was to be taken away.',
  fix: 'remove it, or narrow the other rule',
  *find({ policies, compiled }) {
    const covered = new Map<string, string>()
    const collect = (grants: readonly GrantData[] | undefined, control: unknown) => {
      if (grants === undefined || grants.length < 2) return
      for (const [rule, by] of coveredRules(grants)) if (control === undefined) covered.set(rule, by)
    }
    const { everyone, anonymous } = compiled.common
    for (const { grants, control } of [everyone, anonymous, ...compiled.principals.values()]) collect(grants, control)
    if (covered.size === 0) return
    const names = rulePlaces(policies)
    for (const assignment of policies.roleAssignments) {
      const by = covered.get(ruleText(assignment))
      if (by === undefined) continue
      const other = `${KINDS[parseRule(by).kind]}${names.get(by)?.name ?? parseRule(by).id}`
      yield {
        source: assignment.source,
        message: `all that role assignment ${assignment.name} grants, ${other} grants already`,
      }
    }
  },
}

const KINDS = {
  scopeMap: 'the scope map ',
  anonymous: '',
  roleAssignment: 'role assignment ',
  denyAssignment: '',
  protection: '',
} as const

/** The lint `?`. */
export const repeatedAssignment: Lint = {
  id: 'repeated_assignment',
  explanation: 'The same role twice for the same principal adds up, so narrowing one of the two takes nothing away.',
  fix: 'join them into one assignment',
  *find({ policies }) {
    const seen = new Map<string, RoleAssignment>()
    for (const assignment of policies.roleAssignments) {
      const { principal, role, name, source } = assignment
      const key = `${principal}\n${role.id ?? role.name.toLowerCase()}`
      const first = seen.get(key)
      if (first === undefined) seen.set(key, assignment)
      else
        yield {
          source,
          message: `role assignment ${name} gives ${principal} the role ${role.name}, as ${first.name} does`,
        }
    }
  },
}

/** The lint `?`. */
export const expired: Lint = {
  id: 'expired',
  explanation: 'What is over grants and denies nothing any more, and hides what is still in force.',
  fix: 'remove it, or move its end',
  *find({ policies, now }) {
    const isOver = (time: number | undefined) => time !== undefined && time <= now
    const over = function* (kind: string, rules: readonly (RoleAssignment | DenyAssignment)[]): Iterable<Finding> {
      for (const { name, notAfter, source } of rules) {
        if (isOver(notAfter)) yield { source, message: `${kind} ${name} has ended` }
      }
    }
    yield* over('role assignment', policies.roleAssignments)
    yield* over('deny assignment', policies.denyAssignments)
    for (const { name, credentials, source } of policies.tokens) {
      for (const credential of credentials) {
        if (isOver(credential.expires)) yield { source, message: `${credential.name} of token ${name} has expired` }
      }
    }
  },
}
