/** The bytes of a file as text, and how long a file may be. Loads no parser. */
import { type Complaint, complaint } from './problem.ts'

/** The longest file that is read, in bytes. People do not write longer ones, and their tree would not fit into memory. */
export const FILE_MAX_BYTES = 64 * 1024 * 1024
/** The complaint about a longer file. */
export const FILE_TOO_LARGE = complaint(
  'file_too_large',
  'the file is larger than 64 MiB',
  'split it into several files',
)

/** Decodes UTF-8, with or without a byte order mark. Otherwise: what is wrong, and where. */
export function decodeUtf8(bytes: Uint8Array): { text: string } | { line: number; column: number; reason: Complaint } {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    const reason = complaint('not_utf8', 'the file is UTF-16', 'save it as UTF-8 (PowerShell: Out-File -Encoding utf8)')
    return { line: 1, column: 1, reason }
  }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes) }
  } catch {
    const lenient = new TextDecoder('utf-8').decode(bytes)
    const before = lenient.slice(0, Math.max(lenient.indexOf('\ufffd'), 0)).split('\n')
    const reason = complaint('not_utf8', 'a byte here is not UTF-8', 'save the file as UTF-8')
    return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1, reason }
  }
}
