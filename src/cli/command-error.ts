/**
 * Why a command ends without its answer. Printed by `./main.ts` as `dockgate: error: …` and `dockgate: hint: …` on
 * standard error.
 */

/** 1: the answer is no, or the input is invalid; 2: wrong use; 3: an outside system failed. */
export type ExitStatus = 1 | 2 | 3

export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly status: ExitStatus
  readonly hint: string | undefined

  /** @param message lower case, no final period: what happened and where; `hint` says what to do next */
  constructor(status: ExitStatus, message: string, options?: { hint?: string; cause?: unknown }) {
    super(message, options)
    this.status = status
    this.hint = options?.hint
  }
}
