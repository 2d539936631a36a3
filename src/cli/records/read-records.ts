/**
 * Audit records out of logs, one after the other, so that a log may be of any size: lines of the gate (NDJSON), what
 * `wrangler tail --format json` prints, and exports of Workers Logs and Logpush; compressed with gzip or not.
 *
 * Sources: Cloudflare, "Workers Logs", "Workers Logpush" (dataset `workers_trace_events`), "wrangler tail".
 */
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { isRecord } from '../../base/json.ts'
import { type AuditRecord, recordOf } from '../answers/record.ts'
import { CommandError } from '../terminal/command-error.ts'

/** A record, with its text as one line of JSON; undefined for a part of the log that is none. */
export type LogEntry = { readonly record: AuditRecord; readonly line: string } | undefined

const GZIP = [0x1f, 0x8b]
const POLL_MS = 300
/** Lines of one object that `wrangler tail` prints over several lines. */
const OBJECT_LINES_MAX = 100_000

/**
 * The records of logs, in the order in which they lie there.
 *
 * @param files paths; `-` for standard input
 * @param follow wait for more at the end of the last file, until `signal` ends it
 * @throws {@link CommandError} 2 for a file that cannot be read
 */
export async function* readRecords(
  files: readonly string[],
  follow?: { readonly signal: AbortSignal },
): AsyncGenerator<LogEntry> {
  for (const [index, file] of files.entries()) {
    const isFollowed = follow !== undefined && index === files.length - 1 && file !== '-'
    const lines = isFollowed ? followedLines(file, follow.signal) : linesOf(await openLog(file), file)
    yield* entriesOf(lines)
  }
}

/** Each object of the lines, whether it is on one line or on several. */
async function* entriesOf(lines: AsyncIterable<string>): AsyncGenerator<LogEntry> {
  let open: string[] | undefined
  for await (const raw of lines) {
    const line = raw.replace(/^\uFEFF/, '')
    if (open !== undefined) {
      open.push(line)
      if (line !== '}' && open.length < OBJECT_LINES_MAX) continue
      yield* entriesIn(open.join('\n'))
      open = undefined
    } else if (line.trim() === '{') open = [line]
    else if (line.trim() !== '') yield* entriesIn(line)
  }
  if (open !== undefined) yield undefined
}

function* entriesIn(text: string): Generator<LogEntry> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    yield undefined
    return
  }
  const found = [...recordsIn(value)]
  if (found.length === 0) yield undefined
  for (const each of found) {
    const record = recordOf(each)
    yield record === undefined ? undefined : { record, line: JSON.stringify(each) }
  }
}

/** Keys under which platforms put what a Worker logged. */
const WRAPPERS = ['logs', 'Logs', 'message', 'Message', 'source', '$metadata'] as const

/** An event has logs, a log a list of messages, a message the text of a record: with room to spare. */
const DEPTH_MAX = 8

/** The records in one object of a log: itself, or what a platform has wrapped. Other lines of the gate have a `kind`. */
function* recordsIn(value: unknown, depth = 0): Generator<unknown> {
  if (depth > DEPTH_MAX) return
  if (typeof value === 'string') {
    if (!value.startsWith('{')) return
    try {
      yield* recordsIn(JSON.parse(value), depth + 1)
    } catch {
      // A line that somebody else has written.
    }
  } else if (Array.isArray(value)) for (const each of value) yield* recordsIn(each, depth + 1)
  else if (isRecord(value)) {
    if (recordOf(value) !== undefined) yield value
    else for (const key of WRAPPERS) if (Object.hasOwn(value, key)) yield* recordsIn(value[key], depth + 1)
  }
}

async function openLog(file: string): Promise<Readable> {
  if (file === '-') return unzipped(process.stdin)
  try {
    await (await open(file)).close()
  } catch (cause) {
    throw unreadable(file, cause)
  }
  return unzipped(createReadStream(file))
}

/** The bytes of a stream, whose first ones say whether it is compressed. */
async function unzipped(stream: Readable): Promise<Readable> {
  const chunks: AsyncIterator<Buffer> = stream[Symbol.asyncIterator]()
  const first = await chunks.next()
  async function* all(): AsyncGenerator<Buffer> {
    for (let next = first; next.done !== true; next = await chunks.next()) yield next.value
  }
  const bytes = Readable.from(all(), { objectMode: false })
  if (first.done === true || first.value[0] !== GZIP[0] || first.value[1] !== GZIP[1]) return bytes
  const unzip = createGunzip()
  bytes.once('error', (cause) => unzip.destroy(cause))
  return bytes.pipe(unzip)
}

async function* linesOf(stream: Readable, file: string): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) yield line.replace(/\r$/, '')
    }
  } catch (cause) {
    throw unreadable(file, cause)
  }
  if (rest !== '') yield rest
}

/** The lines of a file, and those that are added to it. A file that becomes shorter was replaced, and is read again. */
async function* followedLines(file: string, signal: AbortSignal): AsyncGenerator<string> {
  let at = 0
  let rest = ''
  while (!signal.aborted) {
    const size = await stat(file).then(
      (found) => found.size,
      (cause: unknown) => {
        throw unreadable(file, cause)
      },
    )
    if (size < at) [at, rest] = [0, '']
    if (size > at) {
      const handle = await open(file)
      try {
        const { bytesRead, buffer } = await handle.read(Buffer.alloc(Math.min(size - at, 1 << 20)), 0, undefined, at)
        at += bytesRead
        const lines = (rest + buffer.toString('utf8', 0, bytesRead)).split('\n')
        rest = lines.pop() ?? ''
        yield* lines
      } finally {
        await handle.close()
      }
    } else await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

function unreadable(file: string, cause: unknown): CommandError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new CommandError(2, `the log ${file} cannot be read: ${why}`, { cause })
}
