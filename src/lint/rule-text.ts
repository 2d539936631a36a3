/** The text that names an assignment in a compiled policy, worked out once for all lints: making it reads the whole rule. */

import { ruleOf } from '../policy/compile/rule.ts'
import { formatRule } from '../policy/decide/compiled.ts'
import type { RoleAssignment } from '../policy/model.ts'

const known = new WeakMap<RoleAssignment, string>()

/** A role assignment in words, for messages. */
export function ruleText(assignment: RoleAssignment): string {
  const text = known.get(assignment) ?? formatRule(ruleOf.roleAssignment(assignment))
  known.set(assignment, text)
  return text
}
