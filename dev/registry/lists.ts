/** The lists: tags, referrers, and the catalog of repositories (OCI distribution-spec "Content Discovery"). */
import type { Exchange } from './exchange.ts'
import { isDigest, type RepositoryName } from './grammar.ts'
import { INDEX_MEDIA_TYPE } from './manifest.ts'
import { json, methodNotAllowed, type Reply, refuse } from './reply.ts'

/** `GET /v2/<name>/tags/list` (end-8). */
export async function answerTags({ request, query, store }: Exchange, name: RepositoryName): Promise<Reply> {
  if (!isRead(request.method)) return methodNotAllowed(['GET', 'HEAD'])
  if (!(await store.exists(name))) return refuse(404, 'NAME_UNKNOWN', 'repository unknown', { name })
  const page = paginate(await store.tags(name), query, `/v2/${name}/tags/list`)
  return page === undefined ? invalidCount() : json(200, { name, tags: page.items }, page.headers)
}

/** `GET /v2/_catalog`: not in the spec, but in every registry that comes from distribution. */
export async function answerCatalog({ request, query, store }: Exchange): Promise<Reply> {
  if (!isRead(request.method)) return methodNotAllowed(['GET', 'HEAD'])
  const page = paginate(await store.repositories(), query, '/v2/_catalog')
  return page === undefined ? invalidCount() : json(200, { repositories: page.items }, page.headers)
}

/** `GET /v2/<name>/referrers/<digest>` (end-12): never 404, also for what is unknown. */
export async function answerReferrers(exchange: Exchange, name: RepositoryName, subject: string): Promise<Reply> {
  const { request, query, store } = exchange
  if (!isRead(request.method)) return methodNotAllowed(['GET', 'HEAD'])
  if (!isDigest(subject)) return refuse(400, 'DIGEST_INVALID', 'invalid digest', { digest: subject })
  const artifactType = query.get('artifactType')
  const manifests = (await store.referrers(name, subject))
    .filter((referrer) => artifactType === null || referrer.artifactType === artifactType)
    .map(({ subject: _, ...descriptor }) => descriptor)
  return json(
    200,
    { schemaVersion: 2, mediaType: INDEX_MEDIA_TYPE, manifests },
    {
      'Content-Type': INDEX_MEDIA_TYPE,
      ...(artifactType !== null && { 'OCI-Filters-Applied': 'artifactType' }),
    },
  )
}

/** The page that `n` and `last` ask for, with a `Link` (RFC 8288) if more follows; undefined if `n` is not a count. */
function paginate<T extends string>(
  sorted: readonly T[],
  query: URLSearchParams,
  path: string,
): { readonly items: readonly T[]; readonly headers: Record<string, string> } | undefined {
  const n = query.get('n')
  if (n !== null && !/^\d{1,15}$/.test(n)) return undefined
  const last = query.get('last') ?? ''
  const after = sorted.filter((item) => item > last)
  const items = n === null ? after : after.slice(0, Number(n))
  const end = items.at(-1)
  if (end === undefined || items.length === after.length) return { items, headers: {} }
  return {
    items,
    headers: {
      Link: `<${path}?n=${n}&last=${encodeURIComponent(end)}>; rel="next"`,
    },
  }
}

const invalidCount = (): Reply => refuse(400, 'UNSUPPORTED', 'n must be a whole number from 0')

const isRead = (method: string | undefined): boolean => method === 'GET' || method === 'HEAD'
