/**
 * Chooses the registry and the policy of a request, by the gate's host and the repository's name. The choice is made once,
 * before any policy is read, so the request that is decided and the request that is forwarded cannot differ.
 */
import { parseRepositoryName, type RepositoryName } from '../../registry/name.ts'
import type { RegistryRequest } from '../../registry/request.ts'
import type { Env } from '../platform/env.ts'
import { DEFAULT_POINTER, httpUrl, isSet, perIsolate, settingsOf } from '../platform/settings.ts'
import type { CredentialTexts } from '../upstream/credential.ts'
import { openUpstream } from '../upstream/open.ts'
import { readAuthHosts } from '../upstream/realm.ts'
import type { Upstream } from '../upstream/upstream.ts'
import { type Entry, invalid, namedSecret, parseTable } from './table.ts'

/** The registry and the policy of one request. */
export type Selected = {
  readonly upstream: Upstream
  /** Key of the policy pointer in KV. */
  readonly pointerKey: string
  /** The environment with this pointer as `POLICY_POINTER`. The same object for every request with the same choice. */
  readonly env: Env
  /** The request for this upstream. A mount from a repository of another upstream becomes a plain upload. */
  readonly request: RegistryRequest
}

type Choice = Omit<Selected, 'request'> & { readonly prefix: string }

type Routes = {
  /** By host of the gate; the longest prefix first, the empty one last. */
  readonly hosts: ReadonlyMap<string, readonly Choice[]>
  /** For every other host. */
  readonly others: readonly Choice[]
}

const routesOf: (env: Env) => Routes = perIsolate(readRoutes)

/**
 * The registry and the policy of a request; undefined if its host has no entry and no entry is for all other hosts.
 *
 * @param url absolute URL of the request
 * @throws Fault `settings_invalid`
 */
export function selectUpstream(env: Env, url: string, request: RegistryRequest): Selected | undefined {
  const choice = choiceFor(env, url, 'name' in request ? request.name : undefined)
  if (choice === undefined) return undefined
  const { upstream, pointerKey, env: chosen } = choice
  const isMountFromElsewhere = request.operation === 'mountBlob' && choiceFor(env, url, request.from) !== choice
  return {
    upstream,
    pointerKey,
    env: chosen,
    request: isMountFromElsewhere ? { operation: 'startUpload', method: 'POST', name: request.name } : request,
  }
}

/**
 * The environment whose `POLICY_POINTER` names the policy of a host, for routes without a repository, such as the token
 * service. Undefined for a host without an upstream.
 *
 * @throws Fault `settings_invalid`
 */
export const policyEnv = (env: Env, url: string): Env | undefined => choiceFor(env, url, undefined)?.env

function choiceFor(env: Env, url: string, repository: string | undefined): Choice | undefined {
  const { hosts, others } = routesOf(env)
  const choices = hosts.size === 0 ? others : (hosts.get(hostOf(url)) ?? others)
  return choices.find(({ prefix }) => prefix === '' || repository?.startsWith(prefix) === true)
}

