/** Commands to paste, whole: what a hint says to run. */
import type { Command } from 'commander'
import { calledAs } from './invocation.ts'

/** By long name; `true` for an option without a value. */
export type Words = Readonly<Record<string, string | true | undefined>>

/** A word as a shell reads it. */
const quote = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)

/** The command with those options that are given. */
export function commandLine(command: string, options: Words = {}): string {
  const words = Object.entries(options).flatMap(([name, value]) => {
    if (value === undefined) return []
    return value === true ? [`--${name}`] : [`--${name}`, quote(value)]
  })
  return [calledAs(), command, ...words].join(' ')
}

/** The command as it was called, its options changed by `changes`. */
export function calledWith(command: Command, changes: Words): string {
  const values: Readonly<Record<string, unknown>> = command.opts()
  const given = command.options.flatMap((option): [string, string | true][] => {
    const name = option.attributeName()
    if (command.getOptionValueSource(name) !== 'cli') return []
    return [[option.name(), values[name] === true ? true : String(values[name])]]
  })
  return commandLine([command.name(), ...command.args.map(quote)].join(' '), {
    ...Object.fromEntries(given),
    ...changes,
  })
}
