import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader, importJWK, jwtVerify } from 'jose'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { AuditRecord } from '../../../src/worker/answers/audit.ts'
import { isRefusal } from '../../../src/worker/identity/identified-caller.ts'
import { identify } from '../../../src/worker/identity/identify.ts'
import type { Env } from '../../../src/worker/platform/env.ts'
import { Fault } from '../../../src/worker/platform/fault.ts'
import { sha256Hex } from '../../../src/worker/platform/sha256.ts'
import type { PolicyView } from '../../../src/worker/store/policy-view.ts'
import { createTokenService } from '../../../src/worker/token-service/service.ts'
import { basic, bearer, ctx, makeTokenKey, NOW, requestWith } from '../../identity/tools/auth-fixture.ts'
import { jwks, makeKey, sign } from '../../identity/tools/issuer.ts'
import { SERVICE, viewOf } from '../../identity/tools/policy.ts'

const ISSUER = 'https://ci.example.com'
const NOBODY = '00000000-0000-0000-0000-000000000000'
const issuerKey = await makeKey('issuer-key')
const sameKid = await makeKey('issuer-key')
const tokenKey = await makeTokenKey()
const env = { TOKEN_SIGNING_KEY: JSON.stringify(tokenKey) }
const first = await sha256Hex('first')
const second = await sha256Hex('second')
const third = await sha256Hex('third')
const at = (seconds: number) => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')

const POLICY = `
registry:
  service: ${SERVICE}
  anonymous: [repositories/public/*/content/read]
scopeMaps:
  samples: { actions: [repositories/samples/*/content/read, repositories/samples/*/content/write, repositories/samples/*/metadata/read] }
tokens:
  ci:
    scopeMap: samples
    credentials:
      password1: { sha256: "${first}" }
      password2: { sha256: "${second}", expires: ${at(NOW + 100)} }
issuers:
  ci: { issuer: '${ISSUER}', audiences: [${SERVICE}], jwks: ${JSON.stringify(jwks(issuerKey))} }
identities:
  acme: { issuer: ci, claims: { repository: acme/* } }
roleAssignments:
  - { principal: 'identity:acme', role: Container Registry Repository Writer, repositories: [acme/*] }
  - { principal: 'group:ci/readers', role: Container Registry Repository Reader, repositories: [shared/*] }
`
const view = viewOf(POLICY)

let policy: PolicyView = view
const records: AuditRecord[] = []
const service = createTokenService({
  policy: () => policy,
  audit: (record) => records.push(record),
  nowMs: () => Date.now(),
})
const send = async (path: string, init: RequestInit = {}): Promise<Response> =>
  service.request(new Request(`https://${SERVICE}${path}`, init), undefined, env as Env, {
    ...ctx,
    passThroughOnException: () => undefined,
    props: {},
  })

const withCredential = (authorization?: string): RequestInit =>
  authorization === undefined ? {} : { headers: { authorization } }
const get = (query: string, authorization?: string) => send(`/token?${query}`, withCredential(authorization))
const post = (fields: string | Record<string, string>, authorization?: string, path = '/oauth2/token') =>
  send(path, { method: 'POST', body: new URLSearchParams(fields), ...withCredential(authorization) })

const scopeOf = (name: string, actions: string) => `repository:${name}:${actions}`
const body = async (answer: Response | Promise<Response>): Promise<Record<string, unknown>> => (await answer).json()
const textIn = (record: Record<string, unknown>, name: string): string => {
  const value = record[name]
  if (typeof value !== 'string') throw new Error(`${name} is missing in ${JSON.stringify(record)}`)
  return value
}
const tokenIn = async (answer: Response | Promise<Response>) => textIn(await body(answer), 'token')
const accessIn = async (answer: Response | Promise<Response>) => decodeJwt(await tokenIn(answer)).access
const jwt = (claims: Record<string, unknown> = {}) =>
  sign(issuerKey, { iss: ISSUER, aud: SERVICE, sub: 'job-1', exp: NOW + 600, repository: 'acme/app', ...claims })

const show = async (token: string, policies = policy, now = NOW) =>
  identify(requestWith(bearer(token)), policies, env, ctx, now)

