import { describe, expect, it } from 'vitest'
import { parseCondition } from '../../../../src/policy/condition/parse.ts'
import { type Context, denies, evaluate, grants } from '../../../../src/policy/decide/condition/evaluate.ts'
import { OPERATOR_RULES } from '../../../../src/policy/decide/condition/operator.ts'
import { and, not, or } from '../../../../src/policy/decide/condition/outcome.ts'
import { type Expression, OPERATORS, type Operand, type Operator } from '../../../../src/policy/expression.ts'

const T = 1
const F = 2
const M = 4
const E = 8

const NAME = '@Request[Microsoft.ContainerRegistry/registries/repositories:name]'
const SUB = '@Principal[Dockgate/claims:sub]'
const PATH = '@Principal[Dockgate/claims:path]'
const GROUPS = '@Principal[Dockgate/claims:groups]'
const TAG = '@Request[Dockgate/request:tag]'

const request: Context = {
  action: 'Microsoft.ContainerRegistry/registries/repositories/content/read',
  name: 'app',
  attributes: {
    digest: 'sha256:0',
    method: 'PUT',
    mediaType: 'application/json',
    artifactType: 'text/plain',
    clientIp: '::ffff:10.1.2.3',
    claims: {
      sub: 'Ab*',
      path: 'team/app',
      blank: '',
      slash: '/',
      stars: '*?*',
      teams: ['app', ''],
      groups: ['red', 'blue'],
      none: [],
      oid: '0F3C0000-0000-0000-0000-00000000000A',
      at: '2026-01-01T00:00:00Z',
    },
  },
  now: 1_767_225_600,
}

function parse(text: string): Expression {
  const parsed = parseCondition(text, 'azure')
  if (!parsed.ok) throw new Error(`${parsed.error.offset}: ${parsed.error.message}`)
  return parsed.value.expression
}
const outcomes = (text: string, context = request) => evaluate(parse(text), context)

describe('a prefix or pattern that comes with the request and says nothing', () => {
  it.each([
    'StringStartsWith @Principal[Dockgate/claims:blank]',
    'StringStartsWithIgnoreCase @Principal[Dockgate/claims:blank]',
    'StringNotStartsWith @Principal[Dockgate/claims:blank]',
    'StringNotStartsWithIgnoreCase @Principal[Dockgate/claims:blank]',
    'StringBelow @Principal[Dockgate/claims:blank]',
    'StringBelow @Principal[Dockgate/claims:slash]',
    'StringNotBelow @Principal[Dockgate/claims:blank]',
    'StringNotBelowIgnoreCase @Principal[Dockgate/claims:slash]',
    'ForAnyOfAnyValues:StringBelow @Principal[Dockgate/claims:teams]',
    'StringLike @Principal[Dockgate/claims:blank]',
    'StringLike @Principal[Dockgate/claims:stars]',
    'StringLikeIgnoreCase @Principal[Dockgate/claims:stars]',
    'StringNotLike @Principal[Dockgate/claims:blank]',
    'ForAnyOfAnyValues:StringLike @Principal[Dockgate/claims:teams]',
    'ForAllOfAllValues:StringNotLike @Principal[Dockgate/claims:teams]',
  ])('is missing, so it grants nothing and, in a deny, denies: %s', (comparison) => {
    expect(outcomes(`${NAME} ${comparison}`)).toBe(M)
    const behindNot = outcomes(`!(${NAME} ${comparison})`)
    expect(behindNot).toBe(E)
    for (const outcome of [M, behindNot]) {
      for (const everyTag of [false, true]) {
        expect([grants(outcome, everyTag), denies(outcome, everyTag)]).toEqual([false, true])
      }
    }
  })

  it('is not hidden by an unknown tag', () => {
    expect(outcomes(`${TAG} StringStartsWith @Principal[Dockgate/claims:blank]`)).toBe(M)
  })

  it.each([
    [`${NAME} StringEquals @Principal[Dockgate/claims:blank]`, F],
    [`${NAME} StringNotEquals @Principal[Dockgate/claims:blank]`, T],
    [`@Principal[Dockgate/claims:blank] StringStartsWith 'a'`, F],
    [`@Principal[Dockgate/claims:blank] StringLike ${NAME}`, F],
    [`${NAME} StringStartsWith ''`, T],
    [`${NAME} StringLike '*'`, T],
  ])('is none where it is compared whole, stands on the left, or is in the policy: %s', (condition, outcome) => {
    expect(outcomes(condition)).toBe(outcome)
  })
})

