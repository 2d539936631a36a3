/**
 * A condition as it is for one action: `ActionMatches` and all that is known before a request comes are worked out. The
 * result has, for every request of that action, exactly the outcomes of the original.
 */
import { attributeHolds } from '../../decide/condition/attribute.ts'
import { type Context, evaluate } from '../../decide/condition/evaluate.ts'
import { OPERATOR_RULES } from '../../decide/condition/operator.ts'
import { and, ERROR, FALSE, MISSING, not, type Outcomes, or, TRUE, UNKNOWN } from '../../decide/condition/outcome.ts'
import { type Expression, type Operand, operandsOf } from '../../expression.ts'

/** An expression, with every outcome it may have (and perhaps some that it never has). */
type Folded = { readonly expression: Expression; readonly possible: Outcomes }

/** `action` is in Azure's full spelling. */
export function specialize(expression: Expression, action: string): Expression {
  return fold(expression, { action, attributes: {}, now: 0 }).expression
}

const constant = (value: boolean): Folded => ({
  expression: { type: 'constant', value },
  possible: value ? TRUE : FALSE,
})

/** What can only be true, or only be false, is a constant. */
const settle = (folded: Folded): Folded =>
  folded.possible === TRUE ? constant(true) : folded.possible === FALSE ? constant(false) : folded

function fold(expression: Expression, known: Context): Folded {
  switch (expression.type) {
    case 'and':
    case 'or': {
      const operands = operandsOf(expression).map((operand) => fold(operand, known))
      return operands.reduce((left, right) => join(expression.type, left, right))
    }
    case 'not': {
      const { expression: operand, possible } = fold(expression.operand, known)
      return settle({ expression: { type: 'not', operand }, possible: not(possible) })
    }
    case 'exists':
      return settle({ expression, possible: attributeHolds(expression.attribute) === undefined ? FALSE : UNKNOWN })
    case 'comparison': {
      const isLiteral = expression.left.type !== 'attribute' && expression.right.type !== 'attribute'
      return settle({ expression, possible: isLiteral ? evaluate(expression, known) : possibleOf(expression) })
    }
    case 'actionMatches':
    case 'subOperationMatches':
    case 'constant':
      return settle({ expression, possible: evaluate(expression, known) })
  }
}

/** `x AND true` and `x OR false` are `x`, whatever its outcomes, on either side. */
function join(type: 'and' | 'or', left: Folded, right: Folded): Folded {
  const neutral = type === 'and' ? TRUE : FALSE
  if (left.possible === neutral) return right
  if (right.possible === neutral) return left
  const possible = type === 'and' ? and(left.possible, right.possible) : or(left.possible, right.possible)
  return settle({ expression: { type, left: left.expression, right: right.expression }, possible })
}

/** Every outcome of a comparison with an attribute: it may be missing, and only texts are sure to compare. */
function possibleOf({ operator, quantifier, left, right }: Extract<Expression, { type: 'comparison' }>): Outcomes {
  const { family, quantifiable } = OPERATOR_RULES[operator]
  const isComparable = family === 'String' && (quantifier === undefined || quantifiable)
  const isText = (operand: Operand): boolean =>
    operand.type === 'attribute'
      ? attributeHolds(operand) === 'text'
      : operand.type === 'set'
        ? quantifier !== undefined && operand.items.every(({ type }) => type === 'string')
        : operand.type === 'string'
  return UNKNOWN | MISSING | (isComparable && isText(left) && isText(right) ? 0 : ERROR)
}
