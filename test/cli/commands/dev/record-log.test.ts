/** The file of `dockgate dev --log`. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { readRecord } from '../../../../src/cli/answers/record.ts'
import { openRecordLog } from '../../../../src/cli/commands/dev/record-log.ts'

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dockgate-log-'))
  file = join(folder, 'requests.ndjson')
})
afterEach(() => {
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true })
})

const record = (id: string): string =>
  JSON.stringify({ time: '2026-09-01T10:20:30.123Z', id, decision: 'deny', reason: 'no_grant', status: 403, ms: 1 })

describe('the log of records', () => {
  it('holds each record in one line, in order, and can be read at once', async () => {
    const log = openRecordLog(file)
    log.add(record('one'))
    log.add(`${record('two')}\n`)
    expect(readFileSync(file, 'utf8')).toBe(`${record('one')}\n${record('two')}\n`)
    expect(await readRecord(file, 'two')).toMatchObject({ id: 'two', decision: 'deny' })
    log.close()
  })

  it.each(['plain text', '{"kind":"policy","serial":1}', '{"kind":"fault","id":"one","message":"x"}', '{ broken', ''])(
    'leaves out what is not a record: %j',
    (line) => {
      const log = openRecordLog(file)
      log.add(line)
      log.close()
      expect(readFileSync(file, 'utf8')).toBe('')
    },
  )

  it('keeps what the file holds already', () => {
    writeFileSync(file, `${record('old')}\n`)
    const log = openRecordLog(file)
    log.add(record('new'))
    log.close()
    expect(readFileSync(file, 'utf8')).toBe(`${record('old')}\n${record('new')}\n`)
  })

  it('can be read by its owner alone, since records name callers', () => {
    openRecordLog(file).close()
    expect(statSync(file).mode & 0o777).toBe(0o600)
    chmodSync(file, 0o644)
    openRecordLog(file).close()
    expect(statSync(file).mode & 0o777).toBe(0o644)
  })

  it('reports once that the file cannot be written any more, and the gate goes on', () => {
    const printed: string[] = []
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => printed.push(String(text)) > 0)
    const log = openRecordLog(file)
    log.close()
    log.add(record('one'))
    log.add(record('two'))
    expect(printed).toEqual([
      `dockgate: error: ${file} cannot be written: no more records are added (EBADF: bad file descriptor, write)\n`,
    ])
  })
})
