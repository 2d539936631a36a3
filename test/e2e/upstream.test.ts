/**
 * The gate before registries that ask who it is: stock clients sign in to the gate, the gate signs in to the registry,
 * and neither credential is seen on the other side.
 */

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { openSession, requireClients, type Session } from './tools/clients.ts'
import { type CopyingDriver, crane, pullDirectory, skopeo } from './tools/drivers.ts'
import { type Gate, sha256, startGate } from './tools/gate.ts'
import { contentOf, imageLayout, MIB, readLayout } from './tools/images.ts'
import { startDockerRegistry } from './tools/registries.ts'
import type { Registry } from './tools/registry.ts'
import { startTokenService, type TokenService } from './tools/tokenservice.ts'

const succeeded = expect.objectContaining({ status: 0 })

const GATE_USER = 'gate'
const GATE_PASSWORD = 'the-gates-own-password-of-this-test'
const CLIENT_PASSWORD = 'pusher-secret-of-this-test-only'

const policies = {
  'policies.yaml': `
registry:
  service: registry.example.com
scopeMaps:
  all:
    actions:
      - repositories/*/content/read
      - repositories/*/content/write
      - repositories/*/content/delete
      - repositories/*/metadata/read
tokens:
  pusher: { scopeMap: all, credentials: { password1: { sha256: ${sha256(CLIENT_PASSWORD)} } } }
roleAssignments:
  - { principal: 'token:pusher', role: Container Registry Repository Catalog Lister }
`,
}

const runnable = requireClients(['docker-registry', 'busybox', 'htpasswd', 'openssl', 'crane', 'skopeo'])

const basic = `Basic ${Buffer.from(`${GATE_USER}:${GATE_PASSWORD}`).toString('base64')}`
const password = { UPSTREAM_USERNAME: GATE_USER, UPSTREAM_PASSWORD: GATE_PASSWORD }

type Setting = {
  readonly registry: Registry
  readonly tokens?: TokenService
  readonly environment: Readonly<Record<string, string>>
}

const withHtpasswd = () => startDockerRegistry({ type: 'htpasswd', users: { [GATE_USER]: GATE_PASSWORD } })

async function withTokens(grantsAnonymous: boolean, ttlSeconds: number) {
  const tokens = await startTokenService({
    accounts: { [GATE_USER]: { password: GATE_PASSWORD } },
    ttlSeconds,
    ...(grantsAnonymous ? { grantAnonymous: ({ actions }: { readonly actions: readonly string[] }) => actions } : {}),
  })
  const { realm, service, issuer, rootcertbundle } = tokens
  const registry = await startDockerRegistry({ type: 'token', realm, service, issuer, rootcertbundle })
  return { tokens, registry, pair: { UPSTREAM_AUTH_HOSTS: `${registry.host}=${new URL(realm).host}` } }
}

const settings: readonly { readonly name: string; readonly start: () => Promise<Setting> }[] = [
  { name: 'no credential', start: async () => ({ registry: await startDockerRegistry(), environment: {} }) },
  { name: 'user name and password', start: async () => ({ registry: await withHtpasswd(), environment: password }) },
  {
    name: 'a fixed header',
    start: async () => ({ registry: await withHtpasswd(), environment: { UPSTREAM_AUTHORIZATION: basic } }),
  },
  {
    name: 'tokens for a password',
    start: async () => {
      const { pair, ...both } = await withTokens(false, 300)
      return { ...both, environment: { ...password, ...pair } }
    },
  },
  {
    name: 'tokens that live for a moment',
    start: async () => {
      const { pair, ...both } = await withTokens(false, 2)
      return { ...both, environment: { ...password, ...pair } }
    },
  },
  {
    name: 'tokens for nobody in particular',
    start: async () => {
      const { pair, ...both } = await withTokens(true, 300)
      return { ...both, environment: pair }
    },
  },
]

