/** Hints must be right: what they tell an author to write is read without the same complaint. */
import { describe, expect, it } from 'vitest'
import { readPolicies } from '../../../src/files/load.ts'
import { type Mistake, reportsMistakes } from './reports-mistakes.ts'

const TOKEN = (expires: string) =>
  `tokens:\n  ci: { scopeMap: _repositories_pull, credentials: { password1: { sha256: "${'0'.repeat(64)}", expires: ${expires} } } }`
const SCOPE_MAP = (line: string) => `scopeMaps: { m: { actions: [${line}] } }`
const CONFLICT =
  'merge_conflict: Git left a conflict here (resolve the conflict, then remove the lines <<<<<<<, ======= and >>>>>>>)'
const MERGE_KEY =
  'merge_key: this is a merge key, which YAML 1.2 does not have (write the keys out; an alias may only take the place of a whole value)'
const SLASHES = 'yaml_syntax: a comment cannot start with / (start comments with #)'

const ACTIONS: readonly (readonly [wrong: string, right: string])[] = [
  ['repository/dev/*/content/read', 'repositories/dev/*/content/read'],
  ['repo/dev/content/read', 'repositories/dev/content/read'],
  ['repos/dev/content/write', 'repositories/dev/content/write'],
  ['repositorys/dev/content/read', 'repositories/dev/content/read'],
  ['repositores/dev/content/read', 'repositories/dev/content/read'],
  ['Repository/Dev/*/Content/Read', 'repositories/dev/*/content/read'],
  ['/repository/dev/*/content/read', 'repositories/dev/*/content/read'],
  ['/repositories/dev/content/read', 'repositories/dev/content/read'],
  ['dev/*/content/read', 'repositories/dev/*/content/read'],
]

const TIMES: readonly (readonly [wrong: string, right: string])[] = [
  ['2027-03-01', '2027-03-01T00:00:00Z'],
  ['2027-03-01T10:00:00.250Z', '2027-03-01T10:00:00Z'],
]

const NUMBERS: readonly (readonly [wrong: string, right: string])[] = [
  ['1803859200', '2027-03-01T00:00:00Z'],
  ['1803859200000', '2027-03-01T00:00:00Z'],
  ['1803859200.75', '2027-03-01T00:00:00Z'],
]

const MISTAKES: readonly Mistake[] = [
  ...ACTIONS.map(
    ([wrong, right]): Mistake => [
      SCOPE_MAP(wrong),
      [`a.yaml:1:29 scope_map_action_invalid: "${wrong}" is not an action of a scope map (write ${right})`],
    ],
  ),
  ...TIMES.map(
    ([wrong, right]): Mistake => [
      TOKEN(wrong),
      [`a.yaml:2:152 time_invalid: "${wrong}" is not a time (did you mean ${right}?)`],
    ],
  ),
  ...NUMBERS.map(
    ([wrong, right]): Mistake => [
      TOKEN(wrong),
      [`a.yaml:2:152 wrong_type: expected text, found ${wrong} (write a time of RFC 3339: ${right})`],
    ],
  ),
  [TOKEN('-5'), ['a.yaml:2:152 wrong_type: expected text, found -5 (quote it: "-5")']],
  [
    'scopeMaps: { m: { description: 1.0, actions: [] } }',
    ['a.yaml:1:32 wrong_type: expected text, found 1 (quote it: "1.0")'],
  ],
  [
    'scopeMaps: { m: { description: 0x1F, actions: [] } }',
    ['a.yaml:1:32 wrong_type: expected text, found 31 (quote it: "0x1F")'],
  ],
  [
    'scopeMaps: { m: { description: 0123, actions: [] } }',
    ['a.yaml:1:32 wrong_type: expected text, found 123 (quote it: "0123")'],
  ],
  [
    'scopeMaps: { m: { description: True, actions: [] } }',
    ['a.yaml:1:32 wrong_type: expected text, found true (quote it: "True")'],
  ],
  [
    'scopeMaps: { m: { description: 12345678901234567890, actions: [] } }',
    ['a.yaml:1:32 wrong_type: expected text, found 12345678901234567000 (quote it: "12345678901234567890")'],
  ],
  [
    'roleAssignments:\n  - &base { principal: everyone, role: AcrPull }\n  - <<: *base\n    repositories: [a]',
    [`a.yaml:3:5 ${MERGE_KEY}`],
  ],
  ['tokens:\n  a: &a { scopeMap: _repositories_pull }\n  b: { <<: *a, status: disabled }', [`a.yaml:3:8 ${MERGE_KEY}`]],
  ['tokens:\n  a: &a { scopeMap: _repositories_pull }\n  b:\n    <<: [*a]', [`a.yaml:4:5 ${MERGE_KEY}`]],
  [
    '{\n  // who may pull\n  "tokens": {}\n}',
    ['a.yaml:2:3 unknown_key: a comment cannot start with / (start comments with #)'],
  ],
  ['{\n  "tokens": {} // none\n}', [`a.yaml:2:16 ${SLASHES}`]],
  ['/* who may pull */\ntokens: {}', [`a.yaml:1:1 ${SLASHES}`]],
  ['tokens: {}\n<<<<<<< HEAD\nroles: []\n=======\nroles: ~\n>>>>>>> theirs\n', [`a.yaml:2:1 ${CONFLICT}`]],
  ['roleAssignments: [\n<<<<<<< HEAD\na\n=======\nb\n>>>>>>> theirs\n]', [`a.yaml:2:1 ${CONFLICT}`]],
  ['tokens: {}\n>>>>>>> 1a2b3c4\n', [`a.yaml:2:1 ${CONFLICT}`]],
  ['tokens: {}\r\n<<<<<<<\r\nroles: []\r\n', [`a.yaml:2:1 ${CONFLICT}`]],
  ['tokens:\n  a: {}\n||||||| base\n', [`a.yaml:3:1 ${CONFLICT}`]],
]

describe('the hint about a common mistake', () => {
  reportsMistakes(MISTAKES)

  it.each(ACTIONS)('for the action %s is an action that is read', (_, right) => {
    expect(readPolicies([{ path: 'a.yaml', text: SCOPE_MAP(right) }]).problems).toEqual([])
  })

  it.each([...TIMES, ...NUMBERS])('for the time %s is a time that is read', (_, right) => {
    expect(readPolicies([{ path: 'a.yaml', text: TOKEN(right) }]).problems).toEqual([])
  })
})
