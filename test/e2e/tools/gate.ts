/**
 * The gate as its users run it: `dockgate dev` in a process of its own, on a free port, with a policy folder of the test.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'
import { until } from './registry.ts'
import { scratchDirectory } from './scratch.ts'

const COMMAND = fileURLToPath(new URL('../../../src/cli/bin.js', import.meta.url))
const START_TIMEOUT_MS = 60_000

const running = new Set<ChildProcess>()

afterAll(() => {
  for (const child of running) child.kill('SIGKILL')
})

export interface GateOptions {
  /** File name to text; or the path of a folder that exists. */
  readonly policies: Readonly<Record<string, string>> | string
  /** Absent: the gate's own development registry. */
  readonly upstream?: string
  /** Variables and secrets for the gate, by the bindings' names. */
  readonly environment?: Readonly<Record<string, string>>
  readonly stateDirectory?: string
  readonly args?: readonly string[]
}

export interface Gate {
  readonly url: string
  /** `127.0.0.1:port`, for references. */
  readonly host: string
  readonly policyDirectory: string
  readonly stateDirectory: string
  /** All that it wrote to standard error. */
  log(): string
  stop(): Promise<void>
}

/** SHA-256 as policy files hold it. */
export const sha256 = (secret: string): string => createHash('sha256').update(secret).digest('hex')

export function writePolicies(directory: string, policies: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(policies)) {
    const file = join(directory, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
}

export async function startGate(options: GateOptions): Promise<Gate> {
  const { policies, upstream, args } = options
  // The same tests against the gate of `dockgate serve`: DOCKGATE_GATE=serve npx vitest … --project e2e matrix
  if (process.env.DOCKGATE_GATE === 'serve' && upstream !== undefined && typeof policies !== 'string' && !args) {
    const { startServe } = await import('./serve.ts')
    return startServe({ ...options, policies, upstream, args: ['--state', scratchDirectory('state')] })
  }
  const policyDirectory = typeof options.policies === 'string' ? options.policies : scratchDirectory('policies')
  const stateDirectory = options.stateDirectory ?? scratchDirectory('state')
  if (typeof options.policies !== 'string') writePolicies(policyDirectory, options.policies)
  const registry = upstream === undefined ? [] : ['--upstream', upstream]
  const where = ['--policies', policyDirectory, '--state', stateDirectory, '--port', '0']
  const child = spawn(process.execPath, [COMMAND, 'dev', ...where, ...registry, ...(args ?? [])], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.environment },
  })
  running.add(child)
  let stdout = ''
  let stderr = ''
  let status: number | null | undefined
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  child.on('exit', (code) => {
    status = code
    running.delete(child)
  })
  await until(START_TIMEOUT_MS, 'the gate does not start', () => stdout.includes('\n') || status !== undefined)
  const url = /^ready (http:\/\/127\.0\.0\.1:\d+)$/m.exec(stdout)?.[1]
  if (url === undefined) throw new Error(`the gate did not start (status ${status}):\n${stdout}${stderr}`)
  return {
    url,
    host: new URL(url).host,
    policyDirectory,
    stateDirectory,
    log: () => stderr,
    stop: async () => {
      child.kill('SIGTERM')
      await until(START_TIMEOUT_MS, 'the gate does not stop', () => status !== undefined)
    },
  }
}
