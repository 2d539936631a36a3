/**
 * What the YAML library complains of, in words about the file. The library speaks of its grammar and quotes the text;
 * these messages do neither.
 */
import type { ErrorCode, YAMLError } from 'yaml'
import { misindented } from './indentation.ts'
import { type Complaint, complaint } from './problem.ts'
import type { Fault } from './tree.ts'
import type { YamlReading } from './yaml.ts'

const MAX_FAULTS = 20

/** Faults that a wrong indentation may have brought about. */
const LAYOUT: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'BAD_INDENT',
  'BLOCK_AS_IMPLICIT_KEY',
  'MISSING_CHAR',
  'MULTILINE_IMPLICIT_KEY',
  'UNEXPECTED_TOKEN',
])

/** What is wrong with the syntax of a text: the first fault of each line, for one often brings others. */
export function syntaxFaults({ faults, version, second }: YamlReading, text: string): readonly Fault[] {
  const found = firstOfEachLine(faults, text).map((fault) => explain(fault, text))
  if (second !== undefined) found.push({ offset: second, reason: SECOND_DOCUMENT })
  // The library complains of every other version itself.
  return version === '1.1' ? [...found, { offset: 0, reason: OLD_VERSION }] : found
}

const OLD_VERSION = complaint('yaml_version', 'the file asks for YAML 1.1', 'remove %YAML: files are YAML 1.2')
const SECOND_DOCUMENT = complaint('yaml_documents', 'a second document starts here', 'put it into a file of its own')

function firstOfEachLine(faults: readonly YAMLError[], text: string): readonly YAMLError[] {
  const first: YAMLError[] = []
  let lineEnd = -1
  for (const fault of faults.toSorted((a, b) => a.pos[0] - b.pos[0])) {
    if (fault.pos[0] <= lineEnd) continue
    first.push(fault)
    const newline = text.indexOf('\n', fault.pos[0])
    if (newline < 0 || first.length === MAX_FAULTS) break
    lineEnd = newline
  }
  return first
}

function explain(fault: YAMLError, text: string): Fault {
  const [offset] = fault.pos
  const comment = slashComment(text, offset)
  if (comment !== undefined) return { offset: comment, reason: SLASH_COMMENT }
  // Brackets, not columns, give the structure of a file that starts with one.
  const isFlow = /^\s*[[{]/.test(text)
  const culprit = LAYOUT.has(fault.code) && !isFlow ? misindented(text, offset) : undefined
  return culprit ?? { offset, reason: complaintOf(fault, text.charAt(offset)) }
}

const SLASH_COMMENT = complaint('yaml_syntax', 'a comment cannot start with /', 'start comments with #')

/** Where a comment in the style of JavaScript starts, in the line of a fault or in the one before. */
function slashComment(text: string, offset: number): number | undefined {
  const line = text.lastIndexOf('\n', offset - 1) + 1
  const start = text.lastIndexOf('\n', line - 2) + 1
  const end = text.indexOf('\n', offset)
  const found = /(?<=^|[\s,[\]{}])\/[/*]/m.exec(text.slice(start, end < 0 ? text.length : end))
  return found === null ? undefined : start + found.index
}

/** @param char the character at the fault */
function complaintOf(fault: YAMLError, char: string): Complaint {
  switch (fault.code) {
    case 'TAB_AS_INDENT':
      return complaint('yaml_tab', 'a tab cannot indent', 'indent with spaces')
    case 'BAD_ALIAS':
      return complaint('yaml_syntax', 'a plain * is an alias without a name', "to mean every repository, quote it: '*'")
    case 'BAD_SCALAR_START':
      return complaint('yaml_syntax', `plain text cannot start with ${char}`, 'quote the text')
    case 'BAD_DQ_ESCAPE':
      return complaint(
        'yaml_syntax',
        'this is not an escape sequence of YAML',
        'write \\\\ for a backslash, or use single quotes',
      )
    case 'BAD_DIRECTIVE':
      return complaint(
        'yaml_syntax',
        'this is not a directive of YAML',
        'remove the line, or quote a text that starts with %',
      )
    case 'TAG_RESOLVE_FAILED':
      return complaint(
        'yaml_tag',
        'this is a YAML tag, which policy files do not use',
        'to start a text with !, quote it',
      )
    case 'NON_STRING_KEY':
    case 'BLOCK_AS_IMPLICIT_KEY':
      return complaint(
        'yaml_syntax',
        'a mapping cannot start here',
        'put the key on a line of its own, or quote a text that holds ": "',
      )
    default:
      return complaint('yaml_syntax', `not valid YAML: ${withoutQuotation(fault.message)}`)
  }
}

/** The messages that are left quote the text at their end, behind a word and a colon. */
const withoutQuotation = (message: string): string =>
  message.charAt(0).toLowerCase() + message.slice(1).replace(/(?<=\w): .*$/s, '')
