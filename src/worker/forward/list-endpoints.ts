/**
 * `_catalog` and `tags/list`, answered by the gate: who may see which name, how many, and the `Link` to the rest. A
 * caller of the catalog sees the repositories whose content or tags it may read, and all of them with `catalog/read`.
 *
 * Tags are not filtered one by one: the permission to list is of the repository, decided before.
 */
import type { Facts } from '../../policy/decide/authorize.ts'
import { decide } from '../../policy/decide/decide.ts'
import type { EffectiveRights } from '../../policy/decide/effective-rights.ts'
import type { Attributes } from '../../policy/model.ts'
import { parseRepositoryName } from '../../registry/name.ts'
import { CURSOR_MARK, CURSOR_MAX_LENGTH } from '../../registry/parse.ts'
import { formatQuery } from '../../registry/query.ts'
import type { RegistryRequest } from '../../registry/request.ts'
import type { Refusal } from '../answers/refusal.ts'
import { jsonHeaders } from '../answers/refusal.ts'
import { Fault } from '../platform/fault.ts'
import type { RequestContext, Seal } from '../platform/seal.ts'
import { type ListPage, PAGE_MAX, readList } from './pager.ts'
import { formatPosition, type Position, readPosition } from './position.ts'

export type ListRequest = RegistryRequest & { readonly operation: 'listCatalog' | 'listTags' }

/** Names in a page of the catalog when the client does not say; all tags that fit in a page, since few clients page them. */
const CATALOG_PAGE = 100

const isSealed = (last: string | undefined) => last?.startsWith(CURSOR_MARK) === true

export type ListPorts = {
  readonly rights: EffectiveRights
  /** What a sealed cursor is bound to. */
  readonly context: RequestContext
  readonly facts: Facts
  readonly seal: Seal
  /** Asks the upstream for a list, by the query. */
  readonly fetchPage: (query: string) => Promise<Response>
}

/** The page; a refusal of its cursor; or the upstream's own answer, for instance 404. */
export async function answerList(
  request: ListRequest,
  ports: ListPorts,
): Promise<Response | Refusal | { readonly upstream: Response }> {
  const isCatalog = request.operation === 'listCatalog'
  const { context, seal } = ports
  const n = Math.min(request.paging.n ?? (isCatalog ? CATALOG_PAGE : PAGE_MAX), PAGE_MAX)
  const seesAll = !isCatalog || mayListAll(ports)
  // One name more than asked shows whether there are more. A filter needs many to find a few.
  const pageSize = seesAll ? Math.min(n + 1, PAGE_MAX) : PAGE_MAX
  const from = await startOf(request.paging.last, pageSize, context, seal)
  if (from === undefined) return { code: 'cursor_invalid' }
  const page = await readList({
    key: isCatalog ? 'repositories' : 'tags',
    n,
    from,
    sorted: isCatalog && !isSealed(request.paging.last),
    isVisible: isCatalog ? visibleTo(ports, seesAll) : () => true,
    fetchPage: ports.fetchPage,
  })
  if (page instanceof Response) return { upstream: page }
  const headers = jsonHeaders()
  const last = await cursorOf(page, context, seal)
  if (last !== undefined)
    headers.set(
      'link',
      `<${context.path}${formatQuery([
        ['n', n],
        ['last', last],
      ])}>; rel="next"`,
    )
  const body = isCatalog ? { repositories: page.names } : { name: request.name, tags: page.names }
  return new Response(JSON.stringify(body), { headers })
}

async function startOf(
  last: string | undefined,
  pageSize: number,
  context: RequestContext,
  seal: Seal,
): Promise<Position | undefined> {
  if (last === undefined || !isSealed(last)) {
    const query = formatQuery([
      ['n', pageSize],
      ['last', last],
    ])
    return last === undefined ? { query } : { query, after: last }
  }
  const opened = await seal.open(last.slice(CURSOR_MARK.length), context)
  return opened === undefined ? undefined : readPosition(opened)
}

async function cursorOf({ next }: ListPage, context: RequestContext, seal: Seal): Promise<string | undefined> {
  if (next === undefined) return undefined
  if ('last' in next) return next.last
  const cursor = CURSOR_MARK + (await seal.seal(formatPosition(next.position), context))
  if (cursor.length <= CURSOR_MAX_LENGTH) return cursor
  throw new Fault('upstream_invalid', 'the registry goes on with a list at a place that is too long to be carried')
}

const mayListAll = ({ rights, facts }: ListPorts): boolean =>
  decide(rights, { action: 'catalog/read', attributes: attributesOf(rights, facts), now: facts.now }).effect === 'allow'

function visibleTo({ rights, facts }: ListPorts, seesAll: boolean): (name: string) => boolean {
  const attributes = attributesOf(rights, facts)
  const holds = (action: 'content/read' | 'metadata/read', repository: string) =>
    decide(rights, { action, repository, attributes, now: facts.now }).effect === 'allow'
  return (name) =>
    parseRepositoryName(name).ok && (seesAll || holds('content/read', name) || holds('metadata/read', name))
}

function attributesOf({ caller }: EffectiveRights, { now: _, ...known }: Facts): Attributes {
  return { ...known, method: 'GET', ...(caller.claims === undefined ? {} : { claims: caller.claims }) }
}
