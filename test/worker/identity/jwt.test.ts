/** JWTs of configured issuers. Every way in which others were fooled is a row here. */
import { CompactSign } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { identify } from '../../../src/worker/identity/identify.ts'
import type { PolicyView } from '../../../src/worker/store/policy-view.ts'
import { basic, bearer, ctx, makeTokenKey, NOW, requestWith } from '../../identity/tools/auth-fixture.ts'
import { forge, jwks, makeKey, type SigningKey, sign, signAnyway } from '../../identity/tools/issuer.ts'
import { SERVICE, viewOf } from '../../identity/tools/policy.ts'

const ISSUER = 'https://ci.example.com'
const env = { TOKEN_SIGNING_KEY: JSON.stringify(await makeTokenKey()) }
const key = await makeKey('key-1', 'RS256')
const ecKey = await makeKey('key-2', 'ES256')
const edKey = await makeKey('key-3', 'EdDSA')
const strange = await makeKey('key-1', 'RS256')

const GOOD = {
  iss: ISSUER,
  aud: SERVICE,
  sub: 'repo:acme/app:ref:refs/heads/main',
  iat: NOW,
  nbf: NOW,
  exp: NOW + 300,
  repository: 'acme/app',
}

let view: PolicyView
beforeAll(() => {
  view = viewOf(`
registry: { service: ${SERVICE} }
issuers:
  ci:
    issuer: ${ISSUER}
    audiences: [${SERVICE}, second.example.com]
    jwks: ${JSON.stringify(jwks(key, ecKey, edKey))}
identities:
  app: { issuer: ci, claims: { repository: acme/* } }
  main: { issuer: ci, subject: 'repo:acme/app:ref:refs/heads/main' }
  tag: { issuer: ci, claims: { repository: acme/app, ref: refs/tags/v* } }
`)
})

const show = (authorization: string) => identify(requestWith(authorization), view, env, ctx, NOW)

describe('a good JWT is its subject and every identity that it matches', () => {
  const expected = {
    name: `subject:ci/${GOOD.sub}`,
    caller: {
      authenticated: true,
      acts: [`subject:ci/${GOOD.sub}`, 'identity:app', 'identity:main'],
      claims: { repository: 'acme/app' },
    },
  }

  it.each([
    ['RS256', key, GOOD],
    ['ES256', ecKey, GOOD],
    ['EdDSA', edKey, GOOD],
    ['one of several audiences', key, { ...GOOD, aud: ['other.example.com', 'second.example.com'] }],
    ['no iat and no nbf', key, { ...GOOD, iat: undefined, nbf: undefined }],
    ['expired within the leeway', key, { ...GOOD, exp: NOW - 59 }],
    ['not yet valid within the leeway', key, { ...GOOD, nbf: NOW + 60, iat: NOW + 60 }],
    ['claims that policy does not read', key, { ...GOOD, email: 'a@b', nested: { a: 1 } }],
  ])('%s', async (_, signer: SigningKey, claims) => {
    const outcome = await show(bearer(await sign(signer, claims)))
    expect(outcome).toMatchObject(expected)
    expect(outcome).not.toHaveProperty('access')
  })

  it.each(['', 'ci', 'oauth2accesstoken', '00000000-0000-0000-0000-000000000000', 'münchen'])(
    'as password of the user "%s" it is the same',
    async (user) => {
      expect(await show(basic(user, await sign(key, GOOD)))).toMatchObject(expected)
    },
  )

  it('a header may carry a key of its own: it is not looked at', async () => {
    expect(
      await show(bearer(await sign(key, GOOD, { jwk: strange.jwk, jku: 'https://evil.example/jwks' }))),
    ).toMatchObject(expected)
  })
})

it('signing by hand makes what is accepted', async () => {
  const jwt = await signAnyway(key, { alg: 'RS256', kid: 'key-1' }, GOOD)
  expect(await show(bearer(jwt))).toMatchObject({ caller: { authenticated: true } })
})

