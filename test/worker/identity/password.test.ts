import { describe, expect, it } from 'vitest'
import { type IdentifiedCaller, isRefusal } from '../../../src/worker/identity/identified-caller.ts'
import { identify } from '../../../src/worker/identity/identify.ts'
import { sha256Hex } from '../../../src/worker/platform/sha256.ts'
import { basic, bearer, ctx, makeTokenKey, NOW, requestWith } from '../../identity/tools/auth-fixture.ts'
import { viewOf } from '../../identity/tools/policy.ts'

const env = { TOKEN_SIGNING_KEY: JSON.stringify(await makeTokenKey()) }
const at = (seconds: number) => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')

const firstDigest = await sha256Hex('first')

const policy = `
registry: { service: registry.example.com, anonymous: [repositories/public/*/content/read] }
tokens:
  ci:
    scopeMap: _repositories_push
    credentials:
      password1: { sha256: "${firstDigest}", expires: ${at(NOW + 100)} }
      password2: { sha256: "${await sha256Hex('second')}" }
  off:
    scopeMap: _repositories_pull
    status: disabled
    credentials: { password1: { sha256: "${firstDigest}" } }
`
const view = viewOf(policy)

const identified = async (authorization: string | undefined, now = NOW, policies = view): Promise<IdentifiedCaller> => {
  const outcome = await identify(requestWith(authorization), policies, env, ctx, now)
  if (isRefusal(outcome)) throw new Error(outcome.code)
  return outcome
}
const refused = async (authorization: string, now = NOW, policies = view) =>
  identify(requestWith(authorization), policies, env, ctx, now)

describe('a caller without a credential', () => {
  it('is anonymous, at once', () => {
    const outcome = identify(requestWith(), view, env, ctx, NOW)
    expect(outcome).toMatchObject({ name: 'anonymous', caller: { authenticated: false, acts: [] } })
    expect(outcome).not.toHaveProperty('access')
  })
})

describe('a token and its password', () => {
  it.each([
    ['first password', 'first'],
    ['second password', 'second'],
  ])('%s', async (_, password) => {
    const outcome = await identified(basic('ci', password))
    expect(outcome).toMatchObject({ name: 'token:ci', caller: { authenticated: true, acts: ['token:ci'] } })
    expect(outcome).not.toHaveProperty('access')
  })

  it('is not proved by what is remembered of it', async () => {
    const header = basic('ci', 'second')
    await identified(header)
    const digest = await sha256Hex(header)
    expect(await refused(digest)).toEqual({ code: 'credential_malformed' })
    expect(await refused(`Basic ${digest}`)).toEqual({ code: 'credential_malformed' })
    expect(await refused(`Bearer ${digest}`)).toEqual({ code: 'credential_invalid' })
    expect(() => new Headers({ authorization: `a\n${digest}` })).toThrow(TypeError)
  })

  it('where the shard has to be read first', async () => {
    expect(await identified(basic('ci', 'second'), NOW, viewOf(policy, { promised: true }))).toMatchObject({
      name: 'token:ci',
    })
  })

  it.each([
    ['wrong password', basic('ci', 'wrong')],
    ['empty password', basic('ci', '')],
    ['empty name', basic('', 'first')],
    ['name in other letter case', basic('CI', 'first')],
    ['unknown name', basic('nobody', 'first')],
    ['name that none can have', basic('a/b c', 'first')],
    ['disabled token with its right password', basic('off', 'first')],
    ['the digest instead of the password', basic('ci', firstDigest)],
    ['password with a space after it', basic('ci', 'first ')],
  ])('%s is one and the same refusal', async (_, authorization) => {
    expect(await refused(authorization)).toEqual({ code: 'credential_invalid' })
  })

  it('expires to the second, also when it was seen before', async () => {
    const fresh = viewOf(policy)
    expect(await identified(basic('ci', 'first'), NOW + 99, fresh)).toMatchObject({ name: 'token:ci' })
    expect(await refused(basic('ci', 'first'), NOW + 100, fresh)).toEqual({ code: 'credential_invalid' })
    expect(await identified(basic('ci', 'second'), NOW + 100, fresh)).toMatchObject({ name: 'token:ci' })
  })

  it('is judged by the policy in force at each call', async () => {
    expect(await identified(basic('ci', 'first'))).toMatchObject({ name: 'token:ci' })
    const disabled = viewOf(policy.replace('scopeMap: _repositories_push', '$&\n    status: disabled'))
    expect(await refused(basic('ci', 'first'), NOW, disabled)).toEqual({ code: 'credential_invalid' })
  })
})

