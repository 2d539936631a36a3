/** The Worker's log in words: one line for each decision, and one for everything else that the gate reports. */

import type { Policies } from '../../answers/policies.ts'
import { type AuditRecord, becauseOfRecord, parseRecord, verdictOfRecord } from '../../answers/record.ts'
import * as output from '../../terminal/output.ts'

type Outcome = { readonly word: string; readonly style: 'green' | 'red' | 'yellow' | 'dim' }

const ALLOWED: Outcome = { word: 'allow', style: 'green' }
const DENIED: Outcome = { word: 'deny', style: 'red' }
/** The gate asks for a credential, or for a token with more scope. Every client meets this first. */
const LOGIN: Outcome = { word: 'login', style: 'dim' }
/** The gate, or the registry behind it, could not answer. */
const FAILED: Outcome = { word: 'fail', style: 'yellow' }

const CHALLENGES: readonly string[] = ['authentication_required', 'insufficient_scope']
const WIDTH = 5

/**
 * One line of the Worker's log, in words and with colours on a terminal. A line that the gate did not write stays as it is.
 *
 * @param policies where the rules are looked up that a record names
 */
export function logLine(line: string, policies: Policies): string {
  const record = parseRecord(line)
  if (record !== undefined) return decisionLine(record, policies)
  const report = parseReport(line)
  if (report === undefined) return line
  return report.kind === 'policy' ? policyLine(report) : messageLine(report, line)
}

function decisionLine(record: AuditRecord, policies: Policies): string {
  const { time, id, principal, operation, repository, reference = '', reason, status } = record
  const { word, style } = outcomeOf(record)
  const why = becauseOfRecord(record, verdictOfRecord(policies, record))
  const separator = reference === '' ? '' : reference.includes(':') ? '@' : ':'
  return [
    output.noteStyle('dim', time.slice(11, 19)),
    output.noteStyle(style, word.padEnd(WIDTH)),
    String(status),
    principal ?? 'nobody',
    operation ?? 'request',
    ...(repository === undefined ? [] : [`${repository}${separator}${reference}`]),
    output.noteStyle('dim', reason === undefined ? why : `${why} (${reason})`),
    // What `dockgate explain --record FILE --id ID` asks for.
    ...(word === ALLOWED.word ? [] : [output.noteStyle('dim', `id ${id}`)]),
  ].join('  ')
}

function outcomeOf({ decision, reason = '', status }: AuditRecord): Outcome {
  if (status >= 500 || (decision === 'allow' && reason !== '')) return FAILED
  if (decision === 'allow') return ALLOWED
  return CHALLENGES.includes(reason) ? LOGIN : DENIED
}

type Report = Readonly<Record<string, unknown>>

function parseReport(line: string): Report | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function textIn(report: unknown, key: string): string | undefined {
  const fields: Report = typeof report === 'object' && report !== null ? { ...report } : {}
  const value = fields[key]
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
}

function policyLine(report: Report): string {
  const serial = textIn(report, 'serial')
  const problem = textIn(report.problem, 'message')
  const inForce = serial === undefined ? 'no bundle is in force' : `bundle ${serial} is in force`
  const warnings = Array.isArray(report.warnings) ? report.warnings.map(String) : []
  return `policy: ${[inForce, ...(problem === undefined ? [] : [problem]), ...warnings].join('; ')}`
}

function messageLine(report: Report, line: string): string {
  const message = textIn(report, 'message')
  return message === undefined ? line : `${textIn(report, 'kind') ?? 'gate'}: ${message}`
}
