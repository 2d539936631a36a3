/** One credential is verified once, however it is written and sent: nobody makes the gate work again and again with it. */
import { describe, expect, it, vi } from 'vitest'
import { parseAuthorization } from '../../src/identity/authorization.ts'
import { isRefusal } from '../../src/worker/identity/identified-caller.ts'
import {
  type AuthContext,
  authContextOf,
  authenticate,
  authenticateHeader,
  identify,
} from '../../src/worker/identity/identify.ts'
import { issueAccess, issueRefresh } from '../../src/worker/token-service/issue.ts'
import { basic, bearer, ctx, makeTokenKey, NOW, requestWith } from './tools/auth-fixture.ts'
import { jwks, makeKey, sign } from './tools/issuer.ts'
import { SERVICE, viewOf } from './tools/policy.ts'

const env = { TOKEN_SIGNING_KEY: JSON.stringify(await makeTokenKey()) }
const key = await makeKey('key-1')
const CLAIMS = { iss: 'https://ci.example.com', aud: SERVICE, sub: 'me', exp: NOW + 5000 }
const POLICY = `
registry: { service: ${SERVICE} }
issuers: { ci: { issuer: 'https://ci.example.com', audiences: [${SERVICE}], jwks: ${JSON.stringify(jwks(key))} } }
`
const newDesk = (): AuthContext => authContextOf(requestWith(), viewOf(POLICY), env, ctx, NOW)

/** How often a signature is verified while `work` runs. */
async function verifications(work: () => Promise<unknown>): Promise<number> {
  const verify = vi.spyOn(crypto.subtle, 'verify')
  try {
    await work()
    return verify.mock.calls.length
  } finally {
    verify.mockRestore()
  }
}

const SPELLINGS: [string, (jwt: string) => string][] = [
  ['Bearer', bearer],
  ['two spaces', (jwt) => `Bearer  ${jwt}`],
  ['many spaces', (jwt) => `Bearer${' '.repeat(500)}${jwt}`],
  ['small letters', (jwt) => `bearer ${jwt}`],
  ['mixed letters', (jwt) => `bEARer ${jwt}`],
  ['a password', (jwt) => basic('ci', jwt)],
  ['a password of another user', (jwt) => basic('other', jwt)],
  ['a password of nobody', (jwt) => basic('', jwt)],
  ['a password in small letters', (jwt) => basic('x', jwt).replace('Basic', 'basic')],
]

describe('one JWT', () => {
  it('is verified once, however the header spells it', async () => {
    const auth = newDesk()
    const jwt = await sign(key, CLAIMS)
    const work = async () => {
      for (const [, spell] of SPELLINGS) {
        const outcome = await identify(requestWith(spell(jwt)), auth.view, env, ctx, NOW)
        expect(outcome).toMatchObject({ name: 'subject:ci/me' })
      }
    }
    expect(await verifications(work)).toBe(1)
  })

  it.each(SPELLINGS)('that came as %s first is not verified again in a form or an exchange', async (_, spell) => {
    const auth = newDesk()
    const jwt = await sign(key, CLAIMS)
    const work = async () => {
      for (let time = 0; time < 3; time++) {
        expect(await authenticateHeader(spell(jwt), auth, ['access', 'refresh'])).toMatchObject({ source: 'jwt' })
        expect(await authenticate({ kind: 'bearer', token: jwt }, auth, ['access'])).toMatchObject({ source: 'jwt' })
        const form = { kind: 'basic', user: `user-${time}`, password: jwt } as const
        expect(await authenticate(form, auth, ['access', 'refresh'])).toMatchObject({ source: 'jwt' })
      }
    }
    expect(await verifications(work)).toBe(1)
  })

  it('has one spelling: the unused bits at the end of its signature are zero', async () => {
    const auth = newDesk()
    const jwt = await sign(key, CLAIMS)
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const work = async () => {
      for (const letter of letters) {
        const outcome = await identify(requestWith(bearer(jwt.slice(0, -1) + letter)), auth.view, env, ctx, NOW)
        expect(isRefusal(outcome)).toBe(letter !== jwt.at(-1))
      }
    }
    // 64 bytes leave four bits: four endings are canonical.
    expect(await verifications(work)).toBe(4)
  })

  it('does not push others out', async () => {
    const auth = newDesk()
    const others = await Promise.all([1, 2, 3].map((at) => sign(key, { ...CLAIMS, sub: `other-${at}` })))
    for (const jwt of others) await identify(requestWith(bearer(jwt)), auth.view, env, ctx, NOW)
    const jwt = await sign(key, CLAIMS)
    for (let user = 0; user < 12_000; user++) {
      await authenticate({ kind: 'basic', user: `u${user}`, password: jwt }, auth, ['access'])
    }
    const again = async () => {
      for (const other of others) await identify(requestWith(bearer(other)), auth.view, env, ctx, NOW)
    }
    expect(await verifications(again)).toBe(0)
  })
})

describe('what is remembered', () => {
  const minted = async (auth: AuthContext) => {
    const verified = await authenticate({ kind: 'bearer', token: await sign(key, CLAIMS) }, auth, ['access'])
    if (isRefusal(verified)) throw new Error(verified.code)
    const { token: access } = await issueAccess(verified, [], auth)
    return { access, refresh: (await issueRefresh(verified, auth)) ?? '' }
  }

  it('an access token is not a refresh token, and was never one', async () => {
    const auth = newDesk()
    const { access } = await minted(auth)
    expect(await authenticateHeader(bearer(access), auth, ['access'])).toMatchObject({ source: 'access' })
    expect(await authenticate({ kind: 'bearer', token: access }, auth, ['refresh'])).toEqual({
      code: 'credential_invalid',
    })
  })

  it('a refresh token is not remembered, and is not a Bearer token after it was used', async () => {
    const auth = newDesk()
    const { refresh } = await minted(auth)
    expect(await authenticate({ kind: 'bearer', token: refresh }, auth, ['refresh'])).toMatchObject({
      source: 'refresh',
    })
    expect(await authenticateHeader(bearer(refresh), auth, ['access'])).toEqual({ code: 'credential_invalid' })
  })

  it.each(['\n', ' \n', ' ', ' x'])(
    'a header of "Bearer" and %j is read by the parser, and is nothing',
    async (text) => {
      const auth = newDesk()
      expect(parseAuthorization(`Bearer ${text}`).ok).toBe(text.trim() === 'x')
      expect(await authenticateHeader(`Bearer ${text}`, auth, ['access'])).toMatchObject({
        code: text.trim() === 'x' ? 'credential_invalid' : 'credential_malformed',
      })
    },
  )
})
