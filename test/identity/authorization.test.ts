import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { parseAuthorization } from '../../src/identity/authorization.ts'

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

describe('a credential is read', () => {
  it.each([
    ['Bearer abc.def-_~+/==', { kind: 'bearer', token: 'abc.def-_~+/==' }],
    ['bearer abc', { kind: 'bearer', token: 'abc' }],
    ['BEARER  abc', { kind: 'bearer', token: 'abc' }],
    [basic('ci:secret'), { kind: 'basic', user: 'ci', password: 'secret' }],
    ['bAsIc Y2k6c2VjcmV0', { kind: 'basic', user: 'ci', password: 'secret' }],
    [basic('ci:a:b:'), { kind: 'basic', user: 'ci', password: 'a:b:' }],
    [basic(':'), { kind: 'basic', user: '', password: '' }],
    [basic('müller:pässwörd€𝄞'), { kind: 'basic', user: 'müller', password: 'pässwörd€𝄞' }],
    ['Basic Y2k6c2VjcmU', { kind: 'basic', user: 'ci', password: 'secre' }],
  ])('%s', (header, value) => {
    expect(parseAuthorization(header)).toEqual({ ok: true, value })
  })

  test.prop([fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' })])(
    'what Basic encodes',
    (user, password) => {
      fc.pre(!user.includes(':') && ![...(user + password)].some((c) => c < ' ' || c === '\x7f'))
      expect(parseAuthorization(basic(`${user}:${password}`))).toEqual({
        ok: true,
        value: { kind: 'basic', user, password },
      })
    },
  )
})

describe('one credential of another scheme is told from a malformed one', () => {
  it.each([
    ['a token', 'Negotiate YIIB+/abc=='],
    ['a token of one letter', 'Digest a'],
    ['a scheme that begins like ours', 'Bearerx abc'],
    ['one parameter', 'DPoP token=abc'],
    ['parameters', 'Digest username="Mufasa", realm="a, b", uri="/v2/", response=6629'],
    ['parameters with quotes in quotes', 'Digest username="a\\"b" , qop=auth'],
    ['a signature', 'AWS4-HMAC-SHA256 Credential=AKID, SignedHeaders=host, Signature=fe5f'],
    ['another letter case', 'nEGOTIATE abc'],
  ])('%s', (_, header) => {
    expect(parseAuthorization(header)).toEqual({ ok: false, error: 'credential_unsupported' })
  })
})

describe('everything else is malformed', () => {
  it.each([
    ['nothing', ''],
    ['a scheme alone', 'Bearer'],
    ['a scheme and a space', 'Bearer '],
    ['a token without a scheme', 'abc.def.ghi'],
    ['a comma after the scheme', 'Bearer, abc'],
    ['a comma after the token', 'Bearer abc,'],
    ['two headers, joined', 'Bearer abc, Bearer def'],
    ['two headers of different schemes, joined', `${basic('a:b')}, Bearer def`],
    ['a second word', 'Bearer abc def'],
    ['a leading space', ' Bearer abc'],
    ['a tab', 'Bearer\tabc'],
    ['a line end', 'Bearer abc\n'],
    ['a NUL', 'Bearer abc\0'],
    ['a quote', 'Bearer "abc"'],
    ['padding in the middle', 'Bearer ab=c'],
    ['a letter outside ASCII', 'Bearer äbc'],
    ['too long', `Bearer ${'a'.repeat(50_000)}`],
    ['Basic without a colon', basic('secret')],
    ['Basic in base64url', 'Basic Y2k6_w-_'],
    ['Basic with one digit too many', 'Basic Y2k6c'],
    ['Basic with bits beyond the last byte', 'Basic Y2k6c2VjcmV='],
    ['Basic with wrong padding', 'Basic Y2k6c2VjcmV0='],
    ['Basic that is not UTF-8', `Basic ${Buffer.from([0x63, 0x69, 0x3a, 0xff]).toString('base64')}`],
    ['Basic with overlong UTF-8', `Basic ${Buffer.from([0xc0, 0x80, 0x3a, 0x61]).toString('base64')}`],
    ['Basic with a surrogate in UTF-8', `Basic ${Buffer.from([0xed, 0xa0, 0x80, 0x3a]).toString('base64')}`],
    ['Basic with a line end in the user name', basic('ci\n:secret')],
    ['Basic with a NUL in the password', basic('ci:sec\0ret')],
  ])('%s', (_, header) => {
    expect(parseAuthorization(header)).toEqual({ ok: false, error: 'credential_malformed' })
  })

  it.each([
    ['two credentials of other schemes, joined', 'Negotiate abc, NTLM def'],
    ['another scheme and one of ours, joined', 'Negotiate abc, Bearer def'],
    ['parameters and one of ours, joined', 'Digest username="a", Bearer def'],
    ['another scheme with two words', 'Negotiate abc def'],
    ['another scheme with a broken quote', 'Digest username="a'],
    ['another scheme without a credential', 'Negotiate '],
    ['another scheme with a line end', 'Negotiate abc\n'],
    ['another scheme with an odd character', 'Neg(otiate abc'],
    ['another scheme that is too long', `Negotiate ${'a'.repeat(9000)}`],
    ['ours with parameters', 'Bearer token="abc"'],
    ['ours in another letter case, with parameters', 'bASIC user="abc"'],
  ])('also of other schemes: %s', (_, header) => {
    expect(parseAuthorization(header)).toEqual({ ok: false, error: 'credential_malformed' })
  })

  test.prop([fc.string()])('never throws', (header) => {
    expect(typeof parseAuthorization(header).ok).toBe('boolean')
  })
})
