/** What the author of a policy reads about files whose syntax or whose root is wrong: places, codes, messages and hints. */
import { describe } from 'vitest'
import { type Mistake, reportsMistakes } from './reports-mistakes.ts'

const MISTAKES: readonly Mistake[] = [
  [
    `tokens:
	ci: {}`,
    ['a.yaml:2:1 yaml_tab: a tab cannot indent (indent with spaces)'],
  ],
  [
    'tokens: [1',
    [
      'a.yaml:1:11 yaml_syntax: not valid YAML: flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
  ],
  [
    'a: b: c',
    [
      'a.yaml:1:4 yaml_syntax: a mapping cannot start here (put the key on a line of its own, or quote a text that holds ": ")',
    ],
  ],
  [
    `registry: {}
---
registry: {}`,
    ['a.yaml:2:1 yaml_documents: a second document starts here (put it into a file of its own)'],
  ],
  [
    `%YAML 1.1
---
tokens: {}`,
    ['a.yaml:1:1 yaml_version: the file asks for YAML 1.1 (remove %YAML: files are YAML 1.2)'],
  ],
  [
    '%YAML 3.0\n---\ntokens: {}',
    ['a.yaml:1:7 yaml_syntax: this is not a directive of YAML (remove the line, or quote a text that starts with %)'],
  ],
  [
    '%secret\n---\ntokens: {}',
    ['a.yaml:1:1 yaml_syntax: this is not a directive of YAML (remove the line, or quote a text that starts with %)'],
  ],
  [
    'scopeMaps: { m: { description: "C:\\query", actions: [] } }',
    [
      'a.yaml:1:35 yaml_syntax: this is not an escape sequence of YAML (write \\\\ for a backslash, or use single quotes)',
    ],
  ],
  [
    'roleAssignments: [*]',
    ["a.yaml:1:19 yaml_syntax: a plain * is an alias without a name (to mean every repository, quote it: '*')"],
  ],
  [
    'roleAssignments: *missing',
    [
      'a.yaml:1:18 alias_unknown: no anchor before this alias has its name (define the anchor first; to start a text with *, quote it)',
    ],
  ],
  [
    'roleAssignments: &a [*a]',
    [
      'a.yaml:1:22 alias_unknown: this alias is inside its own anchor (define the anchor first; to start a text with *, quote it)',
    ],
  ],
  [
    `roleAssignments:
  - principal: everyone
    role: AcrPull
    condition: @Request[x]`,
    ['a.yaml:4:16 yaml_syntax: plain text cannot start with @ (quote the text)'],
  ],
  [
    `roleAssignments:
  - principal: everyone
    role: AcrPull
    condition: !(ActionMatches{})`,
    ['a.yaml:4:16 yaml_tag: this is a YAML tag, which policy files do not use (to start a text with !, quote it)'],
  ],
  [
    'tokens: !!binary aGk=',
    ['a.yaml:1:9 yaml_tag: this is a YAML tag, which policy files do not use (to start a text with !, quote it)'],
  ],
  [
    `tokens:
  ci: { scopeMap: _repositories_pull }
  cj: {}
  ci: { scopeMap: _repositories_pull }`,
    ['a.yaml:4:3 duplicate_key: this key is here twice, first at a.yaml:2:3 (keep one of them)'],
  ],
  ['tokens: { __proto__: {} }', ['a.yaml:1:11 key_invalid: this cannot be a key (a key is plain text)']],
  [
    '- just text',
    [
      'a.yaml:1:3 azure_unknown: this is not an item of a list that Azure prints (lists of role assignments, role definitions, scope maps and tokens are understood)',
    ],
  ],
  ['just text', ['a.yaml:1:1 wrong_type: expected a mapping, found a single value']],
  ['rolAssignments: []', ['a.yaml:1:1 unknown_key: unknown key "rolAssignments" (did you mean roleAssignments?)']],
  [
    'wibble: []',
    [
      'a.yaml:1:1 unknown_key: this key is not known (known here: $schema, registry, scopeMaps, tokens, issuers, identities, roles, roleAssignments, denyAssignments, protections)',
    ],
  ],
  ['tokens: []', ['a.yaml:1:9 wrong_type: expected a mapping, found a list']],
  ['roles: {}', ['a.yaml:1:8 wrong_type: expected a list, found a mapping']],
]

describe('the report about a file', () => reportsMistakes(MISTAKES))
