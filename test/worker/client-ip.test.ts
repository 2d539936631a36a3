import { describe, expect, it } from 'vitest'
import { requestId } from '../../src/worker/answers/audit.ts'
import { clientIpOf } from '../../src/worker/platform/client-ip.ts'

const RAY = '0123456789abcdef-FRA'

describe('the address of a client', () => {
  it.each([
    ['of Cloudflare', undefined, { 'cf-connecting-ip': '1.2.3.4', 'x-forwarded-for': '5.6.7.8' }, '1.2.3.4'],
    ['of Cloudflare, if the variable is empty', '', { 'cf-connecting-ip': '1.2.3.4' }, '1.2.3.4'],
    ['of nobody without it', undefined, { 'x-forwarded-for': '5.6.7.8' }, undefined],
    ['of nobody', 'none', { 'cf-connecting-ip': '1.2.3.4', 'x-forwarded-for': '5.6.7.8', none: '9.9.9.9' }, undefined],
    ['of a proxy', 'x-forwarded-for', { 'x-forwarded-for': '5.6.7.8' }, '5.6.7.8'],
    ['of the last proxy', 'x-forwarded-for', { 'x-forwarded-for': '1.1.1.1, 5.6.7.8' }, '5.6.7.8'],
    ['of nobody, if the proxy gives none', 'x-forwarded-for', { 'x-forwarded-for': '1.1.1.1,' }, undefined],
    ['of nobody, if the header is absent', 'x-real-ip', { 'x-forwarded-for': '1.1.1.1' }, undefined],
    [
      'of a proxy, and not of Cloudflare',
      'x-real-ip',
      { 'x-real-ip': '2.2.2.2', 'cf-connecting-ip': '1.1.1.1' },
      '2.2.2.2',
    ],
  ])('is that %s', (_, name, headers, expected) => {
    const env = name === undefined ? {} : { CLIENT_IP_HEADER: name }
    expect(clientIpOf(new Headers(headers), env)).toBe(expected)
  })
})

describe('the id of a request', () => {
  it('is that of Cloudflare, where it is in front', () => {
    expect(requestId(new Headers({ 'cf-ray': RAY }), {})).toBe(RAY)
    expect(requestId(new Headers({ 'cf-ray': 'x' }), {})).not.toBe('x')
    expect(requestId(new Headers({ 'cf-ray': RAY }), { CLIENT_IP_HEADER: 'none' })).not.toBe(RAY)
  })
})
