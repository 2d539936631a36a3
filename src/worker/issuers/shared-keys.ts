/**
 * Key sets that another isolate of the same place read: a second chance for a young isolate, above all while the issuer is
 * down. Kept in a cache of our own that no request can reach. Best effort: where there is no cache, or it fails, there is
 * simply nothing.
 */
import { isRecord } from '../../identity/federation.ts'
import type { EpochSeconds } from '../../policy/model.ts'
import { sha256Hex } from '../sha256.ts'

/** A JWKS as it was read, and when. */
export type SharedDocument = { readonly document: unknown; readonly readAt: EpochSeconds }

type Cache = {
  match(url: string): Promise<Response | undefined>
  put(url: string, response: Response): Promise<unknown>
}
type Caches = { open(name: string): Promise<Cache> }

const isCaches = (value: unknown): value is Caches => typeof value === 'object' && value !== null && 'open' in value

async function openCache(): Promise<Cache | undefined> {
  // Node has none.
  const caches: unknown = Reflect.get(globalThis, 'caches')
  return isCaches(caches) ? caches.open('dockgate-issuers') : undefined
}

const keyOf = (source: string): string => `https://issuers.dockgate.invalid/${sha256Hex(source)}`

/** @param source where the keys come from */
export async function recall(source: string, now: EpochSeconds): Promise<SharedDocument | undefined> {
  try {
    const answer = await (await openCache())?.match(keyOf(source))
    const content: unknown = await answer?.json()
    if (!isRecord(content) || typeof content.readAt !== 'number' || content.readAt > now) return undefined
    return { document: content.document, readAt: content.readAt }
  } catch {
    return undefined
  }
}

/** Never rejects. */
export async function share(source: string, shared: SharedDocument, maxAgeSeconds: number): Promise<void> {
  try {
    const answer = Response.json(shared, { headers: { 'cache-control': `max-age=${maxAgeSeconds}` } })
    await (await openCache())?.put(keyOf(source), answer)
  } catch {
    // The next isolate asks the issuer itself.
  }
}
