/** Scopes beyond the corpus: bounds, the way back to text, what covers what. */
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { isDataPermission } from '../../src/registry/permission.ts'
import {
  type Access,
  formatScope,
  includesScope,
  parseScopes,
  REPOSITORY_SCOPE_ACTIONS,
  SCOPE_ACTIONS,
  SCOPE_MAX_LENGTH,
  SCOPES_MAX,
} from '../../src/registry/scope.ts'

const repository = (name: string, ...actions: readonly string[]): Access => ({ type: 'repository', name, actions })
const catalog: Access = { type: 'registry', name: 'catalog', actions: ['*'] }

describe('reading scopes', () => {
  const rubble = fc
    .array(
      fc.constantFrom(
        'repository',
        'registry',
        'catalog',
        ':',
        ',',
        '*',
        'pull',
        'push',
        'a',
        '/',
        '(',
        ')',
        ' ',
        '_',
        '\n',
        '..',
        'é',
      ),
    )
    .map((parts) => parts.join(''))

  test.prop([fc.array(fc.oneof(rubble, fc.string()))])(
    'never throws, and gives only what it can read again',
    (texts) => {
      const access = parseScopes(texts)
      expect(parseScopes(access.map(formatScope))).toEqual(access)
      expect(parseScopes([access.map(formatScope).join(' ')])).toEqual(access)
      for (const { type, name, actions } of access) {
        expect(actions.length).toBeGreaterThan(0)
        expect(actions).toEqual([...new Set(actions)].sort())
        if (type === 'repository') expect(actions.every((action) => REPOSITORY_SCOPE_ACTIONS.has(action))).toBe(true)
        else expect(['catalog', 'deleted_catalog']).toContain(name)
      }
    },
  )

  it('of argocd-image-updater are what a list of tags and a pull take', () => {
    expect(parseScopes(['repository:apps/a:pull,metadata_read,content_read'])).toEqual([
      repository('apps/a', 'metadata_read', 'pull'),
    ])
  })

  it('names no more resources than its bound', () => {
    const many = Array.from({ length: SCOPES_MAX * 3 }, (_, index) => `repository:r${index}:pull`)
    expect(parseScopes([many.join(' ')])).toHaveLength(SCOPES_MAX)
    expect(parseScopes(many)).toHaveLength(SCOPES_MAX)
    expect(parseScopes([...many, 'repository:r0:push'])[0]).toEqual(repository('r0', 'pull', 'push'))
  })

  it.each([':', ' ', ',', 'a', 'a,', 'repository:', 'a-', '(', 'repository:a:pull,', 'repository(', '_'])(
    'comes back from a text full of %j',
    (piece) => {
      const text = piece.repeat(Math.floor((SCOPE_MAX_LENGTH * 2) / piece.length))
      expect(parseScopes([text, `repository:${text}:pull`, `repository:a:${text}!`])).toEqual([])
    },
  )
})

describe('the actions of scopes', () => {
  it('decide by permissions that take a repository, or by the control actions of soft delete', () => {
    for (const [action, permissions] of REPOSITORY_SCOPE_ACTIONS) {
      expect(permissions.length).toBeGreaterThan(0)
      for (const permission of permissions) expect(isDataPermission(permission)).toBe(!action.startsWith('deleted_'))
    }
  })

  it('exist for every permission', () => {
    for (const [permission, action] of Object.entries(SCOPE_ACTIONS)) {
      expect(action === '*' || REPOSITORY_SCOPE_ACTIONS.has(action)).toBe(true)
      expect(action === '*').toBe(permission === 'catalog/read')
    }
  })
})

describe('covering', () => {
  it.each<[string, readonly Access[], Access, boolean]>([
    ['the same', [repository('a', 'pull')], repository('a', 'pull'), true],
    ['more than needed', [repository('a', 'pull', 'push')], repository('a', 'pull'), true],
    ['two entries together', [repository('a', 'pull'), repository('a', 'push')], repository('a', 'pull', 'push'), true],
    ['a star', [repository('a', '*')], repository('a', 'delete'), true],
    ['the catalog', [catalog], catalog, true],
    ['nothing', [], repository('a', 'pull'), false],
    ['no actions', [repository('a')], repository('a', 'pull'), false],
    ['one of two', [repository('a', 'pull')], repository('a', 'pull', 'push'), false],
    ['push is not pull', [repository('a', 'push')], repository('a', 'pull'), false],
    ['pull is not listing', [repository('a', 'pull')], repository('a', 'metadata_read'), false],
    ['another repository', [repository('b', 'pull')], repository('a', 'pull'), false],
    ['a parent', [repository('a', '*')], repository('a/b', 'pull'), false],
    ['a child', [repository('a/b', '*')], repository('a', 'pull'), false],
    ['a star as a name', [repository('*', '*')], repository('a', 'pull'), false],
    ['another letter case', [repository('A', 'pull')], repository('a', 'pull'), false],
    ['the action in upper case', [repository('a', 'PULL')], repository('a', 'pull'), false],
    [
      'halves of two repositories',
      [repository('a', 'pull'), repository('b', 'push')],
      repository('a', 'pull', 'push'),
      false,
    ],
    ['a repository called catalog', [repository('catalog', '*')], catalog, false],
    ['the catalog for a repository of that name', [catalog], repository('catalog', 'pull'), false],
    ['the deleted catalog', [{ ...catalog, name: 'deleted_catalog' }], catalog, false],
    ['the catalog to pull from', [{ ...catalog, actions: ['pull'] }], catalog, false],
  ])('%s', (_title, access, needed, expected) => {
    expect(includesScope(access, needed)).toBe(expected)
  })
})
