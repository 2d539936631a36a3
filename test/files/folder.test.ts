/** Policy folders on a disk: what is read of them, and what is wrong with what cannot be. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readFolder } from '../../src/files/folder.ts'
import { loadPolicies, readPolicies } from '../../src/files/load.ts'
import { Report } from '../../src/files/problem.ts'
import { readRegularFile } from '../../src/files/regular-file.ts'
import { shown } from './shown.ts'

const REGISTRY = 'registry: { service: registry.example.com }'

/** What lies outside of the policy folders, and may never be shown. */
const SECRET = 'DOCKGATE_SIGNING_KEY'

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
  await write('volume/..2026_11_26/registry.yaml', REGISTRY)
  await write('volume/..2026_11_26/more/tokens.yaml', 'tokens: { ci: { scopeMap: _repositories_pull } }')
  await symlink('..2026_11_26', join(root, 'volume/..data'))
  await symlink('..data/registry.yaml', join(root, 'volume/registry.yaml'))
  await symlink('..data/more', join(root, 'volume/more'))
  await symlink('volume', join(root, 'linked'))
  await write('outside/secret.txt', `${SECRET}=1`)
  await write('outside/secret.yaml', `${SECRET}: 1`)
  await write('harmless/registry.yaml', REGISTRY)
  await symlink('/etc/hostname', join(root, 'harmless/README.md'))
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

it('may be a Kubernetes volume, whose files are links through ..data, and may itself be reached by a link', async () => {
  for (const name of ['volume', 'linked']) {
    const { policies, problems } = await load(name)
    expect(problems).toEqual([])
    expect(policies?.registry.service).toBe('registry.example.com')
    expect(policies?.tokens.map(({ source }) => source?.file)).toEqual(['more/tokens.yaml'])
  }
})

it('may hold a link to a file elsewhere that is not a policy file', async () => {
  expect((await load('harmless')).problems).toEqual([])
})

const OUTSIDE =
  'x.yaml:1:1 link_outside: this link leads out of the policy folder (copy the file into the folder, or remove the link)'
it.each([
  ['an environment', '/proc/self/environ', OUTSIDE],
  ['a file of a sibling', '../outside/secret.yaml', OUTSIDE],
  ['a file that is not YAML', '../outside/secret.txt', OUTSIDE],
  ['a folder', '../outside', OUTSIDE],
  ['the folder around it', '..', OUTSIDE],
  ['the root', '/', OUTSIDE],
  ['a folder whose name begins like its own', '../links-out-sibling', OUTSIDE],
  ['an endless device', '/dev/zero', OUTSIDE],
  ['itself', 'x.yaml', 'x.yaml:1:1 file_unreadable: cannot be read: ELOOP (make it readable, or remove it)'],
])('refuses a link to %s without reading it', async (_, target, expected) => {
  const name = 'links-out'
  await write(`${name}/registry.yaml`, REGISTRY)
  await write(`${name}-sibling/secret.yaml`, `${SECRET}: 1`)
  try {
    await symlink(target, join(root, name, 'x.yaml'))
    const started = performance.now()
    const { policies, problems } = await load(name)
    expect(performance.now() - started).toBeLessThan(10_000)
    expect(policies).toBeUndefined()
    expect(problems.map(shown)).toEqual([expected])
  } finally {
    await rm(join(root, name), { recursive: true })
  }
})

it('refuses what is not a regular file, and does not wait for it', async () => {
  await write('pipe/registry.yaml', REGISTRY)
  execFileSync('mkfifo', [join(root, 'pipe/x.yaml'), join(root, 'pipe/ignored.txt')])
  const server = createServer().listen(join(root, 'pipe/y.json'))
  try {
    await once(server, 'listening')
    expect((await load('pipe')).problems.map(shown)).toEqual([
      'x.yaml:1:1 file_special: this is not a regular file (remove it, or put a regular file in its place)',
      'y.json:1:1 file_special: this is not a regular file (remove it, or put a regular file in its place)',
    ])
  } finally {
    server.close()
  }
})

