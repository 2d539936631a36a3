/**
 * A token service for a docker-registry with token authentication (distribution, `docs/spec/auth/token.md` and
 * `jwt.md`): answers GET with Basic credentials or none, and POST with a password grant. A registry's own service
 * stands behind the gate, so it also tells who asked it for what.
 */

import { createHash, createPrivateKey, createPublicKey, randomUUID, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { SignJWT } from 'jose'
import { openSession } from './clients.ts'
import { scratchDirectory } from './scratch.ts'

/** One resource and what is asked, or granted, on it. */
export interface Access {
  readonly type: string
  readonly name: string
  readonly actions: readonly string[]
}

/** Someone the service knows. */
export interface TokenAccount {
  readonly password: string
  /** Which of the asked actions the account has on the resource. Default: all of them. */
  readonly grant?: (asked: Access) => readonly string[]
}

/** A request for a token, as the service saw it. */
export interface TokenRequest {
  readonly method: string
  /** Undefined when the caller gave no credential. */
  readonly username: string | undefined
  readonly scopes: readonly string[]
  readonly status: number
}

export interface TokenServiceOptions {
  readonly accounts: Readonly<Record<string, TokenAccount>>
  /** What a caller without a credential is granted. Default: nothing. */
  readonly grantAnonymous?: (asked: Access) => readonly string[]
  /** Default 300. */
  readonly ttlSeconds?: number
}

/** A running token service; the first four fields are docker-registry's `auth.token` settings. */
export interface TokenService {
  readonly realm: string
  readonly service: string
  readonly issuer: string
  readonly rootcertbundle: string
  /** Every request for a token, oldest first. */
  requests(): readonly TokenRequest[]
  close(): Promise<void>
}

/** Start a token service on a free loopback port, with a new signing key. */
export async function startTokenService(options: TokenServiceOptions): Promise<TokenService> {
  const { accounts, grantAnonymous = () => [], ttlSeconds = 300 } = options
  const service = 'registry.example'
  const issuer = 'tokens.example'
  const { certificateFile, sign } = await createSigner(issuer)
  const requests: TokenRequest[] = []

  const server = createServer(async (request, response) => {
    const { credential, scopes } = await parseTokenRequest(request)
    const account = credential === undefined ? undefined : accounts[credential.username]
    const known = credential === undefined || (account !== undefined && equal(account.password, credential.password))
    const status = known ? 200 : 401
    requests.push({ method: request.method ?? '', username: credential?.username, scopes, status })
    response.writeHead(status, { 'content-type': 'application/json' })
    if (!known) {
      response.end(JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'wrong password' }] }))
      return
    }
    const grant = credential === undefined ? grantAnonymous : (account?.grant ?? (({ actions }) => actions))
    const access = scopes.map(parseScope).map((asked) => ({ ...asked, actions: grant(asked) }))
    const issuedAt = new Date()
    const token = await sign(
      { access },
      { subject: credential?.username ?? '', audience: service, issuedAt, ttlSeconds },
    )
    response.end(JSON.stringify({ token, expires_in: ttlSeconds, issued_at: issuedAt.toISOString() }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the token service has no port')

  return {
    realm: `http://127.0.0.1:${address.port}/token`,
    service,
    issuer,
    rootcertbundle: certificateFile,
    requests: () => [...requests],
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

interface Credential {
  readonly username: string
  readonly password: string
}

async function parseTokenRequest(
  request: IncomingMessage,
): Promise<{ readonly credential: Credential | undefined; readonly scopes: readonly string[] }> {
  if (request.method === 'POST') {
    const form = new URLSearchParams(await text(request))
    const credential = { username: form.get('username') ?? '', password: form.get('password') ?? '' }
    return { credential, scopes: (form.get('scope') ?? '').split(' ').filter(Boolean) }
  }
  const { searchParams } = new URL(request.url ?? '/', 'http://localhost')
  const scopes = searchParams.getAll('scope').flatMap((value) => value.split(' ').filter(Boolean))
  const basic = /^Basic (.+)$/.exec(request.headers.authorization ?? '')?.[1]
  if (basic === undefined) return { credential: undefined, scopes }
  const [username = '', ...password] = Buffer.from(basic, 'base64').toString().split(':')
  return { credential: { username, password: password.join(':') }, scopes }
}

/** `type:name:actions`, where the name may have colons. */
function parseScope(scope: string): Access {
  const [type = '', ...rest] = scope.split(':')
  const actions = (rest.pop() ?? '').split(',')
  return { type, name: rest.join(':'), actions }
}

function equal(a: string, b: string): boolean {
  const [left, right] = [a, b].map((value) => createHash('sha256').update(value).digest())
  return left !== undefined && right !== undefined && timingSafeEqual(left, right)
}

interface Signing {
  readonly subject: string
  readonly audience: string
  readonly issuedAt: Date
  readonly ttlSeconds: number
}

/** A new ES256 key with a self-signed certificate, which is the form in which docker-registry trusts keys. */
async function createSigner(issuer: string) {
  const directory = scratchDirectory('token-service')
  const keyFile = join(directory, 'key.pem')
  const certificateFile = join(directory, 'certificate.pem')
  const made = await openSession().run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
    ...['-subj', `/CN=${issuer}`, '-keyout', keyFile, '-out', certificateFile],
  ])
  if (made.status !== 0) throw new Error(`openssl failed: ${made.stderr}`)
  const key = createPrivateKey(readFileSync(keyFile))
  const kid = keyIdentifier(createPublicKey(key).export({ type: 'spki', format: 'der' }))
  const sign = (claims: Record<string, unknown>, { subject, audience, issuedAt, ttlSeconds }: Signing) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid })
      .setIssuer(issuer)
      .setSubject(subject)
      .setAudience(audience)
      .setIssuedAt(issuedAt)
      .setNotBefore(issuedAt)
      .setExpirationTime(new Date(issuedAt.getTime() + ttlSeconds * 1000))
      .setJti(randomUUID())
      .sign(key)
  return { certificateFile, sign }
}

/**
 * The key's name (distribution, `jwt.md`): the first 240 bits of the SHA-256 of its DER form, in base32, in groups of
 * four with colons between.
 */
function keyIdentifier(publicKeyInfo: Buffer): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const digest = createHash('sha256').update(publicKeyInfo).digest().subarray(0, 30)
  const bits = [...digest].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  const characters = bits.replace(/.{5}/g, (group) => alphabet.charAt(Number.parseInt(group, 2)))
  return characters.replace(/.{4}(?=.)/g, '$&:')
}
