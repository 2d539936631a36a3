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
import { callerOfSubject } from '../../../../src/identity/federation.ts'
import type { Identity } from '../../../../src/policy/model.ts'

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

const GIVEN = ['--upstream', 'https://ghcr.io/', '--host', 'gate.example.org'] as const
const run = (...argv: string[]) =>
  initCommand().parseAsync([...GIVEN, ...argv, '--dir', folder, '--yes'], { from: 'user' })
const refusal = (...argv: string[]) =>
  run(...argv).then(
    () => undefined,
    (error: unknown) => (error instanceof CommandError ? error : Promise.reject(error)),
  )

/** Claims of real tokens, with names of the example. GitHub's subject has ids since 2026-07-15, older repositories without. */
const GITHUB = {
  repository: 'acme/app',
  repository_id: '99',
  repository_owner: 'acme',
  repository_owner_id: '4711',
  ref: 'refs/heads/main',
  ref_type: 'branch',
  event_name: 'push',
}
const GITLAB = {
  project_path: 'acme/app',
  ref: 'main',
  ref_type: 'branch',
  ref_protected: 'true',
  namespace_path: 'acme',
}

/** The identities that a JWT with this subject and these claims matches. */
function identitiesOf(
  issuer: string,
  subject: string,
  claims: Readonly<Record<string, string>>,
  identities: readonly Identity[] = [],
): readonly string[] {
  const known = { texts: claims, odd: [] }
  const { acts } = callerOfSubject({ name: issuer }, subject, [], known, { identities, identityDenies: {} })
  return acts.filter((key) => key.startsWith('identity:'))
}

describe('the identity that init writes', () => {
  it.each([
    { issuer: 'github', pusher: 'acme/app', subject: 'repo:acme/app:ref:refs/heads/main', claims: GITHUB },
    { issuer: 'github', pusher: 'acme/app', subject: 'repo:acme@4711/app@99:ref:refs/heads/main', claims: GITHUB },
    { issuer: 'github', pusher: 'acme@4711/app@99', subject: 'repo:acme/app:ref:refs/heads/main', claims: GITHUB },
    { issuer: 'github', pusher: 'acme@4711/app@99', subject: 'repo:acme@4711/app@99:environment:x', claims: GITHUB },
    { issuer: 'gitlab', pusher: 'acme/app', subject: 'project_path:acme/app:ref_type:branch:ref:main', claims: GITLAB },
  ])(
    'is that of a token of $issuer for $pusher with the subject $subject',
    async ({ issuer, pusher, subject, claims }) => {
      await run('--issuer', issuer, '--pusher', pusher)
      const { policies } = await loadPolicies(join(folder, 'policies'))
      expect(identitiesOf(issuer, subject, claims, policies?.identities)).toEqual(['identity:build'])
    },
  )

  it.each([
    { issuer: 'github', pusher: 'acme/app', claims: { ...GITHUB, ref: 'refs/pull/7/merge' } },
    { issuer: 'github', pusher: 'acme/app', claims: { ...GITHUB, ref: 'refs/heads/feature' } },
    { issuer: 'github', pusher: 'acme/app', claims: { ...GITHUB, repository: 'evil/app' } },
    { issuer: 'github', pusher: 'acme@4711/app@99', claims: { ...GITHUB, repository_owner_id: '6' } },
    { issuer: 'github', pusher: 'acme@4711/app@99', claims: { ...GITHUB, repository_id: '6' } },
    { issuer: 'gitlab', pusher: 'acme/app', claims: { ...GITLAB, ref_protected: 'false' } },
    { issuer: 'gitlab', pusher: 'acme/app', claims: { ...GITLAB, ref_type: 'tag' } },
    { issuer: 'gitlab', pusher: 'acme/app', claims: { ...GITLAB, project_path: 'acme/app/sub' } },
  ])('is not that of a token of $issuer with $claims', async ({ issuer, pusher, claims }) => {
    await run('--issuer', issuer, '--pusher', pusher)
    const { policies } = await loadPolicies(join(folder, 'policies'))
    expect(policies?.identities).toHaveLength(1)
    expect(identitiesOf(issuer, 'any', claims, policies?.identities)).toEqual([])
  })
})

