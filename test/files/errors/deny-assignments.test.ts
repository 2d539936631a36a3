/** What the author of a policy reads about mistakes in deny assignments: places, codes, messages and hints. */
import { describe } from 'vitest'
import { type Mistake, reportsMistakes } from './reports-mistakes.ts'

const MISTAKES: readonly Mistake[] = [
  [
    `denyAssignments:
  - principals: []
    permissions: [content/read]`,
    ['a.yaml:2:17 empty: the list is empty (name at least one)'],
  ],
  [
    `denyAssignments:
  - principals: [everyone]
    permissions: [content/remove]`,
    [
      'a.yaml:3:19 permission_unknown: "content/remove" is not a permission (write one of content/read, content/write, content/delete, metadata/read, metadata/write, metadata/delete, quarantine/read, quarantine/write, sign/write, catalog/read, or a control-plane action in full)',
    ],
  ],
  [
    `denyAssignments:
  - principals: [everyone]
    permissions: [conten/*]`,
    ['a.yaml:3:19 permission_unknown: "conten/*" covers no permission (write e.g. content/*, */delete or *)'],
  ],
  [
    `denyAssignments:
  - principals: everyone
    permissions: [content/read]`,
    ['a.yaml:2:17 wrong_type: expected a list, found text "everyone" (write a list: [everyone])'],
  ],
  [
    `denyAssignments:
  - principals: [everyone]
    permissions: ["*"]
    repositories: []`,
    ['a.yaml:4:19 empty: the list is empty (name at least one)'],
  ],
  [
    `denyAssignments:
  - principals: [everyone]
    except: [group:nobody/1]
    permissions: ["*"]`,
    ['a.yaml:3:14 unknown_issuer: no issuer is named "nobody" (none is defined)'],
  ],
  [
    `denyAssignments:
  - principals: [everyone]
    permissions: ["*"]
    message: [x]`,
    ['a.yaml:4:14 wrong_type: expected text, found a list'],
  ],
]

describe('the report about a deny assignment', () => reportsMistakes(MISTAKES))