beforeEach(() => {
  policy = view
  records.length = 0
  vi.useFakeTimers({ toFake: ['Date'], now: NOW * 1000 })
})
afterEach(() => vi.useRealTimers())

describe('an access token', () => {
  it('says everything that clients and registries read', async () => {
    const answer = await get(`service=${SERVICE}&scope=${scopeOf('samples/a', 'pull,push')}`, basic('ci', 'first'))
    expect(answer.status).toBe(200)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    const content = await body(answer)
    expect(content).toEqual({
      token: content.access_token,
      access_token: content.access_token,
      expires_in: 900,
      issued_at: at(NOW),
    })
    const token = textIn(content, 'token')
    expect(decodeProtectedHeader(token)).toEqual({
      typ: 'JWT',
      alg: 'ES256',
      kid: expect.stringMatching(/^(?:[A-Z2-7]{4}:){11}[A-Z2-7]{4}$/),
    })
    expect(decodeJwt(token)).toEqual({
      iss: SERVICE,
      aud: SERVICE,
      sub: 'ci',
      iat: NOW,
      nbf: NOW,
      exp: NOW + 900,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      access: [{ type: 'repository', name: 'samples/a', actions: ['pull', 'push'] }],
      dockgate: { token: 'ci', credential: first.slice(0, 16) },
    })
  })

  it('verifies with the published keys alone', async () => {
    const token = await tokenIn(get(`scope=${scopeOf('samples/a', 'pull')}`, basic('ci', 'first')))
    const { keys } = await (await send('/.well-known/jwks.json')).json<{ keys: Record<string, string>[] }>()
    const [key] = keys
    if (key === undefined) throw new Error('no key')
    expect(keys).toHaveLength(1)
    expect(key).not.toHaveProperty('d')
    expect(key.kid).toBe(decodeProtectedHeader(token).kid)
    await expect(
      jwtVerify(token, await importJWK(key, 'ES256'), { currentDate: new Date(NOW * 1000) }),
    ).resolves.toHaveProperty('payload.sub', 'ci')
  })

  it('is good on the registry, within its access', async () => {
    const token = await tokenIn(get(`scope=${scopeOf('samples/a', 'pull')}`, basic('ci', 'first')))
    const expected = {
      name: 'token:ci',
      caller: { authenticated: true, acts: ['token:ci'] },
      access: [{ type: 'repository', name: 'samples/a', actions: ['pull'] }],
    }
    expect(await show(token)).toMatchObject(expected)
    expect(await identify(requestWith(basic(NOBODY, token)), policy, env, ctx, NOW)).toMatchObject(expected)
  })

  it('expires with a minute of leeway', async () => {
    const token = await tokenIn(get('', basic('ci', 'first')))
    expect(await show(token, policy, NOW + 959)).toMatchObject({ name: 'token:ci' })
    expect(await show(token, policy, NOW + 960)).toEqual({ code: 'credential_expired' })
    expect(await show(token, policy, NOW - 61)).toEqual({ code: 'credential_invalid' })
  })

  it('of an anonymous caller has an empty subject', async () => {
    const token = await tokenIn(get(`scope=${scopeOf('public/a', 'pull,push')}&scope=${scopeOf('samples/a', 'pull')}`))
    expect(decodeJwt(token)).toMatchObject({
      sub: '',
      access: [{ type: 'repository', name: 'public/a', actions: ['pull'] }],
    })
    expect(await show(token)).toMatchObject({ name: 'anonymous', caller: { authenticated: false } })
  })

  it('lives for a minute at least, and not longer than what it is made from', async () => {
    const lifetime = async (authorization: string) => (await body(get('', authorization))).expires_in
    expect(await lifetime(basic('ci', 'second'))).toBe(100)
    expect(await lifetime(bearer(await jwt({ exp: NOW + 300 })))).toBe(300)
    expect(await lifetime(bearer(await jwt({ exp: NOW + 5 })))).toBe(60)
    expect(await lifetime(bearer(await jwt({ exp: NOW + 86_400 })))).toBe(900)
  })
})

