/**
 * The bypass corpus (test/vectors) in workerd, through the whole Worker with a signed policy in KV: for a caller who may
 * do everything, what is refused reaches nobody, and what is forwarded is what was judged.
 */
import { createExecutionContext } from 'cloudflare:test'
import { env as bindings } from 'cloudflare:workers'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { parseAuthorization } from '../../src/identity/authorization.ts'
import worker from '../../src/worker/index.ts'
import type { Env } from '../../src/worker/platform/env.ts'
import { bundleOf, newKey } from '../bundle/fixture.ts'
import { basic } from '../identity/tools/auth-fixture.ts'
import { compiledOf } from '../identity/tools/policy.ts'
import headersText from '../vectors/headers.json?raw'
import pathsText from '../vectors/paths.json?raw'
import queriesText from '../vectors/queries.json?raw'
import { catchLog, GATE, testEnv, UPSTREAM } from './gate-world.ts'

const PASSWORD = 'everything-secret-of-this-test-only'
const PUBLIC = '/v2/public/base/manifests/v1'
const PRIVATE = '/v2/private/app/manifests/v1'

type Sent = { readonly target: string; readonly method: string; readonly headers: Headers }
type Row = { readonly family: string; readonly method: string; readonly target: string; readonly why: string }
type Expected = {
  readonly verdict: string
  readonly status?: number
  readonly code?: string
  readonly target?: string
  readonly session?: string
}

type HeaderCase = {
  readonly headers: readonly (readonly [string, string])[]
  readonly expected: {
    readonly class: string
    readonly status?: readonly number[]
    readonly forwarded?: readonly string[]
    readonly token?: string
    readonly username?: string
    readonly password?: string
  }
  readonly why: string
}

// Lone surrogates, which some readers of JSON refuse, are part of the corpus.
const paths: { cases: (Row & { expected: Expected })[] } = JSON.parse(pathsText)
const queries: typeof paths = JSON.parse(queriesText)
const headers: { cases: HeaderCase[] } = JSON.parse(headersText)

let env: Env
let seen: Sent[] = []

beforeAll(async () => {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(PASSWORD))
  const sha256 = [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  const policy = compiledOf(`
registry: { service: registry.example.com, anonymous: [repositories/public/*/content/read] }
tokens:
  everything: { scopeMap: _repositories_admin, credentials: { password1: { sha256: ${sha256} } } }
roleAssignments:
  - { principal: 'token:everything', role: Owner }
  - { principal: 'token:everything', role: Container Registry Repository Contributor }
  - { principal: 'token:everything', role: Container Registry Repository Catalog Lister }
  - { principal: 'token:everything', role: AcrQuarantineWriter }
`)
  const key = await newKey()
  const now = Math.floor(Date.now() / 1000)
  const bundle = await bundleOf(policy, key.signing, { created: now - 60, expires: now + 3600 })
  env = testEnv({ POLICY_PUBLIC_KEYS: key.publicKeys, UPSTREAM_AUTHORIZATION: 'Basic gate' })
  for (const [name, text] of bundle.shards) await bindings.POLICY.put(name, text)
  await bindings.POLICY.put('pointer', bundle.pointer)
})

beforeEach(() => {
  seen = []
  catchLog()
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const request = new Request(input, init)
    seen.push({ target: String(input).slice(UPSTREAM.length), method: request.method, headers: request.headers })
    return Response.json({ repositories: [], tags: [] }, { headers: { location: '/v2/a/blobs/uploads/1' } })
  })
})
afterEach(() => vi.restoreAllMocks())

type Incoming = Parameters<typeof worker.fetch>[0]

/** As the runtime hands it over where nothing before it mends a path. */
function incoming(method: string, target: string, headers: HeadersInit): Incoming {
  const body = method === 'PATCH' ? '{"writeEnabled":false}' : null
  const request: Incoming = new Request(GATE, { headers, body, method })
  return Object.defineProperty(request, 'url', { value: `${GATE}${target}` })
}

