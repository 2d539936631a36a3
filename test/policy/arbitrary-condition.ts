/** Random conditions: mostly such as a parser lets through, sometimes such as it would refuse. */
import { fc } from '@fast-check/vitest'
import {
  type Attribute,
  type Expression,
  type Literal,
  OPERATORS,
  type Operand,
  type Operator,
  QUANTIFIERS,
} from '../../src/policy/expression.ts'
import type { Condition } from '../../src/policy/model.ts'
import {
  ACTIONS,
  ADDRESSES,
  actionPattern,
  DIGEST,
  dateTime,
  GUIDS,
  LIKES,
  NAMES,
  pick,
  RANGES,
  some,
  text,
} from './pools.ts'

const attribute = (source: Attribute['source'], name: string): Attribute => ({ type: 'attribute', source, name })
const NAME = 'Microsoft.ContainerRegistry/registries/repositories:name'
const nameAttribute = pick(attribute('Request', NAME), attribute('Request', NAME), attribute('Resource', NAME))
const tagAttribute = fc.constant(attribute('Request', 'Dockgate/request:tag'))
const CLAIMS = ['sub', 'roles', 'roles', 'none', 'constructor', 'empty'].map((name) =>
  attribute('Principal', `Dockgate/claims:${name}`),
)
const textAttribute = fc.oneof(
  { weight: 8, arbitrary: nameAttribute },
  { weight: 5, arbitrary: tagAttribute },
  { weight: 3, arbitrary: pick(...CLAIMS) },
  {
    weight: 2,
    arbitrary: pick(
      ...['digest', 'method', 'mediaType', 'artifactType', 'clientIp'].map((name) =>
        attribute('Request', `Dockgate/request:${name}`),
      ),
      attribute('Principal', 'Microsoft.Directory/CustomSecurityAttributes/Id:x'),
      attribute('Environment', 'isPrivateLink'),
      attribute('Resource', 'Dockgate/request:tag'),
    ),
  },
)
const anyAttribute = fc.oneof(
  { weight: 9, arbitrary: textAttribute },
  { weight: 1, arbitrary: fc.constant(attribute('Environment', 'UtcNow')) },
)

const string = (value: fc.Arbitrary<string>) => value.map((value): Literal => ({ type: 'string', value }))
const STRING = string(text)
const INTEGER = fc.integer({ min: -2, max: 2 }).map((value): Literal => ({ type: 'integer', value }))
const BOOLEAN = fc.boolean().map((value): Literal => ({ type: 'boolean', value }))
const GUID = fc.oneof(
  string(pick(...GUIDS, `{${GUIDS[0]}}`)),
  pick(...GUIDS).map((value): Literal => ({ type: 'guid', value: value.toLowerCase() })),
)
const DATE_TIME = string(dateTime)
const anyLiteral = fc.oneof(STRING, INTEGER, BOOLEAN, GUID, DATE_TIME, string(pick(...RANGES)))

type Sides = {
  readonly left: fc.Arbitrary<Operand>
  readonly right: fc.Arbitrary<Literal>
  readonly plain: fc.Arbitrary<Literal>
}

function sidesOf(operator: Operator): Sides {
  if (operator.startsWith('String')) return { left: textAttribute, right: STRING, plain: STRING }
  if (operator.startsWith('Numeric')) return { left: INTEGER, right: INTEGER, plain: INTEGER }
  if (operator.startsWith('Bool')) return { left: BOOLEAN, right: BOOLEAN, plain: BOOLEAN }
  if (operator.startsWith('Guid')) {
    return { left: fc.oneof(pick(...CLAIMS), tagAttribute, GUID), right: GUID, plain: GUID }
  }
  if (operator.startsWith('DateTime')) {
    const clock = fc.constant(attribute('Environment', 'UtcNow'))
    return { left: fc.oneof({ weight: 4, arbitrary: clock }, DATE_TIME), right: DATE_TIME, plain: DATE_TIME }
  }
  const addresses = string(pick(...ADDRESSES))
  const client = fc.constant(attribute('Request', 'Dockgate/request:clientIp'))
  return {
    left: fc.oneof<fc.Arbitrary<Operand>[]>(client, addresses, tagAttribute),
    right: string(pick(...RANGES)),
    plain: addresses,
  }
}

