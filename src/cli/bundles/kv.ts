/**
 * The store of bundles as the commands see it: keys and texts. One implementation runs `wrangler kv` (`./wrangler-kv.ts`),
 * this file's one uses a namespace that this process holds (`./local-kv.ts`, and the gate of `dockgate dev`).
 */

/** A key of a store and its value. */
export type KvPair = { readonly key: string; readonly value: string }

/** A store of bundles, as commands use it. */
export type Kv = {
  /** Where it is, for people: `local KV in .dockgate`. */
  readonly place: string
  get(key: string): Promise<string | undefined>
  /** Every key that starts with `prefix`. */
  list(prefix: string): Promise<readonly string[]>
  /** Several at once; nothing is said about their order. */
  putAll(pairs: readonly KvPair[]): Promise<void>
  put(key: string, value: string): Promise<void>
  deleteAll(keys: readonly string[]): Promise<void>
}

/** A store that also answers many reads at once: what it takes to read a whole bundle. */
export type BulkKv = Kv & {
  /** The values of those keys that are there. */
  getAll(keys: readonly string[]): Promise<ReadonlyMap<string, string>>
}

/** A store that this process has opened. */
export type OpenKv = BulkKv & { close(): Promise<void> }

/** Accesses under way at once. */
const CONCURRENCY = 32

async function forEach<T>(items: readonly T[], task: (item: T) => Promise<void>): Promise<void> {
  const waiting = items.values()
  const worker = async () => {
    for (const item of waiting) await task(item)
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, worker))
}

/** As much of a KV namespace as is needed here; what Miniflare hands out fits. */
export type Namespace = {
  get(key: string, type: 'text'): Promise<string | null>
  put(key: string, value: string): Promise<void>
  delete(key: string): Promise<void>
  list(options: { prefix: string; cursor?: string }): Promise<{
    readonly keys: readonly { readonly name: string }[]
    readonly list_complete: boolean
    readonly cursor?: string
  }>
}

/** The store that a KV namespace of Miniflare is. `place` names it in messages. */
export function namespaceKv(namespace: Namespace, place: string): BulkKv {
  return {
    place,
    get: async (key) => (await namespace.get(key, 'text')) ?? undefined,
    async getAll(keys) {
      const values = new Map<string, string>()
      await forEach(keys, async (key) => {
        const value = await namespace.get(key, 'text')
        if (value !== null) values.set(key, value)
      })
      return values
    },
    async list(prefix) {
      const names: string[] = []
      let cursor: string | undefined
      do {
        const page = await namespace.list(cursor === undefined ? { prefix } : { prefix, cursor })
        names.push(...page.keys.map(({ name }) => name))
        cursor = page.list_complete ? undefined : page.cursor
      } while (cursor !== undefined)
      return names
    },
    putAll: (pairs) => forEach(pairs, ({ key, value }) => namespace.put(key, value)),
    put: (key, value) => namespace.put(key, value),
    deleteAll: (keys) => forEach(keys, (key) => namespace.delete(key)),
  }
}
