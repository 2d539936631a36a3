/**
 * Signatures and other things that refer to an image, through the gate: by the referrers API where the registry has one, by
 * tags made of the digest where it has not; by who may write, for anyone who may read.
 */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { secretOf, token } from './tools/accounts.ts'
import { openSession, requireClients, type Session } from './tools/clients.ts'
import { crane, oras, skopeo } from './tools/drivers.ts'
import { type FakeUpstream, startFakeUpstream } from './tools/fakeupstream.ts'
import type { Gate } from './tools/gate.ts'
import { gateBefore } from './tools/gate-fixture.ts'
import { digestOf, imageLayout, mediaTypes } from './tools/images.ts'
import { type Registry, registryKinds } from './tools/registries.ts'
import { cosignReferrers, cosignTags, notation, type Signer } from './tools/signers.ts'
import { ask, basic } from './tools/wire.ts'

const succeeded = expect.objectContaining({ status: 0 })

const policies = {
  'policies.yaml': `
registry:
  service: registry.example.com
  anonymous: [repositories/public/*/content/read]
scopeMaps:
  push: { actions: [repositories/*/content/read, repositories/*/content/write, repositories/*/metadata/read] }
  pull: { actions: [repositories/team/*/content/read] }
tokens:
${token('signer', 'push')}
${token('puller', 'pull')}
`,
}

const as = (name: string) => ({ authorization: basic(name, secretOf(name)) })

/** Through the API where there is one; by itself it prefers the tag. */
const notationReferrers: Signer = {
  ...notation,
  sign: (session, reference) =>
    session.run('notation', ['sign', '--insecure-registry', '--force-referrers-tag=false', reference]),
}

/** Where each signer leaves its signature, before each registry: a tag made of the digest, or the API alone. */
const rows = [
  { signer: cosignReferrers, tag: { 'docker-registry': /^sha256-[0-9a-f]{64}$/, 'embedded registry': undefined } },
  { signer: cosignTags, tag: { 'docker-registry': /^sha256-[0-9a-f]{64}\.sig$/, 'embedded registry': /\.sig$/ } },
  { signer: notationReferrers, tag: { 'docker-registry': /^sha256-[0-9a-f]{64}$/, 'embedded registry': undefined } },
]

const runnable = requireClients(['docker-registry', 'busybox', 'crane', 'skopeo', 'oras', 'cosign', 'notation'])

