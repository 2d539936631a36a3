/** What the author of a policy reads about mistakes in scope maps: places, codes, messages and hints. */
import { describe } from 'vitest'
import { type Mistake, reportsMistakes } from './reports-mistakes.ts'

const MISTAKES: readonly Mistake[] = [
  [
    `scopeMaps:
  m: { actions: [repositories/app/content/reed] }`,
    [
      'a.yaml:2:18 scope_map_action_invalid: "content/reed" is not a permission of a scope map (did you mean repositories/app/content/read?)',
    ],
  ],
  [
    `scopeMaps:
  m: { actions: [repositories/app/metadata/delete] }`,
    [
      'a.yaml:2:18 scope_map_action_invalid: a scope map cannot grant metadata/delete (use content/delete, or a role assignment with a role that deletes metadata)',
    ],
  ],
  [
    `scopeMaps:
  m: { actions: [repositories/App/content/read] }`,
    ['a.yaml:2:18 pattern_invalid: "App" is not a repository pattern: repositories are lower-case (write app)'],
  ],
  [
    `scopeMaps:
  m: { actions: [repositories/app/Content/Read] }`,
    [
      'a.yaml:2:18 scope_map_action_invalid: "Content/Read" is not a permission of a scope map (did you mean repositories/app/content/read?)',
    ],
  ],
  [
    `scopeMaps:
  m: { actions: [app/content/read] }`,
    [
      'a.yaml:2:18 scope_map_action_invalid: "app/content/read" is not an action of a scope map (write repositories/app/content/read)',
    ],
  ],
  [
    `scopeMaps:
  m:
    actions:
      - repositories/team*/content/read
      - repositories/a/*/b/content/read
      - repositories/team//x/content/read`,
    [
      'a.yaml:4:9 pattern_invalid: "team*" is not a repository pattern: one * may stand alone or after the last slash (write team or team/*)',
      'a.yaml:5:9 pattern_invalid: "a/*/b" is not a repository pattern: one * may stand alone or after the last slash (elsewhere, use a condition with StringLike)',
      'a.yaml:6:9 pattern_invalid: "team//x" is not a repository pattern (write *, a repository name, or a prefix that ends in /*)',
    ],
  ],
  [
    `scopeMaps:
  m: { actions: [repositories/app/contentWrite] }`,
    [
      'a.yaml:2:18 scope_map_action_invalid: "repositories/app/contentWrite" is not an action of a scope map (write repositories/<repository>/content/read)',
    ],
  ],
  [
    `scopeMaps:
  m: { description: 5, actions: [] }`,
    ['a.yaml:2:21 wrong_type: expected text, found 5 (quote it: "5")'],
  ],
  [
    `scopeMaps:
  my map: { actions: [] }`,
    ['a.yaml:2:3 name_invalid: "my map" is not a name (use 1 to 50 letters, digits, - and _)'],
  ],
  [
    `scopeMaps:
  m: {}`,
    ['a.yaml:2:3 missing_key: actions is missing (add actions)'],
  ],
  [
    `scopeMaps:
  _repositories_pull: { actions: [] }`,
    ['a.yaml:2:3 reserved_name: _repositories_pull is a system-defined scope map (choose another name)'],
  ],
  [
    `scopeMaps:
  m: { actions: [/payments/*/content/read, repositories/payments/**/content/read, content/read, a] }`,
    [
      'a.yaml:2:18 scope_map_action_invalid: "/payments/*/content/read" is not an action of a scope map (write repositories/payments/*/content/read)',
      'a.yaml:2:44 pattern_invalid: "payments/**" is not a repository pattern: one * covers everything below (write payments/*)',
      'a.yaml:2:83 scope_map_action_invalid: "content/read" is not an action of a scope map (write repositories/<repository>/content/read)',
      'a.yaml:2:97 scope_map_action_invalid: "a" is not an action of a scope map (write repositories/<repository>/content/read)',
    ],
  ],
  [
    `scopeMaps:
  m: { actions: [Repositories/app/content/read] }`,
    [
      'a.yaml:2:18 scope_map_action_invalid: "Repositories/app/content/read" is not an action of a scope map (write repositories/app/content/read)',
    ],
  ],
  [
    `scopeMaps:
  m: { actions: [repositories/app/sign/write] }`,
    [
      'a.yaml:2:18 scope_map_action_invalid: "sign/write" is not a permission of a scope map (it ends in one of content/read, content/write, content/delete, metadata/read, metadata/write)',
    ],
  ],
  [
    `scopeMaps:
  m: { description: , actions: [] }`,
    ['a.yaml:2:21 wrong_type: expected text, found nothing (write a value, or remove the key)'],
  ],
]

describe('the report about a scope map', () => reportsMistakes(MISTAKES))
