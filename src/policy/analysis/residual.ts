/**
 * What is left of a condition once the repository's name and the time are known: the part that only a request will tell.
 * Never decides for a request.
 */
import { type Action, azureAction } from '../../registry/permission.ts'
import { specialize } from '../compile/condition/specialize.ts'
import { isRepositoryName } from '../decide/condition/attribute.ts'
import { type Context, evaluate } from '../decide/condition/evaluate.ts'
import { FALSE, TRUE } from '../decide/condition/outcome.ts'
import type { Expression, Operand } from '../expression.ts'
import type { EpochSeconds } from '../model.ts'

/** What is known of a question when conditions are simplified. */
export type Known = { readonly action: Action; readonly name?: string; readonly now: EpochSeconds }

/** The condition with all that is known worked out. A constant where nothing is left to ask. */
export function residualOf(expression: Expression, { action, name, now }: Known): Expression {
  const context: Context = {
    action: azureAction(action),
    ...(name === undefined ? {} : { name }),
    attributes: {},
    now,
  }
  return specialize(settle(expression, context), context.action)
}

function settle(expression: Expression, context: Context): Expression {
  switch (expression.type) {
    case 'and':
    case 'or':
      return { ...expression, left: settle(expression.left, context), right: settle(expression.right, context) }
    case 'not':
      return { ...expression, operand: settle(expression.operand, context) }
    case 'comparison': {
      if (!isKnown(expression.left, context) || !isKnown(expression.right, context)) return expression
      const outcome = evaluate(expression, context)
      return outcome === TRUE || outcome === FALSE ? { type: 'constant', value: outcome === TRUE } : expression
    }
    default:
      return expression
  }
}

const isKnown = (operand: Operand, { name }: Context): boolean =>
  operand.type !== 'attribute' ||
  (isRepositoryName(operand) ? name !== undefined : operand.source === 'Environment' && operand.name === 'UtcNow')
