/** Broken policies: each with the exact places, codes, messages and hints that its author gets to see. */
import { describe, expect, it } from 'vitest'
import { readPolicies } from '../../src/files/load.ts'
import { shown } from './shown.ts'

const REGISTRY = { path: '0.yaml', text: 'registry: { service: registry.example.com }' }

const BROKEN: readonly (readonly [string, readonly string[]])[] = [
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
    'roleAssignments: [*]',
    ["a.yaml:1:19 yaml_syntax: a plain * is an alias without a name (to mean every repository, quote it: '*')"],
  ],
  [
    'roleAssignments: *missing',
    [
      "a.yaml:1:18 alias_unknown: no anchor &missing stands before this alias (a value that starts with * must be quoted: '*missing')",
    ],
  ],
  [
    'roleAssignments: &a [*a]',
    [
      "a.yaml:1:22 alias_unknown: the alias *a is inside its own anchor (a value that starts with * must be quoted: '*a')",
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
    [
      'a.yaml:4:16 yaml_tag: !(ActionMatches is a YAML tag, which policy files do not use (to start a text with !, quote it)',
    ],
  ],
  [
    'tokens: !!binary aGk=',
    ['a.yaml:1:9 yaml_tag: !!binary is a YAML tag, which policy files do not use (to start a text with !, quote it)'],
  ],
  [
    `tokens:
  ci: { scopeMap: _repositories_pull }
  cj: {}
  ci: { scopeMap: _repositories_pull }`,
    ['a.yaml:4:3 duplicate_key: the key "ci" is here twice, first at a.yaml:2:3 (keep one of them)'],
  ],
  ['tokens: { __proto__: {} }', ['a.yaml:1:11 key_invalid: this cannot be a key (a key is plain text)']],
  [
    '- just text',
    [
      'a.yaml:1:3 azure_unknown: this is not an item of a list that Azure prints (lists of role assignments, role definitions, scope maps and tokens are understood)',
    ],
  ],
  ['just text', ['a.yaml:1:1 wrong_type: expected a mapping, found text "just text"']],
  ['rolAssignments: []', ['a.yaml:1:1 unknown_key: unknown key "rolAssignments" (did you mean roleAssignments?)']],
  [
    'wibble: []',
    [
      'a.yaml:1:1 unknown_key: unknown key "wibble" (known here: $schema, registry, scopeMaps, tokens, issuers, identities, roles, roleAssignments, denyAssignments)',
    ],
  ],
  ['tokens: []', ['a.yaml:1:9 wrong_type: expected a mapping, found a list']],
  ['roles: {}', ['a.yaml:1:8 wrong_type: expected a list, found a mapping']],
  [
    `roleAssignments:
  - everyone`,
    ['a.yaml:2:5 wrong_type: expected a mapping, found text "everyone"'],
  ],
  [
    `tokens:
  ci: _repositories_pull`,
    ['a.yaml:2:7 wrong_type: expected a mapping, found text "_repositories_pull"'],
  ],
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
    [
      'a.yaml:2:152 time_invalid: "2027-03-01" is not a time (write RFC 3339 in whole seconds, e.g. 2027-03-01T00:00:00Z)',
    ],
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
  [
    `issuers:
  gh: { issuer: http://gh.example, audiences: [a] }`,
    ['a.yaml:2:17 url_invalid: "http://gh.example" is not an https URL (did you mean https://gh.example?)'],
  ],
  [
    `issuers:
  gh: { issuer: gh.example, audiences: [a] }`,
    [
      'a.yaml:2:17 url_invalid: "gh.example" is not an https URL (write the `iss` claim of its tokens; http is for loopback hosts only)',
    ],
  ],
  [
    `issuers:
  gh: { issuer: https://gh.example?x=1, audiences: [a] }`,
    [
      'a.yaml:2:17 url_invalid: the issuer "https://gh.example?x=1" has a query or fragment (write the `iss` claim of its tokens)',
    ],
  ],
  [
    `issuers:
  gh: { issuer: https://gh.example, audiences: [] }`,
    ['a.yaml:2:48 empty: the list is empty (name at least one)'],
  ],
  [
    `issuers:
  gh: { issuer: https://gh.example, audiences: a }`,
    ['a.yaml:2:48 wrong_type: expected a list, found text "a" (write a list: [a])'],
  ],
  [
    `issuers:
  gh: { issuer: https://gh.example, audiences: [a], algorithms: [HS256] }`,
    [
      'a.yaml:2:66 not_allowed: "HS256" is not one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA (did you mean RS256?)',
    ],
  ],
  [
    `issuers:
  gh: { issuer: https://gh.example, audiences: [a], algorithms: [none] }`,
    [
      'a.yaml:2:66 not_allowed: "none" is not one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA (write RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 or EdDSA)',
    ],
  ],
  [
    `issuers:
  gh: { issuer: https://gh.example, audiences: [a], jwksUri: http://gh.example/keys }`,
    [
      'a.yaml:2:62 url_invalid: "http://gh.example/keys" is not an https URL (write where the issuer publishes its keys, or give them as `jwks`)',
    ],
  ],
  [
    `issuers:
  gh:
    issuer: https://gh.example
    audiences: [a]
    jwks: { keys: [ { kty: OKP, crv: Ed25519, x: AAAA, d: BBBB } ] }`,
    [
      'a.yaml:5:56 private_key: "d" makes this a private key (give the public key only, and replace this one: it is no longer secret)',
    ],
  ],
  [
    `issuers:
  gh:
    issuer: https://gh.example
    audiences: [a]
    jwks: { keys: [ { kty: oct, k: AAAA } ] }`,
    [
      'a.yaml:5:33 private_key: "k" makes this a private key (give the public key only, and replace this one: it is no longer secret)',
    ],
  ],
  [
    `issuers:
  gh:
    issuer: https://gh.example
    audiences: [a]
    jwks: { keys: [ { kty: EC, crv: P-256, x: AAAA } ] }`,
    ['a.yaml:5:21 key_unusable: the key has no "y" (copy the whole public key)'],
  ],
  [
    `issuers:
  gh:
    issuer: https://gh.example
    audiences: [a]
    jwks: { keys: [ { kty: RSA, n: AAAA, e: AQAB } ] }`,
    ['a.yaml:5:36 key_unusable: an RSA key needs 2048 bits (give a longer key)'],
  ],
  [
    `issuers:
  gh:
    issuer: https://gh.example
    audiences: [a]
    jwks: { keys: [] }`,
    ['a.yaml:5:19 empty: the list is empty (name at least one)'],
  ],
  [
    `issuers:
  gh: { issuer: https://gh.example, audiences: [a] }
  gi: { issuer: https://gh.example, audiences: [b] }`,
    [
      'a.yaml:3:17 duplicate_name: the issuer with the URL "https://gh.example" is defined twice, first at a.yaml:2:17 (a token could belong to either: put all audiences into one issuer)',
    ],
  ],
  [
    `issuers: { gh: { issuer: "https://gh.example", audiences: [a] } }
identities:
  rel: { issuer: gh }`,
    [
      'a.yaml:3:3 identity_unbounded: this identity would be everyone of the issuer (add subject, or claims with at least one pattern)',
    ],
  ],
  [
    `issuers: { gh: { issuer: "https://gh.example", audiences: [a] } }
identities:
  rel: { issuer: gi, subject: x }`,
    ['a.yaml:3:18 unknown_issuer: no issuer is named "gi" (did you mean gh?)'],
  ],
  [
    `issuers: { gh: { issuer: "https://gh.example", audiences: [a] } }
identities:
  rel: { issuer: gh, subject: "" }`,
    ['a.yaml:3:31 empty: the text is empty (write a value, or remove the key)'],
  ],
  [
    `issuers: { gh: { issuer: "https://gh.example", audiences: [a] } }
identities:
  rel: { issuer: gh, claims: { ref: refs/*** } }`,
    ['a.yaml:3:37 glob_invalid: "refs/***" has three * in a row (write * for one segment, ** for any number)'],
  ],
  [
    `issuers: { gh: { issuer: "https://gh.example", audiences: [a] } }
identities:
  rel: { issuer: gh, claims: { run: 5 } }`,
    ['a.yaml:3:37 wrong_type: expected text, found 5 (quote it: "5")'],
  ],
  [
    `issuers: { gh: { issuer: "https://gh.example", audiences: [a] } }
identities:
  rel: { issuer: gh, claims: { ref: "" } }`,
    ['a.yaml:3:37 glob_invalid: an empty pattern matches no claim (write the value, or remove the claim)'],
  ],
  [
    `issuers: { gh: { issuer: "https://gh.example", audiences: [a] } }
identities:
  rel: { issuer: gh, claim: { ref: x } }`,
    ['a.yaml:3:22 unknown_key: unknown key "claim" (did you mean claims?)'],
  ],
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
    ['a.yaml:2:5 ambiguous: actions stand both in permissions and beside it (keep permissions)'],
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
    `roleAssignments:
  - principal: tokn:ci
    role: AcrPull`,
    ['a.yaml:2:16 principal_invalid: "tokn:ci" is not a principal (did you mean token:ci?)'],
  ],
  [
    `roleAssignments:
  - principal: bob
    role: AcrPull`,
    [
      'a.yaml:2:16 principal_invalid: "bob" is not a principal (write token:NAME, identity:NAME, subject:ISSUER/ID, group:ISSUER/ID, anonymous or everyone)',
    ],
  ],
  [
    `tokens: { ci: { scopeMap: _repositories_pull } }
roleAssignments:
  - principal: token:cl
    role: AcrPull`,
    ['a.yaml:3:16 unknown_token: no token is named "cl" (did you mean ci?)'],
  ],
  [
    `issuers: { gh: { issuer: "https://gh.example", audiences: [a] } }
roleAssignments:
  - principal: subject:gx/1
    role: AcrPull`,
    ['a.yaml:3:16 unknown_issuer: no issuer is named "gx" (did you mean gh?)'],
  ],
  [
    `roleAssignments:
  - principal: everyone
    role: AcrPul`,
    ['a.yaml:3:11 unknown_role: no role is named "AcrPul" (did you mean AcrPull?)'],
  ],
  [
    `roleAssignments:
  - principal: everyone
    role: 00000000-0000-0000-0000-000000000000`,
    [
      'a.yaml:3:11 unknown_role: no role is named "00000000-0000-0000-0000-000000000000" (defined: Owner, Contributor, Reader, AcrPull, AcrPush, AcrDelete, AcrImageSigner, AcrQuarantineReader, AcrQuarantineWriter, Container Registry Repository Reader)',
    ],
  ],
  [
    `roleAssignments:
  - role: AcrPull`,
    ['a.yaml:2:5 missing_key: principal is missing (add principal)'],
  ],
  [
    `roleAssignments:
  - principal: everyone
    role: AcrPull
    scope: /`,
    [
      'a.yaml:4:5 unknown_key: unknown key "scope" (known here: name, principal, role, condition, conditionVersion, repositories, notBefore, notAfter)',
    ],
  ],
  [
    `roleAssignments:
  - principal: everyone
    role: AcrPull
    repositories: acme/*`,
    ['a.yaml:4:19 wrong_type: expected a list, found text "acme/*" (write a list: [acme/*])'],
  ],
  [
    `roleAssignments:
  - principal: everyone
    role: AcrPull
    repositories: []`,
    ['a.yaml:4:19 empty: the list is empty (name at least one)'],
  ],
  [
    `roleAssignments:
  - principal: everyone
    role: AcrPull
    repositories: [Acme/*]`,
    ['a.yaml:4:20 pattern_invalid: "Acme/*" is not a repository pattern: repositories are lower-case (write acme/*)'],
  ],
  [
    `roleAssignments:
  - principal: everyone
    role: AcrPull
    conditionVersion: "1.0"`,
    ['a.yaml:4:23 not_allowed: "1.0" is not one of 2.0, 2 (did you mean 2.0?)'],
  ],
  [
    `roleAssignments:
  - principal: everyone
    role: AcrPull
    notBefore: tomorrow`,
    ['a.yaml:4:16 time_invalid: "tomorrow" is not a time (write RFC 3339 in whole seconds, e.g. 2027-03-01T00:00:00Z)'],
  ],
  [
    `roleAssignments:
  - principal: everyone
    role: AcrPull
    notBefore: 2027-01-01T00:00:00Z
    notAfter: 2026-01-01T00:00:00Z`,
    ['a.yaml:5:15 window_empty: the rule ends before it begins (notAfter must be later than notBefore)'],
  ],
  [
    `roleAssignments:
  - { name: a, principal: everyone, role: AcrPull }
  - { name: a, principal: everyone, role: AcrPush }`,
    [
      'a.yaml:3:13 duplicate_name: the role assignment "a" is defined twice, first at a.yaml:2:13 (rename one of them, or remove it)',
    ],
  ],
  [
    `roleAssignments:
  - principal: everyone
    role: AcrPull
    condition: "@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringEqual 'a'"`,
    ['a.yaml:4:84 condition_invalid: unknown operator StringEqual (did you mean StringEquals?)'],
  ],
  [
    `roleAssignments:
  - principal: everyone
    role: AcrPull
    condition: |
      @Request[Microsoft.ContainerRegistry/registries/repositories:name]
        StringEqual 'a'`,
    ['a.yaml:6:9 condition_invalid: unknown operator StringEqual (did you mean StringEquals?)'],
  ],
  [
    `roleAssignments:
  - principal: everyone
    role: AcrPull
    condition: >-
      @Request[Microsoft.ContainerRegistry/registries/repositories:name]
      StringEqual 'a'`,
    ['a.yaml:6:7 condition_invalid: unknown operator StringEqual (did you mean StringEquals?)'],
  ],
  [
    `roleAssignments:
  - principal: everyone
    role: AcrPull
    condition: '@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringEquals ''a'' AND'`,
    ['a.yaml:4:106 condition_invalid: expected an expression, found the end of the condition'],
  ],
  [
    `roleAssignments:
  - principal: everyone
    role: AcrPull
    condition: (@Request[Microsoft.ContainerRegistry/registries/repositories:name]
      StringEquals 'a'`,
    [
      'a.yaml:5:23 condition_invalid: expected AND, OR or ), found the end of the condition (close the (, character 1 of the condition)',
    ],
  ],
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
  [
    `roleAssignments:
  - principal: everyone
    role: Container Registry Repository Reader
    repository: [payments/*]`,
    ['a.yaml:4:5 unknown_key: unknown key "repository" (did you mean repositories?)'],
  ],
  [
    `roleAssignments:
  - principal: everyone
    role: Container Registry Repository Reader
    repositories:
      - /payments/*
      - payments/**
      - /Payments/**
      - "**"
      - payments/
      - /payments*
      - pay ments/
      - a/*/b
      - /`,
    [
      'a.yaml:5:9 pattern_invalid: "/payments/*" is not a repository pattern: no repository begins with a slash (write payments/*)',
      'a.yaml:6:9 pattern_invalid: "payments/**" is not a repository pattern: one * covers everything below (write payments/*)',
      'a.yaml:7:9 pattern_invalid: "/Payments/**" is not a repository pattern: repositories are lower-case, no repository begins with a slash, one * covers everything below (write payments/*)',
      'a.yaml:8:9 pattern_invalid: "**" is not a repository pattern: one * covers everything below (write *)',
      'a.yaml:9:9 pattern_invalid: "payments/" is not a repository pattern (write payments or payments/*)',
      'a.yaml:10:9 pattern_invalid: "/payments*" is not a repository pattern: one * may stand alone or after the last slash (write payments or payments/*)',
      'a.yaml:11:9 pattern_invalid: "pay ments/" is not a repository pattern (write *, a repository name, or a prefix that ends in /*)',
      'a.yaml:12:9 pattern_invalid: "a/*/b" is not a repository pattern: one * may stand alone or after the last slash (elsewhere, use a condition with StringLike)',
      'a.yaml:13:9 pattern_invalid: "/" is not a repository pattern (write *, a repository name, or a prefix that ends in /*)',
    ],
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
  [
    `issuers:
  gh:
    issuer: https://gh.example
    audiences: [a]
    jwksUri: https://gh.example/keys
    jwks: { keys: [ { kty: OKP, crv: Ed25519, x: AAAA } ] }`,
    ['a.yaml:6:5 ambiguous: jwks and jwksUri are both given (keep one of them)'],
  ],
  [
    `issuers:
  gh:
    issuer: https://gh.example
    audiences: [a]
    jwks: { keys: [ { kty: DSA, y: AAAA } ] }`,
    ['a.yaml:5:28 key_unusable: kty is not RSA, EC or OKP (give a public key of one of these)'],
  ],
  [
    `issuers: { gh: { issuer: "https://gh.example", audiences: [a] } }
identities:
  rel: { issuer: gh, claims: { "": x } }`,
    ['a.yaml:3:32 key_invalid: the key is empty (name the claim)'],
  ],
  [
    `issuers: { gh: { issuer: "https://gh.example", audiences: [a] } }
identities:
  rel: { issuer: gh, claims: [ref] }`,
    ['a.yaml:3:30 wrong_type: expected a mapping, found a list'],
  ],
  [
    `roles:
  - Name: X
    Actions: []
    IsCustom: maybe`,
    ['a.yaml:4:15 wrong_type: expected true or false, found text "maybe"'],
  ],
]

