/** The tables of docs/roles.md: that they are up to date, and that they say what Azure's documents say. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { rolesDocument } from '../../../src/cli/commands/roles.ts'
import { roleTables } from '../../../src/policy/analysis/role-table.ts'

const [of2020, scenarios, builtIn, scopeMaps] = roleTables()
const marks = (cells: readonly (string | boolean)[] = []) => cells.map((cell) => (cell === true ? 'x' : '.')).join('')

it('docs/roles.md is what `dockgate roles` prints', () => {
  const path = join(import.meta.dirname, '..', '..', '..', 'docs', 'roles.md')
  expect(readFileSync(path, 'utf8'), 'run `npm run dockgate -s -- roles > docs/roles.md`').toBe(rolesDocument())
})

describe('the role table of 2020: manager, create, push, pull, delete, policies, sign', () => {
  it.each([
    ['Owner', 'xxxxxx.'],
    ['Contributor', 'xxxxxx.'],
    ['Reader', 'x..x...'],
    ['AcrPush', '..xx...'],
    ['AcrPull', '...x...'],
    ['AcrDelete', '....x..'],
    ['AcrImageSigner', '......x'],
  ])('%s', (role, expected) => {
    expect(marks(of2020?.rows.find(([name]) => name === role)?.slice(1))).toBe(expected)
  })

  it('has seven roles', () => expect(of2020?.rows).toHaveLength(7))
})

describe('the scenarios of 2025: the recommended roles in abac and in rbac mode', () => {
  it.each([
    ['Pull images', ['x.', '.x']],
    ['List tags', ['x.', '.x']],
    ['List repositories', ['x.', '.x']],
    ['Build and push images', ['x.', '.x']],
    ['Delete images', ['x.', '.x']],
    ['Sign with Notary Project tools', ['x.', '.x']],
    // Content trust is not supported on registries in abac mode, with any role.
    ['Sign with Docker Content Trust', ['..', '.x']],
    ['Scan for vulnerabilities', ['x.', '.x']],
    ['Import images', ['xx']],
    ['Pull quarantined images', ['xx']],
    ['Release from quarantine', ['xx']],
    ['Run tasks, such as purging', ['xx']],
  ])('%s', (scenario, expected) => {
    const rows = scenarios?.rows.filter(([title]) => title === scenario) ?? []
    expect(rows.map((row) => marks(row.slice(3)))).toEqual(expected)
  })
})

describe('system-defined scope maps: content read, write, delete; metadata read, write', () => {
  it.each([
    ['_repositories_admin', 'xxxxx.....'],
    ['_repositories_pull', 'x.........'],
    ['_repositories_pull_metadata_read', 'x..x......'],
    ['_repositories_push', 'xx........'],
    ['_repositories_push_metadata_write', 'xx.xx.....'],
  ])('%s', (map, expected) => {
    expect(marks(scopeMaps?.rows.find(([name]) => name === map)?.slice(1))).toBe(expected)
  })
})

it('leaves out the built-in roles without any data permission', () => {
  const names = builtIn?.rows.map(([name]) => name)
  expect(names).not.toContain('User Access Administrator')
  expect(names).not.toContain('Container Registry Tasks Contributor')
  expect(names).toHaveLength(15)
})
