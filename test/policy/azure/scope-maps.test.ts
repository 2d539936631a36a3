/** Scope maps and tokens, as Azure's token guide has them. */
import { describe, expect, it } from 'vitest'
import { policy, problemsOf } from '../ask.ts'

const ALL = ['content/read', 'content/write', 'content/delete', 'metadata/read', 'metadata/write', 'metadata/delete']
const withMap = (...actions: readonly string[]) =>
  policy({
    scopeMaps: { map: { actions: actions.map((action) => `repositories/${action}`) } },
    tokens: { t: { scopeMap: 'map' } },
  })
const held = (ask: ReturnType<typeof policy>, repository: string) =>
  ALL.filter((permission) => ask('token:t', permission, repository) === 'allow').join(' ')

describe('scope map patterns (acr-model 10.1)', () => {
  // Repository names have no upper-case letters: the guide's own example is not one that can be pushed.
  const lower = withMap('sample/*/content/read', 'sample/team-a/*/content/write', 'sample/team-a/b/content/delete')

  it.each([
    ['sample/team-a/b', 'content/read content/write content/delete'],
    ['sample/team-a/c', 'content/read content/write'],
    ['sample/team-b/x', 'content/read'],
    ['other/x', ''],
  ])('several rules add up: on %s %j', (repository, expected) => expect(held(lower, repository)).toBe(expected))

  it.each([['a'], ['a/b'], ['never/pushed']])('* covers %s', (repository) =>
    expect(held(withMap('*/content/read'), repository)).toBe('content/read'),
  )

  it.each([
    ['samples', ''],
    ['samples2/x', ''],
    ['samples-x', ''],
    ['samples/x', 'content/read'],
    ['samples/x/y/z', 'content/read'],
  ])('samples/* on %s: %j', (repository, expected) => {
    expect(held(withMap('samples/*/content/read'), repository)).toBe(expected)
  })
})

describe('wildcards (acr-model 5.2)', () => {
  it.each([
    ['sample/*/teamA'],
    ['sample/teamA*'],
    ['sample/teamA/*/projectB/*'],
    ['sample/team*'],
    ['*/app'],
    ['*/*'],
    ['**'],
    ['sample/**'],
    ['sample*/app'],
    ['sample//*'],
    ['/sample'],
    ['../sample'],
    [''],
    ['sample/?'],
  ])('%j is rejected', (pattern) => {
    const actions = [`repositories/${pattern}/content/read`]
    const problems = problemsOf({ scopeMaps: { map: { actions } } })
    expect(problems.filter(({ severity }) => severity === 'error')).not.toEqual([])
  })

  it('cover repositories that do not exist yet, also for pushing', () => {
    const ask = withMap('samples/*/content/write', 'samples/*/content/read')
    expect(ask('token:t', 'PUT /v2/samples/new/manifests/v1')).toBe('allow')
  })
})

describe('the five actions (acr-model 5.1)', () => {
  it.each([
    ['content/read', 'GET /v2/a/manifests/v1'],
    ['content/read', `GET /v2/a/blobs/sha256:${'0'.repeat(64)}`],
    ['content/read', `GET /v2/a/referrers/sha256:${'0'.repeat(64)}`],
    ['content/delete', 'DELETE /v2/a/manifests/v1'],
    ['metadata/read', 'GET /v2/a/tags/list'],
    ['metadata/read', 'GET /acr/v1/a'],
    ['metadata/read', 'GET /acr/v1/a/_tags'],
    ['metadata/read', 'GET /acr/v1/a/_manifests'],
  ])('%s alone is enough for %s', (permission, request) => {
    expect(withMap(`a/${permission}`)('token:t', request)).toBe('allow')
    for (const other of ALL.slice(0, 5).filter((one) => one !== permission)) {
      expect(withMap(`a/${other}`)('token:t', request), other).toBe('no_grant')
    }
  })

  it.each([['PUT /v2/a/manifests/v1'], ['POST /v2/a/blobs/uploads/'], ['DELETE /v2/a/blobs/uploads/session']])(
    '%s needs content/write together with content/read',
    (request) => {
      expect(withMap('a/content/write', 'a/content/read')('token:t', request)).toBe('allow')
      expect(withMap('a/content/write')('token:t', request)).toBe('no_grant')
      expect(withMap('a/content/read')('token:t', request)).toBe('no_grant')
    },
  )

  it.each([
    ['metadata/delete'],
    ['quarantine/read'],
    ['quarantine/write'],
    ['sign/write'],
    ['catalog/read'],
    ['content/*'],
  ])('%s is not an action', (permission) => {
    const problems = problemsOf({ scopeMaps: { map: { actions: [`repositories/a/${permission}`] } } })
    expect(problems.filter(({ severity }) => severity === 'error')).not.toEqual([])
  })
})

describe('system-defined scope maps (acr-model 5.3)', () => {
  it.each([
    ['_repositories_admin', 'content/read content/write content/delete metadata/read metadata/write'],
    ['_repositories_pull', 'content/read'],
    ['_repositories_pull_metadata_read', 'content/read metadata/read'],
    ['_repositories_push', 'content/read content/write'],
    ['_repositories_push_metadata_write', 'content/read content/write metadata/read metadata/write'],
  ])('%s: %s', (scopeMap, expected) => {
    for (const mode of ['abac', 'rbac']) {
      expect(held(policy({ registry: { mode }, tokens: { t: { scopeMap } } }), 'any/repository')).toBe(expected)
    }
  })
})

describe('tokens (acr-model 5.5)', () => {
  it.each([
    ['enabled', 'allow'],
    ['disabled', 'token_disabled'],
  ])('%s: %s', (status, expected) => {
    const ask = policy({ tokens: { t: { scopeMap: '_repositories_pull', status } } })
    expect(ask('token:t', 'content/read', 'a')).toBe(expected)
  })

  it('share a map, and each has its own rights only by it', () => {
    const scopeMaps = {
      a: { actions: ['repositories/a/content/read'] },
      b: { actions: ['repositories/b/content/read'] },
    }
    const ask = policy({ scopeMaps, tokens: { t: { scopeMap: 'a' }, u: { scopeMap: 'a' }, v: { scopeMap: 'b' } } })
    expect(['token:t', 'token:u', 'token:v'].map((who) => ask(who, 'content/read', 'a'))).toEqual([
      'allow',
      'allow',
      'no_grant',
    ])
  })

  it('do not list the catalog, whatever their map covers', () => {
    const ask = policy({ tokens: { t: { scopeMap: '_repositories_admin' } } })
    expect(ask('token:t', 'catalog/read')).toBe('no_grant')
  })
})
