/**
 * The promise of the gate, whole: whatever the policy, the caller and the raw request, what reaches the upstream is read
 * there as something that a second evaluator allows. The gate's corridor is the real one; the judges share no code with it.
 */
import { fc, test } from '@fast-check/vitest'
import { afterAll, describe, expect } from 'vitest'
import type { Caller } from '../../src/policy/caller.ts'
import { compile } from '../../src/policy/compile.ts'
import type { Attributes, PolicySet } from '../../src/policy/model.ts'
import { openCommon, openPrincipal, standingOf } from '../../src/policy/standing.ts'
import { formatTarget } from '../../src/registry/format.ts'
import { parseRegistryRequest } from '../../src/registry/parse.ts'
import type { Env } from '../../src/worker/env.ts'
import { createGate } from '../../src/worker/gate.ts'
import type { PolicyView } from '../../src/worker/policy-view.ts'
import { caller, policySet, request as registryRequest } from '../policy/arbitraries.ts'
import { DIGEST, NAMES } from '../policy/pools.ts'
import { attributesOf, requestVerdict, verdict } from '../policy/reference.ts'
import { request as rawRequest } from '../registry/arbitrary.ts'
import { type Reading, readRequest } from '../registry/reference-parser.ts'

const ORIGIN = 'https://upstream.example'

type Raw = { readonly method: string; readonly target: string; readonly headers: Readonly<Record<string, string>> }
type Sent = { readonly method: string; readonly target: string }

/** What bends a good target: some of it means the same, some means another repository to some reader. */
const BENDS = [
  '/',
  '//',
  '/../b/',
  '/./',
  '%2f',
  '%2e%2e/',
  '\\',
  ';',
  '?',
  '&tag=v1',
  '?tag=a&tag=v1',
  '%3A',
  '#',
  'b',
  '_',
  '.',
]

const bent = fc
  .record({
    request: registryRequest.map(({ request }) => request),
    place: fc.nat(200),
    bend: fc.constantFrom('', '', ...BENDS),
    mount: fc.option(fc.constantFrom(...NAMES), { nil: undefined, freq: 6 }),
  })
  .map(({ request, place, bend, mount }): Sent => {
    const session = 'name' in request ? `/v2/${request.name}/blobs/uploads/session` : ''
    const whole = formatTarget(request, session)
    const target =
      request.operation === 'startUpload' && mount !== undefined ? `${whole}?mount=${DIGEST}&from=${mount}` : whole
    const at = place % (target.length + 1)
    return { method: request.method, target: target.slice(0, at) + bend + target.slice(at) }
  })

/** Nothing of this may change what is decided. */
const noise = fc.subarray([
  ['x-forwarded-uri', '/v2/'],
  ['x-original-url', '/livez'],
  ['x-forwarded-for', '127.0.0.1'],
  ['x-http-method-override', 'GET'],
  ['user-agent', 'GoogleHC/1.0'],
] as const)

const raw: fc.Arbitrary<Raw> = fc
  .tuple(
    fc.oneof(
      { weight: 4, arbitrary: bent },
      rawRequest.map(([method, target]): Sent => ({ method, target })),
    ),
    noise,
    fc.option(fc.constantFrom('a', 'a/b', 'application/json'), { nil: undefined }),
  )
  .map(([{ method, target }, headers, type]) => ({
    method,
    target,
    headers: { ...Object.fromEntries(headers), ...(type === undefined ? {} : { 'content-type': type }) },
  }))
  // What cannot be a request in any runtime.
  .filter(
    ({ method, target }) =>
      /^[A-Z]+$/.test(method) && !['CONNECT', 'TRACE', 'TRACK'].includes(method) && target.startsWith('/'),
  )

function viewOf(policies: PolicySet): PolicyView {
  const { common, principals } = compile(policies)
  return {
    serial: 1,
    keyId: 'test',
    created: 0,
    expires: Number.MAX_SAFE_INTEGER,
    common: openCommon(common),
    principal: (key) => {
      const data = principals.get(key)
      return data === undefined ? undefined : openPrincipal(data)
    },
  }
}

/** Neither policy nor credentials are read from it here. */
const env = { TOKEN_SIGNING_KEY: JSON.stringify({ d: 'a'.repeat(43) }), UPSTREAM: ORIGIN } as Env
const ctx = { waitUntil: (_: Promise<unknown>) => undefined } as ExecutionContext

/** The request as the runtime would hand it over: its URL is not mended. */
function incoming({ method, target, headers }: Raw): Request {
  const body = ['POST', 'PUT', 'PATCH'].includes(method) ? { body: '{"writeEnabled":false}' } : {}
  const request = new Request('https://gate.example/', { method, headers, ...body })
  return Object.defineProperty(request, 'url', { value: `https://gate.example${target}` })
}

