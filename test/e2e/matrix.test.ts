/**
 * Every client before every registry, for what takes more than one request to get wrong: images of many platforms, copies
 * between repositories that share layers, deletion, and callers of several kinds on one host.
 */

import { beforeAll, describe, expect, it } from 'vitest'
import { secretOf, token } from './tools/accounts.ts'
import { openSession, requireClients, type Session } from './tools/clients.ts'
import { buildah, copyingDrivers, crane, type Driver, pullDirectory } from './tools/drivers.ts'
import type { Gate } from './tools/gate.ts'
import { gateBefore } from './tools/gate-fixture.ts'
import { contentOf, digestOf, hostPlatform, imageLayout, indexLayout, MIB, noise, readLayout } from './tools/images.ts'
import { type Registry, registryKinds, type ServedRequest } from './tools/registries.ts'
import { type Answer, ask, basic } from './tools/wire.ts'

const succeeded = expect.objectContaining({ status: 0 })
const SERVICE = 'registry.example.com'

const policies = {
  'policies.yaml': `
registry:
  service: ${SERVICE}
  anonymous:
    - repositories/public/*/content/read
scopeMaps:
  build:
    actions:
      - repositories/*/content/read
      - repositories/*/content/write
      - repositories/*/content/delete
      - repositories/*/metadata/read
  team:
    actions:
      - repositories/team/*/content/read
      - repositories/team/*/content/write
tokens:
${token('build', 'build')}
${token('team', 'team')}
`,
}

const clients = ['crane', 'skopeo', 'oras', 'buildah'] as const
const platforms = [hostPlatform, { os: 'linux', architecture: 'riscv64' }, { os: 'linux', architecture: 's390x' }]

