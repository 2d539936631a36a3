/** What a file must be before an importer looks at it. */
import { formatSource, type Problem } from '../files/problem.ts'

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

/** That a file cannot be read, by the first thing that is wrong with it. */
export function unreadable(problems: readonly Problem[]): ImportError {
  const errors = problems.filter(({ severity }) => severity === 'error')
  const [first] = errors.map(({ source, message }) => `${formatSource(source)}: ${message}`)
  return new ImportError(first ?? '', errors[0]?.hint)
}
