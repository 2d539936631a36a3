/** A caller cannot end a deny, or open a condition, by leaving a claim out, by making it odd, or by making it empty. */
import { describe, expect, it } from 'vitest'
import { identify } from '../../src/worker/identity/identify.ts'
import type { PolicyView } from '../../src/worker/store/policy-view.ts'
import { jwks, makeKey, sign } from '../identity/tools/issuer.ts'
import { viewOf } from '../identity/tools/policy.ts'
import { createWorld, errorOf, NOW_MS } from './gate-world.ts'

const NOW = NOW_MS / 1000
const SERVICE = 'registry.example.com'
const key = await makeKey('key-1')
const NAME = '@Request[Microsoft.ContainerRegistry/registries/repositories:name]'
const PULL = '/v2/team/a/manifests/v1'

const policyWith = (rules: string, option = ''): PolicyView =>
  viewOf(`
registry: { service: ${SERVICE} }
issuers: { corp: { issuer: 'https://corp.example.com', audiences: [${SERVICE}], jwks: ${JSON.stringify(jwks(key))}${option} } }
identities:
  evil: { issuer: corp, claims: { kind: contractor } }
  staff: { issuer: corp, claims: { kind: staff } }
${rules}`)

const READ = '{ principal: everyone, role: Container Registry Repository Reader }'
const denies = (rule: string) =>
  `roleAssignments: [${READ}]\ndenyAssignments: [{ name: d, permissions: [content/read], ${rule} }]`
const only = (condition: string) =>
  `roleAssignments: [{ principal: everyone, role: Container Registry Repository Reader, condition: "${condition}" }]`

/** The status of a pull, and what the registry saw of it. */
async function pull(view: PolicyView, claims: Readonly<Record<string, unknown>>) {
  const world = createWorld({ ports: { policy: () => view, identify } })
  const jwt = await sign(key, { iss: 'https://corp.example.com', aud: SERVICE, sub: 'me', exp: NOW + 300, ...claims })
  const answer = await world.call('GET', PULL, { as: jwt })
  const error = answer.status === 200 ? undefined : await errorOf(answer)
  return { status: answer.status, message: error?.message, seen: world.seen.length }
}

const FORWARDED = { status: 200, seen: 1 }
const DENIED = { status: 403, seen: 0 }

describe('a deny on a group', () => {
  const rule = denies("principals: ['group:corp/contractors']")
  it.each<[string, object, object]>([
    ['the group', { groups: ['contractors'] }, DENIED],
    ['no groups claim', {}, DENIED],
    ['null', { groups: null }, DENIED],
    ['a number', { groups: 7 }, DENIED],
    ['an object', { groups: { staff: true } }, DENIED],
    ['a list with a number', { groups: ['staff', 1] }, DENIED],
    ['another spelling of the claim', { Groups: ['staff'] }, DENIED],
    ['several groups in one text, with commas', { groups: 'staff,contractors' }, DENIED],
    ['several groups in one text, with spaces', { groups: 'staff contractors' }, DENIED],
    ['several groups in one text, with lines', { groups: 'staff\ncontractors' }, DENIED],
    ['a list as text', { groups: '["contractors"]' }, DENIED],
    ['an empty text', { groups: '' }, DENIED],
    ['a reference that cannot be read', { groups: [], _claim_names: 'groups' }, DENIED],
    ['one group as text', { groups: 'staff' }, FORWARDED],
    ['too many groups', { groups: Array.from({ length: 300 }, (_, at) => `g${at}`) }, DENIED],
    ['another group', { groups: ['staff'] }, FORWARDED],
    ['an empty list', { groups: [] }, FORWARDED],
  ])('with %s', async (_, claims, expected) => {
    expect(await pull(policyWith(rule), { ...claims })).toMatchObject(expected)
  })

  it.each<[string, object, object]>([
    ['no groups claim', {}, FORWARDED],
    ['null', { groups: null }, FORWARDED],
    ['a number', { groups: 7 }, DENIED],
    ['the group', { groups: ['contractors'] }, DENIED],
  ])('of an issuer that leaves the claim out when it is empty, with %s', async (_, claims, expected) => {
    expect(await pull(policyWith(rule, ', claimsOmittedWhenEmpty: [groups]'), { ...claims })).toMatchObject(expected)
  })

  it('says that the claims leave it open', async () => {
    expect((await pull(policyWith(rule), {})).message).toBe(
      'a deny assignment forbids content/read to subject corp/me: the claims of your token do not say whether you are one of those that it names',
    )
  })
})

