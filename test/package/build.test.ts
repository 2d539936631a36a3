/** What the package holds, built into a folder of its own: the same Worker as everywhere, and no more code than needed. */
import { spawnSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compileIntoCache } from '../../dev/build/cache.ts'
import { compileCommand, compileEngine } from '../../dev/build/compile.ts'
import { noticesOf } from '../../dev/build/notices.ts'
import { ROOT } from '../../dev/build/root.ts'
import { buildWorker } from '../../dev/build/worker.ts'
import { workerScript } from '../../src/cli/commands/dev/worker.ts'
import { program } from '../../src/cli/program.ts'

const TIMEOUT_MS = 120_000

/** Prints the address of each module that is loaded, one a line. */
const LISTING = `data:text/javascript,${encodeURIComponent(`
import { writeSync } from 'node:fs'
import { registerHooks } from 'node:module'
registerHooks({ load(url, context, next) { writeSync(2, 'loaded ' + url + '\\n'); return next(url, context) } })`)}`

describe('the compiled command', { timeout: TIMEOUT_MS }, () => {
  let folder: string
  let notices: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dockgate-build-'))
    await writeFile(join(folder, 'package.json'), '{"type":"module"}')
    const { metafiles } = await compileCommand(folder, { commit: 'c0ffee' })
    notices = await noticesOf(metafiles)
  }, TIMEOUT_MS)
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const run = (...args: readonly string[]) => start(join(folder, 'cli/main.js'), ...args)

  function start(
    main: string,
    ...args: readonly string[]
  ): { readonly stdout: string; readonly loaded: readonly string[] } {
    const argv = ['--import', LISTING, main, ...args]
    const { stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8', cwd: ROOT })
    return { stdout, loaded: [...stderr.matchAll(/^loaded (.*)$/gm)].map(([, url = '']) => url) }
  }

  const textOf = async (urls: readonly string[]): Promise<string> => {
    const ours = urls.filter((url) => url.startsWith(pathToFileURL(folder).href))
    return (await Promise.all(ours.map((url) => readFile(new URL(url), 'utf8')))).join('\n')
  }

  it('holds the Worker and the one that dev runs, byte for byte', async () => {
    const built = (name: string) => readFile(join(folder, name), 'utf8')
    expect((await built('worker.js')) === (await buildWorker()).text).toBe(true)
    expect((await built('dev-worker.js')) === (await workerScript())).toBe(true)
  })

  it('prints its version, that of package.json, with the commit that it was built from', async () => {
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
    expect(run('--version').stdout).toBe(`${version} (c0ffee)\n`)
  })

  it.each([['--help'], ['--version']])('loads no command for %s', async (option) => {
    const { loaded } = run(option)
    const text = await textOf(loaded)
    // Words of the descriptions of commands, not of their summaries.
    expect(text.includes('ask whether a principal holds a permission')).toBe(true)
    expect(text.includes('Container Registry Repository Reader')).toBe(false)
    expect(text.includes('the tag that is meant, for conditions that test it')).toBe(false)
    expect(text.length).toBeLessThan(100_000)
  })

  it.each([
    { command: ['can', 'token:ci', 'content/write', 'samples/app'] },
    { command: ['check'] },
    { command: ['explain', 'token:ci', 'GET', '/v2/samples/app/tags/list'] },
  ])('loads for $command nothing of keys, stores, wrangler and the gate', async ({ command }) => {
    const { loaded } = run(...command)
    const text = await textOf(loaded)
    expect(text.includes('Container Registry Repository Reader')).toBe(true)
    const foreign = ['wrangler/package.json', 'Miniflare', 'CompactSign', 'createServer(']
    expect(foreign.filter((word) => text.includes(word))).toEqual([])
    expect(loaded.filter((url) => /^node:(?:http|tls|child_process|crypto)$/.test(url))).toEqual([])
  })

  it('is what runs in a clone, from the cache, without compiling it at every start', async () => {
    const cache = await mkdtemp(join(tmpdir(), 'dockgate-cache-'))
    try {
      const name = await compileIntoCache(cache)
      const { inputs, folder: recorded }: { inputs: [string, number, number][]; folder: string } = JSON.parse(
        await readFile(join(cache, 'current.json'), 'utf8'),
      )
      expect(recorded).toBe(name)
      const paths = inputs.map(([path]) => path)
      for (const path of ['src/cli/main.ts', 'src/worker/index.ts', 'dev/build/compile.ts', 'package-lock.json']) {
        expect(paths).toContain(path)
      }
      expect(start(join(cache, name, 'cli/main.js'), 'roles', '--help').stdout).toContain('Usage: dockgate roles')
      // The same sources give the same folder, and nothing half-made stays.
      expect(await compileIntoCache(cache)).toBe(name)
      expect((await readdir(cache)).sort()).toEqual([name, 'current.json'].sort())
    } finally {
      await rm(cache, { recursive: true, force: true })
    }
    const bin = join(ROOT, 'src/cli/bin.js')
    start(bin, '--help')
    const { loaded } = start(bin, '--help')
    expect(loaded.filter((url) => url.includes('/node_modules/.cache/dockgate/')).length).toBeGreaterThan(1)
    expect(loaded.filter((url) => url.endsWith('.ts'))).toEqual([])
  })

  it('knows each command by a summary that fits into a line of 80 columns', async () => {
    const { stdout } = run('--help')
    const names = (await program()).commands.map((command) => command.name())
    expect(names.length).toBeGreaterThan(15)
    for (const name of names) expect(stdout).toMatch(new RegExp(`^ {2}${name} +\\S`, 'm'))
    for (const line of stdout.split('\n').slice(0, names.length + 12)) expect(line.length).toBeLessThanOrEqual(80)
  })

  it('has an engine that runs as an ES module, without the packages that it was made of', async () => {
    const module = join(folder, 'index.js')
    await compileEngine(module)
    const program = `import { compilePolicy, decide, loadPolicies } from '${pathToFileURL(module).href}'
const { policies } = await loadPolicies('policies')
const question = { principal: 'token:ci', permission: 'content/write', repository: 'samples/app', now: 1 }
process.stdout.write(decide(compilePolicy(policies), question).effect)`
    const options = { cwd: ROOT, encoding: 'utf8' } as const
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], options)
    expect({ stdout, stderr }).toEqual({ stdout: 'allow', stderr: '' })
  })

  it('carries the licences of the packages that are compiled in, and no other package', () => {
    const packages = [...notices.matchAll(/^== (\S+) /gm)].map(([, name]) => name)
    expect(packages).toEqual(expect.arrayContaining(['commander', 'hono', 'jose', 'yaml', 'zod']))
    expect(packages).not.toContain('esbuild')
    expect(packages).not.toContain('miniflare')
    expect(notices.match(/permission/gi)?.length).toBeGreaterThanOrEqual(packages.length)
  })
})