describe('a header that holds no one credential', () => {
  it.each([
    ['two headers', `${basic('ci', 'first')}, ${basic('ci', 'first')}`],
    ['two words behind an unknown scheme', 'Token first second'],
    ['bearer with a comma', 'Bearer, x'],
    ['empty', ''],
  ])('%s', async (_, authorization) => {
    expect(await refused(authorization)).toEqual({ code: 'credential_malformed' })
  })

  it('one credential of an unknown scheme', async () => {
    expect(await refused('Token first')).toEqual({ code: 'credential_unsupported' })
  })

  it('an opaque bearer token', async () => {
    expect(await refused(bearer('opaque'))).toEqual({ code: 'credential_invalid' })
  })

  it('a password as bearer token', async () => {
    expect(await refused(bearer('first'))).toEqual({ code: 'credential_invalid' })
  })
})

describe('failed logins', () => {
  const limited = (limit: number) => {
    const counts = new Map<string, number>()
    const seen: string[] = []
    return {
      seen,
      env: {
        ...env,
        LOGIN_LIMIT: {
          limit: ({ key }: { key: string }) => {
            seen.push(key)
            counts.set(key, (counts.get(key) ?? 0) + 1)
            return Promise.resolve({ success: (counts.get(key) ?? 0) <= limit })
          },
        },
      },
    }
  }
  const from = (ip: string, authorization: string) =>
    new Request('https://registry.example.com/v2/', { headers: { authorization, 'cf-connecting-ip': ip } })

  it('are counted per address and name, and only they', async () => {
    const { env: bound, seen } = limited(2)
    const attempt = (ip: string, user: string, password: string, now = NOW) =>
      identify(from(ip, basic(user, password)), viewOf(policy), bound, ctx, now)
    expect(await attempt('192.0.2.1', 'ci', 'second')).toMatchObject({ name: 'token:ci' })
    expect(seen).toHaveLength(0)
    expect(await attempt('192.0.2.1', 'ci', 'x')).toEqual({ code: 'credential_invalid' })
    expect(await attempt('192.0.2.1', 'ci', 'y')).toEqual({ code: 'credential_invalid' })
    expect(await attempt('192.0.2.1', 'ci', 'z')).toEqual({ code: 'too_many_failures' })
    expect(await attempt('192.0.2.1', 'ci', 'second')).toEqual({ code: 'too_many_failures' })
    expect(await attempt('192.0.2.2', 'ci', 'second')).toMatchObject({ name: 'token:ci' })
    expect(await attempt('192.0.2.1', 'other', 'x')).toEqual({ code: 'credential_invalid' })
    expect(await attempt('192.0.2.1', 'ci', 'second', NOW + 60)).toMatchObject({ name: 'token:ci' })
    expect(seen.join()).not.toMatch(/ci|192/)
  })

  it('do not stop a credential that was verified before', async () => {
    const { env: bound } = limited(0)
    const known = viewOf(policy)
    const good = from('192.0.2.9', basic('ci', 'second'))
    expect(await identify(good, known, bound, ctx, NOW)).toMatchObject({ name: 'token:ci' })
    expect(await identify(from('192.0.2.9', basic('ci', 'x')), known, bound, ctx, NOW)).toEqual({
      code: 'too_many_failures',
    })
    expect(await identify(good, known, bound, ctx, NOW)).toMatchObject({ name: 'token:ci' })
  })

  it('are not counted when the counter fails', async () => {
    const broken = { ...env, LOGIN_LIMIT: { limit: () => Promise.reject(new Error('down')) } }
    expect(await identify(from('192.0.2.7', basic('ci', 'x')), view, broken, ctx, NOW)).toEqual({
      code: 'credential_invalid',
    })
  })
})
