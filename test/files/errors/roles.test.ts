/** What the author of a policy reads about mistakes in custom roles: places, codes, messages and hints. */
import { describe } from 'vitest'
import { type Mistake, reportsMistakes } from './reports-mistakes.ts'

const MISTAKES: readonly Mistake[] = [
  [
    `roles:
  - permissions: []`,
    ['a.yaml:2:5 missing_key: the role has no name (add Name)'],
  ],
  [
    `roles:
  - Name: X`,
    ['a.yaml:2:5 missing_key: the role has no permissions (add permissions, with actions or dataActions)'],
  ],
  [
    `roles:
  - Name: X
    Id: not-a-guid
    Actions: []`,
    ['a.yaml:3:9 guid_invalid: "not-a-guid" does not end in a GUID (remove Id, or copy it from Azure)'],
  ],
  [
    `roles:
  - Name: X
    Actions: [contents/read]`,
    ['a.yaml:3:15 permission_unknown: "contents/read" is not a permission (did you mean content/read?)'],
  ],
  [
    `roles:
  - Name: X
    Action: []`,
    ['a.yaml:3:5 unknown_key: unknown key "Action" (did you mean actions?)'],
  ],
  [
    `roles:
  - Name: AcrPull
    Actions: []`,
    ['a.yaml:2:5 duplicate_name: the role "AcrPull" is built in (give the custom role another name and GUID)'],
  ],
  [
    `roles:
  - Name: X
    Actions: []
  - Name: x
    Actions: []`,
    [
      'a.yaml:4:5 duplicate_name: the role "x" is defined twice, first at a.yaml:2:5 (rename one of them, or remove it)',
    ],
  ],
  [
    `roles:
  - Name: X
    Actions: []
    permissions: []`,
    ['a.yaml:2:5 ambiguous: actions are written both in permissions and next to it (keep permissions)'],
  ],
  [
    `roles:
  - Name: X
    permissions:
      - DataActions: [content/read]
        condition: "@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringEqual 'a'"`,
    ['a.yaml:5:88 condition_invalid: unknown operator StringEqual (did you mean StringEquals?)'],
  ],
  [
    `roles:
  - Name: X
    Actions: []
    IsCustom: maybe`,
    ['a.yaml:4:15 wrong_type: expected true or false, found text "maybe"'],
  ],
]

describe('the report about a custom role', () => reportsMistakes(MISTAKES))
