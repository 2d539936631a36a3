/**
 * What a condition says that its grammar allows and its meaning does not: values an operator cannot compare, attributes
 * that do not exist, actions that nobody asks for. Looks at one leaf at a time; never evaluates.
 *
 * Source: Azure "conditions-format", operators and attributes.
 */

import { nearest } from '../../base/spelling.ts'
import { DATA_ACTIONS, parseAction } from '../../registry/permission.ts'
import { matchesAction } from '../action-pattern.ts'
import { attributeHolds, isRepositoryName } from '../decide/condition/attribute.ts'
import { type Family, OPERATOR_RULES } from '../decide/condition/operator.ts'
import type { Attribute, Literal, Operand, Operator, Quantifier } from '../expression.ts'
import { isOfAnotherService, nearestAttribute } from './attribute-spelling.ts'
import { formatAttribute, formatLiteral } from './format.ts'

/** A remark on one leaf; the caller knows the place. */
export type Finding = {
  readonly severity: 'error' | 'warning'
  readonly message: string
  readonly hint?: string
}

const error = (message: string, hint: string): Finding => ({ severity: 'error', message, hint })
const warning = (message: string, hint: string): Finding => ({ severity: 'warning', message, hint })

/** Container registries define no suboperation. */
export const NO_SUBOPERATION = warning('registries have no suboperations, so this matches nothing', 'remove it')

/** How the 2021 edition of the language named the suboperation. */
export const isSuboperation = ({ source, name }: Attribute): boolean =>
  source === 'Request' && name.toLowerCase() === 'suboperation'

/**
 * Whether a request can ever supply `attribute`. A name that is neither supplied nor part of Azure's own language is an
 * error where `unknown` says so.
 */
export function checkAttribute(attribute: Attribute, unknown: Finding['severity']): Finding | undefined {
  if (attributeHolds(attribute) !== undefined) return undefined
  if (isSuboperation(attribute)) return NO_SUBOPERATION
  const written = formatAttribute(attribute)
  const meant = nearestAttribute(attribute)
  const isOfOther = isOfAnotherService(attribute)
  const message =
    unknown === 'error' && !isOfOther
      ? `unknown attribute ${written}`
      : `${written} is never present here, so comparing it grants nothing`
  if (isOfOther) return { severity: 'warning', message }
  const hint = meant === undefined ? 'docs/conditions.md lists the attributes of a request' : `did you mean ${meant}?`
  return { severity: unknown, message, hint }
}

const ACTIONS: readonly string[] = Object.values(DATA_ACTIONS)
const TARGETS_NOTHING = 'so it targets nothing: what it should guard is granted without this condition'

/**
 * Whether a pattern of `ActionMatches` that looks like a data action of a registry matches one. If it matches none, the
 * condition guards nothing: an error where `severity` says so.
 */
export function checkActionPattern(pattern: string, severity: Finding['severity']): Finding | undefined {
  if (ACTIONS.some((action) => matchesAction(pattern, action))) return undefined
  const short = parseAction(pattern)
  const isShort = short.ok && short.value in DATA_ACTIONS
  const meant = isShort
    ? ACTIONS.find((action) => action.toLowerCase().endsWith(`/${pattern.toLowerCase()}`))
    : nearest(pattern, ACTIONS)
  const ours = /^(?:microsoft\.containerregistry\/)?(?:registries\/)?repositories\//i.test(pattern)
  if (meant === undefined && !ours) return undefined
  return {
    severity,
    message: `'${pattern}' matches no data action, ${TARGETS_NOTHING}`,
    hint: meant === undefined ? `actions are spelled like ${DATA_ACTIONS['content/read']}` : `did you mean '${meant}'?`,
  }
}

/** Which types an operator takes on its two sides. */
export type Sides = {
  readonly operator: Operator
  readonly quantifier?: Quantifier
  readonly left: Operand
  readonly right: Operand
}

/** Which part of a comparison a finding is about, and for a set which item. */
export type Part = { readonly part: 'operator' } | { readonly part: 'left' | 'right'; readonly item?: number }

/** The first thing in a comparison that can never be meant. */
export function checkComparison(sides: Sides): (Finding & Part) | undefined {
  const { operator, quantifier, left, right } = sides
  const { quantifiable } = OPERATOR_RULES[operator]
  if (quantifier !== undefined && !quantifiable) {
    const hint = operator.includes('StartsWith')
      ? 'StringLike takes one: end each pattern with *'
      : 'compare single values, joined by AND or OR'
    return { part: 'operator', ...error(`${operator} takes no quantifier`, hint) }
  }
  return checkOperand(sides, 'left', left) ?? checkOperand(sides, 'right', right) ?? checkLetterCase(sides)
}

