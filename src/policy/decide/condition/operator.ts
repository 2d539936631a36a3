/**
 * The comparison operators: which values each one reads, how it compares two of them, and how quantifiers compare sets.
 * Knows neither attributes nor what a missing one means.
 *
 * Source: Azure "conditions-format", comparison and cross product comparison operators.
 */

import type { Operator, Quantifier } from '../../expression.ts'
import type { Scalar } from './attribute.ts'
import { compareInstants, type Instant, parseDateTime } from './date-time.ts'
import { isInRange, parseIpAddress, parseIpRange } from './ip.ts'
import { matchesLike, shapeOfLike } from './like.ts'
import { ERROR, FALSE, type Outcomes, TRUE } from './outcome.ts'

/** The type of the values that an operator compares. */
export type Family = 'Bool' | 'String' | 'Numeric' | 'DateTime' | 'Guid' | 'Ip'

/** How an operator compares two values. */
export type OperatorRule = {
  readonly family: Family
  /** Whether a quantifier may stand before it. */
  readonly quantifiable: boolean
  /** Whether a value can stand on the left, or on the right. */
  readonly readsLeft: (value: Scalar) => boolean
  readonly readsRight: (value: Scalar) => boolean
  /** One value against one: TRUE, FALSE, or ERROR if either cannot be read. */
  readonly compare: (left: Scalar, right: Scalar) => Outcomes
  /**
   * Whether a value says nothing as the right side: an empty prefix, or a pattern of wildcards alone. Every text would pass
   * it, so nobody means it where the value comes with the request.
   */
  readonly saysNothing?: (value: Scalar) => boolean
  /** A set against a set, neither empty; ERROR if any member of either cannot be read. */
  readonly compareSets: (quantifier: Quantifier, left: readonly Scalar[], right: readonly Scalar[]) => Outcomes
}

type Read<T> = (value: Scalar) => T | undefined

function readAll<T>(values: readonly Scalar[], read: Read<T>): readonly T[] | undefined {
  const result: T[] = []
  for (const value of values) {
    const item = read(value)
    if (item === undefined) return undefined
    result.push(item)
  }
  return result
}

function quantify<L, R>(
  quantifier: Quantifier,
  left: readonly L[],
  right: readonly R[],
  test: (left: L, right: R) => boolean,
): boolean {
  switch (quantifier) {
    case 'ForAnyOfAnyValues':
      return left.some((l) => right.some((r) => test(l, r)))
    case 'ForAllOfAnyValues':
      return left.every((l) => right.some((r) => test(l, r)))
    case 'ForAnyOfAllValues':
      return left.some((l) => right.every((r) => test(l, r)))
    case 'ForAllOfAllValues':
      return left.every((l) => right.every((r) => test(l, r)))
  }
}

function rule<L, R>(
  family: Family,
  quantifiable: boolean,
  readLeft: Read<L>,
  readRight: Read<R>,
  test: (left: L, right: R) => boolean,
): OperatorRule {
  return {
    family,
    quantifiable,
    readsLeft: (value) => readLeft(value) !== undefined,
    readsRight: (value) => readRight(value) !== undefined,
    compare(left, right) {
      const l = readLeft(left)
      const r = readRight(right)
      if (l === undefined || r === undefined) return ERROR
      return test(l, r) ? TRUE : FALSE
    },
    compareSets(quantifier, left, right) {
      const ls = readAll(left, readLeft)
      const rs = readAll(right, readRight)
      if (ls === undefined || rs === undefined) return ERROR
      return quantify(quantifier, ls, rs, test) ? TRUE : FALSE
    },
  }
}

/** A GUID in 8-4-4-4-12 form, without braces. */
export const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

const text: Read<string> = (value) =>
  typeof value === 'string' ? value : value.type === 'string' ? value.value : undefined
const folded: Read<string> = (value) => text(value)?.toLowerCase()
const integer: Read<number> = (value) =>
  typeof value === 'object' && value.type === 'integer' ? value.value : undefined
const boolean: Read<boolean> = (value) =>
  typeof value === 'object' && value.type === 'boolean' ? value.value : undefined
const guid: Read<string> = (value) => {
  const written = typeof value === 'object' && value.type === 'guid' ? value.value : text(value)
  return written !== undefined && GUID.test(written) ? written.toLowerCase() : undefined
}
const instant: Read<Instant> = (value) => {
  if (typeof value === 'object' && value.type === 'instant') return value
  const written = text(value)
  return written === undefined ? undefined : parseDateTime(written)
}
const parsed =
  <T>(parse: (text: string) => T | undefined): Read<T> =>
  (value) => {
    const written = text(value)
    return written === undefined ? undefined : parse(written)
  }

