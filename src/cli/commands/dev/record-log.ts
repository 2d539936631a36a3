/** The file of `dockgate dev --log`: the gate's audit records, one line of JSON for each (NDJSON). */
import { closeSync, openSync, writeSync } from 'node:fs'
import { parseRecord } from '../../answers/record.ts'
import { CommandError } from '../../terminal/command-error.ts'
import * as output from '../../terminal/output.ts'

/** A file that takes audit records. */
export type RecordLog = {
  /** Adds a line of the Worker's log if it is an audit record; another line is left out. Never throws. */
  readonly add: (line: string) => void
  readonly close: () => void
}

/**
 * Opens a file to append to, and makes it where there is none, for this user alone: a record names callers and repositories.
 *
 * @throws {@link CommandError} 3 when the file cannot be opened
 */
export function openRecordLog(file: string): RecordLog {
  const descriptor = open(file)
  let isWritable = true
  return {
    add(line) {
      if (!isWritable || parseRecord(line) === undefined) return
      try {
        writeSync(descriptor, `${line.trim()}\n`)
      } catch (cause) {
        isWritable = false
        output.error(`${file} cannot be written: no more records are added (${reasonOf(cause)})`)
      }
    },
    close: () => closeSync(descriptor),
  }
}

function open(file: string): number {
  try {
    return openSync(file, 'a', 0o600)
  } catch (cause) {
    throw new CommandError(3, `${file} cannot be written: ${reasonOf(cause)}`, {
      hint: 'name another file with --log',
      cause,
    })
  }
}

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))
