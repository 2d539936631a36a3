/**
 * The gate end to end: stock clients before it, real registries behind it. What policy allows works as if there were no
 * gate; what it refuses is told to the person at the client, and the registry saw nothing of it.
 */

import { describe, expect, it } from 'vitest'
import { secretOf, token } from './tools/accounts.ts'
import { openSession, requireClients, type Session } from './tools/clients.ts'
import { type CopyingDriver, copyingDrivers, crane, oras, pullDirectory, skopeo } from './tools/drivers.ts'
import type { Gate } from './tools/gate.ts'
import { gateBefore } from './tools/gate-fixture.ts'
import { contentOf, imageLayout, MIB, readLayout } from './tools/images.ts'
import { type Registry, registryKinds } from './tools/registries.ts'

const succeeded = expect.objectContaining({ status: 0 })

/** A HEAD has no body to tell why, and skopeo reads none for a tag list: these say `403 (Forbidden)` and no more. */
const REFUSED = /denied|forbidden/i

const policies = {
  'policies.yaml': `
registry:
  service: registry.example.com
  anonymous:
    - repositories/public/*/content/read
scopeMaps:
  push:
    actions:
      - repositories/*/content/read
      - repositories/*/content/write
      - repositories/*/metadata/read
  pull:
    actions:
      - repositories/samples/*/content/read
  other:
    actions:
      - repositories/other/app/content/read
      - repositories/other/app/content/write
      - repositories/other/app/metadata/read
  remove:
    actions:
      - repositories/samples/*/content/read
      - repositories/samples/*/content/delete
tokens:
${token('pusher', 'push')}
${token('puller', 'pull')}
${token('other', 'other')}
${token('remover', 'remove')}
`,
}

const runnable = requireClients(['docker-registry', 'busybox', 'crane', 'skopeo', 'oras'])

