/**
 * The keys of an issuer, wherever they are: inline in the policy, or read from the issuer. Answers whether the key that once
 * verified a JWT is still one of them.
 */
import type { IssuerRule, VerifiedBy } from '../../../identity/federation.ts'
import type { EpochSeconds } from '../../../policy/model.ts'
import type { Background } from '../../platform/background.ts'
import { type KeySet, parseKeySet, type WantedKey } from './key-set.ts'
import { REFRESH_BEHIND_SECONDS, remoteKeys, sourceOf } from './remote-keys.ts'
import type { Sealing } from './shared-keys.ts'

export type IssuerKeys = {
  readonly set: KeySet
  /** Where and when they were read; absent for inline keys. */
  readonly read?: VerifiedBy['read']
  /** Exclusive: from then on they must be asked for again. Absent: they hold as long as the policy. */
  readonly until?: EpochSeconds
}

const inlineKeys = new WeakMap<IssuerRule, Promise<KeySet>>()

/** @throws Fault `issuer_unavailable` when there are no keys that may be used */
export async function keysOf(
  issuer: IssuerRule,
  wanted: WantedKey,
  ctx: Background,
  now: EpochSeconds,
  sealing: Sealing,
): Promise<IssuerKeys> {
  if (issuer.jwks === undefined) {
    const { set, readAt, until } = await remoteKeys(issuer, wanted, ctx, now, sealing)
    return { set, read: { from: sourceOf(issuer), at: readAt }, until }
  }
  const known = inlineKeys.get(issuer) ?? parseKeySet(issuer.jwks)
  inlineKeys.set(issuer, known)
  return { set: await known }
}

/** A key that counts, with what is known of it now. */
export type CountingKey = { readonly key: VerifiedBy; readonly until?: EpochSeconds }

/**
 * Whether the key that verified a JWT still counts for its issuer; nothing when it does not. A key that the gate read less
 * than ten minutes ago is not looked for again, so that a token does not need its issuer the moment after it was made.
 *
 * @throws Fault `issuer_unavailable` when it must be looked for and the issuer cannot be read
 */
export async function stillCounts(
  key: VerifiedBy,
  issuer: IssuerRule,
  ctx: Background,
  now: EpochSeconds,
  sealing: Sealing,
): Promise<CountingKey | undefined> {
  const { thumbprint, algorithm, read: known } = key
  if (issuer.jwks === undefined && known?.from === sourceOf(issuer)) {
    const until = known.at + REFRESH_BEHIND_SECONDS
    if (now < until) return { key, until }
  }
  const { set, read, until } = await keysOf(issuer, { thumbprint }, ctx, now, sealing)
  if (!set.has({ thumbprint })) return undefined
  return {
    key: { thumbprint, algorithm, ...(read === undefined ? {} : { read }) },
    ...(until === undefined ? {} : { until }),
  }
}
