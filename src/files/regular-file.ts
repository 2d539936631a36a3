/**
 * Reads regular files of folders whose content others may change. A link, a FIFO, a device or an endless file in the
 * folder neither leads out of it nor keeps the reader waiting.
 */
import { constants } from 'node:fs'
import { type FileHandle, open, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'

/** Why a file is not read. */
export type Unread = 'outside' | 'special' | 'too_large'

/**
 * Whether a path is a folder or lies below it. Both must be real paths (without links).
 */
export const isWithin = (folder: string, path: string): boolean =>
  path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep)

/**
 * The bytes of a regular file below `folder`. Links are followed as long as they stay below the folder's real path.
 *
 * @throws the error of the operating system if the file does not exist or it cannot be read
 */
export async function readWithin(folder: string, path: string, maxBytes: number): Promise<Uint8Array | Unread> {
  const real = await realpath(join(folder, path))
  return isWithin(await realpath(folder), real) ? readRegularFile(real, maxBytes) : 'outside'
}

/**
 * The bytes of a regular file of at most `maxBytes`.
 *
 * @param real a path without links
 * @throws the error of the operating system if the file cannot be opened or read
 */
export async function readRegularFile(real: string, maxBytes: number): Promise<Uint8Array | Unread> {
  // Opening a device may do something by itself; opening a FIFO without O_NONBLOCK waits for a writer.
  if (!(await stat(real)).isFile()) return 'special'
  const handle = await open(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
  try {
    const found = await handle.stat()
    if (!found.isFile()) return 'special'
    return found.size > maxBytes ? 'too_large' : await readBytes(handle, found.size, maxBytes)
  } finally {
    await handle.close()
  }
}

/** Reads to the end, not to `size`: the size of a file in /proc is 0, and a file may grow. */
async function readBytes(handle: FileHandle, size: number, maxBytes: number): Promise<Uint8Array | Unread> {
  const chunks: Uint8Array[] = []
  for (let [total, wanted] = [0, size + 1]; ; wanted = 64 * 1024) {
    const { bytesRead, buffer } = await handle.read(new Uint8Array(wanted), 0, wanted, null)
    if (bytesRead === 0) return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
    chunks.push(buffer.subarray(0, bytesRead))
    total += bytesRead
    if (total > maxBytes) return 'too_large'
  }
}
