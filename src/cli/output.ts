/**
 * What a person sees: results on standard output, everything else on standard error, colours only on a terminal.
 */
import { styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

export const out = (text: string): void => {
  process.stdout.write(`${text}\n`)
}

export const note = (text: string): void => {
  process.stderr.write(`${text}\n`)
}

export const outStyle = (style: Style, text: string): string => styleText(style, text, { stream: process.stdout })
export const noteStyle = (style: Style, text: string): string => styleText(style, text, { stream: process.stderr })

export const error = (text: string): void => note(`${noteStyle('red', 'dockgate: error:')} ${text}`)
export const warning = (text: string): void => note(`${noteStyle('yellow', 'dockgate: warning:')} ${text}`)
export const hint = (text: string): void => note(`dockgate: hint: ${text}`)

export const json = (value: unknown): void => out(JSON.stringify(value, null, 2))
