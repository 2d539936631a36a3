/**
 * An issuer's keys that live elsewhere: found by OIDC discovery or at `jwksUri`, kept in the isolate, read again behind the
 * answer. An issuer that is down is survived for a day with the keys it had; a flood of unknown keys reaches it once a
 * minute. Only issuers that the policy names are ever asked.
 *
 * Sources: OpenID Connect Discovery 1.0 section 4; RFC 8725 section 3.10.
 */
import { type IssuerRule, isRecord } from '../../../identity/federation.ts'
import type { EpochSeconds } from '../../../policy/model.ts'
import type { Background } from '../../platform/background.ts'
import { Fault } from '../../platform/fault.ts'
import { TIMED_OUT, within } from '../../platform/timeout.ts'
import { fetchJson } from './fetch-json.ts'
import { type KeySet, parseKeySet, type WantedKey } from './key-set.ts'
import { recall, type Sealing, share } from './shared-keys.ts'

/** Up to here keys are used as they are. */
export const FRESH_SECONDS = 300
/**
 * Up to here they are used and read again behind the answer; older ones are read again before it. A key that the issuer
 * withdrew counts no longer than this, as long as the issuer can be reached.
 */
export const REFRESH_BEHIND_SECONDS = 600
/** Up to here they are used while the issuer cannot be read. */
export const STALE_SECONDS = 86_400
/** Between two attempts while there are keys, whatever key is wanted. */
export const COOLDOWN_SECONDS = 60
/** Between two attempts while there are none. */
export const RETRY_SECONDS = 10
/** For discovery and keys together. */
export const TIMEOUT_MS = 5000
/** Waiting for a read that another request began, and may have taken with it when it ended. */
const WAIT_MS = TIMEOUT_MS + 1000

type Entry = {
  keys?: { readonly set: KeySet; readonly readAt: EpochSeconds }
  attemptedAt: EpochSeconds
  failure?: unknown
  reading?: Promise<void>
}

/** By where the keys come from; the policy's authors bound their number. */
const entries = new Map<string, Entry>()

/** Keys as they were read. */
export type RemoteKeys = {
  readonly set: KeySet
  readonly readAt: EpochSeconds
  /** Exclusive: from then on they must be asked for again. */
  readonly until: EpochSeconds
}

/**
 * The keys of an issuer without inline keys, read again when the wanted one is unknown.
 *
 * @param sealing for what isolates share
 * @throws Fault `issuer_unavailable` when there are none that may be used
 */
export async function remoteKeys(
  issuer: IssuerRule,
  wanted: WantedKey,
  ctx: Background,
  now: EpochSeconds,
  sealing: Sealing,
): Promise<RemoteKeys> {
  const source = sourceOf(issuer)
  const entry = entries.get(source) ?? { attemptedAt: Number.NEGATIVE_INFINITY }
  entries.set(source, entry)
  const { keys } = entry
  const age = keys === undefined ? Number.POSITIVE_INFINITY : now - keys.readAt
  if (keys?.set.has(wanted) && age < REFRESH_BEHIND_SECONDS) {
    if (age >= FRESH_SECONDS) read(entry, issuer, wanted, ctx, now, sealing)
    return { ...keys, until: keys.readAt + REFRESH_BEHIND_SECONDS }
  }
  await wait(read(entry, issuer, wanted, ctx, now, sealing), entry)
  if (entry.keys !== undefined && now - entry.keys.readAt < STALE_SECONDS) {
    const until = entry.keys.readAt + REFRESH_BEHIND_SECONDS
    // While the issuer cannot be read, old keys count until the next attempt.
    return { ...entry.keys, until: now < until ? until : entry.attemptedAt + COOLDOWN_SECONDS }
  }
  throw new Fault(
    'issuer_unavailable',
    `the keys of the issuer ${issuer.name} cannot be read from ${source}; try again, or give them inline as jwks`,
    { cause: entry.failure },
  )
}

/** Where the keys of an issuer are read from: another place may have other keys. */
export const sourceOf = ({ issuer, jwksUri }: IssuerRule): string => jwksUri ?? `${issuer} by discovery`

/** Begin to read the keys, unless that is under way or was tried a moment ago. */
function read(
  entry: Entry,
  issuer: IssuerRule,
  wanted: WantedKey,
  ctx: Background,
  now: EpochSeconds,
  sealing: Sealing,
): Promise<void> | undefined {
  if (entry.reading !== undefined) return entry.reading
  if (now - entry.attemptedAt < (entry.keys === undefined ? RETRY_SECONDS : COOLDOWN_SECONDS)) return undefined
  entry.attemptedAt = now
  const reading = readKeys(entry, issuer, wanted, ctx, now, sealing)
    .catch((error: unknown) => {
      entry.failure = error
    })
    .finally(() => {
      if (entry.reading === reading) delete entry.reading
    })
  entry.reading = reading
  ctx.waitUntil(reading)
  return reading
}

/** From what another isolate read, if that will do; else from the issuer. */
async function readKeys(
  entry: Entry,
  issuer: IssuerRule,
  wanted: WantedKey,
  ctx: Background,
  now: EpochSeconds,
  sealing: Sealing,
): Promise<void> {
  const source = sourceOf(issuer)
  if (entry.keys === undefined) {
    const shared = await recall(source, sealing, now)
    if (shared !== undefined) entry.keys = { set: await parseKeySet(shared.document), readAt: shared.readAt }
    if (entry.keys?.set.has(wanted) && now - entry.keys.readAt < FRESH_SECONDS) return
  }
  const document = await fetchDocument(issuer)
  entry.keys = { set: await parseKeySet(document), readAt: now }
  delete entry.failure
  ctx.waitUntil(share(source, sealing, { document, readAt: now }, STALE_SECONDS))
}

async function wait(reading: Promise<void> | undefined, entry: Entry): Promise<void> {
  if (reading === undefined) return
  const late = (await within(WAIT_MS, reading)) === TIMED_OUT
  if (late && entry.reading === reading) delete entry.reading
}

async function fetchDocument(issuer: IssuerRule): Promise<unknown> {
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  return fetchJson(issuer.jwksUri ?? (await discover(issuer.issuer, signal)), signal)
}

async function discover(issuer: string, signal: AbortSignal): Promise<string> {
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const document = await fetchJson(address, signal)
  if (!isRecord(document) || document.issuer !== issuer) throw new Error(`${address} speaks for another issuer`)
  if (typeof document.jwks_uri !== 'string') throw new Error(`${address} names no jwks_uri`)
  return document.jwks_uri
}
