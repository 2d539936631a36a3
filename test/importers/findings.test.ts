/** Everything that an importer reports or refuses, with its line and column. */
import { describe, expect, it } from 'vitest'
import { importAzure } from '../../src/importers/azure.ts'
import { importDockerAuth } from '../../src/importers/docker-auth.ts'
import type { Finding, Imported } from '../../src/importers/finding.ts'
import { ImportError } from '../../src/importers/input.ts'
import { importZot } from '../../src/importers/zot.ts'

const withHint = (text: string, hint: string | undefined): string => (hint === undefined ? text : `${text} (${hint})`)
const shown = ({ severity, source: { file, line, column }, message, hint }: Finding): string =>
  withHint(`${severity}: ${file}:${line}:${column} ${message}`, hint)

function refusal(run: () => Imported): string {
  try {
    run()
  } catch (cause) {
    if (cause instanceof ImportError) return withHint(`refused: ${cause.message}`, cause.hint)
    throw cause
  }
  return 'imported'
}

describe('docker_auth', () => {
  const findings = (text: string) => importDockerAuth('c.yml', text, {}).findings.map(shown)
  const BY_HAND = '(write the rule by hand; nothing is granted by it, nor by later ones where it might match)'

  it.each([
    [
      'a name',
      'match: {name: "/^[a-z]+$/"}',
      `lost: c.yml:2:7 the name /^[a-z]+$/ cannot be said in a condition ${BY_HAND}`,
    ],
    ['an address', 'match: {ip: "10.0.0"}', `lost: c.yml:2:7 "10.0.0" is not an address or range ${BY_HAND}`],
    ['an account', 'match: {account: "/(?m)A/"}', `lost: c.yml:2:7 the account /(?m)A/ is not understood ${BY_HAND}`],
    ['a label', 'match: {labels: {team: "/(?m)A/"}}', `lost: c.yml:2:7 the label /(?m)A/ is not understood ${BY_HAND}`],
    [
      'a label that is the name',
      'match: {labels: {team: "${name}*"}}',
      `lost: c.yml:2:7 the label \${name}* cannot be said in a condition ${BY_HAND}`,
    ],
    [
      'a name in an account',
      'match: {account: "*${name}"}',
      `lost: c.yml:2:7 the account *\${name} cannot be said in a condition ${BY_HAND}`,
    ],
    [
      'a service',
      'match: {service: Docker}',
      `lost: c.yml:2:7 an entry for one service: say which is imported, with --service ${BY_HAND}`,
    ],
  ])('loses %s', (_, rule, expected) => {
    const users = 'users: { "": { labels: { team: [x] } } }'
    expect(findings(`${users}\nacl: [{${rule}, actions: ["*"]}]\n`)).toEqual([expected])
  })

  it.each([
    {
      what: 'a name that no token has',
      text: 'users: { "a@b.c": {} }\nacl: []\n',
      expected: [
        'lost: c.yml:1:10 "a@b.c" cannot be the name of a token (give the user another name, of letters, digits, - and _, and import again)',
      ],
    },
    {
      what: 'a password',
      text: 'users: { ann: {} }\nacl: []\n',
      expected: [
        'note: c.yml:1:10 ann needs a new password: a bcrypt hash cannot be imported (dockgate token rotate ann)',
      ],
    },
    {
      what: 'users elsewhere',
      text: 'ldap_auth: { addr: x }\nacl: []\n',
      expected: [
        'lost: c.yml:1:1 the users of ldap_auth are not in the file: rules for them are not imported (add an issuer for them, and role assignments to subject:ISSUER/ID, group:ISSUER/ID or identities)',
      ],
    },
    {
      what: 'rules elsewhere',
      text: 'acl_mongo: { x: 1 }\nacl: []\n',
      expected: ['lost: c.yml:1:1 the rules of acl_mongo are not in the file (write them by hand)'],
    },
    {
      what: 'labels of users elsewhere',
      text: 'ldap_auth: { addr: x }\nacl: [{match: {account: ann, labels: {team: x}}, actions: [pull]}]\nusers: {}\n',
      expected: [
        'lost: c.yml:1:1 the users of ldap_auth are not in the file: rules for them are not imported (add an issuer for them, and role assignments to subject:ISSUER/ID, group:ISSUER/ID or identities)',
        `lost: c.yml:2:7 labels come with users that are not in the file ${BY_HAND}`,
        'note: c.yml:2:25 ann needs a new password: a bcrypt hash cannot be imported (dockgate token rotate ann)',
      ],
    },
    {
      what: 'an action',
      text: 'users: {}\nacl: [{match: {}, actions: [pull, read]}]\n',
      expected: [
        'lost: c.yml:2:35 the action "read" has no equal here (actions are pull, push and delete, or * alone)',
      ],
    },
    {
      what: '* among others',
      text: 'users: {}\nacl: [{match: {}, actions: ["*", pull]}]\n',
      expected: [
        'lost: c.yml:2:29 among other actions, * holds only for clients that ask for it: it is imported for the catalog alone (actions are pull, push and delete, or * alone)',
      ],
    },
    {
      what: 'other programs as rules and not as users',
      text: 'ext_authz: { command: x }\nacl: []\n',
      expected: ['lost: c.yml:1:1 the rules of ext_authz are not in the file (write them by hand)'],
    },
    {
      what: 'a setting that is not known',
      text: 'acls: []\nacl: []\n',
      expected: ['note: c.yml:1:1 the setting acls is not known here, and not imported'],
    },
    {
      what: 'patterns of entries that no account reaches',
      text: 'users: { ann: {} }\nacl: [{match: {account: bob, name: "/(/"}, actions: []}, {match: {account: bob, ip: "1.2.3", labels: {a: "/[/"}}, actions: []}]\n',
      expected: [
        'note: c.yml:1:10 ann needs a new password: a bcrypt hash cannot be imported (dockgate token rotate ann)',
        'lost: c.yml:2:36 the regular expression /(/ is not understood (docker_auth may not start with it: correct it, and import again)',
        'lost: c.yml:2:85 "1.2.3" is not an address or range (docker_auth may not start with it: correct it, and import again)',
        'lost: c.yml:2:106 the regular expression /[/ is not understood (docker_auth may not start with it: correct it, and import again)',
      ],
    },
    {
      what: 'rights of anonymous callers',
      text: 'users: { "": {}, ann: {} }\nacl: [{match: {account: ""}, actions: [pull]}]\n',
      expected: [
        'note: c.yml:1:18 ann needs a new password: a bcrypt hash cannot be imported (dockgate token rotate ann)',
        'wider: c.yml:1:18 ann has at least the rights of anonymous callers here: pull, which the acl does not give it everywhere (grant the account the same in the acl, or write a deny assignment)',
      ],
    },
    {
      what: 'rights of anonymous callers for users elsewhere',
      text: 'users: { "": {} }\nldap_auth: { addr: x }\nacl: [{match: {}, actions: [pull]}]\n',
      expected: [
        'wider: c.yml:1:10 users from elsewhere have at least the rights of anonymous callers here (where the acl refuses them more, write a deny assignment)',
        'lost: c.yml:2:1 the users of ldap_auth are not in the file: rules for them are not imported (add an issuer for them, and role assignments to subject:ISSUER/ID, group:ISSUER/ID or identities)',
      ],
    },
    {
      what: 'too many exceptions',
      text: `users: { "": {} }\nacl:\n${Array.from({ length: 80 }, (_, n) => `  - {match: {name: "${'long-'.repeat(20)}${n}/*"}, actions: []}\n`).join('')}  - {match: {}, actions: [pull]}\n`,
      expected: [
        'lost: c.yml:83:5 the condition would be longer than 8 KiB (put the entries that it must not reach behind it, or write it by hand)',
      ],
    },
  ])('reports $what', ({ text, expected }) => {
    expect(findings(text)).toEqual(expected)
  })

  it.each([
    ['', 'refused: c.yml has no acl (rules that lie in a database or a program cannot be imported)'],
    ['acl: &a [*a]', 'refused: c.yml:1:10: the alias *a is inside its own anchor (write the values out)'],
  ])('refuses %j', (text, expected) => {
    expect(refusal(() => importDockerAuth('c.yml', text, {}))).toEqual(expected)
  })
})

