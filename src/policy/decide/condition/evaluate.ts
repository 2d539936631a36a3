/**
 * Evaluates a condition for one request, to the set of outcomes it may have. Reads nothing but the expression and the
 * context; never throws.
 */
import { matchesAction } from '../../action-pattern.ts'
import type { Expression, Operand } from '../../expression.ts'
import { ANY_TAG, type Context, isUnread, type Reading, readAttribute, type Value } from './attribute.ts'
import { OPERATOR_RULES, type OperatorRule } from './operator.ts'
import {
  and,
  andNeedsRight,
  ERROR,
  FALSE,
  MISSING,
  not,
  type Outcomes,
  or,
  orNeedsRight,
  TRUE,
  UNKNOWN,
} from './outcome.ts'

export type { Context } from './attribute.ts'
export { denies, grants, type Outcomes } from './outcome.ts'

type Comparison = Extract<Expression, { type: 'comparison' }>
type List = Extract<Value, readonly unknown[]>

/**
 * The outcomes of `expression`, left to right, with a right side evaluated only if it counts. Ask {@link grants} or
 * {@link denies} what they mean.
 */
export function evaluate(expression: Expression, context: Context): Outcomes {
  switch (expression.type) {
    case 'and': {
      const left = evaluate(expression.left, context)
      return andNeedsRight(left) ? and(left, evaluate(expression.right, context)) : left
    }
    case 'or': {
      const left = evaluate(expression.left, context)
      return orNeedsRight(left) ? or(left, evaluate(expression.right, context)) : left
    }
    case 'not':
      return not(evaluate(expression.operand, context))
    case 'comparison':
      return compare(expression, context)
    case 'exists': {
      if (isUnread(expression.attribute, context)) return ERROR
      const value = readAttribute(expression.attribute, context)
      return value === undefined ? FALSE : value === ANY_TAG ? UNKNOWN : TRUE
    }
    case 'actionMatches':
      return expression.patterns.some((pattern) => matchesAction(pattern, context.action)) ? TRUE : FALSE
    case 'subOperationMatches':
      return FALSE
    case 'constant':
      return expression.value ? TRUE : FALSE
  }
}

/**
 * What is missing comes first, then what can never be compared, then what is open: so an unknown tag hides neither.
 */
function compare({ operator, quantifier, left, right }: Comparison, context: Context): Outcomes {
  const rule = OPERATOR_RULES[operator]
  const l = read(left, context)
  const r = read(right, context)
  if (l === undefined || r === undefined) return MISSING
  if (quantifier !== undefined) {
    if (!rule.quantifiable) return ERROR
    if (isEmpty(l) || isEmpty(r) || saysNothing(rule, right, r)) return MISSING
    if (l === ANY_TAG || r === ANY_TAG) return UNKNOWN
    return rule.compareSets(quantifier, isList(l) ? l : [l], isList(r) ? r : [r])
  }
  if (isList(l)) return ERROR
  if (!isList(r)) {
    if (saysNothing(rule, right, r)) return MISSING
    return l === ANY_TAG || r === ANY_TAG ? UNKNOWN : rule.compare(l, r)
  }
  if (operator !== 'IpInRange' || right.type !== 'set') return ERROR
  if (isEmpty(r)) return MISSING
  return l === ANY_TAG ? UNKNOWN : rule.compareSets('ForAnyOfAnyValues', [l], r)
}

function read(operand: Operand, context: Context): Reading {
  switch (operand.type) {
    case 'attribute':
      return readAttribute(operand, context)
    case 'set':
      return operand.items
    default:
      return operand
  }
}

/**
 * A prefix or pattern that comes with the request, and that every text would pass: as if it were missing, so that it neither
 * grants nor opens a deny, also behind a negation. One of a list is enough.
 */
function saysNothing({ saysNothing: isBlank }: OperatorRule, operand: Operand, value: Reading): boolean {
  if (isBlank === undefined || operand.type !== 'attribute' || value === undefined || value === ANY_TAG) return false
  return isList(value) ? value.some(isBlank) : isBlank(value)
}

const isList = (value: Reading): value is List => Array.isArray(value)
const isEmpty = (value: Reading): boolean => isList(value) && value.length === 0
