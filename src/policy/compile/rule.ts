/**
 * What a rule is called in decisions, and where it is in the files. The names are stable: a rule keeps its own when
 * other lines move, so that a change of one rule changes nothing else in a bundle.
 */
import { formatRule, type Rule } from '../decide/compiled.ts'
import type { DenyAssignment, PolicySet, Protection, RoleAssignment, ScopeMap, Source } from '../model.ts'
import { fingerprint } from './fingerprint.ts'

/** The name an assignment has when its author gave none. */
const defaultName = ({ file, line }: Source): string => `${file}:${line}`

const idOf = (assignment: RoleAssignment | DenyAssignment): string => {
  const { name, source, ...content } = assignment
  return name === defaultName(source) ? `#${fingerprint(JSON.stringify(content))}` : name
}

/** The {@link Rule} of each kind of entry. */
export const ruleOf = {
  anonymous: { kind: 'anonymous', id: 'registry.anonymous' },
  scopeMap: ({ name }: Pick<ScopeMap, 'name'>): Rule => ({ kind: 'scopeMap', id: name }),
  roleAssignment: (assignment: RoleAssignment): Rule => ({ kind: 'roleAssignment', id: idOf(assignment) }),
  denyAssignment: (assignment: DenyAssignment): Rule => ({ kind: 'denyAssignment', id: idOf(assignment) }),
  protection: ({ name }: Pick<Protection, 'name'>): Rule => ({ kind: 'protection', id: name }),
} as const

/** A rule's name as its author knows it, and its place; system-defined scope maps have none. */
export type RulePlace = { readonly name: string; readonly source?: Source }

/** The place of each rule of a policy set, by the text of {@link formatRule}. */
export function rulePlaces(policies: PolicySet): ReadonlyMap<string, RulePlace> {
  const places = new Map<string, RulePlace>()
  const first = policies.registry.anonymous[0]
  places.set(formatRule(ruleOf.anonymous), {
    name: ruleOf.anonymous.id,
    ...(first === undefined ? {} : { source: first.source }),
  })
  for (const map of policies.scopeMaps) places.set(formatRule(ruleOf.scopeMap(map)), map)
  for (const assignment of policies.roleAssignments)
    places.set(formatRule(ruleOf.roleAssignment(assignment)), assignment)
  for (const deny of policies.denyAssignments) places.set(formatRule(ruleOf.denyAssignment(deny)), deny)
  for (const protection of policies.protections) places.set(formatRule(ruleOf.protection(protection)), protection)
  return places
}
