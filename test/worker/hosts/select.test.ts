import { createExecutionContext } from 'cloudflare:test'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { parseRegistryRequest } from '../../../src/registry/parse.ts'
import { createGate } from '../../../src/worker/gate.ts'
import { policyEnv, selectUpstream } from '../../../src/worker/hosts/select.ts'
import { parseTable } from '../../../src/worker/hosts/table.ts'
import type { Env } from '../../../src/worker/platform/env.ts'
import { catchLog, createWorld, errorOf, testEnv } from '../gate-world.ts'
import { network, PASSWORD, serviceNamed, USERNAME } from '../upstream/services.ts'

afterEach(() => vi.restoreAllMocks())

const DIGEST = `sha256:${'a'.repeat(64)}`

const UPSTREAMS = [
  { host: 'a.example', url: 'https://registry-a.example', pointer: 'pointer-a' },
  { host: 'a.example', prefix: 'hub/', url: 'https://registry-1.docker.io', stripPrefix: true },
  {
    host: 'a.example',
    prefix: 'hub/team/',
    url: 'https://team.example/sub/',
    username: 'TEAM_USER',
    password: 'TEAM_PASSWORD',
  },
  { host: 'b.example:8443', url: 'https://registry-b.example', authorization: 'B_AUTHORIZATION' },
  { prefix: 'bound/', binding: 'BOUND' },
]

const environment = (upstreams: unknown = UPSTREAMS, values: object = {}): Env =>
  Object.assign(testEnv({ UPSTREAMS: JSON.stringify(upstreams), UPSTREAM: 'https://default.example' }), {
    TEAM_USER: 'team-user',
    TEAM_PASSWORD: 'team-password-canary',
    B_AUTHORIZATION: 'Bearer b-canary',
    BOUND: { fetch: () => Promise.resolve(new Response('bound')) },
    ...values,
  })

const select = (env: Env, url: string, method = 'GET') => {
  const parsed = parseRegistryRequest(method, url.replace(/^https?:\/\/[^/]*/, ''))
  if (!parsed.ok) throw new Error(`${url} is not a request`)
  return selectUpstream(env, url, parsed.value)
}

describe('the service whose bundles count', () => {
  const url = 'https://r.example'
  const table = [
    { host: 'a.example', url, pointer: 'pointer-a', service: 'a.service' },
    { host: 'same.example', url, service: 'a.service' },
    { host: 'b.example', url, pointer: 'pointer-b' },
    { host: 'c.example', url },
  ]

  it.each([
    ['a.example', 'pointer-a', 'a.service', 'a.service'],
    ['same.example', 'pointer', 'a.service', 'a.service'],
    ['b.example', 'pointer-b', undefined, 'all.service'],
    ['c.example', undefined, undefined, 'all.service'],
    ['other.example', undefined, undefined, 'all.service'],
  ])('at %s is that of its entry, else POLICY_SERVICE', (host, pointer, own, otherwise) => {
    for (const [POLICY_SERVICE, service] of [
      ['', own],
      ['all.service', otherwise],
    ] as const) {
      const env = select(environment(table, { POLICY_SERVICE }), `https://${host}/v2/`)?.env
      expect([env?.POLICY_POINTER, env?.POLICY_SERVICE || undefined]).toEqual([pointer, service])
    }
  })
})

describe('what is sealed for an upstream', () => {
  it('is for one entry of the table alone, also where two have one URL', () => {
    const url = 'https://r.example'
    const env = environment([
      { host: 'a.example', url },
      { host: 'a.example', prefix: 'x/', url },
      { host: 'b.example', url },
      { host: 'c.example', url, binding: 'BOUND' },
    ])
    const targets = [
      'https://a.example/v2/y/manifests/v1',
      'https://a.example/v2/x/y/manifests/v1',
      'https://b.example/v2/y/manifests/v1',
      'https://c.example/v2/y/manifests/v1',
      'https://other.example/v2/y/manifests/v1',
    ]
    const ids = targets.map((target) => select(env, target)?.upstream.id)
    expect(new Set(ids).size).toBe(targets.length)
    expect(targets.map((target) => select(env, target)?.upstream.id)).toEqual(ids)
  })
})

