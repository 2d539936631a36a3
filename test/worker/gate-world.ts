/**
 * A gate in a small world: a policy in memory, callers who say who they are, and a registry that records what it sees.
 * `Bearer ci` is the token ci; `Bearer ci|repository:a:pull` the same with an upper bound; the names of
 * {@link REFUSED} are credentials that do not count.
 */
import { createExecutionContext } from 'cloudflare:test'
import { env as bindings } from 'cloudflare:workers'
import { vi } from 'vitest'
import { BUILT_IN_ROLES } from '../../src/policy/azure/built-in-roles.ts'
import { ANONYMOUS_CALLER } from '../../src/policy/caller.ts'
import { compile } from '../../src/policy/compile/compile.ts'
import { effectiveRightsOf, indexCommon, indexPrincipal } from '../../src/policy/decide/effective-rights.ts'
import type {
  DenyAssignment,
  PolicySet,
  Protection,
  RegistrySettings,
  RoleAssignment,
  ScopeMapAction,
} from '../../src/policy/model.ts'
import { EVERYONE, type PrincipalKey, principalKey } from '../../src/policy/principal.ts'
import { parseRepositoryPattern } from '../../src/policy/repository-pattern.ts'
import { parseScopes } from '../../src/registry/scope.ts'
import type { AuditRecord } from '../../src/worker/answers/audit.ts'
import { createGate, type GatePorts } from '../../src/worker/gate.ts'
import type { CredentialRefusal, Identify } from '../../src/worker/identity/identified-caller.ts'
import type { Env } from '../../src/worker/platform/env.ts'
import { settingsOf } from '../../src/worker/platform/settings.ts'
import type { PolicyView } from '../../src/worker/store/policy-view.ts'
import type { Upstream } from '../../src/worker/upstream/upstream.ts'

export const GATE = 'https://registry.example.com'
export const UPSTREAM = 'https://upstream.internal'
export const NOW_MS = Date.UTC(2026, 10, 21, 12)
export const DIGEST = `sha256:${'a'.repeat(64)}`
export const OTHER_DIGEST = `sha256:${'b'.repeat(64)}`
export const BEARER = `Bearer realm="${GATE}/token",service="registry.example.com"`

const source = { file: 'test.yaml', line: 1, column: 1 }

/** `samples/* content/read` and so on. */
const actions = (lines: readonly string[]): readonly ScopeMapAction[] =>
  lines.map((line) => {
    const [text = '', permission = ''] = line.split(' ')
    const repository = parseRepositoryPattern(text)
    if (!repository.ok) throw new Error(line)
    switch (permission) {
      case 'content/read':
      case 'content/write':
      case 'content/delete':
      case 'metadata/read':
      case 'metadata/write':
        return { repository: repository.value, permission, source }
      default:
        throw new Error(line)
    }
  })

const TOKENS: Readonly<Record<string, readonly string[]>> = {
  ci: ['samples/* content/read', 'samples/* content/write', 'samples/* metadata/read'],
  puller: ['samples/app content/read'],
  writer: ['samples/app content/write'],
  lister: ['samples/* metadata/read'],
  locker: ['samples/* metadata/write', 'samples/* metadata/read'],
  admin: ['content/read', 'content/write', 'content/delete', 'metadata/read', 'metadata/write'].map((p) => `* ${p}`),
  nobody: [],
}

export const roleFor = (principal: string, name: string): RoleAssignment => {
  const role = BUILT_IN_ROLES.find((candidate) => candidate.name === name)
  if (role === undefined) throw new Error(name)
  return { name: `${principal}-${name}`, principal: token(principal), role, source }
}

const token = (name: string): PrincipalKey => principalKey({ kind: 'token', name })

const keepReleases: DenyAssignment = {
  name: 'nobody-deletes-releases',
  principals: [EVERYONE],
  except: [],
  permissions: ['content/delete'],
  actions: [],
  repositories: actions(['release/* content/delete']).map(({ repository }) => repository),
  message: 'Releases are kept. Ask the platform team.',
  source,
}

function policySet(registry: Partial<RegistrySettings>): PolicySet {
  return {
    registry: {
      service: 'registry.example.com',
      mode: 'abac',
      catalog: 'filtered',
      anonymous: actions(['public/* content/read']),
      tokenLifetimeSeconds: 900,
      ...registry,
    },
    scopeMaps: Object.entries(TOKENS).map(([name, lines]) => ({ name, actions: actions(lines), source })),
    tokens: [...Object.keys(TOKENS), 'catalog', 'quarantine', 'off'].map((name) => ({
      name,
      scopeMap: name in TOKENS ? name : 'nobody',
      status: name === 'off' ? 'disabled' : 'enabled',
      credentials: [],
      source,
    })),
    issuers: [],
    identities: [],
    roles: [],
    roleAssignments: [
      roleFor('catalog', 'Container Registry Repository Catalog Lister'),
      roleFor('quarantine', 'AcrQuarantineWriter'),
    ],
    denyAssignments: [keepReleases],
    protections: [],
  }
}

function viewOf(policies: PolicySet): PolicyView {
  const { common, principals } = compile(policies)
  return {
    serial: 7,
    keyId: 'test',
    created: NOW_MS / 1000 - 60,
    expires: NOW_MS / 1000 + 3600,
    common: indexCommon(common),
    principal: (key) => {
      const data = principals.get(key)
      return data === undefined ? undefined : indexPrincipal(data)
    },
  }
}

