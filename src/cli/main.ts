/**
 * The `dockgate` command: subcommands, help, and what an exit status means. Each subcommand has its own file.
 *
 * Exit status: 0 yes or valid, 1 no or invalid, 2 wrong use, 3 an outside system failed.
 */
import { Command, CommanderError } from 'commander'
import packageJson from '../../package.json' with { type: 'json' }
import { canCommand } from './can.ts'
import { checkCommand } from './check.ts'
import { CommandError } from './command-error.ts'
import { devCommand } from './dev.ts'
import { diffCommand } from './diff.ts'
import { explainCommand } from './explain.ts'
import * as output from './output.ts'
import { probeCommand } from './probe.ts'
import { tokenCommand } from './token.ts'
import { whoCanCommand } from './who-can.ts'

const EXAMPLES = `
Examples:
  dockgate dev                                          run the gate here, in front of a registry of its own
  dockgate check                                        validate the policies and run their tests
  dockgate can token:ci content/write samples/app       ask for one decision
  dockgate explain token:ci DELETE /v2/samples/app/manifests/v1
  dockgate push --remote                                put the policies into force

Exit status: 0 yes or valid, 1 no or invalid, 2 wrong use, 3 an outside system failed.`

export function program(): Command {
  const root = new Command('dockgate')
    .description('Decides at the edge who may pull or push which image, from the identity a workload already has.')
    .version(packageJson.version)
    .configureHelp({ sortSubcommands: false, showGlobalOptions: false })
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError(false)
  for (const command of [
    devCommand(),
    checkCommand(),
    canCommand(),
    explainCommand(),
    whoCanCommand(),
    diffCommand(),
    tokenCommand(),
    probeCommand(),
  ])
    root.addCommand(command)
  // Wrong use is reported like every other error, and has its own exit status.
  const quiet = (command: Command): void => {
    command.exitOverride().configureOutput({ outputError: () => {} })
    command.commands.forEach(quiet)
  }
  quiet(root)
  return root
}

/** Commander writes `(Did you mean --json?)`. */
const readSuggestion = (text: string): string => text.replace(/^\(Did/, 'did').replace(/\)$/, '')

async function main(argv: readonly string[]): Promise<number> {
  try {
    await program().parseAsync(argv, { from: 'user' })
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
