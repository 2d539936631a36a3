import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { shardKey } from '../../../src/bundle/digest.ts'
import { encodeBundle } from '../../../src/bundle/encode.ts'
import { generateKey, parseSigningKey } from '../../../src/bundle/keys.ts'
import { signManifest } from '../../../src/bundle/sign.ts'
import { readSource } from '../../../src/cli/bundles/policy-source.ts'
import { outcomeOf } from '../outcome.ts'

const FOLDER = join(import.meta.dirname, '../fixtures/explain')
let bundle: string
const shards: string[] = []

beforeEach(async () => {
  bundle = await mkdtemp(join(tmpdir(), 'dockgate-'))
  await mkdir(join(bundle, 'shards'))
  const { policy: compiled } = await readSource(FOLDER)
  const manifest = await encodeBundle(
    compiled,
    { pointer: 'pointer', serial: 1, created: 0 },
    async ({ digest, text }) => {
      const file = join(bundle, 'shards', `${shardKey(digest).replace(':', '-')}.json`)
      shards.push(file)
      await writeFile(file, text)
    },
  )
  const key = await parseSigningKey(JSON.stringify((await generateKey('EdDSA')).private))
  await writeFile(join(bundle, 'pointer.jws'), await signManifest(manifest, key))
})
afterEach(async () => {
  shards.length = 0
  await rm(bundle, { recursive: true, force: true })
})

it('reads a bundle as the policy that it was made from', async () => {
  const { policy: compiled } = await readSource(FOLDER)
  for (const path of [bundle, join(bundle, 'pointer.jws')]) {
    const { policy: read, bundle: manifest } = await readSource(path)
    expect(manifest).toMatchObject({ pointer: 'pointer', serial: 1 })
    expect(read.common).toEqual(compiled.common)
    expect([...read.principals].sort()).toEqual([...compiled.principals].sort())
  }
})

it('refuses a shard that is missing, and one that was changed', async () => {
  const [file = ''] = shards
  await writeFile(file, '{}')
  await expect(readSource(bundle)).rejects.toMatchObject({ status: 2, message: expect.stringContaining('sha256:') })
  await rm(file)
  await expect(readSource(bundle)).rejects.toMatchObject({ status: 2, message: expect.stringContaining('missing') })
})

it.each([
  ['a link out of the bundle', (file: string) => symlink('/proc/self/environ', file)],
  ['a link to a device', (file: string) => symlink('/dev/zero', file)],
  [
    'a link to a file that exists elsewhere',
    (file: string) => symlink(join(import.meta.dirname, '../outcome.ts'), file),
  ],
  ['a folder', (file: string) => mkdir(file)],
  ['too large', (file: string) => writeFile(file, '').then(() => truncate(file, 25 * 1024 * 1024 + 1))],
])('refuses a bundle whose shard is %s', async (_, make) => {
  const [file = ''] = shards
  await rm(file)
  await make(file)
  expect(await outcomeOf(readSource(bundle))).toEqual(
    `exit 2: the bundle ${join(bundle, 'pointer.jws')} cannot be read: ${file} is not a regular file of the bundle, or too large (write it again with dockgate build -o)`,
  )
})

it('refuses a pointer that is a link out of the bundle', async () => {
  const pointer = join(bundle, 'pointer.jws')
  await rm(pointer)
  await symlink('/proc/self/environ', pointer)
  expect(await outcomeOf(readSource(bundle))).toEqual(
    `exit 2: the bundle ${pointer} cannot be read: ${pointer} is not a regular file of the bundle, or too large (write it again with dockgate build -o)`,
  )
})

it('refuses a pointer that holds no manifest, and a path where nothing lies', async () => {
  await writeFile(join(bundle, 'pointer.jws'), 'x')
  await expect(readSource(bundle)).rejects.toMatchObject({ status: 2 })
  await expect(readSource(join(bundle, 'nothing'))).rejects.toMatchObject({ status: 2 })
})
