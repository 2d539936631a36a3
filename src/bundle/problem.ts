/** Why a bundle, or a part of one, cannot be used. A value, so that the gate can keep the last good one and say why. */

/** Stable codes of what may be wrong with a bundle. docs/operations.md explains each of them. */
export type BundleProblemCode =
  /** Nothing under the pointer's key. */
  | 'pointer_missing'
  /** Not a signed manifest, or not of the shape that its format asks for. */
  | 'manifest_malformed'
  /** Made by another version of the format than this code reads. */
  | 'format_unsupported'
  /** Signed by a key that is not among the public keys. */
  | 'key_unknown'
  | 'signature_invalid'
  /** Signed for another pointer key than the one under which it was found. */
  | 'pointer_mismatch'
  /** Signed for another service than the gate's. */
  | 'service_mismatch'
  | 'expired'
  /** Made later than this clock says, beyond the leeway. */
  | 'not_yet_valid'
  /** An older bundle than the one in force: a replay, or a pointer that went back. A roll-back has a new serial. */
  | 'serial_backwards'
  /** The serial of the bundle in force with other content. */
  | 'serial_conflict'
  | 'shard_missing'
  /** The bytes are not those that the signed manifest names. */
  | 'shard_digest'
  | 'shard_malformed'
  /** The store threw or did not answer in time. */
  | 'store_unavailable'
  /** The public keys themselves cannot be read. */
  | 'keys_invalid'

/** Why a bundle cannot take effect: a stable code, and a message for the operator. */
export type BundleProblem = {
  readonly code: BundleProblemCode
  /** What happened and what to do about it; never a secret. */
  readonly message: string
}
