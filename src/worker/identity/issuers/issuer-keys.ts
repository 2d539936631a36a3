/**
 * The keys of an issuer: inline in the policy, or read from the issuer. Also checks whether the key that once verified a JWT
 * is still one of them.
 */
import type { IssuerRule, VerifiedBy } from '../../../identity/federation.ts'
import type { EpochSeconds } from '../../../policy/model.ts'
import { type KeySet, parseKeySet, type WantedKey } from './key-set.ts'
import { type KeyAccess, REFRESH_BEHIND_SECONDS, remoteKeys, sourceOf } from './remote-keys.ts'

/** The keys of one issuer. */
export type IssuerKeys = {
  readonly set: KeySet
  /** Where and when the keys were read; absent for inline keys. */
  readonly read?: VerifiedBy['read']
  /** When the keys must be read again, exclusive. Absent: when the policy changes. */
  readonly until?: EpochSeconds
}

const inlineKeys = new WeakMap<IssuerRule, Promise<KeySet>>()

/**
 * The keys of an issuer.
 *
 * @param wanted the key that is needed; if it is unknown, remote keys are read again
 * @throws Fault `issuer_unavailable` when there are no keys that may be used
 */
export async function keysOf(issuer: IssuerRule, wanted: WantedKey, access: KeyAccess): Promise<IssuerKeys> {
  if (issuer.jwks === undefined) {
    const { set, readAt, until } = await remoteKeys(issuer, wanted, access)
    return { set, read: { from: sourceOf(issuer), at: readAt }, until }
  }
  const known = inlineKeys.get(issuer) ?? parseKeySet(issuer.jwks)
  inlineKeys.set(issuer, known)
  return { set: await known }
}

/** A key that is still valid, and when to check it again. */
export type CountingKey = { readonly key: VerifiedBy; readonly until?: EpochSeconds }

/**
 * The key that verified a JWT, if it is still a key of its issuer; undefined if it is not. A key that the gate read less
 * than ten minutes ago is not checked again, so that a new token can be used while its issuer is down.
 *
 * @throws Fault `issuer_unavailable` when the key must be checked and the issuer cannot be read
 */
export async function stillCounts(
  key: VerifiedBy,
  issuer: IssuerRule,
  access: KeyAccess,
): Promise<CountingKey | undefined> {
  const { thumbprint, algorithm, read: known } = key
  if (issuer.jwks === undefined && known?.from === sourceOf(issuer)) {
    const until = known.at + REFRESH_BEHIND_SECONDS
    if (access.now < until) return { key, until }
  }
  const { set, read, until } = await keysOf(issuer, { thumbprint, algorithm }, access)
  if (!set.has({ thumbprint, algorithm })) return undefined
  return {
    key: { thumbprint, algorithm, ...(read === undefined ? {} : { read }) },
    ...(until === undefined ? {} : { until }),
  }
}
