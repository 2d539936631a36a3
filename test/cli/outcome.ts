/** What a command says when it ends without its answer. Runs in this process. */
import { CommanderError } from 'commander'
import { program } from '../../src/cli/program.ts'
import { CommandError } from '../../src/cli/terminal/command-error.ts'

/** `exit 2: message (hint)`, as `src/cli/main.ts` reports it in three lines. */
export async function outcomeOf(run: Promise<unknown>): Promise<string> {
  try {
    await run
  } catch (cause) {
    if (cause instanceof CommandError) {
      const message = [cause.message, ...cause.details].join('\n    ')
      return `exit ${cause.status}: ${message}${cause.hint === undefined ? '' : ` (${cause.hint})`}`
    }
    if (cause instanceof CommanderError) return `exit 2: ${cause.message.replace(/^error: /, '')}`
    throw cause
  }
  return 'no error'
}

export const outcome = async (argv: readonly string[]): Promise<string> =>
  outcomeOf((await program(argv)).parseAsync([...argv], { from: 'user' }))
