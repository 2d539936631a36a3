/** What comes with the project from elsewhere: which packages run code when they are installed, and which reach the edge. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { buildWorker } from '../../dev/build/worker.ts'

const textOf = (name: string): string => readFileSync(join(import.meta.dirname, '../..', name), 'utf8')
const read = (name: string) => JSON.parse(textOf(name))

type Locked = {
  readonly version: string
  readonly resolved?: string
  readonly integrity?: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly hasInstallScript?: true
}
type Manifest = Readonly<
  Record<'dependencies' | 'devDependencies' | 'optionalDependencies', Readonly<Record<string, string>>>
> & { readonly allowScripts: Readonly<Record<string, boolean>> }

const lock: { packages: Record<string, Locked> } = read('package-lock.json')
const manifest: Manifest = read('package.json')
const packages = Object.entries(lock.packages).filter(([path]) => path !== '')
const nameOf = (path: string): string => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)

describe('the packages of the lock file', () => {
  it('run no code when they are installed, since a script could fetch what the lock file does not cover', () => {
    const scripted = packages.filter(([, { hasInstallScript }]) => hasInstallScript === true)
    expect(manifest.allowScripts).toEqual(Object.fromEntries(scripted.map(([path]) => [nameOf(path), false])))
    // For versions of npm that do not know `allowScripts`.
    expect(textOf('.npmrc')).toMatch(/^ignore-scripts=true$/m)
  })

  it('are all pinned to their content, native programs of other machines too', () => {
    const loose = packages.filter(([, { integrity }]) => !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? ''))
    expect(loose.map(([path]) => path)).toEqual([])
    expect(packages.length).toBeGreaterThan(100)
  })

  it.each(['esbuild', 'workerd'])('hold the program of %s for every machine, without its install script', (name) => {
    const programs = Object.keys(lock.packages[`node_modules/${name}`]?.optionalDependencies ?? {})
    expect(programs.length).toBeGreaterThan(4)
    expect(programs.filter((each) => lock.packages[`node_modules/${each}`] === undefined)).toEqual([])
  })

  it('come from the registry, never from a repository or another address', () => {
    const elsewhere = packages.filter(
      ([, { resolved }]) => resolved !== undefined && !/^https:\/\/[^/]+\/.+\.tgz$/.test(resolved),
    )
    expect(elsewhere.map(([path]) => path)).toEqual([])
  })

  it('are named with one exact version each in package.json', () => {
    const { dependencies, devDependencies, optionalDependencies } = manifest
    const loose = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies }).filter(
      ([, version]) => !/^\d+\.\d+\.\d+(?:-[a-z0-9.]+)?$/.test(version),
    )
    expect(loose).toEqual([])
  })
})

describe('the Worker', () => {
  const bundle = buildWorker()

  it('holds our own code, Hono and jose, and nothing else', async () => {
    const { metafile } = await bundle
    const inputs = Object.keys(metafile.inputs)
    const foreign = new Set(
      inputs
        .filter((path) => path.includes('node_modules/'))
        .map((path) => path.split('node_modules/')[1]?.split('/')[0]),
    )
    expect([...foreign].sort()).toEqual(['hono', 'jose'])
    const own = inputs
      .filter((path) => !path.includes('node_modules/'))
      .map((path) => /src\/([a-z]+)\//.exec(path)?.[1])
    expect([...new Set(own)].sort()).toEqual(['base', 'bundle', 'identity', 'policy', 'registry', 'worker'])
  })

  it.each([
    ['the JWT middleware of Hono', /hono\/.*jwt/],
    ['the cookies of Hono', /hono\/.*cookie/],
    ['the proxy of Hono', /hono\/.*proxy/],
    ['the cache of Hono', /hono\/.*cache/],
    ['the development registry', /dev\/registry/],
  ])('does not hold %s', async (_, pattern) => {
    const { metafile } = await bundle
    expect(Object.keys(metafile.inputs).filter((path) => pattern.test(path))).toEqual([])
  })

  it.each([
    ['code made from text', /\beval\(|new Function\(/],
    ['passing through to the origin', /passThroughOnException\(/],
    ['cache that requests share', /caches\.default/],
    ['following redirects', /redirect:\s*["']follow/],
  ])('has no %s', async (_, pattern) => {
    const { text } = await bundle
    expect(text).not.toMatch(pattern)
  })

  it('has no default credential, and no key', async () => {
    const { text } = await bundle
    expect(text).not.toMatch(/"d":\s*"[A-Za-z0-9_-]{32,}"|BEGIN [A-Z ]*PRIVATE KEY|admin:admin|Harbor12345/)
  })

  it('is set up not to be bypassed', () => {
    const settings = textOf('wrangler.toml')
    expect(settings).toMatch(/^workers_dev = false$/m)
    expect(settings).toMatch(/^preview_urls = false$/m)
    expect(settings).toContain('global_fetch_strictly_public')
    expect(settings).not.toMatch(/^\s*\[?cache/m)
  })

  it('is set up to log no URL of a request', () => {
    const settings = textOf('wrangler.toml')
    const section = (name: string): string => settings.split(`\n[${name}]\n`)[1]?.split('\n[')[0] ?? ''
    expect(section('observability')).toMatch(/^redact_query_string = true$/m)
    expect(section('observability.logs')).toMatch(/^invocation_logs = false$/m)
    expect(section('observability.traces')).toMatch(/^enabled = false$/m)
  })
})