describe('scopes', () => {
  const granted = [{ type: 'repository', name: 'samples/a', actions: ['pull', 'push'] }]

  it.each([
    ['repeated', `scope=${scopeOf('samples/a', 'pull')}&scope=${scopeOf('samples/a', 'push')}`],
    ['with spaces', `scope=${scopeOf('samples/a', 'pull')}%20${scopeOf('samples/a', 'push')}`],
    ['with plus signs', `scope=${scopeOf('samples/a', 'pull')}+${scopeOf('samples/a', 'push')}`],
    ['of a deprecated class', `scope=repository(plugin):samples/a:pull,push`],
    ['next to unknown ones', `scope=${scopeOf('samples/a', 'pull,push,fly')}&scope=moon:x:pull&scope=nonsense`],
    ['next to what is not granted', `scope=${scopeOf('samples/a', '*')}&scope=${scopeOf('other', 'pull')}`],
  ])('%s, on GET and on POST', async (name, query) => {
    const wanted = name === 'next to what is not granted' ? ['metadata_read', 'pull', 'push'] : ['pull', 'push']
    const expected = granted.map((access) => ({ ...access, actions: wanted }))
    expect(await accessIn(get(query, basic('ci', 'first')))).toEqual(expected)
    const posted = await post(`${query}&grant_type=password&username=ci&password=first`)
    const content = await body(posted)
    expect(content.scope).toBe(scopeOf('samples/a', wanted.join(',')))
    expect(decodeJwt(textIn(content, 'access_token')).access).toEqual(expected)
  })

  it.each([
    ['none', ''],
    ['none that is granted', `scope=${scopeOf('other/x', 'pull,push')}`],
    ['an empty one', 'scope='],
    ['a repository that no name is', `scope=${scopeOf('Samples/A', 'pull')}`],
    ['deletes that the scope map has not', `scope=${scopeOf('samples/a', 'delete')}`],
  ])('%s is an empty grant, and no error', async (_, query) => {
    const answer = await get(query, basic('ci', 'first'))
    expect(answer.status).toBe(200)
    expect(await accessIn(answer)).toEqual([])
  })

  it('the catalog is for everyone who is authenticated while it is filtered', async () => {
    const query = 'scope=registry:catalog:*'
    expect(await accessIn(get(query, basic('ci', 'first')))).toEqual([
      { type: 'registry', name: 'catalog', actions: ['*'] },
    ])
    expect(await accessIn(get(query))).toEqual([])
    policy = viewOf(POLICY.replace('registry:\n', 'registry:\n  catalog: exact\n'))
    expect(await accessIn(get(query, basic('ci', 'first')))).toEqual([])
  })

  it('beyond the hundredth are dropped', async () => {
    const many = Array.from({ length: 101 }, (_, at) => `scope=${scopeOf(`samples/a${at}`, 'pull')}`)
    expect(await accessIn(get(many.join('&'), basic('ci', 'first')))).toHaveLength(100)
  })

  it('as many and as long as can be asked for make a token that is read back', async () => {
    const name = (at: number) => `samples/${String(at).padStart(3, '0')}${'a'.repeat(52)}`
    const many = Array.from({ length: 100 }, (_, at) => scopeOf(name(at), '*')).join(' ')
    const token = await tokenIn(post({ username: 'ci', password: 'first', scope: many }))
    const outcome = await show(token)
    expect(isRefusal(outcome) ? outcome : outcome.access).toHaveLength(100)
  })

  it('that are too long are refused', async () => {
    expect((await get(`scope=${'a'.repeat(8193)}`, basic('ci', 'first'))).status).toBe(400)
  })

  it('of a caller with groups', async () => {
    const asked = `scope=${scopeOf('shared/a', 'pull,push')}`
    expect(await accessIn(get(asked, bearer(await jwt({ groups: ['readers', 'x'] }))))).toEqual([
      { type: 'repository', name: 'shared/a', actions: ['pull'] },
    ])
    expect(await accessIn(get(asked, bearer(await jwt({ groups: 'none' }))))).toEqual([])
    expect(await accessIn(get(asked, bearer(await jwt({ _claim_names: { groups: 'src1' } }))))).toEqual([])
  })
})

