/**
 * The repositories on disk. Every repository holds its own blobs, manifests, tags and referrers in its own folder, and a
 * read looks nowhere else, so that no repository can serve what only another one was given. A mounted blob is a second
 * hard link to the same file: its space is free again when the last repository has deleted it.
 *
 *     repositories/<name, / as ,>/blobs/<digest>            the bytes
 *                                 manifests/<digest>        the bytes
 *                                 manifests/<digest>.json   its descriptor: there is a manifest once this is there
 *                                 tags/<tag>                the digest
 *                                 referrers/<subject>/<digest>   empty: a manifest with that subject
 *
 * It decides nothing about what may be pushed, and keeps nothing in memory.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { access, mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { AtomicWriter, ifExists, listNames, moveInto, readText, remove } from './files.ts'
import {
  algorithmOf,
  type Digest,
  isDigest,
  isRepositoryName,
  isTag,
  type RepositoryName,
  type Tag,
} from './grammar.ts'
import { KeyedLock } from './lock.ts'
import type { Manifest } from './manifest.ts'

/** A stored manifest as an image-spec descriptor, plus its subject. */
export interface StoredManifest {
  readonly mediaType: string
  readonly digest: Digest
  readonly size: number
  readonly artifactType?: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly subject?: Digest
}

/** Blobs, manifests and tags in a folder. */
export class Store {
  readonly #root: string
  readonly #writer: AtomicWriter
  readonly #writes = new KeyedLock()

  /** @param directory created when missing; one process at a time may use it */
  static async open(directory: string): Promise<Store> {
    const drafts = join(directory, 'drafts')
    await rm(drafts, { recursive: true, force: true })
    await mkdir(drafts, { recursive: true })
    return new Store(directory, new AtomicWriter(drafts))
  }

  private constructor(directory: string, writer: AtomicWriter) {
    this.#root = join(directory, 'repositories')
    this.#writer = writer
  }

