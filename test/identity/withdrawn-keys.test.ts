/**
 * A key that an issuer or the policy no longer has ends everything that was made from it: JWTs, access tokens and refresh
 * tokens. The sender of a JWT cannot choose by which key it is remembered.
 */
import { decodeJwt } from 'jose'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { isRefusal } from '../../src/worker/identity/identified-caller.ts'
import { identify } from '../../src/worker/identity/identify.ts'
import {
  COOLDOWN_SECONDS,
  REFRESH_BEHIND_SECONDS,
  STALE_SECONDS,
} from '../../src/worker/identity/issuers/remote-keys.ts'
import type { Env } from '../../src/worker/platform/env.ts'
import type { PolicyView } from '../../src/worker/store/policy-view.ts'
import { createTokenService } from '../../src/worker/token-service/service.ts'
import { bearer, makeTokenKey, NOW, requestWith } from './tools/auth-fixture.ts'
import { type HttpIssuer, KEYS, startIssuer } from './tools/http-issuer.ts'
import { jwks, makeKey, type SigningKey, sign } from './tools/issuer.ts'
import { SERVICE, viewOf } from './tools/policy.ts'

const env = { TOKEN_SIGNING_KEY: JSON.stringify(await makeTokenKey()) }
const old = await makeKey('key-1')
const oldRsa = await makeKey('key-1', 'RS256')
const replacement = await makeKey('key-1')
const next = await makeKey('key-2')
const ISSUER = 'https://ci.example.com'

const behind: Promise<unknown>[] = []
const ctx = { waitUntil: (promise: Promise<unknown>) => void behind.push(promise.catch(() => undefined)) }
const settled = () => Promise.all(behind.splice(0))

const policyWith = (issuer: string) =>
  viewOf(`
registry: { service: ${SERVICE} }
issuers: { ci: { ${issuer}, audiences: [${SERVICE}] } }
`)
const inline = (...keys: readonly { readonly jwk: object }[]) =>
  policyWith(`issuer: '${ISSUER}', jwks: ${JSON.stringify({ keys: keys.map(({ jwk }) => jwk) })}`)
const remote = ({ url }: HttpIssuer, path = KEYS) => policyWith(`issuer: '${url}', jwksUri: '${url}${path}'`)

let policy: PolicyView
const service = createTokenService({ policy: () => policy, audit: () => undefined, nowMs: () => Date.now() })
const post = async (path: string, fields: Record<string, string>): Promise<Response> =>
  service.request(
    new Request(`https://${SERVICE}${path}`, { method: 'POST', body: new URLSearchParams(fields) }),
    undefined,
    env as Env,
    { ...ctx, passThroughOnException: () => undefined, props: {} },
  )

async function textFrom(answer: Response, name: string): Promise<string> {
  const content = await answer.json()
  const value = typeof content === 'object' && content !== null ? Reflect.get(content, name) : undefined
  if (typeof value !== 'string') throw new Error(`${answer.status} without ${name}: ${JSON.stringify(content)}`)
  return value
}

const refreshed = (refresh: string) => post('/oauth2/token', { grant_type: 'refresh_token', refresh_token: refresh })

/** The JWT and the tokens made from it: by the exchange, and by a refresh. */
async function made(key: SigningKey, iss: string, header: Readonly<Record<string, unknown>> = {}) {
  const jwt = await sign(key, { iss, aud: SERVICE, sub: 'me', exp: NOW + 20_000 }, header)
  const exchange = { grant_type: 'access_token', access_token: jwt }
  const refresh = await textFrom(await post('/oauth2/exchange', exchange), 'refresh_token')
  const access = await textFrom(await refreshed(refresh), 'access_token')
  return { jwt, refresh, access }
}

const at = (seconds: number) => vi.setSystemTime(seconds * 1000)

