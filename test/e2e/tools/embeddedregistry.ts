/** The project's own development registry, in this process, under the same controls as any other registry. */

import { afterAll } from 'vitest'
import { startRegistry } from '../../../dev/registry/server.ts'
import { journalOf, type Registry, type ServedRequest } from './registry.ts'
import { scratchDirectory } from './scratch.ts'

type Running = Awaited<ReturnType<typeof startRegistry>>

/** Registries that no test has ended. */
const running = new Set<Running>()

afterAll(() => Promise.all([...running].map((registry) => registry.close())))

/**
 * Start a development registry. With `authorization` it accepts only that value of the `Authorization` header. Its
 * stop and its kill are one: both cut off what is under way. It writes no log.
 */
export async function startEmbeddedRegistry(authorization?: string): Promise<Registry> {
  const directory = scratchDirectory('embedded-registry')
  const served: ServedRequest[] = []
  let current: Running | undefined

  const start = async (port: number): Promise<Running> => {
    const registry = await startRegistry({
      directory,
      port,
      ...(authorization === undefined ? {} : { authorization }),
      onRequest: ({ method, url, status }) => served.push({ method, target: url, status }),
    })
    current = registry
    running.add(registry)
    return registry
  }

  const stop = async (): Promise<void> => {
    const registry = current
    current = undefined
    if (registry === undefined) return
    running.delete(registry)
    await registry.close()
  }

  const { url, port } = await start(0)
  return {
    url,
    host: new URL(url).host,
    ...journalOf(
      url,
      () => current !== undefined,
      () => [...served],
    ),
    log: () => '',
    stop,
    kill: stop,
    restart: async () => {
      await stop()
      await start(port)
    },
  }
}
