import { describe, expect, it } from 'vitest'
import { type ConditionProblem, NESTING_MAX, parseCondition } from '../../../src/policy/condition/parse.ts'

const NAME = '@Request[Microsoft.ContainerRegistry/registries/repositories:name]'
const ONE = '1 NumericEquals 1'

const shown = ({ offset, length, message, hint }: ConditionProblem): string =>
  `${offset}+${length} ${message}${hint === undefined ? '' : ` (${hint})`}`

/** `found` is the text the problem points at, `nth` occurrence from the left. */
const refusals: { text: string; offset: number; found: string; message: string; hint?: string }[] = [
  { text: '', offset: 0, found: '', message: 'condition is empty', hint: 'leave the condition out if there is none' },
  {
    text: ' \r\n\t',
    offset: 4,
    found: '',
    message: 'condition is empty',
    hint: 'leave the condition out if there is none',
  },
  { text: '(', offset: 1, found: '', message: 'expected an expression, found the end of the condition' },
  { text: '()', offset: 1, found: ')', message: 'expected an expression, found )' },
  {
    text: `(${ONE}`,
    offset: 18,
    found: '',
    message: 'expected AND, OR or ), found the end of the condition',
    hint: 'close the (, character 1 of the condition',
  },
  {
    text: `${ONE})`,
    offset: 17,
    found: ')',
    message: 'expected AND, OR or the end of the condition, found )',
    hint: 'remove it, or open it with (',
  },
  { text: `${ONE} ${ONE}`, offset: 18, found: '1', message: 'expected AND, OR or the end of the condition, found 1' },
  { text: `${ONE} AND`, offset: 21, found: '', message: 'expected an expression, found the end of the condition' },
  { text: `OR ${ONE}`, offset: 0, found: 'OR', message: 'expected an expression, found OR' },
  { text: `${ONE} AND OR ${ONE}`, offset: 22, found: 'OR', message: 'expected an expression, found OR' },
  { text: 'NOT', offset: 3, found: '', message: 'expected an expression, found the end of the condition' },
  {
    text: '1',
    offset: 1,
    found: '',
    message: 'expected an operator, found the end of the condition',
    hint: 'operators are words, such as StringEquals or NumericLessThan',
  },
  {
    text: '1 AND 1',
    offset: 2,
    found: 'AND',
    message: 'expected an operator, found AND',
    hint: 'operators are words, such as StringEquals or NumericLessThan',
  },
  {
    text: '1 = 1',
    offset: 2,
    found: '=',
    message: 'unexpected character =',
    hint: 'operators are words, such as StringEquals or NumericLessThan',
  },
  {
    text: '1 NumericEquals',
    offset: 15,
    found: '',
    message: 'expected a value or an attribute, found the end of the condition',
  },
  {
    text: '1 NumericEquals x',
    offset: 16,
    found: 'x',
    message: 'expected a value or an attribute, found x',
    hint: "text stands in quotes: 'text'",
  },
  // Attributes without their @.
  {
    text: "Request[Dockgate/request:tag] StringLike 'v'",
    offset: 0,
    found: 'Request[Dockgate/request:tag]',
    message: 'expected an expression, found Request[Dockgate/request:tag]',
    hint: 'write @Request[Dockgate/request:tag]',
  },
  {
    text: "request[dockgate/request:TAG] StringLike 'v'",
    offset: 0,
    found: 'request[dockgate/request:TAG]',
    message: 'expected an expression, found request[dockgate/request:TAG]',
    hint: 'write @Request[Dockgate/request:tag]',
  },
  {
    text: "Request[Dockgate/request:tga] StringLike 'v'",
    offset: 0,
    found: 'Request[Dockgate/request:tga]',
    message: 'expected an expression, found Request[Dockgate/request:tga]',
    hint: 'write @Request[Dockgate/request:tag]',
  },
  {
    text: "Resource[x] StringLike 'v'",
    offset: 0,
    found: 'Resource[x]',
    message: 'expected an expression, found Resource[x]',
    hint: 'write @Resource[x]',
  },
  {
    text: "Request StringLike 'v'",
    offset: 0,
    found: 'Request',
    message: 'expected an expression, found Request',
    hint: 'write @Request[name]',
  },
  {
    text: "Dockgate/request:clientIp IpInRange 'v'",
    offset: 0,
    found: 'Dockgate/request:clientIp',
    message: 'expected an expression, found Dockgate/request:clientIp',
    hint: 'write @Request[Dockgate/request:clientIp]',
  },
  {
    text: "Dockgate/claims:Env StringEquals 'v'",
    offset: 0,
    found: 'Dockgate/claims:Env',
    message: 'expected an expression, found Dockgate/claims:Env',
    hint: 'write @Principal[Dockgate/claims:Env]',
  },
  {
    text: "NOT (tag StringLike 'v')",
    offset: 5,
    found: 'tag',
    message: 'expected an expression, found tag',
    hint: 'write @Request[Dockgate/request:tag]',
  },
  {
    text: "'v' StringEquals mediatype",
    offset: 17,
    found: 'mediatype',
    message: 'expected a value or an attribute, found mediatype',
    hint: 'write @Request[Dockgate/request:mediaType]',
  },
  {
    text: 'Exists Environment[UtcNow]',
    offset: 7,
    found: 'Environment[UtcNow]',
    message: 'expected an attribute, found Environment[UtcNow]',
    hint: 'write @Environment[UtcNow]',
  },
  {
    text: 'Exists nothing',
    offset: 7,
    found: 'nothing',
    message: 'expected an attribute, found nothing',
    hint: 'write @Request[name]',
  },
  {
    text: "Claims[x] StringEquals 'v'",
    offset: 0,
    found: 'Claims[x]',
    message: 'expected an expression, found Claims[x]',
    hint: "text stands in quotes: 'text'",
  },
  {
    text: "name StringEquals 'v'",
    offset: 0,
    found: 'name',
    message: 'expected an expression, found name',
    hint: "text stands in quotes: 'text'",
  },
  {
    text: `${NAME} StringEqualIgnoreCase 'a'`,
    offset: 67,
    found: 'StringEqualIgnoreCase',
    message: 'unknown operator StringEqualIgnoreCase',
    hint: 'did you mean StringEqualsIgnoreCase?',
  },
  {
    text: `${NAME} StringContains 'a'`,
    offset: 67,
    found: 'StringContains',
    message: 'unknown operator StringContains',
    hint: 'operators are words, such as StringEquals or StringLike',
  },
  {
    text: `{1} ForAnyOfAnyValue:NumericEquals {1}`,
    offset: 4,
    found: 'ForAnyOfAnyValue',
    message: 'unknown quantifier ForAnyOfAnyValue',
    hint: 'did you mean ForAnyOfAnyValues?',
  },
  {
    text: `{1} Some:NumericEquals {1}`,
    offset: 4,
    found: 'Some',
    message: 'unknown quantifier Some',
    hint: 'quantifiers are ForAnyOfAnyValues, ForAllOfAnyValues, ForAnyOfAllValues, ForAllOfAllValues',
  },
  {
    text: `{1} ForAnyOfAnyValues:NumericEqual {1}`,
    offset: 22,
    found: 'NumericEqual',
    message: 'unknown operator NumericEqual',
    hint: 'did you mean NumericEquals?',
  },
  {
    text: `${NAME} ForAnyOfAnyValues:StringStartsWith {'a'}`,
    offset: 67,
    found: 'ForAnyOfAnyValues:StringStartsWith',
    message: 'StringStartsWith takes no quantifier',
    hint: 'StringLike takes one: end each pattern with *',
  },
  {
    text: `@Environment[UtcNow] ForAnyOfAnyValues:DateTimeEquals {'2026-01-01T00:00:00Z'}`,
    offset: 21,
    found: 'ForAnyOfAnyValues:DateTimeEquals',
    message: 'DateTimeEquals takes no quantifier',
    hint: 'compare single values, joined by AND or OR',
  },
  {
    text: `${NAME} StringEquals {'a', 'b'}`,
    offset: 80,
    found: "{'a', 'b'}",
    message: 'StringEquals compares single values, not sets',
    hint: 'write ForAnyOfAnyValues:StringEquals, or another quantifier',
  },
  {
    text: `${NAME} StringStartsWith {'a'}`,
    offset: 84,
    found: "{'a'}",
    message: 'StringStartsWith compares single values, not sets',
    hint: 'compare single values, joined by AND or OR',
  },
  {
    text: `{'10.0.0.1'} IpInRange '10.0.0.0/8'`,
    offset: 0,
    found: "{'10.0.0.1'}",
    message: 'IpInRange compares single values, not sets',
    hint: 'compare single values, joined by AND or OR',
  },
  {
    text: "1 NumericEquals '1'",
    offset: 16,
    found: "'1'",
    message: "NumericEquals needs an integer, found '1'",
    hint: 'write 1 without quotes',
  },
  {
    text: "1 NumericEquals 'one'",
    offset: 16,
    found: "'one'",
    message: "NumericEquals needs an integer, found 'one'",
    hint: 'use a String operator for text',
  },
  {
    text: "{1, 'x'} ForAnyOfAnyValues:NumericEquals {1}",
    offset: 4,
    found: "'x'",
    message: "NumericEquals needs an integer, found 'x'",
    hint: 'use a String operator for text',
  },
  {
    text: "'x' NumericEquals 1",
    offset: 0,
    found: "'x'",
    message: "NumericEquals needs an integer, found 'x'",
    hint: 'use a String operator for text',
  },
  {
    text: 'true NumericEquals 1',
    offset: 0,
    found: 'true',
    message: 'NumericEquals needs an integer, found true',
    hint: 'use an operator for booleans',
  },
  {
    text: '1 BoolEquals true',
    offset: 0,
    found: '1',
    message: 'BoolEquals needs true or false, found 1',
    hint: 'use an operator for integers',
  },
  {
    text: "true BoolEquals 'TRUE'",
    offset: 16,
    found: "'TRUE'",
    message: "BoolEquals needs true or false, found 'TRUE'",
    hint: 'write TRUE without quotes',
  },
  {
    text: "@Environment[isPrivateLink] BoolEquals 'x'",
    offset: 39,
    found: "'x'",
    message: "BoolEquals needs true or false, found 'x'",
    hint: 'use a String operator for text',
  },
  {
    text: `${NAME} StringEquals 5`,
    offset: 80,
    found: '5',
    message: 'StringEquals needs a string, found 5',
    hint: 'write it in quotes, as a string',
  },
  {
    text: "5 StringEquals '5'",
    offset: 0,
    found: '5',
    message: 'StringEquals needs a string, found 5',
    hint: 'write it in quotes, as a string',
  },
  {
    text: `${NAME} NumericEquals 5`,
    offset: 0,
    found: NAME,
    message: `NumericEquals cannot compare ${NAME}, a text`,
    hint: 'use a String operator',
  },
  {
    text: '@Principal[Dockgate/claims:sub] BoolEquals true',
    offset: 0,
    found: '@Principal[Dockgate/claims:sub]',
    message: 'BoolEquals cannot compare @Principal[Dockgate/claims:sub], a text',
    hint: 'use a String operator',
  },
  {
    text: "@Environment[UtcNow] StringLike '2026*'",
    offset: 0,
    found: '@Environment[UtcNow]',
    message: 'StringLike cannot compare @Environment[UtcNow], a date-time',
    hint: 'use a DateTime operator',
  },
  {
    text: "@Environment[UtcNow] DateTimeLessThan '2026-02-29T00:00:00Z'",
    offset: 38,
    found: "'2026-02-29T00:00:00Z'",
    message: "DateTimeLessThan needs a date-time such as '2026-01-31T12:00:00Z', found '2026-02-29T00:00:00Z'",
    hint: 'seconds and a zone (Z or +hh:mm) are required, a fraction has at most 7 digits',
  },
  {
    text: "'today' DateTimeLessThan '2026-01-31T12:00:00Z'",
    offset: 0,
    found: "'today'",
    message: "DateTimeLessThan needs a date-time such as '2026-01-31T12:00:00Z', found 'today'",
    hint: 'seconds and a zone (Z or +hh:mm) are required, a fraction has at most 7 digits',
  },
  {
    text: "@Request[Dockgate/request:clientIp] IpInRange '10.0.0.0/33'",
    offset: 46,
    found: "'10.0.0.0/33'",
    message: "IpInRange needs an IP range such as '192.0.2.0/24', found '10.0.0.0/33'",
    hint: 'no leading zeros, no zone id; a range is an address, a slash and the number of fixed bits',
  },
  {
    text: "@Request[Dockgate/request:clientIp] IpInRange {'10.0.0.0/8', '010.0.0.0/8'}",
    offset: 61,
    found: "'010.0.0.0/8'",
    message: "IpInRange needs an IP range such as '192.0.2.0/24', found '010.0.0.0/8'",
    hint: 'no leading zeros, no zone id; a range is an address, a slash and the number of fixed bits',
  },
  {
    text: "'10.0.0.0/8' IpInRange '10.0.0.0/8'",
    offset: 0,
    found: "'10.0.0.0/8'",
    message: "IpInRange needs an IP address such as '192.0.2.1', found '10.0.0.0/8'",
    hint: 'no leading zeros, no zone id; a range is an address, a slash and the number of fixed bits',
  },
  {
    text: "@Principal[Dockgate/claims:oid] GuidEquals '0f3c'",
    offset: 43,
    found: "'0f3c'",
    message: "GuidEquals needs a GUID, found '0f3c'",
    hint: 'a GUID has 8-4-4-4-12 hexadecimal digits',
  },
  {
    text: "1 GuidEquals '0f3c'",
    offset: 0,
    found: '1',
    message: 'GuidEquals needs a GUID, found 1',
    hint: 'use an operator for integers',
  },
  {
    text: '1 NumericEquals 9007199254740992',
    offset: 16,
    found: '9007199254740992',
    message: 'integer is too large',
    hint: 'between -9007199254740991 and 9007199254740991',
  },
  {
    text: `1 NumericEquals -${'9'.repeat(40)}`,
    offset: 16,
    found: `-${'9'.repeat(40)}`,
    message: 'integer is too large',
    hint: 'between -9007199254740991 and 9007199254740991',
  },
  {
    text: '1 NumericEquals 1.5',
    offset: 16,
    found: '1.5',
    message: 'expected a value or an attribute, found 1.5',
    hint: "text stands in quotes: 'text'",
  },
  {
    text: `${NAME} StringEquals 'it's'`,
    offset: 84,
    found: 's',
    message: "a string cannot hold a '",
    hint: 'the language has no way to write one',
  },
  {
    text: `${NAME} StringEquals 'it''s'`,
    offset: 84,
    found: "'s'",
    message: "a string cannot hold a '",
    hint: 'the language has no way to write one',
  },
  {
    text: "'it's' StringEquals 'x'",
    offset: 4,
    found: 's',
    message: "a string cannot hold a '",
    hint: 'the language has no way to write one',
  },
  {
    text: `${NAME} StringEquals 'a`,
    offset: 80,
    found: "'a",
    message: 'string is not closed on its line',
    hint: "end it with '",
  },
  {
    text: `${NAME} StringEquals 'a\r\n'`,
    offset: 80,
    found: "'a",
    message: 'string is not closed on its line',
    hint: "end it with '",
  },
  {
    text: `${NAME} StringEquals "a"`,
    offset: 80,
    found: '"',
    message: 'unexpected character "',
    hint: "strings stand between straight single quotes: 'text'",
  },
  {
    text: `${NAME} StringEquals ‘a’`,
    offset: 80,
    found: '‘',
    message: 'unexpected character ‘',
    hint: "strings stand between straight single quotes: 'text'",
  },
  {
    text: `${NAME}\u00a0StringEquals 'a'`,
    offset: 66,
    found: '\u00a0',
    message: 'unexpected character U+00A0',
    hint: 'use plain spaces and line breaks between words',
  },
  { text: `${ONE} & ${ONE}`, offset: 18, found: '&', message: 'unexpected character &', hint: 'write &&' },
  { text: `${ONE} \u{1f600}`, offset: 18, found: '\u{1f600}', message: 'unexpected character \u{1f600}' },
  {
    text: "@Context[x] StringEquals 'a'",
    offset: 0,
    found: '@Context',
    message: 'unknown attribute source @Context',
    hint: 'sources are @Request, @Resource, @Principal and @Environment',
  },
  {
    text: "@Request StringEquals 'a'",
    offset: 0,
    found: '@Request StringEquals',
    message: 'attribute is not complete',
    hint: 'write @Request[name]',
  },
  {
    text: "@Request[x StringEquals 'a'",
    offset: 0,
    found: '@Request[x StringEquals',
    message: 'attribute is not complete',
    hint: 'write @Request[name]',
  },
  {
    text: "@Request[ ] StringEquals 'a'",
    offset: 0,
    found: '@Request[ ]',
    message: 'attribute has no name',
    hint: 'write @Request[name]',
  },
  {
    text: "@Request[Dockgate/request:tga] StringLike 'v*'",
    offset: 0,
    found: '@Request[Dockgate/request:tga]',
    message: 'unknown attribute @Request[Dockgate/request:tga]',
    hint: 'did you mean @Request[Dockgate/request:tag]?',
  },
  {
    text: "@Resource[Dockgate/request:tag] StringLike 'v*'",
    offset: 0,
    found: '@Resource[Dockgate/request:tag]',
    message: 'unknown attribute @Resource[Dockgate/request:tag]',
    hint: 'did you mean @Request[Dockgate/request:tag]?',
  },
  {
    text: "@Principal[Dockgate/claims:] StringLike 'v*'",
    offset: 0,
    found: '@Principal[Dockgate/claims:]',
    message: 'unknown attribute @Principal[Dockgate/claims:]',
    hint: 'did you mean @Principal[Dockgate/claims:NAME]?',
  },
  {
    text: "@Request[Microsoft.ContainerRegistry/registries/repository:name] StringLike 'v*'",
    offset: 0,
    found: '@Request[Microsoft.ContainerRegistry/registries/repository:name]',
    message: 'unknown attribute @Request[Microsoft.ContainerRegistry/registries/repository:name]',
    hint: `did you mean ${NAME}?`,
  },
  {
    text: "@Request[flavour] StringLike 'v*'",
    offset: 0,
    found: '@Request[flavour]',
    message: 'unknown attribute @Request[flavour]',
    hint: 'docs/conditions.md lists the attributes of a request',
  },
  {
    text: 'ActionMatches(',
    offset: 13,
    found: '(',
    message: 'expected {, found (',
    hint: "write ActionMatches{'...'}",
  },
  {
    text: 'ActionMatches{}',
    offset: 14,
    found: '}',
    message: 'expected a string in quotes, found }',
    hint: "write ActionMatches{'...'}",
  },
  {
    text: "ActionMatches{'a'",
    offset: 17,
    found: '',
    message: 'expected , or }, found the end of the condition',
    hint: "write ActionMatches{'...'}",
  },
  {
    text: "ActionMatch{'a'}",
    offset: 0,
    found: 'ActionMatch',
    message: 'expected an expression, found ActionMatch',
    hint: 'did you mean ActionMatches?',
  },
  {
    text: "Exists 'a'",
    offset: 7,
    found: "'a'",
    message: "expected an attribute, found 'a'",
    hint: 'write @Request[name]',
  },
  {
    text: `{} ForAnyOfAnyValues:StringEquals {'a'}`,
    offset: 1,
    found: '}',
    message: 'expected a value, found }',
    hint: "a set holds values: {'a', 'b'}",
  },
  {
    text: `{'a', ${NAME}} ForAnyOfAnyValues:StringEquals {'a'}`,
    offset: 6,
    found: NAME,
    message: 'expected a value, found an attribute',
    hint: "a set holds values: {'a', 'b'}",
  },
  {
    text: `{'a' 'b'} ForAnyOfAnyValues:StringEquals {'a'}`,
    offset: 5,
    found: "'b'",
    message: "expected , or }, found 'b'",
    hint: "a set holds values: {'a', 'b'}",
  },
  {
    text: `${ONE} AND ${ONE} OR ${ONE}`,
    offset: 40,
    found: 'OR',
    message: 'AND and OR are mixed without parentheses',
    hint: 'write (a AND b) OR c, or a AND (b OR c)',
  },
  {
    text: `${'x'.repeat(8191)}\u00e9`,
    offset: 8191,
    found: '\u00e9',
    message: 'condition is longer than 8192 bytes',
    hint: 'split it over several role assignments: they add up',
  },
  {
    text: `(${ONE} || ${ONE} && ${ONE})`,
    offset: 40,
    found: '&&',
    message: 'AND and OR are mixed without parentheses',
    hint: 'write a OR (b AND c), or (a OR b) AND c',
  },
]

describe('parseCondition', () => {
  it.each(refusals)('refuses $text at $offset', ({ text, offset, found, message, hint }) => {
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
