/** The gate of `dockgate serve` in a process of its own, over a store that `dockgate push` has filled. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'
import { type Gate, writePolicies } from './gate.ts'
import { type Outcome, runProgram } from './process.ts'
import { until } from './registry.ts'
import { scratchDirectory } from './scratch.ts'

const COMMAND = fileURLToPath(new URL('../../../src/cli/bin.js', import.meta.url))
const START_TIMEOUT_MS = 60_000

const running = new Set<ChildProcess>()

afterAll(() => {
  for (const child of running) child.kill('SIGKILL')
})

export interface ServeOptions {
  /** File name to text. Absent: nothing is pushed. */
  readonly policies?: Readonly<Record<string, string>>
  readonly upstream: string
  /** As `--store` has it. Absent: a folder of its own. */
  readonly store?: string
  /** Folder with the keys of `dockgate keys generate`. Absent: new ones. */
  readonly keys?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly args?: readonly string[]
}

export interface ServedGate extends Gate {
  readonly keys: string
  readonly store: string
  /** Address of `--admin`, if that was asked for. */
  readonly admin: string | undefined
  /** All that it wrote to standard output after its address. */
  records(): string
  /** Sends it a signal, and does not wait. */
  signal(name: NodeJS.Signals): void
  /** Its exit status, once it has ended. */
  ended(): Promise<number | null>
  /** Pushes policies to its store. */
  push(policies: Readonly<Record<string, string>>): Promise<Outcome>
}

/** Runs the command to its end. */
export const dockgate = (args: readonly string[], environment: Readonly<Record<string, string>> = {}) =>
  runProgram(process.execPath, [COMMAND, ...args], {
    environment: { PATH: process.env.PATH ?? '', NO_COLOR: '1', ...environment },
  })

export async function newKeys(): Promise<string> {
  const keys = join(scratchDirectory('keys'), 'keys')
  const made = await dockgate(['keys', 'generate', '--out', keys])
  if (made.status !== 0) throw new Error(made.stderr)
  return keys
}

/** Pushes policies to a store. */
export async function pushTo(
  store: string,
  keys: string,
  policies: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const folder = scratchDirectory('policies')
  writePolicies(folder, policies)
  const key = join(keys, 'policy-signing-key.json')
  return dockgate(['push', '--store', store, '--policies', folder, '--key', key, '--yes'], environment)
}

export async function startServe(options: ServeOptions): Promise<ServedGate> {
  const keys = options.keys ?? (await newKeys())
  const store = options.store ?? `dir:${scratchDirectory('store')}`
  if (options.policies !== undefined) {
    const pushed = await pushTo(store, keys, options.policies, options.environment)
    if (pushed.status !== 0) throw new Error(`the policy is not pushed:\n${pushed.stderr}`)
  }
  const named = [
    '--public-keys',
    join(keys, 'policy-public-keys.json'),
    '--token-key',
    join(keys, 'token-signing-key.json'),
  ]
  const args = ['serve', '--upstream', options.upstream, '--store', store, '--listen', '127.0.0.1:0', ...named]
  const child = spawn(process.execPath, [COMMAND, ...args, ...(options.args ?? [])], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH ?? '',
      NO_COLOR: '1',
      // As often as the Worker allows: tests wait.
      POLICY_REFRESH_SECONDS: '1',
      POLICY_MAX_AGE_SECONDS: '1',
      ...options.environment,
    },
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
  const ended = new Promise<number | null>((resolve) => {
    child.on('exit', (code) => {
      status = code
      running.delete(child)
      resolve(code)
    })
  })
  await until(START_TIMEOUT_MS, 'the gate does not start', () => stdout.includes('\n') || status !== undefined)
  const url = /^ready (https?:\/\/\S+)$/m.exec(stdout)?.[1]
  if (url === undefined) throw new Error(`the gate did not start (status ${status}):\n${stdout}${stderr}`)
  // It comes through another pipe, perhaps later.
  const adminUrl = (): string | undefined => /health and metrics at (\S+)/.exec(stderr)?.[1]
  if (options.args?.includes('--admin') === true) {
    await until(START_TIMEOUT_MS, 'the gate names no address for operators', () => adminUrl() !== undefined)
  }
  return {
    url,
    host: new URL(url).host,
    policyDirectory: '',
    stateDirectory: '',
    keys,
    store,
    admin: adminUrl(),
    log: () => stderr,
    records: () => stdout.slice(stdout.indexOf('\n') + 1),
    signal: (name) => child.kill(name),
    ended: () => ended,
    push: (policies) => pushTo(store, keys, policies, options.environment),
    stop: async () => {
      child.kill('SIGTERM')
      await ended
    },
  }
}