type Test<T> = (left: T, right: T) => boolean

const texts = (quantifiable: boolean, test: Test<string>) => rule('String', quantifiable, text, text, test)
const foldedTexts = (quantifiable: boolean, test: Test<string>) => rule('String', quantifiable, folded, folded, test)
const integers = (test: Test<number>) => rule('Numeric', true, integer, integer, test)
const booleans = (test: Test<boolean>) => rule('Bool', false, boolean, boolean, test)
const guids = (test: Test<string>) => rule('Guid', true, guid, guid, test)
const instants = (test: (order: number) => boolean) =>
  rule('DateTime', false, instant, instant, (left, right) => test(compareInstants(left, right)))

const equals = <T>(left: T, right: T) => left === right
const notEquals = <T>(left: T, right: T) => left !== right
const startsWith: Test<string> = (left, right) => left.startsWith(right)
const below: Test<string> = (left, right) => left.startsWith(folderPrefix(right))
const notBelow: Test<string> = (left, right) => !below(left, right)
const notStartsWith: Test<string> = (left, right) => !left.startsWith(right)
const like: Test<string> = (left, right) => matchesLike(right, left)
const notLike: Test<string> = (left, right) => !matchesLike(right, left)

/** The prefix of everything below a folder: its name with one slash at the end. */
export const folderPrefix = (folder: string): string => (folder.endsWith('/') ? folder : `${folder}/`)

/** Text operators whose right side says nothing if `isBlank` holds for it. */
const unlessBlank = (of: OperatorRule, isBlank: (text: string) => boolean): OperatorRule => ({
  ...of,
  saysNothing: (value) => {
    const written = text(value)
    return written !== undefined && isBlank(written)
  },
})
const prefixes = (of: OperatorRule) => unlessBlank(of, (written) => written === '')
const folders = (of: OperatorRule) => unlessBlank(of, (written) => written === '' || written === '/')
const wildcards = (of: OperatorRule) => unlessBlank(of, (written) => shapeOfLike(written).literal === '')

/** The rule of each operator of the condition language. */
export const OPERATOR_RULES: Readonly<Record<Operator, OperatorRule>> = {
  BoolEquals: booleans(equals),
  BoolNotEquals: booleans(notEquals),
  StringEquals: texts(true, equals),
  StringEqualsIgnoreCase: foldedTexts(true, equals),
  StringNotEquals: texts(true, notEquals),
  StringNotEqualsIgnoreCase: foldedTexts(true, notEquals),
  StringStartsWith: prefixes(texts(false, startsWith)),
  StringStartsWithIgnoreCase: prefixes(foldedTexts(false, startsWith)),
  StringNotStartsWith: prefixes(texts(false, notStartsWith)),
  StringNotStartsWithIgnoreCase: prefixes(foldedTexts(false, notStartsWith)),
  StringBelow: folders(texts(true, below)),
  StringBelowIgnoreCase: folders(foldedTexts(true, below)),
  StringNotBelow: folders(texts(true, notBelow)),
  StringNotBelowIgnoreCase: folders(foldedTexts(true, notBelow)),
  StringLike: wildcards(texts(true, like)),
  StringLikeIgnoreCase: wildcards(foldedTexts(true, like)),
  StringNotLike: wildcards(texts(true, notLike)),
  StringNotLikeIgnoreCase: wildcards(foldedTexts(true, notLike)),
  NumericEquals: integers(equals),
  NumericNotEquals: integers(notEquals),
  NumericGreaterThan: integers((left, right) => left > right),
  NumericGreaterThanEquals: integers((left, right) => left >= right),
  NumericLessThan: integers((left, right) => left < right),
  NumericLessThanEquals: integers((left, right) => left <= right),
  DateTimeEquals: instants((order) => order === 0),
  DateTimeNotEquals: instants((order) => order !== 0),
  DateTimeGreaterThan: instants((order) => order > 0),
  DateTimeGreaterThanEquals: instants((order) => order >= 0),
  DateTimeLessThan: instants((order) => order < 0),
  DateTimeLessThanEquals: instants((order) => order <= 0),
  GuidEquals: guids(equals),
  GuidNotEquals: guids(notEquals),
  IpInRange: rule('Ip', false, parsed(parseIpAddress), parsed(parseIpRange), isInRange),
}
