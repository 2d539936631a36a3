/** Policy folders on a disk: what is read of them, and what is wrong with what cannot be. */
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { loadPolicies } from '../../src/files/load.ts'
import { shown } from './shown.ts'

const REGISTRY = 'registry: { service: registry.example.com }'

let root: string
const load = (name: string) => loadPolicies(join(root, name))
const write = async (path: string, content: string | Uint8Array) => {
  await mkdir(join(root, path, '..'), { recursive: true })
  await writeFile(join(root, path), content)
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'policies-'))
  await write('good/registry.yaml', `\ufeff${REGISTRY}`)
  await write('good/deep/er/tokens.YML', 'tokens: { ci: { scopeMap: m } }')
  await write('good/deep/maps.json', '{\n\t"scopeMaps": {\n\t\t"m": { "actions": [] }\n\t}\n}')
  await write('good/deep/ci.test.yml', 'tests: [ { as: token:ci, can: catalog/read, expect: deny } ]')
  await write('good/README.md', 'not: [a policy')
  await write('good/.hidden.yaml', 'not: [a policy')
  await write('good/.git/config.yaml', 'not: [a policy')
  await symlink('..', join(root, 'good/deep/up'))
  await write('links/.data/registry.yaml', REGISTRY)
  await symlink('.data/registry.yaml', join(root, 'links/registry.yaml'))
  await write('dangling/registry.yaml', REGISTRY)
  await symlink('nowhere', join(root, 'dangling/x.yaml'))
  await write('large/a.yaml', REGISTRY)
  await truncate(join(root, 'large/a.yaml'), 64 * 1024 * 1024 + 1)
  await write('latin/a.yaml', Buffer.from('# caf\n# caf\xe9\n', 'latin1'))
  await write('utf16/a.yaml', Buffer.from(`\ufeff${REGISTRY}`, 'utf16le'))
  await write('empty/README.md', '')
})
afterAll(() => rm(root, { recursive: true }))

it('is read at any depth, by extension, without what is hidden', async () => {
  const { policies, tests, problems } = await load('good')
  expect(problems).toEqual([])
  expect(policies?.tokens[0]?.source).toEqual({ file: 'deep/er/tokens.YML', line: 1, column: 11 })
  expect(policies?.scopeMaps[0]?.source).toEqual({ file: 'deep/maps.json', line: 3, column: 3 })
  expect(tests).toHaveLength(1)
})

it('may consist of links, as mounted configuration does', async () => {
  const { policies } = await load('links')
  expect(policies?.registry.service).toBe('registry.example.com')
})

it.each([
  ['dangling', 'x.yaml:1:1 file_unreadable: cannot be read: ENOENT (make it readable, or remove it)'],
  ['large', 'a.yaml:1:1 file_too_large: the file is larger than 64 MiB (split it into several files)'],
  ['latin', 'a.yaml:2:6 not_utf8: a byte here is not UTF-8 (save the file as UTF-8)'],
  ['utf16', 'a.yaml:1:1 not_utf8: the file is UTF-16 (save it as UTF-8 (PowerShell: Out-File -Encoding utf8))'],
  ['nowhere', '.:1:1 folder_missing: there is no folder DIR/nowhere (name the folder that holds the policy files)'],
  [
    'good/README.md',
    '.:1:1 folder_missing: DIR/good/README.md is not a folder (name the folder that holds the policy files)',
  ],
  ['empty', '.:1:1 folder_empty: DIR/empty holds no policy file (policies are *.yaml, *.yml and *.json)'],
])('%s is refused', async (folder, expected) => {
  const { policies, problems } = await load(folder)
  expect(policies).toBeUndefined()
  expect(problems.map(shown).map((line) => line.replaceAll(root, 'DIR'))).toEqual([expected])
})
