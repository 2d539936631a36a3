import { createHash } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { readExpiry } from '../../../../src/cli/commands/token/expiry.ts'
import { tokenCommand } from '../../../../src/cli/commands/token/token.ts'
import { CommandError } from '../../../../src/cli/terminal/command-error.ts'
import { loadPolicies } from '../../../../src/files/load.ts'

const NOW = Date.parse('2026-09-01T00:00:00Z')
const POLICY = `# Ours.
scopeMaps:
  samples-push:
    actions: [repositories/samples/*/content/write]   # more to come

tokens:
  # The build.
  ci:
    scopeMap: samples-push
    credentials:
      password1: { sha256: "${'1'.repeat(64)}", expires: 2026-10-01T00:00:00Z }  # by Ann
`

let folder = ''
let printed: { out: string; err: string }

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dockgate-token-'))
  await writeFile(join(folder, 'policy.yaml'), POLICY)
  printed = { out: '', err: '' }
  vi.useFakeTimers({ now: NOW, toFake: ['Date'] })
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
  vi.useRealTimers()
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true })
})

const run = (...argv: string[]) => tokenCommand().parseAsync([...argv, '--policies', folder], { from: 'user' })

async function refusal(...argv: string[]): Promise<CommandError> {
  const fault = await run(...argv).then(
    () => undefined,
    (error: unknown) => error,
  )
  if (fault instanceof CommandError) return fault
  throw new Error(`not refused: ${argv.join(' ')} ${String(fault)}`)
}

const text = (file = 'policy.yaml') => readFile(join(folder, file), 'utf8')
const sha256 = (secret: string) => createHash('sha256').update(secret).digest('hex')
async function token(name: string) {
  const { policies, problems } = await loadPolicies(folder)
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([])
  return policies?.tokens.find((item) => item.name === name)
}

