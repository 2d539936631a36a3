/** Issuers whose keys live elsewhere, on a real HTTP server: found, kept, refreshed, rotated, lost and found again. */
import { exportJWK } from 'jose'
import { describe, expect, it } from 'vitest'
import type { IssuerRule } from '../../src/identity/federation.ts'
import { DOCUMENT_MAX_BYTES, fetchJson } from '../../src/worker/identity/issuers/fetch-json.ts'
import {
  COOLDOWN_SECONDS,
  FRESH_SECONDS,
  REFRESH_BEHIND_SECONDS,
  RETRY_SECONDS,
  STALE_SECONDS,
  TIMEOUT_MS,
} from '../../src/worker/identity/issuers/remote-keys.ts'
import { verifyIssuerJwt } from '../../src/worker/identity/issuers/verify.ts'
import { NOW, noSeal } from './tools/auth-fixture.ts'
import { DISCOVERY, type HttpIssuer, KEYS, sendJson, startIssuer } from './tools/http-issuer.ts'
import { makeKey, type SigningKey, sign } from './tools/issuer.ts'

const AUDIENCE = 'registry.example.com'
const key = await makeKey('key-1')
const next = await makeKey('key-2')

const ruleOf = (url: string, changed: Partial<IssuerRule> = {}): IssuerRule => ({
  name: 'local',
  issuer: url,
  audiences: [AUDIENCE],
  algorithms: ['ES256'],
  subjectClaim: 'sub',
  groupsClaim: 'groups',
  ...changed,
})

const behind: Promise<unknown>[] = []
const ctx = { waitUntil: (promise: Promise<unknown>) => void behind.push(promise) }
const settled = () => Promise.all(behind.splice(0))

/** `true`, or why not. */
async function verify({ url }: HttpIssuer, signer: SigningKey, now = NOW, changed: Partial<IssuerRule> = {}) {
  const jwt = await sign(signer, { iss: url, aud: AUDIENCE, sub: 'me', exp: now + 300 })
  try {
    const outcome = await verifyIssuerJwt(jwt, [ruleOf(url, changed)], { ctx, now, sealing: noSeal })
    return outcome.ok || outcome.error
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error
  }
}

describe('keys are found', () => {
  it('by discovery', async () => {
    const issuer = await startIssuer(key)
    expect(await verify(issuer, key)).toBe(true)
    expect(issuer.asked).toEqual([DISCOVERY, KEYS])
  })

  it('at jwksUri, without discovery', async () => {
    const issuer = await startIssuer(key)
    expect(await verify(issuer, key, NOW, { jwksUri: `${issuer.url}${KEYS}` })).toBe(true)
    expect(issuer.asked).toEqual([KEYS])
  })

  it('inline, without any network', async () => {
    const issuer = await startIssuer(key)
    expect(await verify(issuer, key, NOW, { jwks: { keys: [{ ...key.jwk }] } })).toBe(true)
    expect(issuer.asked).toEqual([])
  })

  it('once for many callers at once', async () => {
    const issuer = await startIssuer(key)
    expect(await Promise.all(Array.from({ length: 20 }, () => verify(issuer, key)))).toEqual(Array(20).fill(true))
    expect(issuer.asked).toEqual([DISCOVERY, KEYS])
  })

  it('never for an issuer that the policy does not name', async () => {
    const issuer = await startIssuer(key)
    const jwt = await sign(key, { iss: issuer.url, aud: AUDIENCE, sub: 'me', exp: NOW + 300 })
    expect(
      await verifyIssuerJwt(jwt, [ruleOf('https://other.example.com')], { ctx, now: NOW, sealing: noSeal }),
    ).toMatchObject({
      ok: false,
    })
    expect(issuer.asked).toEqual([])
  })

  it('never for a JWT that cannot be good: foreign audience, algorithm', async () => {
    const issuer = await startIssuer(key)
    expect(await verify(issuer, key, NOW, { audiences: ['other'] })).toBe('credential_invalid')
    expect(await verify(issuer, key, NOW, { algorithms: ['RS256'] })).toBe('credential_invalid')
    expect(issuer.asked).toEqual([])
  })
})

