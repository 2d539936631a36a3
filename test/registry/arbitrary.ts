/** Requests as an attacker would write them: valid ones, valid ones with one thing changed, and rubble of routes. */
import fc from 'fast-check'

const HEX = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const DIGESTS = [
  `sha256:${HEX}`,
  `sha512:${HEX}${HEX}`,
  `blake3:${HEX}`,
  'multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8',
  'v1:v2',
] as const

const digest = fc.constantFrom(...DIGESTS)
const pathDigest = digest.chain((text) => fc.constantFrom(text, text.replace(':', '%3A'), text.replace(':', '%3a')))
const word = fc.constantFrom(
  'a',
  'b',
  'a.b',
  'a__b',
  'a--b',
  '0',
  'manifests',
  'blobs',
  'uploads',
  'tags',
  'list',
  'v2',
)
const name = fc.array(word, { minLength: 1, maxLength: 5 }).map((words) => words.join('/'))
const tag = fc.constantFrom('v1', 'latest', '_x', 'A.b-c', 'manifests', 'uploads', 'list', `sha256-${HEX}`)

const FRAGMENTS = [
  ...[
    '/',
    '//',
    '.',
    '..',
    '/../',
    '/./',
    '%2e',
    '%2E',
    '%2e%2e',
    '%2f',
    '%2F',
    '%5c',
    '\\',
    '%252f',
    '%252e',
    ';',
    ';x',
  ],
  ...[
    '%00',
    '\0',
    '%',
    '%zz',
    '%2',
    '%ff',
    '%c0%af',
    '%c0%ae',
    '%61',
    '%3a',
    '%3A',
    ':',
    '@',
    '#',
    '?',
    '??',
    '&',
    '=',
    '+',
  ],
  ...[
    '%26',
    '%3d',
    '%3f',
    '%23',
    '%0a',
    '\n',
    '\r\n',
    ' ',
    '\t',
    'A',
    'é',
    '\ud800',
    '\u0430',
    '\uff0f',
    '*',
    '_',
    '-',
    ',',
  ],
] as const
const SEGMENTS = [
  ...['v2', 'acr', 'v1', 'a', 'b', 'manifests', 'blobs', 'uploads', 'tags', 'list', 'referrers', '_catalog', '', 's.t'],
  ...[
    '_tags',
    '_manifests',
    '_metadata',
    '_query',
    '_deleted',
    '_streaming',
    '_operations',
    '1:cancel',
    'k',
    ...DIGESTS,
  ],
] as const

const KEYS = [
  ...['mount', 'from', 'digest', 'digest-algorithm', 'tag', 'n', 'last', 'artifactType', 'orderby', 'force', 'ns'],
  ...['%6dount', 'fro%6d', 't%61g', 'Mount', 'from[]', '_state', '%zz', '', '+from', 'mount%00'],
] as const
const value = fc.oneof(
  digest,
  pathDigest,
  name,
  tag,
  fc.constantFrom(...FRAGMENTS, '', '5', '007', '-1', 'b%2fc', 'application%2Fvnd.x%2Bjson', 'sha512', 'a;from=b'),
  fc.string({ unit: 'binary', maxLength: 6 }),
)
const enc = (text: fc.Arbitrary<string>) => text.chain((plain) => fc.constantFrom(plain, encodeURIComponent(plain)))
const fitting = fc.oneof(
  enc(digest).map((text) => `mount=${text}`),
  enc(name).map((text) => `from=${text}`),
  enc(digest).map((text) => `digest=${text}`),
  tag.map((text) => `tag=${text}`),
  fc.nat(1e6).map((count) => `n=${count}`),
  fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => `last=${encodeURIComponent(text)}`),
  fc.constantFrom('artifactType=application%2Fvnd.x%2Bjson', 'orderby=timedesc', 'digest-algorithm=sha512'),
)
const bent = fc.tuple(fc.constantFrom(...KEYS), fc.constantFrom('=', '=', ''), value).map((parts) => parts.join(''))
const pairs = (pair: fc.Arbitrary<string>) => fc.array(pair, { minLength: 1, maxLength: 5 })
const query = fc.oneof(
  fc.constantFrom('', '?'),
  pairs(fitting).map((list) => `?${list.join('&')}`),
  fc.tuple(enc(digest), enc(name)).map(([blob, from]) => `?mount=${blob}&from=${from}`),
  fc
    .tuple(pairs(fc.oneof(fitting, bent)), fc.constantFrom('&', '&', ';', '&&'))
    .map(([list, separator]) => `?${list.join(separator)}`),
)

