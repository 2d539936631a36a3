/**
 * An upload's session: what the upstream's `Location` named, sealed into a path of the gate for its whole context. Altered,
 * expired, or used in another context, it is a session that does not exist.
 *
 * Source: OCI distribution-spec 1.1, "Pushing a blob in chunks" (the `Location` is opaque, and may name any host).
 */
import type { EpochSeconds } from '../../policy/model.ts'
import { Fault } from '../platform/fault.ts'
import type { RequestContext, Seal } from '../platform/seal.ts'
import type { LocationForm } from './upload-target.ts'

/** How long an upload may rest between two of its requests: a day. */
export const SESSION_LIFETIME_SECONDS = 86_400
/** The longest session that the request grammar reads, in characters. */
const SESSION_MAX_LENGTH = 8192

/** Where an upload goes on. `isElsewhere`: on another host than the upstream's own. */
export type SessionTarget = { readonly url: string; readonly isElsewhere: boolean }

/** What a session is sealed for, with the seal and the time in seconds since the epoch. */
export type SessionScope = { readonly context: RequestContext; readonly seal: Seal; readonly now: EpochSeconds }

/** Shows a client that a further parameter follows an `&`; the grammar reads no such key, so it goes no further. */
const MARK = '?sealed=1'

/**
 * The gate's own `Location` for an upload, in the form that the upstream's had.
 *
 * @param target path and query on the upstream, or the whole URL on another host
 * @param origin of the gate, without a slash at the end
 * @throws Fault `upstream_invalid`
 */
export async function sealSession(
  { target, form }: { readonly target: string; readonly form: LocationForm },
  { context, seal, now }: SessionScope,
  origin: string,
): Promise<string> {
  const expires = Math.floor(now) + SESSION_LIFETIME_SECONDS
  const session = await seal.seal(`${expires} ${target}`, context)
  if (session.length > SESSION_MAX_LENGTH) {
    throw new Fault('upstream_invalid', 'the registry names its upload by a URL that is too long to be carried')
  }
  return `${form.isAbsolute ? origin : ''}${context.path}${session}${form.hasQuery ? MARK : ''}`
}

/** Undefined for a session that was not sealed for this context, has expired, or names a host that is not allowed any more. */
export async function openSession(
  session: string,
  { context, seal, now }: SessionScope,
  upstream: { readonly origin: string },
  uploadHosts: ReadonlySet<string>,
): Promise<SessionTarget | undefined> {
  const text = await seal.open(session, context)
  if (text === undefined) return undefined
  const space = text.indexOf(' ')
  const target = text.slice(space + 1)
  if (Number(text.slice(0, space)) <= now) return undefined
  if (target.startsWith('/')) return { url: `${upstream.origin}${target}`, isElsewhere: false }
  return uploadHosts.has(new URL(target).host) ? { url: target, isElsewhere: true } : undefined
}