  /** Names of all repositories that ever held something, in byte order. */
  async repositories(): Promise<RepositoryName[]> {
    const folders = await listNames(this.#root)
    return folders
      .map((folder) => folder.replaceAll(',', '/'))
      .filter(isRepositoryName)
      .sort()
  }

  async exists(name: RepositoryName): Promise<boolean> {
    return (await ifExists(access(this.#folder(name)).then(() => true))) ?? false
  }

  /** Size of a blob in bytes, and its bytes on demand, from the file that was there at the time of the call. */
  async blob(name: RepositoryName, digest: Digest): Promise<Blob | undefined> {
    const file = await ifExists(open(this.#blob(name, digest)))
    if (file === undefined) return undefined
    const { size } = await file.stat()
    return {
      size,
      read: (start, end) => file.createReadStream({ start, end: end - 1 }),
      close: () => file.close(),
    }
  }

  async hasBlob(name: RepositoryName, digest: Digest): Promise<boolean> {
    return (await ifExists(access(this.#blob(name, digest)).then(() => true))) ?? false
  }

  /** Take a file over as a blob if its bytes have this digest; otherwise leave it where it is and answer false. */
  async adoptBlob(name: RepositoryName, digest: Digest, file: string): Promise<boolean> {
    const hash = createHash(algorithmOf(digest))
    await pipeline(createReadStream(file), hash)
    if (`${algorithmOf(digest)}:${hash.digest('hex')}` !== digest) return false
    await moveInto(file, this.#blob(name, digest))
    return true
  }

  /** False if `from` does not hold the blob. */
  mountBlob(name: RepositoryName, from: RepositoryName, digest: Digest): Promise<boolean> {
    return this.#writer.share(this.#blob(from, digest), this.#blob(name, digest))
  }

  deleteBlob(name: RepositoryName, digest: Digest): Promise<boolean> {
    return remove(this.#blob(name, digest))
  }

  async manifest(name: RepositoryName, digest: Digest): Promise<StoredManifest | undefined> {
    const text = await readText(`${this.#manifest(name, digest)}.json`)
    return text === undefined ? undefined : JSON.parse(text)
  }

  manifestBytes(name: RepositoryName, digest: Digest): Promise<Buffer | undefined> {
    return ifExists(readFile(this.#manifest(name, digest)))
  }

  /**
   * Store a manifest with its tags in one step, unless something that it refers to is missing.
   * @returns the first missing digest
   */
  putManifest(
    name: RepositoryName,
    digest: Digest,
    manifest: Manifest,
    bytes: Buffer,
    tags: readonly Tag[],
  ): Promise<Digest | undefined> {
    return this.#writes.run(name, async () => {
      for (const blob of manifest.blobs) if (!(await this.hasBlob(name, blob))) return blob
      for (const child of manifest.manifests) if ((await this.manifest(name, child)) === undefined) return child
      const { mediaType, artifactType, annotations, subject } = manifest
      const stored: StoredManifest = {
        mediaType,
        digest,
        size: bytes.length,
        ...(artifactType !== undefined && { artifactType }),
        ...(annotations !== undefined && { annotations }),
        ...(subject !== undefined && { subject }),
      }
      const path = this.#manifest(name, digest)
      await this.#writer.write(path, bytes)
      await this.#writer.write(`${path}.json`, JSON.stringify(stored))
      if (subject !== undefined) await this.#writer.write(join(this.#referrers(name, subject), fileOf(digest)), '')
      for (const tag of tags) await this.#writer.write(this.#tag(name, tag), digest)
      return undefined
    })
  }

  /** Delete a manifest, every tag of it, and its place in the referrers of its subject. */
  deleteManifest(name: RepositoryName, digest: Digest): Promise<boolean> {
    return this.#writes.run(name, async () => {
      const stored = await this.manifest(name, digest)
      if (stored === undefined) return false
      const path = this.#manifest(name, digest)
      await remove(`${path}.json`)
      await remove(path)
      if (stored.subject !== undefined) await remove(join(this.#referrers(name, stored.subject), fileOf(digest)))
      for (const tag of await this.tags(name)) {
        if ((await this.resolve(name, tag)) === digest) await remove(this.#tag(name, tag))
      }
      return true
    })
  }

  /** All tags of a repository in byte order. */
  async tags(name: RepositoryName): Promise<Tag[]> {
    const files = await listNames(join(this.#folder(name), 'tags'))
    return files.map(tagOf).filter(isTag).sort()
  }

  /** The digest that a tag points to. */
  async resolve(name: RepositoryName, tag: Tag): Promise<Digest | undefined> {
    const text = await readText(this.#tag(name, tag))
    return text !== undefined && isDigest(text) ? text : undefined
  }

  deleteTag(name: RepositoryName, tag: Tag): Promise<boolean> {
    return this.#writes.run(name, () => remove(this.#tag(name, tag)))
  }

  /** The manifests of this repository whose subject is `subject`, itself present or not, in order of their digests. */
  async referrers(name: RepositoryName, subject: Digest): Promise<StoredManifest[]> {
    const digests = (await listNames(this.#referrers(name, subject))).map(digestOf).filter(isDigest).sort()
    const found = await Promise.all(digests.map((digest) => this.manifest(name, digest)))
    return found.filter((manifest) => manifest !== undefined)
  }

  #folder(name: RepositoryName): string {
    return join(this.#root, folderOf(name))
  }

  #blob(name: RepositoryName, digest: Digest): string {
    return join(this.#folder(name), 'blobs', fileOf(digest))
  }

  #manifest(name: RepositoryName, digest: Digest): string {
    return join(this.#folder(name), 'manifests', fileOf(digest))
  }

  #tag(name: RepositoryName, tag: Tag): string {
    return join(this.#folder(name), 'tags', fileOfTag(tag))
  }

  #referrers(name: RepositoryName, subject: Digest): string {
    return join(this.#folder(name), 'referrers', fileOf(subject))
  }
}

/** A stored blob. */
export interface Blob {
  readonly size: number
  /** Bytes from `start` up to, not including, `end`; closes the file at its end. */
  read(start: number, end: number): Readable
  /** Needed only if nothing is read. */
  close(): Promise<void>
}

/** A name as one folder: flat, so that `a` and `a/blobs` cannot meet. */
export const folderOf = (name: RepositoryName): string => name.replaceAll('/', ',')

const fileOf = (digest: Digest): string => digest.replace(':', '-')
const digestOf = (file: string): string => file.replace('-', ':')

/**
 * Tags differ by letter case, files on some systems do not: a tag with capitals is its lower case, a comma, and the
 * positions of the capitals as a hexadecimal bit mask.
 */
function fileOfTag(tag: Tag): string {
  const capitals = [...tag].reduce((mask, letter, at) => (/[A-Z]/.test(letter) ? mask | (1n << BigInt(at)) : mask), 0n)
  return capitals === 0n ? tag : `${tag.toLowerCase()},${capitals.toString(16)}`
}

function tagOf(file: string): string {
  const [letters = '', mask] = file.split(',')
  if (mask === undefined) return letters
  const capitals = BigInt(`0x${mask}`)
  return [...letters].map((letter, at) => (capitals & (1n << BigInt(at)) ? letter.toUpperCase() : letter)).join('')
}
