/** Every known case has a test that exists, or says why it cannot occur; and the page of the cases is that table. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CASES, formatCases, SECTIONS } from './cases.ts'

const root = join(import.meta.dirname, '../..')

describe.each(CASES.map((one) => [one.seen, one] as const))('%s', (_, { proofs, because }) => {
  it('has a test, or a reason', () => {
    expect(proofs.length > 0 || (because?.length ?? 0) > 40).toBe(true)
  })

  it.runIf(proofs.length > 0).each(proofs.map(({ file, title }) => [file, title] as const))('%s: %s', (file, title) => {
    expect(existsSync(join(root, file)), `${file} is gone`).toBe(true)
    expect(readFileSync(join(root, file), 'utf8')).toContain(title)
  })
})

it('are named once each, in every section', () => {
  expect(new Set(CASES.map(({ seen }) => seen)).size).toBe(CASES.length)
  expect(CASES.length).toBeGreaterThanOrEqual(47)
  for (const section of SECTIONS) expect(CASES.filter((one) => one.section === section).length).toBeGreaterThan(7)
})

it('stand in docs/security-cases.md', async () => {
  await expect(formatCases(CASES)).toMatchFileSnapshot(join(root, 'docs/security-cases.md'))
})
