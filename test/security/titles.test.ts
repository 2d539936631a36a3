/** Reading which tests a file runs: what would let a case seem to have a test is found. */
import { describe, expect, it } from 'vitest'
import { testsOf } from './titles.ts'

const TEST = "('is refused', () => {})"

describe('a test does not count', () => {
  it.each([
    `it.skip${TEST}`,
    `test.skip${TEST}`,
    `it.todo('is refused')`,
    `it('is refused')`,
    `it.fails${TEST}`,
    `it.skip.each([1])${TEST}`,
    `it.concurrent.skip${TEST}`,
    `it['skip']${TEST}`,
    `it[name]${TEST}`,
    `describe['skip']('a', () => { it${TEST} })`,
    `it.each([])${TEST}`,
    `if (false) { it${TEST} }`,
    `isThere ? it${TEST} : undefined`,
    `function never() { it${TEST} }`,
    `const never = () => { it${TEST} }`,
    `describe('a', () => { return; it${TEST} })`,
    `describe('a', () => { throw new Error(); it${TEST} })`,
    `it('is refused', { ...{ skip: true } }, () => {})`,
    `it('is refused', options, () => {})`,
    `it.for([])${TEST}`,
    `it('is refused', ({ skip: _ }, ctx) => { ctx.skip() })`,
    `it('is refused', (context) => { if (true) context.skip() })`,
    `it('is refused', { skip: true }, () => {})`,
    `it('is refused', { todo: true }, () => {})`,
    `describe.skip('a', () => { it${TEST} })`,
    `describe.skip.each([1])('a', () => { describe('b', () => { it${TEST} }) })`,
    `describe('a', { skip: true }, () => { it${TEST} })`,
    `// it${TEST}`,
    `const text = "it${TEST.replaceAll("'", '')}"`,
    `describe('is refused', () => {})`,
    `describe('is refused', () => { it.skip('a', () => {}) })`,
  ])('%s', (source) => {
    expect(testsOf(source).flat()).not.toContain('is refused')
  })
})

describe('a test counts', () => {
  it.each([
    [`it${TEST}`, [['is refused']]],
    [`describe('a', () => { it${TEST} })`, [['a', 'is refused']]],
    [`describe.each([1])('a', () => { it.each([1])${TEST} })`, [['a', 'is refused']]],
    [`describe.runIf(isThere)('a', () => { it.runIf(1 > 0)${TEST} })`, [['a', 'is refused']]],
    [`test.prop([a], { numRuns: 5 })${TEST}`, [['is refused']]],
    [`it.each\`a\n1\`${TEST}`, [['is refused']]],
    [`it('is refused', { timeout: 1 }, () => {})`, [['is refused']]],
    [`for (const a of b) { it${TEST} }`, [['is refused']]],
    [`it.skip('a', () => {}); it${TEST}`, [['is refused']]],
  ])('%s', (source, tests) => {
    expect(testsOf(source)).toEqual(tests)
  })
})
