import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { parseRegistryRequest } from '../../../src/registry/parse.ts'
import type { RegistryRequest } from '../../../src/registry/request.ts'
import { selectUpstream } from '../../../src/worker/hosts/select.ts'
import type { Env } from '../../../src/worker/platform/env.ts'
import { send } from '../../../src/worker/upstream/upstream.ts'
import { GATE, testEnv } from '../gate-world.ts'
import {
  basicOf,
  network,
  PASSWORD,
  REFRESH_TOKEN,
  SERVICES,
  type Service,
  serviceNamed,
  USERNAME,
} from './services.ts'

const DIGEST = `sha256:${'a'.repeat(64)}`
const distribution = serviceNamed('distribution with token authentication')
const oauth = serviceNamed('a service that only speaks OAuth2')
const ecr = serviceNamed('ECR')

afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

const asking = (method: string, target: string): RegistryRequest => {
  const parsed = parseRegistryRequest(method, target)
  if (!parsed.ok) throw new Error(`${method} ${target} is not a request`)
  return parsed.value
}

/** A gate that has just started before a service. */
function gateBefore({ origin, username = USERNAME }: Service, values: Partial<Env> = {}) {
  const env = testEnv({ UPSTREAM: origin, UPSTREAM_USERNAME: username, UPSTREAM_PASSWORD: PASSWORD, ...values })
  return (method: string, target: string, body?: ReadableStream | string): Promise<Response> => {
    const request = asking(method, target)
    const selected = selectUpstream(env, `${GATE}${target}`, request)
    if (selected === undefined) throw new Error('no upstream exists')
    const path = target.replace('/blobs/uploads/s', '/blobs/uploads/session')
    return send(selected.upstream, request, { url: `${origin}${path}`, headers: {}, body: body ?? null })
  }
}

const anonymous = { UPSTREAM_USERNAME: '', UPSTREAM_PASSWORD: '' }
const layer = () => new Response('the bytes').body ?? 'none'

describe.each(SERVICES)('before an imitation of $name', (service) => {
  it.each([
    ['GET', '/v2/a/b/manifests/v1'],
    ['HEAD', `/v2/a/b/blobs/${DIGEST}`],
    ['GET', '/v2/a/b/tags/list'],
    ['GET', '/v2/_catalog'],
    ['POST', '/v2/a/b/blobs/uploads/'],
    ['POST', `/v2/a/b/blobs/uploads/?mount=${DIGEST}&from=c/d`],
    ['DELETE', '/v2/a/b/manifests/v1'],
  ])('%s %s is answered', async (method, target) => {
    network([service])
    expect((await gateBefore(service)(method, target)).status).toBe(200)
  })

  it.each([
    ['PATCH', '/v2/a/b/blobs/uploads/s'],
    ['PUT', '/v2/a/b/manifests/v1'],
  ])('%s %s is sent once, although nothing was known before', async (method, target) => {
    const { registryCalls } = network([service])
    expect((await gateBefore(service)(method, target, layer())).status).toBe(200)
    expect(registryCalls().map(({ body, status }) => [body, status])).toEqual([['the bytes', 200]])
  })

  it('the second request costs no more than itself', async () => {
    const { calls } = network([service])
    const ask = gateBefore(service)
    await ask('GET', '/v2/a/b/manifests/v1')
    const soFar = calls.length
    await ask('GET', '/v2/a/b/manifests/v2')
    await ask('GET', `/v2/a/b/blobs/${DIGEST}`)
    expect(calls.length - soFar).toBe(2)
  })

  it('no answer is followed elsewhere, with whatever credential', async () => {
    const { calls } = network([service])
    await gateBefore(service)('GET', '/v2/a/b/manifests/v1')
    expect(new Set(calls.map(({ redirect }) => redirect))).toEqual(new Set(['manual']))
  })

  it('a wrong password is a fault, and is not repeated to the service', async () => {
    const { tokenCalls } = network([service])
    const ask = gateBefore(service, { UPSTREAM_PASSWORD: 'wrong' })
    const refused = expect.objectContaining({ code: 'upstream_unauthorized' })
    await expect(ask('GET', '/v2/a/b/manifests/v1')).rejects.toEqual(refused)
    const soFar = tokenCalls().length
    await expect(ask('GET', '/v2/a/b/manifests/v1')).rejects.toEqual(refused)
    expect(tokenCalls()).toHaveLength(soFar)
    await expect(ask('GET', '/v2/a/b/manifests/v1')).rejects.not.toThrow(/wrong/)
  })
})

