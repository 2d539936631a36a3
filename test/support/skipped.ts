/** A reporter of vitest: the last lines of a run say how many tests were skipped, and why. */
import type { Reporter, TestModule } from 'vitest/node'
import { CLIENTS, findClient } from '../e2e/tools/find-client.ts'

/** A test file with tests that did not run. */
export type Skipped = {
  /** Path below `test/`. */
  readonly file: string
  readonly count: number
  /** What the tests said when they skipped themselves. */
  readonly notes: readonly string[]
}

const SHOWN = 3
const NEEDS_CLIENTS = /^e2e\/|^dev\/docker-registry\./

/**
 * Text for the end of a run; empty where everything ran.
 *
 * @param missing programs that `.ci/clients` installs and that this machine does not have
 */
export function formatSkipped(skipped: readonly Skipped[], missing: readonly string[]): string {
  const total = skipped.reduce((sum, { count }) => sum + count, 0)
  if (total === 0) return ''
  const reasonOf = ({ file, notes }: Skipped): string => {
    if (notes.length > SHOWN) return `${notes.slice(0, SHOWN).join(', ')} and ${notes.length - SHOWN} more reasons`
    if (notes.length > 0) return notes.join(', ')
    return NEEDS_CLIENTS.test(file) && missing.length > 0 ? 'a program is missing' : 'not for this run or machine'
  }
  const lines = skipped.map((one) => `  ${one.file}: ${one.count} (${reasonOf(one)})`)
  const what = total === 1 ? '1 test was skipped' : `${total} tests were skipped`
  const hint = `Missing on this machine: ${missing.join(', ')}. \`.ci/clients\` installs them on Debian.`
  return [`${what}:`, ...lines, ...(missing.length === 0 ? [] : [hint])].join('\n')
}

export default class SkippedReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = modules.flatMap((module): Skipped[] => {
      const tests = [...module.children.allTests('skipped')]
      const notes = tests.flatMap((test) => {
        const result = test.result()
        return result.state === 'skipped' && result.note !== undefined ? [result.note] : []
      })
      return tests.length === 0
        ? []
        : [{ file: module.relativeModuleId, count: tests.length, notes: [...new Set(notes)] }]
    })
    const text = formatSkipped(
      skipped,
      CLIENTS.filter((client) => findClient(client) === undefined),
    )
    if (text !== '') console.log(`\n${text}`)
  }
}
