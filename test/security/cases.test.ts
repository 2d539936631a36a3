/** Every known case has a test that exists, or says why it cannot occur; and the page of the cases is that table. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CASES, formatCases, SECTIONS } from './cases.ts'
import { testsOf } from './titles.ts'

const root = join(import.meta.dirname, '../..')

describe.each(CASES.map((one) => [one.seen, one] as const))('%s', (_, { proofs, because }) => {
  it('has a test, or a reason', () => {
    expect(proofs.length > 0 || (because?.length ?? 0) > 40).toBe(true)
  })

  it.runIf(proofs.length > 0).each(proofs.map(({ file, title }) => [file, title] as const))('%s: %s', (file, title) => {
    expect(existsSync(join(root, file)), `${file} is gone`).toBe(true)
    const running = testsOf(readFileSync(join(root, file), 'utf8')).flat()
    expect(running.includes(title), `${file} runs no test of this title`).toBe(true)
  })
})

it('are proved by tests that run: no test file of this project skips one', () => {
  const files = globSync('test/**/*.test.ts', { cwd: root })
  const idle = files.flatMap((file) => {
    const found = readFileSync(join(root, file), 'utf8').match(
      /^\s*(?:it|test|describe)\.(?:skip|todo|only|fails)\b.*$/gm,
    )
    return (found ?? []).map((line) => `${file}: ${line.trim()}`)
  })
  expect(files.length).toBeGreaterThan(100)
  expect(idle).toEqual([])
})

it('are named once each, in every section', () => {
  expect(new Set(CASES.map(({ seen }) => seen)).size).toBe(CASES.length)
  expect(CASES.length).toBeGreaterThanOrEqual(47)
  for (const section of SECTIONS) expect(CASES.filter((one) => one.section === section).length).toBeGreaterThan(7)
})

it('stand in docs/security-cases.md', async () => {
  await expect(formatCases(CASES)).toMatchFileSnapshot(join(root, 'docs/security-cases.md'))
})
