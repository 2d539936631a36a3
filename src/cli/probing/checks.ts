/**
 * The checks of a probe, in the order in which they are reported: each asks its questions and notes what is not refused as
 * it should be. What one check learns is known to the next ones.
 */
import { isRecord } from '../../base/json.ts'
import { type Credential, NO_CREDENTIAL, type Probe } from './check.ts'
import {
  type Challenge,
  jsonOf,
  problemUnlessUnauthorized,
  readChallenge,
  unlikeBadCredential,
  unlikeDenial,
  unlikeNothing,
  unlikePrivate,
} from './expectation.ts'
import { bearer, forgedTokens, type KnownKey, malformed, wrongPassword } from './forgery.ts'
import { nonCanonicalRoutes, REGISTRY_ROUTES, routesOf } from './routes.ts'
import { type Answer, ask, type Question } from './wire.ts'

/** One check of a gate. */
export type Check = { readonly name: string; readonly run: (probe: Probe, known: Known) => Promise<void> }

/** What checks learn of the gate. */
export type Known = { sign?: Challenge; keys: readonly KnownKey[] }

const PING: Question = { method: 'GET', target: '/v2/' }
const KEYS: Question = { method: 'GET', target: '/.well-known/jwks.json' }
/** Members of private and shared keys (RFC 7518 sections 6.2.2, 6.3.2 and 6.4). */
const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']
/** Headers by which gates have been fooled. */
const MISLEADING = {
  'x-forwarded-uri': '/livez',
  'x-forwarded-for': '127.0.0.1',
  'x-forwarded-user': 'admin',
  'x-original-url': '/livez',
  'x-rewrite-url': '/livez',
  'x-http-method-override': 'OPTIONS',
  forwarded: 'for=127.0.0.1',
}

/** All checks, in the order in which they run. */
export const CHECKS: readonly Check[] = [
  { name: 'health', run: checkHealth },
  { name: 'challenge', run: checkChallenge },
  { name: 'published keys', run: checkKeys },
  { name: 'without a credential', run: (probe) => checkTable('without a credential', probe, NO_CREDENTIAL) },
  { name: 'misleading headers', run: checkMisleading },
  { name: 'other spellings', run: checkSpellings },
  { name: 'an anonymous token', run: checkAnonymousToken },
  { name: 'bad credentials', run: checkBadCredentials },
  { name: 'an insufficient credential', run: checkWeak },
  { name: 'past the gate', run: checkUpstream },
]

async function checkHealth(probe: Probe): Promise<void> {
  for (const target of ['/livez', '/readyz']) {
    const question = { method: 'GET', target }
    await probe.expect('health', [question], NO_CREDENTIAL, ({ status, body }) => {
      if (status !== 200) return `it is ${status}, and 200 is right: ${body.slice(0, 200)}`
      return isRecord(jsonOf(body)) ? undefined : 'it is not a JSON object'
    })
  }
}

async function checkChallenge(probe: Probe, known: Known): Promise<void> {
  const answer = await probe.ask(PING)
  const note = (problem: string | undefined) => probe.note('challenge', PING, NO_CREDENTIAL, answer, problem)
  note(problemUnlessUnauthorized(answer))
  const sign = readChallenge(answer)
  if (typeof sign === 'string') return
  known.sign = sign
  const { gate } = probe.target
  const realm = URL.canParse(sign.realm) ? new URL(sign.realm) : undefined
  if (realm === undefined) note(`its realm ${sign.realm} is not a URL`)
  else if (realm.origin !== gate.origin) note(`its realm ${sign.realm} is not at ${gate.origin}: set PUBLIC_URL`)
  else if (realm.pathname !== '/token') note(`its realm ${sign.realm} is not the token endpoint`)
  if (sign.error !== undefined) note('its challenge names an error, although no credential was sent')
  const head = { method: 'HEAD', target: '/v2/' }
  await probe.expect('challenge', [head], NO_CREDENTIAL, problemUnlessUnauthorized)
}

async function checkKeys(probe: Probe, known: Known): Promise<void> {
  const answer = await probe.ask(KEYS)
  const value = jsonOf(answer.body)
  const keys = isRecord(value) && Array.isArray(value.keys) ? value.keys.filter(isRecord) : []
  known.keys = keys
  const secret = keys.some((key) => SECRET_MEMBERS.some((member) => member in key) || key.kty === 'oct')
  const note = (problem: string) => probe.note('published keys', KEYS, NO_CREDENTIAL, answer, problem)
  if (answer.status !== 200 || keys.length === 0) note('it is not a JWKS with a key')
  if (secret) note('it publishes a PRIVATE key: replace TOKEN_SIGNING_KEY now')
}

/** Every route of every repository. */
const tableOf = ({ target }: Probe): readonly Question[] => [
  ...REGISTRY_ROUTES,
  ...target.repositories.flatMap(routesOf),
]

const checkTable = (check: string, probe: Probe, credential: Credential): Promise<void> =>
  probe.expect(check, tableOf(probe), credential, problemUnlessUnauthorized)

async function checkMisleading(probe: Probe): Promise<void> {
  const [{ name }] = probe.target.repositories
  const routes = [PING, { method: 'GET', target: `/v2/${name}/tags/list` }, { method: 'GET', target: '/v2/_catalog' }]
  const questions = routes.flatMap((route) => [
    ...Object.entries(MISLEADING).map(([header, value]) => ({ ...route, headers: { [header]: value } })),
    ...['GoogleHC/1.0', 'kube-probe/1.0', 'ELB-HealthChecker/2.0'].map((agent) => ({
      ...route,
      headers: { 'user-agent': agent },
    })),
    { ...route, target: `${route.target}?x=/livez&scope=*&authorization=Basic` },
    { ...route, target: `${route.target}#/livez` },
  ])
  await probe.expect('misleading headers', questions, NO_CREDENTIAL, (answer) =>
    // A fragment is not a part of a request: servers may refuse it.
    answer.status === 400 ? undefined : problemUnlessUnauthorized(answer),
  )
}