export const REFUSED: Readonly<Record<string, CredentialRefusal['code']>> = {
  malformed: 'credential_malformed',
  unsupported: 'credential_unsupported',
  invalid: 'credential_invalid',
  expired: 'credential_expired',
  revoked: 'credential_revoked',
  disabled: 'token_disabled',
  throttled: 'too_many_failures',
}

const identifyBy =
  (credential: string): Identify =>
  async (request, view) => {
    const header = request.headers.get('authorization')
    const [name = '', ...scopes] = (header ?? '').replace(/^Bearer /, '').split('|')
    const refused = REFUSED[name]
    if (refused !== undefined) return { code: refused }
    const access = scopes.length === 0 ? {} : { access: parseScopes(scopes) }
    if (header === null || name === 'anonymous') {
      const rights = effectiveRightsOf(ANONYMOUS_CALLER, view.common, [])
      return { caller: ANONYMOUS_CALLER, name: 'anonymous', credential: '', rights, as: ['anonymous'], ...access }
    }
    const key = token(name)
    const caller = { authenticated: true, acts: [key] }
    const own = await view.principal(key)
    const rights = effectiveRightsOf(caller, view.common, own === undefined ? [] : [own])
    return { caller, name: key, credential, rights, as: [key, EVERYONE], ...access }
  }

/** A private key (P-256), for tests alone. */
export const SIGNING_KEY = JSON.stringify({
  kty: 'EC',
  crv: 'P-256',
  x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
  y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
  d: '870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE',
  kid: 'test',
})

export const testEnv = (values: Partial<Env> = {}): Env => ({
  POLICY: bindings.POLICY,
  POLICY_PUBLIC_KEYS: '{"keys":[]}',
  TOKEN_SIGNING_KEY: SIGNING_KEY,
  UPSTREAM,
  ...values,
})

/** What the registry saw of one request. */
export type Seen = {
  readonly method: string
  readonly url: string
  readonly headers: Headers
  readonly body: string
}

export type Call = { readonly as?: string; readonly headers?: HeadersInit; readonly body?: BodyInit }

export type World = {
  /** @param target raw request target, or a URL of the gate */
  call(method: string, target: string, call?: Call): Promise<Response>
  readonly seen: Seen[]
  readonly records: AuditRecord[]
  nowMs: number
}

export type WorldOptions = {
  readonly registry?: (request: Request) => Response | Promise<Response>
  readonly policies?: Partial<RegistrySettings>
  /** Next to the one that keeps releases. */
  readonly denies?: readonly DenyAssignment[]
  /** Next to those of the tokens `catalog` and `quarantine`. */
  readonly assignments?: readonly RoleAssignment[]
  readonly protections?: readonly Protection[]
  readonly env?: Partial<Env>
  readonly upstream?: Partial<Upstream>
  /** Key of the policy pointer. */
  readonly pointerKey?: string
  /** What vouches for callers. */
  readonly credential?: string
  readonly ports?: Partial<GatePorts>
}

export function createWorld(options: WorldOptions = {}): World {
  const { registry, policies = {}, denies = [], assignments = [], protections = [], env, upstream, ports } = options
  const { pointerKey = 'pointer', credential = 'password' } = options
  const seen: Seen[] = []
  const records: AuditRecord[] = []
  const set = policySet(policies)
  const view = viewOf({
    ...set,
    denyAssignments: [...set.denyAssignments, ...denies],
    roleAssignments: [...set.roleAssignments, ...assignments],
    protections,
  })
  const vars = testEnv(env)
  const answer =
    registry ?? (() => new Response('the bytes', { headers: { 'content-type': 'application/octet-stream' } }))
  const world: World = {
    seen,
    records,
    nowMs: NOW_MS,
    call: (method, target, { as, headers, body } = {}) => {
      const path = target.startsWith(GATE) ? target.slice(GATE.length) : target
      const all = new Headers(headers)
      if (as !== undefined) all.set('authorization', `Bearer ${as}`)
      return gate(
        new Request(`${GATE}${path}`, { method, headers: all, body: body ?? null }),
        `${GATE}${path}`,
        vars,
        createExecutionContext(),
      )
    },
  }
  const gate = createGate({
    policy: () => view,
    identify: identifyBy(credential),
    audit: (record) => records.push(record),
    nowMs: () => world.nowMs,
    select: (given, _url, request) => ({
      env: given,
      pointerKey,
      request,
      upstream: {
        id: 'only',
        origin: UPSTREAM,
        basePath: '',
        authorizationFor: () => 'Basic gate',
        timeoutMs: settingsOf(vars).upstreamTimeoutMs,
        fetch: async (url, init) => {
          const outgoing = new Request(url, init)
          const copy = outgoing.clone()
          seen.push({
            method: outgoing.method,
            url: outgoing.url,
            headers: outgoing.headers,
            body: new TextDecoder().decode(await copy.arrayBuffer()),
          })
          return answer(outgoing)
        },
        ...upstream,
      },
    }),
    ...ports,
  })
  return world
}

/** Code and message of the one error in a body. */
export async function errorOf(response: Response): Promise<{ code: string; message: string; detail?: unknown }> {
  const body: { errors: [{ code: string; message: string }] } = await response.json()
  return body.errors[0]
}

/** Keeps the log of faults out of the test's output, and returns it. */
export function catchLog(): { readonly lines: () => string } {
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
  const error = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  return { lines: () => [...log.mock.calls, ...error.mock.calls].flat().join('\n') }
}
