/**
 * Write-once tags with stock clients: a tag keeps its digest, the same digest may be pushed again, and signing goes on. The
 * callers may push and delete as permissions say; only the protection refuses them.
 */
import { describe, expect, it } from 'vitest'
import { secretOf, token } from './tools/accounts.ts'
import { openSession, requireClients, type Session } from './tools/clients.ts'
import { buildah, copyingDrivers, crane, type Driver, podman, skopeo } from './tools/drivers.ts'
import { type Gate, startGate } from './tools/gate.ts'
import { gateBefore } from './tools/gate-fixture.ts'
import { hostPlatform, imageLayout, indexLayout } from './tools/images.ts'
import { type Registry, registryKinds } from './tools/registries.ts'
import { signers } from './tools/signers.ts'
import { ask, basic } from './tools/wire.ts'

const succeeded = expect.objectContaining({ status: 0 })

const policies = {
  'policies.yaml': `
registry: { service: registry.example.com }
tokens:
${token('releaser', '_repositories_admin')}
${token('janitor', '_repositories_admin')}
protections:
  - name: releases
    repositories: [release/*]
    tags: ["v*"]
    writeOnce: true
    except: [token:janitor]
    message: Releases are kept.
`,
}

const as = (name: string) => ({ authorization: basic(name, secretOf(name)) })
const runnable = requireClients([
  ...(['docker-registry', 'busybox', 'crane', 'skopeo', 'oras', 'cosign', 'notation', 'buildah', 'podman'] as const),
])

