/** What is wrong or odd in sets of several files: in lists of Azure, in decision tests, and where files speak of one another. */
import { expect, it } from 'vitest'
import { readPolicies } from '../../src/files/load.ts'
import { shown } from './shown.ts'

const REGISTRY = 'registry: { service: contoso.azurecr.io }\n'
const ISSUER = 'issuers: { entra: { issuer: "https://login.example/v2.0", audiences: [a], subjectClaim: oid } }\n'
const OWN = { 'own.yaml': REGISTRY + ISSUER }
const ROOT = '/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries'

/** Each key on a line of its own: `scope` is on line 8. */
const assignment = (change: object = {}) => ({
  name: 'one',
  principalId: 'a1',
  principalType: 'User',
  condition: null,
  roleDefinitionName: 'AcrPull',
  scope: `${ROOT}/contoso`,
  ...change,
})
const map = (change: object = {}) => ({
  id: `${ROOT}/contoso/scopeMaps/m`,
  name: 'm',
  actions: ['repositories/a/content/read'],
  scopeMapType: 'UserDefined',
  ...change,
})
const token = (change: object = {}) => ({
  id: `${ROOT}/contoso/tokens/edge`,
  name: 'edge',
  scopeMapId: `${ROOT}/contoso/scopeMaps/m`,
  status: 'enabled',
  ...change,
})
const list = (...items: readonly object[]): string => JSON.stringify(items, null, 2)
const NO_PASSWORD =
  'warning: t.json:2:3 token_without_password: Azure does not export the passwords of edge: nobody can use it yet (add `tokens: { edge: { credentials: ... } }` to a file of yours)'
const PASSWORD = `{ credentials: { password1: { sha256: "${'0'.repeat(64)}" } } }`

const test = (text: string) => ({ 'own.yaml': REGISTRY, 'a.test.yaml': `tests:\n  - { ${text} }` })

