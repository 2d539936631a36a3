/**
 * Folders for one test file: made on demand, gone when the file's tests are over. Their paths are in lower case
 * throughout, because some clients read an OCI layout's path as a reference and refuse capitals.
 */

import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

const root = join(tmpdir(), `dockgate-e2e-${randomUUID()}`)

afterAll(() => rm(root, { recursive: true, force: true }))

/** Make a new, empty folder; `purpose` only makes its name readable. */
export function scratchDirectory(purpose: string): string {
  const directory = join(root, `${purpose}-${randomUUID().slice(0, 8)}`)
  mkdirSync(directory, { recursive: true })
  return directory
}