describe('who asks', () => {
  const asked = { scope: scopeOf('samples/a', 'pull') }

  it.each([
    ['password grant', { grant_type: 'password', username: 'ci', password: 'first' }],
    ['no grant type', { username: 'ci', password: 'first' }],
    ['Azure', { grant_type: 'password', service: SERVICE, username: 'ci', password: 'first', tenant: 'x' }],
    ['containerd', { grant_type: 'password', client_id: 'containerd-client', username: 'ci', password: 'first' }],
  ])('by form: %s', async (_, fields) => {
    const content = await body(post({ ...asked, ...fields }))
    expect(decodeJwt(textIn(content, 'access_token'))).toMatchObject({ sub: 'ci' })
    expect(content.scope).toBe(asked.scope)
  })

  it('by header of a form without credentials', async () => {
    expect(await body(post({ ...asked, grant_type: 'password' }, basic('ci', 'first')))).toHaveProperty(
      'scope',
      asked.scope,
    )
  })

  it.each([
    ['no field at all', {}],
    ['password grant without credentials', { grant_type: 'password' }],
    ['Azure SDK', { grant_type: 'password', refresh_token: '', service: SERVICE }],
  ])('nobody: %s', async (_, fields) => {
    const content = await body(post({ ...asked, ...fields }))
    expect(content.scope).toBe('')
    expect(decodeJwt(textIn(content, 'token')).sub).toBe('')
  })

  it.each<[string, () => Promise<Response> | Response]>([
    ['GET, wrong password', () => get('', basic('ci', 'wrong'))],
    ['GET, unknown name', () => get('', basic('nobody', 'first'))],
    ['GET, bearer that is nothing', () => get('', bearer('x'))],
    ['GET, another scheme', () => get('', 'Negotiate YIIB')],
    ['GET, another scheme with parameters', () => get('', 'Digest username="ci", realm="x"')],
    ['POST, another scheme', () => post({ service: SERVICE }, 'Negotiate YIIB')],
    ['POST, wrong password', () => post({ grant_type: 'password', username: 'ci', password: 'wrong' })],
    ['POST, no password', () => post({ grant_type: 'password', username: 'ci' })],
    ['POST, refresh token that is none', () => post({ grant_type: 'refresh_token', refresh_token: 'x' })],
    ['POST, password as refresh token', () => post({ grant_type: 'refresh_token', refresh_token: 'first' })],
    [
      'exchange of nothing good',
      () => post({ grant_type: 'access_token', access_token: 'x' }, undefined, '/oauth2/exchange'),
    ],
  ])('%s is 401, with one challenge, in JSON for both kinds of client', async (_, ask) => {
    const answer = await ask()
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toBe(`Basic realm="${SERVICE}", charset="UTF-8"`)
    expect(await body(answer)).toMatchObject({ errors: [{ code: 'UNAUTHORIZED' }], error: 'invalid_grant' })
  })

  it.each<[string, number, () => Promise<Response> | Response]>([
    ['foreign service', 400, () => get('service=other.example.com', basic('ci', 'first'))],
    ['foreign service next to ours', 400, () => get(`service=${SERVICE}&service=other`, basic('ci', 'first'))],
    ['foreign service in a form', 400, () => post({ grant_type: 'password', service: 'other' })],
    ['unknown grant', 400, () => post({ grant_type: 'authorization_code' })],
    ['access_token at the token endpoint', 400, () => post({ grant_type: 'access_token', access_token: 'x' })],
    ['refresh grant without a token', 400, () => post({ grant_type: 'refresh_token' })],
    ['repeated grant', 400, () => post('grant_type=password&grant_type=refresh_token')],
    ['repeated user', 400, () => post('grant_type=password&username=a&username=b&password=c')],
    ['credentials twice', 400, () => post({ username: 'ci', password: 'first' }, basic('ci', 'first'))],
    ['malformed header', 400, () => get('', 'Bearer a, Bearer b')],
    ['malformed header with a form', 400, () => post({ username: 'ci', password: 'first' }, 'Basic ?')],
    ['NUL in a password', 400, () => post({ username: 'ci', password: 'fir\0st' })],
    [
      'JSON body',
      415,
      () => send('/token', { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }),
    ],
    ['no body', 415, () => send('/token', { method: 'POST' })],
    ['huge form', 413, () => post({ username: 'a'.repeat(70_000) })],
    ['exchange with another grant', 400, () => post({ grant_type: 'password' }, undefined, '/oauth2/exchange')],
    ['exchange without a token', 400, () => post({ grant_type: 'access_token' }, undefined, '/oauth2/exchange')],
    [
      'exchange for another service',
      400,
      () => post({ grant_type: 'access_token', service: 'x', access_token: 'y' }, undefined, '/oauth2/exchange'),
    ],
    ['exchange by GET', 404, () => send('/oauth2/exchange?access_token=x')],
    ['another method', 404, () => send('/token', { method: 'PUT' })],
  ])('%s is %i', async (_, status, ask) => {
    const answer = await ask()
    expect(answer.status).toBe(status)
    expect(answer.headers.get('www-authenticate')).toBeNull()
  })

  it('too often is 429', async () => {
    const limited = { ...env, LOGIN_LIMIT: { limit: () => Promise.resolve({ success: false }) } }
    const request = new Request(`https://${SERVICE}/token`, { headers: { authorization: basic('guess', 'x') } })
    const answer = await service.request(request, undefined, limited as unknown as Env, {
      ...ctx,
      passThroughOnException: () => undefined,
      props: {},
    })
    expect(answer.status).toBe(429)
    expect(answer.headers.get('retry-after')).toBe('60')
    expect(await body(answer)).toMatchObject({ errors: [{ code: 'TOOMANYREQUESTS' }] })
  })
})