async function throughTheGate(view: PolicyView, who: Caller, now: number, asked: Raw): Promise<readonly Sent[]> {
  const sent: Sent[] = []
  const own = await Promise.all(who.acts.map((key) => view.principal(key)))
  const standing = standingOf(
    who,
    view.common,
    own.filter((principal) => principal !== undefined),
  )
  const gate = createGate({
    policy: () => view,
    identify: () => ({ caller: who, name: 'somebody', standing }),
    audit: () => undefined,
    nowMs: () => now * 1000,
    select: (_env, _url, request) => ({
      env: env,
      pointerKey: 'pointer',
      request,
      upstream: {
        origin: ORIGIN,
        basePath: '',
        authorizationFor: () => undefined,
        timeoutMs: 1000,
        fetch: async (url, init) => {
          sent.push({ method: init.method ?? 'GET', target: url.slice(ORIGIN.length) })
          return Response.json({ repositories: [], tags: [] }, { headers: { location: '/v2/a/blobs/uploads/1' } })
        },
      },
    }),
  })
  const request = incoming(asked)
  await gate(request, request.url, env, ctx)
  return sent
}

/** What the upstream does by a reading, and so what the caller must hold. */
function allowed(policies: PolicySet, who: Caller, now: number, asked: Raw, sent: Sent): boolean {
  const reading = readRequest(sent.method, sent.target)
  const holds = (action: Parameters<typeof verdict>[2]['action'], more: Attributes, repository?: string): boolean =>
    verdict(policies, who, {
      action,
      now,
      ...(repository === undefined ? {} : { repository }),
      attributes: { method: asked.method, ...(who.claims === undefined ? {} : { claims: who.claims }), ...more },
    }).effect === 'allow'
  const { name, tag, digest, mount, from, tags = [] }: Partial<Reading> = reading
  const at = digest === undefined ? {} : { digest }
  const pushes = (more: Attributes): boolean => holds('content/write', more, name) && holds('content/read', more, name)
  switch (reading.route) {
    case 'catalog':
    case 'azure catalog':
      return policies.registry.catalog === 'filtered' ? who.authenticated : holds('catalog/read', {})
    case 'tags':
      return holds('metadata/read', {}, name)
    case 'referrers': {
      const artifactType = reading.artifactType === undefined ? {} : { artifactType: reading.artifactType }
      return holds('content/read', { ...at, ...artifactType }, name)
    }
    case 'get manifest':
      return holds('content/read', tag === undefined ? at : { tag }, name)
    case 'get blob':
      return holds('content/read', at, name)
    case 'put manifest': {
      // A body of text that says nothing of itself is given this type by `Request`.
      const media = { ...at, mediaType: asked.headers['content-type'] ?? 'text/plain' }
      const all = tag === undefined ? tags : [tag, ...tags]
      return all.length === 0 ? pushes(media) : all.every((one) => pushes({ ...media, tag: one }))
    }
    case 'delete manifest':
      return holds('content/delete', tag === undefined ? { ...at, everyTag: true } : { tag }, name)
    case 'delete blob':
      return holds('content/delete', { ...at, everyTag: true }, name)
    case 'start upload':
      return pushes(at)
    case 'mount':
      return pushes({ digest: mount ?? '' }) && holds('content/read', { method: 'GET', digest: mount ?? '' }, from)
    case 'azure': {
      // Quarantine takes its permission from the body; this test sends a lock.
      const parsed = parseRegistryRequest(sent.method, sent.target)
      if (!parsed.ok) return false
      if (!sent.target.endsWith('/_query'))
        return requestVerdict(policies, who, parsed.value, { now }).effect === 'allow'
      // It may answer with any repository.
      const attributes = attributesOf(parsed.value, who, { now })
      return [...NAMES, 'z', 'z/z'].every((one) => holds('metadata/read', attributes, one))
    }
    default:
      return false
  }
}

/** Digests of other algorithms are longer in the second parser's grammar; it reads nothing at all there. */
const FOREIGN_DIGEST = /\/(?!sha256:|sha512:)[^/?]+:/

const counts = { sent: 0, stopped: 0 }

describe('no request reaches the upstream', () => {
  test.prop(
    [policySet, fc.array(fc.tuple(caller, fc.integer({ min: 0, max: 300 }), raw), { minLength: 12, maxLength: 12 })],
    {
      numRuns: 1500,
    },
  )(
    'unless what the upstream will read is allowed',
    async (policies, asked) => {
      const view = viewOf(policies)
      for (const [who, now, request] of asked) {
        const all = await throughTheGate(view, who, now, request)
        counts[all.length === 0 ? 'stopped' : 'sent']++
        for (const sent of all) {
          if (FOREIGN_DIGEST.test(sent.target)) continue
          const about = `${request.method} ${request.target} was sent as ${sent.method} ${sent.target}`
          expect(allowed(policies, who, now, request, sent), about).toBe(true)
        }
      }
    },
    120_000,
  )

  afterAll(() => {
    // Neither all nor nothing: a test of a gate that never forwards would pass.
    expect(counts.sent).toBeGreaterThan(500)
    expect(counts.stopped).toBeGreaterThan(counts.sent)
    console.log(`${counts.sent} requests forwarded, ${counts.stopped} stopped`)
  })
})