describe('operators', () => {
  /** Left and right values for which each operator is true, then false. */
  const samples: Record<Operator, [left: string, right: string, expected: boolean][]> = {
    BoolEquals: [
      ['true', 'true', true],
      ['true', 'false', false],
    ],
    BoolNotEquals: [
      ['true', 'false', true],
      ['false', 'false', false],
    ],
    StringEquals: [
      [SUB, "'Ab*'", true],
      [SUB, "'ab*'", false],
      [SUB, "'Ab'", false],
    ],
    StringEqualsIgnoreCase: [
      [SUB, "'aB*'", true],
      [SUB, "'aB'", false],
    ],
    StringNotEquals: [
      [SUB, "'ab*'", true],
      [SUB, "'Ab*'", false],
    ],
    StringNotEqualsIgnoreCase: [
      [SUB, "'x'", true],
      [SUB, "'AB*'", false],
    ],
    StringStartsWith: [
      [SUB, "'Ab'", true],
      [SUB, "''", true],
      [SUB, "'ab'", false],
      [SUB, "'Ab**'", false],
    ],
    StringStartsWithIgnoreCase: [
      [SUB, "'aB'", true],
      [SUB, "'b'", false],
    ],
    StringNotStartsWith: [
      [SUB, "'ab'", true],
      [SUB, "'Ab'", false],
    ],
    StringNotStartsWithIgnoreCase: [
      [SUB, "'b'", true],
      [SUB, "'aB'", false],
    ],
    StringBelow: [
      [PATH, "'team'", true],
      [PATH, "'team/'", true],
      [PATH, "'team/App'", false],
      [PATH, "'tea'", false],
      [PATH, "'Team'", false],
      [PATH, "''", false],
    ],
    StringBelowIgnoreCase: [
      [PATH, "'TEAM'", true],
      [PATH, "'TEA'", false],
    ],
    StringNotBelow: [
      [PATH, "'Team'", true],
      [PATH, "'team'", false],
    ],
    StringNotBelowIgnoreCase: [
      [PATH, "'tea'", true],
      [PATH, "'TEAM'", false],
    ],
    StringLike: [
      [SUB, "'A?*'", true],
      [SUB, String.raw`'Ab\*'`, true],
      [SUB, String.raw`'A\**'`, false],
      [SUB, "'a*'", false],
    ],
    StringLikeIgnoreCase: [
      [SUB, "'a?*'", true],
      [SUB, "'b*'", false],
    ],
    StringNotLike: [
      [SUB, "'a*'", true],
      [SUB, "'A*'", false],
    ],
    StringNotLikeIgnoreCase: [
      [SUB, "'b*'", true],
      [SUB, "'a*'", false],
    ],
    NumericEquals: [
      ['5', '5', true],
      ['5', '-5', false],
    ],
    NumericNotEquals: [
      ['5', '6', true],
      ['5', '5', false],
    ],
    NumericGreaterThan: [
      ['5', '4', true],
      ['5', '5', false],
    ],
    NumericGreaterThanEquals: [
      ['5', '5', true],
      ['5', '6', false],
    ],
    NumericLessThan: [
      ['-5', '5', true],
      ['5', '5', false],
    ],
    NumericLessThanEquals: [
      ['5', '5', true],
      ['5', '4', false],
    ],
    DateTimeEquals: [
      ['@Environment[UtcNow]', "'2026-01-01T00:00:00Z'", true],
      ["'2026-01-01T00:00:00Z'", "'2026-01-01T01:00:00.000+01:00'", true],
      ["'2026-01-01T00:00:00Z'", "'2026-01-01T00:00:00.0000001Z'", false],
    ],
    DateTimeNotEquals: [
      ['@Environment[UtcNow]', "'2026-01-01T00:00:01Z'", true],
      ['@Environment[UtcNow]', "'2026-01-01T00:00:00Z'", false],
    ],
    DateTimeGreaterThan: [
      ['@Environment[UtcNow]', "'2025-12-31T23:59:59.9999999Z'", true],
      ['@Environment[UtcNow]', "'2026-01-01T00:00:00Z'", false],
    ],
    DateTimeGreaterThanEquals: [
      ['@Environment[UtcNow]', "'2026-01-01T00:00:00Z'", true],
      ['@Environment[UtcNow]', "'2026-01-01T00:00:00.0000001Z'", false],
    ],
    DateTimeLessThan: [
      ['@Environment[UtcNow]', "'2026-01-01T00:00:00.0000001Z'", true],
      ['@Environment[UtcNow]', "'2026-01-01T00:00:00Z'", false],
    ],
    DateTimeLessThanEquals: [
      ['@Principal[Dockgate/claims:at]', "'2026-01-01T00:00:00Z'", true],
      ['@Environment[UtcNow]', "'2025-12-31T23:59:59Z'", false],
    ],
    GuidEquals: [
      ['@Principal[Dockgate/claims:oid]', '0f3c0000-0000-0000-0000-00000000000a', true],
      ['@Principal[Dockgate/claims:oid]', "'0f3C0000-0000-0000-0000-00000000000a'", true],
      ['@Principal[Dockgate/claims:oid]', '0f3c0000-0000-0000-0000-00000000000b', false],
    ],
    GuidNotEquals: [
      ['@Principal[Dockgate/claims:oid]', '0f3c0000-0000-0000-0000-00000000000b', true],
      ['@Principal[Dockgate/claims:oid]', '0f3c0000-0000-0000-0000-00000000000A', false],
    ],
    IpInRange: [
      ['@Request[Dockgate/request:clientIp]', "'10.0.0.0/8'", true],
      ['@Request[Dockgate/request:clientIp]', "{'2001:db8::/32', '10.1.2.3'}", true],
      ['@Request[Dockgate/request:clientIp]', "'::/0'", false],
    ],
  }
  const rows = OPERATORS.flatMap((operator) => samples[operator].map((sample) => [operator, ...sample] as const))

  it.each(rows)('%s with values: %s, %s is %s', (operator, left, right, expected) => {
    expect(outcomes(`${left} ${operator} ${right}`)).toBe(expected ? T : F)
  })

  const missing = { type: 'attribute', source: 'Request', name: 'Microsoft.Nowhere/none' } as const
  const literal = (operator: Operator): Operand => {
    const [, right] = samples[operator][0] ?? ['', '']
    const parsed = parse(`@Request[Microsoft.Nowhere/none] ${operator} ${right}`)
    if (parsed.type !== 'comparison') throw new Error('not a comparison')
    return parsed.right
  }
  const list = { type: 'attribute', source: 'Principal', name: 'Dockgate/claims:groups' } as const
  const wrong: Operand = { type: 'boolean', value: true }
  const wrongForBool: Operand = { type: 'integer', value: 1 }

  it.each(OPERATORS)('%s with a missing side is missing, with a list or the wrong type an error', (operator) => {
    const right = literal(operator)
    const other = OPERATOR_RULES[operator].family === 'Bool' ? wrongForBool : wrong
    const compare = (left: Operand, right: Operand) => evaluate({ type: 'comparison', operator, left, right }, request)
    expect(compare(missing, right)).toBe(M)
    expect(compare(right, missing)).toBe(M)
    expect(compare(missing, missing)).toBe(M)
    expect(compare(missing, list)).toBe(M)
    expect(compare(list, right)).toBe(E)
    expect(compare(right, list)).toBe(E)
    expect(compare(other, right)).toBe(E)
    expect(compare(right, other)).toBe(E)
  })

  const quantifiable = OPERATORS.filter((operator) => OPERATOR_RULES[operator].quantifiable)
  it('accept a quantifier as the documents list them (acr-model 4.5)', () => {
    const expected = OPERATORS.filter((o) => /^(?:String(?!.*StartsWith)|Numeric|Guid)/.test(o))
    expect(quantifiable).toEqual(expected)
  })

  it.each(OPERATORS)('%s with a quantifier: missing, empty, wrong type', (operator) => {
    const right = literal(operator)
    const other = OPERATOR_RULES[operator].family === 'Bool' ? wrongForBool : wrong
    const set = (...items: Operand[]): Operand => ({
      type: 'set',
      items: items.flatMap((i) => (i.type === 'attribute' || i.type === 'set' ? [] : [i])),
    })
    const compare = (left: Operand, right: Operand) =>
      evaluate({ type: 'comparison', quantifier: 'ForAllOfAnyValues', operator, left, right }, request)
    expect(compare(missing, set(right))).toBe(M)
    const is = (outcome: number) => (quantifiable.includes(operator) ? outcome : E)
    expect(compare(set(), set(right))).toBe(is(M))
    expect(compare(set(right), set())).toBe(is(M))
    expect(compare({ ...list, name: 'Dockgate/claims:none' }, set(right))).toBe(is(M))
    expect(compare(set(right), set(right, other))).toBe(E)
    expect(compare(set(other), set(right))).toBe(E)
  })
})

