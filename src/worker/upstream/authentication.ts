/**
 * Signing in to an upstream: what it asks for is learned once per isolate, from its own 401, and answered with the
 * gate's credential: Basic, or a token of its token service, kept until it expires and shared by all requests. Never
 * sees a client's credential, and never lets the upstream's words choose more than where, for which service.
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

/** Where to sign in. */
export type Site = {
  /** Scheme and authority. */
  readonly origin: string
  /** What stands before `/v2/`, without a trailing slash. */
  readonly basePath: string
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
  readonly authHosts: AuthHosts
}

export type Authentication = {
  /**
   * The `Authorization` value for one request; a promise only when it has to be asked for. Throws, or rejects with,
   * `upstream_unauthorized` and the other faults of an upstream.
   *
   * @param hasBody what is sent cannot be sent again, so the value must be good for a while
   */
  authorizationFor(request: RegistryRequest, hasBody: boolean): string | undefined | Promise<string | undefined>
  /**
   * Learn from a 401. Answers whether {@link authorizationFor} now has something better to say. Throws
   * `upstream_unauthorized` for an upstream that may not be signed in to as it asks.
   *
   * @param authorization what was sent
   */
  refused(request: RegistryRequest, wwwAuthenticate: string | null, authorization: string | undefined): boolean
}

export function createAuthentication(site: Site, credential: Credential, nowMs = () => Date.now()): Authentication {
  if (credential.kind !== 'header') return new Negotiation(site, credential, nowMs)
  return { authorizationFor: () => credential.value, refused: () => false }
}

type Demand =
  /** It answers without a credential, as far as is known. */
  | { readonly scheme: 'open' | 'basic' }
  | { readonly scheme: 'bearer'; readonly realm: URL; readonly service?: string; readonly isAzure: boolean }

type Bearer = Demand & { readonly scheme: 'bearer' }

type Held = {
  readonly authorization: string
  /** Seconds since the epoch. */
  readonly receivedAt: number
  /** A request with a body takes a new one from here on. */
  readonly restsUntil: number
}

/** Tokens of one upstream that are kept: one for each repository and kind of access. */
const CAPACITY = 1000
/** Left of a token's life when it is no longer used: clocks differ, and a request takes its way. */
const LEEWAY_SECONDS = 10
/** The same for a request whose body cannot be sent again. */
const BODY_LEEWAY_SECONDS = 60
/** A token younger than this is not refused for its age: another one would be refused too. */
const YOUNG_SECONDS = 5
/** A refused credential is not tried again for so long: token services lock accounts. */
const REFUSAL_SECONDS = 5

/** Some registries ask for other credentials where no repository is named. */
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
    // Without a credential the request itself finds out, unless it can be sent only once.
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

  /** `GET /v2/` tells what a registry asks for, and so what is safe to send it. */
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
            'the registry cannot be reached: look whether it runs and its URL is right',
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

  /** From the ping, for all areas of which nothing better is known. */
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
    // Only the challenge for a list of tags tells, and it stays true for the others.
    const wasAzure = known?.scheme === 'bearer' && known.isAzure && known.realm.href === realm.href
    return wasAzure ? { ...demand, isAzure: true } : demand
  }
}

const areaOf = (request: RegistryRequest): Area =>
  'name' in request && request.name !== undefined ? 'repository' : 'registry'

const scopesFor = ({ isAzure }: Bearer, request: RegistryRequest): readonly string[] => upstreamScopes(request, isAzure)

/** No part holds a space of its own but the service, which is quoted. */
const keyOf = ({ realm, service }: Bearer, scopes: readonly string[]): string =>
  [realm.href, JSON.stringify(service), ...scopes].join(' ')

const isSame = (a: Demand, b: Demand): boolean =>
  a.scheme === 'bearer' && b.scheme === 'bearer'
    ? keyOf(a, []) === keyOf(b, []) && a.isAzure === b.isAzure
    : a.scheme === b.scheme
