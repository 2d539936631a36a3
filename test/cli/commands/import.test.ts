import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { importCommand } from '../../../src/cli/commands/import.ts'
import { CommandError } from '../../../src/cli/terminal/command-error.ts'
import { loadPolicies } from '../../../src/files/load.ts'

const FIXTURES = join(import.meta.dirname, '../../importers/fixtures')
let folder = ''
let printed: { out: string; err: string }

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dockgate-import-'))
  printed = { out: '', err: '' }
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed.out += String(text)
    return true
  })
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    printed.err += String(text)
    return true
  })
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rm(folder, { recursive: true })
})

const run = (...argv: string[]) => importCommand().parseAsync(argv, { from: 'user' })
const fault = (...argv: string[]) =>
  run(...argv).then(
    () => undefined,
    (error: unknown) => (error instanceof CommandError ? error : Promise.reject(error)),
  )

describe('import', () => {
  it.each([[['docker-auth', join(FIXTURES, 'small.yml')]], [['zot', join(FIXTURES, 'zot.json')]]])(
    '%j: the policy on standard output, the report on standard error',
    async (argv) => {
      await run(...argv)
      await writeFile(join(folder, 'policy.yaml'), printed.out)
      expect((await loadPolicies(folder)).problems.filter(({ severity }) => severity === 'error')).toEqual([])
      expect(printed.err).toContain('note:')
    },
  )

  it('writes a new file and never an old one', async () => {
    const out = join(folder, 'zot.yaml')
    await run('zot', join(FIXTURES, 'zot.json'), '-o', out)
    const text = await readFile(out, 'utf8')
    expect(printed.out).toBe('')
    const refused = await fault('zot', join(FIXTURES, 'zot.json'), '-o', out)
    expect([refused?.status, refused?.message]).toEqual([1, `${out} exists and is not overwritten`])
    expect(await readFile(out, 'utf8')).toBe(text)
  })

  it('ends with 1 when a rule is lost, and says which', async () => {
    const files = ['assignments', 'definitions', 'scope-maps', 'tokens'].map((name) =>
      join(FIXTURES, `azure/${name}.json`),
    )
    const refused = await fault('azure', ...files, '--registry', 'hubreg', '--mode', 'abac', '--json')
    expect(refused?.status).toBe(1)
    expect(refused?.message).toBe('1 rule could not be imported, or not whole')
    const result: { complete: boolean; policy: string; findings: { severity: string }[] } = JSON.parse(printed.out)
    expect(result.complete).toBe(false)
    expect(result.findings.filter(({ severity }) => severity === 'lost')).toHaveLength(1)
    expect(result.policy).toContain('roleAssignments:')
  })

  it.each([
    [
      'more',
      'users: {"": {}, ann: {}}\nacl: [{match: {account: ""}, actions: [pull]}]\n',
      'the policy gives more than the original in 1 place',
    ],
    [
      'less and more',
      'users: {"": {}, ann: {}}\nacl: [{match: {account: ""}, actions: [pull, read]}]\n',
      '1 rule could not be imported, or not whole; the policy gives more than the original in 1 place',
    ],
  ])('ends with 1 when the policy gives %s', async (_, config, message) => {
    const file = join(folder, 'auth.yml')
    await writeFile(file, config)
    const refused = await fault('docker-auth', file, '--json')
    expect([refused?.status, refused?.message, refused?.hint]).toEqual([
      1,
      message,
      'the places are marked lost (less) and wider (more): look at each before you deploy the policy',
    ])
    expect(JSON.parse(printed.out)).toMatchObject({ complete: false })
  })

  it('says that nothing is wider where rules are only lost', async () => {
    const file = join(folder, 'auth.yml')
    await writeFile(file, 'acl_mongo: {x: 1}\nusers: {}\nacl: []\n')
    expect((await fault('docker-auth', file))?.hint).toBe(
      'they are marked lost; the imported policy gives less there, and nowhere more',
    )
  })

  it.each([
    ['a missing file', ['zot', 'nowhere.json'], 2, 'nowhere.json cannot be read'],
    ['another file', ['zot', join(FIXTURES, 'auth_config.yml')], 1, 'has no http.accessControl'],
    ['another file', ['docker-auth', join(FIXTURES, 'zot.json')], 1, 'has no acl'],
    ['a file without items', ['azure', join(FIXTURES, 'zot.json')], 1, 'zot.json:2:3: this key is not known'],
  ])('refuses %s', async (_, argv, status, message) => {
    const refused = await fault(...argv)
    expect(refused?.status).toBe(status)
    expect(refused?.message).toContain(message)
    expect(printed.out).toBe('')
  })
})