describe('a refresh token', () => {
  const refreshBy = async (password: string) =>
    textIn(await body(get('offline_token=true', basic('ci', password))), 'refresh_token')
  const exchange = async (token: string) =>
    textIn(
      await body(
        post({ grant_type: 'access_token', service: SERVICE, access_token: token }, undefined, '/oauth2/exchange'),
      ),
      'refresh_token',
    )
  const use = (token: string, scope = scopeOf('samples/a', 'pull,push')) =>
    post({ grant_type: 'refresh_token', service: SERVICE, refresh_token: token, scope })

  it.each<[string, () => Response | Promise<Response>]>([
    ['GET with offline_token', () => get('offline_token=true', basic('ci', 'first'))],
    [
      'POST with access_type',
      () => post({ grant_type: 'password', username: 'ci', password: 'first', access_type: 'offline' }),
    ],
  ])('comes when asked for: %s', async (_, ask) => {
    expect(await body(ask())).toHaveProperty('refresh_token')
  })

  it.each<[string, () => Response | Promise<Response>]>([
    ['not asked', () => get('', basic('ci', 'first'))],
    ['offline_token=false', () => get('offline_token=false', basic('ci', 'first'))],
    ['access_type=online', () => post({ username: 'ci', password: 'first', access_type: 'online' })],
    ['anonymous', () => get('offline_token=true')],
  ])('does not come: %s', async (_, ask) => {
    expect(await body(ask())).not.toHaveProperty('refresh_token')
  })

  it('gets access tokens, by form and as the password of nobody', async () => {
    const token = await refreshBy('first')
    expect(await accessIn(use(token))).toEqual([{ type: 'repository', name: 'samples/a', actions: ['pull', 'push'] }])
    expect(await accessIn(get(`scope=${scopeOf('samples/a', 'pull')}`, basic(NOBODY, token)))).toHaveLength(1)
    expect(
      await accessIn(post({ username: NOBODY, password: token, scope: scopeOf('samples/a', 'pull') })),
    ).toHaveLength(1)
  })

  it('is handed back when one is asked for again', async () => {
    const token = await refreshBy('first')
    const again = await body(post({ grant_type: 'refresh_token', refresh_token: token, access_type: 'offline' }))
    expect(again.refresh_token).toBe(token)
  })

  it('is not a credential on the registry', async () => {
    const token = await refreshBy('first')
    expect(await show(token)).toEqual({ code: 'credential_invalid' })
    await get('', basic(NOBODY, token))
    expect(await identify(requestWith(basic(NOBODY, token)), policy, env, ctx, NOW)).toEqual({
      code: 'credential_invalid',
    })
    expect(decodeJwt(token).aud).not.toBe(SERVICE)
  })

  it('is not what an access token is', async () => {
    const access = await tokenIn(get('', basic('ci', 'first')))
    expect((await use(access)).status).toBe(401)
  })

  it('ends with its password, in 30 days, or for a JWT in three hours', async () => {
    expect(decodeJwt(await refreshBy('first')).exp).toBe(NOW + 30 * 86_400)
    expect(decodeJwt(await refreshBy('second')).exp).toBe(NOW + 100)
    expect(decodeJwt(await exchange(await jwt())).exp).toBe(NOW + 3 * 3600)
  })

  it('of an exchanged JWT has the rights of its identity', async () => {
    const token = await exchange(await jwt())
    expect(await accessIn(use(token, scopeOf('acme/app', 'pull,push,delete')))).toEqual([
      { type: 'repository', name: 'acme/app', actions: ['pull', 'push'] },
    ])
  })

  it('is not given for an anonymous token', async () => {
    const token = await tokenIn(get(''))
    const answer = await post({ grant_type: 'access_token', access_token: token }, undefined, '/oauth2/exchange')
    expect(answer.status).toBe(401)
  })
})