describe('keys are kept', () => {
  it('as they are, then read again behind the answer', async () => {
    const issuer = await startIssuer(key)
    await verify(issuer, key)
    expect(await verify(issuer, key, NOW + FRESH_SECONDS - 1)).toBe(true)
    expect(issuer.asked).toHaveLength(2)
    expect(await verify(issuer, key, NOW + FRESH_SECONDS)).toBe(true)
    await settled()
    expect(issuer.asked).toHaveLength(4)
  })

  it('a key that the issuer withdrew ends with the next reading', async () => {
    const issuer = await startIssuer(key)
    await verify(issuer, key)
    issuer.keys = [next]
    expect(await verify(issuer, key, NOW + FRESH_SECONDS)).toBe(true)
    await settled()
    expect(await verify(issuer, key, NOW + FRESH_SECONDS + 1)).toBe('credential_invalid')
  })

  it('and read again before the answer when nobody asked for ten minutes', async () => {
    const issuer = await startIssuer(key)
    await verify(issuer, key)
    issuer.keys = [next]
    expect(await verify(issuer, key, NOW + REFRESH_BEHIND_SECONDS)).toBe('credential_invalid')
  })
})

describe('an issuer that rotates its keys', () => {
  it('is asked again for an unknown key, at most once a minute', async () => {
    const issuer = await startIssuer(key)
    await verify(issuer, key)
    issuer.keys = [key, next]
    expect(await verify(issuer, next, NOW + COOLDOWN_SECONDS - 1)).toBe('credential_invalid')
    expect(issuer.asked).toHaveLength(2)
    expect(await verify(issuer, next, NOW + COOLDOWN_SECONDS)).toBe(true)
    expect(await verify(issuer, key, NOW + COOLDOWN_SECONDS)).toBe(true)
    expect(issuer.asked).toHaveLength(4)
  })

  it('is not flooded by made-up keys', async () => {
    const issuer = await startIssuer(key)
    await verify(issuer, key)
    for (let at = 0; at < 100; at++) {
      expect(await verify(issuer, { ...key, kid: `made-up-${at}` }, NOW + COOLDOWN_SECONDS)).toBe('credential_invalid')
    }
    expect(issuer.asked).toHaveLength(4)
    expect(await verify(issuer, key, NOW + COOLDOWN_SECONDS)).toBe(true)
  })
})

describe('an issuer that is down', () => {
  it('is survived for a day with the keys it had', async () => {
    const issuer = await startIssuer(key)
    await verify(issuer, key)
    await issuer.down()
    expect(await verify(issuer, key, NOW + FRESH_SECONDS)).toBe(true)
    await settled()
    expect(await verify(issuer, key, NOW + REFRESH_BEHIND_SECONDS)).toBe(true)
    expect(await verify(issuer, key, NOW + STALE_SECONDS - 1)).toBe(true)
    expect(await verify(issuer, key, NOW + STALE_SECONDS + COOLDOWN_SECONDS)).toBe('issuer_unavailable')
  })

  it('is a fault when there are no keys, and is tried again soon after', async () => {
    const issuer = await startIssuer(key)
    await issuer.down()
    expect(await verify(issuer, key)).toBe('issuer_unavailable')
    await issuer.up()
    expect(await verify(issuer, key, NOW + RETRY_SECONDS - 1)).toBe('issuer_unavailable')
    expect(issuer.asked).toEqual([])
    expect(await verify(issuer, key, NOW + RETRY_SECONDS)).toBe(true)
  })

  it('does not take others with it', async () => {
    const [lost, fine] = [await startIssuer(key), await startIssuer(key)]
    await lost.down()
    expect(await Promise.all([verify(lost, key), verify(fine, key)])).toEqual(['issuer_unavailable', true])
  })
})

