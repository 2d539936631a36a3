/** What the built-in roles give in both role assignment permissions modes, row by row of Azure's tables. */
import { describe, expect, it } from 'vitest'
import { having, policy, problemsOf } from '../ask.ts'

const READER = 'Container Registry Repository Reader'
const WRITER = 'Container Registry Repository Writer'
const CONTRIBUTOR = 'Container Registry Repository Contributor'
const LISTER = 'Container Registry Repository Catalog Lister'
const IMPORTER = 'Container Registry Data Importer and Data Reader'

const NAMED = /^(?:content|metadata|quarantine|sign)\//
/** `x` for each role that holds the permission, `.` for each that does not. */
const row = (mode: 'abac' | 'rbac', roles: readonly string[], what: string) =>
  roles
    .map((role) => having(mode, role)('token:t', what, NAMED.test(what) ? 'any/repository' : undefined))
    .map((answer) => (answer === 'allow' ? 'x' : '.'))
    .join('')

const R = 'Microsoft.ContainerRegistry/registries'
const DIGEST = `sha256:${'0'.repeat(64)}`

describe('capabilities in rbac mode (acr-model 2.4, first table)', () => {
  const roles = [
    'Owner',
    'Contributor',
    'Reader',
    'AcrPull',
    'AcrPush',
    'AcrDelete',
    'AcrQuarantineReader',
    'AcrQuarantineWriter',
  ]

  it.each([
    ['list repositories (catalog)', 'catalog/read', 'xxxxx...'],
    ['list tags', 'metadata/read', 'xxxxx...'],
    ['list tags by request', 'GET /v2/a/tags/list', 'xxxxx...'],
    ['list referrers', `GET /v2/a/referrers/${DIGEST}`, 'xxxxx...'],
    ['pull', 'content/read', 'xxxxx...'],
    ['push', 'content/write', 'xx..x...'],
    ['push, create referrers, re-tag', 'PUT /v2/a/manifests/v1', 'xx..x...'],
    ['delete manifest, tag, referrer', 'content/delete', 'xx...x..'],
    ['delete a repository', 'DELETE /acr/v1/a', 'xx...x..'],
    ['delete metadata', 'metadata/delete', 'xx...x..'],
    ['view lock policies, by its legacy action', `${R}/metadata/read`, 'xxx.....'],
    ['change lock policies', 'metadata/write', 'xx......'],
    ['view the streaming state of an image', 'GET /acr/v1/a/_streaming', 'xxxxx...'],
    ['enable streaming', 'POST /acr/v1/a/_streaming', 'xx..x...'],
    ['disable streaming: deletes a referrer', `DELETE /v2/a/manifests/${DIGEST}`, 'xx...x..'],
    ['view and pull quarantined', 'quarantine/read', 'xxx...xx'],
    ['change the quarantine state', 'quarantine/write', 'xx.....x'],
    ['list soft-deleted', `${R}/deleted/read`, 'xxx.....'],
    ['list soft-deleted by request', 'GET /acr/v1/_deleted/_catalog', 'xxx.....'],
    ['restore soft-deleted', `${R}/deleted/restore/action`, 'xx......'],
    ['sign: owners do not (2020 table)', 'sign/write', '........'],
  ])('%s', (_, what, expected) => expect(row('rbac', roles, what)).toBe(expected))

  it('only AcrImageSigner signs', () => expect(row('rbac', ['AcrImageSigner'], 'sign/write')).toBe('x'))
})

