/**
 * Runs the `dockgate` command, and tells by its exit status how that went: 0 yes or valid, 1 no or invalid, 2 wrong use,
 * 3 an outside system failed.
 */
import { CommanderError } from 'commander'
import { CommandError } from './command-error.ts'
import * as output from './output.ts'
import { program } from './program.ts'

/** Commander writes `(Did you mean --json?)`. */
const readSuggestion = (text: string): string => text.replace(/^\(Did/, 'did').replace(/\)$/, '')

async function main(argv: readonly string[]): Promise<number> {
  try {
    await (await program(argv[0])).parseAsync(argv, { from: 'user' })
    return Number(process.exitCode ?? 0)
  } catch (cause) {
    if (cause instanceof CommanderError) {
      if (cause.exitCode === 0) return 0
      // Without a subcommand the help was printed, to standard error.
      if (cause.code === 'commander.help') return 2
      const [message = '', suggestion] = cause.message.replace(/^error: /, '').split('\n')
      output.error(message)
      output.hint(suggestion === undefined ? 'see `dockgate --help`' : readSuggestion(suggestion))
      return 2
    }
    if (cause instanceof CommandError) {
      output.error(cause.message)
      if (cause.hint !== undefined) output.hint(cause.hint)
      return cause.status
    }
    output.error(`unexpected fault: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`)
    return 3
  }
}

process.exitCode = await main(process.argv.slice(2))