describe('what a token was made from', () => {
  const minted = async (authorization: string) => {
    const content = await body(get(`offline_token=true&scope=${scopeOf('acme/a', 'pull')}`, authorization))
    return { access: textIn(content, 'token'), refresh: textIn(content, 'refresh_token') }
  }
  const ci = `    scopeMap: samples\n`

  it.each([
    ['disabled', 'first', POLICY.replace(ci, `${ci}    status: disabled\n`), 'token_disabled'],
    ['rotated', 'first', POLICY.replace(first, third), 'credential_revoked'],
    ['removed', 'first', POLICY.replace(`      password1: { sha256: "${first}" }\n`, ''), 'credential_revoked'],
    [
      'expired early',
      'first',
      POLICY.replace(`"${first}" }`, `"${first}", expires: ${at(NOW)} }`),
      'credential_revoked',
    ],
    [
      'deleted with its token',
      'first',
      POLICY.replace('  ci:\n    scopeMap', '  ci2:\n    scopeMap'),
      'credential_revoked',
    ],
  ])('%s: access and refresh tokens end at the next call', async (_, password, changed, code) => {
    const { access, refresh } = await minted(basic('ci', password))
    expect(await show(access)).toMatchObject({ name: 'token:ci' })
    policy = viewOf(changed)
    expect(await show(access)).toEqual({ code })
    const answer = await post({ grant_type: 'refresh_token', refresh_token: refresh })
    expect(answer.status).toBe(401)
  })

  it('other password rotated: nothing ends', async () => {
    const { access } = await minted(basic('ci', 'first'))
    expect(await show(access, viewOf(POLICY.replace(second, third)))).toMatchObject({ name: 'token:ci' })
  })

  it.each([
    ['issuer removed', POLICY.replace(/issuers:.*/s, '')],
    [
      'issuer renamed',
      POLICY.replace('issuers:\n  ci:', 'issuers:\n  ci2:')
        .replaceAll('issuer: ci,', 'issuer: ci2,')
        .replace('group:ci/', 'group:ci2/'),
    ],
    ['audience removed', POLICY.replace(`audiences: [${SERVICE}]`, 'audiences: [other]')],
    ['issuer URL changed', POLICY.replace(`'${ISSUER}'`, `'${ISSUER}/new'`)],
    ['subject claim changed', POLICY.replace(`issuer: '${ISSUER}'`, `subjectClaim: oid, issuer: '${ISSUER}'`)],
    [
      'inline key replaced under its kid',
      POLICY.replace(JSON.stringify(jwks(issuerKey)), JSON.stringify(jwks(sameKid))),
    ],
    ['algorithm removed', POLICY.replace(`issuer: '${ISSUER}'`, `algorithms: [RS256], issuer: '${ISSUER}'`)],
  ])('%s: tokens of its JWTs end at the next call', async (_, changed) => {
    const { access, refresh } = await minted(bearer(await jwt()))
    expect(await show(access)).toMatchObject({ name: 'subject:ci/job-1' })
    policy = viewOf(changed)
    expect(await show(access)).toEqual({ code: 'credential_revoked' })
    expect((await post({ grant_type: 'refresh_token', refresh_token: refresh })).status).toBe(401)
  })

  it('identity changed: the token acts as what is left', async () => {
    const { access } = await minted(bearer(await jwt()))
    expect(await show(access)).toMatchObject({ caller: { acts: ['subject:ci/job-1', 'identity:acme'] } })
    const changed = await show(access, viewOf(POLICY.replace('repository: acme/*', 'repository: other/*')))
    expect(isRefusal(changed) ? [] : changed.caller.acts).toEqual(['subject:ci/job-1'])
  })

  it('an identity known by a claim that no token carries yet: its deny does not miss those who may be it', async () => {
    const { access, refresh } = await minted(bearer(await jwt({ ref: 'refs/heads/untrusted' })))
    const denied =
      viewOf(`${POLICY.replace('identities:', 'identities:\n  untrusted: { issuer: ci, claims: { ref: refs/heads/untrusted } }')}
denyAssignments:
  - { principals: ['identity:untrusted'], permissions: [content/read, content/write] }
`)
    expect(await show(access)).toMatchObject({ caller: { acts: ['subject:ci/job-1', 'identity:acme'] } })
    policy = denied
    expect(await show(access)).toEqual({ code: 'credential_revoked' })
    expect((await post({ grant_type: 'refresh_token', refresh_token: refresh })).status).toBe(401)
    const { access: again } = await minted(bearer(await jwt({ ref: 'refs/heads/untrusted' })))
    expect(await show(again)).toMatchObject({
      caller: { acts: ['subject:ci/job-1', 'identity:untrusted', 'identity:acme'] },
    })
  })

  it('a JWT whose end has a fraction', async () => {
    const { access, refresh } = await minted(bearer(await jwt({ exp: NOW + 600.5 })))
    expect(await show(access)).toMatchObject({ name: 'subject:ci/job-1' })
    expect((await post({ grant_type: 'refresh_token', refresh_token: refresh })).status).toBe(200)
  })

  it('only the claims that policy reads travel', async () => {
    const { access } = await minted(bearer(await jwt({ email: 'a@example.com', groups: ['readers'] })))
    expect(decodeJwt(access).dockgate).toEqual({
      federation: {
        name: 'ci',
        key: { thumbprint: await calculateJwkThumbprint(issuerKey.jwk), algorithm: 'ES256' },
        issuer: ISSUER,
        audience: SERVICE,
        subjectClaim: 'sub',
        groupsClaim: 'groups',
        subject: 'job-1',
        groups: ['readers'],
        read: ['repository'],
        claims: { repository: 'acme/app' },
        odd: [],
      },
      until: NOW + 600,
    })
  })

  it('signed by another key, or by none of ours any more', async () => {
    const { access } = await minted(basic('ci', 'first'))
    const other = { TOKEN_SIGNING_KEY: JSON.stringify(await makeTokenKey()) }
    expect(await identify(requestWith(bearer(access)), viewOf(POLICY), other, ctx, NOW)).toEqual({
      code: 'credential_invalid',
    })
    const both = { TOKEN_SIGNING_KEY: JSON.stringify({ keys: [await makeTokenKey(), tokenKey] }) }
    expect(await identify(requestWith(bearer(access)), viewOf(POLICY), both, ctx, NOW)).toMatchObject({
      name: 'token:ci',
    })
  })
})