it.each<[string, Readonly<Record<string, string>>, readonly string[]]>([
  [
    'an empty file',
    { 'own.yaml': REGISTRY, 'z.json': '' },
    ['z.json:1:1 json_syntax: the file ends here, a value is missing (the file may have been cut off: write it again)'],
  ],
  [
    'nothing at all',
    { 'a.yaml': 'tokens: {}' },
    [
      '.:1:1 nothing_declared: no file declares anything (add a file with `registry: { service: <host name of the gate> }`, and who may do what)',
    ],
  ],
  [
    'a condition in rbac mode',
    {
      'a.yaml': `registry: { mode: rbac }
roleAssignments:
  - principal: everyone
    role: AcrPull
    condition: "@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringEquals 'a'"
    repositories: [a]`,
    },
    [
      'a.yaml:5:5 mode_rbac: condition has no effect in rbac mode (remove condition, or set registry.mode to abac; in a registry in rbac mode every role is for all repositories)',
      'a.yaml:6:5 mode_rbac: repositories has no effect in rbac mode (remove repositories, or set registry.mode to abac; in a registry in rbac mode every role is for all repositories)',
    ],
  ],
  [
    'a condition that is doubtful',
    {
      'a.yaml': `${REGISTRY}roleAssignments:
  - principal: everyone
    role: AcrPull
    condition: SubOperationMatches{'x'}`,
    },
    ['warning: a.yaml:5:16 condition_doubtful: registries have no suboperations, so this matches nothing (remove it)'],
  ],
  [
    'a subject with a wildcard',
    { 'own.yaml': REGISTRY + ISSUER, 'a.yaml': 'identities: { i: { issuer: entra, subject: "x*" } }' },
    [
      'warning: a.yaml:1:44 subject_wildcard: subject is compared exactly, * is not a wildcard here (patterns go into claims, e.g. claims: { sub: ... })',
    ],
  ],
  [
    'a line about a gateway',
    { 'a.yaml': `${REGISTRY}scopeMaps: { m: { actions: [gateway/g/config/read] } }` },
    [
      'warning: a.yaml:2:29 gateway_action: actions of gateways (connected registries) mean nothing here (it grants nothing)',
    ],
  ],
  [
    'no issuer of Azure',
    { 'own.yaml': REGISTRY, 'a.json': list(assignment()) },
    [
      'a.json:2:3 entra_issuer_missing: no issuer is said to vouch for the principals of Azure (define an issuer with subjectClaim: oid)',
    ],
  ],
  [
    'two issuers of Azure',
    {
      'own.yaml': `${REGISTRY}issuers:
  a: { issuer: "https://a.example", audiences: [a], subjectClaim: oid }
  b: { issuer: "https://b.example", audiences: [a], subjectClaim: oid }`,
      'a.json': list(assignment()),
    },
    [
      'a.json:2:3 entra_issuer_missing: several issuers may vouch for the principals of Azure (name one of them in registry.entraIssuer)',
    ],
  ],
  [
    'the scope of another registry',
    { ...OWN, 'a.json': list(assignment(), assignment({ name: 'two', scope: `${ROOT}/other` })) },
    [
      `warning: a.json:16:14 azure_scope: the scope "${ROOT}/other" is not that of this registry (this assignment grants nothing)`,
    ],
  ],
  [
    'an unknown type of principal',
    { ...OWN, 'a.json': list(assignment({ principalType: 'Device' })) },
    ['warning: a.json:5:22 azure_principal: unknown type of principal "Device" (this assignment grants nothing)'],
  ],
  [
    'an unknown role',
    { ...OWN, 'a.json': list(assignment({ roleDefinitionName: 'Lost' })) },
    [
      'warning: a.json:7:27 azure_role: the role "Lost" is not known; export it with az role definition list (this assignment grants nothing)',
    ],
  ],
  [
    "a condition of Azure's in rbac mode",
    {
      'own.yaml': `registry: { service: contoso.azurecr.io, mode: rbac }\n${ISSUER}`,
      'a.json': list(assignment({ condition: "@Environment[UtcNow] DateTimeLessThan '2027-01-01T00:00:00Z'" })),
    },
    [
      'warning: a.json:6:5 mode_rbac: the condition has no effect in rbac mode (the assignment holds for all repositories, as in Azure)',
    ],
  ],
  [
    'an item of another registry',
    { 'own.yaml': REGISTRY, 'm.json': list(map(), map({ id: `${ROOT}/Other/scopeMaps/m` })) },
    ['warning: m.json:11:11 azure_scope: m belongs to the registry "other", not to this one (it grants nothing)'],
  ],
  [
    "a line of Azure's that grants nothing",
    { 'own.yaml': REGISTRY, 'm.json': list(map({ actions: ['repositories/a/sign/write', 'gateway/g/config/read'] })) },
    [
      'warning: m.json:6:7 scope_map_action_invalid: "sign/write" is not a permission of a scope map (it grants nothing)',
      'warning: m.json:7:7 gateway_action: actions of gateways (connected registries) mean nothing here (it grants nothing)',
    ],
  ],
  [
    "a token of Azure's without a password",
    { 'own.yaml': REGISTRY, 'm.json': list(map()), 't.json': list(token()) },
    [NO_PASSWORD],
  ],
  [
    'an unknown status',
    { 'own.yaml': REGISTRY, 'm.json': list(map()), 't.json': list(token({ status: 'paused' })) },
    [NO_PASSWORD, 'warning: t.json:6:15 not_allowed: unknown status "paused" (the token counts as disabled)'],
  ],
  [
    'one token in two lists',
    {
      'own.yaml': `${REGISTRY}tokens: { edge: ${PASSWORD} }`,
      'm.json': list(map()),
      't.json': list(token()),
      'u.json': list(token()),
    },
    [
      'u.json:4:13 duplicate_name: the token of an Azure list "edge" is defined twice, first at t.json:4:13 (rename one of them, or remove it)',
    ],
  ],
  [
    'a status next to a list',
    {
      'own.yaml': `${REGISTRY}tokens: { edge: { status: disabled, ${PASSWORD.slice(1)} }`,
      'm.json': list(map()),
      't.json': list(token()),
    },
    [
      'own.yaml:2:19 ambiguous: the status of this token comes from the Azure list (remove status, or take the token out of the list)',
    ],
  ],
  [
    'a test that asks twice',
    test('as: everyone, can: catalog/read, request: GET /v2/, expect: deny'),
    ['a.test.yaml:2:21 ambiguous: can and request are both given (keep one of them)'],
  ],
  [
    'a test of a request on a repository',
    test('as: everyone, request: GET /v2/, on: a, expect: deny'),
    ['a.test.yaml:2:40 ambiguous: a request names its repository itself (remove on)'],
  ],
  [
    'a test of a permission with what the registry has',
    test(`as: everyone, can: content/write, on: a, expect: deny, tagExists: 'sha256:${'0'.repeat(64)}'`),
    [
      'a.test.yaml:2:62 ambiguous: tagExists is about a request (write request: METHOD /v2/NAME/manifests/TAG in place of can and on)',
    ],
  ],
  [
    'a test of a tag that names no digest',
    test('as: everyone, request: PUT /v2/a/manifests/v1, expect: deny, tagExists: v1'),
    ['a.test.yaml:2:79 digest_invalid: "v1" is not a digest (write sha256: and 64 hex digits in lower case)'],
  ],
  [
    'a test of nothing',
    test('as: everyone, expect: deny'),
    ['a.test.yaml:2:5 missing_key: can is missing (add can with a permission, or request)'],
  ],
  [
    'a test without a repository',
    test('as: everyone, can: content/read, expect: deny'),
    ['a.test.yaml:2:5 missing_key: on is missing (add on: the repository for which content/read is asked)'],
  ],
  [
    'a test with a repository too many',
    test('as: everyone, can: catalog/read, on: a, expect: deny'),
    ['a.test.yaml:2:40 ambiguous: catalog/read is not about one repository (remove on)'],
  ],
  [
    'a test on a pattern',
    test('as: everyone, can: content/read, on: a/*, expect: deny'),
    ['a.test.yaml:2:44 name_invalid: "a/*" is not a repository name (write one repository, in lower case)'],
  ],
  [
    'a test of no tag',
    test('as: everyone, can: content/read, on: a, tag: a/b, expect: deny'),
    ['a.test.yaml:2:52 tag_invalid: "a/b" is not a tag (use up to 128 letters, digits, _, . and -)'],
  ],
  [
    'a test of no address',
    test('as: everyone, can: catalog/read, ip: 10.0.0, expect: deny'),
    ['a.test.yaml:2:44 ip_invalid: "10.0.0" is not an IP address (write one IPv4 or IPv6 address)'],
  ],
  [
    'a test of no request',
    test('as: everyone, request: /v2/, expect: deny'),
    [
      'a.test.yaml:2:30 request_invalid: "/v2/" is not a request (write a method and a path, e.g. GET /v2/app/tags/list)',
    ],
  ],
])('%s', (_, files, expected) => {
  const { problems } = readPolicies(Object.entries(files).map(([path, text]) => ({ path, text })))
  expect(problems.map(shown)).toEqual(expected)
})