const set = (literal: fc.Arbitrary<Literal>) => some(literal, 3).map((items): Operand => ({ type: 'set', items }))

function comparison(operator: Operator): fc.Arbitrary<Expression> {
  const { left, right, plain } = sidesOf(operator)
  const compare = (sides: {
    left: fc.Arbitrary<Operand>
    right: fc.Arbitrary<Operand>
    quantifier?: fc.Arbitrary<(typeof QUANTIFIERS)[number]>
  }) => fc.record(sides).map((members): Expression => ({ type: 'comparison', operator, ...members }))
  const usual = compare({ left, right })
  const quantified = compare({
    quantifier: pick(...QUANTIFIERS),
    left: fc.oneof(left, set(plain)),
    right: fc.oneof({ weight: 3, arbitrary: set(right) }, right),
  })
  const ranges = compare({ left, right: set(right) })
  return fc.oneof(
    { weight: 10, arbitrary: usual },
    {
      weight: operator.startsWith('String') || operator.startsWith('Numeric') || operator.startsWith('Guid') ? 6 : 1,
      arbitrary: quantified,
    },
    { weight: operator === 'IpInRange' ? 5 : 1, arbitrary: ranges },
    { weight: 1, arbitrary: compare({ left: right, right: left }) },
    { weight: operator === 'IpInRange' ? 3 : 1, arbitrary: compare({ left, right: pick(...CLAIMS) }) },
    {
      weight: 1,
      arbitrary: compare({ left: fc.oneof(anyAttribute, anyLiteral), right: fc.oneof(anyLiteral, anyAttribute) }),
    },
    {
      weight: 1,
      arbitrary: compare({ quantifier: pick(...QUANTIFIERS), left: set(anyLiteral), right: set(anyLiteral) }),
    },
  )
}

const leaf: fc.Arbitrary<Expression> = fc.oneof(
  { weight: 9, arbitrary: fc.oneof(...OPERATORS.filter((operator) => operator.startsWith('String')).map(comparison)) },
  { weight: 5, arbitrary: fc.oneof(...OPERATORS.map(comparison)) },
  { weight: 2, arbitrary: fc.oneof(comparison('IpInRange'), comparison('GuidEquals'), comparison('GuidNotEquals')) },
  { weight: 3, arbitrary: some(actionPattern, 2).map((patterns): Expression => ({ type: 'actionMatches', patterns })) },
  { weight: 1, arbitrary: fc.constant<Expression>({ type: 'subOperationMatches', suboperations: ['x'] }) },
  { weight: 2, arbitrary: anyAttribute.map((attribute): Expression => ({ type: 'exists', attribute })) },
)

const joined =
  (type: 'and' | 'or') =>
  (left: Expression, right: Expression): Expression => ({ type, left, right })

const negated = (operand: Expression): Expression => ({ type: 'not', operand })

const expression: fc.Arbitrary<Expression> = fc.letrec<{ tree: Expression }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc
      .tuple(pick('and' as const, 'or' as const), some(tie('tree'), 3, 2))
      .map(([type, operands]) => operands.reduce(joined(type))),
    fc
      .tuple(pick('and' as const, 'or' as const), tie('tree'), tie('tree'))
      .map(([type, left, right]): Expression => ({ type, left, right })),
    tie('tree').map(negated),
  ),
})).tree

/** Azure's canonical shape: not my action, or the expression. */
const canonical = fc.tuple(some(pick(...ACTIONS), 3), expression).map(([actions, right]): Expression => {
  const others = actions.map(
    (action): Expression => ({ type: 'not', operand: { type: 'actionMatches', patterns: [action] } }),
  )
  return { type: 'or', left: others.reduce(joined('and')), right }
})

