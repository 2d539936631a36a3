/**
 * The second way to run: the gate only gives tokens, and a registry that knows its public key verifies them itself. What
 * Debian's docker-registry takes from us, and what it refuses.
 */
import { createPublicKey } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openSession, requireClients } from './tools/clients.ts'
import { startDockerRegistry } from './tools/dockerregistry.ts'
import { pullDirectory, skopeo } from './tools/drivers.ts'
import { type Gate, sha256, startGate } from './tools/gate.ts'
import { contentOf, imageLayout, readLayout } from './tools/images.ts'
import type { Registry } from './tools/registry.ts'

const SERVICE = 'registry.example.com'
const PUSH = 'push-secret-of-this-test-only'
const PULL = 'pull-secret-of-this-test-only'

const policies = {
  'policies.yaml': `
registry: { service: ${SERVICE}, anonymous: [repositories/public/*/content/read] }
scopeMaps:
  push: { actions: [repositories/samples/*/content/read, repositories/samples/*/content/write] }
  pull: { actions: [repositories/samples/*/content/read] }
tokens:
  pusher: { scopeMap: push, credentials: { password1: { sha256: ${sha256(PUSH)} } } }
  puller: { scopeMap: pull, credentials: { password1: { sha256: ${sha256(PULL)} } } }
`,
}

/** A certificate for the published key, without the private one: any other key may sign it, nobody follows the chain. */
async function certificateOf(jwk: Record<string, string>): Promise<string> {
  const session = openSession()
  const path = (name: string) => join(session.home, name)
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  writeFileSync(path('public.pem'), publicKey)
  const openssl = async (...args: readonly string[]) => {
    const outcome = await session.run('openssl', args, { cwd: session.home })
    if (outcome.status !== 0) throw new Error(outcome.stderr)
  }
  await openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=ca',
  )
  await openssl('req', '-new', '-key', 'ca.key', '-out', 'token.csr', '-subj', '/CN=dockgate')
  await openssl(
    ...['x509', '-req', '-in', 'token.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'],
    ...['-force_pubkey', 'public.pem', '-days', '30', '-out', 'token.pem'],
  )
  expect(readFileSync(path('token.pem'), 'utf8')).toContain('BEGIN CERTIFICATE')
  return path('token.pem')
}

describe.runIf(requireClients(['docker-registry', 'busybox', 'skopeo', 'openssl']))(
  'docker-registry with our tokens',
  () => {
    let gate: Gate
    let registry: Registry
    let kid = ''

    beforeAll(async () => {
      gate = await startGate({ policies })
      const published = await fetch(`${gate.url}/.well-known/jwks.json`)
      const { keys } = (await published.json()) as { keys: Record<string, string>[] }
      const [jwk] = keys
      if (jwk?.kid === undefined) throw new Error('the gate publishes no key')
      kid = jwk.kid
      registry = await startDockerRegistry({
        type: 'token',
        realm: `${gate.url}/token`,
        service: SERVICE,
        issuer: SERVICE,
        rootcertbundle: await certificateOf(jwk),
      })
    })
    afterAll(async () => {
      await registry?.stop()
      await gate?.stop()
    })

    const tokenFor = async (account: string, query: string): Promise<Record<string, string>> => {
      const authorization = `Basic ${Buffer.from(account).toString('base64')}`
      const answer = await fetch(`${gate.url}/token?service=${SERVICE}&${query}`, { headers: { authorization } })
      expect(answer.status).toBe(200)
      return (await answer.json()) as Record<string, string>
    }
    const call = async (token: string, path: string, method = 'GET') => {
      const answer = await fetch(`${registry.url}${path}`, { method, headers: { authorization: `Bearer ${token}` } })
      await answer.body?.cancel()
      return answer.status
    }

    it('a stock client logs in, pushes and pulls back the same image', async () => {
      const session = openSession()
      const layout = imageLayout()
      const reference = `${registry.host}/samples/app:v1`
      expect(await skopeo.login(session, registry.host, { username: 'pusher', password: PUSH })).toMatchObject({
        status: 0,
      })
      expect(await skopeo.push(session, layout, reference)).toMatchObject({ status: 0 })
      const directory = pullDirectory()
      expect(await skopeo.pull(session, reference, directory)).toMatchObject({ status: 0 })
      expect(await readLayout(directory)).toEqual(contentOf(layout))
    })

    it('a client that may only pull does not push', async () => {
      const session = openSession()
      expect(await skopeo.login(session, registry.host, { username: 'puller', password: PULL })).toMatchObject({
        status: 0,
      })
      expect((await skopeo.push(session, imageLayout(), `${registry.host}/samples/app:v2`)).status).not.toBe(0)
    })

    it('a wrong password does not log in', async () => {
      const outcome = await skopeo.login(openSession(), registry.host, { username: 'pusher', password: 'wrong' })
      expect(outcome.status).not.toBe(0)
    })

    it('a token reaches what it names, and nothing else', async () => {
      const { token = '' } = await tokenFor(`pusher:${PUSH}`, 'scope=repository:samples/new:pull')
      expect(await call(token, '/v2/')).toBe(200)
      expect(await call(token, '/v2/samples/new/manifests/none')).toBe(404)
      expect(await call(token, '/v2/samples/new/blobs/uploads/', 'POST')).toBe(401)
      expect(await call(token, '/v2/samples/other/manifests/none')).toBe(401)
    })

    it('a refresh token is not an access token', async () => {
      const { refresh_token: refresh = '' } = await tokenFor(`pusher:${PUSH}`, 'offline_token=true')
      expect(await call(refresh, '/v2/')).toBe(401)
    })

    it('a token that is altered, or signed by another key under our name, is refused', async () => {
      const { token = '' } = await tokenFor(`pusher:${PUSH}`, '')
      const [header = '', claims = '', signature = ''] = token.split('.')
      const flipped = `${signature[0] === 'A' ? 'B' : 'A'}${signature.slice(1)}`
      expect(await call(`${header}.${claims}.${flipped}`, '/v2/')).toBe(401)
      const { privateKey } = await generateKeyPair('ES256')
      const payload: Record<string, unknown> = JSON.parse(Buffer.from(claims, 'base64url').toString())
      const forged = await new SignJWT(payload).setProtectedHeader({ typ: 'JWT', alg: 'ES256', kid }).sign(privateKey)
      expect(await call(forged, '/v2/')).toBe(401)
    })
  },
)
