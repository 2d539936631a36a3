/**
 * The bypass corpus over raw sockets, against the Worker on workerd with nothing before it that would mend a path: for a
 * caller who may do everything, what is refused reaches nobody, and what is forwarded arrives as it was judged.
 */

import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Gate, sha256, startGate } from './tools/gate.ts'
import { type Recorder, sendRaw, startRecorder } from './tools/raw.ts'

const PASSWORD = 'everything-secret-of-this-test-only'
const AUTHORIZATION = `Authorization: Basic ${Buffer.from(`everything:${PASSWORD}`).toString('base64')}`

const policies = {
  'everything.yaml': `
registry: { service: registry.example.com }
tokens:
  everything: { scopeMap: _repositories_admin, credentials: { password1: { sha256: ${sha256(PASSWORD)} } } }
roleAssignments:
  - { principal: 'token:everything', role: Owner }
  - { principal: 'token:everything', role: Container Registry Repository Contributor }
  - { principal: 'token:everything', role: Container Registry Repository Catalog Lister }
  - { principal: 'token:everything', role: AcrQuarantineWriter }
`,
}

type Case = {
  readonly family: string
  readonly method: string
  readonly target: string
  readonly expected: { readonly verdict: 'refuse' | 'forward'; readonly target?: string; readonly session?: string }
  readonly why: string
}

const casesOf = (file: string): readonly Case[] =>
  JSON.parse(readFileSync(new URL(`../vectors/${file}.json`, import.meta.url), 'utf8')).cases

/** What can stand on a request line: the rest of the corpus is for parsers. */
const isSendable = ({ method, target }: Case): boolean =>
  /^[A-Z]+$/.test(method) && target.isWellFormed() && !/[\s\0#]/.test(target) && target.startsWith('/')

/** The runtime itself answers methods that it does not know with a 5xx, before any code of the gate runs. */
const KNOWN_METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const isRefusal = (method: string, status: number): boolean =>
  status === 0 || (status >= 400 && (status < 500 || !KNOWN_METHODS.has(method)))

/** A lock is changed by a JSON body, without which there is nothing to judge. */
const CHANGE = new TextEncoder().encode('{"writeEnabled":false}')
const bodyOf = (method: string): Uint8Array => (method === 'PATCH' ? CHANGE : new Uint8Array())

const pathOf = (target: string): string => target.split('?')[0] ?? ''

describe('raw requests', () => {
  let recorder: Recorder
  let gate: Gate
  beforeAll(async () => {
    recorder = await startRecorder()
    gate = await startGate({ policies, upstream: recorder.url })
  })
  afterAll(async () => {
    await gate.stop()
    await recorder.close()
  })

  describe.each(['paths', 'queries'])('%s', (file) => {
    const cases = casesOf(file).filter(isSendable)
    const families = [...new Set(cases.map(({ family }) => family))]

    it.each(families)('%s', async (family) => {
      for (const { method, target, expected, why } of cases.filter((row) => row.family === family)) {
        const about = `${method} ${target.slice(0, 200)} (${why})`
        const body = bodyOf(method)
        const head = [`${method} ${target} HTTP/1.1`, AUTHORIZATION, 'Content-Type: application/json']
        const { status } = await sendRaw(gate.url, [...head, `Content-Length: ${body.byteLength}`], body)
        // Before it sends a body for the first time, the gate asks the upstream what credential it wants.
        const seen = recorder.take().filter((line) => line !== 'GET /v2/')
        if (expected.verdict === 'refuse' || expected.session !== undefined) {
          expect(seen, about).toEqual([])
          expect(isRefusal(method, status), `${about} is answered ${status}`).toBe(true)
          continue
        }
        // The gate answers a ping itself, and pages lists in its own way; the rest arrives as it was judged.
        const wanted = expected.target ?? ''
        if (wanted === '/v2/') {
          expect(seen, about).toEqual([])
        } else if (/\/(?:_catalog|tags\/list)$/.test(pathOf(wanted))) {
          expect(new Set(seen.map(pathOf)), about).toEqual(new Set([`${method} ${pathOf(wanted)}`]))
        } else {
          expect(seen, about).toEqual([`${method} ${wanted}`])
        }
      }
    })
  })

  it('refuses every path without a credential, and forwards none', async () => {
    for (const { method, target } of casesOf('paths').filter(isSendable)) {
      const { status } = await sendRaw(gate.url, [`${method} ${target} HTTP/1.1`])
      expect(recorder.take(), `${method} ${target.slice(0, 200)}`).toEqual([])
      expect(isRefusal(method, status), `${method} ${target} is answered ${status}`).toBe(true)
    }
  })
})