describe('quantifiers (acr-model 4.5)', () => {
  it.each([
    ['{1,2} ForAnyOfAnyValues:NumericEquals {2,3}', T],
    ['{1,2} ForAnyOfAnyValues:NumericEquals {3,4}', F],
    ['{1,2} ForAllOfAnyValues:NumericEquals {2,1,3}', T],
    ['{1,2} ForAllOfAnyValues:NumericEquals {2,3}', F],
    ['{1,2} ForAnyOfAllValues:NumericLessThan {2,3}', T],
    ['{2,3} ForAnyOfAllValues:NumericLessThan {2,3}', F],
    ['{1,2} ForAllOfAllValues:NumericLessThan {3,4}', T],
    ['{1,2} ForAllOfAllValues:NumericLessThan {2,3}', F],
    [`${GROUPS} ForAnyOfAnyValues:StringEquals {'blue'}`, T],
    [`${GROUPS} ForAllOfAnyValues:StringLikeIgnoreCase {'R*', '?LUE'}`, T],
    [`${GROUPS} ForAllOfAllValues:StringNotEquals {'green', 'blue'}`, F],
    [`${GROUPS} ForAnyOfAnyValues:GuidEquals {0f3c0000-0000-0000-0000-00000000000a}`, E],
    [`${SUB} ForAllOfAnyValues:StringEqualsIgnoreCase {'AB*'}`, T],
    [`${SUB} ForAnyOfAnyValues:StringEquals ${GROUPS}`, F],
    [`'red' ForAnyOfAnyValues:StringEquals ${GROUPS}`, T],
    [`${TAG} ForAnyOfAnyValues:StringEquals {'v1'}`, T | F],
    [`${TAG} ForAnyOfAnyValues:StringEquals @Principal[Dockgate/claims:none]`, M],
  ])('%s', (text, expected) => {
    expect(outcomes(text)).toBe(expected)
  })
})

