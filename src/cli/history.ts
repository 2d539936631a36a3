/**
 * The bundles of a store: the live one under the pointer, and every pushed manifest under the pointer's name and its
 * serial, so that a roll-back can bring its content back.
 */
import type { VerificationKeys } from '../bundle/keys.ts'
import type { Manifest } from '../bundle/manifest.ts'
import { decodeManifest, type VerifiedManifest, verifyManifest } from '../bundle/verify.ts'
import { CommandError } from './command-error.ts'
import type { Kv } from './kv.ts'

export const historyKey = (pointer: string, serial: number): string => `${pointer}:${serial}`

export type Stored = VerifiedManifest & { readonly text: string }

/**
 * The bundle under a key; nothing when the key is not there.
 *
 * @throws {@link CommandError} 1 when its signature, or its format, is not what these keys and this version can vouch for
 */
export async function readBundle(kv: Kv, key: string, keys: VerificationKeys): Promise<Stored | undefined> {
  const text = await kv.get(key)
  if (text === undefined) return undefined
  const verified = await verifyManifest(text, keys)
  if (verified.ok) return { ...verified.value, text }
  throw new CommandError(
    1,
    `${kv.place} has a bundle under '${key}' that is not to be trusted: ${verified.error.message}`,
  )
}

/** The serials that can be rolled back to, newest first. */
export async function serialsOf(kv: Kv, pointer: string): Promise<readonly number[]> {
  const prefix = `${pointer}:`
  const serials = (await kv.list(prefix))
    .map((key) => key.slice(prefix.length))
    .filter((rest) => /^\d{1,15}$/.test(rest))
  return serials.map(Number).sort((a, b) => b - a)
}

/** How far a serial may run ahead of the clock, in seconds: a bundle that nobody vouches for could claim any number. */
const SERIAL_LEAD = 86_400

/** The serial that a bundle claims which these keys cannot vouch for: good for going above it, and for nothing else. */
export async function claimedSerial(kv: Kv, pointer: string, now: number): Promise<Pick<Manifest, 'serial'>> {
  const claimed = decodeManifest((await kv.get(pointer)) ?? '')
  return { serial: claimed.ok && claimed.value.serial <= now + SERIAL_LEAD ? claimed.value.serial : 0 }
}

/** Rises with every push; the clock keeps it rising also when the store has lost its memory. */
export const nextSerial = (previous: Pick<Manifest, 'serial'> | undefined, now: number): number =>
  Math.max((previous?.serial ?? 0) + 1, now)

/** Do two manifests say the same? */
export const sameContent = (a: Manifest, b: Manifest): boolean =>
  a.bits === b.bits && a.shards === b.shards && JSON.stringify(a.common) === JSON.stringify(b.common)
