/**
 * Conditions as the documents tell them, one assignment of truth values at a time: the half of `reference.ts` that reads
 * the condition language. Slow, literal, and without a line of the evaluator that it judges.
 *
 * A condition comes to one of four outcomes: `true`, `false`, `missing` (it compares an attribute that is not there, or
 * puts an empty list next to a quantifier) or `error` (it compares what cannot be compared, or negates what is missing).
 * Evaluation goes left to right and stops as soon as the outcome is sure:
 *
 *     AND   false -> false; error -> error; true -> right; missing -> right if that is false or error, else missing
 *     OR    true -> true; error -> error; false -> right; missing -> right if that is true or error, else missing
 *     NOT   true <-> false; missing or error -> error
 *
 * Where a request names no tag, each comparison with the tag may be true and may be false. Every combination is tried;
 * what a condition may come to is the set of all outcomes.
 *
 * Source: Azure "conditions-format" (operators, quantifiers), "role-definitions" (wildcards of actions).
 */
import type { Attribute, Expression, Literal, Operand, Operator, Quantifier } from '../../src/policy/expression.ts'
import type { Attributes } from '../../src/policy/model.ts'

export type Outcome = 'true' | 'false' | 'missing' | 'error'

export type Asked = {
  /** Azure's full spelling. */
  readonly action: string
  readonly name?: string
  readonly attributes: Attributes
  readonly now: number
}

/** Everything that `expression` may come to. */
export function outcomesOf(expression: Expression, asked: Asked): ReadonlySet<Outcome> {
  const outcomes = new Set<Outcome>()
  const choices: boolean[] = []
  do {
    let position = 0
    const choose = (): boolean => {
      if (position === choices.length) choices.push(true)
      return choices[position++] === true
    }
    outcomes.add(walk(expression, asked, choose))
    while (choices.at(-1) === false) choices.pop()
    if (choices.length > 0) choices[choices.length - 1] = false
  } while (choices.length > 0)
  return outcomes
}

/** A grant applies where its condition may be true; where every tag is reached, only if it is nothing else. */
export function conditionGrants(expression: Expression, asked: Asked): boolean {
  const outcomes = outcomesOf(expression, asked)
  return asked.attributes.everyTag === true ? outcomes.size === 1 && outcomes.has('true') : outcomes.has('true')
}

/** A deny applies unless its condition may be false; where every tag is reached, unless it is nothing else. */
export function conditionDenies(expression: Expression, asked: Asked): boolean {
  const outcomes = outcomesOf(expression, asked)
  return asked.attributes.everyTag === true ? !(outcomes.size === 1 && outcomes.has('false')) : !outcomes.has('false')
}

function walk(expression: Expression, asked: Asked, choose: () => boolean): Outcome {
  const truth = (value: boolean): Outcome => (value ? 'true' : 'false')
  switch (expression.type) {
    case 'and': {
      const left = walk(expression.left, asked, choose)
      if (left === 'false' || left === 'error') return left
      const right = walk(expression.right, asked, choose)
      return left === 'true' || right === 'false' || right === 'error' ? right : 'missing'
    }
    case 'or': {
      const left = walk(expression.left, asked, choose)
      if (left === 'true' || left === 'error') return left
      const right = walk(expression.right, asked, choose)
      return left === 'false' || right === 'true' || right === 'error' ? right : 'missing'
    }
    case 'not': {
      const operand = walk(expression.operand, asked, choose)
      return operand === 'true' ? 'false' : operand === 'false' ? 'true' : 'error'
    }
    case 'actionMatches':
      return truth(expression.patterns.some((pattern) => actionMatches(pattern, asked.action)))
    case 'subOperationMatches':
      return 'false'
    case 'constant':
      return truth(expression.value)
    case 'exists': {
      const values = valuesOf(expression.attribute, asked)
      return values === 'any tag' ? truth(choose()) : truth(values !== undefined)
    }
    case 'comparison':
      return compare(expression, asked, choose)
  }
}

