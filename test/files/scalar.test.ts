import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { parseDocument, Scalar, stringify } from 'yaml'
import { scalarIndex } from '../../src/files/scalar.ts'

/** The source character at each visible character of the only value of `text`. */
function visibleAt(text: string): { value: string; found: string } {
  const document = parseDocument(text)
  const node = document.get('a', true)
  if (!(node instanceof Scalar) || typeof node.value !== 'string') throw new Error('no text')
  const value = node.value
  const start = node.range?.[0] ?? 0
  const indexes = [...value].flatMap((char, offset) =>
    /\s/.test(char) ? [] : [scalarIndex(text, start, value, offset)],
  )
  return { value: value.replace(/\s/g, ''), found: indexes.map((index) => text[index]).join('') }
}

describe('scalarIndex', () => {
  it.each([
    ['a: one two'],
    ['a: one\n  two\n\n  three'],
    ["a: 'it''s\n  two'"],
    ['a: "one\\n two \\\n   three"'],
    ['a: |\n  one\n    two\n\n  three\n'],
    ['a: >- # folded\n  one\n  two\n\n   three\n'],
    ['a: |2\n   one\n  two\n'],
    ['a: !!str &x "one two"'],
    ['{"a": "one\\ttwo"}'],
    ['a: |\r\n  one\r\n  two\r\n'],
  ])('finds every character of %j', (text) => {
    const { value, found } = visibleAt(text)
    expect(value).not.toBe('')
    expect(found).toBe(value)
  })

  it('points at the start of an escape', () => {
    const text = 'a: "x\\u0041\\x42\\"y"'
    expect(visibleAt(text)).toEqual({ value: 'xAB"y', found: 'x\\\\\\y' })
  })

  it('points behind the last character at the end', () => {
    const text = "a: 'one'"
    expect(scalarIndex(text, 3, 'one', 3)).toBe(7)
  })

  const visible = fc.constantFrom(..."abc(){}@:!'#,-".split(''), ' ', '\n')
  const style = fc.constantFrom(
    Scalar.BLOCK_FOLDED,
    Scalar.BLOCK_LITERAL,
    Scalar.PLAIN,
    Scalar.QUOTE_DOUBLE,
    Scalar.QUOTE_SINGLE,
  )
  test.prop([fc.string({ unit: visible, minLength: 1, maxLength: 200 }), style])('in any style', (text, type) => {
    const written = stringify({ a: text }, { defaultStringType: type, defaultKeyType: 'PLAIN' })
    const { value, found } = visibleAt(written)
    expect(value).toBe(text.replace(/\s/g, ''))
    expect(found).toBe(value)
  })
})
