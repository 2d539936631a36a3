import { execFileSync, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { runTest } from '../../../../src/cli/answers/decision-tests.ts'
import { Policies } from '../../../../src/cli/answers/policies.ts'
import { initCommand } from '../../../../src/cli/commands/init/init.ts'
import { CommandError } from '../../../../src/cli/terminal/command-error.ts'
import { loadPolicies } from '../../../../src/files/load.ts'

let folder = ''
let printed: { out: string; err: string }

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dockgate-init-'))
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
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true })
})

const run = (...argv: string[]) => initCommand().parseAsync([...argv, '--dir', folder, '--yes'], { from: 'user' })
const refusal = (...argv: string[]) =>
  run(...argv).then(
    () => undefined,
    (error: unknown) => (error instanceof CommandError ? error : Promise.reject(error)),
  )

describe('init', () => {
  it.each([
    [[]],
    [['--tokens', '--push', '*']],
    [['--push', 'acme/app']],
    [['--push', 'elsewhere']],
    [['--issuer', 'github', '--pusher', 'acme/app', '--push', 'acme/*']],
    [['--issuer', 'gitlab', '--pusher', 'acme/app', '--service', 'r.example.org:8443']],
    [['--issuer', 'https://issuer.example.org', '--pusher', 'robot "7"'.replaceAll(/[ "]/g, '')]],
  ])('%j: a policy without warning, whose tests pass', async (argv) => {
    await run(...argv)
    const { policies, tests, problems } = await loadPolicies(join(folder, 'policies'))
    expect(problems).toEqual([])
    if (policies === undefined) throw new Error('not valid')
    const set = new Policies('policies', policies, tests)
    expect(tests.length).toBeGreaterThan(4)
    expect(tests.map((test) => runTest(set, test, 1_800_000_000)).filter(({ passed }) => !passed)).toEqual([])
  })

  it('writes the values of the Worker, and says how to deploy', async () => {
    await run('--upstream', 'https://ghcr.io/', '--service', 'gate.example.org')
    const values = await readFile(join(folder, 'wrangler.toml'), 'utf8')
    expect(values).toContain('UPSTREAM = "https://ghcr.io"')
    expect(values).toContain('pattern = "gate.example.org"')
    expect(printed.out.trimEnd().split('\n')).toEqual(
      ['policies/policy.yaml', 'policies/policy.test.yaml', 'wrangler.toml', '.gitignore'].map((file) =>
        join(folder, file),
      ),
    )
    expect(printed.err).toContain('dockgate push --remote')
  })

  it.each([
    ['dockgate', undefined, [], ['build', 'reader']],
    ['npx dockgate', 'exec', [], ['build', 'reader']],
    ['npx dockgate', 'run-script', ['--issuer', 'github', '--pusher', 'acme/app'], ['reader']],
  ])('says what to type next, as %s', async (command, variable, argv, tokens) => {
    vi.stubEnv('npm_command', variable)
    await run(...argv)
    const typed = printed.err.split('\n').filter((line) => line.includes('dockgate '))
    expect(typed).toEqual([
      `  ${command} check ${folder}/policies`,
      `  ${command} dev --policies ${folder}/policies`,
      ...tokens.map((token) => `  ${command} token rotate ${token} --policies ${folder}/policies`),
      `  ${command} keys generate --out keys`,
      `  ${command} push --remote --key keys/policy-signing-key.json`,
    ])
    const { policies } = await loadPolicies(join(folder, 'policies'))
    expect(policies?.tokens.map(({ name }) => name)).toEqual(tokens)
  })

  it('leaves the settings of a checkout alone', async () => {
    await writeFile(join(folder, 'wrangler.toml'), 'name = "mine"\n')
    await run()
    expect(await readFile(join(folder, 'wrangler.toml'), 'utf8')).toBe('name = "mine"\n')
    expect(await readdir(folder)).toContain('wrangler.values.toml')
  })

  it('keeps passwords, keys and local state out of the repository', async () => {
    await run()
    execFileSync('git', ['init', '--quiet', folder])
    const ignored = ['web-ci.password', 'keys/policy-signing-key.json', '.dockgate/development-passwords.json']
    const kept = ['policies/policy.yaml', 'policies/policy.test.yaml', 'wrangler.toml', 'src/keys/a.ts']
    const { stdout } = spawnSync('git', ['-C', folder, 'check-ignore', ...ignored, ...kept], { encoding: 'utf8' })
    expect(stdout.trimEnd().split('\n')).toEqual(ignored)
    expect(printed.err).not.toContain('.gitignore')
  })

  it.each([
    ['node_modules/\n', 'dockgate: warning: add *.password, /keys/, .dockgate/ to FOLDER/.gitignore: secrets'],
    ['/keys/\r\n*.password\r\n', 'dockgate: warning: add .dockgate/ to FOLDER/.gitignore: secrets'],
  ])('adds nothing to a .gitignore that is there (%j), and says what it lacks', async (text, warning) => {
    await writeFile(join(folder, '.gitignore'), text)
    await run()
    expect(await readFile(join(folder, '.gitignore'), 'utf8')).toBe(text)
    expect(printed.out).not.toContain('.gitignore')
    expect(printed.err).toContain(warning.replace('FOLDER', folder))
  })

  it('asks nothing more of the .gitignore of this project', async () => {
    await writeFile(join(folder, '.gitignore'), await readFile(`${import.meta.dirname}/../../.gitignore`, 'utf8'))
    await run()
    expect(printed.err).not.toContain('.gitignore')
  })

  it('overwrites nothing', async () => {
    await mkdir(join(folder, 'policies'))
    await writeFile(join(folder, 'policies/mine.yml'), '')
    const refused = await refusal()
    expect(refused?.status).toBe(1)
    expect(refused?.message).toBe(`${join(folder, 'policies')} holds policies already; nothing is overwritten`)
    expect(await readdir(folder)).toEqual(['policies'])
    expect(await readdir(join(folder, 'policies'))).toEqual(['mine.yml'])
  })

  it.each([
    [['--tokens', '--issuer', 'github'], '--tokens and --issuer contradict each other'],
    [['--upstream', 'ghcr.io'], '"ghcr.io" is no URL of a registry'],
    [['--upstream', 'https://user:secret@ghcr.io'], 'is no URL of a registry'],
    [['--issuer', 'bitbucket'], '"bitbucket" is no issuer'],
    [['--issuer', 'http://issuer.example.org'], 'is no issuer'],
    [['--issuer', 'github'], 'it takes a name to say who may push'],
    [['--issuer', 'github', '--pusher', 'acme/*'], '"acme/*" is no subject'],
    [['--push', 'Acme/*'], 'repositories are lower-case'],
    [['--push', 'a*'], 'one * may stand alone'],
    [['--service', 'https://x'], '"https://x" is no host name'],
  ])('refuses %j', async (argv, message) => {
    const refused = await refusal(...argv)
    expect(refused?.status).toBe(2)
    expect(refused?.message).toContain(message)
    expect(refused?.hint).toBeDefined()
    expect(await readdir(folder)).toEqual([])
  })
})
