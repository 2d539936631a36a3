import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { formatQuery, parseQuery, single } from '../../src/registry/query.ts'

const KNOWN = new Set(['a', 'b'])
const read = (text: string) => {
  const query = parseQuery(text, KNOWN)
  return query.ok ? Object.fromEntries(query.value) : query.error.key
}

describe('a query', () => {
  it.each<[string, unknown]>([
    ['', {}],
    ['a=1', { a: ['1'] }],
    ['a=1&b=2&a=3', { a: ['1', '3'], b: ['2'] }],
    ['a', { a: [''] }],
    ['a=', { a: [''] }],
    ['a==1', { a: ['=1'] }],
    ['a=1=2', { a: ['1=2'] }],
    ['a=+%2B', { a: [' +'] }],
    ['%61=%31', { a: ['1'] }],
    ['a=%26b%3D2', { a: ['&b=2'] }],
    ['a=1;b=2', { a: ['1;b=2'] }],
    ['&&a=1&', { a: ['1'] }],
    ['A=1&c=2&a%00=3&a[]=4&+a=5', {}],
    ['%zz=1&%ff=2&\ud800=3&a=4', { a: ['4'] }],
    ['__proto__=1&constructor=2', {}],
    ['a=%C3%A9', { a: ['é'] }],
    ['a=%zz', 'a'],
    ['a=%', 'a'],
    ['a=%c0%af', 'a'],
    ['a=%ed%a0%80', 'a'],
    ['a=\udfff', 'a'],
    ['b=1&%61=%ff', 'a'],
  ])('%j', (text, expected) => {
    expect(read(text)).toEqual(expected)
  })

  it.each<[string, unknown]>([
    ['', { ok: true, value: undefined }],
    ['a=', { ok: true, value: undefined }],
    ['a=1', { ok: true, value: '1' }],
    ['a=1&a=1', { ok: false, error: { code: 'query_invalid', key: 'a', problem: 'is given more than once' } }],
    ['a=&a=1', { ok: false, error: { code: 'query_invalid', key: 'a', problem: 'is given more than once' } }],
  ])('a single value of %j', (text, expected) => {
    const query = parseQuery(text, KNOWN)
    expect(query.ok && single(query.value, 'a')).toEqual(expected)
  })

  test.prop([fc.array(fc.string({ unit: 'grapheme' }))])('is read back as it was written', (values) => {
    const text = formatQuery(values.map((value) => ['a', value] as const))
    expect(read(text.slice(1))).toEqual(values.length === 0 ? {} : { a: values })
    expect(text).toMatch(/^(?:\?[\x21-\x3a\x3c-\x7e]*)?$/)
  })

  it('leaves out what has no value', () => {
    expect(formatQuery([['a', undefined]])).toBe('')
    expect(
      formatQuery([
        ['a', undefined],
        ['b', 0],
      ]),
    ).toBe('?b=0')
  })
})
