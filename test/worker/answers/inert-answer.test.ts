/** What a browser, or a log, could make of a relayed answer (fault A12). */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { echoes } from '../../../src/worker/upstream/echo.ts'
import { catchLog, createWorld, DIGEST, errorOf } from '../gate-world.ts'

afterEach(() => vi.restoreAllMocks())

const M = '/v2/samples/app/manifests/v1'
const B = `/v2/samples/app/blobs/${DIGEST}`
const U = '/v2/samples/app/blobs/uploads/'

const INERT = { 'content-security-policy': "default-src 'none'; sandbox", 'x-content-type-options': 'nosniff' }

describe('every answer', () => {
  it.each([
    { what: 'of a manifest', method: 'GET', path: M, as: 'ci', status: 200 },
    { what: 'of a blob', method: 'GET', path: B, as: 'ci', status: 200 },
    { what: 'of a HEAD', method: 'HEAD', path: B, as: 'ci', status: 200 },
    { what: 'of a ping', method: 'GET', path: '/v2/', as: 'ci', status: 200 },
    { what: 'of a refusal', method: 'DELETE', path: M, as: 'ci', status: 403 },
    { what: 'of a challenge', method: 'GET', path: M, as: 'expired', status: 401 },
    { what: 'of no route', method: 'GET', path: '/v2/else', as: 'ci', status: 404 },
  ])('$what runs nothing in a browser', async ({ method, path, as, status }) => {
    const headers = { 'content-security-policy': "script-src 'unsafe-inline'", 'x-content-type-options': 'none' }
    const { call } = createWorld({ registry: () => new Response('x', { headers }) })
    const response = await call(method, path, { as })
    expect(response.status).toBe(status)
    expect(Object.fromEntries(response.headers)).toMatchObject(INERT)
  })

  it.each([404, 500, 302, 416])('that the registry gives with %i runs nothing in a browser', async (status) => {
    const headers = { 'content-type': 'text/html', location: 'https://cdn.example/x' }
    const { call } = createWorld({ registry: () => new Response('<script>', { status, headers }) })
    const response = await call('GET', B, { as: 'ci' })
    expect(Object.fromEntries(response.headers)).toMatchObject(INERT)
    expect(response.headers.get('content-type')).not.toContain('html')
  })
})

describe('the content type of a blob', () => {
  it.each([
    'text/html',
    'Text/HTML; charset=utf-8',
    'text/html, application/octet-stream',
    'application/octet-stream, text/html',
    'application/xhtml+xml',
    'image/svg+xml',
    'text/xml',
    'text/javascript',
    'application/javascript',
    'application/pdf',
    'text/plain',
    'multipart/mixed; boundary=a',
    'html',
    ';',
  ])('%s becomes bytes', async (type) => {
    const { call } = createWorld({ registry: () => new Response('<p>', { headers: { 'content-type': type } }) })
    const response = await call('GET', B, { as: 'ci' })
    expect([response.status, await response.text()]).toEqual([200, '<p>'])
    expect(response.headers.get('content-type')).toBe('application/octet-stream')
  })

  it.each([301, 302, 307, 308])('of a redirect with %i and a page becomes bytes', async (status) => {
    const headers = { 'content-type': 'text/html', location: 'https://cdn.example/x' }
    const { call } = createWorld({ registry: () => new Response('<a href="javascript:x">', { status, headers }) })
    expect((await call('GET', B, { as: 'ci' })).headers.get('content-type')).toBe('application/octet-stream')
  })
})

describe('a document in place of a manifest', () => {
  it.each([
    'text/html',
    'TEXT/HTML;charset=utf-8',
    'text/html;x=application/json',
    'application/json, text/html',
    'application/xhtml+xml',
    'image/svg+xml',
    'text/xml',
    'text/html x',
  ])('of type %s is 502', async (type) => {
    catchLog()
    const { call } = createWorld({ registry: () => new Response('<p>', { headers: { 'content-type': type } }) })
    const response = await call('GET', M, { as: 'ci' })
    expect([response.status, (await errorOf(response)).code]).toEqual([502, 'UNAVAILABLE'])
  })
})

