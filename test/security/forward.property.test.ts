/**
 * The promise of the gate, whole: whatever the policy, the caller and the raw request, what reaches the upstream is read
 * there as something that a second evaluator allows. The gate's gate is the real one; the judges share no code with it.
 */
import { fc, test } from '@fast-check/vitest'
import { afterAll, describe, expect } from 'vitest'
import type { Caller } from '../../src/policy/caller.ts'
import { compile } from '../../src/policy/compile/compile.ts'
import { effectiveRightsOf, indexCommon, indexPrincipal } from '../../src/policy/decide/effective-rights.ts'
import type { Attributes, PolicySet, Question } from '../../src/policy/model.ts'
import { formatTarget } from '../../src/registry/format.ts'
import { createGate } from '../../src/worker/gate.ts'
import type { Env } from '../../src/worker/platform/env.ts'
import type { PolicyView } from '../../src/worker/store/policy-view.ts'
import { caller, policySet, request as registryRequest } from '../policy/arbitraries.ts'
import { DIGEST, NAMES } from '../policy/pools.ts'
import { verdict } from '../policy/reference.ts'
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
    common: indexCommon(common),
    principal: (key) => {
      const data = principals.get(key)
      return data === undefined ? undefined : indexPrincipal(data)
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

/** Who a caller is to the gate: uploads are bound to it. */
const nameOf = ({ authenticated, acts }: Caller): string => (authenticated ? acts.join(' ') : 'anonymous')

/** A registry that records what it is sent, and opens a session for each upload. */
class Upstream {
  readonly sent: Sent[] = []
  /** Path of a session to who opened it, and where. */
  readonly sessions = new Map<string, { readonly caller: string; readonly repository: string }>()
  #caller = ''

  /** The caller whose requests come next. */
  set caller(who: Caller) {
    this.#caller = nameOf(who)
  }

  readonly fetch = async (url: string, { method = 'GET' }: RequestInit): Promise<Response> => {
    const target = url.slice(ORIGIN.length)
    this.sent.push({ method, target })
    const repository = /^\/v2\/(.+)\/blobs\/uploads\/(?:\?.*)?$/.exec(target)?.[1]
    if (method !== 'POST' || repository === undefined) return Response.json({ repositories: [], tags: [] })
    const location = `/v2/${repository}/blobs/uploads/session-${this.sessions.size}`
    this.sessions.set(location, { caller: this.#caller, repository })
    return new Response(null, { status: 202, headers: { location } })
  }
}

/** The gate's answer, and what of this request reached the registry. */
async function throughTheGate(
  view: PolicyView,
  who: Caller,
  now: number,
  asked: Raw,
  upstream = new Upstream(),
): Promise<{ readonly answer: Response; readonly sent: readonly Sent[] }> {
  const before = upstream.sent.length
  upstream.caller = who
  const own = await Promise.all(who.acts.map((key) => view.principal(key)))
  const rights = effectiveRightsOf(
    who,
    view.common,
    own.filter((principal) => principal !== undefined),
  )
  const gate = createGate({
    policy: () => view,
    identify: () => ({ caller: who, name: nameOf(who), credential: '', rights, as: [] }),
    audit: () => undefined,
    nowMs: () => now * 1000,
    select: (_env, _url, request) => ({
      env: env,
      pointerKey: 'pointer',
      request,
      upstream: {
        id: 'only',
        origin: ORIGIN,
        basePath: '',
        authorizationFor: () => undefined,
        timeoutMs: 1000,
        fetch: upstream.fetch,
      },
    }),
  })
  const request = incoming(asked)
  const answer = await gate(request, request.url, env, ctx)
  return { answer, sent: upstream.sent.slice(before) }
}

type Action = Question['action']
const DELETED = ['Microsoft.ContainerRegistry/registries/deleted/read'] as Action[]
const RESTORED = ['Microsoft.ContainerRegistry/registries/deleted/restore/action'] as Action[]
const METADATA_OF = '(?:NAME|NAME/_tags/[^/]+|NAME/_manifests/[^/]+)'

/**
 * What each call of Azure's metadata API takes: all of the lists, any action of each. `everywhere` is in the place of a
 * repository where the body names any. The first row that fits counts; a call that fits none is never sent.
 *
 * Source: Azure/acr-cli `docs/swagger.yaml`, and the scopes that the Azure CLI asks for.
 */
const AZURE: readonly (readonly [call: string, needs: readonly (readonly Action[])[], everywhere?: true])[] = [
  ['POST (?:NAME/)?_metadata/_query', [['metadata/read']], true],
  ['GET _deleted/.+', [DELETED]],
  ['POST _deleted/NAME/_manifests/[^/]+', [DELETED, RESTORED]],
  ['GET NAME/(?:_streaming(?:/[^/]+)?|_operations/[^/]+)', [['content/read']]],
  ['POST NAME/(?:_streaming(?:/[^/]+)?|_operations/[^/]+)', [['content/write'], ['content/read']]],
  [`GET ${METADATA_OF}(?:/_metadata(?:/[^/]+)?)?`, [['metadata/read']]],
  ['GET NAME/_(?:tags|manifests)', [['metadata/read']]],
  [`PUT ${METADATA_OF}/_metadata/[^/]+`, [['metadata/write']]],
  [`DELETE ${METADATA_OF}/_metadata/[^/]+`, [['metadata/delete']]],
  ['PATCH NAME', [['metadata/write'], ['metadata/read']]],
  ['PATCH NAME/_(?:tags|manifests)/[^/]+', [['metadata/write']]],
  ['DELETE NAME', [['content/delete']]],
  ['DELETE NAME/_tags/[^/]+', [['metadata/delete', 'content/delete']]],
]

const azureRow = ({ method, target }: Sent, name: string | undefined) => {
  const call = `${method} ${target.replace(/^\/acr\/v1\//, '').replace(/\?.*$/, '')}`
  return AZURE.find(([pattern]) => {
    const named = pattern.replaceAll('NAME', (name ?? '(?!)').replaceAll(/[.]/g, '\\.'))
    return new RegExp(`^${named}$`).test(call)
  })
}

/** What the upstream does by a reading, and so what the caller must hold. */
function allowed(
  policies: PolicySet,
  who: Caller,
  now: number,
  asked: Raw,
  sent: Sent,
  sessions: Upstream['sessions'] = new Map(),
): boolean {
  const reading = readRequest(sent.method, sent.target)
  const judged = (action: Action, more: Attributes, repository?: string) =>
    verdict(policies, who, {
      action,
      now,
      ...(repository === undefined ? {} : { repository }),
      attributes: { method: asked.method, ...(who.claims === undefined ? {} : { claims: who.claims }), ...more },
    })
  const holds = (...about: Parameters<typeof judged>): boolean => judged(...about).effect === 'allow'
  const isForbidden = (...about: Parameters<typeof judged>): boolean => {
    const one = judged(...about)
    return one.effect === 'deny' && one.code === 'deny_assignment'
  }
  const { name, tag, digest, mount, from, tags = [] }: Partial<Reading> = reading
  const at = digest === undefined ? {} : { digest }
  const pushes = (more: Attributes): boolean => holds('content/write', more, name) && holds('content/read', more, name)
  // Signers upload blobs too. What they push as a manifest here is never a signature.
  const uploads = (more: Attributes): boolean =>
    pushes(more) ||
    (holds('sign/write', more, name) && holds('content/read', more, name) && !isForbidden('content/write', more, name))
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
      return uploads(at)
    case 'mount':
      return uploads({ digest: mount ?? '' }) && holds('content/read', { method: 'GET', digest: mount ?? '' }, from)
    case 'azure': {
      const [, needs, everywhere] = azureRow(sent, name) ?? []
      if (needs === undefined) return false
      const more = tag !== undefined ? { tag } : sent.method === 'GET' ? {} : { everyTag: true }
      return needs.every((actions) =>
        // It may answer with any repository.
        (everywhere === true ? [...NAMES, 'z', 'z/z'] : [name]).every((repository) => {
          const on = (action: Action) => (action.startsWith('Microsoft.') ? undefined : repository)
          const isHeld = actions.some((action) => holds(action, more, on(action)))
          return isHeld && !actions.some((action) => isForbidden(action, more, on(action)))
        }),
      )
    }
    case 'upload': {
      const session = sessions.get(sent.target.replace(/\?.*$/, ''))
      const isOwn = session?.caller === nameOf(who) && session.repository === name
      const completes = /[?&]digest=([^&]+)/.exec(sent.target)?.[1]
      return isOwn && uploads(completes === undefined ? {} : { digest: decodeURIComponent(completes) })
    }
    default:
      return false
  }
}

/** Digests of other algorithms are longer in the second parser's grammar; it reads nothing at all there. */
const FOREIGN_DIGEST = /\/(?!sha256:|sha512:)[^/?]+:/

const counts = { sent: 0, stopped: 0, azure: 0, ownSession: 0, foreignSession: 0 }

/** A request that goes on with an upload which somebody began: in the place of `SESSION`, the session that the gate gave. */
const continuation = fc.record({
  /** Of the repository in the path, and of the caller: whether they are those that began the upload. */
  isHere: fc.boolean(),
  isSame: fc.boolean(),
  elsewhere: fc.constantFrom(...NAMES),
  method: fc.constantFrom('GET', 'PATCH', 'PUT', 'DELETE'),
  query: fc.constantFrom('', `?digest=${DIGEST}`, `?digest=${DIGEST}&digest=${DIGEST}`, '?mount=a&from=b'),
  bend: fc.constantFrom('', '', '', '/', '/..', '%2f', 'A', '?'),
})

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
        const { sent: all } = await throughTheGate(view, who, now, request)
        counts[all.length === 0 ? 'stopped' : 'sent']++
        for (const sent of all) {
          if (FOREIGN_DIGEST.test(sent.target)) continue
          if (readRequest(sent.method, sent.target).route === 'azure') counts.azure++
          const about = `${request.method} ${request.target} was sent as ${sent.method} ${sent.target}`
          expect(allowed(policies, who, now, request, sent), about).toBe(true)
        }
      }
    },
    120_000,
  )

  test.prop(
    [
      policySet,
      fc.tuple(caller, caller),
      fc.constantFrom(...NAMES),
      fc.integer({ min: 0, max: 300 }),
      fc.array(continuation, { minLength: 6, maxLength: 6 }),
    ],
    { numRuns: 1500 },
  )(
    'with a session of an upload, unless its caller began it there and may push there still',
    async (policies, [first, second], name, now, continuations) => {
      const view = viewOf(policies)
      const upstream = new Upstream()
      const begin: Raw = { method: 'POST', target: `/v2/${name}/blobs/uploads/`, headers: {} }
      const { answer } = await throughTheGate(view, first, now, begin, upstream)
      const session = /\/blobs\/uploads\/(.+)$/.exec(answer.headers.get('location') ?? '')?.[1]
      if (session === undefined) return
      for (const { isHere, isSame, elsewhere, method, query, bend } of continuations) {
        const who = isSame ? first : second
        const target = `/v2/${isHere ? name : elsewhere}/blobs/uploads/${session}${bend}${query}`
        const request: Raw = { method, target, headers: {} }
        const { sent } = await throughTheGate(view, who, now, request, upstream)
        const isOwner = nameOf(who) === nameOf(first) && (isHere || elsewhere === name)
        if (sent.length > 0) counts.ownSession++
        else if (!isOwner) counts.foreignSession++
        if (sent.length > 0) expect(isOwner, `${method} ${target} went on with an upload of ${name}`).toBe(true)
        for (const one of sent) {
          const about = `${method} ${target} was sent as ${one.method} ${one.target}`
          expect(allowed(policies, who, now, request, one, upstream.sessions), about).toBe(true)
        }
      }
    },
    120_000,
  )

  afterAll(() => {
    // Neither all nor nothing: a test of a gate that never forwards would pass.
    expect(counts.sent).toBeGreaterThan(500)
    expect(counts.stopped).toBeGreaterThan(counts.sent)
    expect(counts.azure).toBeGreaterThan(50)
    expect(counts.ownSession).toBeGreaterThan(50)
    expect(counts.foreignSession).toBeGreaterThan(50)
  })
})
