import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { azureAction, DATA_ACTIONS, isDataPermission, PERMISSIONS, parseAction } from '../../src/registry/permission.ts'

const PROVIDER = 'Microsoft.ContainerRegistry/registries/'

describe('a permission', () => {
  it.each(PERMISSIONS.map((permission) => [permission, DATA_ACTIONS[permission]] as const))(
    '%s has four spellings, in any letter case',
    (permission, full) => {
      expect(azureAction(permission)).toBe(full)
      const relative = full.slice(PROVIDER.length)
      for (const text of [permission, full, relative, `registries/${relative}`]) {
        for (const spelling of [text, text.toUpperCase(), text.toLowerCase()]) {
          expect(parseAction(spelling)).toEqual({ ok: true, value: permission })
        }
      }
    },
  )

  it.each([
    [`${PROVIDER}importImage/action`, `${PROVIDER}importImage/action`],
    ['registries/importImage/action', `${PROVIDER}importImage/action`],
    [`${PROVIDER}pull/read`, `${PROVIDER}pull/read`],
    ['registries/pull/read', `${PROVIDER}pull/read`],
    ['Microsoft.Authorization/roleAssignments/write', 'Microsoft.Authorization/roleAssignments/write'],
    [`${PROVIDER}deleted/read`, `${PROVIDER}deleted/read`],
  ])('%s is a control-plane action', (text, action) => {
    const parsed = parseAction(text)
    expect(parsed).toEqual({ ok: true, value: action })
    if (parsed.ok) {
      expect(isDataPermission(parsed.value)).toBe(false)
      expect(azureAction(parsed.value)).toBe(action)
    }
  })

  it.each([
    ...[
      '',
      ' ',
      '*',
      'read',
      'content',
      'content/',
      'content/*',
      '*/read',
      '/content/read',
      'content/read/',
      'content//read',
    ],
    ...[
      'content/reads',
      'contents/read',
      'content read',
      'content\\read',
      'content%2fread',
      ' content/read',
      'content/read ',
    ],
    ...['content/read\n', 'content/read\0', 'content.read', 'content:read', 'pull', 'push', 'delete', 'metadata_read'],
    ...[
      'catalog/write',
      'catalog',
      'quarantine',
      'sign/read',
      'admin',
      'repositories/content',
      'repositories/catalog/read',
    ],
    ...['Microsoft.ContainerRegistry', 'Microsoft.ContainerRegistry/', 'Microsoft./a', 'Evil.ContainerRegistry/a/b'],
    ...[
      `${PROVIDER}*`,
      `${PROVIDER}repositories/content/*`,
      'registries',
      'registries/',
      'registries/*',
      'registries//a',
    ],
    ...['constructor', '__proto__', 'toString', 'con\u0442ent/read', '\u017fign/write', 'content\u2215read'],
  ])('%j is none', (text) => {
    expect(parseAction(text)).toEqual({ ok: false, error: 'unknown_permission' })
  })

  test.prop([
    fc.oneof(
      fc.string(),
      fc.constantFrom('a/', '.', '/', '-').map((piece) => `microsoft.a/${piece.repeat(9000)}!`),
    ),
  ])('is read or not, without throwing or lingering', (text) => {
    const parsed = parseAction(text)
    if (parsed.ok) expect(parseAction(azureAction(parsed.value))).toEqual(parsed)
  })
})
