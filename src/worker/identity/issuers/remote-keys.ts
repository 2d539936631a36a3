/**
 * Remote keys of issuers: found by OIDC discovery or at `jwksUri`, cached in the isolate, and read again in the background.
 * While an issuer is down, its last keys stay valid for a day. A flood of unknown keys causes one request a minute. The gate
 * sends requests only to issuers that the policy names.
 *
 * Sources: OpenID Connect Discovery 1.0 section 4; RFC 8725 section 3.10.
 */
import { isRecord } from '../../../base/json.ts'
import type { IssuerRule } from '../../../identity/federation.ts'
import type { EpochSeconds } from '../../../policy/model.ts'
import type { Background } from '../../platform/background.ts'
import { Fault } from '../../platform/fault.ts'
import { issuerKeysReadAt } from '../../platform/metrics.ts'
import { TIMED_OUT, within } from '../../platform/timeout.ts'
import { fetchJson } from './fetch-json.ts'
import { type KeySet, parseKeySet, type WantedKey } from './key-set.ts'
import { recall, type Sealing, share } from './shared-keys.ts'

/** Younger keys are used as they are. */
export const FRESH_SECONDS = 300
/**
 * Younger keys are used, and read again in the background. Older keys are read again before the response. A key that the
 * issuer withdrew is refused after this time at the latest, if the issuer can be reached.
 */
export const REFRESH_BEHIND_SECONDS = 600
/** Younger keys are used while the issuer cannot be read. */
export const STALE_SECONDS = 86_400
/** Time between two attempts while there are keys, whatever key is wanted. */
export const COOLDOWN_SECONDS = 60
/** Time between two attempts while there are no keys. */
export const RETRY_SECONDS = 10
/** Timeout of discovery and keys together. */
export const TIMEOUT_MS = 5000
/** How long to wait for a read of another request. If that request has ended, its read may never settle. */
const WAIT_MS = TIMEOUT_MS + 1000

type Entry = {
  keys?: { readonly set: KeySet; readonly readAt: EpochSeconds }
  attemptedAt: EpochSeconds
  failure?: unknown
  reading?: Promise<void>
}

/** By source of the keys. The policy bounds their number. */
const entries = new Map<string, Entry>()

/** What reading keys depends on besides the issuer. */
export type KeyAccess = {
  readonly ctx: Background
  readonly now: EpochSeconds
  /** Seals what isolates share. */
  readonly sealing: Sealing
}

/** Keys as they were read. */
export type RemoteKeys = {
  readonly set: KeySet
  readonly readAt: EpochSeconds
  /** When the keys must be read again, exclusive. */
  readonly until: EpochSeconds
}

/**
 * The keys of an issuer without inline keys. They are read again if the wanted key is unknown.
 *
 * @throws Fault `issuer_unavailable` when there are no keys that may be used
 */
export async function remoteKeys(issuer: IssuerRule, wanted: WantedKey, access: KeyAccess): Promise<RemoteKeys> {
  const { now } = access
  const source = sourceOf(issuer)
  const entry = entries.get(source) ?? { attemptedAt: Number.NEGATIVE_INFINITY }
  entries.set(source, entry)
  const { keys } = entry
  const age = keys === undefined ? Number.POSITIVE_INFINITY : now - keys.readAt
  if (keys?.set.has(wanted) && age < REFRESH_BEHIND_SECONDS) {
    if (age >= FRESH_SECONDS) read(entry, issuer, wanted, access)
    return { ...keys, until: keys.readAt + REFRESH_BEHIND_SECONDS }
  }
  await wait(read(entry, issuer, wanted, access), entry)
  if (entry.keys !== undefined && now - entry.keys.readAt < STALE_SECONDS) {
    const until = entry.keys.readAt + REFRESH_BEHIND_SECONDS
    // While the issuer cannot be read, old keys are valid until the next attempt.
    return { ...entry.keys, until: now < until ? until : entry.attemptedAt + COOLDOWN_SECONDS }
  }
  throw new Fault(
    'issuer_unavailable',
    `the keys of the issuer ${issuer.name} cannot be read from ${source}; try again, or give them inline as jwks`,
    { cause: entry.failure },
  )
}

/** Where the keys of an issuer are read from. Keys are cached by it. */
export const sourceOf = ({ issuer, jwksUri }: IssuerRule): string => jwksUri ?? `${issuer} by discovery`

/** Starts to read the keys. Undefined if the last attempt was too recent; the running read if there is one. */
function read(entry: Entry, issuer: IssuerRule, wanted: WantedKey, access: KeyAccess): Promise<void> | undefined {
  const { ctx, now } = access
  if (entry.reading !== undefined) return entry.reading
  if (now - entry.attemptedAt < (entry.keys === undefined ? RETRY_SECONDS : COOLDOWN_SECONDS)) return undefined
  entry.attemptedAt = now
  const reading = readKeys(entry, issuer, wanted, access)
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

/** Takes the keys that another isolate read if they are fresh and have the wanted key; else reads them from the issuer. */
async function readKeys(entry: Entry, issuer: IssuerRule, wanted: WantedKey, access: KeyAccess): Promise<void> {
  const { ctx, now, sealing } = access
  const source = sourceOf(issuer)
  if (entry.keys === undefined) {
    const shared = await recall(source, sealing, now)
    if (shared !== undefined) entry.keys = { set: await parseKeySet(shared.document), readAt: shared.readAt }
    if (entry.keys?.set.has(wanted) && now - entry.keys.readAt < FRESH_SECONDS) return
  }
  const document = await fetchDocument(issuer)
  entry.keys = { set: await parseKeySet(document), readAt: now }
  issuerKeysReadAt.set(issuer.name, now)
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
  if (!isRecord(document) || document.issuer !== issuer) throw new Error(`${address} is the document of another issuer`)
  if (typeof document.jwks_uri !== 'string') throw new Error(`${address} has no jwks_uri`)
  return document.jwks_uri
}
