/**
 * The one decision: may this caller do this? Used for every kind of credential, by the token service and by the command
 * line. Deny by default; an explicit deny wins over every grant; what cannot be evaluated grants nothing and, in a deny,
 * denies.
 *
 * Source: Azure "overview" and "deny-assignments" (order of evaluation), "conditions-format".
 */
import { azureAction, isDataPermission, takesRepository } from '../../registry/permission.ts'
import { isActionGranted, matchesAction } from '../action-pattern.ts'
import type { Caller } from '../caller.ts'
import type { Expression } from '../expression.ts'
import type { Question } from '../model.ts'
import { PERMISSION_BITS } from '../permission-bits.ts'
import type { PrincipalKey } from '../principal.ts'
import { type ControlGrantData, type DenyData, type GrantData, parseRule, type Rule } from './compiled.ts'
import { isRepositoryName } from './condition/attribute.ts'
import { type Context, denies as denyApplies, evaluate, grants as grantApplies } from './condition/evaluate.ts'
import type { EffectiveRights } from './effective-rights.ts'
import type { DenyIndex } from './rule-index.ts'

/** A decision has no third state. */
export type Decision =
  | { readonly effect: 'allow'; readonly by: Rule }
  | { readonly effect: 'deny'; readonly reason: DenyReason }

/** Why a question is denied. */
export type DenyReason =
  /** Nothing that the caller is holds the permission. */
  | { readonly code: 'no_grant'; readonly action: string; readonly repository?: string }
  /** The caller is a token that was disabled. */
  | { readonly code: 'token_disabled' }
  /** A deny assignment forbids it. */
  | {
      readonly code: 'deny_assignment'
      readonly action: string
      readonly repository?: string
      readonly rule: Rule
      readonly message?: string
      /**
       * The rule is about a group or an identity that the caller may be: its credential does not say, since a claim is
       * missing or odd.
       */
      readonly membership?: 'unknown'
    }

/** Decides one question by the rights of one caller. */
export function decide(rights: EffectiveRights, question: Question): Decision {
  if (rights.disabled) return { effect: 'deny', reason: { code: 'token_disabled' } }
  const { action, repository } = question
  const bit = bitOf(question)
  const context = contextOf(question)
  const about = { action, ...(repository === undefined ? {} : { repository }) }
  const sure = findDeny(rights.denies, rights.caller, question, bit, context)
  const deny = sure ?? findDeny(rights.doubtfulDenies, rights.caller, question, bit, context)
  if (deny !== undefined) {
    const message = deny.message === undefined ? {} : { message: deny.message }
    const doubt = sure === undefined ? { membership: 'unknown' as const } : {}
    const reason = { code: 'deny_assignment', ...about, rule: parseRule(deny.rule), ...message, ...doubt } as const
    return { effect: 'deny', reason }
  }
  const grant = bit === 0 ? findControl(rights, context, question) : findGrant(rights, question, bit, context)
  return grant === undefined
    ? { effect: 'deny', reason: { code: 'no_grant', ...about } }
    : { effect: 'allow', by: parseRule(grant.rule) }
}

/** The rules of denies that are only audited, and would deny. */
export function auditedRules(rights: EffectiveRights, question: Question): readonly string[] {
  const found: string[] = []
  for (const list of rights.audits) {
    // Each one is looked at: none of them ends the search.
    findDeny([list], rights.caller, question, bitOf(question), contextOf(question), ({ rule }) => {
      found.push(rule)
      return false
    })
  }
  return found
}

const bitOf = ({ action }: Question): number => (isDataPermission(action) ? PERMISSION_BITS[action] : 0)

const contextOf = ({ action, attributes, now, repository }: Question): Context => ({
  action: azureAction(action),
  attributes,
  now,
  ...(repository === undefined ? {} : { name: repository }),
})

function findGrant(rights: EffectiveRights, question: Question, bit: number, context: Context): GrantData | undefined {
  const accept = (grant: GrantData) => (grant.bits & bit) !== 0 && holds(grant, question, context)
  for (const { grants } of rights.rights) {
    const grant = grants.find(question.repository, accept)
    if (grant !== undefined) return grant
  }
  return undefined
}

function findControl(rights: EffectiveRights, context: Context, question: Question): ControlGrantData | undefined {
  for (const { control } of rights.rights) {
    const grant = control.find(
      (item) => isActionGranted(item.actions, item.notActions ?? [], context.action) && holds(item, question, context),
    )
    if (grant !== undefined) return grant
  }
  return undefined
}

function findDeny(
  lists: readonly DenyIndex[],
  caller: Caller,
  question: Question,
  bit: number,
  context: Context,
  isWanted: (deny: DenyData) => boolean = () => true,
): DenyData | undefined {
  if (lists.length === 0) return undefined
  const { repository, attributes } = question
  const accept = (deny: DenyData) =>
    (bit === 0 ? deniesControl(deny, context.action) : (deny.bits & bit) !== 0) &&
    isOpen(deny, question.now) &&
    !isSpared(caller, deny.except) &&
    (deny.when === undefined ||
      isUnanswerable(deny.when, question) ||
      denyApplies(evaluate(deny.when, context), attributes.everyTag === true)) &&
    isWanted(deny)
  for (const denies of lists) {
    // Only a name can take a deny out of reach: a permission that has no repository meets them all.
    const named = repository !== undefined && takesRepository(question.action)
    const deny = named ? denies.index.find(repository, accept) : denies.all.find(accept)
    if (deny !== undefined) return deny
  }
  return undefined
}

const deniesControl = (deny: DenyData, action: string): boolean =>
  deny.actions?.some((pattern) => matchesAction(pattern, action)) === true

function holds(grant: GrantData | ControlGrantData, question: Question, context: Context): boolean {
  return (
    isOpen(grant, question.now) &&
    (grant.when === undefined ||
      (!isUnanswerable(grant.when, question) &&
        grantApplies(evaluate(grant.when, context), question.attributes.everyTag === true)))
  )
}

/** What speaks of the repository's name has no one answer for every repository at once. */
const isUnanswerable = (when: Expression, { action, repository }: Question): boolean =>
  repository === undefined && takesRepository(action) && readsName(when)

function readsName(expression: Expression): boolean {
  switch (expression.type) {
    case 'and':
    case 'or':
      return readsName(expression.left) || readsName(expression.right)
    case 'not':
      return readsName(expression.operand)
    case 'exists':
      return isRepositoryName(expression.attribute)
    case 'comparison':
      return [expression.left, expression.right].some((side) => side.type === 'attribute' && isRepositoryName(side))
    default:
      return false
  }
}

const isOpen = ({ from, until }: { readonly from?: number; readonly until?: number }, now: number): boolean =>
  (from === undefined || now >= from) && (until === undefined || now < until)

function isSpared(caller: Caller, except: readonly PrincipalKey[] | undefined): boolean {
  if (except === undefined) return false
  for (const key of except) {
    if (caller.acts.includes(key)) return true
    if (key === (caller.authenticated ? 'everyone' : 'anonymous')) return true
  }
  return false
}
