/**
 * Signing in to an upstream. The gate learns the scheme once per isolate from the upstream's own 401. It answers with its own
 * credential: Basic, or a token of the upstream's token service, cached until it expires and shared by all requests. A
 * client's credential never reaches this code. The upstream's challenge chooses only the realm and the service.
 */
import type { RegistryRequest } from '../../registry/request.ts'
import { Fault } from '../platform/fault.ts'
import { Memo } from '../platform/memo.ts'
import { parseChallenge, type UpstreamChallenge } from './challenge.ts'
import { basic, type Credential } from './credential.ts'
import { type AuthHosts, admitRealm } from './realm.ts'
import { SingleFlight } from './single-flight.ts'
import { fetchToken, TOKEN_TIMEOUT_MS } from './token.ts'
import { upstreamScopes } from './token-scope.ts'

/** The upstream to sign in to. */
export type Site = {
  /** Scheme and authority. */
  readonly origin: string
  /** The path before `/v2/`, without a trailing slash; mostly empty. */
  readonly basePath: string
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
  readonly authHosts: AuthHosts
}

/** The gate's side of the authentication at one upstream. */
export type Authentication = {
  /**
   * The `Authorization` value for one request; undefined if the request needs none. A promise only if the gate must ask the
   * upstream or its token service first.
   *
   * @param hasBody whether the request has a body that cannot be sent again, so that the value must stay valid for a while
   * @throws Fault `upstream_unauthorized`, `upstream_unreachable`, `upstream_timeout`, `upstream_invalid`
   */
  authorizationFor(request: RegistryRequest, hasBody: boolean): string | undefined | Promise<string | undefined>
  /**
   * Learns from a 401. Returns whether {@link authorizationFor} now gives a value that may succeed.
   *
   * @param authorization the value that was sent
   * @throws Fault `upstream_unauthorized` when the challenge asks for something that the gate may not do
   */
  refused(request: RegistryRequest, wwwAuthenticate: string | null, authorization: string | undefined): boolean
}

/** The authentication at one upstream with one credential. */
export function createAuthentication(site: Site, credential: Credential, nowMs = () => Date.now()): Authentication {
  if (credential.kind !== 'header') return new Negotiation(site, credential, nowMs)
  return { authorizationFor: () => credential.value, refused: () => false }
}

type Demand =
  /** `open`: no challenge so far. */
  | { readonly scheme: 'open' | 'basic' }
  | { readonly scheme: 'bearer'; readonly realm: URL; readonly service?: string; readonly isAzure: boolean }

type Bearer = Demand & { readonly scheme: 'bearer' }

type Held = {
  readonly authorization: string
  /** Seconds since the epoch. */
  readonly receivedAt: number
  /** From this time on a request with a body gets a new token. */
  readonly restsUntil: number
}

/** How many tokens of one upstream are cached: one for each repository and kind of access. */
const CAPACITY = 1000
/** How long before its expiry a token is not used any more, because clocks differ and a request takes time. */
const LEEWAY_SECONDS = 10
/** The same for a request whose body cannot be sent again. */
const BODY_LEEWAY_SECONDS = 60
/** A refused token that is younger is not replaced: a new one would be refused too. */
const YOUNG_SECONDS = 5
/** How long to wait before retrying a refused credential; some token services lock accounts. */
const REFUSAL_SECONDS = 5

/** Some registries have another challenge for requests without a repository. */
type Area = 'repository' | 'registry'

class Negotiation implements Authentication {
  readonly #site: Site
  readonly #credential: Exclude<Credential, { readonly kind: 'header' }>
  readonly #nowMs: () => number
  readonly #demands = new Map<Area, Demand>()
  readonly #tokens = new Memo<Held>(CAPACITY)
  readonly #refusals = new Memo<string>(CAPACITY)
  readonly #asking = new SingleFlight<Held>(TOKEN_TIMEOUT_MS + 1000)
  readonly #probing = new SingleFlight<Demand>(TOKEN_TIMEOUT_MS + 1000)

  constructor(site: Site, credential: Exclude<Credential, { readonly kind: 'header' }>, nowMs: () => number) {
    this.#site = site
    this.#credential = credential
    this.#nowMs = nowMs
  }

