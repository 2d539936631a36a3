/** What Azure's documents say of conditions, and conditions as they are found in role assignments. */
import { describe, expect, it } from 'vitest'
import { matchesAction } from '../../../src/policy/action-pattern.ts'
import { lowerName } from '../../../src/policy/compile/condition/lower.ts'
import { formatCondition } from '../../../src/policy/condition/format.ts'
import { type Dialect, parseCondition } from '../../../src/policy/condition/parse.ts'
import { type Context, evaluate, grants } from '../../../src/policy/decide/condition/evaluate.ts'

const REPOSITORIES = 'Microsoft.ContainerRegistry/registries/repositories'
const REQUEST = `@Request[${REPOSITORIES}:name]`
const RESOURCE = `@Resource[${REPOSITORIES}:name]`

function parse(text: string, dialect: Dialect = 'strict') {
  const parsed = parseCondition(text, dialect)
  if (!parsed.ok) throw new Error(`${parsed.error.offset}: ${parsed.error.message}`)
  return parsed.value
}

const request = (action: string, name?: string): Context => ({
  action: action.startsWith('Microsoft.') ? action : `${REPOSITORIES}/${action}`,
  ...(name === undefined ? {} : { name }),
  attributes: {},
  now: 1_767_225_600,
})

const granted = (text: string, action: string, name?: string) =>
  grants(evaluate(parse(text, 'azure').expression, request(action, name)))

const not = (...actions: string[]) =>
  actions.map((action) => `!(ActionMatches{'${REPOSITORIES}/${action}'})`).join(' AND ')
const guarded = (actions: string[], test: string) => `( ( ${not(...actions)} ) OR ( ${test} ) )`

const HELLO = `!(ActionMatches{'${REPOSITORIES}/content/read'}) OR ${REQUEST} StringEqualsIgnoreCase 'hello-world'`
const startsWith = (prefix: string, operator = 'StringStartsWithIgnoreCase') =>
  guarded(['content/read'], `${REQUEST} ${operator} '${prefix}'`)

