/**
 * Which token services the gate may use for an upstream: one on the upstream's own host and port, or one that the operator
 * or this file allows for that upstream. A challenge alone never sends the gate's credential to another host.
 */
import { Fault } from '../platform/fault.ts'

/** Two public registries have their token service on another host. */
const BUILT_IN: readonly (readonly [upstream: string, service: string])[] = [
  ['registry-1.docker.io', 'auth.docker.io'],
  ['registry.gitlab.com', 'gitlab.com'],
]

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

/** `host` or `host:port`. */
const HOST = /^(?:[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/

/** The hosts of the allowed token services, by upstream host. */
export type AuthHosts = ReadonlyMap<string, ReadonlySet<string>>

/**
 * Reads `UPSTREAM_AUTH_HOSTS`: `upstream-host=auth-host`, separated by commas. A port is part of a host.
 *
 * @throws Fault `settings_invalid`
 */
export function readAuthHosts(text = ''): AuthHosts {
  const hosts = new Map<string, Set<string>>()
  const configured = text
    .split(',')
    .map((pair) => pair.trim().toLowerCase())
    .filter((pair) => pair !== '')
  for (const pair of [...BUILT_IN, ...configured.map((entry) => entry.split('='))]) {
    const [upstream = '', service = '', ...more] = pair
    if (more.length > 0 || !HOST.test(upstream) || !HOST.test(service)) {
      throw new Fault(
        'settings_invalid',
        'UPSTREAM_AUTH_HOSTS is wrong: write upstream-host=auth-host, several separated by commas',
      )
    }
    hosts.set(upstream, (hosts.get(upstream) ?? new Set()).add(service))
  }
  return hosts
}

/**
 * The URL of a realm if the gate may send its credential there.
 *
 * @param origin of the upstream
 * @throws Fault `upstream_unauthorized` when the realm is not allowed; the message says which setting would allow it
 */
export function admitRealm(realm: string, origin: string, authHosts: AuthHosts): URL {
  const url = URL.parse(realm)
  const upstream = new URL(origin)
  if (url === null || url.username !== '' || url.password !== '') {
    throw refused('its challenge names a token service that is not a plain URL')
  }
  const isOwn = url.hostname === upstream.hostname && portOf(url) === portOf(upstream)
  if (!isOwn && authHosts.get(upstream.host)?.has(url.host) !== true) {
    throw refused(
      `it sends the gate to a token service on ${url.host}, which is not allowed for it: if that is right, add ${upstream.host}=${url.host} to UPSTREAM_AUTH_HOSTS`,
    )
  }
  const mayBePlain = (isOwn && upstream.protocol === 'http:') || LOOPBACK.has(url.hostname)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && mayBePlain)) {
    throw refused(`its token service on ${url.host} does not use https`)
  }
  url.hash = ''
  return url
}

const portOf = ({ port, protocol }: URL): string => port || (protocol === 'https:' ? '443' : '80')

const refused = (why: string) => new Fault('upstream_unauthorized', `the gate cannot sign in to the registry: ${why}`)
