import { describe, expect, it } from 'vitest'
import { type Challenge, formatChallenge } from '../../src/registry/challenge.ts'

const base: Challenge = { realm: 'https://gate.example/token', service: 'gate.example' }
const pull = { type: 'repository', name: 'a/b', actions: ['pull', 'push'] } as const

describe('a challenge', () => {
  it.each<[string, Challenge, string]>([
    ['without a scope', base, 'Bearer realm="https://gate.example/token",service="gate.example"'],
    [
      'with a scope',
      { ...base, scopes: [pull] },
      'Bearer realm="https://gate.example/token",service="gate.example",scope="repository:a/b:pull,push"',
    ],
    [
      'with an error',
      { ...base, error: 'invalid_token' },
      'Bearer realm="https://gate.example/token",service="gate.example",error="invalid_token"',
    ],
    [
      'with both',
      { ...base, scopes: [{ type: 'registry', name: 'catalog', actions: ['*'] }], error: 'insufficient_scope' },
      'Bearer realm="https://gate.example/token",service="gate.example",scope="registry:catalog:*",error="insufficient_scope"',
    ],
    [
      'with the scopes of a mount',
      { ...base, scopes: [pull, { type: 'repository', name: 'c', actions: ['pull'] }] },
      'Bearer realm="https://gate.example/token",service="gate.example",scope="repository:a/b:pull,push repository:c:pull"',
    ],
    ['with no scope', { ...base, scopes: [] }, 'Bearer realm="https://gate.example/token",service="gate.example"'],
  ])('%s', (_title, challenge, expected) => {
    expect(formatChallenge(challenge)).toBe(expected)
  })

  it.each(['"', '\\', '\r\nSet-Cookie: a=b', '",error="', '\n', '", Basic realm="x'])(
    'cannot be broken out of by %j',
    (text) => {
      for (const key of ['realm', 'service'] as const) {
        const header = formatChallenge({ ...base, [key]: `x${text}`, scopes: [{ ...pull, name: `x${text}` }] })
        expect(header).not.toMatch(/[\r\n\\]/)
        expect(header.match(/"/g)).toHaveLength(6)
        expect(header).toMatch(/^Bearer realm="[^"]+",service="[^"]+",scope="[^"]+"$/)
      }
    },
  )
})
