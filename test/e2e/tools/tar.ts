/** Writes a tar archive in the ustar format of POSIX.1-2017 `pax`, as container layers use it. Never reads one. */

/** One member of an archive. Owner is root, time is the epoch, so equal members make equal archives. */
export type TarEntry =
  | { readonly type: 'file'; readonly name: string; readonly content: Uint8Array; readonly mode?: number }
  | { readonly type: 'directory'; readonly name: string; readonly mode?: number }
  | { readonly type: 'symlink'; readonly name: string; readonly target: string }

const BLOCK_BYTES = 512
const TYPE_FLAGS = { file: '0', directory: '5', symlink: '2' } as const
const DEFAULT_MODES = { file: 0o644, directory: 0o755, symlink: 0o777 } as const

/** The archive of these members, in this order. Throws for a name past 100 bytes, which plain ustar cannot hold. */
export function tarArchive(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap((entry) => {
    const content = entry.type === 'file' ? entry.content : Buffer.alloc(0)
    const padding = Buffer.alloc((BLOCK_BYTES - (content.length % BLOCK_BYTES)) % BLOCK_BYTES)
    return [header(entry, content.length), content, padding]
  })
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK_BYTES)])
}

function header(entry: TarEntry, size: number): Buffer {
  if (Buffer.byteLength(entry.name) > 100) throw new Error(`tar member name is too long: ${entry.name}`)
  const mode = ('mode' in entry ? entry.mode : undefined) ?? DEFAULT_MODES[entry.type]
  const block = Buffer.alloc(BLOCK_BYTES)
  block.write(entry.name, 0)
  block.write(octal(mode, 8), 100)
  block.write(octal(0, 8), 108)
  block.write(octal(0, 8), 116)
  block.write(octal(size, 12), 124)
  block.write(octal(0, 12), 136)
  block.write(' '.repeat(8), 148)
  block.write(TYPE_FLAGS[entry.type], 156)
  if (entry.type === 'symlink') block.write(entry.target, 157)
  block.write('ustar\x0000', 257)
  const checksum = block.reduce((sum, byte) => sum + byte, 0)
  block.write(`${checksum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

/** A number field of `width` bytes: octal digits and a closing NUL. */
function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, '0')}\0`
}
