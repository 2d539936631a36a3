/** Runs decision tests for another command. Shows those that fail; the command decides what follows. */

import { count } from '../../base/text.ts'
import * as output from '../terminal/output.ts'
import { failingTests, formatFailure } from './decision-tests.ts'
import type { Policies } from './policies.ts'

/**
 * Show the tests that fail, each with its place.
 *
 * @returns how many, `1 decision test of 2`; nothing where all pass
 */
export function tellFailures(policies: Policies, now: number): string | undefined {
  const failed = failingTests(policies, now)
  for (const outcome of failed) output.note(formatFailure(policies.directory, outcome))
  return failed.length === 0 ? undefined : `${count(failed.length, 'decision test')} of ${policies.tests.length}`
}
