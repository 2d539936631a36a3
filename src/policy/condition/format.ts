/**
 * Writes a condition in the shape of Azure's documents. What it writes, strict parsing reads back as the same tree, as
 * long as it keeps the language's limits. Never simplifies.
 *
 * Source: Azure "conditions-format", simple and multiple expression conditions.
 */

import { type Attribute, type Expression, type Literal, type Operand, operandsOf } from '../expression.ts'

/** One operator or operand per line, indented by two spaces; or everything on one line. */
export type Layout = 'lines' | 'line'

type Chain = Extract<Expression, { type: 'and' | 'or' }>
type Leaf = Exclude<Expression, { type: 'and' | 'or' | 'not' }>

/** Strings of a parsed condition hold no `'`, which the language cannot write. */
export function formatLiteral(literal: Literal): string {
  return literal.type === 'string' ? `'${literal.value}'` : String(literal.value)
}

/** An attribute as a condition writes it: `@Source[name]`. */
export const formatAttribute = ({ source, name }: Attribute): string => `@${source}[${name}]`

function formatOperand(operand: Operand): string {
  switch (operand.type) {
    case 'attribute':
      return formatAttribute(operand)
    case 'set':
      return `{${operand.items.map(formatLiteral).join(', ')}}`
    default:
      return formatLiteral(operand)
  }
}

/** The canonical text of `expression`. A constant, which no text holds, becomes a comparison of the same value. */
export function formatCondition(expression: Expression, layout: Layout = 'lines'): string {
  return expression.type === 'or' ? block(expression, '', layout) : body(expression, '', layout)
}

function block(expression: Expression, pad: string, layout: Layout): string {
  const inner = body(expression, `${pad}  `, layout)
  return layout === 'line' ? `(${inner})` : `(\n${pad}  ${inner}\n${pad})`
}

function body(expression: Expression, pad: string, layout: Layout): string {
  if (expression.type === 'not') return `!${negated(expression.operand, pad, layout)}`
  if (!isChain(expression)) return formatLeaf(expression)
  const operands = operandsOf(expression)
  const bracketAll = expression.type === 'or' && operands.some((operand) => isChain(operand) || operand.type === 'not')
  const operator = expression.type.toUpperCase()
  return operands
    .map((operand) => (bracketAll || isChain(operand) ? block(operand, pad, layout) : body(operand, pad, layout)))
    .join(layout === 'line' ? ` ${operator} ` : `\n${pad}${operator}\n${pad}`)
}

function negated(operand: Expression, pad: string, layout: Layout): string {
  if (isChain(operand)) return block(operand, pad, layout)
  return operand.type === 'not' ? body(operand, pad, layout) : `(${formatLeaf(operand)})`
}

const isChain = (expression: Expression): expression is Chain => expression.type === 'and' || expression.type === 'or'

const formatCall = (name: string, texts: readonly string[]) => `${name}{${texts.map((text) => `'${text}'`).join(', ')}}`

function formatLeaf(leaf: Leaf): string {
  switch (leaf.type) {
    case 'actionMatches':
      return formatCall('ActionMatches', leaf.patterns)
    case 'subOperationMatches':
      return formatCall('SubOperationMatches', leaf.suboperations)
    case 'exists':
      return `Exists ${formatAttribute(leaf.attribute)}`
    case 'comparison': {
      const quantifier = leaf.quantifier === undefined ? '' : `${leaf.quantifier}:`
      return `${formatOperand(leaf.left)} ${quantifier}${leaf.operator} ${formatOperand(leaf.right)}`
    }
    case 'constant':
      return `true BoolEquals ${leaf.value}`
  }
}
