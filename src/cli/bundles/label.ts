/**
 * What a bundle was made from, in one line for people: by default the last commit that touched the policy folder. Never
 * decides anything, and never fails a push: without git, or outside of a repository, no label exists.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Command } from 'commander'
import { LABEL } from '../../bundle/manifest.ts'
import { CommandError } from '../terminal/command-error.ts'

/** Most characters of a label. */
const MAX_LENGTH = 200

/** Options that name the label of a bundle; `false` is `--no-label`. */
export type LabelOptions = { readonly label?: string | false }

/** Adds the options of the label to a command. */
export const addLabelOptions = (command: Command): Command =>
  command
    .option('--label <text>', 'name the bundle for people (default: git commit and subject of the policy folder)')
    .option('--no-label', 'give the bundle no label: /readyz shows it to everybody')

/**
 * The label of a bundle: the given text, none, or that of git. A commit with changes that are not committed is marked.
 *
 * @throws {@link CommandError} 2 when the given text is not a label
 */
export async function labelOf({ label }: LabelOptions, directory: string): Promise<string | undefined> {
  if (label === false) return undefined
  if (typeof label !== 'string') return labelOfGit(directory)
  if (LABEL.test(label)) return label
  throw new CommandError(2, 'the label is not one line of 1 to 200 characters', {
    hint: "leave out line breaks and control characters, e.g. --label 'Give team-x push'",
  })
}

/** `serial 7 (1a2b3c4 Give team-x push)`, or the serial alone. */
export const named = (serial: number, label: string | undefined): string =>
  label === undefined ? String(serial) : `${serial} (${label})`

const run = promisify(execFile)

async function labelOfGit(directory: string): Promise<string | undefined> {
  // A repository may name a program as its file system monitor, which nobody asked to run.
  const git = async (...args: readonly string[]): Promise<string> =>
    (await run('git', ['-C', directory, '-c', 'core.fsmonitor=false', ...args], { timeout: 10_000 })).stdout.trim()
  try {
    const commit = await git('log', '-1', '--no-show-signature', '--format=%h %s', '--', '.')
    if (commit === '') return undefined
    const isChanged = (await git('status', '--porcelain', '--', '.')) !== ''
    return shortened(commit, isChanged ? ', and changes that are not committed' : '')
  } catch {
    return undefined
  }
}

/** One line within {@link MAX_LENGTH}. */
function shortened(text: string, end: string): string | undefined {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
  const room = MAX_LENGTH - end.length
  const label = `${line.length <= room ? line : `${line.slice(0, room - 1).toWellFormed()}…`}${end}`
  return LABEL.test(label) ? label : undefined
}