const STRING_OPERATORS = OPERATORS.filter((operator) => operator.startsWith('String'))

const OF_NAMES = string(pick(...NAMES, 'A', 'A/b', 'a/', 'a*', 'a/*'))

/** Only of the name: what becomes of it is decided by the index alone. */
const ofName = fc
  .record({
    operator: pick(...STRING_OPERATORS),
    quantifier: fc.option(pick(...QUANTIFIERS), { nil: undefined, freq: 2 }),
    name: nameAttribute,
    one: fc.oneof(STRING, OF_NAMES),
    several: fc.oneof({ weight: 2, arbitrary: set(STRING) }, { weight: 3, arbitrary: set(OF_NAMES) }, set(anyLiteral)),
    reversed: fc.nat(3).map((sides) => sides === 0),
  })
  .map(({ operator, quantifier, name, one, several, reversed }): Expression => {
    const other = quantifier === undefined ? one : several
    const sides = reversed ? { left: other, right: name } : { left: name, right: other }
    return { type: 'comparison', operator, ...sides, ...(quantifier === undefined ? {} : { quantifier }) }
  })
const ofNames = fc.oneof(
  { weight: 3, arbitrary: ofName },
  fc
    .tuple(pick('and' as const, 'or' as const), some(fc.oneof(ofName, ofName.map(negated)), 3, 2))
    .map(([type, operands]) => operands.reduce(joined(type))),
)

/** Only of the request, with the values that requests have. */
const ofRequest = fc
  .record({
    operator: pick<Operator>('StringEquals', 'StringNotEquals', 'StringLike', 'StringNotEqualsIgnoreCase'),
    name: pick('tag', 'tag', 'tag', 'method', 'digest', 'mediaType', 'artifactType'),
    value: pick('v1', 'V1', 'v*', 'a', 'a*', 'ab', 'GET', 'PUT', 'DELETE', DIGEST, '*'),
    isNegated: fc.boolean(),
  })
  .map(({ operator, name, value, isNegated }): Expression => {
    const left = attribute('Request', `Dockgate/request:${name}`)
    const test: Expression = { type: 'comparison', operator, left, right: { type: 'string', value } }
    return isNegated ? negated(test) : test
  })

/** Only of a claim, with patterns and texts that are easily confused. */
const ofClaim = fc
  .record({
    operator: pick<Operator>('StringLike', 'StringNotLike', 'StringLikeIgnoreCase'),
    value: pick(...LIKES),
  })
  .map(({ operator, value }): Expression => {
    const left = attribute('Principal', 'Dockgate/claims:sub')
    return { type: 'comparison', operator, left, right: { type: 'string', value } }
  })

/** The repository against what a claim says, which may be nothing. */
const ofRepositoryAndClaim = fc
  .record({
    operator: pick<Operator>(...OPERATORS.filter((operator) => /Starts|Below|Like/.test(operator))),
    quantifier: fc.option(pick(...QUANTIFIERS), { nil: undefined, freq: 3 }),
    claim: pick('sub', 'roles', 'empty'),
    isNegated: fc.boolean(),
  })
  .map(({ operator, quantifier, claim, isNegated }): Expression => {
    const left = attribute('Request', 'Microsoft.ContainerRegistry/registries/repositories:name')
    const right = attribute('Principal', `Dockgate/claims:${claim}`)
    const several = quantifier === undefined ? {} : { quantifier }
    const test: Expression = { type: 'comparison', operator, ...several, left, right }
    return isNegated ? negated(test) : test
  })

export const condition: fc.Arbitrary<Condition> = fc
  .oneof(
    { weight: 3, arbitrary: expression },
    { weight: 2, arbitrary: leaf },
    { weight: 2, arbitrary: ofNames },
    { weight: 2, arbitrary: ofRequest },
    { weight: 1, arbitrary: ofClaim },
    { weight: 2, arbitrary: ofRepositoryAndClaim },
    canonical,
  )
  .map((expression) => ({ text: '', expression }))