describe('an error of the registry', () => {
  const errors = '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"from the registry"}]}'

  it.each([
    ['application/json', errors],
    ['application/json; charset=utf-8', errors],
    ['Application/JSON', errors],
    ['application/vnd.api+json', errors],
  ])('of type %s passes', async (type, body) => {
    const registry = () => new Response(body, { status: 404, headers: { 'content-type': type } })
    const response = await createWorld({ registry }).call('GET', M, { as: 'ci' })
    expect(await errorOf(response)).toEqual({ code: 'MANIFEST_UNKNOWN', message: 'from the registry' })
  })

  it.each([
    ['a page that mentions JSON', 'text/html; x=json', '<h1>from the registry</h1>'],
    ['a page with a list of errors', 'text/html; charset=application/json', errors],
    ['JSON under the name of a page', 'text/html', errors],
    ['two types', 'application/json, text/html', errors],
    ['JSON with padding', 'application/jsonp', errors],
    ['an old name of JSON', 'text/json', errors],
    ['no type', '', errors],
    ['a page under the name of JSON', 'application/json', '<h1>from the registry</h1>'],
    ['JSON without errors', 'application/json', '{"message":"from the registry"}'],
    ['errors that are not a list', 'application/json', '{"errors":{"message":"from the registry"}}'],
    ['a list', 'application/json', '[{"message":"from the registry"}]'],
    ['half of it', 'application/json', errors.slice(0, -5)],
    ['more than 64 KiB', 'application/json', `{"errors":[{"message":"from the registry${'x'.repeat(65_536)}"}]}`],
  ])('with %s is told in the words of the gate', async (_, type, body) => {
    const registry = () => new Response(body, { status: 404, headers: { 'content-type': type } })
    const response = await createWorld({ registry }).call('GET', M, { as: 'ci' })
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(await errorOf(response)).toEqual({
      code: 'MANIFEST_UNKNOWN',
      message: 'the registry behind the gate refuses this with status 404',
    })
  })
})