const patterns = new Map<string, RegExp>()

/** `*` is any run of characters, also slashes; letter case does not count. */
export function actionMatches(pattern: string, action: string): boolean {
  let expression = patterns.get(pattern)
  if (expression === undefined) {
    const text = pattern.replace(/[.+?^${}()|[\]\\/]/g, '\\$&').replaceAll('*', '.*')
    expression = new RegExp(`^${text}$`, 'is')
    patterns.set(pattern, expression)
  }
  return expression.test(action)
}

/** 100 ns since 1970. */
type Instant = { readonly type: 'instant'; readonly ticks: bigint }
type Single = Literal | Instant
type Several = { readonly type: 'list'; readonly from: 'claim' | 'literal'; readonly items: readonly Single[] }
type Values = Single | Several | 'any tag' | undefined

const text = (value: string | undefined): Values => (value === undefined ? undefined : { type: 'string', value })

function valuesOf(attribute: Attribute, { name, attributes, now }: Asked): Values {
  switch (`@${attribute.source}[${attribute.name}]`) {
    case '@Request[Microsoft.ContainerRegistry/registries/repositories:name]':
    case '@Resource[Microsoft.ContainerRegistry/registries/repositories:name]':
      return text(name)
    case '@Request[Dockgate/request:tag]':
      return attributes.tag === undefined ? 'any tag' : text(attributes.tag)
    case '@Request[Dockgate/request:digest]':
      return text(attributes.digest)
    case '@Request[Dockgate/request:method]':
      return text(attributes.method)
    case '@Request[Dockgate/request:mediaType]':
      return text(attributes.mediaType)
    case '@Request[Dockgate/request:artifactType]':
      return text(attributes.artifactType)
    case '@Request[Dockgate/request:clientIp]':
      return text(attributes.clientIp)
    case '@Environment[UtcNow]':
      return { type: 'instant', ticks: BigInt(Math.floor(now)) * 10_000_000n }
  }
  if (attribute.source !== 'Principal' || !attribute.name.startsWith('Dockgate/claims:')) return undefined
  const wanted = attribute.name.replace('Dockgate/claims:', '')
  const claim = Object.entries(attributes.claims ?? {}).find(([claimName]) => claimName === wanted)?.[1]
  if (claim === undefined || typeof claim === 'string') return text(claim)
  return { type: 'list', from: 'claim', items: claim.map((value) => ({ type: 'string', value })) }
}

function operandValues(operand: Operand, asked: Asked): Values {
  if (operand.type === 'attribute') return valuesOf(operand, asked)
  return operand.type === 'set' ? { type: 'list', from: 'literal', items: operand.items } : operand
}

type Comparison = Extract<Expression, { type: 'comparison' }>

function compare({ operator, quantifier, left, right }: Comparison, asked: Asked, choose: () => boolean): Outcome {
  const l = operandValues(left, asked)
  const r = operandValues(right, asked)
  if (l === undefined || r === undefined) return 'missing'
  if (quantifier !== undefined && !TAKES_QUANTIFIER.has(operator)) return 'error'
  const ls = l === 'any tag' ? l : l.type === 'list' ? l.items : [l]
  const rs = r === 'any tag' ? r : r.type === 'list' ? r.items : [r]
  if (quantifier === undefined) {
    if (l !== 'any tag' && l.type === 'list') return 'error'
    const isRanges = r !== 'any tag' && r.type === 'list' && r.from === 'literal' && operator === 'IpInRange'
    if (r !== 'any tag' && r.type === 'list' && !isRanges) return 'error'
  }
  if (ls.length === 0 || rs.length === 0) return 'missing'
  if (right.type === 'attribute' && rs !== 'any tag' && rs.some((one) => isBlank(operator, one))) return 'missing'
  if (ls === 'any tag' || rs === 'any tag') return choose() ? 'true' : 'false'
  const table = ls.map((one) => rs.map((other) => compareOne(operator, one, other)))
  if (table.flat().includes('error')) return 'error'
  return quantified(quantifier ?? 'ForAnyOfAnyValues', table) ? 'true' : 'false'
}

