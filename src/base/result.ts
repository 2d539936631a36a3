/**
 * A refusal is a value: the outcome of every parser in the pure rooms. Faults (a dependency that failed) are errors
 * instead, and never appear here.
 */
export type Result<T, E> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E }

export const ok = <T>(value: T): { readonly ok: true; readonly value: T } => ({
  ok: true,
  value,
})
export const err = <E>(error: E): { readonly ok: false; readonly error: E } => ({ ok: false, error })