describe('init', () => {
  it.each([
    [[]],
    [['--tokens', '--push', '*']],
    [['--push', 'acme/app']],
    [['--push', 'elsewhere']],
    [['--issuer', 'github', '--pusher', 'acme/app', '--push', 'acme/*']],
    [['--issuer', 'github', '--pusher', 'acme@4711/app@99', '--ci', 'github']],
    [['--issuer', 'gitlab', '--pusher', 'acme/app', '--service', 'r.example.org:8443', '--ci', 'gitlab']],
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

  it('writes a project with nothing of an example in it', async () => {
    await run('--ci', 'github')
    const files = [
      'policies/policy.yaml',
      'policies/policy.test.yaml',
      'wrangler.toml',
      'README.md',
      '.github/workflows/policy.yml',
      'package.json',
      '.gitignore',
    ]
    expect(printed.out.trimEnd().split('\n')).toEqual(files.map((file) => join(folder, file)))
    for (const file of files) {
      const text = await readFile(join(folder, file), 'utf8')
      expect(text, file).not.toMatch(/registry\.example\.com|registry\.internal\.example/)
    }
    const settings = await readFile(join(folder, 'wrangler.toml'), 'utf8')
    expect(settings).toContain('UPSTREAM = "https://ghcr.io"\nPUBLIC_URL = "https://gate.example.org"\n')
    expect(settings).toContain('pattern = "gate.example.org"\n')
    expect(await readFile(join(folder, 'policies/policy.yaml'), 'utf8')).toContain('service: gate.example.org\n')
    const { devDependencies } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
    expect(Object.keys(devDependencies)).toEqual(['dockgate', 'wrangler'])
  })

  it('sets the Worker up as this checkout does', async () => {
    await run()
    const ours = await readFile(`${import.meta.dirname}/../../../../wrangler.toml`, 'utf8')
    const written = await readFile(join(folder, 'wrangler.toml'), 'utf8')
    const own = /^(?:main|UPSTREAM|id) =|^#|^$/
    const lines = ours.split('\n').filter((line) => !own.test(line))
    expect(lines.length).toBeGreaterThan(10)
    expect(lines.filter((line) => !written.split('\n').includes(line))).toEqual([])
  })

  it.each([
    ['dockgate', undefined, [], ['build', 'reader']],
    ['npx dockgate', 'exec', [], ['build', 'reader']],
    ['npx dockgate', 'run-script', ['--issuer', 'github', '--pusher', 'acme/app'], ['reader']],
  ])('says what to type next, as %s', async (command, variable, argv, tokens) => {
    vi.stubEnv('npm_command', variable)
    await run(...argv)
    expect(printed.err.split('\n').filter((line) => line.startsWith('  '))).toEqual([
      `  cd ${folder}`,
      '  npm install',
      `  ${command} check`,
      `  ${command} dev`,
      ...tokens.map((token) => `  ${command} token rotate ${token}`),
      '  npx wrangler login',
      `  ${command} deploy --dry-run`,
      `  UPSTREAM_USERNAME=… UPSTREAM_PASSWORD=… ${command} deploy`,
    ])
    const { policies } = await loadPolicies(join(folder, 'policies'))
    expect(policies?.tokens.map(({ name }) => name)).toEqual(tokens)
  })

  it.each([
    {
      what: 'adds what a package.json lacks',
      manifest: { name: 'mine', scripts: { check: 'true' }, dependencies: { dockgate: 'file:../d.tgz' } },
    },
    { what: 'keeps versions that are there', manifest: { devDependencies: { wrangler: '4.200.0' }, version: '3.0.0' } },
  ])('$what', async ({ manifest }) => {
    await writeFile(join(folder, 'package.json'), JSON.stringify(manifest))
    await run()
    const result = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
    expect(result).toMatchObject(manifest)
    expect(Object.keys({ ...result.dependencies, ...result.devDependencies }).sort()).toEqual(['dockgate', 'wrangler'])
    expect(result.scripts).toMatchObject({ dev: 'dockgate dev', deploy: 'dockgate deploy' })
  })

  it('leaves a package.json, a README and a .gitignore alone that lack nothing', async () => {
    await run()
    const names = ['package.json', '.gitignore', 'README.md']
    const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))
    await rm(join(folder, 'policies'), { recursive: true })
    await rm(join(folder, 'wrangler.toml'))
    printed.out = ''
    await run('--push', '*')
    expect(await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))).toEqual(texts)
    expect(printed.out.trimEnd().split('\n')).toHaveLength(3)
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
    { text: 'coverage/\nnode_modules/\n', added: '*.password\n/keys/\n.dockgate/\n.wrangler/\n' },
    { text: '/keys/\r\n*.password\r\n', added: 'node_modules/\n.dockgate/\n.wrangler/\n' },
    { text: '*.password', added: '\nnode_modules/\n/keys/\n.dockgate/\n.wrangler/\n' },
  ])('adds to a .gitignore what it lacks ($text)', async ({ text, added }) => {
    await writeFile(join(folder, '.gitignore'), text)
    await run()
    expect(await readFile(join(folder, '.gitignore'), 'utf8')).toBe(`${text}${added}`)
  })

  it.each([
    { file: 'wrangler.toml', argv: [] },
    { file: '.github/workflows/policy.yml', argv: ['--ci', 'github'] },
    { file: '.gitlab-ci.yml', argv: ['--ci', 'gitlab'] },
  ])('overwrites no $file', async ({ file, argv }) => {
    await mkdir(join(folder, file, '..'), { recursive: true })
    await writeFile(join(folder, file), 'mine')
    const refused = await refusal(...argv)
    expect(refused?.status).toBe(1)
    expect(refused?.message).toBe(`${join(folder, file)} exists; nothing is overwritten`)
    expect(await readFile(join(folder, file), 'utf8')).toBe('mine')
    expect(await readdir(folder)).toEqual([file.split('/')[0]])
  })

  it('writes nothing next to a package.json that cannot be read', async () => {
    await writeFile(join(folder, 'package.json'), '[]')
    const refused = await refusal()
    expect(refused?.message).toBe(`${join(folder, 'package.json')} cannot be read: it is not an object`)
    expect(refused?.hint).toBe('correct it, or name another folder with --dir')
    expect(await readdir(folder)).toEqual(['package.json'])
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
    [['--upstream', 'ghcr.io'], '"ghcr.io" is not a URL of a registry'],
    [['--upstream', 'https://user:secret@ghcr.io'], 'is not a URL of a registry'],
    [['--issuer', 'bitbucket'], '"bitbucket" is not an issuer'],
    [['--issuer', 'http://issuer.example.org'], 'is not an issuer'],
    [['--issuer', 'github'], 'it takes a name to say who may push'],
    [['--issuer', 'github', '--pusher', 'acme/*'], '"acme/*" is not a subject'],
    // No token of GitHub or GitLab names these as its repository or project.
    [['--issuer', 'github', '--pusher', 'acme'], 'no token of github is of "acme"'],
    [['--issuer', 'github', '--pusher', 'acme/app/x'], 'no token of github is of "acme/app/x"'],
    [['--issuer', 'github', '--pusher', 'repo:acme/app'], 'no token of github is of "repo:acme/app"'],
    [['--issuer', 'github', '--pusher', 'acme@x/app'], 'no token of github is of "acme@x/app"'],
    [['--issuer', 'gitlab', '--pusher', 'acme'], 'no token of gitlab is of "acme"'],
    [['--issuer', 'gitlab', '--pusher', '/acme'], 'no token of gitlab is of "/acme"'],
    [['--host', 'https://x'], '"https://x" is not a host name'],
    [['--host', 'Gate.example.org'], '"Gate.example.org" is not a host name'],
    [['--host', '-x.example.org'], '"-x.example.org" is not a host name'],
    [['--push', 'Acme/*'], 'repositories are lower-case'],
    [['--push', 'a*'], 'one * may stand alone'],
    [['--service', 'https://x'], '"https://x" is not a host name'],
  ])('refuses %j', async (argv, message) => {
    const refused = await refusal(...argv)
    expect(refused?.status).toBe(2)
    expect(refused?.message).toContain(message)
    expect(refused?.hint).toBeDefined()
    expect(await readdir(folder)).toEqual([])
  })
})
