import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { readPolicies } from '../../src/files/load.ts'
import { LINTS, type LintWarning, lint, lintsPage } from '../../src/lint/lints.ts'
import { compile } from '../../src/policy/compile/compile.ts'
import { shown } from '../files/shown.ts'

const NOW = Date.parse('2026-09-01T00:00:00Z') / 1000
const SHA = '0'.repeat(64)

/** Line 1 of every policy; what a test adds begins on line 2. */
const HEAD = 'registry: { service: registry.example.com }'
const ISSUERS = `issuers: {
  github: { issuer: "https://token.actions.githubusercontent.com", audiences: [a] },
  gitlab: { issuer: "https://gitlab.example.com", audiences: [a] },
  entra: { issuer: "https://login.example.com/v2.0", audiences: [a], subjectClaim: oid } }`

/** What each lint says to do, of every finding. */
const FIXES: Readonly<Record<string, string>> = {
  anonymous_write: 'take it away from anonymous, and give it to a token or an identity',
  open_identity:
    'pin the branch or tag, e.g. claims: { repository: acme/app, ref: refs/heads/main }, or a protected environment',
  everyone_of_public_issuer:
    'give the role to identities, groups or tokens that you know; to mean the whole world, write principal: anonymous',
  prefix_from_claim: 'compare with StringBelow, which covers what is below the claim with a slash',
  unrestricted_right:
    'name all rights of the role in ActionMatches, or leave ActionMatches out; repositories: ["*"] says that all are meant',
  data_action_in_actions: 'move it to dataActions',
  doubtful_deny:
    'let the issuer send the claim always; if it leaves the claim out to say "none", list it in claimsOmittedWhenEmpty of the issuer, which may be an empty list',
  unknown_test_principal:
    'name one that is defined; for somebody who holds a credential and nothing else, write as: everyone',
  wildcard_over_everything: 'name the repositories, or a prefix of them such as team/*',
  prefix_without_slash: 'end the prefix with a slash; for the repository of that very name add StringEqualsIgnoreCase',
  unscoped_assignment: 'add repositories or a condition; repositories: ["*"] says that all are meant',
  role_without_effect: 'assign the role of the same kind for this mode, or set registry.mode',
  never_matches: 'mend its condition, or remove it',
  audited_deny: 'look through the records, then take mode: audit away',
  unreachable_deny: 'mend whom or what it names, or keep it as a guard and say so in a comment',
  protection_without_effect: 'mend its repositories, or remove it',
  rule_behind_protection:
    'add the principal to except of the protection, name the tags that it keeps, or remove the rule',
  push_without_read: 'grant content/read on the same repositories',
  covered_by_another: 'remove it, or narrow the other rule',
  repeated_assignment: 'join them into one assignment',
  credential_without_expiry: 'add expires, and rotate it with dockgate token rotate',
  expired: 'remove it, or move its end',
  unused_scope_map: 'give it to a token, or remove it',
  short_token_name: 'give it a name of at least 5 characters',
}

const warnings = (text: string): readonly string[] => findings(text).map(shown)
/** A warning of `p.yaml` in full, from its place, its lint and its message. */
const inFull = (line: string): string => `warning: p.yaml:${line} (${FIXES[/^\d+:\d+ (\w+)/.exec(line)?.[1] ?? '']})`

function findings(text: string, testText = ''): readonly LintWarning[] {
  const { policies, tests, problems } = readPolicies([
    { path: 'p.yaml', text },
    { path: 'p.test.yaml', text: testText },
  ])
  if (policies === undefined) throw new Error(JSON.stringify(problems))
  return lint({ policies, compiled: compile(policies), tests, now: NOW })
}

const policy = (...lines: readonly string[]): string => [HEAD, ...lines].join('\n')
const token = (extra: string, name = 'build'): string => `tokens: { ${name}: { ${extra} } }`
const map = (...lines: readonly string[]): string => `scopeMaps: { m: { actions: [${lines.join(', ')}] } }`
const identity = (rule: string): string => `${ISSUERS}\nidentities: { i: { ${rule} } }`
const assign = (...items: readonly string[]): string =>
  ['roleAssignments:', ...items.map((item) => `  - { ${item} }`)].join('\n')
const deny = (item: string): string => ['denyAssignments:', `  - { ${item} }`].join('\n')