describe('an exchange is monotone', () => {
  it('an access token gets no more than it has, and no longer', async () => {
    const pull = await tokenIn(get(`scope=${scopeOf('samples/a', 'pull')}`, basic('ci', 'first')))
    const asked = `scope=${scopeOf('samples/a', 'pull,push')}&scope=${scopeOf('samples/b', 'pull')}`
    for (const authorization of [bearer(pull), basic('ci', pull), basic(NOBODY, pull)]) {
      expect(await accessIn(get(asked, authorization))).toEqual([
        { type: 'repository', name: 'samples/a', actions: ['pull'] },
      ])
    }
    const refresh = textIn(await body(get('offline_token=true', bearer(pull))), 'refresh_token')
    expect(decodeJwt(refresh).exp).toBe(NOW + 900)
    expect(await accessIn(post(`grant_type=refresh_token&refresh_token=${refresh}&${asked}`))).toEqual([
      { type: 'repository', name: 'samples/a', actions: ['pull'] },
    ])
  })

  it('an end that is near stays, however often it is exchanged', async () => {
    let token = await tokenIn(get('', bearer(await jwt({ exp: NOW + 30 }))))
    for (let now = NOW; now < NOW + 90; now += 20) {
      vi.setSystemTime(now * 1000)
      token = await tokenIn(get('', bearer(token)))
    }
    expect(await show(token, policy, NOW + 90)).toEqual({ code: 'credential_expired' })
  })
})