describe.runIf(requireClients([...clients, 'docker-registry', 'busybox'])).each(registryKinds)(
  'the gate before $kind',
  ({ start }) => {
    let registry: Registry
    let gate: Gate
    gateBefore(start, { policies }, (started, before) => {
      registry = before
      gate = started
    })

    const signIn = async (driver: Driver, name: string): Promise<Session> => {
      const session = openSession()
      expect(await driver.login(session, gate.host, { username: name, password: secretOf(name) })).toEqual(succeeded)
      return session
    }
    const as = (name: string) => ({ headers: { authorization: basic(name, secretOf(name)) } })
    const at = (reference: string): string => `${gate.host}/${reference}`

    describe.each(copyingDrivers)('$client', (driver) => {
      const { client } = driver
      const index = indexLayout(platforms, { seed: client, layerBytes: [2 * MIB] })

      it('pushes, copies and pulls an index with all its images', async () => {
        const session = await signIn(driver, 'build')
        expect(await driver.push(session, index, at(`team/${client}:v1`))).toEqual(succeeded)
        await registry.forgetRequests()
        expect(await driver.copy(session, at(`team/${client}:v1`), at(`public/${client}:v1`))).toEqual(succeeded)
        const mounts = (await registry.requests()).filter(({ target }) => target.includes('mount='))
        expect(mounts.length).toBeGreaterThan(0)
        expect(new Set(mounts.map(({ status }) => status))).toEqual(new Set([201]))
        const pulled = pullDirectory()
        expect(await driver.pull(session, at(`public/${client}:v1`), pulled)).toEqual(succeeded)
        expect(await readLayout(pulled)).toEqual(contentOf(index))
      })

      it('pulls on one host what each may: without an account, with one that may less, with one that may all', async () => {
        const callers = [
          { session: openSession(), reads: ['public'], not: ['team', 'other'] },
          { session: await signIn(driver, 'team'), reads: ['public', 'team'], not: ['other'] },
          { session: await signIn(driver, 'build'), reads: ['public', 'team', 'other'], not: [] },
        ]
        expect(await driver.push(callers[2]?.session ?? openSession(), index, at(`other/${client}:v1`))).toEqual(
          succeeded,
        )
        for (const { session, reads, not } of callers) {
          for (const space of reads) {
            expect(await driver.pull(session, at(`${space}/${client}:v1`), pullDirectory())).toEqual(succeeded)
          }
          await registry.forgetRequests()
          for (const space of not) {
            const pulled = await driver.pull(session, at(`${space}/${client}:v1`), pullDirectory())
            expect(pulled.status).not.toBe(0)
            expect(pulled.stderr).toMatch(/unauthorized|denied|authentication required/i)
          }
          expect(await registry.requests()).toEqual([])
        }
      })

      it('deletes what may be deleted, and the rest stays', async () => {
        const session = await signIn(driver, 'build')
        const doomed = `other/${client}@${index.root.digest}`
        await registry.forgetRequests()
        expect((await driver.remove(await signIn(driver, 'team'), at(doomed))).status).not.toBe(0)
        expect(await registry.requests()).toEqual([])
        expect(await driver.remove(session, at(doomed))).toEqual(succeeded)
        expect((await driver.pull(session, at(doomed), pullDirectory())).status).not.toBe(0)
        expect(await driver.pull(session, at(`team/${client}:v1`), pullDirectory())).toEqual(succeeded)
      })
    })

    describe('buildah', () => {
      const layout = imageLayout({ seed: 'buildah', layerBytes: [2 * MIB] })

      it('pushes an image, and runs it where nobody signed in', async () => {
        const session = await signIn(buildah, 'build')
        expect(await buildah.push(session, layout, at('public/buildah:v1'))).toEqual(succeeded)
        const elsewhere = openSession()
        const pulled = await buildah.pull(elsewhere, at('public/buildah:v1'))
        expect(pulled).toEqual(succeeded)
        const image = pulled.stdout.trim().split('\n').at(-1) ?? ''
        const ran = await buildah.runContainer(elsewhere, image, ['/bin/busybox', 'echo', 'it runs'])
        expect(ran.stdout).toContain('it runs')
      })

      it('is refused what policy refuses, and says so', async () => {
        await registry.forgetRequests()
        const pushed = await buildah.push(await signIn(buildah, 'team'), layout, at('public/buildah:v2'))
        expect(pushed.status).not.toBe(0)
        expect(pushed.stderr).toMatch(/denied/i)
        const pulled = await buildah.pull(openSession(), at('team/buildah:v1'))
        expect(pulled.status).not.toBe(0)
        expect(pulled.stderr).toMatch(/unauthorized|authentication required/i)
        // What is public may be looked at.
        expect((await registry.requests()).filter(({ method }) => method !== 'HEAD')).toEqual([])
      })
    })

    describe('a mount', () => {
      const blob = noise('mounted', 100_000)
      const digest = digestOf(blob)
      beforeAll(async () => {
        for (const source of ['other/base', 'public/base', 'team/base']) {
          const begun = await ask(`${gate.url}/v2/${source}/blobs/uploads/`, { method: 'POST', ...as('build') })
          const url = new URL(String(begun.headers.location), gate.url)
          url.searchParams.set('digest', digest)
          expect((await ask(url.href, { method: 'PUT', ...as('build'), body: blob })).status).toBe(201)
        }
      })

      const mount = (from: string, to: string, headers: Readonly<Record<string, string>>): Promise<Answer> =>
        ask(`${gate.url}/v2/${to}/blobs/uploads/?mount=${digest}&from=${from}`, { method: 'POST', headers })

      const bearer = async (name: string, ...scopes: readonly string[]) => {
        const query = scopes.map((scope) => `&scope=${scope}`).join('')
        const answer = await ask(`${gate.url}/token?service=${SERVICE}${query}`, as(name))
        const { token: granted } = answer.json() as { token: string }
        return { authorization: `Bearer ${granted}` }
      }

      const writes = (requests: readonly ServedRequest[]) =>
        requests.filter(({ method }) => method === 'PATCH' || method === 'PUT')

      const allowed = [
        { why: 'its caller may read the source', from: 'team/base', headers: async () => as('team').headers },
        { why: 'anybody may read the source', from: 'public/base', headers: async () => as('team').headers },
        {
          why: 'its token reaches the source',
          from: 'team/base',
          headers: () => bearer('team', 'repository:team/app:pull,push', 'repository:team/base:pull'),
        },
      ]
      it.each(allowed)('happens in the registry, without a byte of upload, where $why', async ({ from, headers }) => {
        const credential = await headers()
        await registry.forgetRequests()
        const answer = await mount(from, 'team/app', credential)
        expect(answer.status).toBe(201)
        expect(answer.headers.location).toBe(`/v2/team/app/blobs/${digest}`)
        expect(answer.headers['docker-content-digest']).toBe(digest)
        const seen = await registry.requests()
        expect(seen).toEqual([expect.objectContaining({ method: 'POST', status: 201 })])
        const { searchParams } = new URL(seen[0]?.target ?? '', registry.url)
        expect(Object.fromEntries(searchParams)).toEqual({ mount: digest, from })
      })

      const refused = [
        {
          why: 'its caller may not read the source',
          target: `/v2/team/new/blobs/uploads/?mount=${digest}&from=other/base`,
          headers: async () => as('team').headers,
        },
        {
          why: 'its token names a source that the caller may not read',
          target: `/v2/team/new/blobs/uploads/?mount=${digest}&from=other/base`,
          headers: () => bearer('team', 'repository:team/new:pull,push', 'repository:other/base:pull'),
        },
        {
          why: 'it names no source',
          target: `/v2/team/new/blobs/uploads/?mount=${digest}`,
          headers: async () => as('team').headers,
        },
        {
          why: 'the source is not there',
          target: `/v2/team/new/blobs/uploads/?mount=${digest}&from=other/absent`,
          headers: async () => as('team').headers,
        },
      ]
      it.each(refused)('becomes an upload like any other, where $why', async ({ target, headers }) => {
        const credential = await headers()
        await registry.forgetRequests()
        const answer = await ask(`${gate.url}${target}`, { method: 'POST', headers: credential })
        expect(answer.status).toBe(202)
        expect(await registry.requests()).toEqual([
          { method: 'POST', target: '/v2/team/new/blobs/uploads/', status: 202 },
        ])
        const url = new URL(String(answer.headers.location), gate.url)
        const absent = await ask(`${gate.url}/v2/team/new/blobs/${digest}`, { method: 'HEAD', headers: credential })
        expect(absent.status).toBe(404)
        const own = noise('of its own', 1000)
        url.searchParams.set('digest', digestOf(own))
        const done = await ask(url.href, { method: 'PUT', headers: credential, body: own })
        expect([done.status, done.headers['docker-content-digest']]).toEqual([201, digestOf(own)])
      })

      it('is challenged for both scopes where its token does not reach the source, and happens with a better token', async () => {
        const target = `${gate.url}/v2/team/new/blobs/uploads/?mount=${digest}&from=team/base`
        const narrow = await bearer('team', 'repository:team/new:pull,push')
        await registry.forgetRequests()
        const answer = await ask(target, { method: 'POST', headers: narrow })
        const challenge = String(answer.headers['www-authenticate'])
        expect([answer.status, await registry.requests()]).toEqual([401, []])
        expect(challenge).toContain('error="insufficient_scope"')
        const scopes = /scope="([^"]*)"/.exec(challenge)?.[1] ?? ''
        expect(scopes).toBe('repository:team/new:pull,push repository:team/base:pull')
        const better = await ask(target, { method: 'POST', headers: await bearer('team', ...scopes.split(' ')) })
        expect(better.status).toBe(201)
      })

      it.each([
        ['whose target the caller may not write', 'team/base', 'public/app', 403],
        ['whose target the caller may not even see', 'team/base', 'other/app', 403],
      ])('%s does not happen at all', async (_, from, to, status) => {
        await registry.forgetRequests()
        expect((await mount(from, to, as('team').headers)).status).toBe(status)
        expect(await registry.requests()).toEqual([])
      })

      it('that is refused does not fail a copy: the client sends the layers', async () => {
        const session = await signIn(crane, 'team')
        const layout = imageLayout({ seed: 'copied', layerBytes: [MIB] })
        expect(await crane.push(await signIn(crane, 'build'), layout, at('other/secret:v1'))).toEqual(succeeded)
        expect((await crane.copy(session, at('other/secret:v1'), at('team/stolen:v1'))).status).not.toBe(0)
        await registry.forgetRequests()
        expect(await crane.push(session, layout, at('team/own:v1'))).toEqual(succeeded)
        const seen = await registry.requests()
        expect(writes(seen).length).toBeGreaterThan(0)
        expect(seen.filter(({ target }) => target.includes('from='))).toEqual([])
        const pulled = pullDirectory()
        expect(await crane.pull(session, at('team/own:v1'), pulled)).toEqual(succeeded)
        expect(await readLayout(pulled)).toEqual(contentOf(layout))
      })
    })
  },
)
