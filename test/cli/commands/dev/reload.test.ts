/** What a running `dockgate dev` says and does when a policy file changes, with a store in memory. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { parseSigningKey } from '../../../../src/bundle/keys.ts'
import { reload } from '../../../../src/cli/commands/dev/dev.ts'
import { generateKeys } from '../../../../src/cli/keys/key-files.ts'

let folder: string
let values: Map<string, string>
let printed: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dockgate-reload-'))
  await mkdir(join(folder, 'policies'))
  values = new Map()
  printed = ''
  vi.useFakeTimers({ now: Date.parse('2027-01-15T08:00:00Z'), toFake: ['Date'] })
  vi.stubEnv('npm_command', undefined)
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    printed += String(text)
    return true
  })
})
afterEach(async () => {
  vi.useRealTimers()
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
  await rm(folder, { recursive: true })
})

const kv = {
  get: async (name: string) => values.get(name) ?? null,
  put: async (name: string, value: string) => void values.set(name, value),
  delete: async (name: string) => void values.delete(name),
  list: async () => ({ keys: [...values.keys()].map((name) => ({ name })), list_complete: true as const }),
}

const { policySigningKey } = await generateKeys('EdDSA')

async function change(policy: string): Promise<readonly string[]> {
  printed = ''
  await writeFile(join(folder, 'policies', 'policy.yaml'), policy)
  const tests = 'tests:\n  - { as: token:ci, can: content/read, on: app, expect: allow }\n'
  await writeFile(join(folder, 'policies', 'policy.test.yaml'), tests)
  const gate = { kv: kv as unknown as Parameters<typeof reload>[2]['kv'] }
  await reload(join(folder, 'policies'), join(folder, 'state'), gate, await parseSigningKey(policySigningKey))
  return printed.replaceAll(folder, 'DIR').trimEnd().split('\n')
}

it('policies whose tests pass are in force', async () => {
  expect(await change('tokens: { ci: { scopeMap: _repositories_pull } }\n')).toEqual([
    'policy changed: bundle 1800000000 is pushed',
  ])
  expect(values.has('pointer')).toBe(true)
})

it('policies whose tests fail are in force too, and say so: a token that is disabled stops at once', async () => {
  expect(await change('tokens: { ci: { scopeMap: _repositories_pull, status: disabled } }\n')).toEqual([
    'policy changed: bundle 1800000000 is pushed',
    'DIR/policies/policy.test.yaml:2:5: test failed: expected allow; got deny: token:ci is disabled',
    'dockgate: warning: 1 decision test of 1 failed: this gate enforces the policies all the same',
  ])
  expect(values.has('pointer')).toBe(true)
})

it('policies that are not valid change nothing', async () => {
  expect(await change('tokens: 5\n')).toEqual([
    'DIR/policies/policy.yaml:1:9: error: expected a mapping, found 5 [wrong_type]',
    'dockgate: error: the policies in DIR/policies are not valid: the last good ones stay in force',
  ])
  expect(values.size).toBe(0)
})

it('policies of another service change nothing: a gate keeps its service', async () => {
  const tokens = 'tokens: { ci: { scopeMap: _repositories_pull } }\n'
  expect(await change(`registry: { service: a.example }\n${tokens}`)).toEqual([
    'policy changed: bundle 1800000000 is pushed',
  ])
  const before = values.get('pointer')
  expect(await change(`registry: { service: b.example }\n${tokens}`)).toEqual([
    "dockgate: error: registry.service in DIR/policies is now 'b.example', and this gate is 'a.example': stop dockgate dev and start it again",
  ])
  expect(values.get('pointer')).toBe(before)
})
