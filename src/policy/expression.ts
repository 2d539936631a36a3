/**
 * The condition language as a tree: Azure's role assignment conditions (version 2.0) plus Dockgate's attributes,
 * `IpInRange` and `StringBelow`. Plain JSON, so that a compiled policy can carry what is left of a condition as it is. Never evaluates.
 *
 * Source: Azure "conditions-format".
 */

/** Where an attribute comes from, as conditions write it. */
export type AttributeSource = 'Request' | 'Resource' | 'Principal' | 'Environment'

/** `@Source[name]`, with the part after the last colon included in `name`. Names compare without letter case. */
export type Attribute = { readonly type: 'attribute'; readonly source: AttributeSource; readonly name: string }

/** A literal of a condition. */
export type Literal =
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'integer'; readonly value: number }
  | { readonly type: 'boolean'; readonly value: boolean }
  /** A bare GUID, in lower case. */
  | { readonly type: 'guid'; readonly value: string }

/** A list of literals: `{'a', 'b'}`. */
export type SetLiteral = { readonly type: 'set'; readonly items: readonly Literal[] }

/** What an operator compares. */
export type Operand = Attribute | Literal | SetLiteral

/** How an operator compares lists. */
export const QUANTIFIERS = ['ForAnyOfAnyValues', 'ForAllOfAnyValues', 'ForAnyOfAllValues', 'ForAllOfAllValues'] as const
/** One of {@link QUANTIFIERS}. */
export type Quantifier = (typeof QUANTIFIERS)[number]

/** Operators of the condition language. */
export const OPERATORS = [
  'BoolEquals',
  'BoolNotEquals',
  'StringEquals',
  'StringEqualsIgnoreCase',
  'StringNotEquals',
  'StringNotEqualsIgnoreCase',
  'StringStartsWith',
  'StringStartsWithIgnoreCase',
  'StringNotStartsWith',
  'StringNotStartsWithIgnoreCase',
  'StringBelow',
  'StringBelowIgnoreCase',
  'StringNotBelow',
  'StringNotBelowIgnoreCase',
  'StringLike',
  'StringLikeIgnoreCase',
  'StringNotLike',
  'StringNotLikeIgnoreCase',
  'NumericEquals',
  'NumericNotEquals',
  'NumericGreaterThan',
  'NumericGreaterThanEquals',
  'NumericLessThan',
  'NumericLessThanEquals',
  'DateTimeEquals',
  'DateTimeNotEquals',
  'DateTimeGreaterThan',
  'DateTimeGreaterThanEquals',
  'DateTimeLessThan',
  'DateTimeLessThanEquals',
  'GuidEquals',
  'GuidNotEquals',
  'IpInRange',
] as const
/** One of {@link OPERATORS}. */
export type Operator = (typeof OPERATORS)[number]

/** A condition as data. */
export type Expression =
  | { readonly type: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | { readonly type: 'not'; readonly operand: Expression }
  /** True when the action of the decision matches one of the patterns (`*` spans segments). */
  | { readonly type: 'actionMatches'; readonly patterns: readonly string[] }
  /** No suboperation is defined for container registries: matches nothing. */
  | { readonly type: 'subOperationMatches'; readonly suboperations: readonly string[] }
  | { readonly type: 'exists'; readonly attribute: Attribute }
  | {
      readonly type: 'comparison'
      readonly quantifier?: Quantifier
      readonly operator: Operator
      readonly left: Operand
      readonly right: Operand
    }
  /** Only a compiled condition holds constants: what `ActionMatches` became. */
  | { readonly type: 'constant'; readonly value: boolean }

/** The operands of a chain of one operator that leans left, as text without parentheses is read; at least two. */
export function operandsOf(chain: Extract<Expression, { type: 'and' | 'or' }>): readonly Expression[] {
  const operands: Expression[] = []
  let rest: Expression = chain
  while (rest.type === chain.type) {
    operands.push(rest.right)
    rest = rest.left
  }
  operands.push(rest)
  return operands.reverse()
}
