/** A protection in one line. */
import { formatAge } from '../terminal/format.ts'

/** What a line says of a protection. */
type Described = {
  readonly mode: 'enforce' | 'audit'
  readonly writeOnce?: boolean
  readonly tags?: readonly string[]
  readonly quarantine?: boolean
  /** Seconds. */
  readonly releaseAfter?: number
  readonly except?: readonly string[]
}

/** `tags v* are written once, except for token:admin`. */
export function protectionText({ mode, writeOnce, tags, quarantine, releaseAfter, except }: Described): string {
  const kinds = [
    ...(writeOnce === true ? [`tags ${tags === undefined ? '' : `${tags.join(', ')} `}are written once`] : []),
    ...(quarantine === true
      ? [`images wait${releaseAfter === undefined ? '' : `, at most ${formatAge(releaseAfter)}`}`]
      : []),
  ]
  const others = except === undefined || except.length === 0 ? '' : `, except for ${except.join(', ')}`
  return `${kinds.join('; ')}${others}${mode === 'audit' ? ' (only audited)' : ''}`
}
