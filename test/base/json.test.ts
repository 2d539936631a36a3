import { describe, expect, it } from 'vitest'
import { isRecord } from '../../src/base/json.ts'

describe('isRecord', () => {
  it.each([['null'], ['true'], ['0'], ['"text"'], ['[]'], ['[{}]']])('is false for the JSON value %s', (text) => {
    expect(isRecord(JSON.parse(text))).toBe(false)
  })

  it('is false for undefined', () => {
    expect(isRecord(undefined)).toBe(false)
  })

  it.each([['{}'], ['{"length":0}'], ['{"__proto__":[]}']])('is true for the JSON object %s', (text) => {
    expect(isRecord(JSON.parse(text))).toBe(true)
  })
})
