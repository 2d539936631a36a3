/**
 * What is wrong with a policy set, and where. An error means that no policy exists; a warning that a part of the files
 * grants nothing, or not what it seems to. Never thrown: readers report and go on.
 */
import { compareCodeUnits } from '../base/text.ts'
import type { Source } from '../policy/model.ts'

/** One problem of a policy set, with its place. */
export type Problem = {
  readonly severity: 'error' | 'warning'
  /** Stable, for scripts and tests. */
  readonly code: string
  readonly source: Source
  /** What is wrong. */
  readonly message: string
  /** What would be right. */
  readonly hint?: string
}

/** What a parser complains of, before anybody knows the place. */
export type Complaint = Pick<Problem, 'code' | 'message' | 'hint'>

/** Makes a {@link Complaint}. */
export const complaint = (code: string, message: string, hint?: string): Complaint =>
  hint === undefined ? { code, message } : { code, message, hint }

/** Collects problems while files are read. */
export class Report {
  readonly #problems: Problem[] = []
  #errors = 0

  error(source: Source, { code, message, hint }: Complaint): void {
    this.#errors += 1
    this.#problems.push({ severity: 'error', code, source, message, ...(hint === undefined ? {} : { hint }) })
  }

  warning(source: Source, { code, message, hint }: Complaint): void {
    this.#problems.push({ severity: 'warning', code, source, message, ...(hint === undefined ? {} : { hint }) })
  }

  /** How many errors there are so far. */
  get errors(): number {
    return this.#errors
  }

  /** By file, line and column. */
  get problems(): readonly Problem[] {
    return this.#problems.toSorted(
      (a, b) =>
        compareCodeUnits(a.source.file, b.source.file) ||
        a.source.line - b.source.line ||
        a.source.column - b.source.column,
    )
  }
}

/** `file:line:column`, as editors and terminals link it. */
export const formatSource = ({ file, line, column }: Source): string => `${file}:${line}:${column}`
