/** What the author of a policy reads about mistakes in protections: places, codes, messages and hints. */
import { describe } from 'vitest'
import { type Mistake, reportsMistakes } from './reports-mistakes.ts'

const MISTAKES: readonly Mistake[] = [
  [`protections: [ { writeOnce: true } ]`, ['a.yaml:1:16 missing_key: name is missing (add name)']],
  [`protections: [ { name: a } ]`, ['a.yaml:1:16 missing_key: writeOnce is missing (add writeOnce)']],
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
    `protections: [ { name: a, writeOnce: true, quarantine: true } ]`,
    [
      'a.yaml:1:44 unknown_key: unknown key "quarantine" (known here: name, repositories, tags, writeOnce, except, mode, message)',
    ],
  ],
  [`protections: { a: { writeOnce: true } }`, ['a.yaml:1:14 wrong_type: expected a list, found a mapping']],
]

describe('the report about a protection', () => reportsMistakes(MISTAKES))
