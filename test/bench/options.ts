/** What one run of the bench measures. */
export type BenchOptions = {
  /** Fewer and shorter rounds: to see whether the bench works, not how fast anything is. */
  readonly quick: boolean
  /** Also sizes that take minutes. */
  readonly million: boolean
}
