/** What must hold of every request target, however it was bent. */
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { formatTarget } from '../../src/registry/format.ts'
import type { Digest } from '../../src/registry/name.ts'
import { parseRegistryRequest, requestTarget, TARGET_MAX_LENGTH } from '../../src/registry/parse.ts'
import type { Reference, RegistryRequest } from '../../src/registry/request.ts'
import { namedTags, reachesEveryTag, requirements } from '../../src/registry/required-permissions.ts'
import { neededScope } from '../../src/registry/scope.ts'
import { request } from './arbitrary.ts'
import { type Reading, readRequest } from './reference-parser.ts'

const RUNS = { numRuns: 3000 }

const referenceOf = (reference: Reference) =>
  reference.kind === 'tag' ? { tag: reference.tag } : { digest: reference.digest }

/** The judged request in the words of the second parser; nothing for an upload's session, which is opaque. */
function judged(request: RegistryRequest): Reading | undefined {
  switch (request.operation) {
    case 'ping':
      return { route: 'base' }
    case 'listCatalog':
      return { route: request.api === 'v2' ? 'catalog' : 'azure catalog', ...pagingOf(request.paging) }
    case 'listTags':
      return { route: 'tags', name: request.name, ...pagingOf(request.paging) }
    case 'listReferrers': {
      const { name, digest, artifactType } = request
      return { route: 'referrers', name, digest, ...(artifactType === undefined ? {} : { artifactType }) }
    }
    case 'pullManifest':
      return { route: 'get manifest', name: request.name, ...referenceOf(request.reference) }
    case 'deleteManifest':
      return { route: 'delete manifest', name: request.name, ...referenceOf(request.reference) }
    case 'pushManifest': {
      const tags = request.tags.length === 0 ? {} : { tags: request.tags }
      return { route: 'put manifest', name: request.name, ...referenceOf(request.reference), ...tags }
    }
    case 'pullBlob':
      return { route: 'get blob', name: request.name, digest: request.digest }
    case 'deleteBlob':
      return { route: 'delete blob', name: request.name, digest: request.digest }
    case 'startUpload':
      return {
        route: 'start upload',
        name: request.name,
        ...(request.digest === undefined ? {} : { digest: request.digest }),
      }
    case 'mountBlob':
      return { route: 'mount', name: request.name, mount: request.digest, from: request.from }
    case 'metadata':
      return {
        route: 'azure',
        ...(request.name === undefined ? {} : { name: request.name }),
        ...(request.tag === undefined ? {} : { tag: request.tag }),
      }
    default:
      return undefined
  }
}

const pagingOf = ({ n, last }: { readonly n?: number; readonly last?: string }) => ({
  ...(n === undefined ? {} : { n: String(n) }),
  ...(last === undefined ? {} : { last }),
})

/** The second parser wants 32 hexadecimal digits in a digest, and reads nothing at all where it finds others. */
const FOREIGN_DIGEST = /\/(?!sha256:|sha512:)[^/?]+:/

describe('every method and target', () => {
  test.prop([request], RUNS)('is refused with a status and a code, or named; nothing throws', ([verb, text]) => {
    const parsed = parseRegistryRequest(verb, text)
    if (parsed.ok) {
      expect(requirements(parsed.value).length > 0).toBe(parsed.value.operation !== 'ping')
      expect(neededScope(parsed.value) !== undefined).toBe(parsed.value.operation !== 'ping')
      expect(parsed.value.method).toBe(verb)
      namedTags(parsed.value)
      reachesEveryTag(parsed.value)
    } else {
      expect([400, 404]).toContain(parsed.error.status)
      expect(parsed.error.message).toMatch(/^[\x20-\x7e]{10,200}$/)
    }
  })

  test.prop([request], RUNS)('that is named is named again, the same, by what is sent on', ([verb, text]) => {
    const parsed = parseRegistryRequest(verb, text)
    fc.pre(parsed.ok && !('session' in parsed.value))
    if (!parsed.ok) return
    const sent = formatTarget(parsed.value)
    expect(parseRegistryRequest(verb, sent)).toEqual(parsed)
    expect(formatTarget(parsed.value)).toBe(sent)
    expect(sent.length).toBeLessThanOrEqual(TARGET_MAX_LENGTH)
    expect(sent).toMatch(/^\/(?!\/)[\x21-\x3a\x3c-\x5b\x5d-\x7e]*$/)
    expect(new URL(sent, 'http://upstream.example').href).toBe(`http://upstream.example${sent.replaceAll("'", '%27')}`)
  })

  test.prop([request], RUNS)('is read by the reference registry as it was judged', ([verb, text]) => {
    const parsed = parseRegistryRequest(verb, text)
    fc.pre(parsed.ok && !('session' in parsed.value))
    if (!parsed.ok) return
    const sent = formatTarget(parsed.value)
    const reading = readRequest(verb, sent)
    if (FOREIGN_DIGEST.test(sent) && reading.route === 'not found') return
    const { digest: _, ...azure } = reading as Reading
    expect(reading.route === 'azure' ? azure : reading).toEqual(judged(parsed.value))
  })

  test.prop([request], RUNS)('is never judged for another repository than its raw form would reach', ([verb, text]) => {
    const parsed = parseRegistryRequest(verb, text)
    const raw = readRequest(verb, text)
    fc.pre(parsed.ok && 'name' in raw)
    if (!parsed.ok || !('name' in raw)) return
    expect('name' in parsed.value ? parsed.value.name : undefined).toBe(raw.name)
  })

  test.prop([request], RUNS)('in a URL gives the parser that target, without its fragment', ([, text]) => {
    const rooted = `/${text}`
    const [withoutFragment] = rooted.split('#')
    expect(requestTarget(`https://gate.example:8443${rooted}`)).toBe(withoutFragment)
  })
})