describe('the question for a token', () => {
  it.each(SERVICES.filter(({ realm, speaks }) => realm !== undefined && speaks === undefined))(
    'at $name names service and scope, with Basic',
    async (service) => {
      const { tokenCalls } = network([service])
      await gateBefore(service)('GET', '/v2/a/b/manifests/v1')
      const [call, ...others] = tokenCalls()
      const { searchParams } = new URL(call?.url ?? '')
      const named = /service="([^"]+)"/.exec(service.challenge(''))?.[1] ?? 'none'
      expect(others).toEqual([])
      expect([...searchParams]).toEqual([
        ['service', named],
        ['scope', 'repository:a/b:pull'],
      ])
      expect([call?.method, call?.authorization]).toEqual(['GET', basicOf(service.username ?? USERNAME)])
    },
  )

  it('asks for the source of a mount by a scope of its own', async () => {
    const { tokenCalls } = network([distribution])
    await gateBefore(distribution)('POST', `/v2/a/b/blobs/uploads/?mount=${DIGEST}&from=c/d`)
    expect(new URL(tokenCalls()[0]?.url ?? '').searchParams.getAll('scope')).toEqual([
      'repository:a/b:pull,push',
      'repository:c/d:pull',
    ])
  })

  it('is a form where GET is not known', async () => {
    const { tokenCalls } = network([oauth])
    await gateBefore(oauth)('GET', '/v2/a/b/manifests/v1')
    expect(tokenCalls().map(({ method }) => method)).toEqual(['GET', 'POST'])
    expect([...new URLSearchParams(tokenCalls()[1]?.body)]).toEqual([
      ['client_id', 'dockgate'],
      ['grant_type', 'password'],
      ['username', USERNAME],
      ['password', PASSWORD],
      ['service', 'oauth.example'],
      ['scope', 'repository:a/b:pull'],
    ])
  })

  it.each([serviceNamed('Azure Container Registry'), oauth])(
    'is a form with a refresh token at $name',
    async (service) => {
      const { tokenCalls } = network([service])
      const ask = gateBefore(service, { UPSTREAM_USERNAME: '<token>', UPSTREAM_PASSWORD: REFRESH_TOKEN })
      await ask('GET', '/v2/a/b/manifests/v1')
      const [call, ...others] = tokenCalls()
      expect(others).toEqual([])
      expect([call?.method, call?.authorization]).toEqual(['POST', null])
      expect(new URLSearchParams(call?.body).get('grant_type')).toBe('refresh_token')
      expect(new URLSearchParams(call?.body).get('refresh_token')).toBe(REFRESH_TOKEN)
    },
  )

  it('carries no credential when there is none', async () => {
    const { tokenCalls } = network([distribution])
    await gateBefore(distribution, anonymous)('GET', '/v2/a/b/manifests/v1')
    expect(tokenCalls().map(({ authorization }) => authorization)).toEqual([null])
  })

  it("takes nothing from the realm's query or from the challenge's scope", async () => {
    const realm = `${distribution.realm}?scope=repository:secret:pull&service=other&account=root&keep=1`
    const challenge = `Bearer realm="${realm}",service="s",scope="repository:secret:pull,push,delete"`
    const { tokenCalls } = network([{ ...distribution, challenge: () => challenge }])
    await gateBefore(distribution)('GET', '/v2/a/b/manifests/v1')
    expect([...new URL(tokenCalls()[0]?.url ?? '').searchParams]).toEqual([
      ['keep', '1'],
      ['service', 's'],
      ['scope', 'repository:a/b:pull'],
    ])
  })
})