describe('a JWT is refused', () => {
  const hmac = async (alg: string, secret: Uint8Array) =>
    new CompactSign(new TextEncoder().encode(JSON.stringify(GOOD)))
      .setProtectedHeader({ alg, kid: 'key-1' })
      .sign(secret)
  const spki = async () => {
    const { n = '', e = '' } = key.jwk
    const rsa = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
    const publicKey = await crypto.subtle.importKey('jwk', { kty: 'RSA', n, e }, rsa, true, ['verify'])
    const der = await crypto.subtle.exportKey('spki', publicKey)
    if (!(der instanceof ArrayBuffer)) throw new Error('no DER')
    return new Uint8Array(der)
  }
  const pem = async () =>
    new TextEncoder().encode(
      `-----BEGIN PUBLIC KEY-----\n${btoa(String.fromCharCode(...(await spki())))}\n-----END PUBLIC KEY-----\n`,
    )
  const tampered = async (change: (part: string) => string, part: number) => {
    const parts = (await sign(key, GOOD)).split('.')
    return parts.map((text, at) => (at === part ? change(text) : text)).join('.')
  }
  const flip = (text: string) => `${text.slice(0, 40)}${text[40] === 'A' ? 'B' : 'A'}${text.slice(41)}`
  const claims = (changed: Record<string, unknown>) => () => sign(key, { ...GOOD, ...changed })

  it.each<[string, () => string | Promise<string>]>([
    // Hono CVE-2026-22817 and 22818: algorithm confusion.
    ['HS256 with the public key as secret', async () => hmac('HS256', await pem())],
    ['HS512 with the public key in DER as secret', async () => hmac('HS512', await spki())],
    ['alg none', () => forge({ alg: 'none', kid: 'key-1' }, GOOD, '')],
    ['alg None', () => forge({ alg: 'None', kid: 'key-1' }, GOOD)],
    ['alg NONE', () => forge({ alg: 'NONE', kid: 'key-1' }, GOOD)],
    ['alg nOnE without a kid', () => forge({ alg: 'nOnE' }, GOOD)],
    ['alg in other letter case', () => signAnyway(key, { alg: 'rs256', kid: 'key-1' }, GOOD)],
    ['alg missing', () => signAnyway(key, { kid: 'key-1' }, GOOD)],
    ['alg that is a list', () => signAnyway(key, { alg: ['RS256'], kid: 'key-1' }, GOOD)],
    ['alg that the policy does not list', async () => sign(await makeKey('key-1', 'PS256'), GOOD)],
    ['the kid of an RSA key with ES256', async () => sign({ ...ecKey, kid: 'key-1' }, GOOD)],
    // Authlib CVE-2025-59420: crit.
    ['crit with an unknown extension', () => signAnyway(key, { alg: 'RS256', kid: 'key-1', crit: ['x'], x: 1 }, GOOD)],
    ['crit with b64', () => signAnyway(key, { alg: 'RS256', kid: 'key-1', crit: ['b64'], b64: true }, GOOD)],
    ['crit that is empty', () => signAnyway(key, { alg: 'RS256', kid: 'key-1', crit: [] }, GOOD)],
    // distribution CVE-2025-24976: a key in the token.
    ['another key, embedded as jwk', () => sign(strange, GOOD, { jwk: strange.jwk })],
    ['another key, pointed to by jku', () => sign(strange, GOOD, { jku: 'https://evil.example/jwks.json' })],
    ['another key, embedded as x5c', () => sign(strange, GOOD, { x5c: ['MIIB'] })],
    ['another key, pointed to by x5u', () => sign(strange, GOOD, { x5u: 'https://evil.example/cert' })],
    ['another key with the kid of ours', () => sign(strange, GOOD)],
    ['unknown kid', () => sign({ ...key, kid: 'key-9' }, GOOD)],
    ['kid with a path', () => sign({ ...key, kid: '../key-1' }, GOOD)],
    ['altered header', () => tampered(flip, 0)],
    ['altered claims', () => tampered(flip, 1)],
    ['altered signature', () => tampered(flip, 2)],
    ['no signature', () => tampered(() => '', 2)],
    ['a fourth part', async () => `${await sign(key, GOOD)}.AAAA`],
    ['two parts', async () => (await sign(key, GOOD)).split('.').slice(0, 2).join('.')],
    // serverless-registry: aud never compared, exp optional.
    ['no exp', claims({ exp: undefined })],
    ['no iss', claims({ iss: undefined })],
    ['no aud', claims({ aud: undefined })],
    ['no sub', claims({ sub: undefined })],
    ['exp as text', claims({ exp: String(NOW + 300) })],
    ['exp that is not a number', claims({ exp: null })],
    ['exp in the far future', claims({ exp: NOW + 10 * 366 * 86_400 })],
    ['exp in milliseconds', claims({ exp: (NOW + 300) * 1000 })],
    ['nbf in the future', claims({ nbf: NOW + 61 })],
    ['nbf as text', claims({ nbf: String(NOW) })],
    ['iat in the future', claims({ iat: NOW + 61 })],
    ['iat as text', claims({ iat: String(NOW) })],
    ['foreign aud', claims({ aud: 'other.example.com' })],
    ['aud in other letter case', claims({ aud: SERVICE.toUpperCase() })],
    ['aud with a suffix', claims({ aud: `${SERVICE}.evil.example` })],
    ['aud that is an empty list', claims({ aud: [] })],
    ['aud that is an object', claims({ aud: { [SERVICE]: true } })],
    ['foreign iss', claims({ iss: 'https://evil.example' })],
    ['iss with a slash more', claims({ iss: `${ISSUER}/` })],
    ['iss as a list', claims({ iss: [ISSUER] })],
    ['sub that is not text', claims({ sub: 7 })],
    ['sub that is empty', claims({ sub: '' })],
    ['sub with a control character', claims({ sub: 'a\nb' })],
    ['sub that is too long', claims({ sub: 'a'.repeat(1025) })],
    ['longer than 8 KiB', claims({ padding: 'a'.repeat(8192) })],
    ['ours, by a key that is not', () => sign(key, { ...GOOD, iss: SERVICE })],
    ['claims that are no object', () => signAnyway(key, { alg: 'RS256', kid: 'key-1' }, [])],
  ])('%s', async (_, make) => {
    const jwt = await make()
    expect(await show(bearer(jwt))).toEqual({ code: 'credential_invalid' })
    expect(await show(basic('ci', jwt))).toEqual({ code: 'credential_invalid' })
  })

  it('expired', async () => {
    expect(await show(bearer(await sign(key, { ...GOOD, exp: NOW - 60 })))).toEqual({ code: 'credential_expired' })
  })

  it('expired since it was seen', async () => {
    const authorization = bearer(await sign(key, GOOD))
    const at = (now: number) => identify(requestWith(authorization), view, env, ctx, now)
    expect(await at(NOW)).toMatchObject({ name: `subject:ci/${GOOD.sub}` })
    expect(await at(NOW + 359)).toMatchObject({ name: `subject:ci/${GOOD.sub}` })
    expect(await at(NOW + 360)).toEqual({ code: 'credential_expired' })
  })

  it('signed by an RSA key of 1024 bits, although the issuer publishes it', async () => {
    const pair = await crypto.subtle.generateKey(
      { name: 'RSASSA-PKCS1-v1_5', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
      true,
      ['sign', 'verify'],
    )
    if (!('privateKey' in pair)) throw new Error('no key pair')
    // The policy's loader refuses such a key; one that is fetched meets only the gate.
    const [issuer] = view.common.issuers
    if (issuer === undefined) throw new Error('no issuer')
    const jwk = await crypto.subtle.exportKey('jwk', pair.publicKey)
    const weak: PolicyView = {
      ...view,
      common: { ...view.common, issuers: [{ ...issuer, jwks: { keys: [{ ...jwk, kid: 'weak' }] } }] },
    }
    const jwt = await signAnyway({ ...key, key: pair.privateKey }, { alg: 'RS256', kid: 'weak' }, GOOD)
    expect(await identify(requestWith(bearer(jwt)), weak, env, ctx, NOW)).toEqual({
      code: 'credential_invalid',
    })
  })

  it('once the policy no longer names its issuer, although it was seen before', async () => {
    const authorization = bearer(await sign(key, GOOD))
    expect(await show(authorization)).toMatchObject({ caller: { authenticated: true } })
    const without = viewOf(`registry: { service: ${SERVICE} }`)
    expect(await identify(requestWith(authorization), without, env, ctx, NOW)).toEqual({ code: 'credential_invalid' })
  })
})

describe('two headers', () => {
  it('are refused, good as each may be', async () => {
    const headers = new Headers()
    headers.append('authorization', bearer(await sign(key, GOOD)))
    headers.append('authorization', bearer(await sign(key, GOOD)))
    const request = new Request('https://registry.example.com/v2/', { headers })
    expect(await identify(request, view, env, ctx, NOW)).toEqual({ code: 'credential_malformed' })
  })
})
