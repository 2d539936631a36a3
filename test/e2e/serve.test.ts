/** `dockgate serve` as its users run it: over stores of every kind, in front of a real registry, started and ended. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { secretOf, token } from './tools/accounts.ts'
import { openSession, requireClients, type Session } from './tools/clients.ts'
import { copyingDrivers, crane, podman, pullDirectory } from './tools/drivers.ts'
import { type FakeUpstream, startFakeUpstream } from './tools/fakeupstream.ts'
import { imageLayout, MIB, noise } from './tools/images.ts'
import { runProgram } from './tools/process.ts'
import { type Registry, startDockerRegistry } from './tools/registries.ts'
import { scratchDirectory } from './tools/scratch.ts'
import { dockgate, newKeys, pushTo, type ServedGate, startServe } from './tools/serve.ts'
import { cosignReferrers } from './tools/signers.ts'
import { ask, basic, begin } from './tools/wire.ts'

const SCHEMAS = fileURLToPath(new URL('../../schema', import.meta.url))
const succeeded = expect.objectContaining({ status: 0 })
const as = (name: string) => ({ authorization: basic(name, secretOf(name)) })

/** @param ci the scope map of the token ci */
const policies = (ci = '_repositories_admin', more = '') => ({
  'policies.yaml': `
registry: { service: registry.example.com, anonymous: [repositories/public/*/content/read] }
tokens:
${token('ci', ci)}
${token('reader', '_repositories_pull')}
${more}
`,
})

/** Waits until a question has this answer. */
async function answers(status: number, url: string, headers: Readonly<Record<string, string>>): Promise<void> {
  await expect.poll(async () => (await ask(url, { headers })).status, { timeout: 20_000, interval: 200 }).toBe(status)
}