describe('a token', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_700_000_000_000 })
  })

  const answering = (answer: (token: string) => object): Service => ({ ...distribution, answer })

  it.each([
    ['missing', {}, 49, 51],
    ['300', { expires_in: 300 }, 289, 291],
    ['text', { expires_in: '3000' }, 49, 51],
    ['negative', { expires_in: -1 }, 49, 51],
    ['zero', { expires_in: 0 }, 49, 51],
    ['short', { expires_in: 4 }, 1, 3],
    ['endless', { expires_in: 1e12 }, 86_389, 86_391],
    ['issued before', { expires_in: 300, issued_at: new Date(1_700_000_000_000 - 100_000).toISOString() }, 189, 191],
    ['issued later', { expires_in: 300, issued_at: new Date(1_700_000_000_000 + 100_000).toISOString() }, 289, 291],
    ['issued no one knows when', { expires_in: 300, issued_at: 'yesterday' }, 289, 291],
  ])('with a lifetime that is %s is kept for as long as it is good', async (_, claims, keptSeconds, goneSeconds) => {
    const { tokenCalls } = network([answering((token) => ({ token, ...claims }))])
    const ask = gateBefore(distribution)
    await ask('GET', '/v2/a/b/manifests/v1')
    vi.setSystemTime(1_700_000_000_000 + keptSeconds * 1000)
    await ask('GET', '/v2/a/b/manifests/v1')
    expect(tokenCalls()).toHaveLength(1)
    vi.setSystemTime(1_700_000_000_000 + goneSeconds * 1000)
    await ask('GET', '/v2/a/b/manifests/v1')
    expect(tokenCalls()).toHaveLength(2)
  })

  it('is renewed before an upload when it is about to expire, and not before a pull', async () => {
    const { tokenCalls, registryCalls } = network([answering((token) => ({ token, expires_in: 300 }))])
    const ask = gateBefore(distribution)
    await ask('POST', '/v2/a/b/blobs/uploads/')
    vi.setSystemTime(1_700_000_000_000 + 250_000)
    await ask('POST', '/v2/a/b/blobs/uploads/')
    expect(tokenCalls()).toHaveLength(1)
    await ask('PATCH', '/v2/a/b/blobs/uploads/s', layer())
    expect(tokenCalls()).toHaveLength(2)
    expect(registryCalls().every(({ status }) => status === 200)).toBe(true)
  })

  it('is asked for once by many requests at once', async () => {
    const { tokenCalls } = network([distribution])
    const ask = gateBefore(distribution)
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask('GET', '/v2/a/b/manifests/v1')))
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    expect(tokenCalls()).toHaveLength(1)
  })

  it('is never used for another repository or another kind of access', async () => {
    const { tokenCalls } = network([distribution])
    const ask = gateBefore(distribution)
    await ask('GET', '/v2/a/b/manifests/v1')
    await ask('GET', '/v2/a/c/manifests/v1')
    await ask('DELETE', '/v2/a/b/manifests/v1')
    expect(tokenCalls()).toHaveLength(3)
  })

  it('that was revoked is replaced once, for what can be sent again', async () => {
    const { tokenCalls, registryCalls, revoke } = network([distribution])
    const ask = gateBefore(distribution)
    await ask('GET', '/v2/a/b/manifests/v1')
    revoke()
    vi.setSystemTime(1_700_000_000_000 + 20_000)
    expect((await ask('GET', '/v2/a/b/manifests/v1')).status).toBe(200)
    expect(tokenCalls()).toHaveLength(2)
    expect(registryCalls().map(({ status }) => status)).toEqual([200, 401, 200])
  })

  it('that was revoked fails an upload, and the next one works', async () => {
    const { registryCalls, revoke } = network([distribution])
    const ask = gateBefore(distribution)
    await ask('POST', '/v2/a/b/blobs/uploads/')
    revoke()
    vi.setSystemTime(1_700_000_000_000 + 20_000)
    await expect(ask('PATCH', '/v2/a/b/blobs/uploads/s', layer())).rejects.toThrow(/uploadChunk on a\/b/)
    expect(registryCalls()).toHaveLength(2)
    expect((await ask('PATCH', '/v2/a/b/blobs/uploads/s', layer())).status).toBe(200)
  })

  it('that does not reach far enough is not asked for again and again', async () => {
    const partial = { ...distribution, answer: () => ({ token: `${btoa('repository:other:pull')}.0` }) }
    const { tokenCalls, registryCalls } = network([partial])
    const ask = gateBefore(distribution)
    for (let turn = 0; turn < 3; turn++) {
      await expect(ask('GET', '/v2/a/b/manifests/v1')).rejects.toThrow(/pullManifest on a\/b/)
    }
    expect([tokenCalls().length, registryCalls().length]).toEqual([1, 3])
  })
})

