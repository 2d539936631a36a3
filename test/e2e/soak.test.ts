/** The quick part of the soak (test/soak): twenty seconds of it, with the first faults. */

import { expect, it } from 'vitest'
import { isClean, soak } from '../soak/soak.ts'

it('fifty clients, pushes, failures and rotations: no wrong verdict, and no failure without a cause', async () => {
  const report = await soak(20, 50)
  expect(report.examples).toEqual([])
  expect(isClean(report)).toBe(true)
  expect(report.requests).toBeGreaterThan(2000)
  expect(report.denied).toBeGreaterThan(1000)
  expect(Object.keys(report.injected).length).toBeGreaterThanOrEqual(3)
}, 120_000)
