/**
 * Runs the `dockgate` command, and tells by its exit status how that went: 0 yes or valid, 1 no or invalid, 2 wrong use,
 * 3 an outside system failed.
 */
import { CommanderError } from 'commander'
import { program } from './program.ts'
import { CommandError } from './terminal/command-error.ts'
import * as output from './terminal/output.ts'

/** Commander writes `(Did you mean --json?)`. */
const readSuggestion = (text: string): string => text.replace(/^\(Did/, 'did').replace(/\)$/, '')

async function main(argv: readonly string[]): Promise<number> {
  try {
    await (await program(argv)).parseAsync(argv, { from: 'user' })
    return Number(process.exitCode ?? 0)
  } catch (cause) {
    return report(cause)
  }
}

/** @returns the exit status */
function report(cause: unknown): number {
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
    output.note(cause.details.map((line) => `    ${line}`))
    if (cause.hint !== undefined) output.hint(cause.hint)
    return cause.status
  }
  const [first = '', ...stack] = (cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)).split('\n')
  output.error(`unexpected fault: ${first}`)
  output.note(stack)
  return 3
}

// Node would print these itself, with whatever they quote.
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.once(event, (cause) => {
    process.exitCode = report(cause)
    void output.flush().finally(() => process.exit())
  })
}

const status = await main(process.argv.slice(2))
const unwritten = await output.flush()
if (unwritten !== undefined) {
  output.error(unwritten)
  output.hint('free some space or name another file, then run the command again')
}
process.exitCode = unwritten === undefined ? status : 3
