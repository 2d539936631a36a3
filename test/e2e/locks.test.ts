/**
 * Locks and Azure's metadata API in front of a registry that has neither, with stock clients; and the commands that ask a gate
 * that runs. The caller is an administrator: only locks refuse it.
 */
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { secretOf, token } from './tools/accounts.ts'
import { openSession, requireClients, type Session } from './tools/clients.ts'
import { copyingDrivers, crane, pullDirectory, skopeo } from './tools/drivers.ts'
import type { Gate } from './tools/gate.ts'
import { gateBefore } from './tools/gate-fixture.ts'
import { imageLayout } from './tools/images.ts'
import { type Outcome, runProgram } from './tools/process.ts'
import { type Registry, registryKinds } from './tools/registries.ts'
import { ask, basic } from './tools/wire.ts'

const COMMAND = fileURLToPath(new URL('../../src/cli/bin.js', import.meta.url))
const succeeded = expect.objectContaining({ status: 0 })

const policies = {
  'policies.yaml': `
registry: { service: registry.example.com }
tokens:
${token('admin', '_repositories_admin')}
${token('reader', '_repositories_pull')}
protections:
  - { name: kept, repositories: [release/*], tags: ["v*"], writeOnce: true }
  - { name: waits, repositories: [prod/*], quarantine: true, releaseAfter: 30d }
roleAssignments:
  - { principal: token:admin, role: AcrQuarantineWriter }
`,
}

const runnable = requireClients(['docker-registry', 'busybox', 'crane', 'skopeo', 'oras'])

