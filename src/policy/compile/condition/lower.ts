/**
 * Turns what a grant's condition says of the repository name into keys of an index, so that finding the grants of a name
 * takes a few look-ups. For grants only: a deny must also hold where nothing can be evaluated. Assumes what holds of every
 * name that is looked up: it is there, and has no upper-case letters.
 */
import { isRepositoryName } from '../../decide/condition/attribute.ts'
import { shapeOfLike } from '../../decide/condition/like.ts'
import { folderPrefix } from '../../decide/condition/operator.ts'
import { type Expression, type Operand, operandsOf } from '../../expression.ts'
import { EVERY_NAME, intersect, isEveryName, type NameKey, unite } from './name-key.ts'
import { specialize } from './specialize.ts'

export type { NameKey } from './name-key.ts'

/** A condition as the compiled policy has it. */
export type LoweredCondition = {
  /** Where the grant can apply: no name outside is granted anything. Sorted, without redundant members. */
  readonly keys: readonly NameKey[] | 'any'
  /** What is still to evaluate for a name inside; absent when the keys say it all. */
  readonly residual?: Expression
}

/**
 * Lower the condition of a grant; with `action` (Azure's full spelling) as it is for that action. For every name and
 * every request: the grant applies if and only if a key matches and the residual, if any, grants.
 */
export function lowerName(expression: Expression, action?: string): LoweredCondition {
  const { keys, residual } = lower(action === undefined ? expression : specialize(expression, action))
  if (keys.length === 0) return { keys }
  return { keys: isEveryName(keys) ? 'any' : keys, ...(residual === undefined ? {} : { residual }) }
}

type Lowered = {
  readonly keys: readonly NameKey[]
  readonly residual?: Expression
  /** The expression is true for the names of `keys` and false for all others, whatever else the request says. */
  readonly isExact: boolean
}

const exactly = (keys: readonly NameKey[]): Lowered => ({ keys, isExact: true })
const within = (keys: readonly NameKey[], residual: Expression): Lowered => ({ keys, residual, isExact: false })

function lower(expression: Expression): Lowered {
  switch (expression.type) {
    case 'and':
      return lowerAnd(operandsOf(expression).map(lower))
    case 'or': {
      const operands = operandsOf(expression).map(lower)
      const keys = unite(operands.flatMap((operand) => operand.keys))
      // An error on the left ends an OR, so only what never errs can be left out of it.
      return operands.every(({ isExact }) => isExact) ? exactly(keys) : within(keys, expression)
    }
    case 'not':
      return complement(lower(expression.operand), expression)
    case 'constant':
      return exactly(expression.value ? EVERY_NAME : [])
    case 'exists':
      return isRepositoryName(expression.attribute) ? exactly(EVERY_NAME) : within(EVERY_NAME, expression)
    case 'comparison':
      return lowerComparison(expression)
    default:
      return within(EVERY_NAME, expression)
  }
}

/** An `AND` grants where each of its sides grants: what the keys say need not be said again. */
function lowerAnd(operands: readonly Lowered[]): Lowered {
  const keys = operands.map((operand) => operand.keys).reduce(intersect)
  const residuals = operands.flatMap(({ residual }) => (residual === undefined ? [] : [residual]))
  const isExact = operands.every((operand) => operand.isExact)
  if (residuals.length === 0) return { keys, isExact }
  return { keys, isExact, residual: residuals.reduce((left, right) => ({ type: 'and', left, right })) }
}

/** All other names; only all of them or none can be written as keys. */
function complement({ keys, isExact }: Lowered, whole: Expression): Lowered {
  if (isExact && keys.length === 0) return exactly(EVERY_NAME)
  if (isExact && isEveryName(keys)) return exactly([])
  return within(EVERY_NAME, whole)
}

type Comparison = Extract<Expression, { type: 'comparison' }>

function lowerComparison(comparison: Comparison): Lowered {
  const values = comparedWithName(comparison)
  if (values === undefined) return within(EVERY_NAME, comparison)
  const isNegated = comparison.operator.includes('Not')
  const tests = values.map((value) => {
    const test = lowerTest(comparison, value)
    return isNegated ? complement(test, comparison) : test
  })
  const isAll = comparison.quantifier?.endsWith('AllValues') === true
  const lists = tests.map(({ keys }) => keys)
  const keys = isAll ? lists.reduce(intersect) : unite(lists.flat())
  return tests.every(({ isExact }) => isExact) ? exactly(keys) : within(keys, comparison)
}

/** The texts that a comparison holds against the name, if that is all it does. */
function comparedWithName({ operator, quantifier, left, right }: Comparison): readonly string[] | undefined {
  if (!operator.startsWith('String')) return undefined
  const isName = (operand: Operand) => operand.type === 'attribute' && isRepositoryName(operand)
  const isSymmetric = quantifier === undefined && operator.includes('Equals')
  const other = isName(left) ? right : isSymmetric && isName(right) ? left : undefined
  if (other?.type === 'string' && (quantifier === undefined || !operator.includes('StartsWith'))) return [other.value]
  if (other?.type !== 'set' || quantifier === undefined || operator.includes('StartsWith')) return undefined
  const texts = other.items.flatMap((item) => (item.type === 'string' ? [item.value] : []))
  return texts.length === other.items.length && texts.length > 0 ? texts : undefined
}

/** The names that pass the positive form of the operator against `value`. */
function lowerTest(comparison: Comparison, value: string): Lowered {
  const { operator } = comparison
  const text = operator.endsWith('IgnoreCase') ? value.toLowerCase() : value
  const shape = operator.includes('Like') ? shapeOfLike(text) : undefined
  const literal = shape?.literal ?? text
  if (literal !== literal.toLowerCase()) return exactly([])
  if (operator.includes('Below')) return exactly([{ kind: 'prefix', prefix: folderPrefix(text) }])
  const prefix = shape?.prefix ?? text
  if (operator.includes('StartsWith') || shape?.rest === 'anything') return exactly([{ kind: 'prefix', prefix }])
  if (shape?.rest === 'more') return within([{ kind: 'prefix', prefix }], comparison)
  return exactly([{ kind: 'exact', name: prefix }])
}