describe('serve', () => {
  let upstream: FakeUpstream
  beforeAll(async () => {
    upstream = await startFakeUpstream()
    upstream.behave((_, response) => {
      response.setHeader('content-type', 'application/json')
      response.end('{"name":"public/app","tags":["v1"]}')
    })
  })
  afterAll(() => upstream.stop())

  it('answers 503 over an empty store, until there is a policy', async () => {
    const gate = await startServe({ upstream: upstream.url, args: ['--admin', '127.0.0.1:0'] })
    expect((await ask(`${gate.url}/v2/`)).status).toBe(503)
    expect((await ask(`${gate.admin}/readyz`)).status).toBe(503)
    expect((await ask(`${gate.admin}/livez`)).status).toBe(200)
    expect((await gate.push(policies())).status).toBe(0)
    await answers(200, `${gate.url}/v2/`, as('ci'))
    await gate.stop()
  })

  it('keeps the last good policy when the store is damaged, half written, or has an older one', async () => {
    const gate = await startServe({ upstream: upstream.url, policies: policies() })
    const url = `${gate.url}/v2/team/app/tags/list`
    await answers(200, url, as('ci'))
    const folder = gate.store.slice('dir:'.length)
    const older = readFileSync(join(folder, 'pointer'))
    await gate.push(policies('_repositories_pull', '# another'))
    await answers(403, url, as('ci'))
    for (const pointer of ['', 'x.y.z', older.toString().slice(0, -20), older]) {
      writeFileSync(join(folder, 'pointer'), pointer)
      await delay(2500)
      expect((await ask(url, { headers: as('ci') })).status).toBe(403)
    }
    expect(gate.records()).toContain('"kind":"policy"')
    await gate.stop()
  })

  it('writes one JSON object for each request, after its address, and nothing else to standard output', async () => {
    const gate = await startServe({ upstream: upstream.url, policies: policies() })
    await ask(`${gate.url}/v2/team/app/tags/list`, { headers: as('ci') })
    await ask(`${gate.url}/token?service=registry.example.com&scope=repository:team/app:pull,push`, {
      headers: as('ci'),
    })
    await ask(`${gate.url}/v2/nothing`)
    await ask(`${gate.url}/v2/team/app/tags/list`)
    await expect.poll(() => gate.records()).toContain('"reason":"no_grant"')
    const schema = z.fromJSONSchema(JSON.parse(readFileSync(join(SCHEMAS, 'record.schema.json'), 'utf8')))
    const lines = gate.records().trim().split('\n')
    const records = lines.map((line) => JSON.parse(line)).filter((line) => !('kind' in line))
    expect(records.length).toBe(4)
    for (const record of records) expect(schema.safeParse(record)).toMatchObject({ success: true })
    expect(records).toContainEqual(
      expect.objectContaining({ operation: 'token', scopes: ['repository:team/app:pull,push'], password: 'password1' }),
    )
    expect(gate.records()).not.toContain(secretOf('ci'))
    await gate.stop()
  })

  it.each([
    ['nobody, if no header is named', [], { 'cf-connecting-ip': '10.1.1.1', 'x-forwarded-for': '10.1.1.1' }, 403],
    [
      'the last value of the named header',
      ['--client-ip-header', 'X-Forwarded-For'],
      { 'x-forwarded-for': '6.6.6.6, 10.1.1.1' },
      200,
    ],
    [
      'not a value before the last',
      ['--client-ip-header', 'x-forwarded-for'],
      { 'x-forwarded-for': '10.1.1.1, 6.6.6.6' },
      403,
    ],
    ['not another header', ['--client-ip-header', 'x-forwarded-for'], { 'cf-connecting-ip': '10.1.1.1' }, 403],
  ])('believes of the address of a client %s', async (_, args, headers, status) => {
    const assignment = `roleAssignments:
  - { principal: token:inside, role: Container Registry Repository Reader, condition: "@Request[Dockgate/request:clientIp] IpInRange '10.0.0.0/8'" }
`
    const policy = {
      'policies.yaml': policies('_repositories_admin', token('inside', 'none'))
        ['policies.yaml'].replace('anonymous:', 'mode: abac, anonymous:')
        .concat('scopeMaps: { none: { actions: [] } }\n', assignment),
    }
    const gate = await startServe({ upstream: upstream.url, policies: policy, args })
    upstream.take()
    const answer = await ask(`${gate.url}/v2/team/app/tags/list`, { headers: { ...as('inside'), ...headers } })
    expect(answer.status).toBe(status)
    if (status === 403) expect(upstream.take()).toEqual([])
    await gate.stop()
  })

  it('gives no identifier of a client to a record', async () => {
    const gate = await startServe({ upstream: upstream.url, policies: policies() })
    await ask(`${gate.url}/v2/`, { headers: { 'cf-ray': '0123456789abcdef' } })
    await expect.poll(() => gate.records()).toContain('"operation":"ping"')
    expect(gate.records()).not.toContain('0123456789abcdef')
    await gate.stop()
  })

  it('shows health and metrics on the address of the operator alone', async () => {
    const gate = await startServe({ upstream: upstream.url, policies: policies(), args: ['--admin', '127.0.0.1:0'] })
    await ask(`${gate.url}/v2/team/app/tags/list`, { headers: as('ci') })
    await ask(`${gate.url}/v2/team/app/tags/list`)
    const text = (await ask(`${gate.admin}/metrics`)).body.toString()
    expect(text).toContain('dockgate_requests_total{operation="listTags",decision="allow",reason=""} 1\n')
    expect(text).toContain('dockgate_requests_total{operation="listTags",decision="deny",reason="no_grant"} 1\n')
    expect(text).toMatch(/^dockgate_request_seconds_bucket\{le="\+Inf"\} 2$/m)
    expect(text).toMatch(/^dockgate_upstream_seconds_count [1-9]/m)
    expect(text).toMatch(/^dockgate_policy_serial \d{10}$/m)
    expect(text).toMatch(/^dockgate_policy_age_seconds \d+$/m)
    expect(text).toContain('dockgate_policy_problem 0\n')
    expect(text).not.toContain('team/app')
    expect(text).not.toContain('token:ci')
    expect((await ask(`${gate.url}/metrics`)).status).toBe(404)
    expect((await ask(`${gate.admin}/v2/`)).status).toBe(404)
    await gate.stop()
  })

  it('speaks TLS, and names its realm so', async () => {
    const folder = scratchDirectory('tls')
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-keyout',
        key,
        '-out',
        cert,
        '-days',
        '2',
        ...subject,
      ],
      { stdio: 'ignore' },
    )
    const args = ['--tls-cert', cert, '--tls-key', key]
    const gate = await startServe({ upstream: upstream.url, policies: policies(), args })
    expect(gate.url).toMatch(/^https:/)
    const challenge = await new Promise((resolve, reject) => {
      httpsRequest(`${gate.url}/v2/`, { ca: readFileSync(cert) }, (answer) => {
        answer.resume()
        resolve(answer.headers['www-authenticate'])
      })
        .on('error', reject)
        .end()
    })
    expect(challenge).toContain(`realm="${gate.url}/token"`)
    await gate.stop()
  })

  it('prints a configuration without a secret that workerd runs', async () => {
    const keys = await newKeys()
    const store = `dir:${scratchDirectory('store')}`
    expect((await pushTo(store, keys, policies())).status).toBe(0)
    const named = [
      '--public-keys',
      join(keys, 'policy-public-keys.json'),
      '--token-key',
      join(keys, 'token-signing-key.json'),
    ]
    const environment = { UPSTREAM_USERNAME: 'gate', UPSTREAM_PASSWORD: 'a-password-of-the-registry' }
    const listen = ['--listen', '127.0.0.1:0']
    const printed = await dockgate(
      ['serve', '--upstream', upstream.url, '--store', store, ...named, ...listen, '--print-config'],
      environment,
    )
    expect(printed).toEqual(succeeded)
    expect(printed.stdout).not.toContain('a-password-of-the-registry')
    expect(printed.stdout).not.toContain(JSON.parse(readFileSync(join(keys, 'token-signing-key.json'), 'utf8')).d)
    expect(printed.stdout).toContain(`path = "${store.slice('dir:'.length)}"`)
    const file = join(scratchDirectory('config'), 'config.capnp')
    writeFileSync(file, printed.stdout)
    const { default: program } = await import('workerd' as string)
    const compiled = await runProgram(program, ['compile', '--config-only', file], { environment: {} })
    expect(compiled.status).toBe(0)
  })

  it('ends with status 0 on SIGTERM and SIGINT, after an upload and a pull that are under way', async () => {
    let arrived = 0
    const bytes = noise('slow', MIB)
    upstream.behave(async (request, response) => {
      if (request.method === 'PATCH' || request.method === 'POST') {
        for await (const chunk of request) arrived += chunk.length
        response.writeHead(202, { location: '/v2/team/app/blobs/uploads/one' }).end()
        return
      }
      response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes.length * 4 })
      for (let part = 0; part < 4; part++) {
        response.write(bytes)
        await delay(500)
      }
      response.end()
    })
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const gate = await startServe({ upstream: upstream.url, policies: policies() })
      const started = await ask(`${gate.url}/v2/team/app/blobs/uploads/`, { method: 'POST', headers: as('ci') })
      arrived = 0
      const location = new URL(String(started.headers.location), gate.url).href
      const slow = Readable.from(
        (async function* () {
          for (let part = 0; part < 4; part++) {
            yield bytes
            await delay(500)
          }
        })(),
      )
      const upload = ask(location, {
        method: 'PATCH',
        headers: { ...as('ci'), 'content-type': 'application/octet-stream' },
        body: slow,
      })
      const pull = await begin(`${gate.url}/v2/team/app/blobs/sha256:${'a'.repeat(64)}`, { headers: as('ci') })
      await delay(700)
      gate.signal(signal)
      let pulled = 0
      for await (const chunk of pull) pulled += chunk.length
      expect(pulled).toBe(bytes.length * 4)
      expect((await upload).status).toBe(202)
      expect(arrived).toBe(bytes.length * 4)
      expect(await gate.ended()).toBe(0)
      await expect(ask(`${gate.url}/v2/`)).rejects.toThrow()
    }
  })

  it('gives a folder with the state of protections to one gate alone', async () => {
    const state = scratchDirectory('state')
    const args = ['--state', state]
    const gate = await startServe({ upstream: upstream.url, policies: policies(), args })
    await expect(startServe({ upstream: upstream.url, policies: policies(), args })).rejects.toThrow(
      /another gate uses the state folder/,
    )
    await gate.stop()
    await (await startServe({ upstream: upstream.url, policies: policies(), args })).stop()
  })
})