const READER = 'role: Container Registry Repository Reader'
const WRITER = 'role: Container Registry Repository Writer'
const GOOD = token('scopeMap: m')
const READS = map('repositories/a/*/content/read')
const NAME = '@Request[Microsoft.ContainerRegistry/registries/repositories:name]'
const pullRequest = 'identity i matches pull requests, whose code nobody has reviewed'

describe('lints', () => {
  it.each([
    [
      'anonymous writes',
      'registry: { service: s, anonymous: [repositories/a/*/content/read, repositories/a/*/content/write] }',
      ['1:68 anonymous_write: callers without a credential have content/write on a/*'],
    ],
    [
      'an anonymous role that writes',
      policy(assign(`name: w, principal: anonymous, ${WRITER}, repositories: [a/*]`)),
      ['3:5 anonymous_write: role assignment w gives callers without a credential content/write, metadata/write'],
    ],
    ['a read-only anonymous', 'registry: { service: s, anonymous: [repositories/a/*/content/read] }', []],
    [
      'a token name of four characters',
      policy(READS, token('scopeMap: m', 'four')),
      ['3:11 short_token_name: the name of token four is shorter than 5'],
    ],
    ['a token name of five characters', policy(READS, token('scopeMap: m', 'fives')), []],
    [
      'a password that never expires',
      policy(READS, token(`scopeMap: m, credentials: { password1: { sha256: "${SHA}" } }`)),
      ['3:11 credential_without_expiry: password1 of token build never expires'],
    ],
    [
      'a password that has expired',
      policy(
        READS,
        token(`scopeMap: m, credentials: { password2: { sha256: "${SHA}", expires: 2026-09-01T00:00:00Z } }`),
      ),
      ['3:11 expired: password2 of token build has expired'],
    ],
    [
      'a password that will expire',
      policy(
        READS,
        token(`scopeMap: m, credentials: { password2: { sha256: "${SHA}", expires: 2026-09-01T00:00:01Z } }`),
      ),
      [],
    ],
    ['an unused scope map', policy(READS), ['2:14 unused_scope_map: no token has the scope map m']],
    [
      'push without read',
      policy(map('repositories/a/content/write', 'repositories/b/*/content/read'), GOOD),
      ['2:29 push_without_read: the scope map m grants content/write on a without content/read'],
    ],
    [
      'push below what may be read',
      policy(map('repositories/a/b/*/content/write', 'repositories/a/*/content/read'), GOOD),
      [],
    ],
    [
      'a role that pushes and does not read',
      policy(
        'roles:',
        '  - { Name: W, permissions: [{ dataActions: [Microsoft.ContainerRegistry/registries/repositories/content/write] }] }',
      ),
      ['3:5 push_without_read: the role W grants content/write without content/read'],
    ],
    [
      'writing everywhere by scope map',
      policy(map('repositories/*/content/read', 'repositories/*/content/write', 'repositories/*/content/delete'), GOOD),
      [
        '2:58 wildcard_over_everything: the scope map m grants content/write on every repository',
        '2:88 wildcard_over_everything: the scope map m grants content/delete on every repository',
      ],
    ],
    [
      'writing everywhere by system-defined scope map',
      policy(token('scopeMap: _repositories_admin')),
      [
        '2:11 wildcard_over_everything: token build has the system-defined scope map _repositories_admin: content/write and content/delete on every repository',
      ],
    ],
    ['reading everywhere by system-defined scope map', policy(token('scopeMap: _repositories_pull')), []],
    [
      'writing everywhere by role',
      policy(assign(`name: w, principal: everyone, ${WRITER}, repositories: ["*"]`)),
      ['3:5 wildcard_over_everything: role assignment w grants content/write on every repository'],
    ],
    [
      'writing and deleting everywhere by role',
      policy(
        assign('name: w, principal: everyone, role: Container Registry Repository Contributor, repositories: ["*"]'),
      ),
      ['3:5 wildcard_over_everything: role assignment w grants content/write and content/delete on every repository'],
    ],
    [
      'a prefix without slash',
      policy(assign(`name: w, principal: everyone, ${READER}, condition: "${NAME} StringStartsWith 'backend'"`)),
      ["3:5 prefix_without_slash: the condition of role assignment w also covers what only begins with 'backend'"],
    ],
    [
      'a pattern without slash, in a deny',
      policy(
        map('repositories/backend/*/content/read'),
        GOOD,
        deny(
          `name: d, principals: [everyone], permissions: [content/read], condition: "${NAME} StringLikeIgnoreCase 'backend*'"`,
        ),
      ),
      ["5:5 prefix_without_slash: the condition of deny assignment d also covers what only begins with 'backend'"],
    ],
    [
      'a prefix with its slash, and a pattern with more than one wildcard',
      policy(
        assign(
          `principal: everyone, ${READER}, condition: "${NAME} StringStartsWith 'backend/'"`,
          `principal: anonymous, ${READER}, condition: "${NAME} StringLike 'team-*/app'"`,
        ),
      ),
      [],
    ],
    [
      'one assignment without repositories among others',
      policy(
        assign(
          `name: a, principal: everyone, ${READER}, repositories: [a]`,
          `name: b, principal: anonymous, ${READER}`,
          `name: c, principal: anonymous, role: Container Registry Repository Catalog Lister`,
        ),
      ),
      [
        '4:5 unscoped_assignment: role assignment b gives anonymous the role Container Registry Repository Reader on every repository',
      ],
    ],
    [
      'assignments none of which name repositories',
      policy(
        assign(
          `principal: everyone, ${READER}`,
          `principal: anonymous, ${READER}`,
          `principal: everyone, ${WRITER}, repositories: [a]`,
        ),
      ),
      [],
    ],
    [
      'a role of the other mode',
      policy(assign('name: a, principal: everyone, role: AcrPull')),
      ['3:5 role_without_effect: the role AcrPull of role assignment a grants nothing in abac mode'],
    ],
    [
      'a role of the other mode, in rbac mode',
      `registry: { service: s, mode: rbac }\n${assign(`name: a, principal: everyone, ${READER}`)}`,
      [
        '3:5 role_without_effect: the role Container Registry Repository Reader of role assignment a grants nothing in rbac mode',
      ],
    ],
    [
      'upper case in a repository name',
      policy(assign(`name: a, principal: everyone, ${READER}, condition: "${NAME} StringEquals 'Backend'"`)),
      ['3:5 never_matches: role assignment a can never grant anything'],
    ],
    [
      'a condition that leaves nothing of the repositories',
      policy(
        assign(`name: a, principal: everyone, ${READER}, repositories: [b], condition: "${NAME} StringEquals 'c'"`),
      ),
      ['3:5 never_matches: role assignment a can never grant anything'],
    ],
    [
      'a deny that is never true',
      policy(
        READS,
        GOOD,
        deny('name: d, principals: [everyone], permissions: [content/read], condition: "true BoolEquals false"'),
      ),
      ['5:5 never_matches: deny assignment d can never deny anything'],
    ],
    [
      'a role assignment within a larger one',
      policy(
        assign(
          `name: large, principal: everyone, ${WRITER}, repositories: [a/*]`,
          `name: small, principal: everyone, ${READER}, repositories: [a/b, a/c/*]`,
        ),
      ),
      ['4:5 covered_by_another: all that role assignment small grants, role assignment large grants already'],
    ],
    [
      'a role assignment within a scope map',
      policy(READS, GOOD, assign(`name: r, principal: token:build, role: Puller, repositories: [a/b]`), PULLER()),
      ['5:5 covered_by_another: all that role assignment r grants, the scope map m grants already'],
    ],
    [
      'the same role twice',
      policy(
        assign(
          `name: one, principal: everyone, ${READER}, repositories: [a]`,
          `name: two, principal: everyone, ${READER}, repositories: [b]`,
        ),
      ),
      [
        '4:5 repeated_assignment: role assignment two gives everyone the role Container Registry Repository Reader, as one does',
      ],
    ],
    [
      'assignments that overlap, neither within the other',
      policy(
        assign(
          `principal: everyone, ${WRITER}, repositories: [a/b]`,
          `principal: everyone, ${READER}, repositories: [a/*]`,
        ),
      ),
      [],
    ],
    [
      'an assignment within one that is bound to a time',
      policy(
        assign(
          `principal: everyone, ${WRITER}, repositories: [a/*], notAfter: 2030-01-01T00:00:00Z`,
          `principal: everyone, ${READER}, repositories: [a/b]`,
        ),
      ),
      [],
    ],
    [
      'rules that are over',
      policy(
        assign(`name: a, principal: everyone, ${READER}, notAfter: 2026-09-01T00:00:00Z`),
        deny('name: d, principals: [everyone], permissions: [content/read], notAfter: 2026-08-01T00:00:00Z'),
      ),
      ['3:5 expired: role assignment a has ended', '5:5 expired: deny assignment d has ended'],
    ],
    [
      'a deny of what nobody has',
      policy(READS, GOOD, deny('name: d, principals: [everyone], permissions: [content/delete]')),
      ['5:5 unreachable_deny: deny assignment d denies only what nobody it names was granted'],
    ],
    [
      'a deny next to what a token has',
      policy(
        READS,
        GOOD,
        deny('name: d, principals: ["token:build"], permissions: [content/read], repositories: [b/*]'),
      ),
      ['5:5 unreachable_deny: deny assignment d denies only what nobody it names was granted'],
    ],
    [
      'a deny below and a deny above what a token has',
      policy(
        READS,
        GOOD,
        deny('principals: ["token:build"], permissions: [content/read], repositories: [a/b/c]'),
        '  - { principals: [everyone], permissions: [content/read] }',
      ),
      [],
    ],
    [
      'a deny that excepts everybody',
      policy(READS, GOOD, deny('name: d, principals: [everyone], except: [everyone], permissions: [content/read]')),
      ['5:5 unreachable_deny: deny assignment d excepts everybody whom it names'],
    ],
    [
      'a deny of a group, whose members may hold more as themselves',
      policy(
        ISSUERS,
        assign(`principal: subject:entra/x, ${READER}, repositories: [a]`),
        deny('name: d, principals: ["group:entra/g"], permissions: [content/read]'),
      ),
      ['9:5 doubtful_deny: deny assignment d also denies callers of entra whose JWT lacks groups'],
    ],
    [
      'a deny of a group of another issuer',
      policy(
        ISSUERS,
        assign(`principal: subject:entra/x, ${READER}, repositories: [a]`),
        deny('name: d, principals: ["group:gitlab/g"], permissions: [content/read]'),
      ),
      [
        '9:5 unreachable_deny: deny assignment d denies only what nobody it names was granted',
        '9:5 doubtful_deny: deny assignment d also denies callers of gitlab whose JWT lacks groups',
      ],
    ],
  ])('%s', (_, text, expected) => {
    expect(warnings(text)).toEqual(expected.map(inFull))
  })

  it.each([
    ['subject: "repo:acme/app:pull_request"', 'github', pullRequest],
    ['claims: { sub: "repo:acme/app:*" }', 'github', pullRequest],
    ['claims: { sub: "repo:acme/*:**" }', 'github', pullRequest],
    ['claims: { sub: "repo:acme/**" }', 'github', pullRequest],
    ['claims: { sub: "repo:acme/app:ref:refs/heads/*" }', 'github', 'identity i matches any branch'],
    ['claims: { repository: acme/app }', 'github', pullRequest],
    ['claims: { repository: acme/app, ref: "**" }', 'github', pullRequest],
    ['claims: { repository: acme/app, ref: "refs/**" }', 'github', pullRequest],
    ['claims: { repository: acme/app, ref: "refs/heads/**" }', 'github', 'identity i matches any branch'],
    ['claims: { repository: acme/app, event_name: pull_request, ref: refs/heads/x }', 'github', pullRequest],
    [
      'claims: { repository_owner: acme }',
      'github',
      'identity i matches every repository of acme, and any branch of it',
    ],
    ['claims: { sub: "**" }', 'github', 'identity i is everybody of the issuer: its claims are only *'],
    ['claims: { project_path: acme/app }', 'gitlab', 'identity i matches any branch: add ref_protected: "true"'],
    [
      'claims: { project_path: acme/app, ref: "*" }',
      'gitlab',
      'identity i matches any branch: add ref_protected: "true"',
    ],
    [
      'claims: { sub: "project_path:acme/app:ref_type:branch:ref:*" }',
      'gitlab',
      'identity i matches any branch: add ref_protected: "true"',
    ],
    ['claims: { namespace_path: acme }', 'gitlab', 'identity i matches every project of acme, and any branch of it'],
    ['claims: { oid: "*" }', 'entra', 'identity i is everybody of the issuer: its claims are only *'],
  ])('an identity with %s of %s', (rule, issuer, message) => {
    expect(warnings(policy(identity(`issuer: ${issuer}, ${rule}`)))).toEqual([inFull(`6:15 open_identity: ${message}`)])
  })

  it.each([
    ['subject: "repo:acme/app:ref:refs/heads/main"', 'github'],
    ['subject: "repo:acme/app:environment:production"', 'github'],
    ['claims: { sub: "repo:acme/*:ref:refs/heads/main" }', 'github'],
    ['claims: { sub: "repo:acme/app:environment:production" }', 'github'],
    ['claims: { repository: acme/app, ref: "refs/tags/v*" }', 'github'],
    ['claims: { repository: acme/app, ref: refs/heads/main }', 'github'],
    ['claims: { repository: acme/app, environment: production }', 'github'],
    [
      'claims: { repository_owner: acme, job_workflow_ref: "acme/ci/.github/workflows/release.yml@refs/heads/main" }',
      'github',
    ],
    ['claims: { project_path: acme/app, ref_protected: "true" }', 'gitlab'],
    ['claims: { project_path: acme/app, ref: main }', 'gitlab'],
    ['claims: { sub: "project_path:acme/app:ref_type:branch:ref:main" }', 'gitlab'],
    ['subject: 0f3c', 'entra'],
  ])('an identity with %s of %s is narrow enough', (rule, issuer) => {
    expect(warnings(policy(identity(`issuer: ${issuer}, ${rule}`)))).toEqual([])
  })

  it.each([
    ['token:outsidr', 'token outsidr', 'did you mean outsider?'],
    ['token:stranger', 'token stranger', undefined],
    // The names of tokens and identities compare with letter case.
    ['token:Outsider', 'token Outsider', 'did you mean outsider?'],
    ['identity:releas', 'identity releas', 'did you mean release?'],
    // A token is not an identity.
    ['identity:outsider', 'identity outsider', undefined],
    ['subject:gihtub/acme', 'issuer gihtub', 'did you mean github?'],
    ['group:okta/admins', 'issuer okta', undefined],
  ])('a test of %s', (as, who, hint = FIXES.unknown_test_principal) => {
    const message = `this test asks about ${who}, which no file defines`
    expect(findings(PEOPLE, asking(as)).map(shown)).toEqual([
      `warning: p.test.yaml:3:5 unknown_test_principal: ${message} (${hint})`,
    ])
  })

  it.each([
    'token:outsider',
    'identity:release',
    'subject:github/anybody',
    'group:entra/0f3c',
    'anonymous',
    'everyone',
  ])('a test of %s is about somebody who may ask', (as) => {
    expect(findings(PEOPLE, asking(as))).toEqual([])
  })

  it('says that a deny is only audited', () => {
    const deny = (mode: string) =>
      `denyAssignments: [ { name: d, principals: [token:reader-one], permissions: [content/read], ${mode} } ]`
    const reader = ['tokens: { reader-one: { scopeMap: _repositories_pull } }']
    const found = (mode: string) =>
      findings(policy(...reader, deny(mode)))
        .filter(({ code }) => code === 'audited_deny')
        .map(shown)
    expect(found('mode: audit')).toEqual([
      inFull('3:20 audited_deny: deny assignment d is only audited: it denies nothing'),
    ])
    expect(found('mode: enforce')).toEqual([])
  })

  describe('of protections', () => {
    const protect = (extra: string) => `protections: [ { name: p, writeOnce: true, ${extra} } ]`
    const pusher = [GOOD, map('repositories/a/*/content/write', 'repositories/a/*/content/read')]
    const deleter = (...lines: string[]) => [token('scopeMap: m'), map(...lines)]
    const deletes = '"repositories/a/*/content/delete"'

    it.each([
      ['other repositories', protect('repositories: [b/*]')],
      ['one other repository', protect('repositories: [a]')],
      ['a prefix that is longer than a name', protect('repositories: [a-b/*]')],
    ])('that cover only %s', (_what, text) => {
      const message = 'protection p covers only repositories that nobody may change'
      expect(
        findings(policy(...pusher, text))
          .filter(({ code }) => code.startsWith('protection'))
          .map(shown),
      ).toEqual([inFull(`4:16 protection_without_effect: ${message}`)])
    })

    it.each(['repositories: [a/b]', 'repositories: [a/*]', 'repositories: ["*"]', 'repositories: [b/*, a/b/*]'])(
      'not with %s',
      (repositories) => {
        const found = findings(policy(...pusher, protect(repositories)))
        expect(found.filter(({ code }) => code === 'protection_without_effect')).toEqual([])
      },
    )

    it.each(['repositories: [a/*]', 'tags: ["*"]', 'repositories: ["*"], tags: ["v*", "*"]'])(
      'that leave nothing of a rule: %s',
      (extra) => {
        const found = findings(policy(...deleter(deletes), protect(extra)))
        expect(found.filter(({ code }) => code === 'rule_behind_protection').map(shown)).toEqual([
          inFull('3:14 rule_behind_protection: scope map m grants only deletes, and protection p refuses them'),
        ])
      },
    )

    it('that leave nothing of a role assignment', () => {
      const role =
        'roles: [ { Name: D, DataActions: [Microsoft.ContainerRegistry/registries/repositories/content/delete] } ]'
      const given = assign('name: d, principal: token:build, role: D, repositories: [a/*]')
      const found = findings(policy(token('scopeMap: _repositories_pull'), role, given, protect('repositories: [a/*]')))
      expect(found.filter(({ code }) => code === 'rule_behind_protection').map(shown)).toEqual([
        inFull('5:5 rule_behind_protection: role assignment d grants only deletes, and protection p refuses them'),
      ])
    })

    it.each([
      ['the rule grants more', deleter(deletes, '"repositories/a/*/content/read"'), protect('repositories: [a/*]')],
      ['the rule reaches further', deleter(deletes, '"repositories/b/content/delete"'), protect('repositories: [a/*]')],
      ['the protection names tags', deleter(deletes), protect('tags: ["v*"]')],
      ['it is only audited', deleter(deletes), protect('mode: audit')],
      ['it exempts the principal', deleter(deletes), protect('except: [token:build]')],
    ])('not if %s', (_what, lines, text) => {
      const found = findings(policy(...lines, text))
      expect(found.filter(({ code }) => code === 'rule_behind_protection')).toEqual([])
    })
  })

  describe('of everyone', () => {
    const world = (issuer: string) => `issuers: { out: { issuer: "${issuer}", audiences: [a] } }`
    const toEveryone = assign(`name: w, principal: everyone, ${READER}, repositories: [a/*]`)
    it.each([
      ['https://token.actions.githubusercontent.com', 'any repository of any GitHub account'],
      ['https://gitlab.com', 'any project of any GitLab.com account'],
      ['https://agent.buildkite.com', 'any pipeline of any Buildkite organization'],
      ['https://app.terraform.io', 'any workspace of any HCP Terraform organization'],
      ['https://accounts.google.com', 'any Google account'],
      ['https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0', 'any personal Microsoft account'],
    ])('next to %s', (issuer, accounts) => {
      const role = 'Container Registry Repository Reader'
      const message = `role assignment w gives everyone the role ${role}, and the issuer out signs in ${accounts}`
      expect(warnings(policy(world(issuer), toEveryone))).toEqual([inFull(`4:5 everyone_of_public_issuer: ${message}`)])
    })

    it.each([
      ['an issuer of our own', policy(world('https://gitlab.example.com'), toEveryone)],
      ['an enterprise of GitHub', policy(world('https://token.actions.githubusercontent.com/acme'), toEveryone)],
      ['no issuer', policy(toEveryone)],
      [
        'another principal',
        policy(world('https://gitlab.com'), assign(`name: w, principal: group:out/g, ${READER}, repositories: [a/*]`)),
      ],
    ])('not with %s', (_, text) => {
      expect(findings(text).filter(({ code }) => code === 'everyone_of_public_issuer')).toEqual([])
    })
  })

  describe('of identities that match any account of a public issuer', () => {
    const rows: [string, string, string][] = [
      ['github', 'claims: { ref: refs/heads/main }', 'any repository of any GitHub account'],
      ['github', 'claims: { environment: production }', 'any repository of any GitHub account'],
      ['github', 'claims: { ref_protected: "true" }', 'any repository of any GitHub account'],
      ['github', 'claims: { repository: "*/app", ref: refs/heads/main }', 'any repository of any GitHub account'],
      ['github', 'claims: { repository: "acme*/app", ref: refs/heads/main }', 'any repository of any GitHub account'],
      ['github', 'claims: { repository: "*/*", ref: refs/heads/main }', 'any repository of any GitHub account'],
      ['github', 'claims: { sub: "repo:*:ref:refs/heads/main" }', 'any repository of any GitHub account'],
      ['github', 'subject: "environment:production"', 'any repository of any GitHub account'],
      ['github', 'subject: "repository_visibility:private"', 'any repository of any GitHub account'],
      ['github', 'subject: "head_ref:main"', 'any repository of any GitHub account'],
      ['github', 'subject: "runner_environment:self-hosted"', 'any repository of any GitHub account'],
      ['github', 'subject: "run_id:5"', 'any repository of any GitHub account'],
      ['dotcom', 'claims: { ref: main, ref_protected: "true" }', 'any project of any GitLab.com account'],
      ['google', 'claims: { email_verified: "true" }', 'any Google account'],
    ]
    const issuers = ISSUERS.replace(
      'issuers: {',
      'issuers: { google: { issuer: "https://accounts.google.com", audiences: [a] }, dotcom: { issuer: "https://gitlab.com", audiences: [a] },',
    )
    const named = (issuer: string, rule: string) => policy(issuers, `identities: { i: { issuer: ${issuer}, ${rule} } }`)

    it.each(rows)('%s, %s', (issuer, rule, accounts) => {
      expect(warnings(named(issuer, rule))).toEqual([
        inFull(`6:15 open_identity: identity i matches ${accounts}: no claim says whose it is`),
      ])
    })

    it.each([
      ['github', 'claims: { repository: acme/app, ref: refs/heads/main }'],
      ['github', 'claims: { repository_owner: acme, ref: refs/heads/main, environment: production }'],
      ['github', 'claims: { job_workflow_ref: "acme/workflows/.github/workflows/sign.yml@refs/heads/main" }'],
      ['github', 'claims: { sub: "repo:acme/*:environment:production" }'],
      ['dotcom', 'claims: { project_path: acme/app, ref: main, ref_protected: "true" }'],
      ['google', 'subject: "112233445566778899000"'],
      ['gitlab', 'claims: { ref: main, ref_protected: "true" }'],
    ])('not %s, %s', (issuer, rule) => {
      expect(findings(named(issuer, rule)).filter(({ message }) => message.includes('no claim says'))).toEqual([])
    })
  })

  describe('of conditions', () => {
    const CLAIM = '@Principal[Dockgate/claims:team]'
    const given = (condition: string, extra = '') =>
      policy(assign(`name: w, principal: everyone, ${WRITER}, condition: "${condition}"${extra}`))
    const ONLY_WRITE = "!(ActionMatches{'Microsoft.ContainerRegistry/registries/repositories/content/write'})"

    it.each([
      [`${NAME} StringStartsWith ${CLAIM}`, `a prefix from ${CLAIM}`],
      [`${NAME} StringNotStartsWithIgnoreCase ${CLAIM}`, `a prefix from ${CLAIM}`],
      [`${NAME} StringLike ${CLAIM}`, `a pattern from ${CLAIM}`],
      [`!(${NAME} ForAnyOfAnyValues:StringLikeIgnoreCase ${CLAIM})`, `a pattern from ${CLAIM}`],
    ])('with a prefix of a claim: %s', (condition, text) => {
      expect(warnings(given(condition))).toEqual([
        inFull(`3:5 prefix_from_claim: the condition of role assignment w takes ${text}`),
      ])
      const denied = policy(deny(`name: d, principals: [everyone], permissions: ["*"], condition: "${condition}"`))
      expect(warnings(denied)).toContainEqual(
        inFull(`3:5 prefix_from_claim: the condition of deny assignment d takes ${text}`),
      )
    })

    it.each([
      `${NAME} StringBelow ${CLAIM}`,
      `${NAME} StringEquals ${CLAIM}`,
      `${NAME} StringStartsWith 'team/'`,
      `${CLAIM} StringStartsWith 'team-'`,
      `${CLAIM} StringLike '*-ops'`,
    ])('not with %s', (condition) => expect(findings(given(condition))).toEqual([]))

    it.each([
      [`${ONLY_WRITE} OR ${NAME} StringStartsWith 'a/'`, 'content/read, metadata/read, metadata/write'],
      [`${ONLY_WRITE}`, 'content/read, metadata/read, metadata/write'],
      [
        `${ONLY_WRITE} OR ActionMatches{'*/content/write'}`,
        'content/read, content/write, metadata/read, metadata/write',
      ],
      [`!(ActionMatches{'*/content/*'}) OR ${NAME} StringEquals 'a'`, 'metadata/read, metadata/write'],
    ])('that leave a right unrestricted: %s', (condition, rights) => {
      expect(warnings(given(condition))).toEqual([
        inFull(`3:5 unrestricted_right: the condition of role assignment w leaves ${rights} unrestricted`),
      ])
      expect(warnings(given(condition, ', repositories: [a]'))).toEqual([])
    })
  })

  describe('of roles', () => {
    const DATA = 'Microsoft.ContainerRegistry/registries/repositories/content/read'
    const role = (lists: string) => policy(`roles: [{ Name: R, permissions: [{ ${lists} }] }]`)

    it.each([
      [`actions: [${DATA}]`, DATA],
      [`actions: ["*/read", ${DATA}], dataActions: [${DATA}]`, DATA],
      [
        'actions: [Microsoft.ContainerRegistry/registries/catalog/read]',
        'Microsoft.ContainerRegistry/registries/catalog/read',
      ],
      [
        'actions: ["Microsoft.ContainerRegistry/registries/repositories/*"]',
        'Microsoft.ContainerRegistry/registries/repositories/*',
      ],
    ])('with data actions among its actions: %s', (lists, found) => {
      expect(warnings(role(lists))).toEqual([
        inFull(`2:9 data_action_in_actions: the role R has data actions among its actions: ${found}`),
      ])
    })

    it.each([
      `dataActions: [${DATA}]`,
      'actions: ["*"]',
      'actions: ["*/read"]',
      'actions: [Microsoft.ContainerRegistry/registries/pull/read]',
      'actions: ["Microsoft.ContainerRegistry/registries/*"]',
    ])('not with %s', (lists) => expect(findings(role(lists))).toEqual([]))
  })

  describe('of denies that a missing claim decides', () => {
    const people = (option = '') =>
      `issuers: { corp: { issuer: "https://corp.example.com", audiences: [a]${option} }, entra: { issuer: "https://login.example.com/v2.0", audiences: [a] } }
identities: { evil: { issuer: corp, claims: { kind: contractor, site: x } }, me: { issuer: corp, subject: me }, mine: { issuer: corp, claims: { sub: me } } }`
    const denies = (principals: string, option = '') =>
      findings(policy(people(option), deny(`name: d, principals: [${principals}], permissions: [content/read]`)))
        .filter(({ code }) => code === 'doubtful_deny')
        .map(shown)
    const doubt = (text: string) => inFull(`5:5 doubtful_deny: deny assignment d also denies callers of ${text}`)

    it.each([
      ['group:corp/contractors', [doubt('corp whose JWT lacks groups')]],
      ['identity:evil', [doubt('corp whose JWT lacks kind, site')]],
      ['identity:evil, group:corp/a, group:corp/b', [doubt('corp whose JWT lacks groups, kind, site')]],
      ['group:corp/a, group:entra/b', [doubt('corp whose JWT lacks groups'), doubt('entra whose JWT lacks groups')]],
    ])('%s', (principals, expected) => expect(denies(principals)).toEqual(expected))

    it.each(['everyone', 'anonymous', 'subject:corp/me', 'identity:me', 'identity:mine'])('not of %s', (principals) =>
      expect(denies(principals)).toEqual([]),
    )

    it.each(['[groups]', '[]'])('not once the issuer says what it leaves out: %s', (list) => {
      expect(denies('group:corp/contractors', `, claimsOmittedWhenEmpty: ${list}`)).toEqual([])
    })
  })

  it('have their own ids, and an example here each', async () => {
    const ids = LINTS.map(({ id }) => id)
    expect(ids.toSorted()).toEqual(Object.keys(FIXES).toSorted())
    const tests = await readFile(import.meta.filename, 'utf8')
    for (const id of ids) expect(tests).toMatch(new RegExp(`\\d ${id}: `))
  })

  it('are listed in docs/lints.md', async () => {
    expect(lintsPage()).toEqual(await readFile(`${import.meta.dirname}/../../docs/lints.md`, 'utf8'))
  })
})

/** The policy of the tests about tests: a token, an identity and three issuers. */
const PEOPLE = policy(
  token('scopeMap: _repositories_pull', 'outsider'),
  ISSUERS,
  'identities: { release: { issuer: github, subject: "repo:acme/app:ref:refs/heads/main" } }',
)

/** A decision test on line 3. */
const asking = (as: string): string =>
  `tests:\n  # No matter who it is.\n  - { as: "${as}", can: content/write, on: app, expect: deny }`

/** A role that gives just what a scope map of readers gives. */
function PULLER(): string {
  const action = 'Microsoft.ContainerRegistry/registries/repositories/content/read'
  return `roles: [{ Name: Puller, permissions: [{ dataActions: [${action}] }] }]`
}