describe('acr-model 10.2, conditions', () => {
  it.each([
    { row: 1, text: HELLO, action: 'content/read', name: 'hello-world', expected: true },
    { row: 2, text: HELLO, action: 'content/read', name: 'hello-world2', expected: false },
    { row: 3, text: HELLO, action: 'content/write', name: 'other', expected: true },
    { row: 4, text: startsWith('backend/'), action: 'content/read', name: 'backend/a', expected: true },
    { row: 4, text: startsWith('backend/'), action: 'content/read', name: 'backend', expected: false },
    { row: 4, text: startsWith('backend/'), action: 'content/read', name: 'backend-infra/k8s', expected: false },
    { row: 5, text: startsWith('backend'), action: 'content/read', name: 'backend/a', expected: true },
    { row: 5, text: startsWith('backend'), action: 'content/read', name: 'backend', expected: true },
    { row: 5, text: startsWith('backend'), action: 'content/read', name: 'backend-infra/k8s', expected: true },
    {
      row: 6,
      text: startsWith('Backend/', 'StringStartsWith'),
      action: 'content/read',
      name: 'backend/a',
      expected: false,
    },
    { row: 7, text: `${REQUEST} StringLike 'a*c?'`, action: 'content/read', name: 'abcd', expected: true },
    { row: 8, text: `${REQUEST} StringLike 'a*c'`, action: 'content/read', name: 'abcd', expected: false },
    { row: 8, text: `${REQUEST} StringLike 'A*C?'`, action: 'content/read', name: 'abcd', expected: false },
    {
      row: 9,
      text: "{'red','blue'} ForAnyOfAnyValues:StringEquals {'blue','green'}",
      action: 'content/read',
      name: 'x',
      expected: true,
    },
    {
      row: 10,
      text: "{'red','blue'} ForAllOfAnyValues:StringEquals {'red','green'}",
      action: 'content/read',
      name: 'x',
      expected: false,
    },
    {
      row: 11,
      text: "{'red','blue'} ForAllOfAnyValues:StringEquals {'orange','red','blue'}",
      action: 'content/read',
      name: 'x',
      expected: true,
    },
    {
      row: 12,
      text: '{10,20} ForAnyOfAllValues:NumericLessThan {15,18}',
      action: 'content/read',
      name: 'x',
      expected: true,
    },
    {
      row: 13,
      text: '{10,20} ForAllOfAllValues:NumericLessThan {5,15,18}',
      action: 'content/read',
      name: 'x',
      expected: false,
    },
    {
      row: 13,
      text: '{10,20} ForAllOfAllValues:NumericLessThan {25,30}',
      action: 'content/read',
      name: 'x',
      expected: true,
    },
    {
      row: 13,
      text: '{10,20} ForAllOfAllValues:NumericLessThan {15,25,30}',
      action: 'content/read',
      name: 'x',
      expected: false,
    },
    {
      row: 14,
      text: "ActionMatches{'Microsoft.Authorization/roleAssignments/*'}",
      action: 'Microsoft.Authorization/roleAssignments/write',
      name: undefined,
      expected: true,
    },
    {
      row: 16,
      text: `NOT ${REQUEST} StringEqualsIgnoreCase 'application/secret'`,
      action: 'content/read',
      name: 'application/secret',
      expected: false,
    },
    {
      row: 16,
      text: `NOT ${REQUEST} StringEqualsIgnoreCase 'application/secret'`,
      action: 'content/read',
      name: 'x',
      expected: true,
    },
    {
      row: 17,
      text: `NOT ${REQUEST} StringEqualsIgnoreCase 'application/secret'`,
      action: 'catalog/read',
      name: undefined,
      expected: false,
    },
  ])('row $row: $text on $action of $name: $expected', ({ text, action, name, expected }) => {
    expect(granted(text, action, name)).toBe(expected)
  })

  it('row 14: the same patterns as in roles', () => {
    expect(
      matchesAction('Microsoft.Authorization/roleAssignments/*', 'Microsoft.Authorization/roleAssignments/write'),
    ).toBe(true)
  })

  it('row 15: an assignment without a condition adds to one with it', () => {
    const assignments = [parse(HELLO, 'azure').expression, undefined]
    const applies = assignments.map(
      (condition) => condition === undefined || grants(evaluate(condition, request('content/read', 'other'))),
    )
    expect(applies).toEqual([false, true])
  })

  it('row 18: mixed AND and OR are refused in written conditions, and read with AND first in exported ones', () => {
    const [a, b, c] = ['a', 'b', 'c'].map((name) => `${REQUEST} StringEquals '${name}'`)
    expect(parseCondition(`${a} AND ${b} OR ${c}`, 'strict')).toMatchObject({
      ok: false,
      error: { message: 'AND and OR are mixed without parentheses', hint: 'write (a AND b) OR c, or a AND (b OR c)' },
    })
    const mixed = parse(`${a} AND ${b} OR ${c}`, 'azure')
    expect(mixed.expression).toEqual(parse(`(${a} AND ${b}) OR ${c}`).expression)
    expect(mixed.warnings).toHaveLength(1)
    expect(parse(`${a} OR ${b} AND ${c}`, 'azure').expression).toEqual(parse(`${a} OR (${b} AND ${c})`).expression)
  })

  it('row 19: 8,192 bytes are read, 8,193 are not', () => {
    const pad = (bytes: number) => `${REQUEST} StringEquals '${'a'.repeat(bytes - REQUEST.length - 16)}'`
    expect(pad(8192)).toHaveLength(8192)
    expect(parseCondition(pad(8192), 'azure').ok).toBe(true)
    expect(parseCondition(pad(8193), 'azure')).toMatchObject({ ok: false, error: { offset: 8192, length: 1 } })
    const wide = `${REQUEST} StringEquals '${'é'.repeat(4100)}'`
    expect(parseCondition(wide, 'strict')).toMatchObject({
      ok: false,
      error: { message: 'condition is longer than 8192 bytes' },
    })
  })
})

