/**
 * What a request may cost, counted and not timed: reads of KV, calls into the platform, regular expressions, and turns of
 * the queue until the answer. Anyone who adds to the hot path changes a number here, and says why.
 */
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { env as bindings } from 'cloudflare:workers'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { credentialFingerprint } from '../../src/identity/secret.ts'
import { PERMISSION_BITS } from '../../src/policy/permission-bits.ts'
import { tokenKeys } from '../../src/worker/identity/keys.ts'
import { mint } from '../../src/worker/identity/minted.ts'
import worker from '../../src/worker/index.ts'
import type { Env } from '../../src/worker/platform/env.ts'
import { Memo } from '../../src/worker/platform/memo.ts'
import { bundleOf, newKey, policyOf } from '../bundle/fixture.ts'
import { DIGEST, GATE, SIGNING_KEY, UPSTREAM } from './gate-world.ts'

/** SHA-256 of `password`. */
const CREDENTIAL = { name: 'password1', sha256: '5e884898da28047151d0e56f8dc6292773603d0d6aabbd62a11ef721d1542d8e' }
/** As many callers as the gate remembers. */
const REMEMBERED = 10_000

/** Protections cover other repositories: they cost these requests nothing. */
const PROTECTIONS = [{ name: 'releases', on: ['release/*'], writeOnce: true }] as const

const RIGHTS = policyOf({
  'token:ci': {
    token: { status: 'enabled', credentials: [CREDENTIAL] },
    grants: [{ on: 'samples/*', bits: PERMISSION_BITS['content/read'], rule: 'scopeMap ci' }],
  },
})

const POLICY = { ...RIGHTS, common: { ...RIGHTS.common, protections: PROTECTIONS } }

const now = Math.floor(Date.now() / 1000)
let vars: Omit<Env, 'POLICY'>
let env: Env

beforeAll(async () => {
  const key = await newKey()
  const { pointer, shards } = await bundleOf(POLICY, key.signing, { created: now - 60, expires: now + 86_400 })
  for (const [name, text] of [...shards, ['pointer', pointer] as const]) await bindings.POLICY.put(name, text)
  vars = { UPSTREAM, POLICY_PUBLIC_KEYS: key.publicKeys, TOKEN_SIGNING_KEY: SIGNING_KEY, POLICY_REFRESH_SECONDS: '600' }
})

beforeEach(() => {
  // Another object is another isolate to the gate: nothing is known of its policy and its callers.
  env = { ...vars, POLICY: bindings.POLICY, STATE: bindings.STATE, POLICY_MAX_AGE_SECONDS: '600' }
  vi.spyOn(console, 'log').mockImplementation(() => undefined)
})

afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

async function bearer(id = 'one'): Promise<string> {
  const issue = { service: 'registry.example.com', issuedAt: now, expires: now + 3600, id }
  const proof = { kind: 'token', name: 'ci', credential: credentialFingerprint(CREDENTIAL) } as const
  const access = [{ type: 'repository', name: 'samples/app', actions: ['pull'] }] as const
  return `Bearer ${await mint('access', { proof, access }, issue, await tokenKeys(vars))}`
}

type Call = readonly [method: string, path: string, authorization: string | undefined]

const requestOf = ([method, path, authorization]: Call) =>
  new Request<unknown, IncomingRequestCfProperties>(`${GATE}${path}`, {
    method,
    headers: {
      'cf-ray': '8f0a1b2c3d4e5f60-FRA',
      'cf-connecting-ip': '192.0.2.1',
      accept: '*/*',
      'user-agent': 'docker/29.0',
      ...(authorization === undefined ? {} : { authorization }),
    },
  })

const answerOfRegistry = (): Response =>
  new Response('the bytes', {
    headers: {
      'content-type': 'application/vnd.oci.image.manifest.v1+json',
      'content-length': '9',
      'docker-content-digest': DIGEST,
      etag: `"${DIGEST}"`,
      server: 'nginx',
    },
  })

/** Without anything that the test itself would add to the counts. */
async function send(call: Call): Promise<number> {
  const ctx = createExecutionContext()
  vi.stubGlobal('fetch', () => Promise.resolve(answerOfRegistry()))
  const response = await worker.fetch(requestOf(call), env, ctx)
  await response.text()
  await waitOnExecutionContext(ctx)
  return response.status
}

