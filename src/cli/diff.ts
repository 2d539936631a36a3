/** `dockgate diff`: the rights that two policies do not share. */
import { Command } from 'commander'
import { compare, differenceJson, differenceLines } from './difference.ts'
import * as output from './output.ts'
import { questionOf } from './policies.ts'
import { readCompiled } from './policy-source.ts'
import { readTime } from './question.ts'

type Options = { readonly at?: string; readonly json?: true }

const EXAMPLES = `
Examples:
  dockgate diff main/policies policies
  dockgate diff dist/policy policies            against a bundle of dockgate build -o
  dockgate diff old new --json

Says which rights are gained and lost, by whom and on what; rules that only moved or were renamed change nothing.
Exact where repositories decide; marked ~ where a condition does, then the texts of the conditions were compared.
Exit status 0 if no right changes, 1 if some do.`

export const diffCommand = (): Command =>
  new Command('diff')
    .description('list the rights gained and lost between two policies')
    .argument('<old>', 'policy folder or bundle')
    .argument('<new>', 'policy folder or bundle')
    .option('--at <time>', 'when, as RFC 3339 time, for rules that begin or end (default: now)')
    .option('--json', 'print the changes as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (oldPath: string, newPath: string, options: Options) => {
      const now = options.at === undefined ? Math.floor(Date.now() / 1000) : readTime(options.at)
      const [older, newer] = [
        await readCompiled(oldPath, questionOf(options)),
        await readCompiled(newPath, questionOf(options)),
      ]
      const difference = compare(older, newer, now)
      process.exitCode = difference.changed ? 1 : 0
      if (options.json === true) {
        output.json('diff', differenceJson(difference))
        return
      }
      if (!difference.changed) output.note('no right changes')
      output.out(differenceLines(difference))
    })