describe('capabilities in abac mode (acr-model 2.4, second table)', () => {
  it.each([
    ['list repositories', 'catalog/read', '...x'],
    ['list tags and manifests', 'metadata/read', 'xxx.'],
    ['list referrers', `GET /v2/a/referrers/${DIGEST}`, 'xxx.'],
    ['pull', 'content/read', 'xxx.'],
    ['push, referrers, tag, re-tag', 'content/write', '.xx.'],
    ['push by request', 'PUT /v2/a/manifests/v1', '.xx.'],
    ['delete manifests, tags, referrers, repositories', 'content/delete', '..x.'],
    ['delete a repository', 'DELETE /acr/v1/a', '..x.'],
    ['view lock policies', 'GET /acr/v1/a', 'xxx.'],
    ['change lock policies', 'metadata/write', '.xx.'],
    ['view streaming', 'GET /acr/v1/a/_streaming', 'xxx.'],
    ['enable streaming', 'POST /acr/v1/a/_streaming', '.xx.'],
    ['disable streaming', `DELETE /v2/a/manifests/${DIGEST}`, '..x.'],
    ['quarantine, view', 'quarantine/read', '....'],
    ['quarantine, change', 'quarantine/write', '....'],
    ['soft delete, list', `${R}/deleted/read`, '....'],
    ['soft delete, restore', `${R}/deleted/restore/action`, '....'],
  ])('%s', (_, what, expected) => expect(row('abac', [READER, WRITER, CONTRIBUTOR, LISTER], what)).toBe(expected))
})

const bothModes = (role: string, what: string) => row('rbac', [role], what) + row('abac', [role], what)

describe('what a role gives in rbac and in abac mode (acr-model 3.1)', () => {
  it.each([
    ['AcrPull', 'content/read', 'x.'],
    ['AcrPull', 'metadata/read', 'x.'],
    ['AcrPull', 'catalog/read', 'x.'],
    ['AcrPush', 'content/write', 'x.'],
    ['AcrDelete', 'content/delete', 'x.'],
    ['Owner', 'content/read', 'x.'],
    ['Owner', 'content/write', 'x.'],
    ['Contributor', 'content/delete', 'x.'],
    ['Reader', 'content/read', 'x.'],
    // ... and control plane in both.
    ['Owner', `${R}/write`, 'xx'],
    ['Contributor', `${R}/importImage/action`, 'xx'],
    ['Reader', `${R}/read`, 'xx'],
    ['Reader', `${R}/write`, '..'],
    [READER, 'content/read', '.x'],
    [WRITER, 'content/write', '.x'],
    [CONTRIBUTOR, 'content/delete', '.x'],
    [LISTER, 'catalog/read', '.x'],
    ['AcrQuarantineReader', 'quarantine/read', 'xx'],
    ['AcrQuarantineWriter', 'quarantine/write', 'xx'],
    [IMPORTER, 'content/read', 'xx'],
    [IMPORTER, `${R}/importImage/action`, 'xx'],
  ])('%s, %s: %s', (role, what, expected) => expect(bothModes(role, what)).toBe(expected))

  const custom = (mode: string, permissions: object) =>
    policy({
      registry: { mode },
      roles: [{ Name: 'Own', permissions: [permissions] }],
      roleAssignments: [{ principal: 'everyone', role: 'Own' }],
    })

  it.each([
    ['content/read', 'pull/read'],
    ['content/write', 'push/write'],
    ['content/delete', 'artifacts/delete'],
  ])('custom roles: %s by the legacy %s in rbac mode only', (permission, action) => {
    const role = { actions: [`${R}/${action}`] }
    expect(custom('rbac', role)('token:t', permission, 'a')).toBe('allow')
    expect(custom('abac', role)('token:t', permission, 'a')).toBe('no_grant')
  })

  it.each([
    ['content/read'],
    ['content/write'],
    ['content/delete'],
    ['metadata/read'],
    ['metadata/write'],
    ['metadata/delete'],
  ])('custom roles: %s by its data action in abac mode only', (permission) => {
    const role = { dataActions: [`${R}/repositories/${permission}`] }
    expect(custom('abac', role)('token:t', permission, 'a')).toBe('allow')
    expect(custom('rbac', role)('token:t', permission, 'a')).toBe('no_grant')
  })

  it('an assignment without a condition is for the whole registry, in both modes', () => {
    for (const name of ['a', 'a/b', 'never/pushed']) {
      expect(having('abac', READER)('token:t', 'content/read', name)).toBe('allow')
      expect(having('rbac', 'AcrPull')('token:t', 'content/read', name)).toBe('allow')
    }
  })

  it('conditions are for abac mode: an error in our files', () => {
    const roleAssignments = [{ principal: 'everyone', role: 'AcrPull', repositories: ['a'] }]
    expect(problemsOf({ registry: { mode: 'rbac' }, roleAssignments }).map(({ code }) => code)).toContain('mode_rbac')
  })

  it('scope-map tokens and anonymous pull do not depend on the mode', () => {
    for (const mode of ['abac', 'rbac']) {
      const anonymous = ['repositories/public/*/content/read']
      const ask = policy({ registry: { mode, anonymous }, tokens: { t: { scopeMap: '_repositories_pull' } } })
      expect(ask('token:t', 'content/read', 'a')).toBe('allow')
      expect(ask('anonymous', 'content/read', 'public/a')).toBe('allow')
      expect(ask('anonymous', 'content/read', 'a')).toBe('no_grant')
    }
  })

  it.each([
    ['rbac', 'AcrPull', 'allow'],
    ['abac', READER, 'no_grant'],
    ['abac', LISTER, 'allow'],
  ] as const)('in %s mode %s lists repositories: %s, by both catalog requests', (mode, role, expected) => {
    const ask = policy({ registry: { mode, catalog: 'exact' }, roleAssignments: [{ principal: 'everyone', role }] })
    expect(ask('token:t', 'GET /v2/_catalog')).toBe(expected)
    expect(ask('token:t', 'GET /acr/v1/_catalog')).toBe(expected)
  })
})

