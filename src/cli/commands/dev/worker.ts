/**
 * The gate on workerd, run by this process, with its KV namespace under the state folder. One socket leads straight to the
 * Worker, so paths arrive as they were sent.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Miniflare } from 'miniflare'
import { COMPATIBILITY_DATE, COMPATIBILITY_FLAGS, KV_NAMESPACE_ID, WORKER_NAME } from '../../project/worker-settings.ts'
import { CommandError } from '../../terminal/command-error.ts'
import { loadMiniflare } from '../../terminal/peers.ts'

/** Set by `dev/build/compile.ts`. */
declare const DOCKGATE_COMPILED: true | undefined

/** The Worker of `dockgate dev` as one ES module: the gate as it is deployed, and a page for browsers before it. */
export async function workerScript(): Promise<string> {
  if (typeof DOCKGATE_COMPILED === 'undefined') {
    const { buildWorker, DEV_WORKER_ENTRY } = await import('../../../../dev/build/worker.ts')
    return (await buildWorker(DEV_WORKER_ENTRY)).text
  }
  return readFile(new URL('../dev-worker.js', import.meta.url), 'utf8')
}

/** Options of {@link startGate}. */
export type GateOptions = {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** The folder that `wrangler kv … --local --persist-to` uses as well. */
  readonly stateDirectory: string
  /** Variables and secrets. */
  readonly bindings: Readonly<Record<string, string>>
  /** Every line that the Worker logs. */
  readonly onLog: (line: string) => void
}

/** A running gate, and its local KV. */
export type Gate = {
  /** Origin, without a slash at the end. */
  readonly url: string
  readonly kv: Awaited<ReturnType<Miniflare['getKVNamespace']>>
  close(): Promise<void>
}

/** @throws {@link CommandError} 3 when workerd does not start, e.g. because the port is taken */
export async function startGate({ host, port, stateDirectory, bindings, onLog }: GateOptions): Promise<Gate> {
  const { convertV4MiniflareOptions, Log, LogLevel, Miniflare } = await loadMiniflare()
  const contents = await workerScript()
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host,
      port: 0,
      cf: false,
      log: new Log(LogLevel.NONE),
      resourcePersistencePath: join(stateDirectory, 'v3'),
      handleStructuredLogs: ({ message }) => onLog(message),
      workers: [
        {
          name: WORKER_NAME,
          modules: [{ type: 'ESModule', path: 'index.js', contents }],
          compatibilityDate: COMPATIBILITY_DATE,
          compatibilityFlags: [...COMPATIBILITY_FLAGS],
          kvNamespaces: { POLICY: KV_NAMESPACE_ID },
          durableObjects: { STATE: { className: 'RepositoryState', useSQLite: true } },
          bindings: { ...bindings },
          unsafeDirectSockets: [{ host, port }],
        },
      ],
    }),
  )
  try {
    await miniflare.ready
    const url = await miniflare.unsafeGetDirectURL(WORKER_NAME)
    const kv = await miniflare.getKVNamespace('POLICY', WORKER_NAME)
    return { url: url.origin, kv, close: () => miniflare.dispose() }
  } catch (cause) {
    await miniflare.dispose().catch(() => undefined)
    throw new CommandError(3, `the gate did not start on ${host}:${port}`, {
      hint: 'if the port is taken, choose another with `--port`',
      cause,
    })
  }
}
