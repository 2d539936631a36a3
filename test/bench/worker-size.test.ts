/** What is deployed: no more than it has to be, and nothing of what only the command needs. */
import { describe, expect, it } from 'vitest'
import { buildWorker } from '../../dev/build/worker.ts'

/** Of what every gate runs. */
const LIMIT_BYTES = 200 * 1024
/** Of all, with what only some gates need. */
const WHOLE_LIMIT_BYTES = 240 * 1024
/** Rooms that only some gates need: nothing of them runs before a policy or a setting asks for it. */
const OPTIONAL = ['src/worker/protections/', 'src/worker/metadata/', 'src/worker/policy-store/', 'src/worker/metrics/']

const { text, metafile } = await buildWorker()

const inputs = Object.entries(Object.values(metafile.outputs)[0]?.inputs ?? {})
  .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
  .map(([path]) => path)

describe('the Worker', () => {
  it('is under 200 KiB without the rooms that only some gates need, minified', () => {
    const parts = Object.entries(Object.values(metafile.outputs)[0]?.inputs ?? {})
    const optional = parts.filter(([path]) => OPTIONAL.some((room) => path.startsWith(room)))
    const bytes = optional.reduce((sum, [, { bytesInOutput }]) => sum + bytesInOutput, 0)
    expect(bytes).toBeGreaterThan(0)
    expect(Buffer.byteLength(text) - bytes).toBeLessThan(LIMIT_BYTES)
    expect(Buffer.byteLength(text)).toBeLessThan(WHOLE_LIMIT_BYTES)
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