/** A prefix, a folder or a pattern in which no character is a character to find. */
function isBlank(operator: Operator, right: Single): boolean {
  if (right.type !== 'string') return false
  const { value } = right
  if (/StartsWith/.test(operator)) return value.length === 0
  if (/Below/.test(operator)) return ['', '/'].includes(value)
  return (
    /Like/.test(operator) &&
    value
      .replaceAll(/\\[*?]/g, 'x')
      .split('')
      .every((letter) => '*?'.includes(letter))
  )
}

/** `table[l][r]`: whether a value of the left side compares with one of the right. */
function quantified(quantifier: Quantifier, table: readonly (readonly Outcome[])[]): boolean {
  const anyRight = table.map((row) => row.includes('true'))
  const allRight = table.map((row) => !row.includes('false'))
  const rows = {
    ForAnyOfAnyValues: anyRight,
    ForAllOfAnyValues: anyRight,
    ForAnyOfAllValues: allRight,
    ForAllOfAllValues: allRight,
  }
  return quantifier.startsWith('ForAll') ? !rows[quantifier].includes(false) : rows[quantifier].includes(true)
}

const TAKES_QUANTIFIER: ReadonlySet<Operator> = new Set<Operator>([
  'StringEquals',
  'StringEqualsIgnoreCase',
  'StringNotEquals',
  'StringNotEqualsIgnoreCase',
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
  'GuidEquals',
  'GuidNotEquals',
])

/** One value against one. A `Not` form says the opposite of its operator; neither says anything of what it cannot read. */
function compareOne(operator: Operator, left: Single, right: Single): Outcome {
  const positive = operator.replace('Not', '')
  const holds = testOf(positive.replace('IgnoreCase', ''), positive.endsWith('IgnoreCase'), left, right)
  if (holds === undefined) return 'error'
  return holds !== operator.includes('Not') ? 'true' : 'false'
}

function testOf(operator: string, ignoreCase: boolean, left: Single, right: Single): boolean | undefined {
  if (operator === 'IpInRange') return inRange(left, right)
  if (operator.startsWith('String')) {
    if (left.type !== 'string' || right.type !== 'string') return undefined
    const l = ignoreCase ? left.value.toLowerCase() : left.value
    const r = ignoreCase ? right.value.toLowerCase() : right.value
    if (operator === 'StringLike') return isLike(l, r)
    if (operator === 'StringBelow') return l.indexOf(r.replace(/\/?$/, '/')) === 0
    return operator === 'StringStartsWith' ? l.indexOf(r) === 0 : l === r
  }
  if (operator === 'GuidEquals') {
    const [l, r] = [guidOf(left), guidOf(right)]
    return l === undefined || r === undefined ? undefined : l === r
  }
  if (operator === 'BoolEquals') {
    return left.type === 'boolean' && right.type === 'boolean' ? left.value === right.value : undefined
  }
  const [l, r] = operator.startsWith('DateTime')
    ? [ticksOf(left), ticksOf(right)]
    : [left.type === 'integer' ? left.value : undefined, right.type === 'integer' ? right.value : undefined]
  if (l === undefined || r === undefined) return undefined
  switch (operator.replace(/^(?:DateTime|Numeric)/, '')) {
    case 'GreaterThan':
      return l > r
    case 'GreaterThanEquals':
      return l >= r
    case 'LessThan':
      return l < r
    case 'LessThanEquals':
      return l <= r
    default:
      return l === r
  }
}

function guidOf(value: Single): string | undefined {
  if (value.type !== 'guid' && value.type !== 'string') return undefined
  return /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/.test(value.value.toUpperCase())
    ? value.value.toUpperCase()
    : undefined
}

/**
 * `*` is any run of characters, `?` is one, `\*` and `\?` are themselves, another backslash is a backslash. By a table:
 * `reached[i]` says whether the pattern so far can match the first `i` characters.
 */
