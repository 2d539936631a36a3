/** Conditions of policy files: parsed by the policy's own parser, complaints at their character of the file. */
import { type ConditionProblem, type Dialect, parseCondition } from '../policy/condition/parse.ts'
import type { Condition } from '../policy/model.ts'
import type { Path } from './document.ts'
import type { Entry } from './entry.ts'
import { complaint, type Report } from './problem.ts'

/** The condition `text` at `path` of an entry; undefined if it was reported. */
export function readCondition(
  text: string,
  dialect: Dialect,
  entry: Entry,
  path: Path,
  report: Report,
): Condition | undefined {
  const parsed = parseCondition(text, dialect)
  const place = ({ offset }: ConditionProblem) => entry.within(path, offset)
  if (!parsed.ok) {
    report.error(place(parsed.error), complaint('condition_invalid', parsed.error.message, parsed.error.hint))
    return undefined
  }
  for (const warning of parsed.value.warnings) {
    report.warning(place(warning), complaint('condition_doubtful', warning.message, warning.hint))
  }
  return { text, expression: parsed.value.expression }
}
