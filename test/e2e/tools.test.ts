/** The tools of the end-to-end tests, tried on a registry with no gate before it: what fails here is not the gate. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openSession, requireClients } from './tools/clients.ts'
import { buildah, copyingDrivers, crane, oras, pullDirectory, skopeo } from './tools/drivers.ts'
import { contentOf, dockerArchive, hostPlatform, imageLayout, indexLayout, MIB, readLayout } from './tools/images.ts'
import { type Registry, registryKinds, startDockerRegistry } from './tools/registries.ts'
import { signers } from './tools/signers.ts'
import { startTokenService } from './tools/tokenservice.ts'

const succeeded = expect.objectContaining({ status: 0 })

const runnable = requireClients([
  ...(['docker-registry', 'htpasswd', 'openssl', 'busybox'] as const),
  ...(['crane', 'skopeo', 'oras', 'buildah', 'cosign', 'notation'] as const),
])

describe.runIf(runnable).each(registryKinds)('with $kind', ({ start }) => {
  let registry: Registry
  beforeAll(async () => {
    registry = await start()
  })
  afterAll(() => registry.stop())

  describe.each(copyingDrivers)('$client', (driver) => {
    it('pushes an image and pulls it back with equal digests', async () => {
      const layout = imageLayout({ layerBytes: [3 * MIB, 40 * MIB] })
      const reference = `${registry.host}/samples/${driver.client}:v1`
      const pulled = pullDirectory()
      expect(await driver.push(openSession(), layout, reference)).toEqual(succeeded)
      expect(await driver.pull(openSession(), reference, pulled)).toEqual(succeeded)
      expect(await readLayout(pulled)).toEqual(contentOf(layout))
    })

    it('pushes, copies and pulls an index with all its images', async () => {
      const layout = indexLayout([hostPlatform, { os: 'linux', architecture: 'riscv64' }], { layerBytes: [MIB] })
      const from = `${registry.host}/indexes/${driver.client}/from:v1`
      const to = `${registry.host}/indexes/${driver.client}/to:v1`
      const pulled = pullDirectory()
      const session = openSession()
      expect(await driver.push(session, layout, from)).toEqual(succeeded)
      expect(await driver.copy(session, from, to)).toEqual(succeeded)
      expect(await driver.pull(session, to, pulled)).toEqual(succeeded)
      expect(await readLayout(pulled)).toEqual(contentOf(layout))
    })

    it('lists tags and deletes a manifest', async () => {
      const layout = imageLayout({ seed: driver.client, layerBytes: [1024] })
      const repository = `${registry.host}/deleted/${driver.client}`
      const session = openSession()
      expect(await driver.push(session, layout, `${repository}:v1`)).toEqual(succeeded)
      expect((await driver.tags(session, repository)).stdout).toContain('v1')
      expect(await driver.remove(session, `${repository}@${layout.root.digest}`)).toEqual(succeeded)
      expect((await driver.pull(session, `${repository}:v1`, pullDirectory())).status).not.toBe(0)
    })
  })

  it.each([crane, oras])('$client lists the catalog', async (driver) => {
    const session = openSession()
    const reference = `${registry.host}/listed/${driver.client}:v1`
    expect(await driver.push(session, imageLayout({ layerBytes: [] }), reference)).toEqual(succeeded)
    expect((await driver.catalog(session, registry.host)).stdout.split('\n')).toContain(`listed/${driver.client}`)
  })

  it('oras attaches a referrer and discovers it', async () => {
    const session = openSession()
    const reference = `${registry.host}/referred/image:v1`
    writeFileSync(join(session.home, 'note.txt'), 'a note')
    expect(await oras.push(session, imageLayout({ layerBytes: [] }), reference)).toEqual(succeeded)
    expect(await oras.attach(session, reference, 'application/vnd.example.note', 'note.txt')).toEqual(succeeded)
    expect((await oras.discover(session, reference)).stdout).toContain('application/vnd.example.note')
  })

  it.each(signers)(
    '$signer: signs an image; verifies it, and not another',
    async ({ signer, prepare, sign, verify }) => {
      const session = openSession()
      const repository = `${registry.host}/signatures/${signer.replace(/[^a-z]+/g, '-')}`
      const pushed = async (seed: string) => {
        const layout = imageLayout({ seed, layerBytes: [1024] })
        expect(await crane.push(session, layout, `${repository}:${seed}`)).toEqual(succeeded)
        return `${repository}@${layout.root.digest}`
      }
      const signed = await pushed('signed')
      const unsigned = await pushed('unsigned')
      expect(await prepare(session)).toEqual(succeeded)
      expect(await sign(session, signed)).toEqual(succeeded)
      expect(await verify(session, signed)).toEqual(succeeded)
      expect((await verify(session, unsigned)).status).not.toBe(0)
    },
  )

  it('buildah pushes the image, and another buildah pulls it and runs it', async () => {
    const reference = `${registry.host}/samples/buildah:v1`
    expect(await buildah.push(openSession(), imageLayout({ layerBytes: [MIB] }), reference)).toEqual(succeeded)
    const session = openSession()
    const pulled = await buildah.pull(session, reference)
    expect(pulled).toEqual(succeeded)
    const ran = await buildah.runContainer(session, pulled.stdout.trim(), ['/bin/sh', '-c', 'echo it runs'])
    expect(ran).toEqual({ ...ran, status: 0, stdout: 'it runs\n' })
  })

  it('crane and skopeo push a docker archive', async () => {
    const archive = dockerArchive('sample:v1', { layerBytes: [1024] })
    const session = openSession()
    const repository = `${registry.host}/samples/archive`
    expect(await session.run('crane', ['push', archive, `${repository}:crane`])).toEqual(succeeded)
    const copy = ['copy', '--dest-tls-verify=false', `docker-archive:${archive}`, `docker://${repository}:skopeo`]
    expect(await session.run('skopeo', copy)).toEqual(succeeded)
    expect((await crane.tags(session, repository)).stdout.split('\n').sort()).toEqual(['', 'crane', 'skopeo'])
  })
})

describe.runIf(runnable).each(registryKinds)('$kind', ({ start }) => {
  it('tells which requests reached it, and forgets them when told', async () => {
    const registry = await start()
    expect(await registry.requests()).toEqual([])
    await fetch(`${registry.url}/v2/samples/app/tags/list?n=1`)
    expect(await registry.requests()).toEqual([{ method: 'GET', target: '/v2/samples/app/tags/list?n=1', status: 404 }])
    await registry.forgetRequests()
    expect(await registry.requests()).toEqual([])
    await registry.stop()
  })

  it.each(['stop', 'kill'] as const)('keeps its port and content over %s and restart', async (end) => {
    const registry = await start()
    const session = openSession()
    const layout = imageLayout({ layerBytes: [MIB] })
    expect(await crane.push(session, layout, `${registry.host}/samples/app:v1`)).toEqual(succeeded)
    await registry[end]()
    await expect(fetch(`${registry.url}/v2/`)).rejects.toThrow()
    await registry.restart()
    expect(await crane.pull(session, `${registry.host}/samples/app:v1`, pullDirectory())).toEqual(succeeded)
    await registry.stop()
  })
})

describe.runIf(runnable)('docker-registry', () => {
  it.each([crane, skopeo, oras, buildah])('with htpasswd lets in only who logged in: $client', async (driver) => {
    const account = { username: 'pusher', password: 'correct horse' }
    const registry = await startDockerRegistry({ type: 'htpasswd', users: { [account.username]: account.password } })
    const layout = imageLayout({ layerBytes: [] })
    const reference = `${registry.host}/samples/app:v1`
    const [member, stranger] = [openSession(), openSession()]
    expect(await driver.login(member, registry.host, account)).toEqual(succeeded)
    expect(await driver.push(member, layout, reference)).toEqual(succeeded)
    expect((await driver.push(stranger, layout, reference)).status).not.toBe(0)
    await registry.stop()
  })

  it.each(copyingDrivers)('with token authentication grants what the token service says: $client', async (driver) => {
    const tokens = await startTokenService({
      accounts: {
        pusher: { password: 'correct horse' },
        reader: { password: 'battery staple', grant: ({ actions }) => actions.filter((action) => action === 'pull') },
      },
    })
    const registry = await startDockerRegistry({ type: 'token', ...tokens })
    const layout = imageLayout({ layerBytes: [] })
    const reference = `${registry.host}/samples/app:v1`
    const [pusher, reader] = [openSession(), openSession()]
    await driver.login(pusher, registry.host, { username: 'pusher', password: 'correct horse' })
    await driver.login(reader, registry.host, { username: 'reader', password: 'battery staple' })
    expect(await driver.push(pusher, layout, reference)).toEqual(succeeded)
    expect(await driver.pull(reader, reference, pullDirectory())).toEqual(succeeded)
    expect((await driver.push(reader, layout, `${registry.host}/samples/other:v1`)).status).not.toBe(0)
    expect((await driver.pull(openSession(), reference, pullDirectory())).status).not.toBe(0)
    expect(tokens.requests().map(({ username }) => username)).toEqual(expect.arrayContaining(['pusher', 'reader']))
    await registry.stop()
    await tokens.close()
  })
})