const send = (method: string, target: string, authorization?: string): Promise<Response> =>
  Promise.resolve(
    worker.fetch(
      incoming(method, target, authorization === undefined ? {} : { authorization }),
      env,
      createExecutionContext(),
    ),
  )

/** What can be a request in this runtime: the other methods are refused by it, and `#` begins a fragment. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const isSendable = ({ method, target }: Row): boolean =>
  METHODS.has(method) && target.startsWith('/') && !target.includes('#')
const pathOf = (target: string): string => target.split('?')[0] ?? ''

describe.each([
  ['paths', paths.cases],
  ['queries', queries.cases],
])('%s', (_, all) => {
  const rows: readonly (Row & { readonly expected: Expected })[] = all.filter(isSendable)

  it.each([...new Set(rows.map(({ family }) => family))])(
    '%s are refused, or forwarded as they say',
    async (family) => {
      for (const { method, target, expected, why } of rows.filter((row) => row.family === family)) {
        const about = `${method} ${target.slice(0, 200)} (${why})`
        seen = []
        const response = await send(method, target, basic('everything', PASSWORD))
        const sent = seen.map((one) => `${one.method} ${one.target}`)
        if (expected.verdict === 'refuse' || expected.session !== undefined) {
          expect(sent, about).toEqual([])
          expect(response.status, about).toBeGreaterThanOrEqual(400)
          expect(response.status, about).toBeLessThan(500)
          if (expected.status !== undefined) expect(response.status, about).toBe(expected.status)
          continue
        }
        const wanted = expected.target ?? ''
        if (wanted === '/v2/') expect(sent, about).toEqual([])
        else if (/\/(?:_catalog|tags\/list)$/.test(pathOf(wanted))) {
          expect(new Set(sent.map(pathOf)), about).toEqual(new Set([`${method} ${pathOf(wanted)}`]))
        } else expect(sent, about).toEqual([`${method} ${wanted}`])
      }
    },
  )

  it('without a credential reach nobody', async () => {
    for (const { method, target } of rows) {
      const { status } = await send(method, target)
      expect(seen, `${method} ${target.slice(0, 200)}`).toEqual([])
      expect([400, 401, 404], `${method} ${target.slice(0, 200)}`).toContain(status)
    }
  })
})

describe('headers', () => {
  const rows = headers.cases.map(
    (row) => [`${JSON.stringify(row.headers).slice(0, 120)} (${row.headers.length}): ${row.why}`, row] as const,
  )

  it.each(rows)(
    'make the credential that they say, and pass as they say: %s',
    async (_, { headers: list, expected }) => {
      const { class: kind, status: statuses = [], forwarded = [], username, ...credential } = expected
      const all = new Headers()
      for (const [name, value] of list) {
        try {
          all.append(name, value)
        } catch {
          // No runtime lets such a header through.
          expect(kind).toBe('refuse')
          return
        }
      }
      const open = async (target: string) => worker.fetch(incoming('GET', target, all), env, createExecutionContext())
      const shared = await open(PUBLIC)
      const header = all.get('authorization')
      if (kind === 'anonymous') {
        expect(shared.status).toBe(200)
        expect((await open(PRIVATE)).status).toBe(401)
        const names = [...(seen[0]?.headers.keys() ?? [])]
        const passed = list.map(([name]) => name.toLowerCase()).filter((name) => names.includes(name))
        const gates = ['accept-encoding', 'authorization']
        expect(passed.filter((name) => !gates.includes(name)).sort()).toEqual(
          forwarded.map((name) => name.toLowerCase()).sort(),
        )
        expect(seen[0]?.headers.get('authorization')).toBe('Basic gate')
        return
      }
      // Never taken for no credential, where none is needed.
      expect(seen).toEqual([])
      if (kind === 'refuse') {
        expect(statuses).toContain(shared.status)
        expect(header !== null && parseAuthorization(header).ok && shared.status !== 401).toBe(false)
      } else {
        expect(shared.status).toBe(401)
        expect(parseAuthorization(header ?? '')).toEqual({
          ok: true,
          value: { kind, ...credential, ...(username === undefined ? {} : { user: username }) },
        })
      }
    },
  )
})