describe('a registry that changes its mind', () => {
  it('from tokens to passwords is followed', async () => {
    let challenge = distribution.challenge
    const { registryCalls } = network([{ ...distribution, takesBasic: true, challenge: (scope) => challenge(scope) }])
    const ask = gateBefore(distribution)
    await ask('GET', '/v2/a/b/manifests/v1')
    challenge = () => 'Basic realm="r"'
    await ask('GET', '/v2/other/manifests/v1')
    expect(registryCalls().map(({ status }) => status)).toEqual([200, 200])
  })

  it('asks for a password, and there is none', async () => {
    network([ecr])
    await expect(gateBefore(ecr, anonymous)('GET', '/v2/a/b/manifests/v1')).rejects.toThrow(/UPSTREAM_USERNAME/)
    await expect(gateBefore(ecr, anonymous)('PUT', '/v2/a/b/manifests/v1', layer())).rejects.toThrow(
      /UPSTREAM_USERNAME/,
    )
  })

  it.each([
    ['open', 200],
    ['without /v2/', 404],
    ['failing at /v2/', 503],
  ])('is sent the password when it is %s', async (_, status) => {
    const { calls } = network([], () => new Response('{}', { status }))
    await gateBefore(distribution)('GET', '/v2/a/b/manifests/v1')
    expect(calls.map(({ authorization }) => authorization)).toEqual([null, basicOf(USERNAME)])
  })

  it('is asked what it wants once, when it said so', async () => {
    const { calls } = network([], () => new Response('{}'))
    const ask = gateBefore(distribution)
    await ask('GET', '/v2/a/b/manifests/v1')
    await ask('PUT', '/v2/a/b/manifests/v1', layer())
    expect(calls.filter(({ url }) => url.endsWith('/v2/'))).toHaveLength(1)
  })

  it('with a fixed header is asked nothing', async () => {
    const { calls } = network([ecr])
    const ask = gateBefore(ecr, { ...anonymous, UPSTREAM_AUTHORIZATION: basicOf('AWS') })
    expect((await ask('GET', '/v2/a/b/manifests/v1')).status).toBe(200)
    expect(calls).toHaveLength(1)
    const wrong = gateBefore(distribution, { ...anonymous, UPSTREAM_AUTHORIZATION: 'Bearer fixed' })
    network([distribution])
    await expect(wrong('GET', '/v2/a/b/manifests/v1')).rejects.toThrow(/does not accept/)
  })
})