describe('the upstream of a request', () => {
  const env = environment()

  it.each([
    ['https://a.example/v2/', 'https://registry-a.example', 'pointer-a'],
    ['https://a.example/v2/_catalog', 'https://registry-a.example', 'pointer-a'],
    ['https://a.example/v2/x/manifests/v1', 'https://registry-a.example', 'pointer-a'],
    ['https://A.Example:443/v2/x/manifests/v1', 'https://registry-a.example', 'pointer-a'],
    ['http://a.example:80/v2/x/manifests/v1', 'https://registry-a.example', 'pointer-a'],
    ['https://a.example/v2/hub/manifests/v1', 'https://registry-a.example', 'pointer-a'],
    ['https://a.example/v2/hubs/x/manifests/v1', 'https://registry-a.example', 'pointer-a'],
    ['https://a.example/v2/x/hub/y/manifests/v1', 'https://registry-a.example', 'pointer-a'],
    ['https://a.example/v2/hub/x/manifests/v1', 'https://registry-1.docker.io', 'pointer-a'],
    ['https://a.example/v2/hub/teams/x/manifests/v1', 'https://registry-1.docker.io', 'pointer-a'],
    ['https://a.example/v2/hub/team/x/manifests/v1', 'https://team.example', 'pointer-a'],
    ['https://a.example/v2/bound/x/manifests/v1', 'https://registry-a.example', 'pointer-a'],
    ['https://b.example:8443/v2/hub/x/manifests/v1', 'https://registry-b.example', 'pointer'],
    ['https://b.example/v2/x/manifests/v1', 'https://default.example', 'pointer'],
    ['https://a.example:444/v2/x/manifests/v1', 'https://default.example', 'pointer'],
    ['https://sub.a.example/v2/x/manifests/v1', 'https://default.example', 'pointer'],
    ['https://other.example/v2/bound/x/manifests/v1', 'https://BOUND.binding'.toLowerCase(), 'pointer'],
  ])('%s is at %s, with the policy under %s', (url, origin, pointerKey) => {
    const selected = select(env, url)
    expect([selected?.upstream.origin, selected?.pointerKey, selected?.env.POLICY_POINTER ?? 'pointer']).toEqual([
      origin,
      pointerKey,
      pointerKey,
    ])
  })

  it('shares one environment for each policy, so that it is read once', () => {
    const [first, second] = ['x', 'hub/x'].map((name) => select(env, `https://a.example/v2/${name}/manifests/v1`)?.env)
    expect(first).toBe(second)
    expect(first).toBe(policyEnv(env, 'https://a.example/token?service=x'))
    expect(policyEnv(env, 'https://other.example/token')).toBe(env)
  })

  it('is none for a host that no entry names, when there is none for the others', () => {
    const strict = environment(UPSTREAMS.slice(0, 1), { UPSTREAM: '' })
    expect(select(strict, 'https://a.example/v2/')?.pointerKey).toBe('pointer-a')
    expect(select(strict, 'https://other.example/v2/')).toBeUndefined()
  })

  it('behind a service binding is asked by the binding, not over the network', async () => {
    const { calls } = network([])
    const binding = { fetch: async (url: string) => new Response(`bound ${url}`) }
    const bound = [
      environment([{ binding: 'BOUND', url: 'https://bound.example/base' }], { BOUND: binding }),
      Object.assign(testEnv({ UPSTREAM: 'https://bound.example/base' }), { REGISTRY: binding }),
    ]
    for (const each of bound) {
      const upstream = select(each, 'https://any.example/v2/x/manifests/v1')?.upstream
      expect([upstream?.origin, upstream?.basePath]).toEqual(['https://bound.example', '/base'])
      expect(await (await upstream?.fetch('https://bound.example/base/v2/', {}))?.text()).toMatch(/^bound https:/)
    }
    expect(calls).toEqual([])
  })

  it.each([
    ['x', 'y', 'mountBlob'],
    ['hub/x', 'hub/y', 'mountBlob'],
    ['hub/x', 'y', 'startUpload'],
    ['x', 'hub/y', 'startUpload'],
    ['hub/team/x', 'hub/y', 'startUpload'],
  ])('of a mount into %s from %s makes it %s', (name, from, operation) => {
    const selected = select(env, `https://a.example/v2/${name}/blobs/uploads/?mount=${DIGEST}&from=${from}`, 'POST')
    expect(selected?.request.operation).toBe(operation)
    expect(JSON.stringify(selected?.request).includes(from)).toBe(operation === 'mountBlob')
  })

  it.each([
    ['hub/library/alpine', 'library/alpine'],
    ['hub/alpine', 'alpine'],
  ])('knows %s as %s', (name, known) => {
    const selected = select(env, `https://a.example/v2/${name}/manifests/v1`)
    const request = selected?.request ?? { operation: 'ping', method: 'GET' }
    expect(selected?.upstream.named?.(request)).toMatchObject({ name: known })
  })
})

