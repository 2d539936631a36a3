/**
 * A second reading of a request, written to the rules of the reference registry (the routes of distribution 2.8 and 3,
 * Go's `net/url`), of the referrers route of the OCI distribution-spec 1.1 and of Azure's metadata paths. It judges what
 * the gate sends on; it shares no code with the gate's own parser and never decides anything.
 */

/** What an upstream understands. Fields that the operation has not are absent. */
export type Reading = {
  readonly route: string
  readonly name?: string
  readonly tag?: string
  readonly digest?: string
  readonly session?: string
  readonly mount?: string
  readonly from?: string
  readonly tags?: readonly string[]
  readonly n?: string
  readonly last?: string
  readonly artifactType?: string
}

/** No operation: a route that does not exist, a redirect to the cleaned path, a bad escape. */
export type NoReading = { readonly route: 'bad request' | 'redirect' | 'not found' | 'method not allowed' }

const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const LABEL = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])'
/** The routes let a host stand before the name; the handler then parses the name again, without one. */
const NAME = `(?<name>(?:${LABEL}(?:\\.${LABEL})*(?::[0-9]+)?/)?${COMPONENT}(?:/${COMPONENT})*)`
const TAG = '(?<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})'
const DIGEST = '(?<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9A-Fa-f]{32,})'
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`)

type Route = { readonly pattern: RegExp; readonly methods: Readonly<Record<string, string>> }

const route = (pattern: string, methods: Readonly<Record<string, string>>): Route => ({
  pattern: new RegExp(`^${pattern}$`),
  methods,
})

/** In the order in which a router tries them: the first that fits wins, whatever its methods. */
const ROUTES: readonly Route[] = [
  route('/v2/', { GET: 'base', HEAD: 'base' }),
  route(`/v2/${NAME}/manifests/(?:${TAG}|${DIGEST})`, {
    GET: 'get manifest',
    HEAD: 'get manifest',
    PUT: 'put manifest',
    DELETE: 'delete manifest',
  }),
  route('/v2/_catalog', { GET: 'catalog' }),
  route(`/v2/${NAME}/tags/list`, { GET: 'tags' }),
  route(`/v2/${NAME}/blobs/${DIGEST}`, { GET: 'get blob', HEAD: 'get blob', DELETE: 'delete blob' }),
  route(`/v2/${NAME}/blobs/uploads/`, { POST: 'start upload' }),
  route(`/v2/${NAME}/blobs/uploads/(?<session>[A-Za-z0-9_.=-]+)`, {
    GET: 'upload',
    HEAD: 'upload',
    PATCH: 'upload',
    PUT: 'upload',
    DELETE: 'upload',
  }),
  route(`/v2/${NAME}/referrers/${DIGEST}`, { GET: 'referrers' }),
  route('/acr/v1/_catalog', { GET: 'azure catalog' }),
  ...['_metadata/_query', '_deleted/_catalog'].map((path) => route(`/acr/v1/${path}`, { GET: 'azure', POST: 'azure' })),
  ...[
    `${NAME}`,
    `${NAME}/_tags`,
    `${NAME}/_tags/${TAG}`,
    `${NAME}/_manifests`,
    `${NAME}/_manifests/${DIGEST}`,
    `${NAME}/_metadata(?:/[^/]+)?`,
    `${NAME}/_tags/${TAG}/_metadata(?:/[^/]+)?`,
    `${NAME}/_manifests/${DIGEST}/_metadata(?:/[^/]+)?`,
    `_deleted/${NAME}/_tags`,
    `_deleted/${NAME}/_manifests(?:/${DIGEST})?`,
    `${NAME}/_streaming(?:/${DIGEST})?`,
    `${NAME}/_operations/[^/]+`,
  ].map((path) =>
    route(`/acr/v1/${path}`, { GET: 'azure', PATCH: 'azure', PUT: 'azure', POST: 'azure', DELETE: 'azure' }),
  ),
]

/** Percent-decoding as Go does it: bytes, and an error for every escape that is none. */
function percentDecode(text: string): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return undefined
  const bytes = Buffer.from(text, 'utf8').toString('latin1')
  return Buffer.from(
    bytes.replaceAll(/%([0-9A-Fa-f]{2})/g, (_: string, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  ).toString('utf8')
}

/** As `url.ParseQuery`, whose errors handlers ignore: a pair with a semicolon or a bad escape is left out. */
function parseForm(query: string): ReadonlyMap<string, readonly string[]> {
  const form = new Map<string, string[]>()
  for (const pair of query.split('&')) {
    if (pair === '' || pair.includes(';')) continue
    const equals = pair.indexOf('=')
    const key = percentDecode((equals < 0 ? pair : pair.slice(0, equals)).replaceAll('+', ' '))
    const value = percentDecode((equals < 0 ? '' : pair.slice(equals + 1)).replaceAll('+', ' '))
    if (key !== undefined && value !== undefined) form.set(key, [...(form.get(key) ?? []), value])
  }
  return form
}

/** As `path.Clean`, with a trailing slash kept: a router redirects whatever is not already so. */
function clean(path: string): string {
  const segments: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop()
    else if (segment !== '' && segment !== '.') segments.push(segment)
  }
  return `/${segments.join('/')}${segments.length > 0 && path.endsWith('/') ? '/' : ''}`
}

const present = (fields: Reading): Reading => {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined && value !== '' && value.length > 0)
  return { ...Object.fromEntries(entries), route: fields.route }
}

/** What the upstream does with a request that arrives with this method and target. */
export function readRequest(method: string, target: string): Reading | NoReading {
  const mark = target.indexOf('?')
  const path = percentDecode(mark < 0 ? target : target.slice(0, mark))
  if (path === undefined || !path.startsWith('/')) return { route: 'bad request' }
  if (clean(path) !== path) return { route: 'redirect' }
  for (const { pattern, methods } of ROUTES) {
    const match = pattern.exec(path)
    if (match === null) continue
    const name = Object.hasOwn(methods, method) ? methods[method] : undefined
    if (name === undefined) return { route: 'method not allowed' }
    if (match.groups?.name !== undefined && !REPOSITORY.test(match.groups.name)) return { route: 'bad request' }
    return present({ ...match.groups, ...fromForm(name, parseForm(mark < 0 ? '' : target.slice(mark + 1))) })
  }
  return { route: 'not found' }
}

/** What handlers take from the query: the first value of a key, but every `tag`. */
function fromForm(name: string, form: ReadonlyMap<string, readonly string[]>): Reading {
  const first = (key: string): string => form.get(key)?.[0] ?? ''
  switch (name) {
    case 'start upload':
      return first('mount') !== '' && first('from') !== ''
        ? { route: 'mount', mount: first('mount'), from: first('from') }
        : { route: name, digest: first('digest') }
    case 'put manifest':
      return { route: name, tags: form.get('tag') ?? [] }
    case 'catalog':
    case 'azure catalog':
    case 'tags':
      return { route: name, n: first('n'), last: first('last') }
    case 'referrers':
      return { route: name, artifactType: first('artifactType') }
    default:
      return { route: name }
  }
}