describe('zot', () => {
  /** `accessControl` on a line of its own, from column 3 on. */
  const wrap = (control: object) => `{"http": {"accessControl":\n  ${JSON.stringify(control)}\n}}`
  const findings = (control: object, options = { createIsWrite: false }) =>
    importZot('c.json', wrap(control), options).findings.map(shown)
  const everywhere = (policy: object) => ({ repositories: { '**': policy } })

  it.each([
    [
      'create alone',
      everywhere({ defaultPolicy: ['create'] }),
      'lost: c.json:2:26 everyone may create but not update: not imported (the gate does not know which tags exist: --create-is-write grants writing, and so overwriting)',
    ],
    [
      'update alone',
      everywhere({ defaultPolicy: ['update'] }),
      'lost: c.json:2:26 everyone may update but not create: not imported (in zot, too, every push begins with create)',
    ],
    [
      'conditions',
      everywhere({ policies: [{ users: ['ann'], conditions: [{ expression: 'true' }] }] }),
      "lost: c.json:2:55 a policy with conditions in CEL is not imported (write a condition in Azure's language for it; it grants nothing here)",
    ],
    [
      'a group of others',
      everywhere({ policies: [{ groups: ['ldap'], actions: ['read'] }] }),
      'lost: c.json:2:49 the members of the group ldap are not in the file (add an issuer for them and a role assignment to group:ISSUER/ID)',
    ],
    [
      'a group in another letter case',
      { ...everywhere({ policies: [{ groups: ['Web'], actions: ['read'] }] }), groups: { Web: { users: ['wim'] } } },
      'lost: c.json:2:49 the members of the group Web are not in the file (zot reads the names of its own groups in lower case, so this is a group from elsewhere)',
    ],
    [
      'a name',
      everywhere({ policies: [{ users: ['a@b'], actions: ['read'] }] }),
      'lost: c.json:2:38 "a@b" cannot be the name of a token (give the user another name, of letters, digits, - and _, and import again)',
    ],
    [
      'an action',
      everywhere({ defaultPolicy: ['pull'] }),
      'lost: c.json:2:43 zot knows no action "pull" (it knows read, create, update, delete, detectManifestCollision)',
    ],
    [
      'a pattern',
      { repositories: { '**/a*': { defaultPolicy: ['read'] } } },
      'lost: c.json:2:20 the pattern **/a* cannot be said in a condition (write its rules by hand; nothing is granted on what it matches)',
    ],
    [
      'too many patterns',
      {
        repositories: {
          '**': { defaultPolicy: ['read'] },
          ...Object.fromEntries(
            Array.from({ length: 80 }, (_, n) => [`${'long-'.repeat(20)}${n}/**`, { defaultPolicy: [] }]),
          ),
        },
      },
      'lost: c.json:2:26 the condition would be longer than 8 KiB (use fewer patterns that overlap)',
    ],
  ])('loses %s', (_, control, expected) => {
    expect(findings(control)).toEqual([expected])
  })

  it('loses what two patterns match that are equally long', () => {
    expect(findings({ repositories: { 'a*/b': { defaultPolicy: ['read'] }, 'ab/*': { defaultPolicy: [] } } })).toEqual([
      'lost: c.json:2:20 a*/b and ab/* are equally long and may match the same (zot picks one of them by chance; where both match, nothing is granted)',
      'lost: c.json:2:54 ab/* and a*/b are equally long and may match the same (zot picks one of them by chance; where both match, nothing is granted)',
    ])
  })

  it.each([
    [
      'a pattern that zot does not see',
      { repositories: { 'Secret/**': {}, b: { defaultPolicy: [] } } },
      'note: c.json:2:20 zot does not see the pattern secret/**, which holds no value: others decide there (to close these repositories, write "defaultPolicy": [] into it, and import again)',
    ],
    [
      'metrics',
      { metrics: { users: [] } },
      'note: c.json:2:4 who may read metrics is not a matter of the gate (the gate has no /metrics)',
    ],
    [
      'a password',
      everywhere({ policies: [{ users: ['ann'], actions: ['read'] }] }),
      'note: c.json:1:11 ann needs a new password (dockgate token rotate ann)',
    ],
    [
      'rights of anonymous callers that the admin policy gives',
      { repositories: {}, adminPolicy: { users: [''], actions: ['read', 'delete'] } },
      'wider: c.json:2:22 everyone who signs in has at least the rights of anonymous callers everywhere: read, delete (in zot only callers without a name have them: remove the empty user, or write a deny assignment)',
    ],
    [
      'rights of anonymous callers',
      everywhere({ anonymousPolicy: ['read'] }),
      'wider: c.json:2:26 everyone who signs in has at least the rights of anonymous callers here: read on ** (in zot they would have to sign out first: add the actions to defaultPolicy, or write a deny assignment)',
    ],
    [
      'the right to overwrite',
      everywhere({ defaultPolicy: ['create'] }),
      'wider: c.json:2:26 everyone may overwrite tags here, and could only create them in zot',
    ],
    [
      'collisions',
      everywhere({ defaultPolicy: ['detectManifestCollision'] }),
      'note: c.json:2:26 detectManifestCollision has no equal (deleting by digest reaches every tag of the manifest; use a deny assignment to protect some)',
    ],
  ])('notes %s', (_, control, expected) => {
    expect(findings(control, { createIsWrite: true })).toEqual([expected])
  })

  it.each([
    ['{}', 'refused: c.json has no http.accessControl (without it zot lets everybody who signs in do everything)'],
    ['{', 'refused: c.json:1:2: not valid YAML: flow map must end with a }'],
  ])('refuses %j', (text, expected) => {
    expect(refusal(() => importZot('c.json', text, { createIsWrite: false }))).toEqual(expected)
  })
})

