/** The lines that Git writes around a conflict, if somebody saved a file without resolving it. */
import { complaint } from './problem.ts'
import type { Fault } from './tree.ts'

const MARKER = /^(?:<{7}|>{7}|\|{7})(?: .*)?\r?$/m

/**
 * The first marker of a conflict. No policy starts a line like that, and without this check a marker may pass as text, or
 * be explained as wrong indentation.
 */
export function conflictMarker(text: string): Fault | undefined {
  const offset = text.search(MARKER)
  if (offset < 0) return undefined
  const hint = 'resolve the conflict, then remove the lines <<<<<<<, ======= and >>>>>>>'
  return { offset, reason: complaint('merge_conflict', 'Git left a conflict here', hint) }
}
