/** From a change in a file to a running gate, by the commands that operators use: pushed, rolled back, looked at. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Gate, sha256, startGate, writePolicies } from './tools/gate.ts'
import { type Outcome, runProgram } from './tools/process.ts'
import { type Recorder, startRecorder } from './tools/raw.ts'
import { scratchDirectory } from './tools/scratch.ts'

const COMMAND = fileURLToPath(new URL('../../src/cli/bin.js', import.meta.url))
const PASSWORD = 'steady-secret-of-this-test-only'
const authorization = `Basic ${Buffer.from(`steady:${PASSWORD}`).toString('base64')}`

/** What a pushed change may take until every request sees it, with the bounds of a development gate. */
const BOUND_MS = 60_000

const policies = (pattern: string): Readonly<Record<string, string>> => ({
  'policies.yaml': `
registry: { service: registry.example.com }
scopeMaps:
  steady:
    actions:
      - repositories/always/*/content/read
      - repositories/${pattern}/content/read
tokens:
  steady: { scopeMap: steady, credentials: { password1: { sha256: ${sha256(PASSWORD)} } } }
`,
})

describe('a pushed change', () => {
  let recorder: Recorder
  let gate: Gate
  beforeAll(async () => {
    recorder = await startRecorder()
    gate = await startGate({ policies: policies('old/*'), upstream: recorder.url })
  })
  afterAll(async () => {
    await gate.stop()
    await recorder.close()
  })

  const dockgate = (...args: readonly string[]): Promise<Outcome> =>
    runProgram(process.execPath, [COMMAND, ...args], {
      environment: { PATH: process.env.PATH ?? '', HOME: gate.stateDirectory },
      timeoutMs: 240_000,
    })
  const statusOf = async (repository: string): Promise<number> => {
    const answer = await fetch(`${gate.url}/v2/${repository}/manifests/v1`, { headers: { authorization } })
    await answer.arrayBuffer()
    return answer.status
  }
  const state = (): readonly string[] => ['--local', '--state', gate.stateDirectory]

  it('can be told before it is made', async () => {
    const directory = scratchDirectory('told')
    writePolicies(directory, policies('new/*'))
    const told = await dockgate('push', ...state(), '--policies', directory, '--dry-run')
    expect(told).toEqual(expect.objectContaining({ status: 0 }))
    expect(told.stdout.split('\n').slice(-5)).toEqual([
      'rights that change:',
      'token:steady',
      '  gained   content/read on new/* (all below)',
      '  lost     content/read on old/* (all below)',
      '',
    ])
    expect(await statusOf('new/app')).toBe(403)
  })

  it('is in force without a restart, and no request in between meets an error', async () => {
    expect([await statusOf('old/app'), await statusOf('new/app')]).toEqual([200, 403])
    const directory = scratchDirectory('changed')
    writePolicies(directory, policies('new/*'))
    const seen = new Set<string>()
    let stop = false
    const steady = (async () => {
      while (!stop) {
        expect(await statusOf('always/app')).toBe(200)
        seen.add(`${await statusOf('old/app')}`)
      }
    })()
    const pushed = await dockgate('push', ...state(), '--policies', directory, '--url', gate.url)
    expect(pushed).toEqual(expect.objectContaining({ status: 0 }))
    await expect.poll(() => statusOf('new/app'), { timeout: BOUND_MS }).toBe(200)
    expect(await statusOf('old/app')).toBe(403)
    stop = true
    await steady
    expect([...seen].sort()).toEqual(['200', '403'])
  })

  it('is taken back in one command', async () => {
    const rolledBack = await dockgate('rollback', ...state(), '--url', gate.url)
    expect(rolledBack).toEqual(expect.objectContaining({ status: 0 }))
    await expect.poll(() => statusOf('old/app'), { timeout: BOUND_MS }).toBe(200)
    expect(await statusOf('new/app')).toBe(403)
  })

  it('shows in status', async () => {
    const shown = await dockgate('status', ...state(), '--url', gate.url, '--json')
    expect(shown).toEqual(expect.objectContaining({ status: 0 }))
    expect(JSON.parse(shown.stdout)).toEqual(expect.objectContaining({ serial: expect.any(Number) }))
  })

  it('is not made by a file that is wrong: the last good policy stays', async () => {
    writeFileSync(join(gate.policyDirectory, 'policies.yaml'), 'scopeMaps: [\n')
    await expect.poll(() => gate.log(), { timeout: BOUND_MS }).toMatch(/the last good ones stay in force/)
    expect(await statusOf('old/app')).toBe(200)
    writePolicies(gate.policyDirectory, policies('third/*'))
    await expect.poll(() => statusOf('third/app'), { timeout: BOUND_MS }).toBe(200)
  })
})