describe('without a signing key', () => {
  it.each([
    ['missing', undefined],
    ['empty', ''],
    ['not JSON', 'secret'],
    ['a public key', JSON.stringify({ ...tokenKey, d: undefined })],
    ['another curve', JSON.stringify({ ...tokenKey, crv: 'P-384' })],
    ['no keys', '{"keys":[]}'],
  ])('%s: a fault, and no word of it', async (_, text) => {
    const { tokenKeys } = await import('../../../src/worker/identity/keys.ts')
    const failure = tokenKeys({ TOKEN_SIGNING_KEY: text } as Env)
    await expect(failure).rejects.toMatchObject({ name: 'Fault', code: 'signing_key_unavailable' })
    await expect(failure).rejects.not.toThrow('secret')
  })
})

describe('the record of an answer', () => {
  const scope = scopeOf('samples/a', 'pull,push')

  it('names the caller, its password and the scopes that were given', async () => {
    await get(`service=${SERVICE}&scope=${scope}`, basic('ci', 'first'))
    expect(records).toEqual([
      {
        v: 2,
        time: new Date(NOW * 1000).toISOString(),
        id: expect.any(String),
        principal: 'token:ci',
        as: ['token:ci', 'everyone'],
        password: expect.any(String),
        operation: 'token',
        method: 'GET',
        scopes: [scope],
        decision: 'allow',
        bundle: view.serial,
        status: 200,
        ms: 0,
      },
    ])
  })

  it('of a token of an issuer has the claims of nobody and the password of nobody', async () => {
    await post(
      { grant_type: 'access_token', service: SERVICE, access_token: await jwt() },
      undefined,
      '/oauth2/exchange',
    )
    expect(records).toMatchObject([{ operation: 'exchange', method: 'POST', decision: 'allow', status: 200 }])
    expect(records[0]?.password).toBeUndefined()
    expect(records[0]?.as).toContain('everyone')
  })

  it.each([
    [
      'a wrong password',
      () => get(`service=${SERVICE}&scope=${scope}`, basic('ci', 'wrong')),
      'credential_invalid',
      401,
    ],
    ['an odd header', () => get(`service=${SERVICE}`, 'Basic'), 'invalid_request', 400],
    ['another service', () => get('service=other'), 'invalid_request', 400],
    ['an odd form', () => post({ grant_type: 'magic', service: SERVICE }), 'unsupported_grant_type', 400],
  ])('of %s says why it was refused, and no secret', async (_, ask, reason, status) => {
    expect((await ask()).status).toBe(status)
    expect(records).toMatchObject([{ operation: 'token', decision: 'deny', reason, status }])
    expect(JSON.stringify(records)).not.toContain('wrong')
  })

  it('of a gate without a policy says so', async () => {
    const broken = createTokenService({
      policy: () => {
        throw new Fault('policy_unavailable', 'none')
      },
      audit: (record) => records.push(record),
      nowMs: () => Date.now(),
    })
    await broken.request(`https://${SERVICE}/token`, undefined, env as Env, {
      ...ctx,
      passThroughOnException: () => undefined,
      props: {},
    })
    expect(records).toMatchObject([{ operation: 'token', decision: 'deny', reason: 'policy_unavailable', status: 503 }])
  })
})