describe('create', () => {
  it('prints the secret alone, once, and keeps its digest for 90 days', async () => {
    await run('create', 'web', '--scope-map', 'samples-push')
    const secret = printed.out.trimEnd()
    expect(secret).toMatch(/^[\w][\w-]{42}$/)
    expect(printed.out).toBe(`${secret}\n`)
    expect(printed.err).not.toContain(secret)
    expect(await text()).toBe(
      `${POLICY}  web:\n    scopeMap: samples-push\n    credentials:\n      password1: { sha256: "${sha256(secret)}", expires: 2026-11-30T00:00:00Z }\n`,
    )
  })

  it.each([
    ['30d', '2026-10-01T00:00:00Z'],
    ['12h', '2026-09-01T12:00:00Z'],
    ['2w', '2026-09-15T00:00:00Z'],
    ['2027-03-01T00:00:00Z', '2027-03-01T00:00:00Z'],
    ['2027-03-01T02:00:00+02:00', '2027-03-01T00:00:00Z'],
  ])('--expires %s', async (when, expires) => {
    await run('create', 'web', '--scope-map', '_repositories_pull', '--expires', when, '--json')
    const result: unknown = JSON.parse(printed.out)
    expect(result).toMatchObject({ token: 'web', expires, password: 'password1', scopeMap: '_repositories_pull' })
    expect((await token('web'))?.credentials[0]?.expires).toBe(Date.parse(expires) / 1000)
  })

  it('--no-expiry', async () => {
    await run('create', 'web', '--scope-map', '_repositories_pull', '--no-expiry')
    expect((await token('web'))?.credentials).toEqual([{ name: 'password1', sha256: sha256(printed.out.trimEnd()) }])
  })

  it.each([
    [['ci', '--scope-map', 'samples-push'], 1, 'the token ci exists', 'rotate ci'],
    [['web'], 2, 'a token needs a scope map', 'samples-push'],
    [['web', '--scope-map', 'sample-push'], 1, 'has no scope map "sample-push"', 'did you mean samples-push?'],
    [['__proto__', '--scope-map', 'samples-push'], 2, '"__proto__" is not a name', '1 to 50'],
    [['we b', '--scope-map', 'samples-push'], 2, '"we b" is not a name', '1 to 50'],
    [['web', '--scope-map', 'samples-push', '--expires', 'soon'], 2, '"soon" is neither', '30d'],
    [['web', '--scope-map', 'samples-push', '--expires', '0d'], 2, 'not in the future', '30d'],
    [['web', '--scope-map', 'samples-push', '--expires', '2026-08-31T00:00:00Z'], 2, 'has passed', '30d'],
    [['web', '--scope-map', 'samples-push', '--expires', '2027-03-01'], 2, 'is neither', 'mean 2027-03-01T00:00:00Z?'],
    [['web', '--scope-map', 'samples-push', '--expires', '30d', '--no-expiry'], 2, 'contradict', 'leave one'],
    [['web', '--scope-map', 'samples-push', '--file', '../x.yaml'], 2, 'cannot be a policy file', 'policy.yaml'],
    [['web', '--scope-map', 'samples-push', '--file', 'x.txt'], 2, 'cannot be a policy file', 'policy.yaml'],
    [['web', '--scope-map', 'samples-push', '--file', 'x.test.yaml'], 2, 'cannot be a policy file', 'policy.yaml'],
  ])('refuses %j', async (argv, status, message, hint) => {
    const fault = await refusal('create', ...argv)
    expect(fault.status).toBe(status)
    expect(fault.message).toContain(message)
    expect(fault.hint).toContain(hint)
    expect(await text()).toBe(POLICY)
    expect(printed.out).toBe('')
  })

  it('writes to the file that is named, new or old', async () => {
    await run('create', 'web', '--scope-map', 'samples-push', '--file', 'web.yaml')
    expect(await text()).toBe(POLICY)
    expect(await text('web.yaml')).toMatch(/^tokens:\n {2}web:\n/)
    await run('create', 'web2', '--scope-map', 'samples-push', '--file', join(folder, 'web.yaml'))
    expect(await token('web2')).toBeDefined()
    expect(await text()).toBe(POLICY)
  })

  it('makes tokens.yaml where several files have no tokens', async () => {
    await writeFile(join(folder, 'policy.yaml'), 'registry: { mode: abac }\n')
    await writeFile(join(folder, 'b.yaml'), 'scopeMaps: {}\n')
    await run('create', 'web', '--scope-map', '_repositories_pull')
    expect(await text('tokens.yaml')).toContain('  web:')
    await run('create', 'web2', '--scope-map', '_repositories_pull')
    expect(await text('tokens.yaml')).toContain('  web2:')
  })

  it('keeps mode, link, byte order mark and line ends; leaves nothing behind', async () => {
    const real = join(folder, '.data', 'real.yaml')
    await mkdir(dirname(real))
    const before = `\uFEFF${POLICY.replaceAll('\n', '\r\n')}`
    await writeFile(real, before)
    await chmod(real, 0o640)
    await rm(join(folder, 'policy.yaml'))
    await symlink(real, join(folder, 'policy.yaml'))
    await run('create', 'web', '--scope-map', 'samples-push')
    const after = await readFile(real, 'utf8')
    expect(after.startsWith(before)).toBe(true)
    expect(after.replaceAll('\r\n', '')).not.toContain('\n')
    expect((await stat(real)).mode & 0o777).toBe(0o640)
    expect(await readdir(folder)).toEqual(['.data', 'policy.yaml'])
  })

  it('does not touch policies that are not valid', async () => {
    await writeFile(join(folder, 'policy.yaml'), `${POLICY}nonsense: 1\n`)
    const fault = await refusal('create', 'web', '--scope-map', 'samples-push')
    expect(fault.message).toContain('are not valid: 1 error')
    expect(printed.err).toContain('policy.yaml:12:1: error: unknown key "nonsense"')
  })

  it('says so where the file cannot be changed in place', async () => {
    await writeFile(join(folder, 'policy.yaml'), 'tokens: &t\n  a: { scopeMap: _repositories_pull }\nregistry: *t\n')
    expect((await refusal('create', 'web', '--scope-map', '_repositories_pull')).status).toBe(1)
    await writeFile(join(folder, 'policy.yaml'), 'tokens:\n  a: &a { scopeMap: _repositories_pull }\n  b: *a\n')
    const fault = await refusal('disable', 'b')
    expect(fault.message).toContain('laid out so that it cannot be changed in place')
  })
})

