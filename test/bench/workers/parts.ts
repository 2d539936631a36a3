/**
 * The rooms of the gate, one at a time, many times over: `/PART?n=TIMES` does the part so often and answers. The
 * clock is outside, since a Worker has none that moves. Everything is the gate's own code, on the gate's own policy.
 */

import type { ExecutionContext } from '@cloudflare/workers-types'
import type { Minted } from '../../../src/identity/token-claims.ts'
import { authorize } from '../../../src/policy/decide/authorize.ts'
import { parseRegistryRequest, requestTarget } from '../../../src/registry/parse.ts'
import { includesScope, neededScope } from '../../../src/registry/scope.ts'
import { logRecord } from '../../../src/worker/answers/audit.ts'
import { createGate } from '../../../src/worker/gate.ts'
import { isRefusal } from '../../../src/worker/identity/identified-caller.ts'
import { identify } from '../../../src/worker/identity/identify.ts'
import { tokenKeys } from '../../../src/worker/identity/keys.ts'
import { mint, verifyMinted } from '../../../src/worker/identity/minted.ts'
import type { Env } from '../../../src/worker/platform/env.ts'
import { policyStoreOf } from '../../../src/worker/policy-store/oci-store.ts'
import { createPolicies } from '../../../src/worker/store/store.ts'

const policies = createPolicies<Env>(policyStoreOf)

type Part = (times: number) => void | Promise<void>

export default {
  async fetch(incoming: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
    const url = new URL(incoming.url)
    const parts = await partsOf(incoming, env, ctx)
    const part = parts[url.pathname.slice(1)]
    if (part === undefined) return new Response('no such part', { status: 404 })
    await part(Number(url.searchParams.get('n')))
    return new Response('done')
  },
}

async function partsOf(incoming: Request, env: Env, ctx: ExecutionContext): Promise<Readonly<Record<string, Part>>> {
  const path = incoming.headers.get('x-path') ?? ''
  const request = new Request(`https://registry.example.com${path}`, {
    headers: { authorization: incoming.headers.get('authorization') ?? '', accept: '*/*', 'user-agent': 'bench' },
  })
  const now = Math.floor(Date.now() / 1000)
  const view = await policies.current(env, ctx, now)
  const who = await identify(request, view, env, ctx, now)
  if (isRefusal(who)) throw new Error(who.code)
  const parsed = parseRegistryRequest('GET', requestTarget(request.url))
  if (!parsed.ok) throw new Error(parsed.error.message)
  const asked = parsed.value
  const keys = await tokenKeys(env)
  const service = view.common.service
  const minted: Minted = { proof: { kind: 'anonymous' }, access: who.access ?? [] }
  const issue = () => ({ service, issuedAt: now, expires: now + 900, id: crypto.randomUUID() })
  const token = await mint('access', minted, issue(), keys)
  const data = new TextEncoder().encode(token.slice(0, token.lastIndexOf('.')))
  const algorithm = { name: 'ECDSA', hash: 'SHA-256' }
  const answer = (audit: typeof logRecord) =>
    createGate({
      policy: policies.current,
      identify,
      audit,
      nowMs: () => Date.now(),
      select: (given, _url, question) => ({
        env: given,
        pointerKey: 'pointer',
        request: question,
        upstream: {
          id: 'bench',
          origin: 'https://registry.internal',
          basePath: '',
          timeoutMs: 60_000,
          authorizationFor: () => 'Basic gate',
          fetch: () => Promise.resolve(ANSWER),
        },
      }),
    })
  const silent = answer(() => undefined)
  const logging = answer(logRecord)
  return {
    nothing: () => undefined,
    parse: repeated(() => parseRegistryRequest(request.method, requestTarget(request.url))),
    identify: repeated(() => identify(request, view, env, ctx, now)),
    decide: repeated(() => {
      const verdict = authorize(who.rights, view.common, asked, { now })
      const scope = neededScope(asked)
      if (verdict.effect === 'deny' || scope === undefined || !includesScope(who.access ?? [], scope))
        throw new Error('denied')
    }),
    audit: repeated(() => logRecord(RECORD)),
    gate: inTurn(() => silent(request, request.url, env, ctx)),
    all: inTurn(() => logging(request, request.url, env, ctx)),
    mint: inTurn(() => mint('access', minted, issue(), keys)),
    sign: inTurn(() => crypto.subtle.sign(algorithm, keys.signing.key, data)),
    verify: inTurn(() => verifyMinted('access', token, service, keys, now)),
  }
}

const repeated =
  (run: () => unknown): Part =>
  (times) => {
    for (let turn = 0; turn < times; turn++) run()
  }

const inTurn =
  (run: () => Promise<unknown>): Part =>
  async (times) => {
    for (let turn = 0; turn < times; turn++) await run()
  }

const ANSWER = new Response(null, {
  headers: {
    'content-type': 'application/vnd.oci.image.manifest.v1+json',
    'docker-content-digest': `sha256:${'a'.repeat(64)}`,
    'docker-distribution-api-version': 'registry/2.0',
    etag: `"sha256:${'a'.repeat(64)}"`,
  },
})

const RECORD = {
  v: 2,
  time: '2026-11-21T12:00:00.000Z',
  id: '8f0a1b2c3d4e5f60-FRA',
  principal: 'token:token-0',
  as: ['token:token-0', 'everyone'],
  password: 'password1',
  method: 'GET',
  operation: 'pullManifest',
  permission: 'content/read',
  repository: 'team-6768/app-9',
  reference: 'latest',
  decision: 'allow',
  rule: 'scopeMap map-0',
  bundle: 1,
  status: 200,
  ms: 4,
} as const
