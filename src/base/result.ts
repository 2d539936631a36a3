/**
 * A value, or a refusal with its reason. Every parser of the pure rooms returns one. A fault (a dependency that failed) is
 * thrown as an error instead.
 */

/** A value of type `T`, or a refusal with the reason `E`. */
export type Result<T, E> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E }

/** The result of a success. */
export const ok = <T>(value: T): { readonly ok: true; readonly value: T } => ({
  ok: true,
  value,
})

/** The result of a refusal. */
export const err = <E>(error: E): { readonly ok: false; readonly error: E } => ({ ok: false, error })
