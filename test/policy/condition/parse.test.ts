import { describe, expect, it } from 'vitest'
import { type ConditionProblem, NESTING_MAX, parseCondition } from '../../../src/policy/condition/parse.ts'

const NAME = '@Request[Microsoft.ContainerRegistry/registries/repositories:name]'
const ONE = '1 NumericEquals 1'

const shown = ({ offset, length, message, hint }: ConditionProblem): string =>
  `${offset}+${length} ${message}${hint === undefined ? '' : ` (${hint})`}`

/** `found` is the text the problem points at, `nth` occurrence from the left. */
const refusals: [text: string, offset: number, found: string, message: string, hint?: string][] = [
  ['', 0, '', 'condition is empty', 'leave the condition out if there is none'],
  [' \r\n\t', 4, '', 'condition is empty', 'leave the condition out if there is none'],
  ['(', 1, '', 'expected an expression, found the end of the condition'],
  ['()', 1, ')', 'expected an expression, found )'],
  [
    `(${ONE}`,
    18,
    '',
    'expected AND, OR or ), found the end of the condition',
    'close the (, character 1 of the condition',
  ],
  [`${ONE})`, 17, ')', 'expected AND, OR or the end of the condition, found )', 'remove it, or open it with ('],
  [`${ONE} ${ONE}`, 18, '1', 'expected AND, OR or the end of the condition, found 1'],
  [`${ONE} AND`, 21, '', 'expected an expression, found the end of the condition'],
  [`OR ${ONE}`, 0, 'OR', 'expected an expression, found OR'],
  [`${ONE} AND OR ${ONE}`, 22, 'OR', 'expected an expression, found OR'],
  ['NOT', 3, '', 'expected an expression, found the end of the condition'],
  [
    '1',
    1,
    '',
    'expected an operator, found the end of the condition',
    'operators are words, such as StringEquals or NumericLessThan',
  ],
  [
    '1 AND 1',
    2,
    'AND',
    'expected an operator, found AND',
    'operators are words, such as StringEquals or NumericLessThan',
  ],
  ['1 = 1', 2, '=', 'unexpected character =', 'operators are words, such as StringEquals or NumericLessThan'],
  ['1 NumericEquals', 15, '', 'expected a value or an attribute, found the end of the condition'],
  ['1 NumericEquals x', 16, 'x', 'expected a value or an attribute, found x', "text stands in quotes: 'text'"],
  // Attributes without their @.
  [
    "Request[Dockgate/request:tag] StringLike 'v'",
    0,
    'Request[Dockgate/request:tag]',
    'expected an expression, found Request[Dockgate/request:tag]',
    'write @Request[Dockgate/request:tag]',
  ],
  [
    "request[dockgate/request:TAG] StringLike 'v'",
    0,
    'request[dockgate/request:TAG]',
    'expected an expression, found request[dockgate/request:TAG]',
    'write @Request[Dockgate/request:tag]',
  ],
  [
    "Request[Dockgate/request:tga] StringLike 'v'",
    0,
    'Request[Dockgate/request:tga]',
    'expected an expression, found Request[Dockgate/request:tga]',
    'write @Request[Dockgate/request:tag]',
  ],
  ["Resource[x] StringLike 'v'", 0, 'Resource[x]', 'expected an expression, found Resource[x]', 'write @Resource[x]'],
  ["Request StringLike 'v'", 0, 'Request', 'expected an expression, found Request', 'write @Request[name]'],
  [
    "Dockgate/request:clientIp IpInRange 'v'",
    0,
    'Dockgate/request:clientIp',
    'expected an expression, found Dockgate/request:clientIp',
    'write @Request[Dockgate/request:clientIp]',
  ],
  [
    "Dockgate/claims:Env StringEquals 'v'",
    0,
    'Dockgate/claims:Env',
    'expected an expression, found Dockgate/claims:Env',
    'write @Principal[Dockgate/claims:Env]',
  ],
  ["NOT (tag StringLike 'v')", 5, 'tag', 'expected an expression, found tag', 'write @Request[Dockgate/request:tag]'],
  [
    "'v' StringEquals mediatype",
    17,
    'mediatype',
    'expected a value or an attribute, found mediatype',
    'write @Request[Dockgate/request:mediaType]',
  ],
  [
    'Exists Environment[UtcNow]',
    7,
    'Environment[UtcNow]',
    'expected an attribute, found Environment[UtcNow]',
    'write @Environment[UtcNow]',
  ],
  ['Exists nothing', 7, 'nothing', 'expected an attribute, found nothing', 'write @Request[name]'],
  [
    "Claims[x] StringEquals 'v'",
    0,
    'Claims[x]',
    'expected an expression, found Claims[x]',
    "text stands in quotes: 'text'",
  ],
  ["name StringEquals 'v'", 0, 'name', 'expected an expression, found name', "text stands in quotes: 'text'"],
  [
    `${NAME} StringEqualIgnoreCase 'a'`,
    67,
    'StringEqualIgnoreCase',
    'unknown operator StringEqualIgnoreCase',
    'did you mean StringEqualsIgnoreCase?',
  ],
  [
    `${NAME} StringContains 'a'`,
    67,
    'StringContains',
    'unknown operator StringContains',
    'operators are words, such as StringEquals or StringLike',
  ],
  [
    `{1} ForAnyOfAnyValue:NumericEquals {1}`,
    4,
    'ForAnyOfAnyValue',
    'unknown quantifier ForAnyOfAnyValue',
    'did you mean ForAnyOfAnyValues?',
  ],
  [
    `{1} Some:NumericEquals {1}`,
    4,
    'Some',
    'unknown quantifier Some',
    'quantifiers are ForAnyOfAnyValues, ForAllOfAnyValues, ForAnyOfAllValues, ForAllOfAllValues',
  ],
  [
    `{1} ForAnyOfAnyValues:NumericEqual {1}`,
    22,
    'NumericEqual',
    'unknown operator NumericEqual',
    'did you mean NumericEquals?',
  ],
  [
    `${NAME} ForAnyOfAnyValues:StringStartsWith {'a'}`,
    67,
    'ForAnyOfAnyValues:StringStartsWith',
    'StringStartsWith takes no quantifier',
    'StringLike takes one: end each pattern with *',
  ],
  [
    `@Environment[UtcNow] ForAnyOfAnyValues:DateTimeEquals {'2026-01-01T00:00:00Z'}`,
    21,
    'ForAnyOfAnyValues:DateTimeEquals',
    'DateTimeEquals takes no quantifier',
    'compare single values, joined by AND or OR',
  ],
  [
    `${NAME} StringEquals {'a', 'b'}`,
    80,
    "{'a', 'b'}",
    'StringEquals compares single values, not sets',
    'write ForAnyOfAnyValues:StringEquals, or another quantifier',
  ],
  [
    `${NAME} StringStartsWith {'a'}`,
    84,
    "{'a'}",
    'StringStartsWith compares single values, not sets',
    'compare single values, joined by AND or OR',
  ],
  [
    `{'10.0.0.1'} IpInRange '10.0.0.0/8'`,
    0,
    "{'10.0.0.1'}",
    'IpInRange compares single values, not sets',
    'compare single values, joined by AND or OR',
  ],
  ["1 NumericEquals '1'", 16, "'1'", "NumericEquals needs an integer, found '1'", 'write 1 without quotes'],
  [
    "1 NumericEquals 'one'",
    16,
    "'one'",
    "NumericEquals needs an integer, found 'one'",
    'use a String operator for text',
  ],
  [
    "{1, 'x'} ForAnyOfAnyValues:NumericEquals {1}",
    4,
    "'x'",
    "NumericEquals needs an integer, found 'x'",
    'use a String operator for text',
  ],
  ["'x' NumericEquals 1", 0, "'x'", "NumericEquals needs an integer, found 'x'", 'use a String operator for text'],
  ['true NumericEquals 1', 0, 'true', 'NumericEquals needs an integer, found true', 'use an operator for booleans'],
  ['1 BoolEquals true', 0, '1', 'BoolEquals needs true or false, found 1', 'use an operator for integers'],
  ["true BoolEquals 'TRUE'", 16, "'TRUE'", "BoolEquals needs true or false, found 'TRUE'", 'write TRUE without quotes'],
  [
    "@Environment[isPrivateLink] BoolEquals 'x'",
    39,
    "'x'",
    "BoolEquals needs true or false, found 'x'",
    'use a String operator for text',
  ],
  [`${NAME} StringEquals 5`, 80, '5', 'StringEquals needs a string, found 5', 'write it in quotes, as a string'],
  ["5 StringEquals '5'", 0, '5', 'StringEquals needs a string, found 5', 'write it in quotes, as a string'],
  [`${NAME} NumericEquals 5`, 0, NAME, `NumericEquals cannot compare ${NAME}, a text`, 'use a String operator'],
  [
    '@Principal[Dockgate/claims:sub] BoolEquals true',
    0,
    '@Principal[Dockgate/claims:sub]',
    'BoolEquals cannot compare @Principal[Dockgate/claims:sub], a text',
    'use a String operator',
  ],
  [
    "@Environment[UtcNow] StringLike '2026*'",
    0,
    '@Environment[UtcNow]',
    'StringLike cannot compare @Environment[UtcNow], a date-time',
    'use a DateTime operator',
  ],
  [
    "@Environment[UtcNow] DateTimeLessThan '2026-02-29T00:00:00Z'",
    38,
    "'2026-02-29T00:00:00Z'",
    "DateTimeLessThan needs a date-time such as '2026-01-31T12:00:00Z', found '2026-02-29T00:00:00Z'",
    'seconds and a zone (Z or +hh:mm) are required, a fraction has at most 7 digits',
  ],
  [
    "'today' DateTimeLessThan '2026-01-31T12:00:00Z'",
    0,
    "'today'",
    "DateTimeLessThan needs a date-time such as '2026-01-31T12:00:00Z', found 'today'",
    'seconds and a zone (Z or +hh:mm) are required, a fraction has at most 7 digits',
  ],
  [
    "@Request[Dockgate/request:clientIp] IpInRange '10.0.0.0/33'",
    46,
    "'10.0.0.0/33'",
    "IpInRange needs an IP range such as '192.0.2.0/24', found '10.0.0.0/33'",
    'no leading zeros, no zone id; a range is an address, a slash and the number of fixed bits',
  ],
  [
    "@Request[Dockgate/request:clientIp] IpInRange {'10.0.0.0/8', '010.0.0.0/8'}",
    61,
    "'010.0.0.0/8'",
    "IpInRange needs an IP range such as '192.0.2.0/24', found '010.0.0.0/8'",
    'no leading zeros, no zone id; a range is an address, a slash and the number of fixed bits',
  ],
  [
    "'10.0.0.0/8' IpInRange '10.0.0.0/8'",
    0,
    "'10.0.0.0/8'",
    "IpInRange needs an IP address such as '192.0.2.1', found '10.0.0.0/8'",
    'no leading zeros, no zone id; a range is an address, a slash and the number of fixed bits',
  ],
  [
    "@Principal[Dockgate/claims:oid] GuidEquals '0f3c'",
    43,
    "'0f3c'",
    "GuidEquals needs a GUID, found '0f3c'",
    'a GUID has 8-4-4-4-12 hexadecimal digits',
  ],
  ["1 GuidEquals '0f3c'", 0, '1', 'GuidEquals needs a GUID, found 1', 'use an operator for integers'],
  [
    '1 NumericEquals 9007199254740992',
    16,
    '9007199254740992',
    'integer is too large',
    'between -9007199254740991 and 9007199254740991',
  ],
  [
    `1 NumericEquals -${'9'.repeat(40)}`,
    16,
    `-${'9'.repeat(40)}`,
    'integer is too large',
    'between -9007199254740991 and 9007199254740991',
  ],
  ['1 NumericEquals 1.5', 16, '1.5', 'expected a value or an attribute, found 1.5', "text stands in quotes: 'text'"],
  [`${NAME} StringEquals 'it's'`, 84, 's', "a string cannot hold a '", 'the language has no way to write one'],
  [`${NAME} StringEquals 'it''s'`, 84, "'s'", "a string cannot hold a '", 'the language has no way to write one'],
  ["'it's' StringEquals 'x'", 4, 's', "a string cannot hold a '", 'the language has no way to write one'],
  [`${NAME} StringEquals 'a`, 80, "'a", 'string is not closed on its line', "end it with '"],
  [`${NAME} StringEquals 'a\r\n'`, 80, "'a", 'string is not closed on its line', "end it with '"],
  [
    `${NAME} StringEquals "a"`,
    80,
    '"',
    'unexpected character "',
    "strings stand between straight single quotes: 'text'",
  ],
  [
    `${NAME} StringEquals ‘a’`,
    80,
    '‘',
    'unexpected character ‘',
    "strings stand between straight single quotes: 'text'",
  ],
  [
    `${NAME}\u00a0StringEquals 'a'`,
    66,
    '\u00a0',
    'unexpected character U+00A0',
    'use plain spaces and line breaks between words',
  ],
  [`${ONE} & ${ONE}`, 18, '&', 'unexpected character &', 'write &&'],
  [`${ONE} \u{1f600}`, 18, '\u{1f600}', 'unexpected character \u{1f600}'],
  [
    "@Context[x] StringEquals 'a'",
    0,
    '@Context',
    'unknown attribute source @Context',
    'sources are @Request, @Resource, @Principal and @Environment',
  ],
  ["@Request StringEquals 'a'", 0, '@Request StringEquals', 'attribute is not complete', 'write @Request[name]'],
  ["@Request[x StringEquals 'a'", 0, '@Request[x StringEquals', 'attribute is not complete', 'write @Request[name]'],
  ["@Request[ ] StringEquals 'a'", 0, '@Request[ ]', 'attribute has no name', 'write @Request[name]'],
  [
    "@Request[Dockgate/request:tga] StringLike 'v*'",
    0,
    '@Request[Dockgate/request:tga]',
    'unknown attribute @Request[Dockgate/request:tga]',
    'did you mean @Request[Dockgate/request:tag]?',
  ],
  [
    "@Resource[Dockgate/request:tag] StringLike 'v*'",
    0,
    '@Resource[Dockgate/request:tag]',
    'unknown attribute @Resource[Dockgate/request:tag]',
    'did you mean @Request[Dockgate/request:tag]?',
  ],
  [
    "@Principal[Dockgate/claims:] StringLike 'v*'",
    0,
    '@Principal[Dockgate/claims:]',
    'unknown attribute @Principal[Dockgate/claims:]',
    'did you mean @Principal[Dockgate/claims:NAME]?',
  ],
  [
    "@Request[Microsoft.ContainerRegistry/registries/repository:name] StringLike 'v*'",
    0,
    '@Request[Microsoft.ContainerRegistry/registries/repository:name]',
    'unknown attribute @Request[Microsoft.ContainerRegistry/registries/repository:name]',
    `did you mean ${NAME}?`,
  ],
  [
    "@Request[flavour] StringLike 'v*'",
    0,
    '@Request[flavour]',
    'unknown attribute @Request[flavour]',
    'docs/conditions.md lists the attributes of a request',
  ],
  ['ActionMatches(', 13, '(', 'expected {, found (', "write ActionMatches{'...'}"],
  ['ActionMatches{}', 14, '}', 'expected a string in quotes, found }', "write ActionMatches{'...'}"],
  ["ActionMatches{'a'", 17, '', 'expected , or }, found the end of the condition', "write ActionMatches{'...'}"],
  ["ActionMatch{'a'}", 0, 'ActionMatch', 'expected an expression, found ActionMatch', 'did you mean ActionMatches?'],
  ["Exists 'a'", 7, "'a'", "expected an attribute, found 'a'", 'write @Request[name]'],
  [`{} ForAnyOfAnyValues:StringEquals {'a'}`, 1, '}', 'expected a value, found }', "a set holds values: {'a', 'b'}"],
  [
    `{'a', ${NAME}} ForAnyOfAnyValues:StringEquals {'a'}`,
    6,
    NAME,
    'expected a value, found an attribute',
    "a set holds values: {'a', 'b'}",
  ],
  [
    `{'a' 'b'} ForAnyOfAnyValues:StringEquals {'a'}`,
    5,
    "'b'",
    "expected , or }, found 'b'",
    "a set holds values: {'a', 'b'}",
  ],
  [
    `${ONE} AND ${ONE} OR ${ONE}`,
    40,
    'OR',
    'AND and OR are mixed without parentheses',
    'write (a AND b) OR c, or a AND (b OR c)',
  ],
  [
    `${'x'.repeat(8191)}\u00e9`,
    8191,
    '\u00e9',
    'condition is longer than 8192 bytes',
    'split it over several role assignments: they add up',
  ],
  [
    `(${ONE} || ${ONE} && ${ONE})`,
    40,
    '&&',
    'AND and OR are mixed without parentheses',
    'write a OR (b AND c), or (a OR b) AND c',
  ],
]

