/**
 * Imitations of registries with their token services, as far as signing in goes: the form of the challenge, of the
 * question for a token, and of its answer. Written from what the services document and are seen to answer; none of them
 * is the real one.
 */
import { vi } from 'vitest'

export const USERNAME = 'gate'
export const PASSWORD = 'upstream-password-canary'
export const REFRESH_TOKEN = 'upstream-refresh-canary'

export type Service = {
  readonly name: string
  /** Where the registry is. */
  readonly origin: string
  readonly challenge: (scope: string) => string
  /** Absent: the registry has no token service. */
  readonly realm?: string
  readonly speaks?: 'GET' | 'POST'
  readonly answer?: (token: string) => object
  /** The user name it knows, when it is a fixed one. */
  readonly username?: string
  /** Whether it takes Basic where tokens are taken too. */
  readonly takesBasic?: boolean
  /** Whether a list of tags takes an action of its own. */
  readonly isAzure?: boolean
}

const bearer = (realm: string, service: string) => (scope: string) =>
  `Bearer realm="${realm}",service="${service}"${scope === '' ? '' : `,scope="${scope}"`}`

const issued = () => new Date().toISOString()

export const SERVICES: readonly Service[] = [
  {
    name: 'distribution with token authentication',
    origin: 'https://registry.internal.example',
    realm: 'https://registry.internal.example/auth/token',
    challenge: bearer('https://registry.internal.example/auth/token', 'internal registry'),
    answer: (token) => ({ token, expires_in: 300, issued_at: issued() }),
  },
  {
    name: 'Docker Hub',
    origin: 'https://registry-1.docker.io',
    realm: 'https://auth.docker.io/token',
    challenge: bearer('https://auth.docker.io/token', 'registry.docker.io'),
    answer: (token) => ({ token, access_token: token, expires_in: 300, issued_at: issued() }),
  },
  {
    name: 'GHCR',
    origin: 'https://ghcr.io',
    realm: 'https://ghcr.io/token',
    challenge: (scope) => bearer('https://ghcr.io/token', 'ghcr.io')(scope || 'repository:user/image:pull'),
    answer: (token) => ({ token }),
  },
  {
    name: 'GitLab.com',
    origin: 'https://registry.gitlab.com',
    realm: 'https://gitlab.com/jwt/auth',
    challenge: (scope) => `${bearer('https://gitlab.com/jwt/auth', 'container_registry')(scope)},error="invalid_token"`,
    answer: (token) => ({ token }),
    username: 'gitlab+deploy-token-1',
  },
  {
    name: 'Harbor',
    origin: 'https://harbor.example',
    realm: 'https://harbor.example/service/token',
    // Where no project is named it asks for Basic.
    challenge: (scope) =>
      scope.startsWith('registry:')
        ? 'Basic realm="harbor"'
        : bearer('https://harbor.example/service/token', 'harbor-registry')(scope),
    answer: (token) => ({ token, access_token: '', expires_in: 1800, issued_at: issued() }),
    username: 'robot$project+gate',
    takesBasic: true,
  },
  {
    name: 'Azure Container Registry',
    origin: 'https://contoso.azurecr.io',
    realm: 'https://contoso.azurecr.io/oauth2/token',
    challenge: bearer('https://contoso.azurecr.io/oauth2/token', 'contoso.azurecr.io'),
    answer: (token) => ({ access_token: token }),
    isAzure: true,
  },
  {
    name: 'Artifact Registry',
    origin: 'https://europe-docker.pkg.dev',
    realm: 'https://europe-docker.pkg.dev/v2/token',
    challenge: bearer('https://europe-docker.pkg.dev/v2/token', 'europe-docker.pkg.dev'),
    answer: (token) => ({ expires_in: 3600, issued_at: issued(), token }),
    username: 'oauth2accesstoken',
  },
  {
    name: 'a service that only speaks OAuth2',
    origin: 'https://oauth.example',
    realm: 'https://oauth.example/oauth2/token',
    challenge: bearer('https://oauth.example/oauth2/token', 'oauth.example'),
    speaks: 'POST',
    answer: (token) => ({ access_token: token, token_type: 'Bearer', expires_in: 120 }),
  },
  {
    name: 'ECR',
    origin: 'https://123456789012.dkr.ecr.eu-central-1.amazonaws.com',
    challenge: () =>
      'Basic realm="https://123456789012.dkr.ecr.eu-central-1.amazonaws.com/",service="ecr.amazonaws.com"',
    username: 'AWS',
    takesBasic: true,
  },
]

export const serviceNamed = (name: string): Service => {
  const found = SERVICES.find((service) => service.name === name)
  if (found === undefined) throw new Error(`this file has no imitation of ${name}`)
  return found
}

