import { describe, expect, it } from 'vitest'
import { toHex } from '../../src/base/bytes.ts'

describe('toHex', () => {
  it('writes two lower-case digits for each byte', () => {
    expect(toHex(Uint8Array.of(0, 9, 10, 171, 255))).toBe('00090aabff')
  })

  it('writes no digits for no bytes', () => {
    expect(toHex(new Uint8Array())).toBe('')
  })
})
