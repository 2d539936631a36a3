import { describe, expect, it } from 'vitest'
import { parseRegistryRequest } from '../../../src/registry/parse.ts'
import { Fault } from '../../../src/worker/platform/fault.ts'
import { parseChallenge } from '../../../src/worker/upstream/challenge.ts'
import { admitRealm, readAuthHosts } from '../../../src/worker/upstream/realm.ts'
import { upstreamScopes } from '../../../src/worker/upstream/token-scope.ts'

const REALM = 'https://auth.example/token'
const DIGEST = `sha256:${'a'.repeat(64)}`

describe('a challenge of the upstream', () => {
  it.each([
    [`Bearer realm="${REALM}"`, { realm: REALM, isAzure: false }],
    [`Bearer realm="${REALM}",service="s"`, { realm: REALM, service: 's', isAzure: false }],
    [`bearer   Realm="${REALM}" , SERVICE="a b"`, { realm: REALM, service: 'a b', isAzure: false }],
    [`Bearer realm=${REALM},service=s`, { realm: REALM, service: 's', isAzure: false }],
    [`Bearer realm="${REALM}",service=""`, { realm: REALM, isAzure: false }],
    [
      String.raw`Bearer realm="${REALM}",service="a\"b\\c"`,
      { realm: REALM, service: String.raw`a"b\c`, isAzure: false },
    ],
    [`Bearer realm="${REALM}",scope="repository:a:pull,push",error="x, y"`, { realm: REALM, isAzure: false }],
    [`Bearer realm="${REALM}",scope="repository:a:metadata_read"`, { realm: REALM, isAzure: true }],
    [`Basic realm="r", Bearer realm="${REALM}"`, { realm: REALM, isAzure: false }],
    [`Bearer realm="${REALM}", Basic realm="https://other.example"`, { realm: REALM, isAzure: false }],
    [`Negotiate, Bearer realm="${REALM}"`, { realm: REALM, isAzure: false }],
  ])('%s asks for a token', (header, expected) => {
    expect(parseChallenge(header)).toEqual({ scheme: 'bearer', ...expected })
  })

  it.each([
    ['Basic'],
    ['Basic realm="https://x.example/",service="s"'],
    ['BASIC realm=x'],
    ['Bearer service="s", Basic realm="r"'],
  ])('%s asks for a password', (header) => {
    expect(parseChallenge(header)).toEqual({ scheme: 'basic' })
  })

  it.each([
    [null],
    [''],
    ['Bearer'],
    ['Bearer service="s"'],
    ['Negotiate'],
    ['Digest realm="r", nonce="n"'],
    ['realm="https://auth.example/token"'],
    ['"Bearer" realm="https://auth.example/token"'],
    [`Bearer realm="https://auth.example/${'a'.repeat(9000)}"`],
  ])('%s asks for nothing that the gate has', (header) => {
    expect(parseChallenge(header)).toBeUndefined()
  })
})

