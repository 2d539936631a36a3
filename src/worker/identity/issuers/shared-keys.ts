/**
 * Key sets that another isolate of the same Cloudflare location read. They help a new isolate, above all while the issuer is
 * down. They are in a cache that no request can reach. They are sealed, because other Workers of the zone may write to the
 * cache, and a planted key would let its owner sign in as any caller. Best effort: without a cache nothing is shared.
 */
import { isRecord } from '../../../base/json.ts'
import type { EpochSeconds } from '../../../policy/model.ts'
import type { Seal, SealContext } from '../../platform/seal.ts'
import { sha256Hex } from '../../platform/sha256.ts'

/** A JWKS as it was read, and when. */
export type SharedDocument = { readonly document: unknown; readonly readAt: EpochSeconds }

type Cache = {
  match(url: string): Promise<Response | undefined>
  put(url: string, response: Response): Promise<unknown>
}
type Caches = { open(name: string): Promise<Cache> }

const isCaches = (value: unknown): value is Caches => typeof value === 'object' && value !== null && 'open' in value

async function openCache(): Promise<Cache | undefined> {
  // Node has no `caches`.
  const caches: unknown = Reflect.get(globalThis, 'caches')
  return isCaches(caches) ? caches.open('dockgate-issuers') : undefined
}

const keyOf = async (source: string): Promise<string> => `https://issuers.dockgate.invalid/${await sha256Hex(source)}`

/** Returns the seal; throws if no key exists. Called only when something must be sealed or opened. */
export type Sealing = () => Seal

const contextOf = (source: string): SealContext => ({ purpose: 'issuer keys', source })

/**
 * The document that another isolate shared; undefined if there is none. Never rejects.
 *
 * @param source where the keys come from
 */
export async function recall(source: string, sealing: Sealing, now: EpochSeconds): Promise<SharedDocument | undefined> {
  try {
    const answer = await (await openCache())?.match(await keyOf(source))
    if (answer === undefined) return undefined
    const content: unknown = JSON.parse((await sealing().open(await answer.text(), contextOf(source))) ?? '')
    if (!isRecord(content) || typeof content.readAt !== 'number' || content.readAt > now) return undefined
    return { document: content.document, readAt: content.readAt }
  } catch {
    return undefined
  }
}

/**
 * Shares a document with other isolates. Never rejects.
 *
 * @param source where the keys come from
 */
export async function share(
  source: string,
  sealing: Sealing,
  shared: SharedDocument,
  maxAgeSeconds: number,
): Promise<void> {
  try {
    const cache = await openCache()
    if (cache === undefined) return
    const sealed = await sealing().seal(JSON.stringify(shared), contextOf(source))
    const headers = { 'cache-control': `max-age=${maxAgeSeconds}` }
    await cache.put(await keyOf(source), new Response(sealed, { headers }))
  } catch {
    // Nothing is shared; the next isolate reads the keys from the issuer.
  }
}
