/** `dockgate roles`: the tables of roles against permissions, as Markdown; docs/roles.md is what it prints. */
import { Command } from 'commander'
import { type RoleTable, roleTables } from '../policy/role-table.ts'
import * as output from './output.ts'

const EXAMPLES = `
Examples:
  dockgate roles > docs/roles.md
  dockgate roles --json`

export const rolesCommand = (): Command =>
  new Command('roles')
    .description('print what the built-in roles and scope maps allow')
    .option('--json', 'print the tables as JSON')
    .addHelpText('after', EXAMPLES)
    .action((options: { readonly json?: true }) => {
      if (options.json) output.json(roleTables())
      else output.out(rolesDocument().trimEnd())
    })

const HEAD = `# Roles and what they allow

Printed by \`dockgate roles\` from the code that decides; do not edit. An \`x\` is a yes, an empty cell a no. Permissions are
explained in [policies.md](policies.md), the modes are Azure's two role assignment permissions modes.
`

/** All of docs/roles.md. */
export const rolesDocument = (): string => [HEAD, ...roleTables().map(section)].join('\n')

function section({ title, about, columns, rows }: RoleTable): string {
  const cells = rows.map((row) => row.map((cell) => (cell === true ? 'x' : cell === false ? '' : cell)))
  const line = (row: readonly string[]) => `| ${row.join(' | ')} |`
  const isMark = (index: number) => cells.every((row) => (row[index] ?? '').length <= 'abac'.length)
  const rule = line(columns.map((_, index) => (isMark(index) ? ':-:' : '---')))
  const table = [line(columns), rule, ...cells.map(line)]
  return `## ${title}\n\n${about}\n\n${table.join('\n')}\n`
}