describe('acr-model 4.2, conditions found in the wild', () => {
  const block = (action: string) =>
    `( !(ActionMatches{'${REPOSITORIES}/${action}'}) OR ${REQUEST} StringStartsWithIgnoreCase 'apps/' )`
  const six = ['content/read', 'content/write', 'content/delete', 'metadata/read', 'metadata/write', 'metadata/delete']
  const sixBlocks = six.map(block).join(' AND ')

  it.each([
    {
      what: 'no ActionMatches at all',
      text: `${REQUEST} StringEquals 'app'`,
      action: 'content/read',
      name: 'app',
      expected: true,
    },
    {
      what: 'no ActionMatches at all',
      text: `${REQUEST} StringEquals 'app'`,
      action: 'content/write',
      name: 'apps',
      expected: false,
    },
    ...six.map((action) => ({ what: 'one block per action', text: sixBlocks, action, name: 'apps/a', expected: true })),
    ...six.map((action) => ({ what: 'one block per action', text: sixBlocks, action, name: 'other', expected: false })),
    { what: 'one block per action', text: sixBlocks, action: 'quarantine/read', name: 'other', expected: true },
    {
      what: 'no line breaks',
      text: sixBlocks.replaceAll(' AND ', 'AND').replaceAll(') OR ', ')OR'),
      action: 'content/read',
      name: 'other',
      expected: false,
    },
    { what: '\\r\\n', text: sixBlocks.replaceAll(' ', '\r\n'), action: 'content/read', name: 'apps/x', expected: true },
    {
      what: 'redundant parentheses',
      text: `((((${block('content/read')}))))`,
      action: 'content/read',
      name: 'other',
      expected: false,
    },
    {
      what: '@Resource',
      text: `!(ActionMatches{'${REPOSITORIES}/metadata/delete'}) OR (${RESOURCE} StringEquals 'app')`,
      action: 'metadata/delete',
      name: 'app',
      expected: true,
    },
    {
      what: '@Resource',
      text: `!(ActionMatches{'${REPOSITORIES}/metadata/delete'}) OR (${RESOURCE} StringEquals 'app')`,
      action: 'metadata/delete',
      name: 'b',
      expected: false,
    },
    {
      what: 'NOT Exists',
      text: `NOT Exists @Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name]`,
      action: 'content/read',
      name: 'a',
      expected: true,
    },
    {
      what: '!SubOperationMatches',
      text: "!SubOperationMatches{'Blob.List'}",
      action: 'content/read',
      name: 'a',
      expected: true,
    },
    {
      what: 'excluded suboperation',
      text: `!(ActionMatches{'${REPOSITORIES}/content/read'} AND NOT SubOperationMatches{'Blob.List'}) OR ${REQUEST} StringEquals 'a'`,
      action: 'content/read',
      name: 'b',
      expected: false,
    },
    {
      what: 'suboperation',
      text: `!(ActionMatches{'${REPOSITORIES}/content/read'} AND SubOperationMatches{'Blob.List'}) OR ${REQUEST} StringEquals 'a'`,
      action: 'content/read',
      name: 'b',
      expected: true,
    },
    {
      what: 'suboperation of 2021',
      text: `!(ActionMatches{'${REPOSITORIES}/content/read'} AND @Request[subOperation] ForAnyOfAnyValues:StringEqualsIgnoreCase {'Blob.List'}) OR ${REQUEST} StringEquals 'a'`,
      action: 'content/read',
      name: 'b',
      expected: true,
    },
    {
      what: 'NOT before a comparison',
      text: `NOT ${RESOURCE} StringStartsWithIgnoreCase '$'`,
      action: 'content/read',
      name: 'a',
      expected: true,
    },
    {
      what: 'lower case',
      text: `${REQUEST} stringEquals 'a' and not ${REQUEST} stringlike 'b*'`,
      action: 'content/read',
      name: 'a',
      expected: true,
    },
    {
      what: 'symbols',
      text: `${REQUEST} StringEquals 'a'&&!(${REQUEST} StringEquals 'b'||${REQUEST} StringEquals 'c')`,
      action: 'content/read',
      name: 'a',
      expected: true,
    },
    {
      what: 'attribute in another case',
      text: `@request[${REPOSITORIES.toUpperCase()}:NAME] StringEquals 'a'`,
      action: 'content/read',
      name: 'a',
      expected: true,
    },
  ])('decides $what: $text', ({ text, action, name, expected }) => {
    expect(granted(text, action, name)).toBe(expected)
  })

  it('reads storage attributes, which no registry request has', () => {
    const tags = `@Request[Microsoft.Storage/storageAccounts/blobServices/containers/blobs/tags`
    const text = `${tags}&$keys$&] ForAllOfAnyValues:StringEquals {'Project'} AND ${tags}:Project<$key_case_sensitive$>] StringEquals 'Cascade'`
    const { expression, warnings } = parse(text)
    expect(evaluate(expression, request('content/read', 'a'))).toBe(4)
    expect(warnings.map(({ offset, message }) => [offset, message.includes('never present here')])).toEqual([
      [0, true],
      [text.lastIndexOf('@Request'), true],
    ])
  })
})

