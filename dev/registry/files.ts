/**
 * The few file operations that the stores share: all-or-nothing writes, and reads in which "the file does not exist" is an
 * answer instead of an error. Nothing is flushed to the device: this registry holds development data.
 */
import { randomUUID } from 'node:crypto'
import { copyFile, link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

const isCode = (error: unknown, ...codes: string[]): boolean =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code)

/** The value of `operation`, or undefined where the file or a folder above it does not exist. */
export async function ifExists<T>(operation: Promise<T>): Promise<T | undefined> {
  try {
    return await operation
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** The text of a file; undefined if the file does not exist. */
export const readText = (path: string): Promise<string | undefined> => ifExists(readFile(path, 'utf8'))
/** Names of the entries of a folder; none if the folder does not exist. */
export const listNames = async (path: string): Promise<string[]> => (await ifExists(readdir(path))) ?? []
/** True if there was such a file. */
export const remove = async (path: string): Promise<boolean> => (await ifExists(rm(path).then(() => true))) ?? false

/** Move a file to its place, creating the folders above it. */
export async function moveInto(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true })
  await rename(from, to)
}

/** Files that appear whole or not at all: written in `folder`, which must be on the same volume, then renamed. */
export class AtomicWriter {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  async write(path: string, content: string | Buffer): Promise<void> {
    const draft = join(this.#folder, randomUUID())
    await writeFile(draft, content)
    await moveInto(draft, path)
  }

  /** Give a file a second name without a second copy, where the volume can; false if the file does not exist. */
  async share(from: string, to: string): Promise<boolean> {
    const draft = join(this.#folder, randomUUID())
    try {
      await link(from, draft)
    } catch (error) {
      if (isCode(error, 'ENOENT')) return false
      if (!isCode(error, 'EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK')) throw error
      await copyFile(from, draft)
    }
    await moveInto(draft, to)
    // rename(2) leaves both names in place when they already are one file
    await remove(draft)
    return true
  }
}