describe('UPSTREAMS', () => {
  const url = 'https://r.example'

  it.each([
    ['no JSON', '{', /UPSTREAMS is not JSON/],
    ['an object', {}, /list/],
    ['an empty list', [], /at least one/],
    ['a text in the list', ['https://r.example'], /UPSTREAMS\[0\] must be an object/],
    ['an unknown key', [{ url, passwort: 'X' }], /UPSTREAMS\[0\] has the unknown key "passwort"/],
    ['no URL', [{ host: 'a.example' }], /UPSTREAMS\[0\]\.url/],
    ['a URL with a password', [{ url: 'https://user:canary@r.example' }], /UPSTREAMS\[0\]\.url must be a URL/],
    ['a host with a scheme', [{ host: 'https://a.example', url }], /UPSTREAMS\[0\]\.host/],
    ['a host in capitals', [{ host: 'A.example', url }], /lower case/],
    ['a host with a wildcard', [{ host: '*.example', url }], /UPSTREAMS\[0\]\.host/],
    ['a prefix without its slash', [{ prefix: 'team', url }], /whole parts/],
    ['a prefix that is none', [{ prefix: '/', url }], /UPSTREAMS\[0\]\.prefix/],
    ['a prefix with a dot segment', [{ prefix: '../../', url }], /UPSTREAMS\[0\]\.prefix/],
    ['an empty prefix', [{ prefix: '', url }], /UPSTREAMS\[0\]\.prefix/],
    [
      'a secret instead of its name',
      [{ url, username: 'U', password: 'p@ss!canary' }],
      /UPSTREAMS\[0\]\.password must be written like/,
    ],
    ['a strip that is not a boolean', [{ prefix: 'a/', stripPrefix: 'yes', url }], /true or false/],
    ['a strip of nothing', [{ stripPrefix: true, url }], /needs a prefix/],
    ['a policy for a prefix', [{ prefix: 'a/', url, pointer: 'p' }, { url }], /UPSTREAMS\[0\]\.pointer belongs/],
    ['a pointer that is a path', [{ url, pointer: 'a/b' }], /UPSTREAMS\[0\]\.pointer/],
    ['a service for a prefix', [{ prefix: 'a/', url, service: 's' }, { url }], /UPSTREAMS\[0\]\.service belongs/],
    ['a service of two words', [{ url, service: 'a b' }], /UPSTREAMS\[0\]\.service must be written like/],
    ['a service that is a number', [{ url, service: 1 }], /UPSTREAMS\[0\]\.service must be written like/],
    [
      'the same twice',
      [
        { host: 'a.example', url },
        { host: 'a.example', url },
      ],
      /UPSTREAMS\[1\] takes the same .* as UPSTREAMS\[0\]/,
    ],
  ])('with %s is refused', (_, value, message) => {
    const parse = () => parseTable(typeof value === 'string' ? value : JSON.stringify(value))
    expect(parse).toThrow(message)
    expect(parse).toThrow(expect.objectContaining({ code: 'settings_invalid' }))
    expect(parse).not.toThrow(/canary/)
  })

  it.each([
    ['a secret that is not set', [{ url, username: 'MISSING', password: 'TEAM_PASSWORD' }], /names the secret MISSING/],
    ['half a credential', [{ url, username: 'TEAM_USER' }], /user name without a password/],
    ['a binding that is none', [{ binding: 'TEAM_USER' }], /not a service binding/],
    ['a host with prefixes only', [{ host: 'a.example', prefix: 'a/', url }], /no entry without/],
  ])('with %s is refused when it is used', (_, value, message) => {
    const env = environment(value)
    expect(() => select(env, 'https://a.example/v2/')).toThrow(message)
    expect(() => select(env, 'https://a.example/v2/')).toThrow(expect.objectContaining({ code: 'settings_invalid' }))
    expect(() => select(env, 'https://a.example/v2/')).not.toThrow(/canary/)
  })

  it('with prefixes for all hosts needs UPSTREAM or an entry without', () => {
    const entries = [{ prefix: 'a/', url }]
    expect(() => select(environment(entries, { UPSTREAM: '' }), 'https://a.example/v2/')).toThrow(/no entry without/)
    expect(select(environment(entries), 'https://a.example/v2/')?.upstream.origin).toBe('https://default.example')
  })
})

