/**
 * A store in a folder: files named by their keys. A value is written under a temporary name in the same folder and renamed, so
 * that a reader sees the old value or the new one, also over NFS. A gate of `dockgate serve` reads the folder as a KV
 * namespace.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { CommandError } from '../terminal/command-error.ts'
import type { BulkKv } from './kv.ts'

/** Keys of bundles: pointers, their history, and digests. A name that begins with a dot is a temporary one. */
const KEY = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,200}$/

/** The store in a folder, which is made if it is missing. Its methods throw {@link CommandError} 3. */
export function directoryKv(path: string): BulkKv {
  const folder = resolve(path)
  const fileOf = (key: string): string => {
    if (KEY.test(key)) return join(folder, key)
    throw new CommandError(2, `'${key}' cannot be the name of a file in a store`, {
      hint: 'name a pointer of letters, digits, dots, colons and dashes',
    })
  }
  const using = async <T>(use: () => Promise<T>): Promise<T> => {
    try {
      await mkdir(folder, { recursive: true })
      return await use()
    } catch (cause) {
      if (cause instanceof CommandError) throw cause
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new CommandError(3, `the store in ${path} cannot be used: ${why}`, { cause })
    }
  }
  const get = (key: string): Promise<string | undefined> => using(() => readFile(fileOf(key), 'utf8').catch(absent))
  const put = (key: string, value: string): Promise<void> =>
    using(async () => {
      const file = fileOf(key)
      const temporary = join(folder, `.${randomUUID()}`)
      try {
        const handle = await open(temporary, 'wx', 0o644)
        try {
          await handle.writeFile(value)
          // A name must not reach the disk before what it names.
          await handle.sync()
        } finally {
          await handle.close()
        }
        await rename(temporary, file)
      } finally {
        await rm(temporary, { force: true })
      }
    })
  return {
    place: `the folder ${path}`,
    get,
    async getAll(keys) {
      const values = new Map<string, string>()
      for (const key of keys) {
        const value = await get(key)
        if (value !== undefined) values.set(key, value)
      }
      return values
    },
    list: (prefix) =>
      using(async () => (await readdir(folder)).filter((name) => KEY.test(name) && name.startsWith(prefix))),
    putAll: async (pairs) => {
      for (const { key, value } of pairs) await put(key, value)
    },
    put,
    deleteAll: (keys) =>
      using(async () => {
        for (const key of keys) await rm(fileOf(key), { force: true })
      }),
  }
}

function absent(cause: unknown): undefined {
  if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
  throw cause
}
