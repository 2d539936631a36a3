/**
 * Why a command ends without its answer. Printed by `../main.ts` as `dockgate: error: …` and `dockgate: hint: …` on
 * standard error.
 */

/** 1: the answer is no, or the input is invalid; 2: wrong use; 3: an outside system failed. */
export type ExitStatus = 1 | 2 | 3

/** What a {@link CommandError} may hold in addition to its message. */
export type CommandErrorOptions = {
  /** What to do next. */
  readonly hint?: string
  /** Lines that belong to the message, such as those of another program. */
  readonly details?: readonly string[]
  readonly cause?: unknown
}

/** Ends a command with an exit status and a message for a person. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly status: ExitStatus
  readonly hint: string | undefined
  readonly details: readonly string[]

  /** @param message one line, lower case, no final period: what happened and where */
  constructor(status: ExitStatus, message: string, { hint, details = [], cause }: CommandErrorOptions = {}) {
    super(message, cause === undefined ? {} : { cause })
    this.status = status
    this.hint = hint
    this.details = details
  }
}