/** `yes`, or the code of the refusal or the fault. */
async function counts(token: string, now = Date.now() / 1000): Promise<unknown> {
  try {
    const outcome = await identify(requestWith(bearer(token)), policy, env, ctx, now)
    return isRefusal(outcome) ? outcome.code : 'yes'
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error
  }
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: NOW * 1000 }))
afterEach(() => void vi.useRealTimers())

describe('an inline key that the policy no longer has ends what was made from it, at once', () => {
  const without = { kid: undefined }
  it.each<[string, SigningKey, object, () => PolicyView]>([
    ['removed', old, {}, () => inline(next)],
    ['removed, and the JWT named no kid', old, without, () => inline(next)],
    ['replaced under its kid', old, {}, () => inline(replacement)],
    ['replaced under its kid, and the JWT named no kid', old, without, () => inline(replacement)],
    ['replaced under its kid by a key of another type', oldRsa, {}, () => inline(replacement)],
    ['replaced under no kid', old, without, () => inline({ jwk: { ...next.jwk, kid: undefined } })],
    ['kept for encryption only', old, {}, () => inline({ jwk: { ...old.jwk, use: 'enc' } }, next)],
    ['kept for other operations only', old, {}, () => inline({ jwk: { ...old.jwk, key_ops: ['encrypt'] } }, next)],
    ['kept for another algorithm only', oldRsa, {}, () => inline({ jwk: { ...oldRsa.jwk, alg: 'RS512' } }, next)],
    ['kept for a list of algorithms', oldRsa, {}, () => inline({ jwk: { ...oldRsa.jwk, alg: ['RS256'] } }, next)],
    ['moved to another issuer', old, {}, () => policyWith(`issuer: '${ISSUER}/b', jwks: ${JSON.stringify(jwks(old))}`)],
  ])('%s', async (_, key, header, after) => {
    policy = inline(key)
    const { jwt, access, refresh } = await made(key, ISSUER, { ...header })
    expect([await counts(jwt), await counts(access)]).toEqual(['yes', 'yes'])
    policy = after()
    expect([await counts(jwt), await counts(access)]).toEqual(['credential_invalid', 'credential_revoked'])
    expect((await refreshed(refresh)).status).toBe(401)
  })

  it('and one that stays goes on, under another kid and next to others', async () => {
    policy = inline(old)
    const { access, refresh } = await made(old, ISSUER)
    policy = inline(next, { jwk: { ...old.jwk, kid: 'renamed' } })
    expect(await counts(access)).toBe('yes')
    expect((await refreshed(refresh)).status).toBe(200)
  })

  it('and two keys that a JWT without kid may mean verify nothing', async () => {
    policy = inline(old, next)
    const jwt = await sign(old, { iss: ISSUER, aud: SERVICE, sub: 'me', exp: NOW + 300 }, { kid: undefined })
    expect(await counts(jwt)).toBe('credential_invalid')
  })
})

