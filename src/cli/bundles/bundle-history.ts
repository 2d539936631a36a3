/**
 * The bundles of a store: the live one under the pointer, and every pushed manifest under the pointer's name and its
 * serial, so that a roll-back can bring its content back.
 */
import type { VerificationKeys } from '../../bundle/keys.ts'
import type { Manifest } from '../../bundle/manifest.ts'
import type { BundleProblem, BundleProblemCode } from '../../bundle/problem.ts'
import { decodeOutline, type VerifiedManifest, verifyManifest } from '../../bundle/verify.ts'
import { CommandError } from '../terminal/command-error.ts'
import type { Kv } from './kv.ts'

/** The store key of the record of one bundle. */
export const historyKey = (pointer: string, serial: number): string => `${pointer}:${serial}`

/** A verified manifest and its text as it is stored. */
export type Stored = VerifiedManifest & { readonly text: string }

/** Which bundle of a pointer is wanted. */
export type Wanted = {
  /** That of a record; default: the bundle in force. */
  readonly serial?: number
  /** The service for which it must have been signed; default: any. */
  readonly service?: string
}

/**
 * The bundle in force under a pointer, or a record of one; nothing when the key is not there. It was signed by one of these
 * keys for this pointer, whatever key it lies under.
 *
 * @throws {@link CommandError} 1 when these keys and this version cannot vouch for the bundle, or not here
 */
export async function readBundle(
  kv: Kv,
  pointer: string,
  keys: VerificationKeys,
  { serial, service }: Wanted = {},
): Promise<Stored | undefined> {
  const key = serial === undefined ? pointer : historyKey(pointer, serial)
  const text = await kv.get(key)
  return text === undefined
    ? undefined
    : openBundle(kv, key, text, keys, { pointer, ...(service === undefined ? {} : { service }) })
}

/**
 * The bundle in the text of a value. It was signed by one of these keys for this pointer and, if given, this service.
 *
 * @param key where the text was found, for the message
 * @throws {@link CommandError} 1 as {@link readBundle}
 */
export async function openBundle(
  kv: Pick<Kv, 'place'>,
  key: string,
  text: string,
  keys: VerificationKeys,
  context: { readonly pointer: string; readonly service?: string },
): Promise<Stored> {
  const verified = await verifyManifest(text, keys, context)
  if (verified.ok) return { ...verified.value, text }
  throw new UntrustedBundle(kv.place, key, verified.error)
}

/** A bundle that cannot be vouched for. */
export class UntrustedBundle extends CommandError {
  readonly code: BundleProblemCode

  constructor(place: string, key: string, { code, message }: BundleProblem) {
    super(1, `${place} has a bundle under '${key}' that is not to be trusted: ${message}`)
    this.code = code
  }
}

/** The serials that can be rolled back to, newest first. */
export const serialsOf = async (kv: Kv, pointer: string): Promise<readonly number[]> =>
  serialsIn(await kv.list(`${pointer}:`), pointer)

/** The same among keys at hand. */
export function serialsIn(keys: readonly string[], pointer: string): readonly number[] {
  const prefix = `${pointer}:`
  const serials = keys
    .filter((key) => key.startsWith(prefix))
    .map((key) => key.slice(prefix.length))
    .filter((rest) => /^\d{1,15}$/.test(rest))
  return serials.map(Number).sort((a, b) => b - a)
}

/** How far a serial may run ahead of the clock, in seconds: a bundle that nobody vouches for could claim any number. */
const SERIAL_LEAD = 86_400

/** The serial that a bundle claims which these keys cannot vouch for: good for going above it, and for nothing else. */
export async function claimedSerial(kv: Kv, pointer: string, now: number): Promise<Pick<Manifest, 'serial'>> {
  const claimed = decodeOutline((await kv.get(pointer)) ?? '')
  return { serial: claimed.ok && claimed.value.serial <= now + SERIAL_LEAD ? claimed.value.serial : 0 }
}

/** Rises with every push; the clock keeps it rising also when the store has lost its memory. */
export const nextSerial = (previous: Pick<Manifest, 'serial'> | undefined, now: number): number =>
  Math.max((previous?.serial ?? 0) + 1, now)

/** Do two manifests say the same? */
export const sameContent = (a: Manifest, b: Manifest): boolean =>
  a.bits === b.bits && a.shards === b.shards && JSON.stringify(a.common) === JSON.stringify(b.common)
