/** `docs/commands.md`: the help of every command, as the command prints it. */
import type { Command } from 'commander'
import { program } from '../../src/cli/program.ts'

const WIDTH = 100

const HEAD = `# Commands

The help of every command, made by \`npm run docs\`; do not edit. \`npx dockgate\` runs it, in a
deployment project and in a clone.

Results go to standard output, everything else to standard error. What comes from files, tokens, registries and other
programs is escaped: it cannot steer a terminal. Exit status: 0 yes or valid, 1 no or invalid, 2 wrong use, 3 an outside
system failed, or the output could not be written. Where 1 is an answer (\`can\`, \`explain\`, \`who-can\`, \`diff\`), policies
that are not valid are 2. A reader that goes away (\`| head\`) changes no status.

Commands that answer a question have \`--json\`; \`schema/commands\` has a JSON Schema for each. A place is an object of \`file\`
(as it is seen from where the command runs), \`line\` and \`column\`, a rule is \`kind\`, \`name\` and \`source\`, and a time is RFC 3339
text in UTC. Policies that are not valid are answered with their problems: \`{"valid":false,"problems":[…]}\`.
`

export async function commandsPage(): Promise<string> {
  const root = await program()
  return [HEAD, ...leaves(root).map(({ name, command }) => section(name, command))].join('\n')
}

export type Leaf = { readonly name: string; readonly command: Command }

/** Every command that does something, by its full name. */
export function leaves(command: Command, prefix = ''): readonly Leaf[] {
  const name = `${prefix}${command.name()}`
  if (command.commands.length === 0) return [{ name, command }]
  return command.commands.flatMap((inner) => leaves(inner, `${name} `))
}

/** What `--help` prints, at a fixed width and without colours. */
export function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({
    writeOut: (part) => {
      text += part
    },
    getOutHelpWidth: () => WIDTH,
    getOutHasColors: () => false,
  })
  command.outputHelp()
  return text.trim()
}

const section = (name: string, command: Command): string => `## ${name}\n\n\`\`\`text\n${helpOf(command)}\n\`\`\`\n`
