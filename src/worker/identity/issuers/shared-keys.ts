/**
 * Key sets that another isolate of the same place read: a second chance for a young isolate, above all while the issuer is
 * down. Kept in a cache that no request can reach, and sealed, since other Workers of the zone may write to it: whoever
 * could plant a key there could sign in as anybody. Best effort: where there is no cache, or it fails, there is nothing.
 */
import { isRecord } from '../../../identity/federation.ts'
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
  // Node has none.
  const caches: unknown = Reflect.get(globalThis, 'caches')
  return isCaches(caches) ? caches.open('dockgate-issuers') : undefined
}

const keyOf = async (source: string): Promise<string> => `https://issuers.dockgate.invalid/${await sha256Hex(source)}`

/** Gives the seal, or throws where there is no key for one. */
export type Sealing = () => Seal

const contextOf = (source: string): SealContext => ({ purpose: 'issuer keys', source })

/** @param source where the keys come from */
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

/** Never rejects. */
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
    // The next isolate asks the issuer itself.
  }
}
