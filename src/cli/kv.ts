/**
 * The store of bundles as the commands see it: keys and texts. One implementation runs `wrangler kv` (`./wrangler-kv.ts`),
 * this file's one uses a namespace in this process.
 */

export type KvPair = { readonly key: string; readonly value: string }

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

/** A namespace of a gate that this process runs. */
export function namespaceKv(namespace: Namespace, place: string): BulkKv {
  return {
    place,
    get: async (key) => (await namespace.get(key, 'text')) ?? undefined,
    async getAll(keys) {
      const values = new Map<string, string>()
      for (const key of keys) {
        const value = await namespace.get(key, 'text')
        if (value !== null) values.set(key, value)
      }
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
    async putAll(pairs) {
      for (const { key, value } of pairs) await namespace.put(key, value)
    },
    put: (key, value) => namespace.put(key, value),
    async deleteAll(keys) {
      for (const key of keys) await namespace.delete(key)
    },
  }
}
