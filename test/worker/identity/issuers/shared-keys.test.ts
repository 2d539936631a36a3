/** What one isolate read of an issuer serves the next one. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { IssuerRule } from '../../../../src/identity/federation.ts'
import { remoteKeys, STALE_SECONDS } from '../../../../src/worker/identity/issuers/remote-keys.ts'
import { recall, type Sealing, share } from '../../../../src/worker/identity/issuers/shared-keys.ts'
import { sealOf } from '../../../../src/worker/platform/seal.ts'
import { makeTokenKey, NOW } from '../../../identity/tools/auth-fixture.ts'
import { jwks, makeKey } from '../../../identity/tools/issuer.ts'

const key = await makeKey('key-1')
const sealingWith = (TOKEN_SIGNING_KEY: string): Sealing => {
  const env = { TOKEN_SIGNING_KEY }
  return () => sealOf(env)
}
const sealing = sealingWith(JSON.stringify(await makeTokenKey()))

const behind: Promise<unknown>[] = []
const ctx = { waitUntil: (promise: Promise<unknown>) => void behind.push(promise) }

const ruleOf = (name: string): IssuerRule => ({
  name,
  issuer: `https://${name}.example.com`,
  jwksUri: `https://${name}.example.com/keys`,
  audiences: ['registry.example.com'],
  algorithms: ['ES256'],
  subjectClaim: 'sub',
  groupsClaim: 'groups',
})

const answerWith = (answer: () => Promise<Response>) => vi.spyOn(globalThis, 'fetch').mockImplementation(answer)
const down = () => answerWith(() => Promise.reject(new Error('down')))

afterEach(async () => {
  vi.restoreAllMocks()
  await Promise.all(behind.splice(0))
})

describe('keys that were read', () => {
  it('are shared', async () => {
    const rule = ruleOf('shares')
    answerWith(async () => Response.json(jwks(key)))
    expect((await remoteKeys(rule, { kid: 'key-1' }, { ctx, now: NOW, sealing })).set.has({ kid: 'key-1' })).toBe(true)
    await Promise.all(behind.splice(0))
    expect(await recall(`${rule.jwksUri}`, sealing, NOW)).toEqual({ document: jwks(key), readAt: NOW })
    expect(await recall('elsewhere', sealing, NOW)).toBeUndefined()
  })

  it('serve another isolate without asking the issuer, while they are fresh', async () => {
    const rule = ruleOf('fresh')
    const fetched = down()
    await share(`${rule.jwksUri}`, sealing, { document: jwks(key), readAt: NOW - 60 }, STALE_SECONDS)
    expect((await remoteKeys(rule, { kid: 'key-1' }, { ctx, now: NOW, sealing })).set.has({ kid: 'key-1' })).toBe(true)
    expect(fetched).not.toHaveBeenCalled()
  })

  it('serve another isolate while the issuer is down, for a day and no longer', async () => {
    down()
    const [old, older] = [ruleOf('old'), ruleOf('older')]
    await share(`${old.jwksUri}`, sealing, { document: jwks(key), readAt: NOW - STALE_SECONDS + 1 }, STALE_SECONDS)
    await share(`${older.jwksUri}`, sealing, { document: jwks(key), readAt: NOW - STALE_SECONDS }, STALE_SECONDS)
    expect((await remoteKeys(old, { kid: 'key-1' }, { ctx, now: NOW, sealing })).set.has({ kid: 'key-1' })).toBe(true)
    await expect(remoteKeys(older, { kid: 'key-1' }, { ctx, now: NOW, sealing })).rejects.toMatchObject({
      code: 'issuer_unavailable',
    })
  })

  it('give way to the issuer when the key is not among them', async () => {
    const rule = ruleOf('rotates')
    const next = await makeKey('key-2')
    await share(`${rule.jwksUri}`, sealing, { document: jwks(key), readAt: NOW }, STALE_SECONDS)
    answerWith(async () => Response.json(jwks(next)))
    expect((await remoteKeys(rule, { kid: 'key-2' }, { ctx, now: NOW, sealing })).set.has({ kid: 'key-2' })).toBe(true)
  })

  it.each([
    ['from the future', { document: jwks(key), readAt: NOW + 1 }],
    ['without a time', { document: jwks(key), readAt: Number.NaN }],
  ])('are not believed when they are %s', async (name, shared) => {
    const rule = ruleOf(name.replaceAll(' ', '-'))
    down()
    await share(`${rule.jwksUri}`, sealing, shared, STALE_SECONDS)
    await expect(remoteKeys(rule, { kid: 'key-1' }, { ctx, now: NOW, sealing })).rejects.toMatchObject({
      code: 'issuer_unavailable',
    })
  })

  it('are not believed when another Worker wrote them', async () => {
    down()
    const content = { document: jwks(key), readAt: NOW }
    const [plain, foreign, moved] = [ruleOf('plain'), ruleOf('foreign'), ruleOf('moved')]
    await share(`${foreign.jwksUri}`, sealingWith(JSON.stringify(await makeTokenKey())), content, STALE_SECONDS)
    await share(`${plain.jwksUri}`, () => ({ ...sealing(), seal: async (text) => text }), content, STALE_SECONDS)
    await share(
      `${moved.jwksUri}`,
      () => ({
        ...sealing(),
        seal: (text) => sealing().seal(text, { purpose: 'issuer keys', source: `${plain.jwksUri}` }),
      }),
      content,
      STALE_SECONDS,
    )
    for (const rule of [plain, foreign, moved]) {
      await expect(remoteKeys(rule, { kid: 'key-1' }, { ctx, now: NOW, sealing })).rejects.toMatchObject({
        code: 'issuer_unavailable',
      })
    }
  })

  it('are simply not shared without a key to seal them', async () => {
    const rule = ruleOf('unsealed')
    answerWith(async () => Response.json(jwks(key)))
    expect(
      (await remoteKeys(rule, { kid: 'key-1' }, { ctx, now: NOW, sealing: sealingWith('') })).set.has({ kid: 'key-1' }),
    ).toBe(true)
    await Promise.all(behind.splice(0))
    expect(await recall(`${rule.jwksUri}`, sealing, NOW)).toBeUndefined()
  })
})