describe.runIf(runnable).each(registryKinds)('the gate before $kind', ({ kind, start }) => {
  let registry: Registry
  let gate: Gate
  gateBefore(start, { policies }, (started, before) => {
    registry = before
    gate = started
  })

  /** notation reads what another client of the session stored at its login. */
  const signIn = async (name: string): Promise<Session> => {
    const session = openSession()
    const account = { username: name, password: secretOf(name) }
    expect(await skopeo.login(session, gate.host, account)).toEqual(succeeded)
    return session
  }

  const pushed = async (session: Session, repository: string, seed: string): Promise<string> => {
    const layout = imageLayout({ seed: `${repository} ${seed}`, layerBytes: [1024] })
    expect(await crane.push(session, layout, `${gate.host}/${repository}:${seed}`)).toEqual(succeeded)
    return `${gate.host}/${repository}@${layout.root.digest}`
  }

  const tagsOf = async (repository: string): Promise<readonly string[]> => {
    const answer = await ask(`${gate.url}/v2/${repository}/tags/list`, { headers: as('signer') })
    const { tags } = answer.json() as { tags: readonly string[] }
    return tags
  }

  describe.each(rows)('$signer.signer', ({ signer, tag }) => {
    const name = signer.signer.replace(/[^a-z]+/g, '-')
    const where = kind === 'docker-registry' ? tag['docker-registry'] : tag['embedded registry']

    it('signs for who may write; who may read verifies, what was signed alone, and signs nothing', async () => {
      const session = await signIn('signer')
      const signed = await pushed(session, `team/${name}`, 'signed')
      const unsigned = await pushed(session, `team/${name}`, 'unsigned')
      expect(await signer.prepare(session)).toEqual(succeeded)
      expect(await signer.sign(session, signed)).toEqual(succeeded)

      // The same person at the same machine, with an account that may only pull.
      const account = { username: 'puller', password: secretOf('puller') }
      expect(await skopeo.login(session, gate.host, account)).toEqual(succeeded)
      expect(await signer.verify(session, signed)).toEqual(succeeded)
      expect((await signer.verify(session, unsigned)).status).not.toBe(0)

      await registry.forgetRequests()
      const refused = await signer.sign(session, unsigned)
      expect(refused.status).not.toBe(0)
      expect(refused.stderr).toMatch(/denied|forbidden|403/i)
      const changes = (await registry.requests()).filter(({ method }) => method !== 'GET' && method !== 'HEAD')
      expect(changes).toEqual([])

      const others = (await tagsOf(`team/${name}`)).filter((found) => !['signed', 'unsigned'].includes(found))
      expect(others).toEqual(where === undefined ? [] : [expect.stringMatching(where)])
    })
  })

  it('oras attaches a referrer, which anybody discovers where anybody may read', async () => {
    const session = await signIn('signer')
    writeFileSync(join(session.home, 'note.txt'), 'a note')
    const image = await pushed(session, 'public/referred', 'image')
    for (const type of ['application/vnd.example.note', 'application/vnd.example.bill']) {
      expect(await oras.attach(session, image, type, 'note.txt')).toEqual(succeeded)
    }
    const found = await oras.discover(openSession(), image)
    expect(found).toEqual(succeeded)
    expect(found.stdout).toContain('application/vnd.example.note')
    expect(found.stdout).toContain('application/vnd.example.bill')

    const digest = image.split('@')[1]
    const listed = await ask(
      `${gate.url}/v2/public/referred/referrers/${digest}?artifactType=application/vnd.example.note`,
    )
    if (kind === 'docker-registry') {
      // It has no such API, and its 404 is what sends clients to the tag.
      expect(listed.status).toBe(404)
      expect(await tagsOf('public/referred')).toContain(digest?.replace(':', '-'))
      return
    }
    expect([listed.status, listed.headers['content-type'], listed.headers['oci-filters-applied']]).toEqual([
      200,
      mediaTypes.index,
      'artifactType',
    ])
    expect(listed.json()).toMatchObject({ manifests: [{ artifactType: 'application/vnd.example.note' }] })
    expect(await tagsOf('public/referred')).toEqual(['image'])
  })

  it('tells nobody of referrers who may not read', async () => {
    const image = await pushed(await signIn('signer'), 'secret/referred', 'image')
    await registry.forgetRequests()
    expect((await oras.discover(openSession(), image)).status).not.toBe(0)
    const target = `/v2/secret/referred/referrers/${image.split('@')[1]}`
    expect((await ask(`${gate.url}${target}`)).status).toBe(401)
    expect((await ask(`${gate.url}${target}`, { headers: as('puller') })).status).toBe(403)
    expect(await registry.requests()).toEqual([])
  })
})

describe('referrers of a registry that gives them in pages', () => {
  let upstream: FakeUpstream
  let gate: Gate
  gateBefore(startFakeUpstream, { policies }, (started, before) => {
    upstream = before
    gate = started
  })

  const subject = digestOf(Buffer.from('an image'))
  const path = `/v2/team/app/referrers/${subject}`
  const referrer = (number: number) => ({
    mediaType: mediaTypes.manifest,
    digest: digestOf(Buffer.from(String(number))),
    size: number,
  })

  /** Pages of two referrers each. */
  const give = (pages: number) =>
    upstream.behave(({ url = '' }, response) => {
      const page = Number(new URL(url, upstream.url).searchParams.get('page') ?? 0)
      const link = page + 1 < pages ? { link: `<${path}?page=${page + 1}>; rel="next"` } : {}
      response.writeHead(200, { 'content-type': mediaTypes.index, 'oci-filters-applied': 'artifactType', ...link })
      const manifests = [referrer(2 * page), referrer(2 * page + 1)]
      response.end(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests }))
    })

  it.each([1, 2, 7, 32])('are one list of %d pages', async (pages) => {
    give(pages)
    const answer = await ask(`${gate.url}${path}`, { headers: as('puller') })
    expect([answer.status, answer.headers['content-type'], answer.headers.link]).toEqual([
      200,
      mediaTypes.index,
      undefined,
    ])
    const { manifests } = answer.json() as { manifests: unknown }
    expect(manifests).toEqual(Array.from({ length: 2 * pages }, (_, number) => referrer(number)))
    expect(upstream.take().length).toBe(pages)
  })

  it('are an error where they are too many: a signature that is left out would be missed', async () => {
    give(1000)
    const answer = await ask(`${gate.url}${path}`, { headers: as('puller') })
    expect(answer.status).toBe(502)
    expect(upstream.take().length).toBeLessThanOrEqual(32)
  })
})