type Request = readonly [method: string, target: string]

/** A route with the methods that fit it. */
const route = (methods: string, path: fc.Arbitrary<string>): fc.Arbitrary<Request> =>
  fc.tuple(fc.constantFrom(...methods.split(' ')), path)
const below = (root: string, rest: fc.Arbitrary<string>) =>
  fc.tuple(name, rest).map(([repository, text]) => `${root}${repository}${text}`)
const lastly = (marker: string, text: fc.Arbitrary<string>) => text.map((reference) => `${marker}${reference}`)

const routes = fc.oneof(
  route('GET HEAD', fc.constantFrom('/v2/', '/v2/_catalog', '/acr/v1/_catalog', '/acr/v1/_deleted/_catalog')),
  route('GET HEAD PUT PUT DELETE', below('/v2/', lastly('/manifests/', fc.oneof(tag, pathDigest)))),
  route('GET HEAD DELETE', below('/v2/', lastly('/blobs/', pathDigest))),
  route('GET', below('/v2/', lastly('/referrers/', pathDigest))),
  route('GET', below('/v2/', fc.constant('/tags/list'))),
  route('POST', below('/v2/', fc.constant('/blobs/uploads/'))),
  route('GET PATCH PUT DELETE', below('/v2/', fc.constant('/blobs/uploads/s.t'))),
  route('GET PATCH DELETE', below('/acr/v1/', fc.oneof(lastly('/_tags/', tag), lastly('/_manifests/', pathDigest)))),
  route(
    'GET PUT DELETE',
    below(
      '/acr/v1/',
      lastly(
        '/_tags/',
        tag.map((text) => `${text}/_metadata/k`),
      ),
    ),
  ),
  route(
    'GET POST DELETE',
    below('/acr/v1/', fc.constantFrom('', '/_tags', '/_metadata/_query', '/_operations/1:cancel')),
  ),
  route('GET', below('/acr/v1/_deleted/', fc.constant('/_tags'))),
)
const valid = fc.tuple(routes, query).map(([[method, path], text]): Request => [method, path + text])

/** One to three places of a valid target: a fragment put in, put over what is there, or a piece cut out. */
const changes = fc.array(fc.tuple(fc.nat(499), fc.nat(3), fc.constantFrom('', ...FRAGMENTS)), {
  minLength: 1,
  maxLength: 3,
})
const bend = (target: string, [place, cut, put]: readonly [number, number, string]): string => {
  const at = place % (target.length + 1)
  return target.slice(0, at) + put + target.slice(at + cut)
}
const mutated = fc.tuple(valid, changes).map(([[method, target], list]): Request => [method, list.reduce(bend, target)])

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
const anyMethod = fc.oneof(fc.constantFrom(...METHODS, 'OPTIONS', 'get', '', '__proto__'), fc.string())
const rubble = fc
  .array(fc.constantFrom(...SEGMENTS, ...FRAGMENTS), { maxLength: 9 })
  .chain((segments) => fc.constantFrom('/v2/', '/acr/v1/', '/', '').map((prefix) => prefix + segments.join('/')))

/** Method and raw request target. */
export const request: fc.Arbitrary<Request> = fc.oneof(
  { arbitrary: valid, weight: 6 },
  { arbitrary: mutated, weight: 5 },
  { arbitrary: fc.tuple(fc.constantFrom(...METHODS), rubble), weight: 2 },
  {
    arbitrary: fc.tuple(
      anyMethod,
      fc.oneof(
        valid.map(([, target]) => target),
        fc.string({ unit: 'binary' }),
      ),
    ),
    weight: 1,
  },
)
