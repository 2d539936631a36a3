/**
 * Stock clients log in with a token's password and with a JWT, and policy is obeyed after it. Disabling a token in the
 * policy files ends what was minted for it while a gate runs, and nobody else loses a request.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { secretOf } from './tools/accounts.ts'
import { openSession, requireClients } from './tools/clients.ts'
import { buildah, crane, type Driver, oras, podman, skopeo } from './tools/drivers.ts'
import { type Gate, sha256, startGate } from './tools/gate.ts'
import { imageLayout } from './tools/images.ts'

const SERVICE = 'registry.example.com'
const ISSUER = 'https://ci.example.com'
/** What the documentation promises is about a minute over KV; the development gate reads its policy at once. */
const BOUND_MS = 60_000

const { privateKey, publicKey } = await generateKeyPair('RS256')
const jwk = { ...(await exportJWK(publicKey)), kid: 'ci', alg: 'RS256' }

const policiesWith = (status: 'enabled' | 'disabled') => `
registry: { service: ${SERVICE} }
scopeMaps:
  push: { actions: [repositories/samples/*/content/read, repositories/samples/*/content/write] }
tokens:
  ci: { scopeMap: push, credentials: { password1: { sha256: ${sha256(secretOf('ci'))} } } }
  steady: { scopeMap: push, credentials: { password1: { sha256: ${sha256(secretOf('steady'))} } } }
  leaver: { scopeMap: push, status: ${status}, credentials: { password1: { sha256: ${sha256(secretOf('leaver'))} } } }
issuers:
  ci: { issuer: '${ISSUER}', audiences: [${SERVICE}], jwks: ${JSON.stringify({ keys: [jwk] })} }
identities:
  app: { issuer: ci, claims: { repository: acme/app } }
roleAssignments:
  - { principal: 'identity:app', role: Container Registry Repository Writer, repositories: [samples/*] }
`

const jwtOf = (repository: string) =>
  new SignJWT({ repository })
    .setProtectedHeader({ alg: 'RS256', kid: 'ci' })
    .setIssuer(ISSUER)
    .setAudience(SERVICE)
    .setSubject(`repo:${repository}`)
    .setIssuedAt()
    .setExpirationTime('10m')
    .sign(privateKey)

const drivers: readonly Driver[] = [crane, skopeo, oras, buildah, podman]

describe.runIf(requireClients(['busybox', 'crane', 'skopeo', 'oras', 'buildah', 'podman']))('a running gate', () => {
  let gate: Gate
  beforeAll(async () => {
    gate = await startGate({ policies: { 'policies.yaml': policiesWith('enabled') } })
  })
  afterAll(() => gate?.stop())

  describe.each(drivers)('$client', (driver) => {
    it.each([
      ['a token and its password', 'ci', async () => secretOf('ci')],
      ['a JWT as password', 'anything', () => jwtOf('acme/app')],
    ])('with %s, pushes what policy allows', async (_, username, password) => {
      const session = openSession()
      const account = { username, password: await password() }
      expect(await driver.login(session, gate.host, account)).toMatchObject({ status: 0 })
      const layout = imageLayout()
      const reference = `${gate.host}/samples/${driver.client}-${username}:v1`
      expect(await driver.push(session, layout, reference)).toMatchObject({ status: 0 })
      const elsewhere = await driver.push(session, layout, `${gate.host}/other/app:v1`)
      expect(elsewhere.status).not.toBe(0)
      expect(elsewhere.stderr).toMatch(/denied|forbidden/i)
    })

    it.each([
      ['a wrong password', 'ci', async () => 'wrong'],
      ['a JWT of another repository', 'ci', () => jwtOf('evil/app')],
    ])('with %s, pushes nothing', async (_, username, password) => {
      const session = openSession()
      await driver.login(session, gate.host, { username, password: await password() })
      expect((await driver.push(session, imageLayout(), `${gate.host}/samples/app:v1`)).status).not.toBe(0)
    })
  })

  it('ends the minted tokens of a token that is disabled, and nobody else loses a request', {
    timeout: BOUND_MS * 2,
  }, async () => {
    const bearerOf = async (name: string) => {
      const authorization = `Basic ${Buffer.from(`${name}:${secretOf(name)}`).toString('base64')}`
      const answer = await fetch(`${gate.url}/token?scope=repository:samples/app:pull`, { headers: { authorization } })
      const { token } = (await answer.json()) as { token: string }
      return token
    }
    const statusOf = async (token: string) => {
      const answer = await fetch(`${gate.url}/v2/samples/app/manifests/none`, {
        headers: { authorization: `Bearer ${token}` },
      })
      await answer.body?.cancel()
      return answer.status
    }
    const [steady, leaver] = await Promise.all([bearerOf('steady'), bearerOf('leaver')])
    expect(await statusOf(leaver)).toBe(404)

    const seen = new Set<number>()
    let requests = 0
    let going = true
    const load = (async () => {
      for (; going; requests++) seen.add(await statusOf(steady))
    })()
    const started = performance.now()
    writeFileSync(join(gate.policyDirectory, 'policies.yaml'), policiesWith('disabled'))
    let status = 404
    while (status === 404 && performance.now() - started < BOUND_MS) status = await statusOf(leaver)
    const tookMs = performance.now() - started
    going = false
    await load
    expect(status).toBe(401)
    expect(tookMs).toBeLessThan(BOUND_MS)
    expect([...seen]).toEqual([404])
    expect(requests).toBeGreaterThan(10)
    console.info(`disabled after ${Math.round(tookMs)} ms; ${requests} requests of another token meanwhile`)
  })
})