it.each([
  ['/proc/self/environ', 10, 'too_large'],
  ['/dev/zero', 10, 'special'],
  ['/proc', 10, 'special'],
])('readRegularFile reads no more of %s than it may', async (path, maxBytes, expected) => {
  expect(await readRegularFile(path, maxBytes)).toBe(expected)
})

const MIB = 1024 * 1024
it.each([
  ['entries', { entries: 4, bytes: MIB }, 'deep/er/tokens.YML', 'at most 4 files and folders, and 1 MiB, are read'],
  [
    'bytes',
    { entries: 100, bytes: MIB / 32_768 },
    'deep/ci.test.yml',
    'at most 100 files and folders, and 0.000030517578125 MiB, are read',
  ],
])('a folder with too many %s is refused once, where reading stopped', async (_, limits, file, amount) => {
  const report = new Report()
  await readFolder(join(root, 'good'), report, limits)
  expect(report.problems.map(shown)).toEqual([
    `${file}:1:1 folder_too_large: the policy folder is too large, reading stopped here (keep policy files only in it: ${amount})`,
  ])
})

const UNKNOWN_ROOTS: readonly (readonly [string, string])[] = [
  ['x.yaml', `${SECRET}=abc`],
  ['x.yaml', `${SECRET}=abc\0HOME=/root\0PATH=/bin`],
  ['x.yaml', `export ${SECRET}='abc'\nexport B="${SECRET}`],
  ['x.yaml', `[core]\n\textraheader = AUTHORIZATION: basic ${SECRET}`],
  ['x.yaml', `${SECRET}: {"kty":"OKP"}`],
  ['x.yaml', `a: b: ${SECRET}`],
  ['x.yaml', `"\\${SECRET}"`],
  ['x.yaml', `!${SECRET} x`],
  ['x.yaml', `*${SECRET}`],
  ['x.yaml', `&${SECRET} [*${SECRET}]`],
  ['x.yaml', `%${SECRET}\n---\na`],
  ['x.yaml', `%YAML ${SECRET}\n---\na`],
  ['x.yaml', `%TAG ${SECRET}\n---\na`],
  ['x.yaml', `${SECRET}: 1\n${SECRET}: 2`],
  ['x.yaml', `- ${SECRET}\n- { ${SECRET}: 1 }`],
  ['x.yaml', `a: |${SECRET}\n  b`],
  ['x.yaml', `{ a: 1 } ${SECRET}`],
  ['x.yaml', `[ ${SECRET} ] : [ ${SECRET}`],
  ['x.yaml', `@${SECRET}`],
  ['x.yaml', `-----BEGIN ${SECRET}-----\nabc\n-----END ${SECRET}-----`],
  ['x.json', `${SECRET}=abc`],
  ['x.json', `{ "${SECRET}": 1 }`],
  ['x.json', `{ "${SECRET}": 1, "${SECRET}": 2 }`],
  ['x.json', `"${SECRET}"`],
  ['x.json', `["${SECRET}"]`],
  ['x.test.yaml', `${SECRET}=abc`],
  ['x.test.yaml', `${SECRET}: abc`],
]
it.each(UNKNOWN_ROOTS)('a file %s with the text %j is refused without being quoted', (path, text) => {
  const { policies, problems } = readPolicies([
    { path: 'registry.yaml', text: REGISTRY },
    { path, text },
  ])
  expect(policies).toBeUndefined()
  expect(problems.length).toBeGreaterThan(0)
  expect(JSON.stringify(problems)).not.toContain(SECRET)
})

it.each([
  ['dangling', 'x.yaml:1:1 file_unreadable: cannot be read: ENOENT (make it readable, or remove it)'],
  ['large', 'a.yaml:1:1 file_too_large: the file is larger than 64 MiB (split it into several files)'],
  ['latin', 'a.yaml:2:6 not_utf8: a byte here is not UTF-8 (save the file as UTF-8)'],
  ['utf16', 'a.yaml:1:1 not_utf8: the file is UTF-16 (save it as UTF-8 (PowerShell: Out-File -Encoding utf8))'],
  [
    'nowhere',
    '.:1:1 folder_missing: the folder DIR/nowhere does not exist (name the folder that holds the policy files)',
  ],
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
