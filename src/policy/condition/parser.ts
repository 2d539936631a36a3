/**
 * The grammar of conditions, by recursive descent over tokens:
 *
 *     condition  = chain end
 *     chain      = unary { ("AND" | "&&" | "OR" | "||") unary }
 *     unary      = ("NOT" | "!") unary | "(" chain ")" | function | comparison
 *     function   = ("ActionMatches" | "SubOperationMatches") "{" string { "," string } "}" | "Exists" attribute
 *     comparison = operand [ quantifier ":" ] operator operand
 *     operand    = attribute | literal | "{" literal { "," literal } "}"
 *
 * Each method reads one production, or records the problem and returns `undefined`. Never evaluates.
 */

import { nearest } from '../../base/spelling.ts'
import {
  type Attribute,
  type Expression,
  type Literal,
  OPERATORS,
  type Operand,
  type Operator,
  QUANTIFIERS,
  type Quantifier,
} from '../expression.ts'
import { attributeMeant, canonicalAttribute } from './attribute-spelling.ts'
import {
  checkActionPattern,
  checkAttribute,
  checkComparison,
  type Finding,
  isSuboperation,
  NO_SUBOPERATION,
  type Part,
  type Sides,
} from './check.ts'
import { type Cursor, FUNCTIONS, type Place, placeOf, problemAt, span } from './cursor.ts'
import type { ConditionProblem, Token } from './lexer.ts'

/** How deep parentheses and negations may nest. */
export const NESTING_MAX = 200

/**
 * `strict` is for text that a person maintains: `AND` next to `OR` needs parentheses, and an attribute that cannot exist
 * is an error. `azure` is for exported text that Azure has accepted: `AND` binds tighter, and both are warnings.
 */
export type Dialect = 'strict' | 'azure'

type PlacedString = Place & { readonly value: string }
type PlacedOperator = Place & { readonly operator: Operator; readonly quantifier?: Quantifier }
type PlacedOperand = Place & { readonly value: Operand; readonly items?: readonly Place[] }

const OPERATOR_NAMES: ReadonlyMap<string, Operator> = new Map(OPERATORS.map((name) => [name.toLowerCase(), name]))
const QUANTIFIER_NAMES: ReadonlyMap<string, Quantifier> = new Map(QUANTIFIERS.map((name) => [name.toLowerCase(), name]))
const EMPTY = 'condition is empty'

/** `AND` and `OR` side by side: Azure documents no precedence. */
function mixed(first: 'and' | 'or', dialect: Dialect): Finding {
  const hint = first === 'and' ? 'write (a AND b) OR c, or a AND (b OR c)' : 'write a OR (b AND c), or (a OR b) AND c'
  return dialect === 'strict'
    ? { severity: 'error', message: 'AND and OR are mixed without parentheses', hint }
    : { severity: 'warning', message: 'AND and OR are mixed without parentheses; AND is taken first', hint }
}

/** Parses one condition by recursive descent. */
export class Parser {
  /** What was wrong, once a method has returned `undefined`. */
  problem: ConditionProblem = { offset: 0, length: 0, message: EMPTY }
  readonly warnings: ConditionProblem[] = []
  readonly #at: Cursor
  readonly #dialect: Dialect
  #nesting = 0

  constructor(cursor: Cursor, dialect: Dialect) {
    this.#at = cursor
    this.#dialect = dialect
  }