describe.runIf(runnable).each(registryKinds)('the gate before $kind', ({ start }) => {
  let registry: Registry
  let gate: Gate
  gateBefore(start, { policies }, (started, before) => {
    registry = before
    gate = started
  })

  const signIn = async (driver: CopyingDriver, name: string): Promise<Session> => {
    const session = openSession()
    expect(await driver.login(session, gate.host, { username: name, password: secretOf(name) })).toEqual(succeeded)
    return session
  }

  const writes = async () => (await registry.requests()).filter(({ method }) => method !== 'GET' && method !== 'HEAD')

  describe.each(copyingDrivers)('$client', (driver) => {
    const layout = imageLayout({ seed: driver.client, layerBytes: [3 * MIB, 40 * MIB] })
    const repository = () => `${gate.host}/samples/${driver.client}`

    it('pushes an image and pulls it back with equal digests', async () => {
      const pulled = pullDirectory()
      const session = await signIn(driver, 'pusher')
      expect(await driver.push(session, layout, `${repository()}:v1`)).toEqual(succeeded)
      expect(await driver.pull(session, `${repository()}:v1`, pulled)).toEqual(succeeded)
      expect(await readLayout(pulled)).toEqual(contentOf(layout))
    })

    it('pulls with a token that may only pull, which may not push', async () => {
      const session = await signIn(driver, 'puller')
      expect(await driver.pull(session, `${repository()}:v1`, pullDirectory())).toEqual(succeeded)
      await registry.forgetRequests()
      const pushed = await driver.push(
        session,
        imageLayout({ seed: 'refused', layerBytes: [1024] }),
        `${repository()}:v2`,
      )
      expect(pushed.status).not.toBe(0)
      expect(pushed.stderr).toMatch(/denied/i)
      expect(pushed.stderr).toContain(`content/write on samples/${driver.client}`)
      expect(await writes()).toEqual([])
    })

    it('refuses a token for another repository, and the registry sees nothing', async () => {
      const session = await signIn(driver, 'other')
      await registry.forgetRequests()
      const pulled = await driver.pull(session, `${repository()}:v1`, pullDirectory())
      expect(pulled.status).not.toBe(0)
      expect(pulled.stderr).toMatch(/denied/i)
      const pushed = await driver.push(session, layout, `${repository()}:v1`)
      expect(pushed.status).not.toBe(0)
      expect(pushed.stderr).toMatch(REFUSED)
      expect(await registry.requests()).toEqual([])
    })

    it('lets anonymous callers pull what is public, and nothing else', async () => {
      const session = await signIn(driver, 'pusher')
      const open = `${gate.host}/public/${driver.client}:v1`
      expect(await driver.push(session, imageLayout({ seed: 'public', layerBytes: [1024] }), open)).toEqual(succeeded)
      expect(await driver.pull(openSession(), open, pullDirectory())).toEqual(succeeded)
      await registry.forgetRequests()
      const pulled = await driver.pull(openSession(), `${repository()}:v1`, pullDirectory())
      expect(pulled.status).not.toBe(0)
      expect(pulled.stderr).toMatch(/unauthorized|denied|authentication required/i)
      expect(await registry.requests()).toEqual([])
    })

    it('lists tags only with metadata/read', async () => {
      const listed = await driver.tags(await signIn(driver, 'pusher'), repository())
      expect(listed).toEqual(succeeded)
      expect(listed.stdout).toContain('v1')
      const session = await signIn(driver, 'puller')
      await registry.forgetRequests()
      const refused = await driver.tags(session, repository())
      expect(refused.status).not.toBe(0)
      expect(refused.stderr).toMatch(REFUSED)
      if (driver !== skopeo) expect(refused.stderr).toContain(`metadata/read on samples/${driver.client}`)
      expect(await registry.requests()).toEqual([])
    })

    it('deletes only with content/delete', async () => {
      const pusher = await signIn(driver, 'pusher')
      const doomed = imageLayout({ seed: `doomed ${driver.client}`, layerBytes: [1024] })
      const reference = `${repository()}@${doomed.root.digest}`
      expect(await driver.push(pusher, doomed, `${repository()}:doomed`)).toEqual(succeeded)
      await registry.forgetRequests()
      const refused = await driver.remove(pusher, reference)
      expect(refused.status).not.toBe(0)
      expect(refused.stderr).toMatch(/denied/i)
      expect(await writes()).toEqual([])
      const remover = await signIn(driver, 'remover')
      expect(await driver.remove(remover, reference)).toEqual(succeeded)
      expect((await driver.pull(remover, reference, pullDirectory())).status).not.toBe(0)
    })
  })

  it.each([skopeo, oras])('$client is told that a password is wrong', async (driver) => {
    await registry.forgetRequests()
    const login = await driver.login(openSession(), gate.host, { username: 'pusher', password: 'wrong' })
    expect(login.status).not.toBe(0)
    expect(login.stderr).toMatch(/unauthorized|invalid username|not valid/i)
    expect(await registry.requests()).toEqual([])
  })

  it.each([crane, oras])('$client lists the repositories that the caller may read, and no other', async (driver) => {
    const all = (await driver.catalog(await signIn(driver, 'pusher'), gate.host)).stdout.split('\n')
    expect(all).toEqual(expect.arrayContaining(['public/crane', 'samples/crane', 'samples/oras']))
    const some = (await driver.catalog(await signIn(driver, 'remover'), gate.host)).stdout.split('\n')
    expect(some).toEqual(expect.arrayContaining(['samples/crane', 'samples/oras', 'public/crane']))
    const few = (await driver.catalog(await signIn(driver, 'other'), gate.host)).stdout.split('\n').filter(Boolean)
    expect(few).toEqual(['public/crane', 'public/oras', 'public/skopeo'])
  })

  it('answers clearly while the registry is away, and goes on when it is back', async () => {
    const session = await signIn(crane, 'pusher')
    const reference = `${gate.host}/samples/crane:v1`
    const authorization = `Basic ${Buffer.from(`pusher:${secretOf('pusher')}`).toString('base64')}`
    await registry.kill()
    const answer = await fetch(`${gate.url}/v2/samples/crane/manifests/v1`, { headers: { authorization } })
    expect([502, 503, 504]).toContain(answer.status)
    expect(await answer.json()).toEqual({ errors: [expect.objectContaining({ code: 'UNAVAILABLE' })] })
    await registry.restart()
    expect(await crane.pull(session, reference, pullDirectory())).toEqual(succeeded)
  })
})
