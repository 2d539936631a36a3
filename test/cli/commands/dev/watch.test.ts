import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { watch } from '../../../../src/cli/commands/dev/watch.ts'

let folder = ''
let watcher = { close: (): void => undefined }
const changed = vi.fn()

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dockgate-watch-'))
  await writeFile(join(folder, 'policy.yaml'), 'one')
  await mkdir(join(folder, 'team'))
  await writeFile(join(folder, 'team/policy.yaml'), 'one')
  changed.mockClear()
  watcher = watch(folder, changed)
})

afterEach(async () => {
  watcher.close()
  await rm(folder, { recursive: true })
})

const write = (name: string) => writeFile(join(folder, name), `${Math.random()}`)
/** As most editors save, and as `dockgate token` does. */
const replace = async (name: string) => {
  await write(`${name}.new`)
  await rename(join(folder, `${name}.new`), join(folder, name))
}

async function isSeen(change: () => Promise<unknown>): Promise<void> {
  const before = changed.mock.calls.length
  await change()
  await vi.waitFor(() => expect(changed.mock.calls.length).toBeGreaterThan(before), 60_000)
}

it.each(['policy.yaml', 'team/policy.yaml'])(
  'sees a file written in place, replaced, and written in place again: %s',
  async (name) => {
    for (const change of [write, replace, write, replace, write]) await isSeen(() => change(name))
  },
)

it('sees files in a folder that is new', async () => {
  await isSeen(() => mkdir(join(folder, 'other')))
  await isSeen(() => write('other/policy.yaml'))
  await isSeen(() => rm(join(folder, 'other/policy.yaml')))
})

it('calls back once for a burst', async () => {
  await isSeen(() => Promise.all(Array.from({ length: 20 }, (_, n) => write(`${n}.yaml`))))
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(changed).toHaveBeenCalledTimes(1)
})

it('is quiet once it is closed', async () => {
  watcher.close()
  await write('policy.yaml')
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(changed).not.toHaveBeenCalled()
})