async function checkSpellings(probe: Probe): Promise<void> {
  const questions = probe.target.repositories.flatMap(({ name }) => nonCanonicalRoutes(name))
  await probe.expect('other spellings', questions, NO_CREDENTIAL, unlikeNothing)
}

/** Who asks for a token without a credential gets one that is worth nothing here. */
async function checkAnonymousToken(probe: Probe, { sign }: Known): Promise<void> {
  if (sign === undefined) return
  const check = 'an anonymous token'
  const token = await tokenFor(probe, check, sign, NO_CREDENTIAL)
  if (token !== undefined) await checkTable(check, probe, { what: check, header: bearer(token) })
}

/** A token for the first repository, with everything that the token service gives; what it gives is noted. */
async function tokenFor(
  probe: Probe,
  check: string,
  { service }: Challenge,
  credential: Credential,
): Promise<string | undefined> {
  const [{ name }] = probe.target.repositories
  const scopes = [`repository:${name}:*`, 'registry:catalog:*'].map((scope) => `scope=${encodeURIComponent(scope)}`)
  const question = { method: 'GET', target: `/token?service=${encodeURIComponent(service)}&${scopes.join('&')}` }
  const answer = await probe.ask(question, credential)
  const note = (problem: string | undefined) => probe.note(check, question, credential, answer, problem)
  const value = jsonOf(answer.body)
  const token = isRecord(value) ? value.token : undefined
  if (answer.status !== 200 || typeof token !== 'string') {
    note(`it is ${answer.status} without a token`)
    return undefined
  }
  note(unlikePrivate(answer))
  const claims = jsonOf(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
  const access = isRecord(claims) && Array.isArray(claims.access) ? claims.access.filter(isRecord) : []
  if (access.some((entry) => entry.name === name))
    note(`it grants a scope of ${name}, on which nothing should be granted`)
  return token
}

async function checkBadCredentials(probe: Probe, { sign, keys }: Known): Promise<void> {
  const check = 'bad credentials'
  const [{ name }] = probe.target.repositories
  const routes: readonly Question[] = [
    PING,
    { method: 'GET', target: '/v2/_catalog' },
    { method: 'GET', target: `/v2/${name}/tags/list` },
    { method: 'HEAD', target: `/v2/${name}/manifests/dockgate-probe` },
    { method: 'POST', target: `/v2/${name}/blobs/uploads/` },
  ]
  const forged = forgedTokens(sign?.service ?? probe.target.gate.hostname, keys, probe.target.now)
  for (const { what, header } of [wrongPassword(), ...malformed, ...forged]) {
    await probe.expect(check, routes, { what, header }, unlikeBadCredential)
  }
  const unknownSigner = forged.find(({ what }) => what === 'a token signed by a foreign key')
  if (unknownSigner !== undefined) await probe.expect(check, tableOf(probe), unknownSigner, unlikeBadCredential)
  const question = { method: 'GET', target: `/token?service=${encodeURIComponent(sign?.service ?? '')}` }
  await probe.expect(check, [question], wrongPassword(), ({ status }) =>
    status === 401 || status === 429 ? undefined : `it is ${status}, and 401 is right`,
  )
}

async function checkWeak(probe: Probe, { sign }: Known): Promise<void> {
  const { weak, repositories } = probe.target
  if (weak === undefined) return
  const check = 'an insufficient credential'
  await probe.expect(check, [PING], weak, ({ status }) =>
    status === 200
      ? undefined
      : `it is ${status}, and 200 is right: is the name and secret of --token a credential here?`,
  )
  const token = sign === undefined ? undefined : await tokenFor(probe, check, sign, weak)
  const exchanged = token === undefined ? [] : [{ what: `a token made from ${weak.what}`, header: bearer(token) }]
  const questions = repositories.flatMap(routesOf)
  for (const credential of [weak, ...exchanged]) {
    await probe.expect(check, questions, credential, unlikeDenial)
    // A filtered catalog is anybody's who is authenticated; a registry may not have Azure's.
    await probe.expect(check, REGISTRY_ROUTES, credential, (answer) =>
      answer.status === 200 || answer.status === 401 || answer.status === 404
        ? unlikePrivate(answer)
        : unlikeDenial(answer),
    )
  }
}

/** Anyone who knows where the registry is must not get past the gate. A registry that cannot be reached is best. */
async function checkUpstream(probe: Probe): Promise<void> {
  const { upstream, repositories, weak } = probe.target
  if (upstream === undefined) return
  const base = upstream.pathname.replace(/\/$/, '')
  const questions = ['/v2/', '/v2/_catalog', ...repositories.map(({ name }) => `/v2/${name}/tags/list`)]
  for (const credential of weak === undefined ? [NO_CREDENTIAL] : [NO_CREDENTIAL, weak]) {
    for (const target of questions) {
      const headers = credential.header === undefined ? {} : { authorization: credential.header }
      const question: Question = { method: 'GET', target: `${base}${target}` }
      probe.requests++
      const answer = await ask(upstream, { ...question, headers }).catch(() => undefined)
      if (answer === undefined || isRefusal(answer)) continue
      const problem = `${upstream.origin} answers without the gate: let it take the gate's credential only`
      probe.note('past the gate', question, credential, answer, problem)
    }
  }
}

const isRefusal = ({ status }: Answer): boolean => status === 401 || status === 403 || status === 407