describe('a prefix that the upstream does not know', () => {
  it.each([
    ['/acr/v1/acr/v1/_tags/latest', '/acr/v1/v1/_tags/latest'],
    ['/acr/v1/acr/app/_metadata/key', '/acr/v1/app/_metadata/key'],
    ['/acr/v1/acr/acr/acr', '/acr/v1/acr/acr'],
    ['/acr/v1/_deleted/acr/v1/_tags', '/acr/v1/_deleted/v1/_tags'],
  ])('is taken from the repository in %s, and from nothing else', (path, expected) => {
    const env = environment([{ prefix: 'acr/', url: 'https://registry-a.example', stripPrefix: true }])
    const selected = select(env, `https://a.example${path}`)
    if (selected === undefined) throw new Error('nothing is selected')
    expect(selected.upstream.named?.(selected.request)).toMatchObject({ path: expected })
  })
})

describe('the gate before several upstreams', () => {
  const docker = serviceNamed('Docker Hub')
  const table = [
    { url: 'https://main.example' },
    { prefix: 'samples/hub/', url: docker.origin, stripPrefix: true, username: 'HUB_USER', password: 'HUB_PASSWORD' },
  ]
  const env = { UPSTREAMS: JSON.stringify(table), HUB_USER: USERNAME, HUB_PASSWORD: PASSWORD, UPSTREAM: '' }
  const world = () => createWorld({ env, ports: { select: selectUpstream } })

  it.each([
    ['GET', '/v2/samples/hub/library/alpine/manifests/v1', `${docker.origin}/v2/library/alpine/manifests/v1`],
    ['GET', '/v2/samples/hub/library/alpine/tags/list', `${docker.origin}/v2/library/alpine/tags/list`],
    ['GET', '/v2/samples/app/manifests/v1', 'https://main.example/v2/samples/app/manifests/v1'],
  ])('asks for %s %s at %s', async (method, path, url) => {
    const { registryCalls } = network([docker], ({ url: asked }) =>
      asked.startsWith('https://main.example') ? Response.json({}) : undefined,
    )
    expect((await world().call(method, path, { as: 'ci' })).status).toBe(200)
    expect(registryCalls().map((call) => call.url)).toEqual([url])
  })

  it('lists tags under the name that the client knows', async () => {
    network([docker])
    const response = await world().call('GET', '/v2/samples/hub/alpine/tags/list', { as: 'ci' })
    expect(await response.json()).toEqual({ name: 'samples/hub/alpine', tags: [] })
  })

  it('asks the token service for the name that the upstream knows', async () => {
    const { tokenCalls } = network([docker])
    await world().call('GET', '/v2/samples/hub/library/alpine/manifests/v1', { as: 'ci' })
    expect(tokenCalls().map(({ url }) => new URL(url).searchParams.getAll('scope'))).toEqual([
      ['repository:library/alpine:pull'],
    ])
  })

  it('lets neither side see what the other says of credentials', async () => {
    const { calls } = network([docker])
    const log = catchLog()
    const headers = { cookie: 'client-cookie-canary=1', 'proxy-authorization': 'Basic client-proxy-canary' }
    const path = '/v2/samples/hub/library/alpine/manifests/v1'
    const good = await world().call('GET', path, { as: 'ci', headers })
    const wrong = { ...env, HUB_PASSWORD: 'wrong-canary' }
    const { call } = createWorld({ env: wrong, ports: { select: selectUpstream } })
    const bad = await call('GET', path, { as: 'ci', headers })
    expect([good.status, bad.status]).toEqual([200, 502])
    expect(await errorOf(bad)).toEqual({
      code: 'UNAVAILABLE',
      message: 'the registry behind the gate does not accept the gate: tell its operator',
    })
    for (const { headers: given } of [good, bad]) {
      expect(given.has('www-authenticate') || given.has('set-cookie')).toBe(false)
    }
    expect(JSON.stringify(calls)).not.toMatch(/client|Bearer ci/)
    expect(log.lines()).toMatch(/upstream_unauthorized.*auth\.docker\.io refuses/)
    expect(log.lines()).not.toMatch(/canary/)
  })

  it('says that a host has no registry, and reads no policy for it', async () => {
    const policy = vi.fn(() => Promise.reject(new Error('no policy is to be read')))
    const records: object[] = []
    const gate = createGate({
      policy,
      identify: () => {
        throw new Error('nobody is to be identified')
      },
      select: selectUpstream,
      audit: (record) => records.push(record),
      nowMs: () => 0,
    })
    const only = environment([{ host: 'a.example', url: 'https://r.example' }], { UPSTREAM: '' })
    const url = 'https://other.example/v2/x/manifests/v1'
    const response = await gate(new Request(url), url, only, createExecutionContext())
    expect([response.status, (await errorOf(response)).code]).toEqual([404, 'NAME_UNKNOWN'])
    expect(policy).not.toHaveBeenCalled()
    expect(records).toEqual([expect.objectContaining({ decision: 'deny' })])
  })
})
