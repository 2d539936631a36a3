/** What the author of a policy reads about mistakes in protections: places, codes, messages and hints. */
import { describe } from 'vitest'
import { type Mistake, reportsMistakes } from './reports-mistakes.ts'

const MISTAKES: readonly Mistake[] = [
  [`protections: [ { writeOnce: true } ]`, ['a.yaml:1:16 missing_key: name is missing (add name)']],
  [
    `protections: [ { name: a } ]`,
    ['a.yaml:1:16 missing_key: the protection protects nothing (add writeOnce: true or quarantine: true)'],
  ],
  [
    `protections: [ { name: a, quarantine: true, tags: ["v*"] } ]`,
    [
      'a.yaml:1:45 ambiguous: tags has no effect on a quarantine (remove tags: a quarantine is about every manifest of the repositories)',
    ],
  ],
  [
    `protections: [ { name: a, writeOnce: true, releaseAfter: 7d } ]`,
    ['a.yaml:1:44 ambiguous: releaseAfter needs quarantine (add quarantine: true, or remove releaseAfter)'],
  ],
  ...['7', '7 d', '0d', '1w', '-1d', '3651d', '1.5h'].map(
    (text): Mistake => [
      `protections: [ { name: a, quarantine: true, releaseAfter: "${text}" } ]`,
      [`a.yaml:1:59 duration_invalid: "${text}" is not a duration (write a number and s, m, h or d, e.g. 7d)`],
    ],
  ),
  [
    `protections: [ { name: a, writeOnce: false } ]`,
    ['a.yaml:1:38 not_allowed: false is not one of true (write true)'],
  ],
  [`protections: [ { name: a, writeOnce: yes } ]`, ['a.yaml:1:38 not_allowed: "yes" is not one of true (write true)']],
  [
    `protections:
  - { name: a, writeOnce: true }
  - { name: a, writeOnce: true }`,
    [
      'a.yaml:3:13 duplicate_name: the protection "a" is defined twice, first at a.yaml:2:13 (rename one of them, or remove it)',
    ],
  ],
  [
    `protections: [ { name: a, writeOnce: true, tags: [] } ]`,
    ['a.yaml:1:50 empty: the list is empty (name at least one)'],
  ],
  [
    `protections: [ { name: a, writeOnce: true, tags: ["v?"] } ]`,
    [
      'a.yaml:1:51 tag_invalid: "v?" is not a pattern of tags (use letters, digits, _, . and -, and * for any characters)',
    ],
  ],
  [
    `protections: [ { name: a, writeOnce: true, tags: [".v"] } ]`,
    [
      'a.yaml:1:51 tag_invalid: ".v" is not a pattern of tags (use letters, digits, _, . and -, and * for any characters)',
    ],
  ],
  [
    `protections: [ { name: a, writeOnce: true, repositories: [Release/*] } ]`,
    [
      'a.yaml:1:59 pattern_invalid: "Release/*" is not a repository pattern: repositories are lower-case (write release/*)',
    ],
  ],
  [
    `protections: [ { name: a, writeOnce: true, except: [token:x] } ]`,
    ['a.yaml:1:53 unknown_token: no token is named "x" (none is defined)'],
  ],
  [
    `protections: [ { name: a, writeOnce: true, mode: warn } ]`,
    ['a.yaml:1:50 not_allowed: "warn" is not one of enforce, audit (write enforce or audit)'],
  ],
  [
    `protections: [ { name: a, writeOnce: true, frozen: true } ]`,
    [
      'a.yaml:1:44 unknown_key: unknown key "frozen" (known here: name, repositories, tags, writeOnce, quarantine, releaseAfter, except, mode, message)',
    ],
  ],
  [`protections: { a: { writeOnce: true } }`, ['a.yaml:1:14 wrong_type: expected a list, found a mapping']],
]

describe('the report about a protection', () => reportsMistakes(MISTAKES))