function checkOperand(sides: Sides, part: 'left' | 'right', operand: Operand): (Finding & Part) | undefined {
  const { operator, quantifier } = sides
  const { family, quantifiable } = OPERATOR_RULES[operator]
  if (operand.type === 'attribute') {
    const finding = checkHeld(operand, operator, family)
    return finding && { part, ...finding }
  }
  if (operand.type !== 'set') {
    const finding = checkLiteral(operand, part, operator)
    return finding && { part, ...finding }
  }
  if (quantifier === undefined && !(family === 'Ip' && part === 'right')) {
    const hint = quantifiable
      ? `write ForAnyOfAnyValues:${operator}, or another quantifier`
      : 'compare single values, joined by AND or OR'
    return { part, ...error(`${operator} compares single values, not sets`, hint) }
  }
  for (const [item, literal] of operand.items.entries()) {
    const finding = checkLiteral(literal, part, operator)
    if (finding !== undefined) return { part, item, ...finding }
  }
  return undefined
}

function checkHeld(attribute: Attribute, operator: Operator, family: Family): Finding | undefined {
  const holds = attributeHolds(attribute)
  if (holds === undefined) return undefined
  if (holds === 'instant') {
    if (family === 'DateTime') return undefined
    return error(`${operator} cannot compare ${formatAttribute(attribute)}, a date-time`, 'use a DateTime operator')
  }
  if (family !== 'Numeric' && family !== 'Bool') return undefined
  return error(`${operator} cannot compare ${formatAttribute(attribute)}, a text`, 'use a String operator')
}

const EXPECTED: Readonly<Record<Family, readonly [left: string, right: string]>> = {
  Bool: ['true or false', 'true or false'],
  String: ['a string', 'a string'],
  Numeric: ['an integer', 'an integer'],
  DateTime: ["a date-time such as '2026-01-31T12:00:00Z'", "a date-time such as '2026-01-31T12:00:00Z'"],
  Guid: ['a GUID', 'a GUID'],
  Ip: ["an IP address such as '192.0.2.1'", "an IP range such as '192.0.2.0/24'"],
}

function checkLiteral(literal: Literal, part: 'left' | 'right', operator: Operator): Finding | undefined {
  const { family, readsLeft, readsRight } = OPERATOR_RULES[operator]
  const reads = part === 'left' ? readsLeft : readsRight
  if (reads(literal)) return undefined
  const expected = EXPECTED[family][part === 'left' ? 0 : 1]
  return error(`${operator} needs ${expected}, found ${formatLiteral(literal)}`, literalHint(literal, family))
}

function literalHint(literal: Literal, family: Family): string {
  if (literal.type !== 'string') {
    return family === 'String' || family === 'DateTime' || family === 'Ip'
      ? `write it in quotes, as a string`
      : `use an operator for ${literal.type}s`
  }
  const { value } = literal
  const isBare = family === 'Numeric' ? /^-?\d+$/.test(value) : family === 'Bool' && /^(?:true|false)$/i.test(value)
  if (isBare) return `write ${value} without quotes`
  if (family === 'Numeric' || family === 'Bool') return 'use a String operator for text'
  if (family === 'Guid') return 'a GUID has 8-4-4-4-12 hexadecimal digits'
  if (family === 'DateTime') return 'seconds and a zone (Z or +hh:mm) are required, a fraction has at most 7 digits'
  return 'no leading zeros, no zone id; a range is an address, a slash and the number of fixed bits'
}

/** Names of repositories have no upper-case letters, so an exact comparison with one says the same for every name. */
function checkLetterCase({ operator, left, right }: Sides): (Finding & Part) | undefined {
  if (OPERATOR_RULES[operator].family !== 'String' || operator.endsWith('IgnoreCase')) return undefined
  if (left.type !== 'attribute' || !isRepositoryName(left)) return undefined
  const literals = right.type === 'set' ? right.items : right.type === 'string' ? [right] : []
  const item = literals.findIndex(({ type, value }) => type === 'string' && value !== value.toLowerCase())
  if (item === -1) return undefined
  const finding = warning(
    `repository names are lower case, so ${operator} never finds one here`,
    `use ${operator}IgnoreCase`,
  )
  return { part: 'right', ...(right.type === 'set' ? { item } : {}), ...finding }
}
