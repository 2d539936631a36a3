/** What the author of a policy reads about mistakes in tokens: places, codes, messages and hints. */
import { describe } from 'vitest'
import { type Mistake, reportsMistakes } from './reports-mistakes.ts'

const MISTAKES: readonly Mistake[] = [
  [
    `tokens:
  ci: _repositories_pull`,
    ['a.yaml:2:7 wrong_type: expected a mapping, found text "_repositories_pull"'],
  ],
  [
    `tokens:
  ci: { scopeMap: _repository_pull }`,
    ['a.yaml:2:19 unknown_scope_map: no scope map is named "_repository_pull" (did you mean _repositories_pull?)'],
  ],
  [
    `tokens:
  ci: { scopeMap: nothing-like-it }`,
    [
      'a.yaml:2:19 unknown_scope_map: no scope map is named "nothing-like-it" (defined: _repositories_admin, _repositories_pull, _repositories_pull_metadata_read, _repositories_push, _repositories_push_metadata_write)',
    ],
  ],
  [
    `tokens:
  ci: {}`,
    [
      'a.yaml:2:3 missing_key: scopeMap is missing (add scopeMap: what the token may do; one with `actions: []` leaves that to role assignments)',
    ],
  ],
  [
    `tokens:
  ci: { scopeMap: _repositories_pull, status: enable }`,
    ['a.yaml:2:47 not_allowed: "enable" is not one of enabled, disabled (did you mean enabled?)'],
  ],
  [
    `tokens:
  ci: { scopeMap: _repositories_pull, credentials: { password1: { sha256: abc } } }`,
    [
      'a.yaml:2:75 sha256_invalid: a SHA-256 has 64 hex digits, this text has 3 characters (make it with `dockgate token create` or `printf %s "$SECRET" | sha256sum`; never write the secret itself)',
    ],
  ],
  [
    `tokens:
  ci: { scopeMap: _repositories_pull, credentials: { password3: {} } }`,
    ['a.yaml:2:54 unknown_key: unknown key "password3" (did you mean password1?)'],
  ],
  [
    `tokens:
  ci: { scopeMap: _repositories_pull, credentials: { password1: { sha256: "0000000000000000000000000000000000000000000000000000000000000000", expires: 2027-03-01 } } }`,
    ['a.yaml:2:152 time_invalid: "2027-03-01" is not a time (did you mean 2027-03-01T00:00:00Z?)'],
  ],
  [
    `tokens:
  ci: { scopeMap: _repositories_pull, credentials: { password1: { sha256: "0000000000000000000000000000000000000000000000000000000000000000", expires: 2027-02-30T00:00:00Z } } }`,
    [
      'a.yaml:2:152 time_invalid: "2027-02-30T00:00:00Z" is not a time (write RFC 3339 in whole seconds, e.g. 2027-03-01T00:00:00Z)',
    ],
  ],
  [
    `tokens:
  ci: { scopeMap: _repositories_pull, credentials: { password1: { password: hunter2 } } }`,
    [
      'a.yaml:2:54 missing_key: sha256 is missing (add sha256)',
      'a.yaml:2:67 unknown_key: unknown key "password" (known here: sha256, expires)',
    ],
  ],
]

describe('the report about a token', () => reportsMistakes(MISTAKES))