describe('Azure', () => {
  const ROOT = '/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries'
  const MAP = { id: `${ROOT}/hub/scopeMaps/m`, name: 'm', actions: ['repositories/a/content/read'], scopeMapType: 'x' }
  const TOKEN = { id: `${ROOT}/hub/tokens/edge`, name: 'edge', scopeMapId: `${ROOT}/hub/scopeMaps/m` }
  const assignment = (scope: string) => ({
    name: scope,
    principalId: 'p',
    principalType: 'User',
    roleDefinitionName: 'Container Registry Repository Reader',
    scope,
  })
  const run = (items: readonly object[], options = {}) =>
    importAzure([{ path: 'a.json', text: JSON.stringify(items, null, 1) }], { mode: 'abac', ...options })

  it('notes what the lists do not hold', () => {
    expect(run([MAP, TOKEN, assignment(`${ROOT}/hub`)]).findings.map(shown)).toEqual([
      'note: a.json:1:1 no assignment is inherited from a resource group or above: the list may lack them (make it with `az role assignment list --scope REGISTRY_ID --include-inherited`)',
      'note: a.json:10:2 edge needs a new password: Azure exports none (dockgate token rotate edge)',
      'note: a.json:15:2 nobody can sign in yet: the tenant of these principals is not known (import again with --tenant ID (az account show --query tenantId))',
    ])
  })

  it('loses what is not of the registry', () => {
    const { findings } = run([assignment('/'), assignment(`${ROOT}/hub`), assignment(`${ROOT}/other`)], {
      registry: 'hub',
      tenant: 't',
    })
    expect(findings.map(shown)).toEqual([
      `lost: a.json:21:12 the scope "${ROOT}/other" is not that of this registry (this assignment grants nothing)`,
    ])
  })

  it('refuses what is not a list', () => {
    expect(refusal(() => run([{ a: 1 }]))).toEqual(
      'refused: a.json:2:2: this is not an item of a list that Azure prints (lists of role assignments, role definitions, scope maps and tokens are understood)',
    )
  })
})