describe('the credential of the gate', () => {
  const PASSWORD = 'pässword/of+the?gate'
  const BASIC = `Basic ${Buffer.from(`gate-user:${PASSWORD}`).toString('base64')}`
  const TOKEN = 'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJnYXRlIn0.c2lnbmF0dXJl'
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const part = (authorization: string) => authorization.slice(authorization.indexOf(' ') + 1)
  const PASSWORD_BASE64 = Buffer.from(PASSWORD).toString('base64')
  const escapedBy = (text: string, spelled: (code: number) => string) =>
    [...text].map((char) => spelled(char.codePointAt(0) ?? 0)).join('')
  const numeric = (text: string) => [...text].map((char) => `&#${char.codePointAt(0)};`).join('')

  const echoesOf = (authorization: string): readonly (readonly [string, string])[] => [
    ['raw', `Authorization: ${authorization}`],
    ['without its scheme', part(authorization)],
    ['without its padding', part(authorization).replace(/=+$/, '')],
    ['in base64', base64(authorization)],
    ['in base64, after one character', base64(`x${authorization}`)],
    ['in base64, after two characters', base64(`xy${authorization} and more`)],
    ['in base64url', Buffer.from(`Authorization: ${authorization}`).toString('base64url')],
    ['in a URL', encodeURIComponent(authorization)],
    ['in a URL, with small digits', encodeURIComponent(authorization).replaceAll(/%../g, (code) => code.toLowerCase())],
    ['in HTML', numeric(part(authorization))],
    ['in JSON in JSON', JSON.stringify({ headers: { authorization } }).replaceAll('/', '\\/')],
    ['in a list of Go', `map[Authorization:[${authorization}]]`],
    ['in a URL in a URL', encodeURIComponent(encodeURIComponent(authorization))],
    ['in lines', (part(authorization).match(/.{1,10}/g) ?? []).join('\r\n')],
    ['in two pieces', `${part(authorization).slice(0, 20)}" and "${part(authorization).slice(20)}`],
    ['cut off', `${part(authorization).slice(0, 20)}...`],
    ['in hexadecimal', Buffer.from(part(authorization)).toString('hex')],
    ['in hexadecimal, in capitals', Buffer.from(part(authorization)).toString('hex').toUpperCase()],
    ['in escapes of JavaScript', escapedBy(part(authorization), (code) => `\\x${code.toString(16)}`)],
    ['in escapes of ECMAScript 2015', escapedBy(part(authorization), (code) => `\\u{${code.toString(16)}}`)],
    ['in octal escapes', escapedBy(part(authorization), (code) => `\\${code.toString(8)}`)],
    ['in HTML without semicolons', escapedBy(part(authorization), (code) => `&#${code}`)],
    ['in named references of HTML', part(authorization).replaceAll('/', '&sol;').replaceAll('+', '&plus;')],
    ['in quoted-printable', escapedBy(part(authorization), (code) => `=${code.toString(16).toUpperCase()}`)],
  ]

  const ofPassword: readonly (readonly [string, string])[] = [
    ['as user name and password', `gate-user:${PASSWORD}`],
    ['as the password alone', `the password ${PASSWORD} is wrong`],
    ['as the password in base64', base64(`password=${PASSWORD}`)],
    ['as the password in a URL', `https://gate-user:${encodeURIComponent(PASSWORD)}@registry.example`],
  ]

  const cases = [
    ...echoesOf(BASIC).map(([how, text]) => ({ how: `of Basic ${how}`, authorization: BASIC, text })),
    ...echoesOf(TOKEN).map(([how, text]) => ({ how: `of Bearer ${how}`, authorization: TOKEN, text })),
    ...ofPassword.map(([how, text]) => ({ how: `of Basic ${how}`, authorization: BASIC, text })),
  ]

  describe.each(cases)('that an error repeats, $how,', ({ authorization, text }) => {
    const escaped = JSON.stringify(text).replaceAll('/', '\\/').replaceAll('=', '\\u003d').replaceAll('+', '\\u002B')
    it.each([
      ['a message', `{"errors":[{"code":"DENIED","message":${JSON.stringify(text)}}]}`],
      ['an escaped message', `{"errors":[{"code":"DENIED","message":${escaped}}]}`],
      ['a detail', `{"errors":[{"code":"DENIED","message":"no","detail":{"headers":[[${JSON.stringify(text)}]]}}]}`],
      ['a name', `{"errors":[{"code":"DENIED","detail":{${JSON.stringify(text)}:1}}]}`],
      ['another member', `{"request":${JSON.stringify(text)},"errors":[]}`],
    ])('never reaches the client in %s', async (_, body) => {
      for (const [method, path] of [
        ['GET', M],
        ['PUT', M],
        ['GET', '/v2/samples/app/tags/list'],
        ['GET', `/v2/samples/app/referrers/${DIGEST}`],
      ] as const) {
        const headers = { 'content-type': 'application/json' }
        const { call } = createWorld({
          registry: () => new Response(body, { status: 403, headers }),
          upstream: { authorizationFor: () => authorization },
        })
        const response = await call(method, path, { as: 'ci', ...(method === 'PUT' ? { body: '{}' } : {}) })
        expect([response.status, await errorOf(response)]).toEqual([
          403,
          { code: 'DENIED', message: 'the registry behind the gate refuses this with status 403' },
        ])
      }
    })
  })

  it.each([
    ['location', `https://cdn.example/blob?auth=${encodeURIComponent(BASIC)}`, 302],
    ['location', `https://gate-user:${encodeURIComponent(PASSWORD)}@cdn.example/blob`, 307],
    ['warning', `299 - "${BASIC}"`, 404],
    ['etag', `"${part(BASIC)}"`, 304],
    ['docker-upload-uuid', part(BASIC), 404],
    ['docker-distribution-api-version', part(BASIC), 404],
    ['range', part(BASIC), 416],
    ['content-range', part(BASIC), 416],
    ['oci-subject', part(BASIC), 404],
    ['oci-tag', part(BASIC), 404],
    ['oci-filters-applied', part(BASIC), 404],
    ['retry-after', part(BASIC), 429],
    ['accept-ranges', part(BASIC), 404],
    ['etag', `"${part(BASIC)}"`, 200],
    ['docker-upload-uuid', part(BASIC), 200],
    ['warning', `299 - "${PASSWORD_BASE64}"`, 200],
  ])('never reaches the client in %s', async (name, value, status) => {
    const log = catchLog()
    const { call } = createWorld({
      registry: () => new Response(null, { status, headers: { [name]: value } }),
      upstream: { authorizationFor: () => BASIC },
    })
    const response = await call('GET', B, { as: 'ci' })
    expect(response.status).toBe(502)
    expect(response.headers.get(name) ?? '').not.toContain(value)
    expect(log.lines()).toContain("the registry repeats the gate's own credential in the headers of its answer")
    expect(log.lines()).not.toContain(part(BASIC))
  })

  it.each([
    'manifest unknown',
    'token gate-user has no access',
    'authentication required: Basic realm="registry"',
    'gate-user',
    base64('an unrelated text that is long enough'),
  ])('is not found in %j', (text) => {
    expect(echoes([text], BASIC)).toBe(false)
  })

  it.each(['Basic', 'Basic =', 'Bearer x', 'Basic Og==', ''])('%j is too short to be looked for', (authorization) => {
    expect(echoes(['any text, with x and : and =', ''], authorization)).toBe(false)
  })
})

describe('a redirect', () => {
  it.each([
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    'java\tscript:alert(1)',
    'data:text/html,<script>',
    'vbscript:x',
    'file:///etc/passwd',
    'ftp://cdn.example/blob',
    'blob:https://cdn.example/1',
    'about:blank',
    'https://',
    'http://[',
    'ws://cdn.example/',
  ])('to %j is refused', async (location) => {
    const log = catchLog()
    const { call } = createWorld({ registry: () => new Response(null, { status: 302, headers: { location } }) })
    const response = await call('GET', B, { as: 'ci' })
    expect([response.status, response.headers.get('location')]).toEqual([502, null])
    expect(log.lines()).toContain('the registry redirects to a Location that is not an http or https URL')
  })

  it('from an upload is refused as well', async () => {
    catchLog()
    const headers = { location: 'javascript:alert(1)' }
    const { call } = createWorld({ registry: () => new Response(null, { status: 307, headers }) })
    expect((await call('POST', U, { as: 'ci' })).status).toBe(502)
  })
})
