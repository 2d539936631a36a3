/** A gate on workerd whose KV, keys and registry a test can make fail while requests are under way. */
import { readdirSync, readFileSync } from 'node:fs'
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare'
import { namespaceKv } from '../../src/cli/bundles/kv.ts'
import { workerScript } from '../../src/cli/commands/dev/worker.ts'
import { COMPATIBILITY_DATE, COMPATIBILITY_FLAGS } from '../../src/cli/project/worker-settings.ts'

const NAME = 'dockgate'
const NAMESPACE = 'policy'

/**
 * The Worker as it is deployed, with two things in its environment that can be changed from outside: what KV does, and
 * the keys of tokens. A changed environment is to the gate what a new deployment is.
 */
const HARNESS = `
import gate from './gate.js'
const state = { kv: 'well', keys: undefined, env: undefined }
const kvOf = (kv) => ({
  async get(key, options) {
    if (state.kv === 'throws') throw new Error('KV GET failed: 500 Internal Server Error')
    if (state.kv === 'hangs') await new Promise((resolve) => setTimeout(resolve, 3000))
    return kv.get(key, options)
  },
})
export default {
  async fetch(request, env, ctx) {
    if (request.url.endsWith('/soak-harness')) {
      const { kv = state.kv, keys } = await request.json()
      state.kv = kv
      if (keys !== undefined) state.env = { ...env, POLICY: kvOf(env.POLICY), TOKEN_SIGNING_KEY: keys }
      return new Response('changed')
    }
    state.env ??= { ...env, POLICY: kvOf(env.POLICY) }
    return gate.fetch(request, state.env, ctx)
  },
}
`

export type KvState = 'well' | 'throws' | 'hangs'

/** The gate in workerd, with a KV and keys that a test can change. */
export type SoakGate = Awaited<ReturnType<typeof startSoakGate>>

export async function startSoakGate(bindings: Readonly<Record<string, string>>) {
  const log: string[] = []
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: '127.0.0.1',
      port: 0,
      cf: false,
      log: new Log(LogLevel.NONE),
      handleStructuredLogs: ({ message }) => {
        if (message.includes('internal_error')) log.push(message)
      },
      workers: [
        {
          name: NAME,
          modules: [
            { type: 'ESModule', path: 'index.js', contents: HARNESS },
            { type: 'ESModule', path: 'gate.js', contents: await workerScript() },
          ],
          compatibilityDate: COMPATIBILITY_DATE,
          compatibilityFlags: [...COMPATIBILITY_FLAGS],
          kvNamespaces: { POLICY: NAMESPACE },
          bindings: { ...bindings },
          unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
        },
      ],
    }),
  )
  await miniflare.ready
  const url = (await miniflare.unsafeGetDirectURL(NAME)).origin
  const namespace = await miniflare.getKVNamespace('POLICY', NAME)
  return {
    url,
    kv: namespaceKv(namespace, 'local KV'),
    /** Lines of the log that tell of a mistake of the gate's own. */
    log: (): readonly string[] => log,
    change: async (to: { readonly kv?: KvState; readonly keys?: string }): Promise<void> => {
      await fetch(`${url}/soak-harness`, { method: 'POST', body: JSON.stringify(to) })
    },
    close: () => miniflare.dispose(),
  }
}

/** Resident memory of the workerd processes that this one started, in MiB; nothing where there is no `/proc`. */
export function workerdMemoryMiB(): number | undefined {
  try {
    const mine = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && isMyWorkerd(pid))
    const pages = mine.map((pid) =>
      Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0),
    )
    return Math.round(pages.reduce((sum, kib) => sum + kib, 0) / 1024)
  } catch {
    return undefined
  }
}

function isMyWorkerd(pid: string): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return /^Name:\s+workerd/m.test(status) && new RegExp(`^PPid:\\s+${process.pid}$`, 'm').test(status)
  } catch {
    return false
  }
}
