/** The `dockgate` command as a tree of subcommands and options. Each subcommand has its own file. */
import { Command } from 'commander'
import { fitHelp } from './terminal/help.ts'
import * as output from './terminal/output.ts'
import { VERSION, versionText } from './terminal/version.ts'

const EXAMPLES = `
Examples:
  dockgate dev                           run the gate on this machine
  dockgate check                         validate the policies, run their tests
  dockgate can token:ci content/write samples/app
  dockgate explain token:ci DELETE /v2/samples/app/manifests/v1
  dockgate push --remote                 put the policies into force

Exit status: 0 yes or valid, 1 no or invalid, 2 wrong use, 3 an outside system failed.`

/** Each is loaded when it is run: one decision does not wait for the code of the gate. In the order of the help. */
const COMMANDS = {
  init: async () => (await import('./commands/init/init.ts')).initCommand(),
  dev: async () => (await import('./commands/dev/dev.ts')).devCommand(),
  serve: async () => (await import('./commands/serve/serve.ts')).serveCommand(),
  check: async () => (await import('./commands/check.ts')).checkCommand(),
  can: async () => (await import('./commands/can.ts')).canCommand(),
  explain: async () => (await import('./commands/explain.ts')).explainCommand(),
  'who-can': async () => (await import('./commands/who-can.ts')).whoCanCommand(),
  diff: async () => (await import('./commands/diff.ts')).diffCommand(),
  build: async () => (await import('./commands/build.ts')).buildCommand(),
  deploy: async () => (await import('./commands/deploy/deploy.ts')).deployCommand(),
  push: async () => (await import('./commands/push.ts')).pushCommand(),
  rollback: async () => (await import('./commands/rollback.ts')).rollbackCommand(),
  status: async () => (await import('./commands/status.ts')).statusCommand(),
  prune: async () => (await import('./commands/prune.ts')).pruneCommand(),
  logs: async () => (await import('./commands/logs.ts')).logsCommand(),
  protections: async () => (await import('./commands/protections.ts')).protectionsCommand(),
  quarantine: async () => (await import('./commands/quarantine.ts')).quarantineCommand(),
  token: async () => (await import('./commands/token/token.ts')).tokenCommand(),
  import: async () => (await import('./commands/import.ts')).importCommand(),
  keys: async () => (await import('./commands/keys.ts')).keysCommand(),
  probe: async () => (await import('./commands/probe/probe.ts')).probeCommand(),
  roles: async () => (await import('./commands/roles.ts')).rolesCommand(),
  completion: async () => (await import('./commands/completion.ts')).completionCommand(),
} as const satisfies Readonly<Record<string, () => Promise<Command>>>

/** One line for each command in `dockgate --help`, which loads none of them. */
const SUMMARIES: Readonly<Record<keyof typeof COMMANDS, string>> = {
  init: 'write a project that deploys a gate: policies, tests, settings',
  dev: 'run the gate on this machine',
  serve: 'run the gate on this machine, for production',
  check: 'validate the policies and run their tests',
  can: 'ask whether a principal holds a permission',
  explain: 'say why a request is allowed or denied',
  'who-can': 'list who holds a permission',
  diff: 'compare the rights of two policy sets',
  build: 'compile and sign the policies',
  deploy: 'set up the gate on Cloudflare, step by step',
  push: 'put the policies into force',
  rollback: 'put an older bundle into force',
  status: 'show the bundle in force',
  prune: 'delete bundles that nothing uses',
  logs: 'read the audit records of a gate',
  protections: 'show what protects repositories of a running gate',
  quarantine: 'list, release and reject what a running gate holds back',
  token: 'create, rotate or disable tokens',
  import: 'read the rules of another system',
  keys: 'make signing keys',
  probe: 'test whether a gate refuses what it must',
  roles: 'show the built-in roles',
  completion: 'print a completion script for a shell',
}

/**
 * @param argv the arguments: only the command that they name is loaded, the others are known by name and summary. Absent:
 * all commands are loaded.
 */
export async function program(argv?: readonly string[]): Promise<Command> {
  const asksVersion = argv?.some((word) => word === '-V' || word === '--version') === true
  const root = new Command('dockgate')
    .description('Decides at the edge who may pull or push which image, from the identity a workload already has.')
    .version(asksVersion ? await versionText() : VERSION, '-V, --version', 'print the version and the commit')
    .configureHelp({
      sortSubcommands: false,
      showGlobalOptions: false,
      subcommandTerm: (command) => command.name(),
      minWidthToWrap: 20,
    })
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError(false)
  const named = argv?.find((word) => word !== 'help' && !word.startsWith('-'))
  for (const [name, load] of Object.entries(COMMANDS)) {
    const command = argv === undefined || name === named ? await load() : new Command(name)
    root.addCommand(command.summary(SUMMARIES[name as keyof typeof COMMANDS]))
  }
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
