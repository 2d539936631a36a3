/** Random conditions and requests, for the properties of this folder. */
import { fc } from '@fast-check/vitest'
import type { Context } from '../../../src/policy/decide/condition/evaluate.ts'
import { OPERATOR_RULES } from '../../../src/policy/decide/condition/operator.ts'
import {
  type Expression,
  type Literal,
  OPERATORS,
  type Operand,
  type Operator,
  QUANTIFIERS,
} from '../../../src/policy/expression.ts'
import { DATA_ACTIONS } from '../../../src/registry/permission.ts'

export const NAME = 'Microsoft.ContainerRegistry/registries/repositories:name'
const ACTIONS = Object.values(DATA_ACTIONS)

const shortName = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 4 })
/** Texts that collide often: letters of two cases, slashes, wildcards, escapes. */
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'A', '/', '*', '?', '\\'), maxLength: 5 })
const instantText = fc.constantFrom(
  '2026-01-01T00:00:00Z',
  '2026-01-01T01:00:00.5+01:00',
  '1969-12-31T23:59:59.0000001Z',
)
const guid = fc.constantFrom('00000000-0000-0000-0000-00000000000a', 'ffffffff-0000-0000-0000-00000000000b')

const attribute = (source: 'Request' | 'Resource' | 'Principal' | 'Environment', name: string) =>
  ({ type: 'attribute', source, name }) as const

const name = fc.constantFrom(attribute('Request', NAME), attribute('Resource', NAME))
const textAttribute = fc.oneof(
  { weight: 3, arbitrary: name },
  fc.constantFrom(
    attribute('Request', 'Dockgate/request:tag'),
    attribute('Request', 'Dockgate/request:digest'),
    attribute('Request', 'Dockgate/request:clientIp'),
    attribute('Principal', 'Dockgate/claims:sub'),
    attribute('Principal', 'Dockgate/claims:groups'),
    attribute('Environment', 'isPrivateLink'),
  ),
)

const string = (value: fc.Arbitrary<string>) => value.map((value) => ({ type: 'string', value }) as const)
const LITERALS = {
  Bool: fc.boolean().map((value) => ({ type: 'boolean', value }) as const),
  String: string(text),
  Numeric: fc.integer({ min: -3, max: 3 }).map((value) => ({ type: 'integer', value }) as const),
  DateTime: string(instantText),
  Guid: fc.oneof(
    guid.map((value) => ({ type: 'guid', value }) as const),
    string(guid),
  ),
  Ip: string(fc.constantFrom('10.0.0.0/8', '192.0.2.1', '2001:db8::/32')),
}

function comparison(operator: Operator): fc.Arbitrary<Expression> {
  const { family, quantifiable } = OPERATOR_RULES[operator]
  const literal: fc.Arbitrary<Literal> = LITERALS[family]
  const attributes =
    family === 'DateTime'
      ? fc.constant(attribute('Environment', 'UtcNow'))
      : family === 'Numeric' || family === 'Bool'
        ? fc.constant(attribute('Environment', 'isPrivateLink'))
        : textAttribute
  const left =
    family === 'Ip'
      ? fc.oneof(attributes, string(fc.constantFrom('10.1.2.3', '::1')))
      : fc.oneof({ weight: 4, arbitrary: attributes }, literal)
  const single = fc.record({ left, right: fc.oneof({ weight: 4, arbitrary: literal }, attributes) })
  const set = fc.array(literal, { minLength: 1, maxLength: 3 }).map((items) => ({ type: 'set', items }) as const)
  const plain = single.map((sides): Expression => ({ type: 'comparison', operator, ...sides }))
  const withSet = (value: fc.Arbitrary<Operand>) => fc.oneof(set, value)
  if (quantifiable) {
    const quantified = fc
      .record({ quantifier: fc.constantFrom(...QUANTIFIERS), left: withSet(left), right: withSet(literal) })
      .map((sides): Expression => ({ type: 'comparison', operator, ...sides }))
    return fc.oneof(plain, quantified)
  }
  if (family !== 'Ip') return plain
  return fc.oneof(
    plain,
    fc.record({ left, right: set }).map((sides): Expression => ({ type: 'comparison', operator, ...sides })),
  )
}

const leaf: fc.Arbitrary<Expression> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...OPERATORS.filter((o) => o.startsWith('String'))).chain(comparison) },
  { weight: 2, arbitrary: fc.constantFrom(...OPERATORS).chain(comparison) },
  {
    weight: 2,
    arbitrary: fc
      .array(fc.constantFrom(...ACTIONS, '*', '*/read', 'x/*'), { minLength: 1, maxLength: 2 })
      .map((patterns): Expression => ({ type: 'actionMatches', patterns })),
  },
  { weight: 1, arbitrary: fc.constant<Expression>({ type: 'subOperationMatches', suboperations: ['s'] }) },
  { weight: 1, arbitrary: textAttribute.map((attribute): Expression => ({ type: 'exists', attribute })) },
)

/** A tree as parsing makes one: no constants, every leaf well-typed. */
export const expression: fc.Arbitrary<Expression> = fc.letrec<{ tree: Expression }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc
      .tuple(fc.constantFrom('and', 'or'), tie('tree'), tie('tree'))
      .map(([type, left, right]): Expression => ({ type, left, right })),
    tie('tree').map((operand): Expression => ({ type: 'not', operand })),
  ),
})).tree

/** A request about one repository; every attribute may be missing. */
export const namedContext: fc.Arbitrary<Context & { readonly name: string }> = fc.record({
  action: fc.constantFrom(...ACTIONS),
  name: shortName,
  now: fc.constantFrom(0, 1_767_225_600),
  attributes: fc.record(
    {
      tag: text,
      everyTag: fc.boolean(),
      digest: text,
      clientIp: fc.constantFrom('10.1.2.3', '::1', 'nonsense'),
      claims: fc.record(
        { sub: fc.oneof(text, guid), groups: fc.array(fc.oneof(text, guid), { maxLength: 3 }) },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: [] },
  ),
})

/** The same, or without a repository. */
export const context: fc.Arbitrary<Context> = fc.oneof(
  { weight: 4, arbitrary: namedContext },
  namedContext.map(({ name: _, ...rest }) => rest),
)