/** What is counted by replacing it: the members of an object that are functions. */
type Counters = Readonly<Record<string, readonly [owner: object, members: readonly string[]]>>

const COUNTERS: Counters = {
  kvReads: [bindings.POLICY, ['get']],
  stateCalls: [bindings.STATE, ['getByName', 'get', 'idFromName']],
  subtle: [
    crypto.subtle,
    ['decrypt', 'deriveBits', 'deriveKey', 'digest', 'encrypt', 'exportKey', 'importKey', 'sign', 'verify'],
  ],
  randomness: [crypto, ['getRandomValues', 'randomUUID']],
  timers: [globalThis, ['setTimeout', 'setInterval']],
  logLines: [console, ['log', 'error']],
  upstreamFetches: [globalThis, ['fetch']],
  headersMade: [globalThis, ['Headers']],
  responsesMade: [globalThis, ['Response']],
  requestsMade: [globalThis, ['Request']],
  urlsParsed: [globalThis, ['URL']],
  headerReads: [Headers.prototype, ['get', 'has']],
  headerWrites: [Headers.prototype, ['set', 'append', 'delete']],
  headerWalks: [Headers.prototype, ['forEach', 'entries', 'keys', 'values']],
  regularExpressions: [RegExp.prototype, ['exec']],
  promiseMethods: [Promise, ['all', 'allSettled', 'any', 'race']],
  turns: [{}, []],
}

type Counts = Record<string, number>

const NOTHING: Counts = Object.fromEntries(Object.keys(COUNTERS).map((name) => [name, 0]))

/** A request that takes more has gone to wait for something. */
const TURNS_MAX = 100

/** What one request costs until its answer is there. `turns` are those of the queue of microtasks. */
async function count(call: Call): Promise<Counts> {
  const counts: Counts = { ...NOTHING }
  const ctx = createExecutionContext()
  const request = requestOf(call)
  const answer = answerOfRegistry()
  vi.stubGlobal('fetch', () => Promise.resolve(answer))
  const restore: (() => void)[] = []
  for (const [name, [owner, members]] of Object.entries(COUNTERS)) {
    for (const member of members) restore.push(replace(owner, member, () => (counts[name] = (counts[name] ?? 0) + 1)))
  }
  let isThere = false
  let turns = 0
  try {
    const answered = worker.fetch(request, env, ctx)
    Promise.resolve(answered).then(() => {
      isThere = true
    })
    for (; !isThere && turns < TURNS_MAX; turns++) await undefined
    await answered
  } finally {
    for (const put of restore.reverse()) put()
  }
  await waitOnExecutionContext(ctx)
  return { ...counts, turns }
}

/** Count the calls of a member, and the uses of a class, until it is put back. */
function replace(owner: object, member: string, used: () => void): () => void {
  const before = Object.getOwnPropertyDescriptor(owner, member)
  const original: unknown = Reflect.get(owner, member)
  if (typeof original !== 'function') throw new Error(`there is no ${member} to be counted`)
  const value = new Proxy(original, {
    apply(target, self, args) {
      used()
      return Reflect.apply(target, self, args)
    },
    construct(target, args, newTarget) {
      used()
      return Reflect.construct(target, args, newTarget)
    },
  })
  Object.defineProperty(owner, member, { value, configurable: true, writable: true })
  return () => {
    if (before === undefined) Reflect.deleteProperty(owner, member)
    else Object.defineProperty(owner, member, before)
  }
}

/**
 * What every answer of the gate costs; each row says what comes to it. One header and two regular expressions are for the
 * host that the request is addressed to; a relayed answer takes two more for its content type, and writes two headers for
 * browsers.
 */
const ANSWERED: Partial<Counts> = { logLines: 1, responsesMade: 1 }

