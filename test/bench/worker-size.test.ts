/** What is deployed: no more than it has to be, and nothing of what only the command needs. */
import { describe, expect, it } from 'vitest'
import { buildWorker } from '../../dev/build/worker.ts'

const LIMIT_BYTES = 200 * 1024

const { text, metafile } = await buildWorker()

const inputs = Object.entries(Object.values(metafile.outputs)[0]?.inputs ?? {})
  .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
  .map(([path]) => path)

describe('the Worker', () => {
  it('is under 200 KiB, minified', () => {
    expect(Buffer.byteLength(text)).toBeLessThan(LIMIT_BYTES)
  })

  it.each([
    ['yaml', 'node_modules/yaml/'],
    ['zod', 'node_modules/zod/'],
    ['commander', 'node_modules/commander/'],
    ['Miniflare', 'node_modules/miniflare/'],
    ['the router that Hono builds of regular expressions', 'node_modules/hono/dist/router/reg-exp-router/'],
    ['the reader of policy files', 'src/files/'],
    ['the command', 'src/cli/'],
    ['the linter', 'src/lint/'],
    ['the importers', 'src/import/'],
    ['the compiler', 'src/policy/compile/compile.ts'],
    ['the parser of conditions', 'src/policy/condition/parse.ts'],
    ['the built-in roles', 'src/policy/azure/built-in-roles.ts'],
    ['the development registry', 'dev/registry/'],
  ])('holds nothing of %s', (_, part) => {
    expect(inputs.filter((path) => path.includes(part))).toEqual([])
  })

  it('holds what it is made of', () => {
    for (const part of [
      'src/worker/gate.ts',
      'src/policy/decide/decide.ts',
      'node_modules/hono/',
      'node_modules/jose/',
    ]) {
      expect(inputs.some((path) => path.includes(part))).toBe(true)
    }
  })

  it('takes from packages Hono and jose alone', () => {
    const packages = inputs.flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? [])
    expect([...new Set(packages)].sort()).toEqual(['hono', 'jose'])
  })
})
