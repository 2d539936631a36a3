import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadPolicies, type ReadingCache } from '../../../src/cli/answers/loaded-policies.ts'
import { loadPolicies as parsePolicies } from '../../../src/files/load.ts'

const EXAMPLES = join(import.meta.dirname, '../../../policies')

let scratch: string
let policies: string
let cache: ReadingCache

beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'dockgate-loaded-'))
  policies = join(scratch, 'policies')
  cache = { folder: join(scratch, 'cache'), version: 'one' }
  await mkdir(policies)
  for (const name of await readdir(EXAMPLES)) await copyFile(join(EXAMPLES, name), join(policies, name))
})

afterEach(() => rm(scratch, { recursive: true, force: true }))

const load = (given?: ReadingCache) => loadPolicies(policies, () => {}, given)
const kept = () => readdir(cache.folder).catch(() => [])

describe('loadPolicies with a cache', () => {
  it('gives what the parser gives, the first time and from the cache', async () => {
    const parsed = await parsePolicies(policies)
    expect(parsed.policies).toBeDefined()
    expect(await load(cache)).toStrictEqual(parsed)
    expect(await kept()).toHaveLength(1)
    expect(await load(cache)).toStrictEqual(parsed)
  })

  it('answers from the cache when nothing has changed', async () => {
    await load(cache)
    const [name = ''] = await kept()
    await writeFile(join(cache.folder, name), '{"tests":[],"problems":[]}')
    expect(await load(cache)).toEqual({ tests: [], problems: [] })
  })

  const changes: Readonly<Record<string, () => Promise<unknown>>> = {
    'a file with other content': async () => {
      const path = join(policies, 'registry.yaml')
      await writeFile(path, `${await readFile(path, 'utf8')}\n# a comment\n`)
    },
    'a new file': () => writeFile(join(policies, 'more.yaml'), 'scopeMaps: {}\n'),
    'a file that is gone': () => rm(join(policies, 'fleet.test.yaml')),
    'a file with another name': async () => {
      await copyFile(join(policies, 'fleet.test.yaml'), join(policies, 'other.test.yaml'))
      await rm(join(policies, 'fleet.test.yaml'))
    },
    'another version of the reader': async () => {
      cache = { ...cache, version: 'two' }
    },
  }
  it.each(Object.entries(changes))('parses the files again after %s', async (_, change) => {
    await load(cache)
    await change()
    expect(await load(cache)).toStrictEqual(await parsePolicies(policies))
    expect(await kept()).toHaveLength(2)
  })

  it.each(['', '{', 'null'])('parses the files when the kept reading is %j', async (text) => {
    await load(cache)
    const [name = ''] = await kept()
    await writeFile(join(cache.folder, name), text)
    expect(await load(cache)).toStrictEqual(await parsePolicies(policies))
  })

  it('keeps nothing of policies that are not valid', async () => {
    await writeFile(join(policies, 'registry.yaml'), 'registry: [')
    const { policies: none, problems } = await load(cache)
    expect(none).toBeUndefined()
    expect(problems).toEqual((await parsePolicies(policies)).problems)
    expect(await kept()).toEqual([])
  })

  it('keeps nothing of a folder with problems of its own, which name the folder', async () => {
    policies = join(scratch, 'missing')
    expect((await load(cache)).problems[0]?.message).toBe(`the folder ${policies} does not exist`)
    expect(await kept()).toEqual([])
  })

  it('keeps at most 20 readings, the newest', async () => {
    for (let version = 0; version < 23; version += 1) await load({ ...cache, version: String(version) })
    expect(await kept()).toHaveLength(20)
  })

  it('parses the files when the cache folder cannot be made', async () => {
    await writeFile(cache.folder, 'a file')
    expect(await load(cache)).toStrictEqual(await parsePolicies(policies))
  })

  it('parses the files without a cache', async () => {
    expect(await load()).toStrictEqual(await parsePolicies(policies))
    expect(await kept()).toEqual([])
  })
})