describe('acr-model 4.8, templates', () => {
  const read = ['content/read', 'metadata/read']
  const writer = ['content/read', 'content/write', 'metadata/read', 'metadata/write']
  const contributor = [...writer, 'content/delete', 'metadata/delete']
  const prefix = (text: string) => `${REQUEST} StringStartsWithIgnoreCase '${text}'`
  const perAction = [
    guarded(read, `${RESOURCE} StringStartsWithIgnoreCase 'application/frontend/'`),
    guarded(
      ['content/write'],
      `${prefix('application/frontend/')} AND NOT ${REQUEST} StringEqualsIgnoreCase 'application/frontend/readonly'`,
    ),
    guarded(
      ['content/delete', 'metadata/delete'],
      `${RESOURCE} StringStartsWithIgnoreCase 'application/frontend/' AND NOT ${RESOURCE} StringEqualsIgnoreCase 'application/frontend/readonly'`,
    ),
  ].join(' AND ')
  const templates: Record<string, [text: string, ...rows: [action: string, name: string, expected: boolean][]]> = {
    'exact repository': [
      guarded(read, `${REQUEST} StringEqualsIgnoreCase 'hello-world'`),
      ['content/read', 'hello-world', true],
      ['metadata/read', 'hello-world2', false],
    ],
    prefix: [
      guarded(read, prefix('backend/')),
      ['content/read', 'backend/a/b', true],
      ['content/read', 'backend', false],
    ],
    'two prefixes': [
      guarded(read, `${prefix('backend/')} OR ${prefix('frontend/js/')}`),
      ['content/read', 'frontend/js/x', true],
      ['content/read', 'frontend/x', false],
    ],
    'repository and its children': [
      guarded(read, `${prefix('application/frontend/')} OR ${REQUEST} StringEqualsIgnoreCase 'application/frontend'`),
      ['content/read', 'application/frontend', true],
      ['content/read', 'application/frontend/x', true],
      ['content/read', 'application/frontend-x', false],
    ],
    writer: [
      guarded(writer, prefix('a/')),
      ['content/write', 'b', false],
      ['metadata/write', 'a/b', true],
      ['content/delete', 'b', true],
    ],
    contributor: [guarded(contributor, prefix('a/')), ['content/delete', 'b', false], ['metadata/delete', 'a/b', true]],
    'different rules per action': [
      perAction,
      ['content/read', 'application/frontend/readonly', true],
      ['content/write', 'application/frontend/readonly', false],
      ['content/write', 'application/frontend/x', true],
      ['metadata/delete', 'application/frontend/readonly', false],
      ['content/read', 'other', false],
    ],
    exclusion: [
      guarded(read, `NOT ${RESOURCE} StringEqualsIgnoreCase 'application/secret'`),
      ['content/read', 'application/secret', false],
      ['content/read', 'application', true],
    ],
    'wildcard in the middle': [
      guarded(read, `${REQUEST} StringLike 'team-*/app'`),
      ['content/read', 'team-a/app', true],
      ['content/read', 'team-a/b', false],
    ],
  }

  it.each(Object.entries(templates))('%s', (_, [text, ...rows]) => {
    const { expression, warnings } = parse(text)
    expect(warnings).toEqual([])
    for (const [action, name, expected] of rows) {
      expect([action, name, granted(text, action, name)]).toEqual([action, name, expected])
    }
    expect(parse(formatCondition(expression)).expression).toEqual(expression)
  })

  it.each([
    ['exact repository', [{ kind: 'exact', name: 'hello-world' }]],
    ['prefix', [{ kind: 'prefix', prefix: 'backend/' }]],
    [
      'two prefixes',
      [
        { kind: 'prefix', prefix: 'backend/' },
        { kind: 'prefix', prefix: 'frontend/js/' },
      ],
    ],
    [
      'repository and its children',
      [
        { kind: 'exact', name: 'application/frontend' },
        { kind: 'prefix', prefix: 'application/frontend/' },
      ],
    ],
  ])('%s becomes nothing but keys', (template, keys) => {
    expect(lowerName(parse(templates[template]?.[0] ?? '').expression, `${REPOSITORIES}/content/read`)).toEqual({
      keys,
    })
  })
})