export type Call = {
  readonly method: string
  readonly url: string
  readonly authorization: string | null
  readonly body: string
  readonly redirect: string
  readonly status: number
}

export type Network = {
  /** Everything that was sent, oldest first. */
  readonly calls: readonly Call[]
  /** What reached a token service. */
  tokenCalls(): readonly Call[]
  /** What reached a registry, without the question what it asks for. */
  registryCalls(): readonly Call[]
  /** Make every token issued so far worthless. */
  revoke(): void
}

export type Handler = (request: Request, body: string) => Response | undefined | Promise<Response | undefined>

/** Put services in the place of the network. A `handler` may answer before them; who is not there cannot be reached. */
export function network(services: readonly Service[], handler: Handler = () => undefined): Network {
  const calls: Call[] = []
  const valid = new Set<string>()
  const served = (request: Request, body: string): Response => {
    const url = new URL(request.url)
    const service = services.find(({ realm }) => realm === `${url.origin}${url.pathname}`)
    if (service !== undefined) return tokenAnswer(service, request, body, valid)
    const registry = services.find(({ origin }) => origin === url.origin)
    if (registry === undefined) throw new TypeError(`${url.origin} cannot be reached`)
    return registryAnswer(registry, request, valid)
  }
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const request = new Request(input, init)
    const body = await request.clone().text()
    const answer = (await handler(request, body)) ?? served(request, body)
    const { method, url, headers, redirect } = request
    calls.push({ method, url, authorization: headers.get('authorization'), body, redirect, status: answer.status })
    return answer
  })
  const isToken = ({ url }: Call) => services.some(({ realm }) => realm !== undefined && url.startsWith(realm))
  return {
    calls,
    tokenCalls: () => calls.filter(isToken),
    registryCalls: () => calls.filter((call) => !isToken(call) && !call.url.endsWith('/v2/')),
    revoke: () => valid.clear(),
  }
}

let serial = 0

function tokenAnswer(service: Service, request: Request, body: string, valid: Set<string>): Response {
  const { speaks = 'GET', username = USERNAME, answer = (token: string) => ({ token }) } = service
  if (request.method !== speaks && !body.includes('grant_type=refresh_token'))
    return new Response(null, { status: 405 })
  const asked = request.method === 'GET' ? new URL(request.url).searchParams : new URLSearchParams(body)
  const known =
    request.method === 'GET'
      ? request.headers.get('authorization') === basicOf(username)
      : (asked.get('username') === username && asked.get('password') === PASSWORD) ||
        asked.get('refresh_token') === REFRESH_TOKEN
  const isAnonymous = request.method === 'GET' && !request.headers.has('authorization')
  if (!known && !isAnonymous) return Response.json({ errors: [{ code: 'UNAUTHORIZED' }] }, { status: 401 })
  serial += 1
  const scopes = asked.getAll('scope').flatMap((scope) => scope.split(' '))
  const granted = isAnonymous ? scopes.filter((scope) => scope.endsWith(':pull')) : scopes
  const token = `${btoa(granted.join(' '))}.${serial}`
  valid.add(token)
  return Response.json(answer(token))
}

function registryAnswer(service: Service, request: Request, valid: ReadonlySet<string>): Response {
  const scope = scopeOf(request, service)
  const authorization = request.headers.get('authorization') ?? ''
  const token = authorization.startsWith('Bearer ') ? authorization.slice('Bearer '.length) : ''
  const challenge = service.challenge(scope)
  const takesBasic = service.takesBasic === true || challenge.startsWith('Basic')
  const granted = valid.has(token) ? atob(token.split('.')[0] ?? '').split(' ') : []
  if (granted.includes(scope) || (takesBasic && authorization === basicOf(service.username ?? USERNAME))) {
    return Response.json({ name: 'x', tags: [], repositories: [] })
  }
  return Response.json(
    { errors: [{ code: 'UNAUTHORIZED' }] },
    { status: 401, headers: { 'www-authenticate': challenge, 'set-cookie': 'upstream-cookie-canary=1' } },
  )
}

function scopeOf({ method, url }: Request, { isAzure = false }: Service): string {
  const { pathname } = new URL(url)
  if (pathname === '/v2/_catalog') return 'registry:catalog:*'
  const [, name, kind] = /^\/v2\/(.+)\/(manifests|blobs\/uploads|blobs|tags|referrers)\//.exec(pathname) ?? []
  if (name === undefined) return ''
  const read = kind === 'tags' && isAzure ? 'metadata_read' : 'pull'
  const action = method === 'GET' || method === 'HEAD' ? read : method === 'DELETE' ? 'delete' : 'pull,push'
  return `repository:${name}:${kind === 'blobs/uploads' ? 'pull,push' : action}`
}

export const basicOf = (username: string, password = PASSWORD): string => `Basic ${btoa(`${username}:${password}`)}`
