/**
 * An upload's session: what the upstream's `Location` named, sealed into a path of the gate for one repository and one
 * caller. Altered, expired, or used elsewhere, it is a session that does not exist.
 *
 * Source: OCI distribution-spec 1.1, "Pushing a blob in chunks" (the `Location` is opaque, and may name any host).
 */
import type { RepositoryName } from '../registry/name.ts'
import { Fault } from './fault.ts'
import type { Seal } from './seal.ts'
import type { Upstream } from './upstream.ts'

/** How long an upload may rest between two of its requests: a day. */
export const SESSION_LIFETIME_SECONDS = 86_400
/** The longest session that the request grammar reads, in characters. */
const SESSION_MAX_LENGTH = 8192

export type SessionOwner = { readonly name: RepositoryName; readonly caller: string }

/** Where an upload goes on. `foreign` when that is another host than the upstream's own. */
export type SessionTarget = { readonly url: string; readonly foreign: boolean }

/** The upstream belongs to it: two of them may have repositories of one name. */
const contextOf = ({ name, caller }: SessionOwner, { origin }: Upstream) => ['upload', origin, name, caller]

/**
 * The gate's own `Location` for the upstream's. Throws `upstream_invalid` for a host that is neither the upstream's nor
 * allow-listed. The scheme is not compared: registries behind a load balancer often do not know theirs.
 *
 * @param requested URL that the upstream was asked for, against which a relative `Location` is read
 */
export async function sealSession(
  location: string,
  requested: string,
  upstream: Upstream,
  uploadHosts: ReadonlySet<string>,
  owner: SessionOwner,
  seal: Seal,
  now: number,
): Promise<string> {
  const url = URL.canParse(location, requested) ? new URL(location, requested) : undefined
  const own = url?.host === new URL(upstream.origin).host
  if (url === undefined || !(own || (url.protocol === 'https:' && uploadHosts.has(url.host)))) {
    throw new Fault('upstream_invalid', 'the registry continues an upload on a host that UPLOAD_HOSTS does not name')
  }
  const target = own ? `${url.pathname}${url.search}` : `${url.origin}${url.pathname}${url.search}`
  const expires = Math.floor(now) + SESSION_LIFETIME_SECONDS
  const session = await seal.seal(`${expires} ${target}`, contextOf(owner, upstream))
  if (session.length > SESSION_MAX_LENGTH) {
    throw new Fault('upstream_invalid', 'the registry names its upload by a URL that is too long to be carried')
  }
  return `/v2/${owner.name}/blobs/uploads/${session}`
}

/** Nothing for a session that was not sealed for this owner, is over, or names a host that is no longer allowed. */
export async function openSession(
  session: string,
  upstream: Upstream,
  uploadHosts: ReadonlySet<string>,
  owner: SessionOwner,
  seal: Seal,
  now: number,
): Promise<SessionTarget | undefined> {
  const text = await seal.open(session, contextOf(owner, upstream))
  if (text === undefined) return undefined
  const space = text.indexOf(' ')
  const target = text.slice(space + 1)
  if (Number(text.slice(0, space)) <= now) return undefined
  if (target.startsWith('/')) return { url: `${upstream.origin}${target}`, foreign: false }
  return uploadHosts.has(new URL(target).host) ? { url: target, foreign: true } : undefined
}