describe('parseCondition', () => {
  it.each(refusals)('refuses %j at %i', (text, offset, found, message, hint) => {
    const parsed = parseCondition(text, 'strict')
    expect(parsed.ok ? [] : [shown(parsed.error)]).toEqual([
      shown({ offset, length: found.length, message, ...(hint === undefined ? {} : { hint }) }),
    ])
    expect(text.slice(offset, offset + found.length)).toBe(found)
  })

  it.each([
    [
      '@Environment[isPrivateLink] BoolEquals true',
      '0+27 @Environment[isPrivateLink] is never present here, so comparing it grants nothing',
    ],
    [
      "@Environment[Microsoft.Network/virtualNetworks/subnets] StringEqualsIgnoreCase '/x'",
      '0+55 @Environment[Microsoft.Network/virtualNetworks/subnets] is never present here, so comparing it grants nothing',
    ],
    [
      "@Principal[Microsoft.Directory/CustomSecurityAttributes/Id:Team_Name] StringEquals 'x'",
      '0+69 @Principal[Microsoft.Directory/CustomSecurityAttributes/Id:Team_Name] is never present here, so comparing it grants nothing',
    ],
    [
      "@Request[subOperation] ForAnyOfAnyValues:StringEqualsIgnoreCase {'x'}",
      '0+22 registries have no suboperations, so this matches nothing (remove it)',
    ],
    ["SubOperationMatches{'x'}", '0+19 registries have no suboperations, so this matches nothing (remove it)'],
    [
      `${NAME} StringEquals 'App'`,
      '80+5 repository names are lower case, so StringEquals never finds one here (use StringEqualsIgnoreCase)',
    ],
    [
      `${NAME} ForAnyOfAnyValues:StringLike {'a', 'B*'}`,
      '102+4 repository names are lower case, so StringLike never finds one here (use StringLikeIgnoreCase)',
    ],
  ])('warns of %s', (text, warning) => {
    const parsed = parseCondition(text, 'strict')
    expect(parsed.ok && parsed.value.warnings.map(shown)).toEqual([warning])
  })

  it.each([
    [
      "ActionMatches{'content/read'}",
      "14+14 'content/read' matches no data action, so it targets nothing: what it should guard is granted without this condition (did you mean 'Microsoft.ContainerRegistry/registries/repositories/content/read'?)",
    ],
    [
      "ActionMatches{'Microsoft.ContainerRegistry/registries/repositories/content/raed'}",
      "14+66 'Microsoft.ContainerRegistry/registries/repositories/content/raed' matches no data action, so it targets nothing: what it should guard is granted without this condition (did you mean 'Microsoft.ContainerRegistry/registries/repositories/content/read'?)",
    ],
    [
      "ActionMatches{'repositories/x'}",
      "14+16 'repositories/x' matches no data action, so it targets nothing: what it should guard is granted without this condition (actions are spelled like Microsoft.ContainerRegistry/registries/repositories/content/read)",
    ],
    [
      "ActionMatches{'*/content/read', 'catalog/read'}",
      "32+14 'catalog/read' matches no data action, so it targets nothing: what it should guard is granted without this condition (did you mean 'Microsoft.ContainerRegistry/registries/catalog/read'?)",
    ],
    [
      `!(ActionMatches{'content/read'}) OR ${NAME} StringEquals 'a'`,
      "16+14 'content/read' matches no data action, so it targets nothing: what it should guard is granted without this condition (did you mean 'Microsoft.ContainerRegistry/registries/repositories/content/read'?)",
    ],
  ])('refuses an action that guards nothing, and in an exported list only warns of it: %s', (text, problem) => {
    const strict = parseCondition(text, 'strict')
    expect(strict.ok ? 'accepted' : shown(strict.error)).toEqual(problem)
    const exported = parseCondition(text, 'azure')
    expect(exported.ok && exported.value.warnings.map(shown)).toEqual([problem])
  })

  it.each(['metadata/read', 'pull/read', 'artifacts/delete', 'importImage/action', 'deleted/read'])(
    'takes the control-plane action %s as it is',
    (action) => {
      const parsed = parseCondition(`ActionMatches{'Microsoft.ContainerRegistry/registries/${action}'}`, 'strict')
      expect(parsed.ok && parsed.value.warnings).toEqual([])
    },
  )

  it.each([
    [
      "@Request[Dockgate/request:tga] StringLike 'v*'",
      '0+30 @Request[Dockgate/request:tga] is never present here, so comparing it grants nothing (did you mean @Request[Dockgate/request:tag]?)',
    ],
    [
      "@Request[flavour] StringLike 'v*'",
      '0+17 @Request[flavour] is never present here, so comparing it grants nothing (docs/conditions.md lists the attributes of a request)',
    ],
    [
      `${ONE} AND ${ONE} OR ${ONE} AND ${ONE}`,
      '40+2 AND and OR are mixed without parentheses; AND is taken first (write (a AND b) OR c, or a AND (b OR c))',
    ],
  ])('only warns of %s in what Azure accepted', (text, warning) => {
    const parsed = parseCondition(text, 'azure')
    expect(parsed.ok && parsed.value.warnings.map(shown)).toEqual([warning])
    expect(parseCondition(text, 'strict').ok).toBe(false)
  })

  it('keeps zero one number', () => {
    expect(parseCondition('-0 NumericEquals 007', 'strict')).toMatchObject({
      value: { expression: { left: { value: 0 }, right: { value: 7 } } },
    })
  })

  it.each(['(', '!', 'NOT ', '!('])('bounds the nesting of %s', (opening) => {
    const nested = (levels: number) => {
      const closing = opening.includes('(') ? ')'.repeat(levels) : ''
      return `${opening.repeat(levels)}${ONE}${closing}`
    }
    const most = NESTING_MAX / (opening === '!(' ? 2 : 1)
    expect(parseCondition(nested(most), 'strict').ok).toBe(true)
    for (const levels of [most + 1, 1000]) {
      const parsed = parseCondition(nested(levels), 'azure')
      const opened = opening.length === 2 ? 1 : opening.trim().length
      expect(parsed.ok ? '' : shown(parsed.error)).toEqual(
        `${most * opening.length}+${opened} condition nests deeper than 200 levels (remove parentheses and negations that change nothing)`,
      )
    }
  })

  it.each([
    ['parentheses', '('.repeat(8192)],
    ['negations', '!'.repeat(8192)],
    ['quotes', "'".repeat(8192)],
    ['attributes', '@'.repeat(8192)],
    ['an open attribute', `@Request[${'x'.repeat(8000)}`],
    ['operators', '&&'.repeat(4096)],
    ['a long word', 'x'.repeat(8192)],
    ['a long name', `@Request[${'Dockgate/'.repeat(900)}] StringEquals 'a'`],
    ['a long chain', Array(390).fill(ONE).join(' OR ')],
    ['many mistakes', Array(270).fill("@Request[q] StringEquals 'x'").join('&&')],
    ['far too much', '('.repeat(5_000_000)],
  ])('reads %s at once', (_, text) => {
    const started = performance.now()
    parseCondition(text, 'azure')
    parseCondition(text, 'strict')
    expect(performance.now() - started).toBeLessThan(250)
  })
})