  authorizationFor(request: RegistryRequest, hasBody: boolean): string | undefined | Promise<string | undefined> {
    const demand = this.#demands.get(areaOf(request))
    if (demand !== undefined) return this.#answer(demand, request, hasBody)
    // Without a credential no probe is needed: the request itself may be the probe, unless it can be sent only once.
    if (this.#credential.kind === 'none' && !hasBody) return undefined
    return this.#probing.run('', () => this.#probe()).then((found) => this.#answer(found, request, hasBody))
  }

  refused(request: RegistryRequest, wwwAuthenticate: string | null, authorization: string | undefined): boolean {
    const challenge = parseChallenge(wwwAuthenticate)
    if (challenge === undefined) return false
    const area = areaOf(request)
    const known = this.#demands.get(area)
    const demand = this.#admit(challenge, known)
    this.#demands.set(area, demand)
    if (demand.scheme !== 'bearer') return authorization?.startsWith('Basic ') !== true
    if (authorization === undefined || known === undefined || !isSame(known, demand)) return true
    const key = keyOf(demand, scopesFor(demand, request))
    const held = this.#tokens.get(key, this.#now())
    if (held?.authorization !== authorization) return true
    if (held === undefined || this.#now() - held.receivedAt < YOUNG_SECONDS) return false
    this.#tokens.set(key, held, this.#now())
    return true
  }

  #now(): number {
    return this.#nowMs() / 1000
  }

  #answer(
    demand: Demand,
    request: RegistryRequest,
    hasBody: boolean,
  ): string | undefined | Promise<string | undefined> {
    if (demand.scheme === 'bearer') {
      const scopes = scopesFor(demand, request)
      const key = keyOf(demand, scopes)
      const held = this.#tokens.get(key, this.#now())
      if (held !== undefined && (!hasBody || this.#now() < held.restsUntil)) return held.authorization
      return this.#asking.run(key, () => this.#ask(demand, scopes, key)).then(({ authorization }) => authorization)
    }
    if (this.#credential.kind === 'password') return basic(this.#credential)
    if (demand.scheme === 'open') return undefined
    throw new Fault(
      'upstream_unauthorized',
      'the registry asks for a user name and a password: set UPSTREAM_USERNAME and UPSTREAM_PASSWORD',
    )
  }

  async #ask(demand: Bearer, scopes: readonly string[], key: string): Promise<Held> {
    const refusal = this.#refusals.get(key, this.#now())
    if (refusal !== undefined) throw new Fault('upstream_unauthorized', refusal)
    const { realm, service } = demand
    const { origin, fetch: fetchUpstream } = this.#site
    const question = {
      realm,
      ...(service === undefined ? {} : { service }),
      scopes,
      credential: this.#credential,
      fetch: realm.origin === origin ? fetchUpstream : (url: string, init: RequestInit) => fetch(url, init),
    }
    try {
      const { token, lifetimeSeconds } = await fetchToken(question, this.#nowMs)
      const receivedAt = this.#now()
      const until = (leewaySeconds: number) =>
        receivedAt + lifetimeSeconds - Math.min(leewaySeconds, lifetimeSeconds / 2)
      const held = { authorization: `Bearer ${token}`, receivedAt, restsUntil: until(BODY_LEEWAY_SECONDS) }
      this.#tokens.set(key, held, until(LEEWAY_SECONDS))
      return held
    } catch (error) {
      if (error instanceof Fault && error.code === 'upstream_unauthorized') {
        this.#refusals.set(key, error.message, this.#now() + REFUSAL_SECONDS)
      }
      throw error
    }
  }

  /** The challenge to `GET /v2/` shows which scheme the registry uses, before a credential is sent. */
  async #probe(): Promise<Demand> {
    const { origin, basePath, fetch: fetchUpstream } = this.#site
    const signal = AbortSignal.timeout(TOKEN_TIMEOUT_MS)
    let answer: Response
    try {
      answer = await fetchUpstream(`${origin}${basePath}/v2/`, { redirect: 'manual', cache: 'no-store', signal })
    } catch (cause) {
      throw signal.aborted
        ? new Fault('upstream_timeout', 'the registry did not answer GET /v2/ in time', { cause })
        : new Fault(
            'upstream_unreachable',
            'the registry cannot be reached: check that it runs and that its URL is right',
            {
              cause,
            },
          )
    }
    await answer.body?.cancel().catch(() => undefined)
    if (answer.status !== 401) {
      if (answer.status === 200) this.#learn({ scheme: 'open' })
      return { scheme: 'open' }
    }
    const challenge = parseChallenge(answer.headers.get('www-authenticate'))
    const demand = challenge === undefined ? { scheme: 'basic' as const } : this.#admit(challenge, undefined)
    this.#learn(demand)
    return demand
  }

  /** The demand of the ping is the default for both areas. */
  #learn(demand: Demand): void {
    for (const area of ['repository', 'registry'] as const) {
      if (!this.#demands.has(area)) this.#demands.set(area, demand)
    }
  }

  #admit(challenge: UpstreamChallenge, known: Demand | undefined): Demand {
    if (challenge.scheme === 'basic') return challenge
    const { origin, authHosts } = this.#site
    const realm = admitRealm(challenge.realm, origin, authHosts)
    const demand = { ...challenge, realm }
    // Only the challenge for a list of tags shows that this is Azure. It stays true for later challenges of the same realm.
    const wasAzure = known?.scheme === 'bearer' && known.isAzure && known.realm.href === realm.href
    return wasAzure ? { ...demand, isAzure: true } : demand
  }
}

const areaOf = (request: RegistryRequest): Area =>
  'name' in request && request.name !== undefined ? 'repository' : 'registry'

const scopesFor = ({ isAzure }: Bearer, request: RegistryRequest): readonly string[] => upstreamScopes(request, isAzure)

/** Unambiguous: only the service may contain a space, and it is quoted. */
const keyOf = ({ realm, service }: Bearer, scopes: readonly string[]): string =>
  [realm.href, JSON.stringify(service), ...scopes].join(' ')

const isSame = (a: Demand, b: Demand): boolean =>
  a.scheme === 'bearer' && b.scheme === 'bearer'
    ? keyOf(a, []) === keyOf(b, []) && a.isAzure === b.isAzure
    : a.scheme === b.scheme
