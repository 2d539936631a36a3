/** `dockgate check`: are the policies valid, and do they decide as their tests say? */
import { Command } from 'commander'
import { compareCodeUnits, count } from '../../base/text.ts'
import type { Problem } from '../../files/problem.ts'
import { lint } from '../../lint/lints.ts'
import { formatFailure, runTest } from '../answers/decision-tests.ts'
import { DEFAULT_DIRECTORY, formatProblem, loadFolder, Policies, placeIn, problemsIn } from '../answers/policies.ts'
import { CommandError } from '../terminal/command-error.ts'
import * as output from '../terminal/output.ts'

type Options = { readonly json?: true; readonly policies?: string }

const EXAMPLES = `
Examples:
  dockgate check
  dockgate check deploy/policies --json

Warnings, docs/lints.md explains them, do not fail; errors and failing decision tests do (exit status 1).`

/** The command `dockgate check` with its arguments, options and action. */
export const checkCommand = (): Command =>
  new Command('check')
    .description('validate the policies, lint them, and run their decision tests')
    .argument('[dir]', `policy folder (default: ${DEFAULT_DIRECTORY})`)
    .option('--policies <dir>', 'the same')
    .option('--json', 'print problems and tests as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (argument: string | undefined, options: Options) => {
      const directory = argument ?? options.policies ?? DEFAULT_DIRECTORY
      const { policies, tests, problems: found } = await loadFolder(directory)
      const now = Math.floor(Date.now() / 1000)
      const set = policies === undefined ? undefined : new Policies(directory, policies, tests)
      const lints = set === undefined ? [] : lint({ policies: set.set, compiled: set.compiled, tests, now })
      const problems = [...found, ...lints].sort(byPlace)
      const outcomes = set === undefined ? [] : tests.map((test) => runTest(set, test, now))
      const failed = outcomes.filter(({ passed }) => !passed)
      const errors = problems.filter(({ severity }) => severity === 'error')
      const valid = errors.length === 0 && failed.length === 0
      if (options.json === true) {
        output.json('check', {
          valid,
          problems: problemsIn(directory, problems),
          tests: outcomes.map(({ test, ...rest }) => ({ ...rest, source: placeIn(directory, test.source) })),
        })
      } else {
        output.note(formatProblems(directory, problems))
        output.note(failed.map((outcome) => formatFailure(directory, outcome)))
        if (valid) output.out(summary(set, outcomes.length, problems.length))
      }
      if (valid) return
      throw new CommandError(
        1,
        errors.length > 0
          ? `the policies in ${directory} are not valid: ${count(errors.length, 'error')}`
          : `${count(failed.length, 'decision test')} of ${outcomes.length} failed`,
      )
    })

/** So many warnings of one kind are shown: anyone who has more mends them with a script. */
const SHOWN = 20

function* formatProblems(directory: string, problems: readonly Problem[]): Generator<string> {
  const counts = new Map<string, number>()
  for (const problem of problems) {
    const { code, severity } = problem
    const seen = (counts.get(code) ?? 0) + (severity === 'warning' ? 1 : 0)
    counts.set(code, seen)
    if (seen <= SHOWN) yield* formatProblem(directory, problem)
  }
  for (const [code, seen] of counts) {
    if (seen > SHOWN) yield `${count(seen - SHOWN, 'more warning')} [${code}]; --json lists them all`
  }
}

const byPlace = ({ source: a }: Problem, { source: b }: Problem): number =>
  compareCodeUnits(a.file, b.file) || a.line - b.line || a.column - b.column

function summary(policies: Policies | undefined, tests: number, warnings: number): string {
  const principals = policies?.compiled.principals.size ?? 0
  const parts = [count(principals, 'principal'), `${count(tests, 'decision test')} passed`]
  return `valid: ${[...parts, ...(warnings === 0 ? [] : [count(warnings, 'warning')])].join(', ')}`
}