describe('a warm request', () => {
  it.each([
    [
      'pulls a manifest',
      ['GET', '/v2/samples/app/manifests/v1'],
      {
        turns: 6,
        headerReads: 14,
        headerWrites: 4,
        headerWalks: 1,
        regularExpressions: 9,
        upstreamFetches: 1,
      },
    ],
    [
      'asks for a blob',
      ['HEAD', `/v2/samples/app/blobs/${DIGEST}`],
      {
        turns: 6,
        headerReads: 14,
        headerWrites: 4,
        headerWalks: 1,
        regularExpressions: 11,
        upstreamFetches: 1,
      },
    ],
    ['pings', ['GET', '/v2/'], { turns: 3, headerReads: 4, headersMade: 1, regularExpressions: 5 }],
    [
      'is refused by policy',
      ['DELETE', '/v2/samples/app/manifests/v1'],
      { turns: 2, headerReads: 5, headersMade: 1, regularExpressions: 8 },
    ],
    [
      'is refused beyond the bound of its token',
      ['GET', '/v2/samples/other/manifests/v1'],
      { turns: 2, headerReads: 5, headersMade: 1, headerWrites: 1, regularExpressions: 12 },
    ],
  ] as const)('%s', async (_, [method, path], cost) => {
    const call: Call = [method, path, await bearer()]
    await send(call)
    expect(await count(call)).toEqual({ ...NOTHING, ...ANSWERED, ...cost })
  })

  it('is challenged', async () => {
    const call: Call = ['GET', '/v2/samples/app/manifests/v1', undefined]
    await send(call)
    const cost = { turns: 2, headerReads: 5, headersMade: 1, headerWrites: 1, regularExpressions: 11 }
    expect(await count(call)).toEqual({ ...NOTHING, ...ANSWERED, ...cost })
  })
})

describe('a request with a token never seen before', () => {
  it('costs one verification, and no read of KV', async () => {
    await send(['GET', '/v2/samples/app/manifests/v1', await bearer('one')])
    const cost = await count(['GET', '/v2/samples/app/manifests/v1', await bearer('two')])
    expect(cost).toMatchObject({ kvReads: 0, subtle: 1, upstreamFetches: 1, logLines: 1, randomness: 0 })
  })
})

describe('the first request of an isolate', () => {
  it('costs two reads of KV: the pointer and one shard', async () => {
    const cost = await count(['GET', '/v2/samples/app/manifests/v1', await bearer()])
    expect(cost).toMatchObject({ kvReads: 2, subtle: 4, upstreamFetches: 1, logLines: 2 })
  })
})

describe('what is remembered of callers', () => {
  it('is bounded in number, and the least recently used goes first', () => {
    const memo = new Memo<number>(REMEMBERED)
    for (let n = 0; n < REMEMBERED; n++) memo.set(`caller-${n}`, n, now + 60)
    expect(memo.get('caller-0', now)).toBe(0)
    memo.set('one more', -1, now + 60)
    expect(memo.size).toBe(REMEMBERED)
    expect(memo.get('caller-0', now)).toBe(0)
    expect(memo.get('caller-1', now)).toBeUndefined()
    expect(memo.get('one more', now)).toBe(-1)
  })

  it('never outgrows its bound, however many come', () => {
    const memo = new Memo<number>(100)
    for (let n = 0; n < REMEMBERED; n++) {
      memo.set(`caller-${n}`, n, now + 60)
      expect(memo.size).toBeLessThanOrEqual(100)
    }
    expect([...Array(100).keys()].filter((n) => memo.get(`caller-${REMEMBERED - 1 - n}`, now) === undefined)).toEqual(
      [],
    )
  })

  it('is dropped within a minute of its end, no matter who is asked for', () => {
    const memo = new Memo<number>(10)
    memo.set('early', 1, now + 10)
    memo.set('late', 2, now + 600)
    expect(memo.get('late', now)).toBe(2)
    expect(memo.get('late', now + 59)).toBe(2)
    expect(memo.size).toBe(2)
    expect(memo.get('late', now + 60)).toBe(2)
    expect(memo.size).toBe(1)
  })

  it.each([
    ['at its end', 0],
    ['after it', 1],
  ])('is forgotten %s', (_, after) => {
    const memo = new Memo<number>(10)
    memo.set('caller', 1, now)
    expect(memo.get('caller', now + after)).toBeUndefined()
    expect(memo.size).toBe(0)
  })
})
