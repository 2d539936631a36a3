import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { errorBody, invalidName, invalidQuery, notFound, unknownOperation } from '../../src/registry/refusal.ts'

describe('the error body', () => {
  it('is what clients parse', () => {
    expect(errorBody({ status: 403, code: 'DENIED', message: 'no' })).toBe(
      '{"errors":[{"code":"DENIED","message":"no"}]}',
    )
    expect(JSON.parse(errorBody({ status: 403, code: 'DENIED', message: '"\n', detail: { a: 1 } }))).toEqual({
      errors: [{ code: 'DENIED', message: '"\n', detail: { a: 1 } }],
    })
  })

  it.each([
    [invalidName(), 400, 'NAME_INVALID'],
    [invalidQuery({ code: 'query_invalid', key: 'n', problem: 'is not a number' }), 400, 'UNSUPPORTED'],
    [notFound('BLOB_UNKNOWN', 'no such blob'), 404, 'BLOB_UNKNOWN'],
    [unknownOperation('GET'), 404, 'UNSUPPORTED'],
  ])('of %j has its status and code', (error, status, code) => {
    expect(error).toMatchObject({ status, code })
    expect(JSON.parse(errorBody(error)).errors[0]).toEqual({ code, message: error.message })
  })
})

describe('an unknown method', () => {
  it('is named when it is one', () => {
    expect(unknownOperation('PROPFIND').message).toContain('PROPFIND')
  })

  it.each(['', 'get', 'GET ', 'GET\r\nX: y', '<script>', 'A'.repeat(17), 'G\u0415T'])(
    'is not repeated when it is %j',
    (method) => {
      expect(unknownOperation(method)).toEqual(unknownOperation('?'))
    },
  )

  test.prop([fc.string({ unit: 'binary' })])('never puts anything but capital letters into the message', (method) => {
    expect(unknownOperation(method).message).toMatch(
      /^no registry operation has this path and the method (?:[A-Z]+|given)$/,
    )
  })
})