describe('format', () => {
  it('writes the shape of the documents (acr-model 4.2)', () => {
    const text = guarded(['content/read', 'metadata/read'], `${REQUEST} StringEqualsIgnoreCase 'app'`)
    expect(formatCondition(parse(text).expression)).toBe(
      [
        '(',
        '  (',
        `    !(ActionMatches{'${REPOSITORIES}/content/read'})`,
        '    AND',
        `    !(ActionMatches{'${REPOSITORIES}/metadata/read'})`,
        '  )',
        '  OR',
        '  (',
        `    ${REQUEST} StringEqualsIgnoreCase 'app'`,
        '  )',
        ')',
      ].join('\n'),
    )
    expect(formatCondition(parse(text).expression, 'line')).toBe(
      `((${not('content/read', 'metadata/read')}) OR (${REQUEST} StringEqualsIgnoreCase 'app'))`,
    )
  })

  it.each([
    [`not not exists ${REQUEST}`, `!!(Exists ${REQUEST})`],
    [
      `1 numericequals 1 && (2 numericequals 2 && 3 numericequals 3)`,
      '1 NumericEquals 1 AND (2 NumericEquals 2 AND 3 NumericEquals 3)',
    ],
    [
      `(1 numericequals 1 && 2 numericequals 2) && 3 numericequals 3`,
      '1 NumericEquals 1 AND 2 NumericEquals 2 AND 3 NumericEquals 3',
    ],
    [`!(1 numericequals 1 || 2 numericequals 2)`, '!(1 NumericEquals 1 OR 2 NumericEquals 2)'],
    [
      `@principal[dockgate/CLAIMS:Team] foranyofanyvalues:stringequals {'a','b'}`,
      `@Principal[Dockgate/claims:Team] ForAnyOfAnyValues:StringEquals {'a', 'b'}`,
    ],
    [
      `@environment[utcnow] datetimelessthan '2026-01-01T00:00:00Z'`,
      `@Environment[UtcNow] DateTimeLessThan '2026-01-01T00:00:00Z'`,
    ],
    [
      `@Principal[Dockgate/claims:oid] guidequals 0F3C0000-0000-0000-0000-00000000000A`,
      `@Principal[Dockgate/claims:oid] GuidEquals 0f3c0000-0000-0000-0000-00000000000a`,
    ],
  ])('%s', (text, expected) => {
    expect(formatCondition(parse(text).expression, 'line')).toBe(expected)
  })

  it('writes a constant as a comparison of the same value', () => {
    expect(formatCondition({ type: 'constant', value: false })).toBe('true BoolEquals false')
  })
})
