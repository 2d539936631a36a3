/**
 * Reads the text of a condition into its tree, or says where it is wrong and what would be right. Never evaluates.
 * Azure publishes no grammar; this one is written from the documents: `NOT` binds tighter than `AND`, and whether `AND`
 * binds tighter than `OR` is for the reader to say with parentheses.
 *
 * Source: Azure "conditions-format", "conditions-faq" (limits).
 */
import { err, ok, type Result } from '../../base/result.ts'
import type { Expression } from '../expression.ts'
import { Cursor } from './cursor.ts'
import { type ConditionProblem, tokenize } from './lexer.ts'
import { type Dialect, Parser } from './parser.ts'

export type { ConditionProblem } from './lexer.ts'
export { type Dialect, NESTING_MAX } from './parser.ts'

/** The longest condition, in bytes of UTF-8: Azure's own limit. */
export const CONDITION_MAX_BYTES = 8192

/** A condition as an expression, and what is odd about its text. */
export type ParsedCondition = { readonly expression: Expression; readonly warnings: readonly ConditionProblem[] }

/**
 * Parse a condition of version 2.0. Keywords and operators are read in any letter case. The error is the first one from
 * the left. Warnings name what is legal but cannot mean what it seems to. Linear in the length of the text.
 */
export function parseCondition(text: string, dialect: Dialect): Result<ParsedCondition, ConditionProblem> {
  const excess = offsetOfByte(text, CONDITION_MAX_BYTES)
  if (excess < text.length) {
    const message = `condition is longer than ${CONDITION_MAX_BYTES} bytes`
    const hint = 'split it over several role assignments: they add up'
    return err({ offset: excess, length: text.length - excess, message, hint })
  }
  const parser = new Parser(new Cursor(tokenize(text)), dialect)
  const expression = parser.condition()
  return expression === undefined ? err(parser.problem) : ok({ expression, warnings: parser.warnings })
}

/** The offset of the character that holds byte number `bytes`, or the text's length if it is not longer than that. */
function offsetOfByte(text: string, bytes: number): number {
  let count = 0
  for (let offset = 0; offset < text.length; ) {
    const code = text.codePointAt(offset) ?? 0
    count += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
    if (count > bytes) return offset
    offset += code < 0x10000 ? 1 : 2
  }
  return text.length
}
