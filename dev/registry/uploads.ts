/**
 * Blob uploads under way. A session is a file in the folder of its repository, so no other repository can continue it,
 * and it outlives the process. Bytes that arrived before a connection broke are kept: the client asks how far it came.
 */
import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ifExists, remove } from './files.ts'
import type { RepositoryName } from './grammar.ts'
import { KeyedLock } from './lock.ts'
import { folderOf } from './store.ts'

const SESSION = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The upload sessions of all repositories. */
export class Uploads {
  readonly #root: string
  readonly #sessions = new KeyedLock()

  /** @param directory the registry's own, on the same volume as its blobs */
  constructor(directory: string) {
    this.#root = join(directory, 'uploads')
  }

  /** Open an empty session; the answer is its id. */
  async start(name: RepositoryName): Promise<string> {
    const session = randomUUID()
    await mkdir(join(this.#root, folderOf(name)), { recursive: true })
    await writeFile(this.#file(name, session), '', { flag: 'wx' })
    return session
  }

  /** Run `task` with a session that nobody else writes meanwhile, or with undefined if this repository has no session of this name. */
  use<T>(name: RepositoryName, session: string, task: (upload: Upload | undefined) => Promise<T>): Promise<T> {
    if (!SESSION.test(session)) return task(undefined)
    const file = this.#file(name, session)
    return this.#sessions.run(file, async () => {
      const found = await ifExists(stat(file))
      return task(found && new Upload(session, file, found.size))
    })
  }

  #file(name: RepositoryName, session: string): string {
    return join(this.#root, folderOf(name), session)
  }
}

/** One upload session. */
export class Upload {
  readonly session: string
  readonly file: string
  #size: number

  constructor(session: string, file: string, size: number) {
    this.session = session
    this.file = file
    this.#size = size
  }

  /** Bytes received so far. */
  get size(): number {
    return this.#size
  }

  /** Append a body as it arrives. */
  async append(body: Readable): Promise<void> {
    await pipeline(body, createWriteStream(this.file, { flags: 'a' }))
    this.#size = (await stat(this.file)).size
  }

  /** Forget everything after the first `size` bytes. */
  async rewind(size: number): Promise<void> {
    await truncate(this.file, size)
    this.#size = size
  }

  /** Drop the session and its bytes. */
  cancel(): Promise<boolean> {
    return remove(this.file)
  }
}
