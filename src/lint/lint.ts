/**
 * What a lint is: a remark on policies that are valid and yet may not mean what their author thinks. A lint is a warning and
 * never an error; it reads the policy set and its compiled form, and changes neither.
 */
import type { CompiledPolicy } from '../policy/decide/compiled.ts'
import type { EpochSeconds, PolicySet, Source } from '../policy/model.ts'
import type { Principal } from '../policy/principal.ts'

/** A policy set, and what a lint may know of it. */
export type Subject = {
  readonly policies: PolicySet
  /** Of `policies`. */
  readonly compiled: CompiledPolicy
  /** The decision tests of the same folder. */
  readonly tests: readonly { readonly as: Principal; readonly source: Source }[]
  readonly now: EpochSeconds
}

/** One place that a lint found. */
export type Finding = {
  readonly source: Source
  /** What is odd here. */
  readonly message: string
  /** What to do about this one, where it is known better than the lint's {@link Lint.fix}. */
  readonly hint?: string
}

/** A lint: its code, what it explains, and how it looks. */
export type Lint = {
  /** Stable, for scripts. */
  readonly id: string
  /** What it finds and why that matters, in one sentence. */
  readonly explanation: string
  /** What to do about it. */
  readonly fix: string
  /** In time about proportional to the number of rules. */
  readonly find: (subject: Subject) => Iterable<Finding>
}