describe('attributes', () => {
  it.each([
    [`${NAME} StringEquals 'app'`, T],
    ["@Resource[Microsoft.ContainerRegistry/registries/repositories:name] StringEquals 'app'", T],
    ["@Principal[Microsoft.ContainerRegistry/registries/repositories:name] StringEquals 'app'", M],
    ["@Request[Dockgate/request:digest] StringLike 'sha256:*'", T],
    ["@Request[Dockgate/request:method] StringEquals 'PUT'", T],
    ["@Request[dockgate/REQUEST:mediatype] StringEquals 'application/json'", T],
    ["@Request[Dockgate/request:artifactType] StringEquals 'text/plain'", T],
    ["@Resource[Dockgate/request:method] StringEquals 'PUT'", M],
    ["@Principal[Dockgate/claims:Sub] StringEquals 'Ab*'", M],
    ["@Principal[Dockgate/claims:constructor] StringLike '*'", M],
    ["@Principal[Dockgate/claims:__proto__] StringLike '*'", M],
    ['Exists @Principal[Dockgate/claims:toString]', F],
    [`Exists ${NAME}`, T],
    [`Exists ${TAG}`, T | F],
    ['Exists @Environment[UtcNow]', T],
    ['Exists @Environment[isPrivateLink]', F],
    ['NOT Exists @Resource[Microsoft.Storage/x]', T],
    ['Exists @Principal[Dockgate/claims:none]', T],
    [`${TAG} StringLike 'v*'`, T | F],
    [`${TAG} StringEquals ${GROUPS}`, E],
    [`${TAG} StringEquals @Environment[isPrivateLink]`, M],
    [`NOT ${TAG} StringLike 'v*'`, T | F],
    ["ActionMatches{'*/content/read'}", T],
    ["ActionMatches{'x', '*/CONTENT/read'}", T],
    ["ActionMatches{'*/content/write'}", F],
    ["SubOperationMatches{'*'}", F],
  ])('%s', (text, expected) => {
    expect(outcomes(text)).toBe(expected)
  })

  it('knows a tag that is named', () => {
    const context = { ...request, attributes: { tag: 'v1' } }
    expect(outcomes(`${TAG} StringLike 'v*'`, context)).toBe(T)
    expect(outcomes(`NOT ${TAG} StringLike 'v*'`, context)).toBe(F)
    expect(outcomes(`Exists ${TAG}`, context)).toBe(T)
  })

  it('has no claims without a caller', () => {
    expect(outcomes(`${SUB} StringLike '*'`, { ...request, attributes: {} })).toBe(M)
  })
})