const clients = ['docker-registry', 'busybox', 'crane', 'skopeo', 'oras', 'podman', 'cosign'] as const

describe.runIf(requireClients([...clients]))('two replicas over an artifact in the registry that they protect', () => {
  let registry: Registry
  let store: string
  let keys: string
  let gates: readonly [ServedGate, ServedGate]
  const protections = 'protections: [{ name: kept, repositories: [release/*], writeOnce: true }]'

  beforeAll(async () => {
    registry = await startDockerRegistry()
    store = `oci://${new URL(registry.url).host}/policy/gate:live`
    keys = await newKeys()
    expect((await pushTo(store, keys, policies('_repositories_admin', protections))).status).toBe(0)
    const start = () => startServe({ upstream: registry.url, store, keys })
    gates = [await start(), await start()]
  })
  afterAll(async () => {
    for (const gate of gates ?? []) await gate.stop()
    await registry?.stop()
  })

  const signIn = async (gate: ServedGate, name: string, drivers = [...copyingDrivers, podman]): Promise<Session> => {
    const session = openSession()
    for (const driver of drivers) {
      expect(await driver.login(session, gate.host, { username: name, password: secretOf(name) })).toEqual(succeeded)
    }
    return session
  }
  const tokenFrom = async (gate: ServedGate, scope: string): Promise<string> => {
    const answer = await ask(`${gate.url}/token?service=registry.example.com&scope=${scope}`, { headers: as('ci') })
    return (answer.json() as { token: string }).token
  }

  it.each(copyingDrivers)('push and pull with $client', async (driver) => {
    const [first, second] = gates
    const layout = imageLayout({ seed: driver.client })
    expect(await driver.push(await signIn(first, 'ci'), layout, `${first.host}/team/${driver.client}:v1`)).toEqual(
      succeeded,
    )
    const reader = await signIn(second, 'reader')
    expect(await driver.pull(reader, `${second.host}/team/${driver.client}:v1`, pullDirectory())).toEqual(succeeded)
    const denied = await driver.push(reader, imageLayout({ seed: 'denied' }), `${second.host}/team/${driver.client}:v2`)
    expect(denied.status).not.toBe(0)
  })

  it('sign with cosign', async () => {
    const [gate] = gates
    const session = await signIn(gate, 'ci')
    const layout = imageLayout({ seed: 'signed' })
    expect(await crane.push(session, layout, `${gate.host}/team/signed:v1`)).toEqual(succeeded)
    expect(await cosignReferrers.prepare(session)).toEqual(succeeded)
    const reference = `${gate.host}/team/signed@${layout.root.digest}`
    expect(await cosignReferrers.sign(session, reference)).toEqual(succeeded)
    expect(await cosignReferrers.verify(session, reference)).toEqual(succeeded)
  })

  it('take the tokens of each other, and go on with the uploads of each other', async () => {
    const [first, second] = gates
    const bearer = { authorization: `Bearer ${await tokenFrom(first, 'repository:team/shared:pull,push')}` }
    // Both are one gate for clients, behind one name.
    const host = { host: 'registry.example.com' }
    const started = await ask(`${first.url}/v2/team/shared/blobs/uploads/`, {
      method: 'POST',
      headers: { ...bearer, ...host },
    })
    expect(started.status).toBe(202)
    const { pathname, search } = new URL(String(started.headers.location), first.url)
    const content = Buffer.from('uploaded by two gates')
    const sent = await ask(`${second.url}${pathname}${search}`, {
      method: 'PATCH',
      headers: { ...bearer, ...host, 'content-type': 'application/octet-stream' },
      body: content,
    })
    expect(sent.status).toBe(202)
    const next = new URL(String(sent.headers.location), second.url)
    const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`
    const done = await ask(
      `${first.url}${next.pathname}${next.search}${next.search === '' ? '?' : '&'}digest=${digest}`,
      {
        method: 'PUT',
        headers: { ...bearer, ...host },
      },
    )
    expect(done.status).toBe(201)
  })

  it('refuse what protections cover, because each would keep claims of its own', async () => {
    const session = await signIn(gates[0], 'ci', [crane])
    const refused = await crane.push(session, imageLayout({ seed: 'kept' }), `${gates[0].host}/release/app:v1`)
    expect(refused.status).not.toBe(0)
    const ready = (await ask(`${gates[0].url}/readyz`)).json() as { state: string; warnings: string[] }
    expect(ready.state).toBe('missing')
    expect(ready.warnings.join()).toContain('no binding STATE')
  })

  it('keep tags that are written once, if one gate alone has a state, also after a restart', async () => {
    const args = ['--state', scratchDirectory('state')]
    const start = () => startServe({ upstream: registry.url, store, keys, args })
    const first = await start()
    const kept = imageLayout({ seed: 'kept' })
    const other = imageLayout({ seed: 'other' })
    const pushTag = async (gate: ServedGate, layout: ReturnType<typeof imageLayout>) =>
      crane.push(await signIn(gate, 'ci', [crane]), layout, `${gate.host}/release/state:v1`)
    expect(await pushTag(first, kept)).toEqual(succeeded)
    expect((await pushTag(first, other)).stderr).toContain(`the tag v1 keeps its digest ${kept.root.digest}`)
    await first.stop()
    // Somebody deletes it past the gate: only the state remembers.
    const deleted = await ask(`${registry.url}/v2/release/state/manifests/${kept.root.digest}`, { method: 'DELETE' })
    expect(deleted.status).toBe(202)
    const second = await start()
    expect((await pushTag(second, other)).stderr).toContain(`the tag v1 keeps its digest ${kept.root.digest}`)
    expect(await pushTag(second, kept)).toEqual(succeeded)
    await second.stop()
  })

  it('lose no request when one of them is stopped, and take a new policy within the stated bound', async () => {
    const [, second] = gates
    const extra = await startServe({ upstream: registry.url, store, keys })
    const url = (gate: ServedGate) => `${gate.url}/v2/team/crane/tags/list`
    const statuses: number[] = []
    let isStopped = false
    const load = (async () => {
      while (!isStopped) statuses.push((await ask(url(second), { headers: as('ci') })).status)
    })()
    await delay(500)
    await extra.stop()
    await delay(500)
    isStopped = true
    await load
    expect(statuses.length).toBeGreaterThan(10)
    expect(new Set(statuses)).toEqual(new Set([200]))
    expect((await pushTo(store, keys, policies('_repositories_pull'))).status).toBe(0)
    for (const gate of gates) {
      await expect
        .poll(
          async () =>
            (await ask(`${gate.url}/v2/team/crane/blobs/uploads/`, { method: 'POST', headers: as('ci') })).status,
          { timeout: 20_000, interval: 250 },
        )
        .toBe(403)
    }
    const back = await dockgate([...['rollback', '--store', store, '--key', join(keys, 'policy-signing-key.json')]])
    expect(back).toEqual(succeeded)
    for (const gate of gates) {
      await expect
        .poll(
          async () =>
            (await ask(`${gate.url}/v2/team/crane/blobs/uploads/`, { method: 'POST', headers: as('ci') })).status,
          { timeout: 20_000, interval: 250 },
        )
        .toBe(202)
    }
    const status = await dockgate([
      ...['status', '--store', store, '--public-keys', join(keys, 'policy-public-keys.json'), '--json'],
    ])
    expect(JSON.parse(status.stdout).history.length).toBeGreaterThan(1)
    expect((await dockgate(['prune', '--store', store, '--keep', '0'])).status).toBe(0)
  })

  it('get nothing from whoever writes to the store without the key', async () => {
    const other = await newKeys()
    const manifest = await ask(`${registry.url}/v2/policy/gate/manifests/live`, {
      headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
    })
    const text = manifest.body.toString()
    const put = (body: string) =>
      ask(`${registry.url}/v2/policy/gate/manifests/live`, {
        method: 'PUT',
        headers: { 'content-type': 'application/vnd.oci.image.manifest.v1+json' },
        body,
      })
    const everything = policies()['policies.yaml'].replace(
      'repositories/public/*/content/read',
      'repositories/*/content/read',
    )
    const forged = `oci://${new URL(registry.url).host}/policy/forged:live`
    expect((await pushTo(forged, other, { 'policies.yaml': everything })).status).toBe(0)
    const foreign = await ask(`${registry.url}/v2/policy/forged/manifests/live`, {
      headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
    })
    const value = JSON.parse(text)
    const layers: { mediaType: string; annotations?: Record<string, string> }[] = value.layers
    const tampered = [
      foreign.body.toString(),
      JSON.stringify({ ...value, layers: layers.filter(({ mediaType }) => !mediaType.includes('shard')) }),
      JSON.stringify({ ...value, layers: layers.filter(({ annotations }) => annotations === undefined) }),
      JSON.stringify({ ...value, artifactType: 'application/vnd.example' }),
    ]
    const cold = await startServe({ upstream: registry.url, store, keys })
    for (const body of tampered) {
      await put(body)
      await delay(2200)
      for (const gate of [...gates, cold]) {
        expect((await ask(`${gate.url}/v2/team/crane/manifests/v1`)).status).not.toBe(200)
        expect((await ask(`${gate.url}/v2/team/crane/tags/list`, { headers: as('ci') })).status).toBe(200)
      }
    }
    await put(text)
    await cold.stop()
  })
})