describe.runIf(runnable).each(registryKinds)('a gate that keeps locks before $kind', ({ start }) => {
  let registry: Registry
  let gate: Gate
  gateBefore(start, { policies, environment: { METADATA_API: 'gate' } }, (started, before) => {
    registry = before
    gate = started
  })

  const signIn = async (name: string): Promise<Session> => {
    const session = openSession()
    const account = { username: name, password: secretOf(name) }
    for (const driver of copyingDrivers) expect(await driver.login(session, gate.host, account)).toEqual(succeeded)
    return session
  }
  const call = async (method: string, path: string, body?: unknown, name = 'admin') => {
    const headers = { authorization: basic(name, secretOf(name)), 'content-type': 'application/json' }
    const answer = await ask(`${gate.url}/acr/v1/${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: answer.status, body: JSON.parse(answer.body.toString('utf8') || 'null') }
  }
  const dockgate = (...args: readonly string[]): Promise<Outcome> =>
    runProgram(process.execPath, [COMMAND, ...args, '--url', gate.url], {
      environment: { DOCKGATE_TOKEN: `admin:${secretOf('admin')}`, NO_COLOR: '1' },
    })
  const image = (seed: string) => imageLayout({ seed, layerBytes: [1024] })

  it.each(copyingDrivers)('refuses $client what a lock forbids, and nothing else', async (driver) => {
    const [admin, reader] = [await signIn('admin'), await signIn('reader')]
    const [one, two] = [image(`${driver.client} one`), image(`${driver.client} two`)]
    const repository = `team/${driver.client}`
    const reference = `${gate.host}/${repository}:v1`
    expect(await driver.push(admin, one, reference)).toEqual(succeeded)
    expect((await call('PATCH', `${repository}/_tags/v1`, { writeEnabled: false })).status).toBe(200)
    await registry.forgetRequests()
    const refused = await driver.push(admin, two, reference)
    expect(refused.status).not.toBe(0)
    expect(refused.stderr).toContain('the tag v1 is locked: its attribute writeEnabled is false')
    const changes = (await registry.requests()).filter(
      ({ method, target }) => !['GET', 'HEAD'].includes(method) && target.includes('/manifests/'),
    )
    expect(changes).toEqual([])
    expect(await driver.pull(reader, reference, pullDirectory())).toEqual(succeeded)
    await call('PATCH', `${repository}/_tags/v1`, { writeEnabled: true, readEnabled: false })
    expect((await driver.pull(reader, reference, pullDirectory())).status).not.toBe(0)
    expect((await driver.pull(admin, reference, pullDirectory())).status).not.toBe(0)
    expect(await driver.push(admin, two, `${gate.host}/${repository}:v2`)).toEqual(succeeded)
    await call('PATCH', `${repository}/_tags/v1`, { readEnabled: true })
    expect(await driver.pull(reader, reference, pullDirectory())).toEqual(succeeded)
  })

  it("answers Azure's metadata API from the registry's own answers", async () => {
    const admin = await signIn('admin')
    const layout = image('metadata')
    for (const tag of ['v1', 'v2']) {
      expect(await crane.push(admin, layout, `${gate.host}/team/metadata:${tag}`)).toEqual(succeeded)
    }
    const { digest } = layout.root
    expect(await call('GET', 'team/metadata')).toMatchObject({
      status: 200,
      body: { registry: gate.host, imageName: 'team/metadata', manifestCount: 1, tagCount: 2 },
    })
    expect(await call('GET', 'team/metadata/_tags?orderby=timedesc')).toMatchObject({
      body: { tags: [{ digest }, { digest }] },
    })
    expect(await call('GET', `team/metadata/_manifests/${digest}`)).toMatchObject({
      body: { manifest: { digest, tags: ['v1', 'v2'] } },
    })
    expect((await call('GET', 'team/metadata', undefined, 'reader')).status).toBe(403)
    expect((await call('PATCH', 'team/metadata', { listEnabled: false })).status).toBe(200)
    expect((await admin.run('crane', ['catalog', '--insecure', gate.host])).stdout).not.toContain('team/metadata')
    expect((await call('DELETE', 'team/metadata')).body).toEqual({
      manifestsDeleted: [digest],
      tagsDeleted: ['v1', 'v2'],
    })
    expect((await skopeo.pull(admin, `${gate.host}/team/metadata:v1`, pullDirectory())).status).not.toBe(0)
  })

  it('makes tags known with `dockgate protections seed`', async () => {
    const layout = image('seeded')
    const past = openSession()
    const host = new URL(registry.url).host
    expect(await crane.push(past, layout, `${host}/release/seeded:v1`)).toEqual(succeeded)
    const { digest } = layout.root
    expect(await dockgate('protections', 'list', 'release/seeded')).toMatchObject({
      stdout: 'release/seeded\n  kept: tags v* are written once\n',
    })
    expect(await dockgate('protections', 'seed', 'release/seeded')).toMatchObject({
      status: 0,
      stdout: 'release/seeded  1 covered tag, 1 new\n',
    })
    expect((await dockgate('protections', 'show', 'release/seeded')).stdout).toContain(`v1  ${digest}, kept by kept`)
    const admin = await signIn('admin')
    const refused = await crane.push(admin, image('other'), `${gate.host}/release/seeded:v1`)
    expect(refused.stderr).toContain(`the tag v1 keeps its digest ${digest}`)
  })

  it('lists and releases with `dockgate quarantine`', async () => {
    const [admin, reader] = [await signIn('admin'), await signIn('reader')]
    const layout = image('waiting')
    const { digest } = layout.root
    const reference = `${gate.host}/prod/waiting:v1`
    expect(await crane.push(admin, layout, reference)).toEqual(succeeded)
    expect((await crane.pull(reader, reference, pullDirectory())).status).not.toBe(0)
    const listed = await dockgate('quarantine', 'list', '--json')
    expect(JSON.parse(listed.stdout)).toEqual({
      manifests: [{ repository: 'prod/waiting', digest, state: 'pending', tags: ['v1'], seen: expect.any(String) }],
    })
    const released = await dockgate('quarantine', 'release', 'prod/waiting', digest, '--details', 'looked at')
    expect(released).toMatchObject({ status: 0, stderr: '' })
    expect(released.stdout).toContain(`passed  prod/waiting@${digest}`)
    expect(await crane.pull(reader, reference, pullDirectory())).toEqual(succeeded)
    expect((await dockgate('quarantine', 'reject', 'prod/waiting', digest)).status).toBe(0)
    expect((await crane.pull(reader, reference, pullDirectory())).status).not.toBe(0)
    expect((await dockgate('quarantine', 'show', 'prod/waiting', digest)).stdout).toMatch(/^failed {2}/)
  })
})
