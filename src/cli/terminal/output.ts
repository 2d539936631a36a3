/**
 * The only place of the command that writes to the terminal: results on standard output, everything else on standard
 * error, colours only on a terminal. Text comes from policy files, tokens, registries and other programs, so every
 * character that could steer a terminal is escaped here. The colours of the command itself are added after that.
 */
import { styleText } from 'node:util'
import type { Answer, CommandName } from '../json/schema.ts'

type Style = Parameters<typeof styleText>[0]
type Name = 'stdout' | 'stderr'

/** Control characters (C0, DEL, C1), format characters (bidi, invisible), separators of lines, lone surrogates. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu
const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** As JSON writes it: `\u001b`. */
const escapeCharacter = (character: string): string =>
  NAMED[character] ??
  Array.from({ length: character.length }, (_, at) => {
    const unit = character.charCodeAt(at).toString(16).padStart(4, '0')
    return `\\u${unit}`
  }).join('')

/** Text of one line that cannot steer a terminal: what could is written as in JSON, line breaks too. */
export const escapeText = (text: string): string => text.replace(UNSAFE, escapeCharacter)

/**
 * Stands for the escape character in colours of the command itself, until the text around them is escaped. It is drawn for
 * each run, so that no text from outside can hold it.
 */
let colourMark: string | undefined

function style(stream: Name, format: Style, text: string): string {
  const plain = styleText(format, '', { stream: process[stream] })
  if (plain === '') return text
  colourMark ??= crypto.randomUUID()
  return styleText(format, escapeText(text), { stream: process[stream] }).replaceAll('\u001b', colourMark)
}

/** A text for standard output, with a style if that is a terminal. */
export const outStyle = (format: Style, text: string): string => style('stdout', format, text)
/** A text for standard error, with a style if that is a terminal. */
export const noteStyle = (format: Style, text: string): string => style('stderr', format, text)

/** A line as it is written, without its line break. */
function shown(line: string): string {
  const escaped = escapeText(line)
  return colourMark === undefined ? escaped : escaped.replaceAll(colourMark, '\u001b')
}

/** One line, or several. A line break inside a line is escaped. */
export type Lines = string | Iterable<string>

function writeLines(stream: Name, lines: Lines): void {
  let text = ''
  for (const line of typeof lines === 'string' ? [lines] : lines) text += `${shown(line)}\n`
  // The task that showed it shows it again below.
  if (hasStatus && text !== '') statusLine('')
  write(stream, text)
}

/** Results. */
export const out = (lines: Lines): void => writeLines('stdout', lines)
/** Everything else. */
export const note = (lines: Lines): void => writeLines('stderr', lines)

/** Writes an error to standard error. */
export const error = (text: string): void => note(`${noteStyle('red', 'dockgate: error:')} ${text}`)
/** Writes a warning to standard error. */
export const warning = (text: string): void => note(`${noteStyle('yellow', 'dockgate: warning:')} ${text}`)
/** Writes what to do next to standard error. */
export const hint = (text: string): void => note(`dockgate: hint: ${text}`)

/**
 * The answer of a command as JSON. Every character that could steer a terminal is escaped; a reader gets the same value.
 *
 * @param command says which shape the answer has; it is not printed
 */
export function json<Name extends CommandName>(_command: Name, value: Answer<Name>): void {
  const text = JSON.stringify(value, null, 2).replace(UNSAFE, (character) =>
    character === '\n' ? character : escapeCharacter(character),
  )
  write('stdout', `${text}\n`)
}

/**
 * A line of the gate's log, which is JSON: a reader gets the same value. Waits while standard output takes no more, so that a
 * slow reader holds the log back and not the memory of this process.
 */
export async function record(line: string): Promise<void> {
  const isTaken = write('stdout', `${line.replace(UNSAFE, escapeCharacter)}\n`)
  if (!isTaken) await new Promise((resolve) => process.stdout.write('', resolve))
}

/**
 * The text of a file, as a result: a terminal gets it escaped line by line, anything else to the letter.
 *
 * @param text ends with a line break
 */
export function file(text: string): void {
  if (isTerminal('stdout')) out(text.replace(/\n$/, '').split('\n'))
  else write('stdout', text)
}

/** Whether a stream is a terminal. */
export const isTerminal = (stream: Name): boolean => process[stream].isTTY === true

/** Columns of the terminal; 80 where there is none. */
export const columns = (stream: Name): number => (isTerminal(stream) ? process[stream].columns : undefined) ?? 80

let hasStatus = false

/** Replaces the last line of a terminal by this one, or by nothing. Never writes anywhere else. */
export function statusLine(line: string): void {
  if (!isTerminal('stderr')) return
  hasStatus = line !== ''
  write('stderr', `\r\u001b[2K${shown(line)}`)
}

/** What became of a stream. A reader that has gone away (EPIPE) needs no more and is not a failure. */
type Outcome = { watched: boolean; gone: boolean; failure: Error | undefined }

const outcomes: Readonly<Record<Name, Outcome>> = {
  stdout: { watched: false, gone: false, failure: undefined },
  stderr: { watched: false, gone: false, failure: undefined },
}

/** @returns whether the stream takes more at once */
function write(stream: Name, text: string): boolean {
  const outcome = outcomes[stream]
  if (!outcome.watched) {
    outcome.watched = true
    process[stream].on('error', (failure: NodeJS.ErrnoException) => {
      outcome.gone = true
      if (failure.code !== 'EPIPE') outcome.failure ??= failure
    })
  }
  return outcome.gone || text === '' || process[stream].write(text)
}

const WORDS = { stdout: 'standard output', stderr: 'standard error' } as const

/** Waits until everything is written. @returns what could not be written and why, in words; nothing when all was */
export async function flush(): Promise<string | undefined> {
  for (const stream of ['stdout', 'stderr'] as const) {
    if (outcomes[stream].watched && !outcomes[stream].gone) {
      await new Promise((resolve) => process[stream].write('', resolve))
    }
  }
  // A failure is an event of the next turn.
  await new Promise((resolve) => setImmediate(resolve))
  for (const stream of ['stdout', 'stderr'] as const) {
    const { failure } = outcomes[stream]
    if (failure !== undefined) return `${WORDS[stream]} cannot be written: ${failure.message}`
  }
  return undefined
}