const signIn = async (driver: CopyingDriver, gate: Gate): Promise<Session> => {
  const session = openSession()
  const account = { username: 'pusher', password: CLIENT_PASSWORD }
  expect(await driver.login(session, gate.host, account)).toEqual(succeeded)
  return session
}

describe.runIf(runnable).each(settings)('the gate before a registry with $name', ({ start }) => {
  let setting: Setting
  let gate: Gate
  beforeAll(async () => {
    setting = await start()
    gate = await startGate({ policies, upstream: setting.registry.url, environment: setting.environment })
  })
  afterAll(async () => {
    await gate.stop()
    await setting.registry.stop()
    await setting.tokens?.close()
  })

  it.each([crane, skopeo])('$client pushes, pulls, lists, mounts and deletes', async (driver) => {
    const layout = imageLayout({ seed: driver.client, layerBytes: [2 * MIB, 9 * MIB] })
    const reference = `${gate.host}/team/${driver.client}:v1`
    const session = await signIn(driver, gate)
    expect(await driver.push(session, layout, reference)).toEqual(succeeded)
    const pulled = pullDirectory()
    expect(await driver.pull(session, reference, pulled)).toEqual(succeeded)
    expect(await readLayout(pulled)).toEqual(contentOf(layout))
    expect((await driver.tags(session, `${gate.host}/team/${driver.client}`)).stdout).toContain('v1')
    const copy = `${gate.host}/copies/${driver.client}:v1`
    expect(await driver.copy(session, reference, copy)).toEqual(succeeded)
    expect(await driver.pull(session, copy, pullDirectory())).toEqual(succeeded)
    expect(
      await crane.remove(session, `${gate.host}/copies/${driver.client}@${await digestOf(session, copy)}`),
    ).toEqual(succeeded)
    expect((await driver.pull(session, copy, pullDirectory())).status).not.toBe(0)
  })

  it('mounted what was copied', async () => {
    const mounts = (await setting.registry.requests()).filter(({ target }) => target.includes('mount='))
    expect(mounts.length).toBeGreaterThan(0)
    expect(mounts.every(({ status }) => status === 201)).toBe(true)
  })

  it('lists the catalog', async () => {
    const session = await signIn(crane, gate)
    const listed = await crane.catalog(session, gate.host)
    expect(listed).toEqual(succeeded)
    expect(listed.stdout.trim().split('\n')).toContain('team/crane')
  })

  it('asked the token service with its own name, scopes and password, and not for every request', async () => {
    const { tokens, environment, registry } = setting
    if (tokens === undefined) return
    const asked = tokens.requests()
    const username = environment.UPSTREAM_USERNAME
    expect(asked.length).toBeGreaterThan(0)
    expect(new Set(asked.map((request) => request.username))).toEqual(new Set([username]))
    const scopes = asked.flatMap((request) => request.scopes)
    expect(
      scopes.filter((scope) => !/^(?:repository:[a-z/]+:(?:pull|pull,push|delete)|registry:catalog:\*)$/.test(scope)),
    ).toEqual([])
    expect(asked.length).toBeLessThan((await registry.requests()).length)
  })

  it('showed neither side the credential of the other', () => {
    expect(setting.registry.log()).not.toContain(CLIENT_PASSWORD)
    expect(gate.log()).not.toContain(CLIENT_PASSWORD)
    expect(gate.log()).not.toContain(GATE_PASSWORD)
  })
})

async function digestOf(session: Session, reference: string): Promise<string> {
  const { stdout } = await session.run('crane', ['digest', '--insecure', reference])
  return stdout.trim()
}