describe('logic', () => {
  const single = [T, F, M, E]

  it.each([
    [T, [T, F, M, E], [T, T, T, T]],
    [F, [F, F, F, F], [T, F, M, E]],
    [M, [M, F, M, E], [T, M, M, E]],
    [E, [E, E, E, E], [E, E, E, E]],
  ])('%i on the left: AND %j, OR %j', (left, conjunctions, disjunctions) => {
    expect(single.map((right) => and(left, right))).toEqual(conjunctions)
    expect(single.map((right) => or(left, right))).toEqual(disjunctions)
  })

  it('turns what is missing into an error when negated', () => {
    expect(single.map(not)).toEqual([F, T, E, E])
  })

  it('takes a set of outcomes one by one', () => {
    const members = (set: number) => single.filter((one) => set & one)
    for (let left = 1; left < 16; left++) {
      expect(not(left)).toBe(members(left).reduce((all, l) => all | not(l), 0))
      for (let right = 1; right < 16; right++) {
        const each = (op: typeof and) =>
          members(left)
            .flatMap((l) => members(right).map((r) => op(l, r)))
            .reduce((a, b) => a | b)
        expect(and(left, right)).toBe(each(and))
        expect(or(left, right)).toBe(each(or))
      }
    }
  })

  it.each([
    { set: T, grant: true, grantEvery: true, deny: true, denyEvery: true },
    { set: F, grant: false, grantEvery: false, deny: false, denyEvery: false },
    { set: M, grant: false, grantEvery: false, deny: true, denyEvery: true },
    { set: E, grant: false, grantEvery: false, deny: true, denyEvery: true },
    { set: T | F, grant: true, grantEvery: false, deny: false, denyEvery: true },
    { set: T | M, grant: true, grantEvery: false, deny: true, denyEvery: true },
    { set: F | E, grant: false, grantEvery: false, deny: false, denyEvery: true },
    { set: M | E, grant: false, grantEvery: false, deny: true, denyEvery: true },
  ])(
    'outcomes $set: grants $grant, every tag $grantEvery; denies $deny, every tag $denyEvery',
    ({ set, grant, grantEvery, deny, denyEvery }) => {
      expect([grants(set), grants(set, true), denies(set), denies(set, true)]).toEqual([
        grant,
        grantEvery,
        deny,
        denyEvery,
      ])
    },
  )
})
