import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { isActionGranted, matchesAction } from '../../src/policy/action-pattern.ts'

describe('matchesAction', () => {
  it.each([
    ['*', 'Microsoft.Compute/virtualMachines/read', true],
    ['*', '', true],
    ['*/read', 'Microsoft.ContainerRegistry/registries/repositories/content/read', true],
    ['*/read', 'Microsoft.ContainerRegistry/registries/repositories/content/write', false],
    ['*/read', 'read', false],
    ['Microsoft.Compute/*', 'Microsoft.Compute/virtualMachines/start/action', true],
    ['Microsoft.Compute/*', 'Microsoft.Compute', false],
    ['Microsoft.Network/*/read', 'Microsoft.Network/virtualNetworks/subnets/read', true],
    ['Microsoft.Network/*/read', 'Microsoft.Network/read', false],
    ['Microsoft.Authorization/roleAssignments/*', 'Microsoft.Authorization/roleAssignments/write', true],
    ['microsoft.containerregistry/REGISTRIES/pull/read', 'Microsoft.ContainerRegistry/registries/pull/read', true],
    ['Microsoft.ContainerRegistry/registries/pull/read', 'Microsoft.ContainerRegistry/registries/pull/reads', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['ab*ba', 'aba', false],
    ['a*b*c', 'a-c-b-c', true],
    ['a*b*c', 'a-c-b', false],
    ['a**c', 'abc', true],
    ['a.c', 'abc', false],
    ['a?c', 'abc', false],
    ['', '', true],
    ['', 'a', false],
  ])('%j on %j: %s (acr-model 4.6)', (pattern, action, expected) => {
    expect(matchesAction(pattern, action)).toBe(expected)
  })

  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*'), maxLength: 12 })
  const literal = fc.string({ unit: fc.constantFrom('a', 'b', '/', 'A'), maxLength: 12 })

  test.prop([letters, literal], { numRuns: 2000 })('agrees with a recursive definition', (pattern, action) => {
    const match = (p: string, a: string): boolean =>
      p === ''
        ? a === ''
        : p.startsWith('*')
          ? match(p.slice(1), a) || (a !== '' && match(p, a.slice(1)))
          : a !== '' && p[0]?.toLowerCase() === a[0]?.toLowerCase() && match(p.slice(1), a.slice(1))
    expect(matchesAction(pattern, action)).toBe(match(pattern, action))
  })

  it('takes no time for many wildcards', () => {
    const started = performance.now()
    expect(matchesAction(`${'a*'.repeat(4000)}b`, 'a'.repeat(8000))).toBe(false)
    expect(performance.now() - started).toBeLessThan(500)
  })
})

describe('effective', () => {
  const push = 'Microsoft.ContainerRegistry/registries/push/write'
  it.each([
    [['*'], [], true],
    [['*'], ['*/write'], false],
    [['*'], ['*/WRITE'], false],
    [['*/read', '*/write'], ['*/delete'], true],
    [[], [], false],
    [['*/read'], [], false],
  ])('%j minus %j holds push/write: %s (acr-model 4.6)', (actions, notActions, expected) => {
    expect(isActionGranted(actions, notActions, push)).toBe(expected)
  })
})
