/** Issuer, subject, audience, key and claim of two identities in every combination: only the true tuples pass. */
import { beforeAll, describe, expect, it } from 'vitest'
import { isRefusal } from '../../../src/worker/identity/identified-caller.ts'
import { identify } from '../../../src/worker/identity/identify.ts'
import type { PolicyView } from '../../../src/worker/store/policy-view.ts'
import { bearer, ctx, makeTokenKey, NOW, requestWith } from '../../identity/tools/auth-fixture.ts'
import { jwks, makeKey, sign } from '../../identity/tools/issuer.ts'
import { SERVICE, viewOf } from '../../identity/tools/policy.ts'

const env = { TOKEN_SIGNING_KEY: JSON.stringify(await makeTokenKey()) }

/** Both keys have the same `kid`, so that only the signature tells them apart. */
const SIDES = {
  left: {
    issuer: 'https://left.example.com',
    subject: 'subject-left',
    audience: 'audience-left',
    key: await makeKey('the-key'),
    claim: 'team-left',
  },
  right: {
    issuer: 'https://right.example.com',
    subject: 'subject-right',
    audience: 'audience-right',
    key: await makeKey('the-key'),
    claim: 'team-right',
  },
} as const
const SIDE_NAMES = ['left', 'right'] as const
type Side = (typeof SIDE_NAMES)[number]

let view: PolicyView
beforeAll(() => {
  const issuer = (side: Side) =>
    `{ issuer: ${SIDES[side].issuer}, audiences: [${SIDES[side].audience}], jwks: ${JSON.stringify(jwks(SIDES[side].key))} }`
  const identity = (side: Side) =>
    `{ issuer: ${side}, subject: ${SIDES[side].subject}, claims: { team: ${SIDES[side].claim} } }`
  view = viewOf(`
registry: { service: ${SERVICE} }
issuers: { left: ${issuer('left')}, right: ${issuer('right')} }
identities: { left: ${identity('left')}, right: ${identity('right')} }
`)
})

const COMBINATIONS = SIDE_NAMES.flatMap((issuer) =>
  SIDE_NAMES.flatMap((subject) =>
    SIDE_NAMES.flatMap((audience) =>
      SIDE_NAMES.flatMap((key) => SIDE_NAMES.map((claim) => ({ issuer, subject, audience, key, claim }))),
    ),
  ),
)

describe('of all combinations', () => {
  it.each(COMBINATIONS)(
    'issuer $issuer, subject $subject, audience $audience, key $key, claim $claim',
    async (mixed) => {
      const jwt = await sign(SIDES[mixed.key].key, {
        iss: SIDES[mixed.issuer].issuer,
        sub: SIDES[mixed.subject].subject,
        aud: SIDES[mixed.audience].audience,
        team: SIDES[mixed.claim].claim,
        exp: NOW + 300,
      })
      const outcome = await identify(requestWith(bearer(jwt)), view, env, ctx, NOW)
      const verifiable = mixed.issuer === mixed.audience && mixed.issuer === mixed.key
      expect(isRefusal(outcome)).toBe(!verifiable)
      if (isRefusal(outcome)) return
      const { issuer } = mixed
      const isIdentity = mixed.subject === issuer && mixed.claim === issuer
      expect(outcome.caller.acts).toEqual([
        `subject:${issuer}/${SIDES[mixed.subject].subject}`,
        ...(isIdentity ? [`identity:${issuer}`] : []),
      ])
    },
  )

  it('two make an identity', () => {
    const isTrue = (mixed: (typeof COMBINATIONS)[number]) => new Set(Object.values(mixed)).size === 1
    expect(COMBINATIONS).toHaveLength(32)
    expect(COMBINATIONS.filter(isTrue)).toHaveLength(2)
  })
})