/** The host is cut out of the text, because parsing the URL would normalise its path. */
function hostOf(url: string): string {
  const start = url.indexOf('://') + 3
  const length = url.slice(start).search(/[/?#]/)
  const host = (length < 0 ? url.slice(start) : url.slice(start, start + length)).toLowerCase()
  return host.replace(url.startsWith('https:') ? /:443$/ : /:80$/, '')
}

function readRoutes(env: Env): Routes {
  const list = isSet(env.UPSTREAMS) ? parseTable(env.UPSTREAMS) : []
  const byHost = new Map<string | undefined, Entry[]>([[undefined, []]])
  for (const entry of list) byHost.set(entry.host, [...(byHost.get(entry.host) ?? []), entry])
  const environments: Environments = new Map()
  const hosts = new Map<string, readonly Choice[]>()
  for (const [host, entries] of byHost) if (host !== undefined) hosts.set(host, choicesOf(env, entries, environments))
  return { hosts, others: choicesOf(env, byHost.get(undefined) ?? [], environments) }
}

/** One host has one policy, that of its entry without a prefix, because it has one login and one catalog. */
function choicesOf(env: Env, entries: readonly Entry[], environments: Environments): readonly Choice[] {
  const root = entries.find(({ prefix }) => prefix === '')
  const [first] = entries
  const isDefault = root === undefined && first?.host === undefined && (first === undefined || hasSingle(env))
  if (root === undefined && first !== undefined && !isDefault) {
    throw invalid(
      first.label,
      'has a prefix, but its host has no entry without one: add that entry, which also answers logins',
    )
  }
  // A gate with a table may refuse all other hosts.
  if (first === undefined && isSet(env.UPSTREAMS) && !hasSingle(env)) return []
  const { pointerKey, env: chosen } = policyOf(env, root, environments)
  const choices = entries.map((entry) => ({
    prefix: entry.prefix,
    upstream: listed(env, entry),
    pointerKey,
    env: chosen,
  }))
  const all = isDefault ? [...choices, { prefix: '', upstream: single(env), pointerKey, env: chosen }] : choices
  return all.sort((a, b) => b.prefix.length - a.prefix.length)
}

/** By pointer key and service. The policy store keeps one policy for each of these objects. */
type Environments = Map<string, Env>

/** The pointer key of a host, and the environment that names it and its service. */
function policyOf(env: Env, root: Entry | undefined, environments: Environments): { pointerKey: string; env: Env } {
  const standard = isSet(env.POLICY_POINTER) ? env.POLICY_POINTER : DEFAULT_POINTER
  const pointerKey = root?.pointer ?? standard
  const service = root?.service ?? (isSet(env.POLICY_SERVICE) ? env.POLICY_SERVICE : undefined)
  const key = JSON.stringify([pointerKey, service])
  const isStandard = pointerKey === standard && root?.service === undefined
  const chosen =
    environments.get(key) ??
    (isStandard
      ? env
      : { ...env, POLICY_POINTER: pointerKey, ...(service === undefined ? {} : { POLICY_SERVICE: service }) })
  environments.set(key, chosen)
  return { pointerKey, env: chosen }
}

const hasSingle = (env: Env): boolean => isSet(env.UPSTREAM) || env.REGISTRY !== undefined

/** The upstream of `UPSTREAM` or `REGISTRY`. */
function single(env: Env): Upstream {
  if (!hasSingle(env)) {
    throw invalid('UPSTREAM', 'is missing: set it to the URL of the registry behind the gate')
  }
  const url = httpUrl('UPSTREAM', isSet(env.UPSTREAM) ? env.UPSTREAM : 'https://registry.binding')
  return open(env, idOf({}), url, env.REGISTRY, {
    authorization: env.UPSTREAM_AUTHORIZATION,
    username: env.UPSTREAM_USERNAME,
    password: env.UPSTREAM_PASSWORD,
  })
}

function listed(env: Env, entry: Entry): Upstream {
  const { binding, url, label } = entry
  const service: unknown = binding === undefined ? undefined : Reflect.get(env, binding)
  if (binding !== undefined && !isFetcher(service)) {
    throw invalid(`${label}.binding`, `names ${binding}, which is not a service binding of this Worker`)
  }
  const upstream = open(env, idOf(entry), url, isFetcher(service) ? service : undefined, {
    authorization: namedSecret(env, entry, 'authorization', entry.authorization),
    username: namedSecret(env, entry, 'username', entry.username),
    password: namedSecret(env, entry, 'password', entry.password),
  })
  return entry.stripPrefix ? { ...upstream, named: (request) => withoutPrefix(request, entry.prefix) } : upstream
}

/** No two entries of a table have the same host and prefix; `REGISTRY` and `UPSTREAM` have neither. */
const idOf = ({ host, prefix, binding }: Partial<Entry>): string => JSON.stringify([host ?? '*', prefix ?? '', binding])

const open = (env: Env, id: string, url: URL, service: Fetching | undefined, credential: CredentialTexts): Upstream =>
  openUpstream({
    id,
    url,
    fetch: (to, init) => (service === undefined ? fetch(to, init) : service.fetch(to, init)),
    timeoutMs: settingsOf(env).upstreamTimeoutMs,
    authHosts: readAuthHosts(env.UPSTREAM_AUTH_HOSTS),
    credential,
  })

/** The request for an upstream whose names lack the prefix. Only repositories with the prefix come here. */
function withoutPrefix(request: RegistryRequest, prefix: string): RegistryRequest {
  if (!('name' in request) || request.name === undefined) return request
  const name = stripped(request.name, prefix)
  switch (request.operation) {
    case 'mountBlob':
      return { ...request, name, from: stripped(request.from, prefix) }
    case 'metadata': {
      const start = /^\/acr\/v1\/(?:_deleted\/)?/.exec(request.path)?.[0].length ?? 0
      const path = request.path.slice(0, start) + request.path.slice(start + prefix.length)
      return { ...request, name, path }
    }
    default:
      return { ...request, name }
  }
}

function stripped(name: RepositoryName, prefix: string): RepositoryName {
  const rest = parseRepositoryName(name.slice(prefix.length))
  if (!name.startsWith(prefix) || !rest.ok) throw new Error('a repository came to an upstream that has no name for it')
  return rest.value
}

type Fetching = Pick<Fetcher, 'fetch'>

const isFetcher = (value: unknown): value is Fetching =>
  typeof value === 'object' && value !== null && 'fetch' in value && typeof value.fetch === 'function'