describe('the realm', () => {
  const pairs = readAuthHosts(
    'registry.example=auth.example:8443, 127.0.0.1:5000=127.0.0.1:6000,r.example=auth.r.example',
  )

  it.each([
    ['https://registry.example/token', 'https://registry.example'],
    ['https://registry.example:443/token?x=1', 'https://registry.example'],
    ['https://REGISTRY.example/token', 'https://registry.example'],
    ['https://registry.example:8443/t', 'https://registry.example:8443'],
    ['http://registry.internal:5000/t', 'http://registry.internal:5000'],
    ['https://auth.example:8443/token', 'https://registry.example'],
    ['http://127.0.0.1:6000/token', 'http://127.0.0.1:5000'],
    ['https://auth.docker.io/token', 'https://registry-1.docker.io'],
    ['https://gitlab.com/jwt/auth', 'https://registry.gitlab.com'],
  ])('%s may be asked for %s', (realm, origin) => {
    expect(admitRealm(realm, origin, pairs).href).toBe(new URL(realm).href)
  })

  it.each([
    ['https://evil.example/token', 'https://registry.example', 'registry.example=evil.example'],
    ['https://registry.example.evil.example/token', 'https://registry.example', 'UPSTREAM_AUTH_HOSTS'],
    ['https://registry.example:8443/token', 'https://registry.example', 'registry.example=registry.example:8443'],
    ['https://auth.example/token', 'https://registry.example', 'UPSTREAM_AUTH_HOSTS'],
    ['https://auth.example:8443/token', 'https://r.example', 'UPSTREAM_AUTH_HOSTS'],
    ['https://auth.docker.io/token', 'https://registry.example', 'UPSTREAM_AUTH_HOSTS'],
    ['https://auth.docker.io.evil.example/token', 'https://registry-1.docker.io', 'UPSTREAM_AUTH_HOSTS'],
    ['http://registry.example/token', 'https://registry.example', 'UPSTREAM_AUTH_HOSTS'],
    ['http://registry.example:443/token', 'https://registry.example', 'https'],
    ['http://auth.r.example/token', 'https://r.example', 'https'],
    ['http://auth.r.example/token', 'http://r.example', 'https'],
    ['ftp://registry.example:443/token', 'https://registry.example', 'https'],
    ['https://user:secret@registry.example/token', 'https://registry.example', 'not a plain URL'],
    ['https://registry.example@evil.example/token', 'https://registry.example', 'not a plain URL'],
    ['//registry.example/token', 'https://registry.example', 'not a plain URL'],
    ['/token', 'https://registry.example', 'not a plain URL'],
    ['javascript:alert(1)', 'https://registry.example', 'UPSTREAM_AUTH_HOSTS'],
    ['', 'https://registry.example', 'not a plain URL'],
    ['https://[::1]:1/token', 'https://registry.example', 'UPSTREAM_AUTH_HOSTS'],
    ['http://127.0.0.1:6001/token', 'http://127.0.0.1:5000', 'UPSTREAM_AUTH_HOSTS'],
    ['http://169.254.169.254/token', 'http://registry.internal', 'UPSTREAM_AUTH_HOSTS'],
  ])('%s may not be asked for %s', (realm, origin, hint) => {
    const admit = () => admitRealm(realm, origin, pairs)
    expect(admit).toThrow(hint)
    expect(admit).toThrow(expect.objectContaining({ code: 'upstream_unauthorized' }))
    expect(admit).not.toThrow(/secret/)
  })

  it.each([
    ['registry.example'],
    ['=auth.example'],
    ['a='],
    ['a=b=c'],
    ['https://a=b'],
    ['a=b/c'],
    ['a b=c'],
    ['*=auth.example'],
  ])('is not named by %s', (text) => {
    expect(() => readAuthHosts(text)).toThrow(Fault)
  })
})

describe('the scope of a token', () => {
  it.each([
    ['GET', '/v2/', []],
    ['GET', '/v2/_catalog', ['registry:catalog:*']],
    ['GET', '/v2/a/b/tags/list', ['repository:a/b:pull']],
    ['GET', `/v2/a/b/referrers/${DIGEST}`, ['repository:a/b:pull']],
    ['GET', '/v2/a/b/manifests/v1', ['repository:a/b:pull']],
    ['HEAD', `/v2/a/b/blobs/${DIGEST}`, ['repository:a/b:pull']],
    ['PUT', '/v2/a/b/manifests/v1', ['repository:a/b:pull,push']],
    ['POST', '/v2/a/b/blobs/uploads/', ['repository:a/b:pull,push']],
    ['PATCH', '/v2/a/b/blobs/uploads/s', ['repository:a/b:pull,push']],
    ['PUT', `/v2/a/b/blobs/uploads/s?digest=${DIGEST}`, ['repository:a/b:pull,push']],
    ['DELETE', '/v2/a/b/blobs/uploads/s', ['repository:a/b:pull,push']],
    ['DELETE', '/v2/a/b/manifests/v1', ['repository:a/b:delete']],
    ['DELETE', `/v2/a/b/blobs/${DIGEST}`, ['repository:a/b:delete']],
    ['POST', `/v2/a/b/blobs/uploads/?mount=${DIGEST}&from=c/d`, ['repository:a/b:pull,push', 'repository:c/d:pull']],
  ])('for %s %s is %j', (method, target, scopes) => {
    const parsed = parseRegistryRequest(method, target)
    if (!parsed.ok) throw new Error('not parsed')
    expect(upstreamScopes(parsed.value, false)).toEqual(scopes)
  })

  it.each([
    ['/v2/a/tags/list', ['repository:a:metadata_read']],
    ['/v2/a/manifests/v1', ['repository:a:pull']],
    ['/acr/v1/a/_tags', ['repository:a:metadata_read']],
  ])('of Azure for GET %s is %j', (target, scopes) => {
    const parsed = parseRegistryRequest('GET', target)
    if (!parsed.ok) throw new Error('not parsed')
    expect(upstreamScopes(parsed.value, true)).toEqual(scopes)
  })
})
