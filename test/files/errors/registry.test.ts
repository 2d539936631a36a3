/** What the author of a policy reads about mistakes in the section `registry`: places, codes, messages and hints. */
import { describe } from 'vitest'
import { type Mistake, reportsMistakes } from './reports-mistakes.ts'

const MISTAKES: readonly Mistake[] = [
  [
    'registry: { service: again }',
    [
      'a.yaml:1:1 duplicate_name: the section "registry" is defined twice, first at 0.yaml:1:1 (rename one of them, or remove it)',
    ],
  ],
  [
    `registry:
  mode: rback`,
    ['a.yaml:2:9 not_allowed: "rback" is not one of abac, rbac (did you mean rbac?)'],
  ],
  [
    `registry:
  servic: x`,
    ['a.yaml:2:3 unknown_key: unknown key "servic" (did you mean service?)'],
  ],
  [
    `registry:
  service: [x]
  tokenLifetimeSeconds: 30`,
    [
      'a.yaml:2:12 wrong_type: expected text, found a list',
      'a.yaml:3:25 out_of_range: 30 is too small (write at least 60)',
    ],
  ],
  [
    `registry:
  service: x
  tokenLifetimeSeconds: 3601`,
    ['a.yaml:3:25 out_of_range: 3601 is too large (write at most 3600)'],
  ],
  [
    `registry:
  service: x
  tokenLifetimeSeconds: 1.5`,
    ['a.yaml:3:25 wrong_type: expected a whole number, found 1.5'],
  ],
  [
    `registry:
  service: x
  tokenLifetimeSeconds: 15m`,
    ['a.yaml:3:25 wrong_type: expected a whole number, found text "15m"'],
  ],
  [
    `registry:
  service: ""
  catalog: all
  mode: legacy`,
    [
      'a.yaml:2:12 empty: the text is empty (write a value, or remove the key)',
      'a.yaml:3:12 not_allowed: "all" is not one of filtered, exact (write filtered or exact)',
      'a.yaml:4:9 not_allowed: "legacy" is not one of abac, rbac (write abac or rbac)',
    ],
  ],
  [
    `registry:
  service: x
  anonymous: repositories/*/content/read`,
    [
      'a.yaml:3:14 wrong_type: expected a list, found text "repositories/*/content/read" (write a list: [repositories/*/content/read])',
    ],
  ],
  [
    `registry:
  service: x
  entraIssuer: entra`,
    ['a.yaml:3:16 unknown_issuer: no issuer is named "entra" (none is defined)'],
  ],
]

describe('the report about the section registry', () => reportsMistakes(MISTAKES))
