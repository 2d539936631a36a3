/**
 * A signer with `sign/write` and `content/read`: stock signers sign with it, before each registry and in each form, and no
 * client pushes, moves or deletes anything else with it.
 */
import { describe, expect, it } from 'vitest'
import { secretOf, token } from './tools/accounts.ts'
import { openSession, requireClients, type Session } from './tools/clients.ts'
import { copyingDrivers, crane, skopeo } from './tools/drivers.ts'
import type { Gate } from './tools/gate.ts'
import { gateBefore } from './tools/gate-fixture.ts'
import { imageLayout } from './tools/images.ts'
import { type Registry, registryKinds } from './tools/registries.ts'
import { signers } from './tools/signers.ts'

const succeeded = expect.objectContaining({ status: 0 })
const PROVIDER = 'Microsoft.ContainerRegistry/registries'

const policies = {
  'policies.yaml': `
registry: { service: registry.example.com }
scopeMaps:
  none: { actions: [repositories/none/content/read] }
tokens:
${token('builder', '_repositories_admin')}
${token('signer', 'none')}
roles:
  - Name: Signer
    DataActions: [${PROVIDER}/trustedCollections/write, ${PROVIDER}/repositories/content/read]
roleAssignments:
  - { principal: token:signer, role: Signer, repositories: [team/*] }
`,
}

const runnable = requireClients(['docker-registry', 'busybox', 'crane', 'skopeo', 'oras', 'cosign', 'notation'])

describe.runIf(runnable).each(registryKinds)('a signer before $kind', ({ start }) => {
  let registry: Registry
  let gate: Gate
  gateBefore(start, { policies }, (started, before) => {
    registry = before
    gate = started
  })

  const signIn = async (session: Session, name: string): Promise<void> => {
    const account = { username: name, password: secretOf(name) }
    for (const driver of copyingDrivers) expect(await driver.login(session, gate.host, account)).toEqual(succeeded)
  }
  const image = (seed: string) => imageLayout({ seed, layerBytes: [1024] })

  it.each(signers)('signs with $signer, twice, and verifies', async (signer) => {
    const session = openSession()
    await signIn(session, 'builder')
    const layout = image(signer.signer)
    const repository = `${gate.host}/team/${signer.signer.replace(/[^a-z]+/g, '-')}`
    expect(await crane.push(session, layout, `${repository}:v1`)).toEqual(succeeded)
    await signIn(session, 'signer')
    const reference = `${repository}@${layout.root.digest}`
    expect(await signer.prepare(session)).toEqual(succeeded)
    for (let time = 0; time < 2; time++) expect(await signer.sign(session, reference)).toEqual(succeeded)
    expect(await signer.verify(session, reference)).toEqual(succeeded)
  })

  it.each(copyingDrivers)('pushes, moves and deletes nothing with $client', async (driver) => {
    const session = openSession()
    await signIn(session, 'builder')
    const repository = `${gate.host}/team/closed-${driver.client}`
    const layout = image(driver.client)
    expect(await skopeo.push(session, layout, `${repository}:v1`)).toEqual(succeeded)
    await signIn(session, 'signer')
    await registry.forgetRequests()
    expect((await driver.push(session, image(`${driver.client} other`), `${repository}:v1`)).status).not.toBe(0)
    expect((await driver.push(session, image(`${driver.client} other`), `${repository}:v2`)).status).not.toBe(0)
    expect((await driver.remove(session, `${repository}@${layout.root.digest}`)).status).not.toBe(0)
    const changes = (await registry.requests()).filter(
      ({ method, target }) => ['PUT', 'DELETE'].includes(method) && target.includes('/manifests/'),
    )
    expect(changes).toEqual([])
  })
})
