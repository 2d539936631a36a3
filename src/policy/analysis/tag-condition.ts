/**
 * Whether a request was refused for its tag: the condition that says so, for the message to who asked. Never decides.
 */

import { azureAction, isDataPermission } from '../../registry/permission.ts'
import type { RegistryRequest } from '../../registry/request.ts'
import { namedTags, reachesEveryTag, requirements } from '../../registry/required-permissions.ts'
import { attributesOf, type Facts } from '../decide/authorize.ts'
import { formatRule, type GrantData, parseRule, type Rule } from '../decide/compiled.ts'
import { REQUEST } from '../decide/condition/attribute.ts'
import { type DenyReason, decide } from '../decide/decide.ts'
import type { EffectiveRights } from '../decide/effective-rights.ts'
import type { Attribute, Expression } from '../expression.ts'
import type { Question } from '../model.ts'
import { PERMISSION_BITS } from '../permission-bits.ts'
import { unmetTests } from './unmet-tests.ts'

/** A condition on tags that a request does not meet. */
export type TagCondition = {
  /** The tag that was refused; absent for a request that names none and so reaches every tag. */
  readonly tag?: string
  /** Whose condition it is: of a grant that does not reach the tag, or of the deny that does. */
  readonly rule: Rule
  /** What the grant asks of the tag, as a condition writes it; absent for a deny. */
  readonly test?: string
}

/**
 * The condition on tags by which `request` was refused; `undefined` where tags had no part in it.
 *
 * @param reason why the request was refused
 */
export function tagConditionOf(
  rights: EffectiveRights,
  request: RegistryRequest,
  facts: Facts,
  reason: DenyReason,
): TagCondition | undefined {
  if (reason.code === 'token_disabled' || !(namedTags(request).length > 0 || reachesEveryTag(request))) return undefined
  const need = requirements(request).find(({ action }) => action === reason.action)
  if (need?.repository === undefined) return undefined
  const { action, repository } = need
  const attributes = attributesOf(rights, request, facts)
  const tags = namedTags(request)
  for (const tag of tags.length === 0 ? [undefined] : tags) {
    const named = tag === undefined ? {} : { tag }
    const question = { action, repository, attributes: { ...attributes, ...named }, now: facts.now }
    if (decide(rights, question).effect === 'allow') continue
    const found = reason.code === 'no_grant' ? unmetGrant(rights, question) : denyOnTags(rights, question, reason)
    return found && { ...found, ...named }
  }
  return undefined
}

/** The first grant of the permission that a condition on tags keeps from granting. */
function unmetGrant(rights: EffectiveRights, question: Question): TagCondition | undefined {
  const { action, repository, attributes, now } = question
  if (!isDataPermission(action) || repository === undefined) return undefined
  const context = { action: azureAction(action), name: repository, attributes, now }
  const testOf = ({ bits, when, from, until }: GrantData): string | undefined => {
    const isOpen = (from === undefined || now >= from) && (until === undefined || now < until)
    if ((bits & PERMISSION_BITS[action]) === 0 || when === undefined || !isOpen) return undefined
    return unmetTests(when, context).find((unmet) => unmet.attributes.some(({ name }) => name === 'tag'))?.test
  }
  for (const { grants } of rights.rights) {
    const grant = grants.find(repository, (candidate) => testOf(candidate) !== undefined)
    const test = grant && testOf(grant)
    if (grant !== undefined && test !== undefined) return { rule: parseRule(grant.rule), test }
  }
  return undefined
}

/** The deny that refused, where its condition asks for the tag. */
function denyOnTags(
  rights: EffectiveRights,
  { repository }: Question,
  { rule }: DenyReason & { readonly code: 'deny_assignment' },
): TagCondition | undefined {
  const text = formatRule(rule)
  const isIt = (deny: { readonly rule: string; readonly when?: Expression }): boolean =>
    deny.rule === text && deny.when !== undefined && readsTag(deny.when)
  return [...rights.denies, ...rights.doubtfulDenies].some(({ index }) => index.find(repository, isIt) !== undefined)
    ? { rule }
    : undefined
}

function readsTag(expression: Expression): boolean {
  switch (expression.type) {
    case 'and':
    case 'or':
      return readsTag(expression.left) || readsTag(expression.right)
    case 'not':
      return readsTag(expression.operand)
    case 'exists':
      return isTag(expression.attribute)
    case 'comparison':
      return [expression.left, expression.right].some((side) => side.type === 'attribute' && isTag(side))
    default:
      return false
  }
}

const isTag = ({ source, name }: Attribute): boolean => source === 'Request' && name === `${REQUEST}tag`
