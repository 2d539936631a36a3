/** The Worker's log as a person reads it: a line for each decision, and what else it has to say. */
import { noteStyle } from '../output.ts'

/** One line of the log; what is no record stays as it is. */
export function decisionLine(line: string): string {
  const record = parse(line)
  if (record === undefined) return line
  const text = (key: string): string => {
    const value = record[key]
    return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
  }
  if (text('decision') === '') {
    const message = text('message')
    return message === '' ? line : `${text('kind') || 'gate'}: ${message}`
  }
  const allowed = text('decision') === 'allow'
  const repository = text('repository')
  const reference = text('reference')
  const what = [
    text('operation') || 'request',
    repository === '' ? '' : `${repository}${separator(reference)}${reference}`,
  ]
  const why = allowed ? text('rule') : text('reason')
  return [
    noteStyle('dim', text('time').slice(11, 19)),
    noteStyle(allowed ? 'green' : 'red', allowed ? 'allow' : 'deny '),
    text('status'),
    text('principal') || 'nobody',
    ...what,
    why === '' ? '' : noteStyle('dim', `(${why})`),
  ]
    .filter((part) => part !== '')
    .join('  ')
}

const separator = (reference: string): string => (reference === '' ? '' : reference.includes(':') ? '@' : ':')

function parse(line: string): Readonly<Record<string, unknown>> | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