describe('a condition that asks whether a claim exists', () => {
  const claim = '@Principal[Dockgate/claims:kind]'
  const odd: readonly object[] = [
    { kind: 3 },
    { kind: true },
    { kind: false },
    { kind: { v: 'contractor' } },
    { kind: ['contractor', 1] },
    { kind: [['contractor']] },
  ]

  it.each(odd)('denies with the odd claim %j', async (claims) => {
    const exists = denies(`principals: [everyone], condition: "Exists ${claim}"`)
    expect(await pull(policyWith(exists), { ...claims })).toMatchObject(DENIED)
    const text = `Exists ${claim} AND ${claim} ForAnyOfAnyValues:StringEquals {'contractor'}`
    expect(await pull(policyWith(denies(`principals: [everyone], condition: "${text}"`)), { ...claims })).toMatchObject(
      DENIED,
    )
  })

  it('denies with the claim, and not without it', async () => {
    const exists = denies(`principals: [everyone], condition: "Exists ${claim}"`)
    expect(await pull(policyWith(exists), { kind: 'contractor' })).toMatchObject(DENIED)
    expect(await pull(policyWith(exists), {})).toMatchObject(FORWARDED)
  })
})

describe('a deny on an identity', () => {
  const rule = denies("principals: ['identity:evil']")
  it.each<[string, object, object]>([
    ['the claim', { kind: 'contractor' }, DENIED],
    ['no claim', {}, DENIED],
    ['null', { kind: null }, DENIED],
    ['a list with the claim', { kind: ['contractor'] }, DENIED],
    ['a list with something else', { kind: ['staff'] }, DENIED],
    ['an empty list', { kind: [] }, DENIED],
    ['a number', { kind: 1 }, DENIED],
    ['a boolean', { kind: false }, DENIED],
    ['another value', { kind: 'staff' }, FORWARDED],
    ['an empty text', { kind: '' }, FORWARDED],
  ])('with %s', async (_, claims, expected) => {
    expect(await pull(policyWith(rule), { ...claims })).toMatchObject(expected)
  })
})

describe('an exception of a deny', () => {
  it.each<[string, string, object, object]>([
    ['an identity that matches', 'identity:staff', { kind: 'staff' }, FORWARDED],
    ['an identity that may match', 'identity:staff', {}, DENIED],
    ['an identity that may match a list', 'identity:staff', { kind: ['staff'] }, DENIED],
    ['a group', 'group:corp/leads', { groups: ['leads'] }, FORWARDED],
    ['a group that is not known', 'group:corp/leads', {}, DENIED],
  ])('spares only who surely is one: %s', async (_, except, claims, expected) => {
    const rule = denies(`principals: [everyone], except: ['${except}']`)
    expect(await pull(policyWith(rule), { ...claims })).toMatchObject(expected)
  })
})

describe('a prefix from a claim', () => {
  const CLAIM = '@Principal[Dockgate/claims:team]'
  it.each<[string, string, object, object]>([
    ['its text', `${NAME} StringStartsWith ${CLAIM}`, { team: 'team/' }, FORWARDED],
    ['an empty text', `${NAME} StringStartsWith ${CLAIM}`, { team: '' }, DENIED],
    ['an empty text, negated', `${NAME} StringNotStartsWith ${CLAIM}`, { team: '' }, DENIED],
    ['an empty text behind NOT', `!(${NAME} StringStartsWith ${CLAIM})`, { team: '' }, DENIED],
    ['an empty pattern', `${NAME} StringLike ${CLAIM}`, { team: '' }, DENIED],
    ['a star', `${NAME} StringLike ${CLAIM}`, { team: '*' }, DENIED],
    ['a list with an empty text', `${NAME} ForAnyOfAnyValues:StringBelow ${CLAIM}`, { team: ['x', ''] }, DENIED],
    ['a folder', `${NAME} StringBelow ${CLAIM}`, { team: 'team' }, FORWARDED],
    ['a folder in a list', `${NAME} ForAnyOfAnyValues:StringBelow ${CLAIM}`, { team: ['x', 'team'] }, FORWARDED],
    ['a folder that only begins alike', `${NAME} StringBelow ${CLAIM}`, { team: 'tea' }, DENIED],
    ['a folder without a name', `${NAME} StringBelow ${CLAIM}`, { team: '' }, DENIED],
    ['a slash alone', `${NAME} StringBelow ${CLAIM}`, { team: '/' }, DENIED],
  ])('grants with %s, or does not', async (_, condition, claims, expected) => {
    expect(await pull(policyWith(only(condition)), { ...claims })).toMatchObject(expected)
  })

  it.each<[string, string, object]>([
    ['an empty text', `${NAME} StringStartsWith ${CLAIM}`, { team: '' }],
    ['an empty text, negated', `${NAME} StringNotStartsWith ${CLAIM}`, { team: '' }],
    ['a star, negated', `${NAME} StringNotLike ${CLAIM}`, { team: '*' }],
    ['a folder without a name, behind NOT', `!(${NAME} StringBelow ${CLAIM})`, { team: '' }],
  ])('denies in a deny with %s', async (_, condition, claims) => {
    const rule = denies(`principals: [everyone], condition: "${condition}"`)
    expect(await pull(policyWith(rule), { ...claims })).toMatchObject(DENIED)
  })
})