describe('an evil or broken token service', () => {
  const evil = (realm: string): Service => ({ ...distribution, challenge: () => `Bearer realm="${realm}",service="s"` })

  it.each([
    'https://evil.example/token',
    'https://registry.internal.example.evil.example/token',
    'https://registry.internal.example@evil.example/token',
    'http://registry.internal.example:443/token',
    'https://registry.internal.example:444/token',
    'http://169.254.169.254/latest',
  ])('at %s is never called', async (realm) => {
    const service = evil(realm)
    const { calls } = network([service], ({ url }) => (url === realm ? Response.json({ token: 't' }) : undefined))
    const ask = gateBefore(distribution)
    for (const body of [undefined, layer()]) {
      const method = body === undefined ? 'GET' : 'PUT'
      await expect(ask(method, '/v2/a/b/manifests/v1', body)).rejects.toEqual(
        expect.objectContaining({ code: 'upstream_unauthorized' }),
      )
    }
    expect(calls.every(({ url }) => url === `${distribution.origin}/v2/`)).toBe(true)
    expect(JSON.stringify(calls)).not.toContain(btoa(`${USERNAME}:${PASSWORD}`))
  })

  it('named by a later 401 is never called either', async () => {
    let challenge = distribution.challenge
    const { calls, revoke } = network([{ ...distribution, challenge: (scope) => challenge(scope) }])
    const ask = gateBefore(distribution)
    await ask('GET', '/v2/a/b/manifests/v1')
    challenge = () => 'Bearer realm="https://evil.example/token",service="s"'
    revoke()
    await expect(ask('GET', '/v2/a/b/manifests/v1')).rejects.toThrow(/evil\.example.*UPSTREAM_AUTH_HOSTS/)
    expect(calls.some(({ url }) => url.includes('evil.example/'))).toBe(false)
  })

  it.each([
    ['a redirect', () => Response.redirect('https://evil.example/token', 307), 'upstream_unauthorized'],
    ['401', () => new Response('no', { status: 401 }), 'upstream_unauthorized'],
    ['403', () => new Response('no', { status: 403 }), 'upstream_unauthorized'],
    ['429', () => new Response('no', { status: 429 }), 'upstream_unreachable'],
    ['500', () => new Response('no', { status: 500 }), 'upstream_unreachable'],
    ['no JSON', () => new Response('<html>'), 'upstream_invalid'],
    ['nothing', () => new Response(null), 'upstream_invalid'],
    ['a list', () => Response.json(['t']), 'upstream_invalid'],
    ['no token', () => Response.json({ expires_in: 60 }), 'upstream_invalid'],
    ['an empty token', () => Response.json({ token: '', access_token: '' }), 'upstream_invalid'],
    ['a token that is not text', () => Response.json({ token: 7 }), 'upstream_invalid'],
    ['a token with a line break', () => Response.json({ token: 'a\r\nx-evil: 1' }), 'upstream_invalid'],
    ['two tokens in one', () => Response.json({ token: 'a, Basic b' }), 'upstream_invalid'],
    ['far too much', () => Response.json({ token: 't', more: 'x'.repeat(200_000) }), 'upstream_invalid'],
    ['not at all', () => Promise.reject(new TypeError('reset')), 'upstream_unreachable'],
  ])('that answers with %s is a fault', async (_, answer, code) => {
    const { calls } = network([distribution], ({ url }) =>
      url.startsWith(distribution.realm ?? '') ? answer() : undefined,
    )
    await expect(gateBefore(distribution)('GET', '/v2/a/b/manifests/v1')).rejects.toEqual(
      expect.objectContaining({ code }),
    )
    expect(calls.some(({ url }) => url.startsWith('https://evil.example'))).toBe(false)
  })

  it('never sees the token of another, nor the upstream the password', async () => {
    const { registryCalls } = network([distribution])
    await gateBefore(distribution)('GET', '/v2/a/b/manifests/v1')
    expect(registryCalls().every(({ authorization }) => authorization?.startsWith('Bearer '))).toBe(true)
  })
})
