/** What the documents promise of tokens and their keys, seen at a gate; and that the pages say it in one place each. */
import { describe, expect, it } from 'vitest'
import identityPage from '../../docs/identity.md?raw'
import operationsPage from '../../docs/operations.md?raw'
import policiesPage from '../../docs/policies.md?raw'
import tokenServicePage from '../../docs/token-service.md?raw'
import { CREDENTIAL_ERRORS, isRefusal } from '../../src/worker/identity/identified-caller.ts'
import { identify } from '../../src/worker/identity/identify.ts'
import type { Env } from '../../src/worker/platform/env.ts'
import { sha256Hex } from '../../src/worker/platform/sha256.ts'
import type { PolicyView } from '../../src/worker/store/policy-view.ts'
import { createTokenService } from '../../src/worker/token-service/service.ts'
import { basic, bearer, ctx, makeTokenKey, requestWith } from '../identity/tools/auth-fixture.ts'
import { SERVICE, viewOf } from '../identity/tools/policy.ts'

const now = Math.floor(Date.now() / 1000)
const POLICY = `
registry: { service: ${SERVICE} }
tokens:
  ci: { scopeMap: _repositories_pull, credentials: { password1: { sha256: "${await sha256Hex('right')}" } } }
`
const enabled = viewOf(POLICY)
const disabled = viewOf(POLICY.replace('scopeMap:', 'status: disabled, scopeMap:'))

type Key = Awaited<ReturnType<typeof makeTokenKey>>
/** One place of the edge: the keys that are deployed there. The first one signs. */
const placeWith = (...keys: readonly Key[]) => ({ TOKEN_SIGNING_KEY: JSON.stringify({ keys }) })
type Place = ReturnType<typeof placeWith>

async function send(place: Place, view: PolicyView, authorization: string, query = ''): Promise<Response> {
  const request = new Request(`https://${SERVICE}/token?${query}`, { headers: { authorization } })
  return createTokenService({ policy: () => view, audit: () => undefined, nowMs: () => Date.now() }).request(
    request,
    undefined,
    place as Env,
    {
      ...ctx,
      passThroughOnException: () => undefined,
      props: {},
    },
  )
}

async function tokensFrom(place: Place): Promise<{ readonly token: string; readonly refresh_token: string }> {
  return (await send(place, enabled, basic('ci', 'right'), 'offline_token=true')).json()
}

/** What a place answers to a credential: the name of the caller, or the words of the refusal. */
async function answerOf(place: Place, view: PolicyView, authorization: string): Promise<string> {
  const outcome = await identify(requestWith(authorization), view, place, ctx, now)
  return isRefusal(outcome) ? CREDENTIAL_ERRORS[outcome.code].message : outcome.name
}

const [oldKey, newKey] = [await makeTokenKey(), await makeTokenKey()]

describe('the holder of a token that is disabled', () => {
  const place = placeWith(oldKey)
  const DISABLED = CREDENTIAL_ERRORS.token_disabled.message
  const NOT_VALID = CREDENTIAL_ERRORS.credential_invalid.message

  it('reads that it is disabled with an access token or a refresh token that it already has', async () => {
    const { token, refresh_token } = await tokensFrom(place)
    expect(await answerOf(place, enabled, bearer(token))).toBe('token:ci')
    expect(await answerOf(place, disabled, bearer(token))).toBe(DISABLED)
    const answer = await send(place, disabled, bearer(refresh_token))
    expect(answer.status).toBe(401)
    expect(await answer.text()).toContain(DISABLED)
  })

  it.each(['right', 'wrong'])('reads with the %s password what everybody reads with a wrong one', async (password) => {
    expect(await answerOf(place, disabled, basic('ci', password))).toBe(NOT_VALID)
    expect(await answerOf(place, disabled, basic('nobody', password))).toBe(NOT_VALID)
    const answer = await send(place, disabled, basic('ci', password))
    expect(answer.status).toBe(401)
    expect(await answer.text()).toContain(NOT_VALID)
  })

  it('is documented in one place, with both texts; the other pages link to it', () => {
    const section = identityPage.split('\n### A disabled token\n')[1]?.split('\n#')[0] ?? ''
    expect(section.replaceAll(/\s+/g, ' ')).toContain(`"${DISABLED}"`)
    expect(section.replaceAll(/\s+/g, ' ')).toContain(`"${NOT_VALID}"`)
    for (const page of [operationsPage, policiesPage]) expect(page).toContain('(identity.md#a-disabled-token)')
  })
})

describe('the rotation of the key that signs tokens', () => {
  /** In the order in which operations.md deploys them. */
  const STEPS = [placeWith(oldKey), placeWith(oldKey, newKey), placeWith(newKey, oldKey), placeWith(newKey)] as const

  it.each([
    [1, 0],
    [2, 1],
    [3, 2],
  ] as const)(
    'loses no new token between step %i and the places that still have what was before',
    async (at, before) => {
      for (const [from, to] of [
        [STEPS[at], STEPS[before]],
        [STEPS[before], STEPS[at]],
      ] as const) {
        // In step 3 tokens of the old key have ended.
        const { token } = await tokensFrom(from)
        expect(await answerOf(to, enabled, bearer(token))).toBe('token:ci')
      }
    },
  )

  it('loses tokens where the new key signs at once: places without it do not know it', async () => {
    const { token } = await tokensFrom(placeWith(newKey, oldKey))
    expect(await answerOf(placeWith(oldKey), enabled, bearer(token))).toBe(CREDENTIAL_ERRORS.credential_invalid.message)
  })

  it('is documented in one place, in this order; the page of the token service links to it', () => {
    const section = operationsPage.split('\n## Rotating the key that signs tokens\n')[1]?.split('\n## ')[0] ?? ''
    // Lines are wrapped anywhere between two words.
    const lines = section.replaceAll(/\n +/g, ' ')
    const steps = [...lines.matchAll(/^\d\. .*?(\{"keys":\[[A-Z, ]+\]\}|new key alone)/gm)].map(([, keys]) => keys)
    expect(steps).toEqual(['{"keys":[OLD, NEW]}', '{"keys":[NEW, OLD]}', 'new key alone'])
    expect(tokenServicePage).toContain('(operations.md#rotating-the-key-that-signs-tokens)')
    expect(tokenServicePage).not.toMatch(/new key first/)
  })
})
