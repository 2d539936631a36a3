/** The KV namespace of `dockgate dev`, in the files of its state folder: read and written by Miniflare in this process. */
import { join } from 'node:path'
import { CommandError } from '../terminal/command-error.ts'
import { showing } from '../terminal/progress.ts'
import { namespaceKv, type OpenKv } from './kv.ts'

/** Id of the namespace in local state, where `dockgate dev` has it. */
export const LOCAL_NAMESPACE_ID = 'policy'

const NO_WORKER = 'export default { fetch: () => new Response(null, { status: 404 }) }'

/**
 * @param stateDirectory of `dockgate dev`, made when it is missing
 * @throws {@link CommandError} 3 when the folder cannot be used
 */
export async function openLocalKv(stateDirectory: string, namespaceId = LOCAL_NAMESPACE_ID): Promise<OpenKv> {
  const { convertV4MiniflareOptions, Log, LogLevel, Miniflare } = await import('miniflare')
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      port: 0,
      cf: false,
      log: new Log(LogLevel.NONE),
      resourcePersistencePath: join(stateDirectory, 'v3'),
      workers: [{ modules: true, script: NO_WORKER, kvNamespaces: { POLICY: namespaceId } }],
    }),
  )
  const close = () => miniflare.dispose()
  try {
    const namespace = await showing('opening the local KV', () => miniflare.getKVNamespace('POLICY'))
    // The folder is opened by the first access.
    await namespace.list({ limit: 1 })
    return { ...namespaceKv(namespace, `local KV in ${stateDirectory}`), close }
  } catch (cause) {
    await close().catch(() => undefined)
    throw new CommandError(3, `the local KV in ${stateDirectory} cannot be used`, {
      hint: 'name another folder with --state, or remove this one and run `dockgate dev` again',
      cause,
    })
  }
}
