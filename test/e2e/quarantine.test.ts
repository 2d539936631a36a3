/**
 * A quarantine with stock clients: what is pushed waits, a scanner reads it, a decision in Azure's wire format releases it, and
 * signers attach what they sign.
 */
import { describe, expect, it } from 'vitest'
import { secretOf, token } from './tools/accounts.ts'
import { openSession, requireClients, type Session } from './tools/clients.ts'
import { copyingDrivers, crane, pullDirectory, skopeo } from './tools/drivers.ts'
import type { Gate } from './tools/gate.ts'
import { gateBefore } from './tools/gate-fixture.ts'
import { hostPlatform, imageLayout, indexLayout, readLayout } from './tools/images.ts'
import { type Registry, registryKinds } from './tools/registries.ts'
import { cosignReferrers, notation } from './tools/signers.ts'
import { ask, basic } from './tools/wire.ts'

const succeeded = expect.objectContaining({ status: 0 })

const policies = {
  'policies.yaml': `
registry: { service: registry.example.com }
scopeMaps:
  none: { actions: [repositories/none/content/read] }
tokens:
${token('builder', '_repositories_push')}
${token('trusted', '_repositories_push')}
${token('runner', '_repositories_pull')}
${token('scanner', 'none')}
${token('approver', 'none')}
roleAssignments:
  - { principal: token:scanner, role: AcrQuarantineReader }
  - { principal: token:approver, role: AcrQuarantineWriter }
protections:
  - { name: waits, repositories: [prod/*], quarantine: true, except: [token:trusted] }
`,
}

const as = (name: string) => ({ authorization: basic(name, secretOf(name)) })
const runnable = requireClients(['docker-registry', 'busybox', 'crane', 'skopeo', 'oras', 'cosign', 'notation'])

describe.runIf(runnable).each(registryKinds)('a quarantine before $kind', ({ start }) => {
  let registry: Registry
  let gate: Gate
  gateBefore(start, { policies }, (started, before) => {
    registry = before
    gate = started
  })

  const signIn = async (name: string): Promise<Session> => {
    const session = openSession()
    const account = { username: name, password: secretOf(name) }
    for (const driver of copyingDrivers) expect(await driver.login(session, gate.host, account)).toEqual(succeeded)
    return session
  }
  const decide = (repository: string, digest: string, quarantineState: string, name = 'approver') =>
    ask(`${gate.url}/acr/v1/${repository}/_manifests/${digest}`, {
      method: 'PATCH',
      headers: { ...as(name), 'content-type': 'application/json' },
      body: JSON.stringify({ quarantineState, quarantineDetails: '{"scanner":"none"}' }),
    })

  it.each(copyingDrivers)('holds back what $client pushes until it is released', async (driver) => {
    const [builder, runner, scanner] = [await signIn('builder'), await signIn('runner'), await signIn('scanner')]
    const layout = imageLayout({ seed: driver.client, layerBytes: [1024] })
    const repository = `prod/${driver.client}`
    const byTag = `${gate.host}/${repository}:v1`
    const byDigest = `${gate.host}/${repository}@${layout.root.digest}`
    const pushed = await driver.push(builder, layout, byTag)
    // oras reads what it has pushed, and then says that it may not.
    if (driver.client === 'oras') expect(pushed.stderr).toContain('the image is in quarantine: it is not released yet')
    else expect(pushed).toEqual(succeeded)
    for (const session of [builder, runner]) {
      for (const reference of [byTag, byDigest]) {
        expect((await driver.pull(session, reference, pullDirectory())).status).not.toBe(0)
      }
    }
    for (const reference of [byTag, byDigest]) {
      const directory = pullDirectory()
      expect(await driver.pull(scanner, reference, directory)).toEqual(succeeded)
      expect((await readLayout(directory)).blobs.length).toBeGreaterThan(0)
    }
    for (const name of ['builder', 'runner', 'scanner', 'trusted']) {
      expect((await decide(repository, layout.root.digest, 'Passed', name)).status).toBe(403)
    }
    await registry.forgetRequests()
    expect((await decide(repository, layout.root.digest, 'Passed')).status).toBe(200)
    expect((await registry.requests()).filter(({ method }) => method === 'PATCH')).toEqual([])
    for (const reference of [byTag, byDigest]) {
      expect(await driver.pull(runner, reference, pullDirectory())).toEqual(succeeded)
    }
  })

  it('releases an index with its images, and takes a release back', async () => {
    const [builder, runner] = [await signIn('builder'), await signIn('runner')]
    const layout = indexLayout([hostPlatform, { os: 'linux', architecture: 's390x' }], { seed: 'index' })
    const reference = `${gate.host}/prod/index:v1`
    expect(await skopeo.push(builder, layout, reference)).toEqual(succeeded)
    expect((await skopeo.pull(runner, reference, pullDirectory())).status).not.toBe(0)
    expect((await decide('prod/index', layout.root.digest, 'Passed')).status).toBe(200)
    expect(await skopeo.pull(runner, reference, pullDirectory())).toEqual(succeeded)
    expect((await decide('prod/index', layout.root.digest, 'Failed')).status).toBe(200)
    expect((await skopeo.pull(runner, reference, pullDirectory())).status).not.toBe(0)
  })

  it('does not hold back what a trusted caller pushes', async () => {
    const [trusted, runner] = [await signIn('trusted'), await signIn('runner')]
    const reference = `${gate.host}/prod/trusted:v1`
    expect(await crane.push(trusted, imageLayout({ seed: 'trusted' }), reference)).toEqual(succeeded)
    expect(await crane.pull(runner, reference, pullDirectory())).toEqual(succeeded)
  })

  it.each([cosignReferrers, notation])('lets $signer sign before the release, and verify after it', async (signer) => {
    const session = await signIn('trusted')
    const layout = imageLayout({ seed: signer.signer })
    const repository = `prod/signed-${signer.signer.replace(/[^a-z]+/g, '-')}`
    expect(await crane.push(session, layout, `${gate.host}/${repository}:v1`)).toEqual(succeeded)
    const reference = `${gate.host}/${repository}@${layout.root.digest}`
    expect(await signer.prepare(session)).toEqual(succeeded)
    expect(await signer.sign(session, reference)).toEqual(succeeded)
    expect(await signer.verify(session, reference)).toEqual(succeeded)
  })
})