describe.runIf(runnable).each(registryKinds)('a write-once tag before $kind', ({ start }) => {
  let registry: Registry
  let gate: Gate
  gateBefore(start, { policies }, (started, before) => {
    registry = before
    gate = started
  })

  const signIn = async (name: string): Promise<Session> => {
    const session = openSession()
    const account = { username: name, password: secretOf(name) }
    for (const driver of [...copyingDrivers, buildah, podman]) {
      expect(await driver.login(session, gate.host, account)).toEqual(succeeded)
    }
    return session
  }
  const image = (seed: string) => imageLayout({ seed, layerBytes: [1024] })
  const changes = async (): Promise<readonly string[]> =>
    (await registry.requests())
      .filter(({ method, target }) => !['GET', 'HEAD'].includes(method) && !target.includes('/blobs/'))
      .map(({ method, target }) => `${method} ${target}`)
  const digestOfTag = async (repository: string, tag: string): Promise<unknown> => {
    const answer = await ask(`${gate.url}/v2/${repository}/manifests/${tag}`, {
      method: 'HEAD',
      headers: { ...as('releaser'), accept: 'application/vnd.oci.image.manifest.v1+json' },
    })
    return answer.headers['docker-content-digest']
  }

  it.each<{ readonly driver: Driver; readonly client: string }>(
    [...copyingDrivers, buildah, podman].map((driver) => ({ driver, client: driver.client })),
  )('is pushed by $client, also again, and is not moved', async ({ driver, client }) => {
    const session = await signIn('releaser')
    const reference = `${gate.host}/release/${client}:v1`
    expect(await driver.push(session, image(`${client} one`), reference)).toEqual(succeeded)
    const digest = await digestOfTag(`release/${client}`, 'v1')
    expect(await driver.push(session, image(`${client} one`), reference)).toEqual(succeeded)

    await registry.forgetRequests()
    const refused = await driver.push(session, image(`${client} two`), reference)
    expect(refused.status).not.toBe(0)
    expect(refused.stderr).toMatch(/Releases are kept|denied/i)
    expect(await changes()).toEqual([])
    expect(await digestOfTag(`release/${client}`, 'v1')).toBe(digest)
    expect(await driver.push(session, image(`${client} two`), `${gate.host}/release/${client}:latest`)).toEqual(
      succeeded,
    )
  })

  it('of an index keeps the images that the index lists', async () => {
    const session = await signIn('releaser')
    const layout = indexLayout([hostPlatform, { os: 'linux', architecture: 's390x' }], { seed: 'index' })
    const reference = `${gate.host}/release/index`
    expect(await skopeo.push(session, layout, `${reference}:v1`)).toEqual(succeeded)
    expect(await crane.push(session, image('other'), `${reference}:other`)).toEqual(succeeded)
    await registry.forgetRequests()
    const { manifests } = (
      await ask(`${gate.url}/v2/release/index/manifests/v1`, {
        headers: { ...as('releaser'), accept: 'application/vnd.oci.image.index.v1+json' },
      })
    ).json() as { readonly manifests: readonly { readonly digest: string }[] }
    for (const digest of [layout.root.digest, ...manifests.map((each) => each.digest)]) {
      expect((await crane.remove(session, `${reference}@${digest}`)).status).not.toBe(0)
    }
    expect(await changes()).toEqual([])
    expect(await crane.remove(session, `${reference}@${image('other').root.digest}`)).toEqual(succeeded)
  })

  it('that is pushed twice at the same moment has one winner', async () => {
    const session = await signIn('releaser')
    const reference = `${gate.host}/release/race:v1`
    const layouts = ['one', 'two', 'three', 'four'].map((seed) => image(`race ${seed}`))
    const outcomes = await Promise.all(layouts.map((layout) => crane.push(session, layout, reference)))
    const winners = layouts.filter((_, index) => outcomes[index]?.status === 0)
    expect(winners.length).toBe(1)
    expect(await digestOfTag('release/race', 'v1')).toBe(winners[0]?.root.digest)
  })

  it.each(signers)('is signed by $signer after it is kept', async (signer) => {
    const session = await signIn('releaser')
    const layout = image(`signed by ${signer.signer}`)
    const repository = `release/signed-${signer.signer.replace(/[^a-z]+/g, '-')}`
    expect(await crane.push(session, layout, `${gate.host}/${repository}:v1`)).toEqual(succeeded)
    const reference = `${gate.host}/${repository}@${layout.root.digest}`
    expect(await signer.prepare(session)).toEqual(succeeded)
    for (let time = 0; time < 2; time++) expect(await signer.sign(session, reference)).toEqual(succeeded)
    expect(await signer.verify(session, reference)).toEqual(succeeded)
  })

  it('is deleted by an excepted caller, and is free after that', async () => {
    const [releaser, janitor] = [await signIn('releaser'), await signIn('janitor')]
    const reference = `${gate.host}/release/freed`
    expect(await crane.push(releaser, image('freed one'), `${reference}:v1`)).toEqual(succeeded)
    const byDigest = `${reference}@${image('freed one').root.digest}`
    expect((await crane.remove(releaser, byDigest)).stderr).toMatch(/Releases are kept/)
    expect(await crane.remove(janitor, byDigest)).toEqual(succeeded)
    expect(await crane.push(releaser, image('freed two'), `${reference}:v1`)).toEqual(succeeded)
  })

  it.each([
    { which: 'the same gate after a restart', keepsState: true },
    { which: 'another gate that has not seen it', keepsState: false },
  ])('is kept by $which', async ({ keepsState }) => {
    const session = openSession()
    const repository = `release/restart-${keepsState}`
    const push = async ({ host }: Gate, seed: string) => {
      const account = { username: 'releaser', password: secretOf('releaser') }
      expect(await crane.login(session, host, account)).toEqual(succeeded)
      return crane.push(session, image(`${repository} ${seed}`), `${host}/${repository}:v1`)
    }
    const first = await startGate({ policies, upstream: registry.url })
    expect(await push(first, 'one')).toEqual(succeeded)
    await first.stop()
    const { stateDirectory } = first
    const second = await startGate({ policies, upstream: registry.url, ...(keepsState ? { stateDirectory } : {}) })
    expect((await push(second, 'two')).stderr).toMatch(/Releases are kept/)
    await second.stop()
  })
})
