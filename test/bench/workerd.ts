/**
 * Workers to be measured, each on a workerd of its own with one socket that leads straight to it, as `dockgate dev` runs
 * the gate: so the CPU time of each can be told apart, and anyone who is not asked costs nothing. What they log goes to
 * `/dev/null`: a process that reads and parses it on the same cores is nothing that the platform has.
 */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare'
import { buildWorker } from '../../dev/build/worker.ts'
import { COMPATIBILITY_DATE, COMPATIBILITY_FLAGS } from '../../src/cli/project/worker-settings.ts'
import { cpuMicroseconds, startedBy } from './machine.ts'

export type Running = {
  readonly port: number
  /** CPU time so far, in microseconds, of everything but the other Workers of a bench. */
  cpu(): Promise<number>
  /** A request next to what is measured. */
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Response>
  close(): Promise<void>
}

export type WorkerOptions = {
  /** One ES module. */
  readonly script: string
  readonly bindings?: Readonly<Record<string, string>>
  /** Filled into the KV namespace `POLICY`. */
  readonly kv?: ReadonlyMap<string, string>
  /** Script of a Worker that is bound as `REGISTRY`. */
  readonly registry?: string
  /** Folder of the KV namespace; in memory without. */
  readonly state?: string
}

/** The runtime as the package has it, without its standard output; read by Miniflare. */
function silentRuntime(): string {
  const { default: workerd }: { default: string } = createRequire(createRequire(import.meta.url).resolve('miniflare'))(
    'workerd',
  )
  const path = join(mkdtempSync(join(tmpdir(), 'dockgate-bench-')), 'workerd')
  writeFileSync(path, `#!/bin/sh\nexec '${workerd}' "$@" >/dev/null\n`, { mode: 0o755 })
  return path
}

process.env.MINIFLARE_WORKERD_PATH ??= silentRuntime()

/** A source of `./workers` or of the gate, bundled as the gate is. */
export const bundle = async (url: URL): Promise<string> => (await buildWorker(fileURLToPath(url))).text

export const workerSource = (name: string): URL => new URL(`./workers/${name}`, import.meta.url)

export const GATE_SOURCE = new URL('../../src/worker/index.ts', import.meta.url)

export async function startWorker(options: WorkerOptions): Promise<Running> {
  const { script, bindings = {}, kv = new Map(), registry, state } = options
  const shared = { compatibilityDate: COMPATIBILITY_DATE, compatibilityFlags: [...COMPATIBILITY_FLAGS] }
  const moduleOf = (contents: string) => [{ type: 'ESModule' as const, path: 'index.js', contents }]
  const [miniflare, pids] = await startedBy(async () => {
    const started = new Miniflare(
      convertV4MiniflareOptions({
        host: '127.0.0.1',
        port: 0,
        cf: false,
        log: new Log(LogLevel.NONE),
        handleStructuredLogs: () => undefined,
        ...(state === undefined ? {} : { resourcePersistencePath: state }),
        workers: [
          {
            name: 'measured',
            modules: moduleOf(script),
            ...shared,
            kvNamespaces: { POLICY: 'policy' },
            bindings: { ...bindings },
            ...(registry === undefined ? {} : { serviceBindings: { REGISTRY: 'registry' } }),
            unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
          },
          ...(registry === undefined ? [] : [{ name: 'registry', modules: moduleOf(registry), ...shared }]),
        ],
      }),
    )
    await started.ready
    return started
  })
  const { port, origin } = await miniflare.unsafeGetDirectURL('measured')
  const namespace = await miniflare.getKVNamespace('POLICY', 'measured')
  for (const [key, value] of kv) await namespace.put(key, value)
  const sum = async (read: (pid: number) => Promise<number>) =>
    (await Promise.all(pids.map(read))).reduce((total, value) => total + value, 0)
  return {
    port: Number(port),
    cpu: () => sum(cpuMicroseconds),
    get: (path, headers = {}) => fetch(`${origin}${path}`, { headers }),
    close: () => miniflare.dispose(),
  }
}
