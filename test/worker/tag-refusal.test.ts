/** What a client reads when its tag was the reason of a refusal (fault C8). */
import { describe, expect, it } from 'vitest'
import { parseCondition } from '../../src/policy/condition/parse.ts'
import type { Condition, DenyAssignment, RoleAssignment } from '../../src/policy/model.ts'
import { EVERYONE } from '../../src/policy/principal.ts'
import { createWorld, DIGEST, errorOf, roleFor } from './gate-world.ts'

const source = { file: 'test.yaml', line: 1, column: 1 }

function conditionOf(text: string): Condition {
  const parsed = parseCondition(text, 'strict')
  if (!parsed.ok) throw new Error(text)
  return { text, expression: parsed.value.expression }
}

const TAG = '@Request[Dockgate/request:tag]'
const IP = '@Request[Dockgate/request:clientIp]'

/** The token `nobody` may do everything with some tags. */
const devTags = (condition = `${TAG} StringLike 'dev-*'`): RoleAssignment => ({
  ...roleFor('nobody', 'Container Registry Repository Contributor'),
  name: 'developers',
  condition: conditionOf(condition),
})

const keepReleases = (message?: string): DenyAssignment => ({
  name: 'releases',
  principals: [EVERYONE],
  except: [],
  permissions: ['content/write', 'content/delete'],
  actions: [],
  condition: conditionOf(`${TAG} StringLike 'rel-*'`),
  ...(message === undefined ? {} : { message }),
  source,
})

const manifest = (reference: string) => `/v2/samples/app/manifests/${reference}`
const json = { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }

describe('a grant with a condition on tags', () => {
  const test = `role assignment developers asks for ${TAG} StringLike 'dev-*'`

  it.each([
    {
      method: 'PUT',
      path: manifest('v1'),
      message: `token nobody has content/write on samples/app, but not for the tag v1: ${test}`,
      detail: { permission: 'content/write', tag: 'v1' },
    },
    {
      method: 'PUT',
      path: `${manifest('dev-1')}?tag=dev-2&tag=latest`,
      message: `token nobody has content/write on samples/app, but not for the tag latest: ${test}`,
      detail: { permission: 'content/write', tag: 'latest' },
    },
    {
      method: 'GET',
      path: manifest('latest'),
      message: `token nobody has content/read on samples/app, but not for the tag latest: ${test}`,
      detail: { permission: 'content/read', tag: 'latest' },
    },
    {
      method: 'DELETE',
      path: manifest(DIGEST),
      message: `token nobody has content/delete on samples/app for some tags alone, and this reaches every tag: ${test}`,
      detail: { permission: 'content/delete' },
    },
  ])('that refuses $method $path says for which tag, and what it asks', async ({ method, path, message, detail }) => {
    const { call, seen } = createWorld({ assignments: [devTags()] })
    const error = await errorOf(await call(method, path, { as: 'nobody', headers: json }))
    const expected = message.length <= 200 ? message : `${message.slice(0, 199)}…`
    expect(error).toEqual({
      code: 'DENIED',
      message: expected,
      detail: { reason: 'no_grant', repository: 'samples/app', ...detail },
    })
    expect(seen).toEqual([])
  })

  it('that is about something else as well says what it asks of the tag', async () => {
    const { call } = createWorld({
      assignments: [devTags(`${TAG} StringLike 'dev-*' AND ${IP} IpInRange '192.0.2.0/24'`)],
    })
    const headers = { ...json, 'cf-connecting-ip': '198.51.100.1' }
    const { message } = await errorOf(await call('PUT', manifest('v1'), { as: 'nobody', headers }))
    expect(message).toBe(`token nobody has content/write on samples/app, but not for the tag v1: ${test}`)
  })

  it.each([
    ['the address', `${IP} IpInRange '192.0.2.0/24'`],
    ['a claim', "@Principal[Dockgate/claims:team] StringEquals 'a'"],
    ['the address, where the tag is right', `${TAG} StringLike 'v*' AND ${IP} IpInRange '192.0.2.0/24'`],
  ])('says nothing of a condition on %s', async (_, condition) => {
    const { call, seen } = createWorld({ assignments: [devTags(condition)] })
    const headers = { ...json, 'cf-connecting-ip': '198.51.100.1' }
    const { message } = await errorOf(await call('PUT', manifest('v1'), { as: 'nobody', headers }))
    expect([message, seen]).toEqual(['token nobody has no content/write on samples/app', []])
  })

  it('is not told to somebody without an account', async () => {
    const assignments = [{ ...devTags(), principal: EVERYONE }]
    const { call } = createWorld({ assignments })
    const { message } = await errorOf(await call('PUT', manifest('v1'), { headers: json }))
    expect(message).toBe('log in: without an account you have no content/write on samples/app')
  })
})