  condition(): Expression | undefined {
    if (this.#at.isEnd()) {
      return this.#fail(this.#at.token, EMPTY, 'leave the condition out if there is none')
    }
    const expression = this.#chain()
    if (expression === undefined || this.#at.isEnd()) return expression
    const hint = this.#at.isSymbol(')') ? 'remove it, or open it with (' : undefined
    return this.#unexpected('AND, OR or the end of the condition', hint)
  }

  /** `AND` and `OR` chains; every chain leans left, as `a AND b AND c` is read. */
  #chain(): Expression | undefined {
    let sum: Expression | undefined
    let product = this.#unary()
    let first: 'and' | 'or' | undefined
    let isMixed = false
    while (product !== undefined) {
      const operator = this.#at.keyword
      if (operator !== 'and' && operator !== 'or') break
      first ??= operator
      if (operator !== first && !isMixed) {
        isMixed = true
        if (!this.#accept(this.#at.token, mixed(first, this.#dialect))) return undefined
      }
      this.#at.next()
      const right = this.#unary()
      if (right === undefined) return undefined
      if (operator === 'and') product = { type: 'and', left: product, right }
      else {
        sum = sum === undefined ? product : { type: 'or', left: sum, right: product }
        product = right
      }
    }
    return product === undefined || sum === undefined ? product : { type: 'or', left: sum, right: product }
  }

  #unary(): Expression | undefined {
    const token = this.#at.token
    if (this.#at.keyword === 'not') {
      return this.#nested(token, () => {
        const operand = this.#unary()
        return operand && { type: 'not', operand }
      })
    }
    if (this.#at.isSymbol('(')) {
      return this.#nested(token, () => {
        const inner = this.#chain()
        if (inner === undefined || this.#at.take(')')) return inner
        return this.#unexpected('AND, OR or )', `close the (, character ${token.offset + 1} of the condition`)
      })
    }
    switch (this.#at.keyword) {
      case 'ActionMatches':
        return this.#actionMatches()
      case 'SubOperationMatches':
        return this.#subOperationMatches()
      case 'Exists':
        return this.#exists()
      default:
        return this.#comparison()
    }
  }

  #nested(opening: Token, read: () => Expression | undefined): Expression | undefined {
    if (this.#nesting === NESTING_MAX) {
      const hint = 'remove parentheses and negations that change nothing'
      return this.#fail(opening, `condition nests deeper than ${NESTING_MAX} levels`, hint)
    }
    this.#at.next()
    this.#nesting += 1
    const expression = read()
    this.#nesting -= 1
    return expression
  }

  #actionMatches(): Expression | undefined {
    const strings = this.#call('ActionMatches')
    if (strings === undefined) return undefined
    const severity = this.#dialect === 'strict' ? 'error' : 'warning'
    for (const string of strings)
      if (!this.#accept(string, checkActionPattern(string.value, severity))) return undefined
    return { type: 'actionMatches', patterns: strings.map(({ value }) => value) }
  }

  #subOperationMatches(): Expression | undefined {
    const name = this.#at.token
    const strings = this.#call('SubOperationMatches')
    if (strings === undefined) return undefined
    this.#accept(name, NO_SUBOPERATION)
    return { type: 'subOperationMatches', suboperations: strings.map(({ value }) => value) }
  }

  /** The strings between the braces of a function. */
  #call(name: string): readonly PlacedString[] | undefined {
    this.#at.next()
    const hint = `write ${name}{'...'}`
    if (!this.#at.take('{')) return this.#unexpected('{', hint)
    const strings: PlacedString[] = []
    do {
      const token = this.#at.token
      if (token.kind !== 'literal' || token.literal.type !== 'string')
        return this.#unexpected('a string in quotes', hint)
      this.#at.next()
      strings.push({ ...placeOf(token), value: token.literal.value })
    } while (this.#at.take(','))
    return this.#at.take('}') ? strings : this.#unexpected(', or }', hint)
  }

  #exists(): Expression | undefined {
    this.#at.next()
    const attribute = this.#attribute()
    return attribute && { type: 'exists', attribute: attribute.value }
  }

  #comparison(): Expression | undefined {
    const left = this.#operand('an expression')
    const operator = left && this.#operator()
    const right = operator && this.#operand('a value or an attribute')
    if (left === undefined || operator === undefined || right === undefined) return undefined
    const quantifier = operator.quantifier === undefined ? {} : { quantifier: operator.quantifier }
    const sides: Sides = { ...quantifier, operator: operator.operator, left: left.value, right: right.value }
    const finding = checkComparison(sides)
    if (finding && !this.#accept(partOf(finding, operator, left, right), finding)) return undefined
    const suboperations = suboperationsOf(sides)
    return suboperations === undefined
      ? { type: 'comparison', ...sides }
      : { type: 'subOperationMatches', suboperations }
  }

  #operand(expected: string): PlacedOperand | undefined {
    const token = this.#at.token
    if (this.#at.isSymbol('{')) return this.#set()
    if (token.kind === 'literal') {
      this.#at.next()
      return { ...placeOf(token), value: token.literal }
    }
    if (token.kind === 'attribute') return this.#attribute()
    return this.#unexpected(expected, this.#operandHint())
  }

  #operandHint(): string | undefined {
    const { token, keyword } = this.#at
    if (token.kind !== 'word' || keyword !== undefined) return undefined
    const attribute = attributeMeant(token.text)
    if (attribute !== undefined) return `write ${attribute}`
    const name = nearest(token.text, FUNCTIONS)
    return name === undefined ? "text stands in quotes: 'text'" : `did you mean ${name}?`
  }

  #attribute(): (PlacedOperand & { readonly value: Attribute }) | undefined {
    const token = this.#at.token
    if (token.kind !== 'attribute') {
      const meant = token.kind === 'word' ? attributeMeant(token.text) : undefined
      return this.#unexpected('an attribute', `write ${meant ?? '@Request[name]'}`)
    }
    this.#at.next()
    const value = canonicalAttribute(token.source, token.name)
    const finding = checkAttribute(value, this.#dialect === 'strict' ? 'error' : 'warning')
    return this.#accept(token, finding) ? { ...placeOf(token), value } : undefined
  }

  #set(): PlacedOperand | undefined {
    const open = this.#at.next()
    const items: (Place & { readonly literal: Literal })[] = []
    do {
      const token = this.#at.token
      if (token.kind !== 'literal') return this.#unexpected('a value', "a set holds values: {'a', 'b'}")
      items.push(token)
      this.#at.next()
    } while (this.#at.take(','))
    const close = this.#at.token
    if (!this.#at.take('}')) return this.#unexpected(', or }', "a set holds values: {'a', 'b'}")
    return { ...span(open, close), value: { type: 'set', items: items.map(({ literal }) => literal) }, items }
  }

  #operator(): PlacedOperator | undefined {
    const token = this.#at.token
    if (token.kind !== 'word' || this.#at.keyword !== undefined || this.#at.isInsideString) {
      return this.#unexpected('an operator', 'operators are words, such as StringEquals or NumericLessThan')
    }
    const colon = token.text.indexOf(':')
    const quantifierText = token.text.slice(0, Math.max(colon, 0))
    const operatorText = token.text.slice(colon + 1)
    const quantifier = QUANTIFIER_NAMES.get(quantifierText.toLowerCase())
    const operator = OPERATOR_NAMES.get(operatorText.toLowerCase())
    if (colon !== -1 && quantifier === undefined) {
      const meant = nearest(quantifierText, QUANTIFIERS)
      const hint = meant === undefined ? `quantifiers are ${QUANTIFIERS.join(', ')}` : `did you mean ${meant}?`
      return this.#fail({ offset: token.offset, length: colon }, `unknown quantifier ${quantifierText}`, hint)
    }
    if (operator === undefined) {
      const meant = nearest(operatorText, OPERATORS)
      const hint =
        meant === undefined ? 'operators are words, such as StringEquals or StringLike' : `did you mean ${meant}?`
      const place = { offset: token.offset + colon + 1, length: operatorText.length }
      return this.#fail(place, `unknown operator ${operatorText}`, hint)
    }
    this.#at.next()
    return { ...placeOf(token), operator, ...(quantifier === undefined ? {} : { quantifier }) }
  }

  #fail(place: Place, message: string, hint?: string): undefined {
    this.problem = problemAt(place, message, hint)
    return undefined
  }

  #unexpected(expected: string, hint?: string): undefined {
    this.problem = this.#at.unexpected(expected, hint)
    return undefined
  }

  /** Keep a warning, or fail with an error; whether parsing goes on. */
  #accept(place: Place, finding: Finding | undefined): boolean {
    if (finding === undefined) return true
    const { severity, message, hint } = finding
    if (severity === 'error') this.#fail(place, message, hint)
    else this.warnings.push(problemAt(place, message, hint))
    return severity === 'warning'
  }
}

/** The place a finding about a comparison is about. */
function partOf(found: Part, operator: PlacedOperator, left: PlacedOperand, right: PlacedOperand): Place {
  if (found.part === 'operator') return operator
  const operand = found.part === 'left' ? left : right
  return (found.item === undefined ? undefined : operand.items?.[found.item]) ?? operand
}

/** The suboperations of `@Request[subOperation] ForAnyOfAnyValues:StringEqualsIgnoreCase {...}`, today `SubOperationMatches`. */
function suboperationsOf({ operator, quantifier, left, right }: Sides): readonly string[] | undefined {
  if (left.type !== 'attribute' || !isSuboperation(left)) return undefined
  if (quantifier !== 'ForAnyOfAnyValues' || !operator.startsWith('StringEquals')) return undefined
  const items = right.type === 'set' ? right.items : [right]
  const texts = items.flatMap((item) => (item.type === 'string' ? [item.value] : []))
  return texts.length === items.length ? texts : undefined
}
