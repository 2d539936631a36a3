/** What a file must be before an importer looks at it. */
import { formatSource, type Report } from '../files/problem.ts'

/** The file is not what it was said to be. */
export class ImportError extends Error {
  override readonly name = 'ImportError'
  readonly code = 'import_input'
  readonly hint: string | undefined

  constructor(message: string, hint?: string) {
    super(message)
    this.hint = hint
  }
}

/** @throws {@link ImportError} with the first thing that is wrong */
export function requireReadable(report: Report, file: string): void {
  const problem = report.problems.find(({ severity }) => severity === 'error')
  if (problem !== undefined) throw new ImportError(`${formatSource(problem.source)}: ${problem.message}`, problem.hint)
  if (report.errors > 0) throw new ImportError(`${file} cannot be read`)
}
