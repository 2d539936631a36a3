import { formatSource, type Problem } from '../../src/files/problem.ts'

/** A problem in one line: `warning: a.yaml:2:5 code: message (hint)`; an error has no word in front. */
export const shown = ({ severity, source, code, message, hint }: Problem): string =>
  `${severity === 'error' ? '' : `${severity}: `}${formatSource(source)} ${code}: ${message}${hint === undefined ? '' : ` (${hint})`}`