describe('roles and modes (acr-model 10.3): rbac, then abac', () => {
  it.each([
    ['AcrPull', ['content/read', 'metadata/read', 'catalog/read'], 'xxx', '...'],
    ['AcrPush', ['content/write', 'content/delete'], 'x.', '..'],
    ['AcrDelete', ['content/delete', 'content/read'], 'x.', '..'],
    ['Owner', ['content/read'], 'x', '.'],
    ['Reader', ['content/read', 'content/write'], 'x.', '..'],
    [READER, ['content/read', 'metadata/read', 'catalog/read'], '...', 'xx.'],
    [WRITER, ['content/write', 'metadata/write', 'content/delete'], '...', 'xx.'],
    [CONTRIBUTOR, ['DELETE /acr/v1/a'], '.', 'x'],
    [LISTER, ['catalog/read', 'content/read'], '..', 'x.'],
    [IMPORTER, ['content/read', 'content/write', 'catalog/read'], 'x.x', 'x.x'],
  ])('%s: %j', (role, needs, rbac, abac) => {
    expect(needs.map((need) => row('rbac', [role], need)).join('')).toBe(rbac)
    expect(needs.map((need) => row('abac', [role], need)).join('')).toBe(abac)
  })

  it.each(['rbac', 'abac'])('scope map _repositories_pull in %s mode pulls and does not list tags', (mode) => {
    const ask = policy({ registry: { mode }, tokens: { t: { scopeMap: '_repositories_pull' } } })
    expect(ask('token:t', 'content/read', 'a')).toBe('allow')
    expect(ask('token:t', 'metadata/read', 'a')).toBe('no_grant')
  })
})