describe('an issuer that answers badly', () => {
  const evil = { issuer: 'https://evil.example', jwks_uri: 'https://evil.example/keys' }

  it.each<[string, string, (issuer: HttpIssuer) => Parameters<typeof sendJson>[1] | string | number]>([
    ['is the document of another issuer', DISCOVERY, ({ url }) => ({ ...evil, jwks_uri: `${url}${KEYS}` })],
    ['speaks for itself with a slash more', DISCOVERY, ({ url }) => ({ issuer: `${url}/`, jwks_uri: `${url}${KEYS}` })],
    ['names no keys', DISCOVERY, ({ url }) => ({ issuer: url })],
    ['names keys by a file URL', DISCOVERY, ({ url }) => ({ issuer: url, jwks_uri: 'file:///etc/passwd' })],
    ['names keys in the clear elsewhere', DISCOVERY, ({ url }) => ({ issuer: url, jwks_uri: 'http://198.51.100.1/' })],
    [
      'names keys with a password in the URL',
      DISCOVERY,
      ({ url }) => ({
        issuer: url,
        jwks_uri: `${url.replace('//', '//a:b@')}${KEYS}`,
      }),
    ],
    ['answers no object', DISCOVERY, () => []],
    ['answers no JSON', KEYS, () => '<html>'],
    ['answers no key set', KEYS, () => ({})],
    ['answers 404', KEYS, () => 404],
    ['answers 500', DISCOVERY, () => 500],
    ['answers 204', KEYS, () => 204],
    ['answers more than is read', KEYS, () => ({ keys: [], padding: 'a'.repeat(DOCUMENT_MAX_BYTES) })],
  ])('%s', async (_, path, make) => {
    const issuer = await startIssuer(key)
    const answer = make(issuer)
    issuer.instead.set(path, (_request, response) => {
      if (typeof answer === 'number') response.writeHead(answer).end()
      else if (typeof answer === 'string') response.end(answer)
      else sendJson(response, answer)
    })
    expect(await verify(issuer, key)).toBe('issuer_unavailable')
  })

  it.each([301, 302, 303, 307, 308])('redirects with %i: it is not followed', async (status) => {
    const [issuer, elsewhere] = [await startIssuer(key), await startIssuer(key)]
    issuer.instead.set(KEYS, (_request, response) =>
      response.writeHead(status, { location: `${elsewhere.url}${KEYS}` }).end(),
    )
    expect(await verify(issuer, key)).toBe('issuer_unavailable')
    expect(elsewhere.asked).toEqual([])
  })

  it('keeps the keys it had when it answers nonsense later', async () => {
    const issuer = await startIssuer(key)
    await verify(issuer, key)
    issuer.instead.set(KEYS, (_request, response) => sendJson(response, { keys: 'none' }))
    expect(await verify(issuer, key, NOW + REFRESH_BEHIND_SECONDS)).toBe(true)
  })

  it('publishes a shared secret: it verifies nothing', async () => {
    const issuer = await startIssuer(key)
    issuer.instead.set(KEYS, (_request, response) =>
      sendJson(response, { keys: [{ kty: 'oct', k: 'AAAA', kid: 'key-1', alg: 'HS256' }, { ...next.jwk }] }),
    )
    expect(await verify(issuer, key)).toBe('credential_invalid')
    expect(await verify(issuer, next)).toBe(true)
  })

  it.each(['ES256', 'RS256', 'EdDSA'])('publishes a private key of %s: it counts for nothing', async (algorithm) => {
    const leaked = await makeKey('leaked', algorithm)
    const privateHalf = async ({ key, kid, algorithm: alg }: SigningKey) => ({ ...(await exportJWK(key)), kid, alg })
    const keys = [await privateHalf(leaked), await privateHalf(next), { ...next.jwk }]
    const issuer = await startIssuer(key)
    issuer.instead.set(KEYS, (_request, response) => sendJson(response, { keys }))
    const algorithms = ['ES256', 'RS256', 'EdDSA'] as const
    expect(await verify(issuer, leaked, NOW, { algorithms })).toBe('credential_invalid')
    // A public key is the only one of its id, whatever private ones have the same.
    expect(await verify(issuer, next, NOW, { algorithms })).toBe(true)
  })

  it('is endless: reading stops', async () => {
    const issuer = await startIssuer(key)
    let sent = 0
    issuer.instead.set(KEYS, (_request, response) => {
      const more = () => {
        if (response.destroyed) return
        sent += 65_536
        response.write('a'.repeat(65_536), () => setImmediate(more))
      }
      more()
    })
    expect(await verify(issuer, key)).toBe('issuer_unavailable')
    expect(sent).toBeLessThan(64 * DOCUMENT_MAX_BYTES)
  })

  it.each([
    ['never answers', () => undefined],
    [
      'drips',
      (response: { write(text: string): unknown; destroyed: boolean }) => {
        const timer = setInterval(() => (response.destroyed ? clearInterval(timer) : response.write(' ')), 200)
      },
    ],
  ])('%s: waiting ends', { timeout: TIMEOUT_MS * 3 }, async (_, answer) => {
    const issuer = await startIssuer(key)
    issuer.instead.set(DISCOVERY, (_request, response) => answer(response))
    const started = performance.now()
    expect(await verify(issuer, key)).toBe('issuer_unavailable')
    expect(performance.now() - started).toBeLessThan(TIMEOUT_MS * 2)
  })
})

describe('only https is read', () => {
  it.each([
    'http://issuer.example.com/',
    'ftp://issuer.example.com/',
    'http://127.0.0.1.example.com/',
    'issuer',
    'data:,{}',
    'https://user:password@issuer.example.com/',
  ])('and not %s', async (address) => {
    await expect(fetchJson(address, AbortSignal.timeout(1000))).rejects.toThrow('is not an https URL')
  })
})