describe('a key that the issuer withdraws ends what was made from it, within ten minutes', () => {
  const withdrawals: [string, readonly SigningKey[], object][] = [
    ['for another one', [next], {}],
    ['for another one under its kid', [replacement], {}],
    ['for another one, and the JWT named no kid', [next], { kid: undefined }],
    ['for none', [], {}],
  ]

  it.each(withdrawals)('%s', async (_, keys, header) => {
    const issuer = await startIssuer(old)
    policy = remote(issuer)
    const { jwt, access, refresh } = await made(old, issuer.url, { ...header })
    issuer.keys = keys
    at(NOW + REFRESH_BEHIND_SECONDS - 1)
    expect([await counts(jwt), await counts(access)]).toEqual(['yes', 'yes'])
    expect((await refreshed(refresh)).status).toBe(200)
    at(NOW + REFRESH_BEHIND_SECONDS)
    expect([await counts(jwt), await counts(access)]).toEqual(['credential_invalid', 'credential_revoked'])
    expect((await refreshed(refresh)).status).toBe(401)
  })

  it.each(withdrawals)('%s, with traffic all the time', async (_, keys, header) => {
    const issuer = await startIssuer(old)
    policy = remote(issuer)
    const { jwt, access } = await made(old, issuer.url, { ...header })
    issuer.keys = keys
    for (let second = 0; second < REFRESH_BEHIND_SECONDS; second += 37) {
      await counts(jwt, NOW + second)
      await counts(access, NOW + second)
      await settled()
    }
    expect(await counts(jwt, NOW + REFRESH_BEHIND_SECONDS)).toBe('credential_invalid')
    expect(await counts(access, NOW + REFRESH_BEHIND_SECONDS)).toBe('credential_revoked')
  })

  it('and a refresh token that is used again and again does not carry the key further', async () => {
    const issuer = await startIssuer(old)
    policy = remote(issuer)
    const { refresh } = await made(old, issuer.url)
    issuer.keys = [next]
    let access = ''
    for (const second of [200, 400, REFRESH_BEHIND_SECONDS - 1]) {
      at(NOW + second)
      access = await textFrom(await refreshed(refresh), 'access_token')
    }
    expect(decodeJwt(access)).toMatchObject({ dockgate: { federation: { key: { read: { at: NOW } } } } })
    at(NOW + REFRESH_BEHIND_SECONDS)
    expect(await counts(access)).toBe('credential_revoked')
  })

  it('and at once when the policy names another place for the keys', async () => {
    const issuer = await startIssuer(old)
    policy = remote(issuer)
    const { access, refresh } = await made(old, issuer.url)
    issuer.instead.set('/other-keys', (_request, response) => void response.end(JSON.stringify(jwks(next))))
    policy = remote(issuer, '/other-keys')
    expect(await counts(access)).toBe('credential_revoked')
    expect((await refreshed(refresh)).status).toBe(401)
  })

  it('and one that the issuer keeps goes on, as long as the token', async () => {
    const issuer = await startIssuer(old)
    policy = remote(issuer)
    const { refresh } = await made(old, issuer.url)
    issuer.keys = [next, old]
    for (const second of [REFRESH_BEHIND_SECONDS, 5000, 3 * 3600 - 1]) {
      at(NOW + second)
      expect((await refreshed(refresh)).status).toBe(200)
    }
  })
})

describe('an issuer that is down', () => {
  it('is not needed for a token in its first ten minutes, and not while its keys are known', async () => {
    const issuer = await startIssuer(old)
    policy = remote(issuer)
    const { access } = await made(old, issuer.url)
    await issuer.down()
    expect(await counts(access, NOW + REFRESH_BEHIND_SECONDS - 1)).toBe('yes')
    expect(await counts(access, NOW + REFRESH_BEHIND_SECONDS)).toBe('yes')
  })

  it('is asked once a minute, and its keys end with the first answer that lacks them', async () => {
    const issuer = await startIssuer(old)
    policy = remote(issuer)
    const { access } = await made(old, issuer.url)
    await issuer.down()
    expect(await counts(access, NOW + REFRESH_BEHIND_SECONDS)).toBe('yes')
    issuer.keys = [next]
    await issuer.up()
    expect(await counts(access, NOW + REFRESH_BEHIND_SECONDS + COOLDOWN_SECONDS - 1)).toBe('yes')
    expect(await counts(access, NOW + REFRESH_BEHIND_SECONDS + COOLDOWN_SECONDS)).toBe('credential_revoked')
  })

  it('makes a fault of tokens that are older than any key that is known', async () => {
    const issuer = await startIssuer(old)
    policy = remote(issuer)
    const jwt = await sign(old, { iss: issuer.url, aud: SERVICE, sub: 'me', exp: NOW + 2 * STALE_SECONDS })
    expect(await counts(jwt)).toBe('yes')
    await issuer.down()
    expect(await counts(jwt, NOW + STALE_SECONDS)).toBe('issuer_unavailable')
  })
})
