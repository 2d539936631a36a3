/** The `dockgate` command as a tree of subcommands and options. Each subcommand has its own file. */
import { Command } from 'commander'
import packageJson from '../../package.json' with { type: 'json' }
import { fitHelp } from './terminal/help.ts'
import * as output from './terminal/output.ts'

const EXAMPLES = `
Examples:
  dockgate dev                           run the gate on this machine
  dockgate check                         validate the policies, run their tests
  dockgate can token:ci content/write samples/app
  dockgate explain token:ci DELETE /v2/samples/app/manifests/v1
  dockgate push --remote                 put the policies into force

Exit status: 0 yes or valid, 1 no or invalid, 2 wrong use, 3 an outside system failed.`

/** Loaded one by one: who asks for one decision need not wait for the code of the gate. In the order of the help. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  init: async () => (await import('./commands/init/init.ts')).initCommand(),
  dev: async () => (await import('./commands/dev/dev.ts')).devCommand(),
  check: async () => (await import('./commands/check.ts')).checkCommand(),
  can: async () => (await import('./commands/can.ts')).canCommand(),
  explain: async () => (await import('./commands/explain.ts')).explainCommand(),
  'who-can': async () => (await import('./commands/who-can.ts')).whoCanCommand(),
  diff: async () => (await import('./commands/diff.ts')).diffCommand(),
  build: async () => (await import('./commands/build.ts')).buildCommand(),
  push: async () => (await import('./commands/push.ts')).pushCommand(),
  rollback: async () => (await import('./commands/rollback.ts')).rollbackCommand(),
  status: async () => (await import('./commands/status.ts')).statusCommand(),
  prune: async () => (await import('./commands/prune.ts')).pruneCommand(),
  token: async () => (await import('./commands/token/token.ts')).tokenCommand(),
  import: async () => (await import('./commands/import.ts')).importCommand(),
  keys: async () => (await import('./commands/keys.ts')).keysCommand(),
  probe: async () => (await import('./commands/probe/probe.ts')).probeCommand(),
  roles: async () => (await import('./commands/roles.ts')).rolesCommand(),
  completion: async () => (await import('./commands/completion.ts')).completionCommand(),
}

/** @param name only this subcommand; absent or unknown: all of them */
export async function program(name?: string): Promise<Command> {
  const root = new Command('dockgate')
    .description('Decides at the edge who may pull or push which image, from the identity a workload already has.')
    .version(packageJson.version)
    .configureHelp({
      sortSubcommands: false,
      showGlobalOptions: false,
      subcommandTerm: (command) => command.name(),
      minWidthToWrap: 20,
    })
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError(false)
  const only = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  for (const load of only === undefined ? Object.values(COMMANDS) : [only]) root.addCommand(await load())
  // Wrong use is reported like every other error, and has its own exit status.
  const quiet = (command: Command): void => {
    command.exitOverride().configureOutput({
      writeOut: (text) => output.out(fitHelp(text, output.columns('stdout'))),
      writeErr: (text) => output.note(fitHelp(text, output.columns('stderr'))),
      outputError: () => {},
      getOutHelpWidth: () => output.columns('stdout'),
      getErrHelpWidth: () => output.columns('stderr'),
    })
    command.commands.forEach(quiet)
  }
  quiet(root)
  return root
}