describe('an upload session', () => {
  const session = fc.oneof(fc.webUrl({ withQueryParameters: true }), fc.string({ unit: 'binary' }))
  const digest = `sha256:${'a'.repeat(64)}` as Digest

  test.prop([fc.constantFrom('GET', 'PATCH', 'DELETE'), session])('is sent on untouched', (verb, upstream) => {
    const parsed = parseRegistryRequest(verb, '/v2/a/blobs/uploads/s?digest=x&_state=y')
    expect(parsed.ok && formatTarget(parsed.value, upstream)).toBe(upstream)
  })

  test.prop([session])('gets the digest and nothing else when it is completed', (upstream) => {
    const parsed = parseRegistryRequest('PUT', `/v2/a/blobs/uploads/s?_state=y&digest=${digest}&from=b`)
    const added = `digest=${encodeURIComponent(digest)}`
    expect(parsed.ok && formatTarget(parsed.value, upstream)).toBe(
      upstream.includes('?') ? `${upstream}&${added}` : `${upstream}?${added}`,
    )
  })
})

/** No clock here: a pattern that backtracks would not come back from these. */
describe('the longest targets', () => {
  const fill = (prefix: string, piece: string, suffix = ''): string =>
    prefix + piece.repeat(Math.floor((TARGET_MAX_LENGTH - prefix.length - suffix.length) / piece.length)) + suffix
  const pieces = [
    'a',
    'a-',
    'a.',
    'a_',
    '-',
    '_',
    'a/',
    '/',
    '//',
    '../',
    '%2e',
    '%3a',
    '%',
    '+',
    '=',
    '&',
    's.',
    '.',
    ':',
  ]

  it.each(pieces)('full of %j are refused', (piece) => {
    for (const suffix of ['!', '/manifests/v1', '/tags/list', '/blobs/uploads/', '/_tags']) {
      for (const prefix of ['/v2/', '/acr/v1/', '/v2/a/blobs/', '/v2/a/manifests/', '/v2/a/manifests/sha256:', '']) {
        expect(parseRegistryRequest('GET', fill(prefix, piece, suffix)).ok).toBe(false)
      }
    }
  })

  it.each(['a-', 'a.', 'a__', 'a/', 'a/a-'])('and names of the longest length, full of %j, are refused', (piece) => {
    const name = piece.repeat(255).slice(0, 254)
    expect(parseRegistryRequest('GET', `/v2/${name}!/tags/list`).ok).toBe(false)
  })

  it.each(['a', 's.', 's-'])('and sessions full of %j are refused', (piece) => {
    expect(parseRegistryRequest('PATCH', fill('/v2/a/blobs/uploads/', piece, '!')).ok).toBe(false)
    expect(parseRegistryRequest('PATCH', `/v2/a/blobs/uploads/${piece.repeat(4095)}!`).ok).toBe(false)
  })

  it.each([
    ['PUT', `/v2/a/manifests/v1?`, 'tag=a&'],
    ['PUT', '/v2/a/manifests/v1?tag=', 'a%2'],
    ['POST', '/v2/a/blobs/uploads/?', 'from=b&'],
    ['POST', '/v2/a/blobs/uploads/?mount=', 'a+'],
    ['POST', '/v2/a/blobs/uploads/?digest-algorithm=', 'a-'],
    ['GET', '/v2/a/tags/list?', 'n=1&'],
    ['GET', '/v2/_catalog?last=', 'é'],
    ['GET', '/v2/_catalog?last=', '+'],
    ['GET', '/acr/v1/a/_tags?last=', '%41'],
    ['GET', '/acr/v1/a/_tags?', 'orderby=a&'],
  ])('%s %s with a query full of %j is refused', (verb, prefix, piece) => {
    expect(parseRegistryRequest(verb, fill(prefix, piece)).ok).toBe(false)
  })

  it('may be as long as the bound and no longer', () => {
    const target = fill('/v2/a/manifests/v1?', 'x')
    expect(parseRegistryRequest('GET', target).ok).toBe(true)
    expect(parseRegistryRequest('GET', `${target}x`).ok).toBe(false)
    expect(parseRegistryRequest('GET', fill('/v2/?', '&')).ok).toBe(true)
  })
})