function isLike(value: string, pattern: string): boolean {
  const characters = [...value]
  let reached = [true, ...characters.map(() => false)]
  for (const token of pattern.match(/\\[*?]|./gsu) ?? []) {
    const before = reached
    reached = before.map((_, index) => {
      if (token === '*') return before.slice(0, index + 1).includes(true)
      if (index === 0 || before[index - 1] !== true) return false
      return token === '?' || characters[index - 1] === (token.length === 2 && token[0] === '\\' ? token[1] : token)
    })
  }
  return reached.at(-1) === true
}

/** `yyyy-mm-ddThh:mm:ss`, at most seven digits behind the second, and `Z` or an offset; days that exist. */
function ticksOf(value: Single): bigint | undefined {
  if (value.type === 'instant') return value.ticks
  if (value.type !== 'string') return undefined
  const [, local, fraction = '', zone] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,7}))?(Z|[+-]\d\d:\d\d)$/.exec(value.value) ?? []
  if (local === undefined || zone === undefined || local.startsWith('0000')) return undefined
  const asUtc = Date.parse(`${local}Z`)
  // A day that does not exist rolls over, or is not a date at all.
  if (Number.isNaN(asUtc) || new Date(asUtc).toISOString().slice(0, 19) !== local) return undefined
  const [hours, minutes] = zone === 'Z' ? [0, 0] : [Number(zone.slice(1, 3)), Number(zone.slice(4))]
  if (hours > 23 || minutes > 59) return undefined
  const offsetMinutes = (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes)
  return BigInt(asUtc) * 10_000n - BigInt(offsetMinutes) * 600_000_000n + BigInt(fraction.padEnd(7, '0'))
}

/** An address as 32 or 128 bits. */
type Address = { readonly bits: 32 | 128; readonly value: bigint }

function parseAddress(written: string): Address | undefined {
  const v4 = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(written)
  if (v4 !== null) {
    const bytes = v4.slice(1)
    if (bytes.some((byte) => String(Number(byte)) !== byte || Number(byte) > 255)) return undefined
    return { bits: 32, value: bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n) }
  }
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(written)
  if (dotted !== null) {
    const tail = parseAddress(dotted[2] ?? '')
    if (tail === undefined) return undefined
    return parseAddress(`${dotted[1]}${(tail.value >> 16n).toString(16)}:${(tail.value & 0xffffn).toString(16)}`)
  }
  const halves = written.split('::')
  if (halves.length > 2 || !written.includes(':')) return undefined
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')))
  const gap = 8 - head.length - tail.length
  if (halves.length === 2 ? gap < 1 : gap !== 0) return undefined
  const groups = [...head, ...Array.from({ length: gap }, () => '0'), ...tail]
  if (groups.some((group) => !/^[0-9a-f]{1,4}$/i.test(group))) return undefined
  return { bits: 128, value: BigInt(`0x${groups.map((group) => group.padStart(4, '0')).join('')}`) }
}

const MAPPED = 0xffffn << 32n

/** `::ffff:a.b.c.d` is the IPv4 address; a range of such addresses is a range of IPv4 addresses. */
function inRange(left: Single, right: Single): boolean | undefined {
  if (left.type !== 'string' || right.type !== 'string') return undefined
  const [base = '', suffix, ...more] = right.value.split('/')
  let address = parseAddress(left.value)
  let range = parseAddress(base)
  if (address === undefined || range === undefined || more.length > 0) return undefined
  let length = suffix === undefined ? range.bits : Number(suffix)
  if ((suffix !== undefined && String(length) !== suffix) || !(length >= 0 && length <= range.bits)) return undefined
  if (address.bits === 128 && address.value >> 32n === 0xffffn) address = { bits: 32, value: address.value - MAPPED }
  if (range.bits === 128 && range.value >> 32n === 0xffffn && length >= 96) {
    range = { bits: 32, value: range.value - MAPPED }
    length -= 96
  }
  const free = BigInt(range.bits - length)
  return address.bits === range.bits && address.value >> free === range.value >> free
}
