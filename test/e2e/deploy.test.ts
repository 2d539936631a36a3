/**
 * `dockgate deploy` with the real wrangler, against an imitation of Cloudflare's API on this machine, which then runs what it
 * was given: the gate that is probed at the end is the one that was deployed.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROOT } from '../../dev/build/root.ts'
import { buildWorker } from '../../dev/build/worker.ts'
import { type Cloudflare, startCloudflare } from './tools/cloudflare.ts'
import { type Outcome, runProgram } from './tools/process.ts'
import { scratchDirectory } from './tools/scratch.ts'

const TIMEOUT_MS = 600_000
const COMMAND = join(ROOT, 'src/cli/bin.js')
const PASSWORD = 'secret-of-the-upstream-account'
const ACCOUNT = { UPSTREAM_USERNAME: 'gate', UPSTREAM_PASSWORD: PASSWORD } as const
const NAMESPACE = '0'.repeat(31).concat('1')

describe('deploy', { timeout: TIMEOUT_MS, concurrent: false }, () => {
  const folder = scratchDirectory('project')
  const outputs: Outcome[] = []
  let cloudflare: Cloudflare

  async function deploy(environment: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Outcome> {
    const outcome = await runProgram(process.execPath, [COMMAND, 'deploy', ...args], {
      cwd: folder,
      environment: {
        PATH: process.env.PATH ?? '',
        HOME: scratchDirectory('home'),
        NO_COLOR: '1',
        CLOUDFLARE_API_BASE_URL: `${cloudflare.url}/client/v4`,
        CLOUDFLARE_API_TOKEN: 'token-of-the-account',
        CLOUDFLARE_ACCOUNT_ID: 'account',
        ...environment,
      },
      timeoutMs: 500_000,
    })
    outputs.push(outcome)
    return outcome
  }

  const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
  const secretsOfKeys = (): readonly string[] =>
    ['policy-signing-key.json', 'token-signing-key.json'].map((name) => JSON.parse(read(`keys/${name}`)).d)

  beforeAll(async () => {
    cloudflare = await startCloudflare()
    const options = ['--upstream', 'https://registry.internal.example', '--host', 'registry.acme.dev']
    const { status, stderr } = await runProgram(process.execPath, [COMMAND, 'init', ...options], {
      cwd: folder,
      environment: { PATH: process.env.PATH ?? '', HOME: folder },
    })
    expect(status, stderr).toBe(0)
    writeFileSync(
      join(folder, 'wrangler.toml'),
      read('wrangler.toml').replace(/^PUBLIC_URL = .*$/m, `PUBLIC_URL = "${cloudflare.url}"`),
    )
    mkdirSync(join(folder, 'node_modules/dockgate/dist'), { recursive: true })
    writeFileSync(join(folder, 'node_modules/dockgate/dist/worker.js'), (await buildWorker()).text)
    cpSync(join(ROOT, 'package.json'), join(folder, 'node_modules/dockgate/package.json'))
  }, TIMEOUT_MS)
  afterAll(() => cloudflare.close())

  it('shows the plan and changes nothing with --dry-run', async () => {
    const settings = read('wrangler.toml')
    const { status, stdout, stderr } = await deploy({}, '--dry-run')
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout.split('\n')).toEqual([
      'keys       make the signing keys in keys',
      'namespace  make the KV namespace dockgate-policy',
      'settings   write the id of the namespace and the public keys into wrangler.toml',
      'worker     deploy dockgate',
      'secrets    put TOKEN_SIGNING_KEY',
      '           the gate has no account at the registry: set UPSTREAM_USERNAME and UPSTREAM_PASSWORD',
      'policy     push policies',
      `probe      ask ${cloudflare.url} for what it must refuse`,
      '',
    ])
    expect(cloudflare.changes).toEqual([])
    expect(existsSync(join(folder, 'keys'))).toBe(false)
    expect(read('wrangler.toml')).toBe(settings)
  })

  it('stops where a step fails, and says that it goes on from there', async () => {
    cloudflare.broken.push(/^PATCH .*secrets-bulk$/)
    const { status, stderr } = await deploy(ACCOUNT)
    expect(status).toBe(3)
    expect(stderr).toContain(
      'dockgate: error: wrangler failed while putting TOKEN_SIGNING_KEY, UPSTREAM_USERNAME, UPSTREAM_PASSWORD:',
    )
    expect(stderr).toContain('then run `dockgate deploy` again: it goes on where it stopped')
    expect([...cloudflare.namespaces]).toEqual([[NAMESPACE, 'dockgate-policy']])
    expect(cloudflare.worker?.script).toBe(read('node_modules/dockgate/dist/worker.js'))
    expect([...cloudflare.secrets]).toEqual([])
    expect([...cloudflare.values]).toEqual([])
  })

  it('does the rest when it is run again, and ends with a gate that refuses what it must', async () => {
    const keys = secretsOfKeys()
    const settings = read('wrangler.toml')
    expect(settings).toContain(`id = "${NAMESPACE}"\n`)
    expect(settings).toContain(`POLICY_PUBLIC_KEYS = '${read('keys/policy-public-keys.json').trim()}'\n`)
    const { status, stdout, stderr } = await deploy(ACCOUNT)
    expect(status, stderr).toBe(0)
    expect(stdout.split('\n')).toEqual([
      'keys       keep the signing keys',
      'namespace  keep the KV namespace',
      'settings   keep wrangler.toml',
      'worker     deploy dockgate',
      'secrets    put TOKEN_SIGNING_KEY, UPSTREAM_USERNAME, UPSTREAM_PASSWORD',
      'policy     push policies',
      `probe      ask ${cloudflare.url} for what it must refuse`,
      '',
    ])
    expect(stderr).toMatch(/^probe: \d{3} requests, 0 findings$/m)
    expect(secretsOfKeys()).toEqual(keys)
    expect(read('wrangler.toml')).toBe(settings)
    expect(cloudflare.namespaces.size).toBe(1)
    expect(Object.fromEntries(cloudflare.secrets)).toEqual({
      ...ACCOUNT,
      TOKEN_SIGNING_KEY: read('keys/token-signing-key.json').trim(),
    })
    expect([...cloudflare.values.keys()].filter((key) => key === 'pointer')).toHaveLength(1)
    const ready = await fetch(`${cloudflare.url}/readyz`)
    expect(ready.status).toBe(200)
  })

  it('changes nothing but the Worker when everything is there', async () => {
    const before = { secrets: new Map(cloudflare.secrets), values: new Map(cloudflare.values) }
    cloudflare.changes.length = 0
    const { status, stdout, stderr } = await deploy({})
    expect(status, stderr).toBe(0)
    expect(stdout).toContain('secrets    keep the secrets\n')
    expect(stdout).toContain('policy     keep the policy in force; `dockgate push --remote` changes it\n')
    expect({ secrets: cloudflare.secrets, values: cloudflare.values }).toEqual(before)
    expect(cloudflare.changes.filter((call) => /namespaces|secrets/.test(call))).toEqual([])
  })

  it('never shows a key, a password or the token of the account', () => {
    expect(outputs).toHaveLength(4)
    const text = outputs.map(({ stdout, stderr }) => stdout + stderr).join('')
    for (const secret of [...secretsOfKeys(), PASSWORD, 'token-of-the-account'])
      expect(text.includes(secret)).toBe(false)
  })
})