describe('rotate', () => {
  it('fills the free slot, and says which password stays valid', async () => {
    await run('rotate', 'ci')
    const secret = printed.out.trimEnd()
    expect(await text()).toBe(
      `${POLICY}      password2: { sha256: "${sha256(secret)}", expires: 2026-11-30T00:00:00Z }\n`,
    )
    expect(printed.err).toContain('password1 stays valid until 2026-10-01T00:00:00Z')
  })

  it('replaces the named one and nothing but its digest and end', async () => {
    await run('rotate', 'ci', '--password', 'password1', '--expires', '2027-01-01T00:00:00Z')
    const secret = printed.out.trimEnd()
    expect(await text()).toBe(
      POLICY.replace('1'.repeat(64), sha256(secret)).replace('2026-10-01T00:00:00Z', '2027-01-01T00:00:00Z'),
    )
  })

  it('takes the end away with --no-expiry', async () => {
    await run('rotate', 'ci', '--password', 'password1', '--no-expiry')
    expect(await text()).toBe(
      POLICY.replace('1'.repeat(64), sha256(printed.out.trimEnd())).replace(', expires: 2026-10-01T00:00:00Z', ''),
    )
  })

  it.each([
    ['the one that ends first', '2027-01-01T00:00:00Z', '2026-12-01T00:00:00Z', 'password2'],
    ['the one that ends at all', undefined, '2026-12-01T00:00:00Z', 'password2'],
    ['one that has ended', '2026-12-01T00:00:00Z', '2026-08-01T00:00:00Z', 'password2'],
    ['the first of equals', undefined, undefined, 'password1'],
  ])('replaces %s', async (_, first, second, replaced) => {
    const slot = (name: string, digit: string, expires: string | undefined) =>
      `      ${name}: { sha256: "${digit.repeat(64)}"${expires === undefined ? '' : `, expires: ${expires}`} }\n`
    const credentials = slot('password1', '1', first) + slot('password2', '2', second)
    await writeFile(
      join(folder, 'policy.yaml'),
      `tokens:\n  ci:\n    scopeMap: _repositories_pull\n    credentials:\n${credentials}`,
    )
    await run('rotate', 'ci', '--json')
    expect(JSON.parse(printed.out)).toMatchObject({ password: replaced })
    const digests = (await token('ci'))?.credentials.map((credential) => credential.sha256)
    expect(digests).toContain((replaced === 'password1' ? '2' : '1').repeat(64))
  })

  it('gives a token of an Azure list its passwords in a file of ours', async () => {
    const id = '/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/r'
    const list = [
      { id: `${id}/tokens/edge`, name: 'edge', scopeMapId: `${id}/scopeMaps/_repositories_pull`, status: 'enabled' },
    ]
    await writeFile(join(folder, 'azure.json'), JSON.stringify(list))
    await run('rotate', 'edge')
    expect((await token('edge'))?.credentials[0]?.sha256).toBe(sha256(printed.out.trimEnd()))
    const fault = await refusal('disable', 'edge')
    expect(fault.message).toMatch(/comes from the Azure list in .*azure\.json:1/)
  })

  it.each([
    [['web'], 1, 'has no token "web"', 'dockgate token create web'],
    [['ci-'], 1, 'has no token "ci-"', 'did you mean ci?'],
    [['ci', '--expires', 'never'], 2, '"never" is neither', '30d'],
  ])('refuses %j', async (argv, status, message, hint) => {
    const fault = await refusal('rotate', ...argv)
    expect([fault.status, fault.message, fault.hint]).toEqual([
      status,
      expect.stringContaining(message),
      expect.stringContaining(hint),
    ])
    expect(await text()).toBe(POLICY)
  })
})

describe('disable and enable', () => {
  it('change the status and nothing else', async () => {
    await run('disable', 'ci')
    const disabled = await text()
    expect(disabled).toBe(`${POLICY}    status: disabled\n`)
    await run('disable', 'ci', '--json')
    expect(await text()).toBe(disabled)
    await run('enable', 'ci')
    expect(await text()).toBe(`${POLICY}    status: enabled\n`)
    expect((await token('ci'))?.status).toBe('enabled')
  })
})

describe('what is to be typed next', () => {
  it.each([
    ['dockgate', undefined],
    ['npx dockgate', 'exec'],
    ['npx dockgate', 'run-script'],
  ])('is %s where npm_command is %s', async (command, variable) => {
    vi.stubEnv('npm_command', variable)
    await run('rotate', 'ci')
    expect(printed.err.split('\n')).toEqual([
      `password2 of token ci is new in ${folder}/policy.yaml, until 2026-11-30T00:00:00Z`,
      `password1 stays valid until 2026-10-01T00:00:00Z; when nobody uses it any more: ${command} token rotate ci --password password1 --policies ${folder}`,
      'not in force yet; to put it into force',
      `  at the gate on Cloudflare:  ${command} push --remote --policies ${folder}`,
      `  in the local KV:            ${command} push --local --policies ${folder}; a running \`dockgate dev\` does it by itself`,
      'its password, shown this once:',
      '',
    ])
    printed.err = ''
    await run('disable', 'ci')
    expect(printed.err).toMatch(
      new RegExp(
        `^not in force yet; to put it into force\\n {2}at the gate on Cloudflare: {2}${command} push --remote `,
      ),
    )
    printed.err = ''
    await run('rotate', 'ci')
    expect(printed.err).toContain(`\`${command} token enable ci --policies ${folder}\` brings it back`)
  })
})

describe('an expiry', () => {
  it.each([
    '',
    '30',
    'd',
    '-1d',
    '1.5d',
    '999999w',
    '2026-13-01',
    '2027-02-30',
    '2027-03-01',
    '2027-02-30T00:00:00Z',
    'tomorrow',
  ])('%j is refused', (when) => {
    expect(() => readExpiry(when, NOW / 1000)).toThrow(CommandError)
  })
})
