/** What the author of a policy reads about mistakes in role assignments and their conditions: places, codes, messages and hints. */
import { describe } from 'vitest'
import { type Mistake, reportsMistakes } from './reports-mistakes.ts'

const MISTAKES: readonly Mistake[] = [
  [
    `roleAssignments:
  - everyone`,
    ['a.yaml:2:5 wrong_type: expected a mapping, found text "everyone"'],
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
]

describe('the report about a role assignment', () => reportsMistakes(MISTAKES))