describe.runIf(runnable)('the gate before two registries', () => {
  let main: Registry
  let second: Registry
  let gate: Gate
  beforeAll(async () => {
    main = await startDockerRegistry()
    second = await startDockerRegistry()
    const entries = [{ prefix: 'second/', url: second.url, stripPrefix: true }]
    gate = await startGate({ policies, upstream: main.url, environment: { UPSTREAMS: JSON.stringify(entries) } })
  })
  afterAll(async () => {
    await gate.stop()
    await main.stop()
    await second.stop()
  })

  it.each([crane, skopeo])('$client copies from one to the other, and no mount crosses over', async (driver) => {
    const session = await signIn(driver, gate)
    const layout = imageLayout({ seed: `two-${driver.client}`, layerBytes: [2 * MIB] })
    const [here, there] = [`${gate.host}/team/${driver.client}:v1`, `${gate.host}/second/${driver.client}:v1`]
    expect(await driver.push(session, layout, here)).toEqual(succeeded)
    expect(await driver.copy(session, here, there)).toEqual(succeeded)
    const pulled = pullDirectory()
    expect(await driver.pull(session, there, pulled)).toEqual(succeeded)
    expect(await readLayout(pulled)).toEqual(contentOf(layout))
    const [ofMain, ofSecond] = [await main.requests(), await second.requests()]
    expect(ofMain.some(({ target }) => target.includes('second/'))).toBe(false)
    expect(ofSecond.some(({ target }) => target.startsWith(`/v2/${driver.client}/manifests/`))).toBe(true)
    expect([...ofMain, ...ofSecond].some(({ target }) => target.includes('mount='))).toBe(false)
    expect((await crane.catalog(session, gate.host)).stdout).not.toContain('second/')
  })
})

describe.runIf(runnable)('the gate with a wrong credential', () => {
  const cleanups: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  })

  const gateBefore = async (registry: Registry, environment: Readonly<Record<string, string>>): Promise<Gate> => {
    cleanups.push(() => registry.stop())
    const gate = await startGate({ policies, upstream: registry.url, environment })
    cleanups.push(() => gate.stop())
    return gate
  }

  const wrong = { ...password, UPSTREAM_PASSWORD: 'wrong-password-of-this-test' }

  /** What a person at the client reads, and what the operator does. */
  const expectClearFailure = async (gate: Gate, inLog: string): Promise<void> => {
    for (const driver of [crane, skopeo]) {
      const session = await signIn(driver, gate)
      const layout = imageLayout({ seed: 'wrong', layerBytes: [1024] })
      const pushed = await driver.push(session, layout, `${gate.host}/team/app:v1`)
      expect(pushed.status).not.toBe(0)
      expect(`${pushed.stdout}${pushed.stderr}`).toMatch(/does not accept the gate|502/)
      expect(`${pushed.stdout}${pushed.stderr}`).not.toContain(wrong.UPSTREAM_PASSWORD)
    }
    const answer = await fetch(`${gate.url}/v2/team/app/manifests/v1`, {
      headers: { authorization: `Basic ${Buffer.from(`pusher:${CLIENT_PASSWORD}`).toString('base64')}` },
    })
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([502, null])
    expect(await answer.json()).toEqual({
      errors: [
        expect.objectContaining({
          code: 'UNAVAILABLE',
          message: 'the registry behind the gate does not accept the gate: tell its operator',
        }),
      ],
    })
    expect(gate.log()).toContain('fault: ')
    expect(gate.log()).toContain(inLog)
    expect(gate.log()).not.toContain(wrong.UPSTREAM_PASSWORD)
  }

  it('for htpasswd says so', async () => {
    await expectClearFailure(await gateBefore(await withHtpasswd(), wrong), "does not accept the gate's own credential")
  })

  it('for a token service says so', async () => {
    const { tokens, registry, pair } = await withTokens(false, 300)
    cleanups.push(() => tokens.close())
    await expectClearFailure(await gateBefore(registry, { ...wrong, ...pair }), 'the token service on 127.0.0.1')
  })

  it('for a token service that nobody named says how to name it, and never calls it', async () => {
    const { tokens, registry } = await withTokens(true, 300)
    cleanups.push(() => tokens.close())
    const gate = await gateBefore(registry, wrong)
    await expectClearFailure(gate, `add ${registry.host}=${new URL(tokens.realm).host} to UPSTREAM_AUTH_HOSTS`)
    expect(tokens.requests()).toEqual([])
  })
})
