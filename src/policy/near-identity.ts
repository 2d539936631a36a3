/** A federated identity that a caller is not, but for little. Who comes near one is for `src/identity` to say. */

/** A part of an identity's rule: a claim and its pattern, or `subject` and the exact one. */
export type UnmetRule = {
  readonly claim: string
  readonly wanted: string
  /** What the caller's token says; absent where nothing is said of it. */
  readonly value?: string
}

/** An identity that a caller almost matches, and the claims that differ. */
export type NearIdentity = {
  readonly name: string
  /** At least one. */
  readonly unmet: readonly UnmetRule[]
}
