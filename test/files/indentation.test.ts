/** Lines that stand wrongly: the line that is to blame is named, and where it should begin. */
import { describe, expect, it } from 'vitest'
import { readPolicies } from '../../src/files/load.ts'
import { shown } from './shown.ts'

const problemsOf = (lines: readonly string[]) =>
  readPolicies([{ path: 'a.yaml', text: lines.join('\n') }]).problems.map(shown)

const DEEPER = 'yaml_syntax: this line is indented deeper than its neighbours'
const START =
  'yaml_syntax: a mapping cannot start here (put the key on a line of its own, or quote a text that holds ": ")'
const NOT_BELOW = 'the next line is not indented below it: indent it, or remove the key'

describe('a line that stands wrongly', () => {
  it.each([
    [
      'a key below a value',
      ['tokens:', '  ci:', '    scopeMap: _repositories_pull', '      status: enabled'],
      [`a.yaml:4:7 ${DEEPER} (indent it by 4 spaces)`],
    ],
    [
      'behind a remark and an empty line',
      ['tokens:', '  ci:', '    scopeMap: _repositories_pull', '', '    # On.', '     status: enabled'],
      [`a.yaml:6:6 ${DEEPER} (indent it by 4 spaces)`],
    ],
    [
      'the second key of an item',
      ['roleAssignments:', '  - name: a', '      principal: everyone', '    role: AcrPull'],
      [`a.yaml:3:7 ${DEEPER} (indent it by 4 spaces)`],
    ],
    [
      'a quoted key',
      ['tokens:', '  "ci":', '    scopeMap: _repositories_pull', '     "status": enabled'],
      [`a.yaml:4:6 ${DEEPER} (indent it by 4 spaces)`],
    ],
    [
      'a key too far to the left',
      ['tokens:', '  ci:', '    scopeMap: _repositories_pull', '   status: enabled'],
      ['a.yaml:4:4 yaml_syntax: this line is indented by 3 spaces, as no line above it (indent it by 2 or 4 spaces)'],
    ],
    [
      'a key of an item too far to the left',
      ['roleAssignments:', '  - name: a', '   principal: everyone', '    role: AcrPull'],
      ['a.yaml:3:4 yaml_syntax: this line is indented by 3 spaces, as no line above it (indent it by 2 or 4 spaces)'],
    ],
    [
      'one space',
      ['registry:', '  service: x', ' mode: abac'],
      ['a.yaml:3:2 yaml_syntax: this line is indented by 1 space, as no line above it (indent it by 0 or 2 spaces)'],
    ],
    [
      'an item too far to the left',
      [
        'scopeMaps:',
        '  a:',
        '    actions:',
        '      - repositories/a/content/read',
        '     - repositories/b/content/read',
      ],
      ['a.yaml:5:6 yaml_syntax: this line is indented by 5 spaces, as no line above it (indent it by 4 or 6 spaces)'],
    ],
    [
      'an item too far to the right is text',
      ['scopeMaps:', '  a:', '    actions:', '    - repositories/a/content/read', '     - repositories/b/content/read'],
      [
        'a.yaml:4:7 scope_map_action_invalid: "repositories/a/content/read - repositories/b/content/read" is two lines in one (indent the - of each by as many spaces)',
      ],
    ],
    [
      'a key next to the one it belongs to',
      ['scopeMaps:', '  a:', '  b: { actions: [] }'],
      [`a.yaml:2:5 wrong_type: expected a mapping, found nothing (${NOT_BELOW})`],
    ],
    [
      'a list next to its key',
      ['scopeMaps:', '  a:', '    actions:', '    description: x'],
      [`a.yaml:3:13 wrong_type: expected a list, found nothing (${NOT_BELOW})`],
    ],
    [
      'keys of a mapping next to it',
      [
        'issuers: { g: { issuer: "https://g.example", audiences: [a] } }',
        'identities:',
        '  r:',
        '    issuer: g',
        '    claims:',
        '    repository: acme/web',
      ],
      [
        `a.yaml:5:12 wrong_type: expected a mapping, found nothing (${NOT_BELOW})`,
        'a.yaml:6:5 unknown_key: unknown key "repository" (indent it below claims, which is empty)',
      ],
    ],
    [
      'a key of a section next to it',
      ['registry:', 'service: x'],
      ['a.yaml:2:1 unknown_key: unknown key "service" (indent it below registry, which is empty)'],
    ],
    [
      'no space after a colon',
      ['tokens:', '  ci:', '    scopeMap:_repositories_pull'],
      [
        'a.yaml:3:5 wrong_type: expected a mapping, found text "scopeMap:_repositories_pull" (put a space after the colon)',
      ],
    ],
  ])('%s', (_, lines, expected) => {
    expect(problemsOf(lines)).toEqual(expected)
  })
})

describe('what is wrong for another reason', () => {
  it.each([
    ['two keys in a line', ['tokens:', '  ci: scopeMap: a', '    status: enabled'], [`a.yaml:2:7 ${START}`]],
    [
      'a list in brackets that goes on',
      ['registry: {', '  service: x,', '    mode abac }', 'tokens: x: y'],
      [`a.yaml:4:9 ${START}`],
    ],
    ['text that goes on in a deeper line', ['scopeMaps:', '  a: b: c', '       d'], [`a.yaml:2:6 ${START}`]],
  ])('%s', (_, lines, expected) => {
    expect(problemsOf(lines)).toEqual(expected)
  })

  it('is not told of lines that are right', () => {
    const lines = [
      'scopeMaps:',
      '  a:',
      '    description: long',
      '      text',
      '    actions:',
      '    - repositories/a/content/read',
    ]
    expect(problemsOf([...lines, 'tokens:', '    ci:', '         scopeMap: a'])).toEqual([])
  })
})
