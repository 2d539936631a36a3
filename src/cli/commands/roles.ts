/** `dockgate roles`: the tables of roles against permissions, as Markdown; docs/roles.md is what it prints. */
import { Command } from 'commander'
import { type RoleTable, roleTables } from '../../policy/analysis/role-table.ts'
import * as output from '../terminal/output.ts'

const EXAMPLES = `
Examples:
  dockgate roles > docs/roles.md
  dockgate roles --json`

/** The command `dockgate roles` with its arguments, options and action. */
export const rolesCommand = (): Command =>
  new Command('roles')
    .description('print what the built-in roles and scope maps allow')
    .option('--json', 'print the tables as JSON')
    .addHelpText('after', EXAMPLES)
    .action((options: { readonly json?: true }) => {
      if (options.json) output.json('roles', roleTables())
      else output.file(rolesDocument())
    })

const HEAD = `# Roles and what they allow

Printed by \`dockgate roles\` from the code that decides; do not edit. An \`x\` is a yes, an empty cell a no. Permissions are
explained in [policies.md](policies.md), the modes are Azure's two role assignment permissions modes.

The tables hold every permission of Azure, so that its roles can be compared. Requests to the gate need only \`content/*\`,
\`metadata/*\` and \`catalog/read\`; \`quarantine/*\` counts where a [protection](protections.md) makes a quarantine, and
\`sign/write\` pushes [signatures](protections.md#signing). The gate has no import and no tasks: the permissions of
\`registries/\` are answered by \`dockgate can\`, and by nothing else.
`

/** All of docs/roles.md. */
export const rolesDocument = (): string => [HEAD, ...roleTables().map(section)].join('\n')

/** Columns as wide as their widest cell: the way formatters leave a table. Marks stand in the middle. */
function section({ title, about, columns, rows }: RoleTable): string {
  const cells = rows.map((row) => row.map((cell) => (cell === true ? 'x' : cell === false ? '' : cell)))
  const lines = columns.map((column, index): readonly string[] => {
    const values = cells.map((row) => row[index] ?? '')
    const width = Math.max(column.length, ...values.map(({ length }) => length))
    const isMark = values.every(({ length }) => length <= 'abac'.length)
    const rule = isMark ? `:${'-'.repeat(width - 2)}:` : '-'.repeat(width)
    const pad = (text: string) =>
      (isMark ? ' '.repeat(Math.floor((width - text.length) / 2)) + text : text).padEnd(width)
    return [pad(column), rule, ...values.map(pad)]
  })
  const table = ['', '', ...rows].map((_, index) => `| ${lines.map((column) => column[index]).join(' | ')} |`)
  return `## ${title}\n\n${about}\n\n${table.join('\n')}\n`
}