describe('choices where documents are silent or disagree (acr-model 11)', () => {
  const UNTAG = 'DELETE /acr/v1/a/_tags/v1'

  it.each([
    ['abac', CONTRIBUTOR, 'allow'],
    ['abac', WRITER, 'no_grant'],
    ['rbac', 'AcrDelete', 'allow'],
    ['rbac', 'AcrPush', 'no_grant'],
  ] as const)('row 1, untagging in %s mode: %s, %s', (mode, role, expected) => {
    expect(having(mode, role)('token:t', UNTAG)).toBe(expected)
  })

  it('row 1: content/delete alone is enough to untag, metadata/write is not', () => {
    const ask = policy({
      scopeMaps: {
        deleter: { actions: ['repositories/a/content/delete'] },
        writer: { actions: ['repositories/a/content/write', 'repositories/a/metadata/write'] },
      },
      tokens: { deleter: { scopeMap: 'deleter' }, writer: { scopeMap: 'writer' } },
    })
    expect(ask('token:deleter', UNTAG)).toBe('allow')
    expect(ask('token:writer', UNTAG)).toBe('no_grant')
  })

  it('row 2: AcrImageSigner is not honoured in abac mode', () =>
    expect(bothModes('AcrImageSigner', 'sign/write')).toBe('x.'))

  it('row 3: repository readers and writers do not list repositories', () =>
    expect(row('abac', [READER, WRITER, CONTRIBUTOR], 'catalog/read')).toBe('...'))

  it('row 5: @Request and @Resource are both the repository', () => {
    for (const source of ['Request', 'Resource']) {
      const condition = `@${source}[${R}/repositories:name] StringEquals 'a'`
      const ask = policy({ roleAssignments: [{ principal: 'everyone', role: READER, condition }] })
      expect([ask('token:t', 'content/read', 'a'), ask('token:t', 'content/read', 'b')]).toEqual(['allow', 'no_grant'])
    }
  })

  it('row 6: in rbac mode pulling lists tags', () => expect(row('rbac', ['AcrPull'], 'GET /v2/a/tags/list')).toBe('x'))

  it('row 7: in rbac mode AcrPush writes tags and changes no locks', () => {
    expect(row('rbac', ['AcrPush'], 'PUT /v2/a/manifests/v1')).toBe('x')
    expect(row('rbac', ['AcrPush'], 'metadata/write')).toBe('.')
  })

  it('row 10: * of ActionMatches spans segments', () => {
    const condition = `!(ActionMatches{'Microsoft.ContainerRegistry/*/write'}) OR @Request[${R}/repositories:name] StringEquals 'a'`
    const ask = policy({ roleAssignments: [{ principal: 'everyone', role: WRITER, condition }] })
    expect([ask('token:t', 'content/write', 'b'), ask('token:t', 'content/read', 'b')]).toEqual(['no_grant', 'allow'])
  })

  it('row 12: the catalog is refused to anonymous callers, and filtered for everybody else', () => {
    const ask = policy({ registry: { anonymous: ['repositories/*/content/read'] } })
    expect(ask('anonymous', 'GET /v2/_catalog')).toBe('authentication_required')
    expect(ask('token:t', 'GET /v2/_catalog')).toBe('allow')
    expect(ask('token:t', 'catalog/read')).toBe('no_grant')
  })

  it.each([
    ['GET /acr/v1/_deleted/_catalog'],
    ['GET /acr/v1/_deleted/a/_manifests'],
    [`POST /acr/v1/_deleted/a/_manifests/${DIGEST}`],
  ])('row 13: soft delete has no data action: %s', (request) => {
    expect(row('abac', [READER, WRITER, CONTRIBUTOR, LISTER], request)).toBe('....')
    expect(row('abac', ['Owner'], request)).toBe('x')
  })

  it.each([['Role Based Access Control Administrator'], ['User Access Administrator']])(
    'row 14: %s does not pull by its */read',
    (role) => {
      for (const what of ['content/read', 'metadata/read', 'catalog/read', 'quarantine/read'])
        expect(bothModes(role, what)).toBe('..')
      expect(bothModes(role, `${R}/read`)).toBe('xx')
    },
  )

  it('row 16: cancelling an upload is part of pushing, deleting a blob is deleting', () => {
    expect(row('abac', [READER, WRITER, CONTRIBUTOR], 'DELETE /v2/a/blobs/uploads/session')).toBe('.xx')
    expect(row('abac', [READER, WRITER, CONTRIBUTOR], `DELETE /v2/a/blobs/${DIGEST}`)).toBe('..x')
  })
})
