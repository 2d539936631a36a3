/** Credentials that no gate may accept, made from what anybody knows of it. */
import { createHmac, generateKeyPairSync, randomBytes, sign as signBytes } from 'node:crypto'
import { mintedClaims, TOKEN_TYPES } from '../../identity/token-claims.ts'

/** A credential that no gate may accept. */
export type Forgery = {
  readonly what: string
  /** Value of `Authorization`. */
  readonly header: string
}

/** A public key that the gate publishes (RFC 7517). */
export type KnownKey = Readonly<Record<string, unknown>>

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
/** The value of an `Authorization` header with a bearer token. */
export const bearer = (token: string): string => `Bearer ${token}`
const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

/** Another name and password each time, so that nobody is counted for them. */
export const wrongPassword = (): Forgery => {
  const unknown = `probe-${randomBytes(8).toString('hex')}`
  return { what: 'a made-up user name and password', header: basic(unknown, unknown) }
}

/** Credentials without the form of any credential. */
export const malformed: readonly Forgery[] = [
  { what: 'a bearer token that is not a JWT', header: 'Bearer dockgate-probe' },
  { what: 'two bearer tokens in one header', header: 'Bearer dockgate-probe, Bearer dockgate-probe' },
  { what: 'an unknown scheme', header: 'Token dockgate-probe' },
  { what: 'Basic without a colon', header: `Basic ${Buffer.from('dockgate-probe').toString('base64')}` },
  { what: 'a scheme alone', header: 'Bearer' },
]

/**
 * Tokens with everything that a token of the gate says, and no signature of its key.
 *
 * @param service as the challenge names it
 * @param keys the gate's own public keys
 */
export function forgedTokens(service: string, keys: readonly KnownKey[], now: number): readonly Forgery[] {
  const kid = keys[0]?.kid
  const header = { typ: TOKEN_TYPES.access, ...(kid === undefined ? {} : { kid }) }
  const proof = { kind: 'token', name: 'dockgate-probe', credential: '0' } as const
  const access = [{ type: 'repository', name: 'dockgate-probe', actions: ['*'] }] as const
  const issue = { service, issuedAt: now, expires: now + 300, id: randomBytes(8).toString('hex') }
  const payload = encode(mintedClaims('access', { proof, access }, issue))
  const token = (fields: object, signer: (input: string) => string): string => {
    const input = `${encode({ ...header, ...fields })}.${payload}`
    return `${input}.${signer(input)}`
  }
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const foreign = (input: string) =>
    signBytes('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')
  const hmac = (secret: string) => (input: string) => createHmac('sha256', secret).update(input).digest('base64url')
  const jwk = publicKey.export({ format: 'jwk' })
  const tokens: readonly (readonly [what: string, token: string])[] = [
    ...['none', 'None', 'NONE', 'nOnE'].map((alg) => [`a token with alg ${alg}`, token({ alg }, () => '')] as const),
    ...keys.map(
      (key) => ['a token with HS256 over a public key', token({ alg: 'HS256' }, hmac(JSON.stringify(key)))] as const,
    ),
    ['a token with HS256 over the empty secret', token({ alg: 'HS256' }, hmac(''))],
    ['a token signed by a foreign key', token({ alg: 'ES256' }, foreign)],
    ['a token that brings its own key (jwk)', token({ alg: 'ES256', jwk }, foreign)],
    [
      'a token that names its own keys (jku)',
      token({ alg: 'ES256', jku: 'https://dockgate-probe.invalid/jwks.json' }, foreign),
    ],
    ['a token with an unknown critical header', token({ alg: 'ES256', crit: ['probe'], probe: true }, foreign)],
  ]
  return tokens.flatMap(([what, text]) => [
    { what, header: bearer(text) },
    { what: `${what}, as password`, header: basic('dockgate-probe', text) },
  ])
}
