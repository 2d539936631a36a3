/** The policies that `dockgate init` writes, and their tests, as texts. Never touches the disk. */

import type { Answers, Issuer } from './answers.ts'

/** The policy file and the decision tests of a new project. */
export type Texts = { readonly policy: string; readonly tests: string }

/** @param service token audience of the gate */
export const textsOf = (answers: Answers, service: string): Texts => ({
  policy:
    answers.callers === 'tokens' ? tokenPolicy(answers, service) : issuerPolicy(answers, answers.callers, service),
  tests: tests(answers),
})

/** The tokens that the policy defines, none of which has a password yet. */
export const tokensIn = ({ callers }: Answers): readonly string[] =>
  callers === 'tokens' ? ['build', 'reader'] : ['reader']

const head = (service: string) => `# Who may do what in the registry. Try it: dockgate check

registry:
  # The host name of the gate: clients log in to it.
  service: ${service}
`

const tokenPolicy = ({ push }: Answers, service: string) => `${head(service)}
scopeMaps:
  build:
    description: CI pushes, pulls and lists
    actions:
      - repositories/${push}/content/read
      - repositories/${push}/content/write
      - repositories/${push}/metadata/read

tokens:
  # Give it a password: dockgate token rotate build
  build:
    scopeMap: build
  # Pulls everything, and does nothing else.
  reader:
    scopeMap: _repositories_pull
`

function issuerPolicy({ push, pusher }: Answers, { name, issuer, claimsOf, note }: Issuer, service: string): string {
  const claims = claimsOf?.(pusher)
  const who =
    claims === undefined
      ? `subject: ${JSON.stringify(pusher)}`
      : ['claims:', ...Object.entries(claims).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`)].join(
          '\n    ',
        )
  const remark = note?.(pusher) ?? 'A caller is this identity when its token says all of this.'
  return `${head(service)}
issuers:
  ${name}:
    issuer: ${issuer}
    audiences: [${service}]

identities:
  # ${remark}
  build:
    issuer: ${name}
    ${who}

roleAssignments:
  - name: build-pushes
    principal: identity:build
    role: Container Registry Repository Writer
    repositories: ["${push}"]

tokens:
  # Pulls everything, and does nothing else. Give it a password: dockgate token rotate reader
  reader:
    scopeMap: _repositories_pull
`
}

function tests({ callers, push }: Answers): string {
  const pusher = callers === 'tokens' ? 'token:build' : 'identity:build'
  const inside = push.replace(/\*$/, 'app')
  const outside = push === 'elsewhere' ? 'other' : 'elsewhere'
  const refused =
    push === '*' ? '' : `  - { as: ${pusher}, can: content/write, on: ${outside}, expect: deny, reason: no_grant }\n`
  return `# What must stay true, no matter who edits the policies: dockgate check

tests:
  - { as: ${pusher}, can: content/write, on: ${inside}, expect: allow }
  - { as: ${pusher}, request: PUT /v2/${inside}/manifests/v1, expect: allow }
  - { as: ${pusher}, can: content/delete, on: ${inside}, expect: deny, reason: no_grant }
${refused}  - { as: token:reader, request: GET /v2/${inside}/manifests/v1, expect: allow }
  - { as: token:reader, can: content/write, on: ${inside}, expect: deny, reason: no_grant }
  - { as: anonymous, can: content/read, on: ${inside}, expect: deny, reason: no_grant }
`
}