describe('a broken policy', () => {
  it.each(BROKEN)('%j', (text, expected) => {
    const alone = text.startsWith('registry') && !text.includes('again') && !text.includes('---')
    const { policies, problems } = readPolicies(
      alone ? [{ path: 'a.yaml', text }] : [REGISTRY, { path: 'a.yaml', text }],
    )
    expect(problems.map(shown)).toEqual(expected)
    expect(policies).toBeUndefined()
  })

  const TENFOLD = Array.from(
    { length: 7 },
    (_, n) => `k${n}: &k${n} [${(n === 0 ? 'x, ' : `*k${n - 1}, `).repeat(10)}]`,
  ).join('\n')
  it.each([
    [
      'too large',
      '#'.repeat(64 * 1024 * 1024 + 1),
      '1:1 file_too_large: the file is larger than 64 MiB (split it into several files)',
    ],
    [
      'too much by aliases',
      TENFOLD,
      '6:45 alias_expansion: aliases stand for more than a million values (write the values out, in several files)',
    ],
  ])('%s', (_, text, expected) => {
    expect(readPolicies([REGISTRY, { path: 'a.yaml', text }]).problems.map(shown)).toEqual([`a.yaml:${expected}`])
  })

  it('too deep', () => {
    const { problems } = readPolicies([{ path: 'a.yaml', text: '['.repeat(12_000) }])
    // How deep is too deep depends on the stack of whoever reads.
    expect(problems.map((problem) => shown({ ...problem, source: { ...problem.source, column: 1 } }))).toEqual([
      'a.yaml:1:1 too_deep: values are nested too deeply (a policy needs six levels)',
    ])
  })
})
