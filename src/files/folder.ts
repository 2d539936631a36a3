/**
 * The files of a policy folder, as texts. A person who may change a policy may also place links and devices in the folder,
 * so nothing outside of the folder is read, and nothing but regular files. Never looks at what the texts mean.
 */
import { readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeUtf8, FILE_MAX_BYTES, FILE_TOO_LARGE } from './file-text.ts'
import { type Complaint, complaint, type Report } from './problem.ts'
import { isWithin, readRegularFile, type Unread } from './regular-file.ts'

const POLICY_FILE = /\.(?:ya?ml|json)$/i

/** Bounds for a whole folder: a million rules need about 150 MB in a few files. */
type Limits = { readonly entries: number; readonly bytes: number }
const MIB = 1024 * 1024
const LIMITS: Limits = { entries: 100_000, bytes: 512 * MIB }

type File = { readonly path: string; readonly text: string }

/**
 * All policy files below `directory`, in the order of their names. What cannot be read is reported and left out. A link
 * is followed to a regular file or a folder below `directory` itself, so that the `..data` links of a Kubernetes volume
 * work; every other link is reported.
 *
 * @returns undefined, with a report, if the folder cannot be listed or holds no policy file
 */
export async function readFolder(
  directory: string,
  report: Report,
  limits: Limits = LIMITS,
): Promise<readonly File[] | undefined> {
  const root = await stat(directory).catch(() => undefined)
  if (root === undefined || !root.isDirectory()) {
    const what = root === undefined ? `the folder ${directory} does not exist` : `${directory} is not a folder`
    report.error(WHOLE_FOLDER, complaint('folder_missing', what, 'name the folder that holds the policy files'))
    return undefined
  }
  const files = await new FolderReader(report, limits).read(directory)
  if (files.length === 0 && report.errors === 0) {
    const what = `${directory} holds no policy file`
    report.error(WHOLE_FOLDER, complaint('folder_empty', what, 'policies are *.yaml, *.yml and *.json'))
    return undefined
  }
  return files
}

const WHOLE_FOLDER = { file: '.', line: 1, column: 1 }

class FolderReader {
  readonly #files: File[] = []
  readonly #report: Report
  readonly #limits: Limits
  /** Real paths of folders that were read: a folder that is linked twice is read once, and circles end. */
  readonly #seen = new Set<string>()
  /** The real path of the policy folder. */
  #root = ''
  #entries = 0
  #bytes = 0
  #isFull = false

  constructor(report: Report, limits: Limits) {
    this.#report = report
    this.#limits = limits
  }

  async read(directory: string): Promise<readonly File[]> {
    try {
      this.#root = await realpath(directory)
      await this.#readFolder(this.#root, '')
    } catch (error) {
      this.#complain('', unreadable(error))
    }
    return this.#files
  }

  async #readFolder(real: string, folder: string): Promise<void> {
    if (this.#seen.has(real)) return
    this.#seen.add(real)
    for (const name of (await readdir(real)).sort()) {
      if (this.#isFull) return
      if (name.startsWith('.')) continue
      const path = folder === '' ? name : `${folder}/${name}`
      try {
        await this.#readEntry(join(real, name), path)
      } catch (error) {
        this.#complain(path, unreadable(error))
      }
    }
  }

  async #readEntry(entry: string, path: string): Promise<void> {
    this.#entries += 1
    if (this.#entries > this.#limits.entries) {
      this.#stop(path)
      return
    }
    const real = await realpath(entry)
    const isFolder = (await stat(real)).isDirectory()
    if (!isFolder && !POLICY_FILE.test(path)) return
    if (!isWithin(this.#root, real)) this.#complain(path, REASONS.outside)
    else if (isFolder) await this.#readFolder(real, path)
    else await this.#readFile(real, path)
  }

  async #readFile(real: string, path: string): Promise<void> {
    const bytes = await readRegularFile(real, FILE_MAX_BYTES)
    if (typeof bytes === 'string') {
      this.#complain(path, REASONS[bytes])
      return
    }
    this.#bytes += bytes.length
    if (this.#bytes > this.#limits.bytes) {
      this.#stop(path)
      return
    }
    const decoded = decodeUtf8(bytes)
    if (!('text' in decoded)) {
      this.#report.error({ file: path, line: decoded.line, column: decoded.column }, decoded.reason)
    } else if (decoded.text.trim() === '') this.#complain(path, EMPTY)
    else this.#files.push({ path, text: decoded.text })
  }

  #stop(path: string): void {
    this.#isFull = true
    const what = 'the policy folder is too large, reading stopped here'
    const { entries, bytes } = this.#limits
    const hint = `keep policy files only in it: at most ${entries} files and folders, and ${bytes / MIB} MiB, are read`
    this.#complain(path, complaint('folder_too_large', what, hint))
  }

  #complain(path: string, reason: Complaint): void {
    this.#report.error({ ...WHOLE_FOLDER, file: path || '.' }, reason)
  }
}

const REASONS: Readonly<Record<Unread, Complaint>> = {
  outside: complaint(
    'link_outside',
    'this link leads out of the policy folder',
    'copy the file into the folder, or remove the link',
  ),
  special: complaint('file_special', 'this is not a regular file', 'remove it, or put a regular file in its place'),
  too_large: FILE_TOO_LARGE,
}

/** An error: failed commands (`az … > file`) and full disks leave empty files, perhaps where deny assignments were. */
const EMPTY = complaint('file_empty', 'the file is empty', 'write it again, or remove it')

function unreadable(error: unknown): Complaint {
  const code = error instanceof Error && 'code' in error ? error.code : error
  return complaint('file_unreadable', `cannot be read: ${code}`, 'make it readable, or remove it')
}