describe('a deny assignment with a condition on tags', () => {
  const OWN = 'Releases are kept.'

  it.each([
    { method: 'PUT', path: manifest('rel-1'), text: OWN, message: OWN, tag: 'rel-1' },
    {
      method: 'PUT',
      path: manifest('rel-1'),
      message: 'a deny assignment forbids content/write on the tag rel-1 to token admin',
      tag: 'rel-1',
    },
    {
      method: 'PUT',
      path: `${manifest('dev')}?tag=rel-2`,
      message: 'a deny assignment forbids content/write on the tag rel-2 to token admin',
      tag: 'rel-2',
    },
    {
      method: 'DELETE',
      path: manifest(DIGEST),
      text: OWN,
      message: `this names no tag and so reaches every tag, also those that a deny assignment protects: ${OWN}`,
    },
    {
      method: 'DELETE',
      path: manifest(DIGEST),
      message:
        'this names no tag and so reaches every tag, and a deny assignment forbids content/delete on some of them to token admin',
    },
    {
      method: 'DELETE',
      path: '/acr/v1/samples/app',
      text: OWN,
      message: `this names no tag and so reaches every tag, also those that a deny assignment protects: ${OWN}`,
    },
  ])('refuses $method $path in words that fit', async ({ method, path, text, message, tag }) => {
    const { call, seen } = createWorld({ denies: [keepReleases(text)] })
    const response = await call(method, path, { as: 'admin', headers: json })
    expect(response.status).toBe(403)
    const permission = method === 'PUT' ? 'content/write' : 'content/delete'
    const detail = {
      reason: 'deny_assignment',
      permission,
      repository: 'samples/app',
      ...(tag === undefined ? {} : { tag }),
    }
    expect([await errorOf(response), seen]).toEqual([{ code: 'DENIED', message, detail }, []])
  })

  it('without a condition keeps its own words', async () => {
    const response = await createWorld().call('DELETE', `/v2/release/app/manifests/${DIGEST}`, { as: 'admin' })
    expect((await errorOf(response)).message).toBe('Releases are kept. Ask the platform team.')
  })
})

describe('a scope that a token lacks', () => {
  it.each([
    [
      `/v2/samples/app/blobs/uploads/?mount=${DIGEST}&from=samples/base`,
      'POST',
      'ci|repository:samples/app:pull,push',
      'the token does not reach repository:samples/app:pull,push and repository:samples/base:pull: ask for a new one with this scope',
    ],
    [
      manifest('v1'),
      'PUT',
      'ci|',
      'the token does not reach repository:samples/app:pull,push: ask for a new one with this scope',
    ],
  ])('%s is named', async (path, method, as, message) => {
    const { call, seen } = createWorld()
    expect([(await errorOf(await call(method, path, { as }))).message, seen]).toEqual([message, []])
  })
})

it('a scheme that the gate does not know is told with the schemes that it knows', async () => {
  const { call } = createWorld()
  expect(await errorOf(await call('GET', manifest('v1'), { as: 'unsupported' }))).toEqual({
    code: 'UNAUTHORIZED',
    message: 'the gate does not know this scheme of Authorization: send Basic or Bearer',
  })
})
