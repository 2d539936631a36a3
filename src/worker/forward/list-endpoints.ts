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
import { formatNextLink } from '../../registry/link.ts'
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

/** A request for a list that the gate answers itself. */
export type ListRequest = RegistryRequest & { readonly operation: 'listCatalog' | 'listTags' }

/** Names in a page of the catalog of which the caller sees a part, when the client does not say. */
const CATALOG_PAGE = 100

const isSealed = (last: string | undefined): last is string => last?.startsWith(CURSOR_MARK) === true

/** What answering a list needs. */
export type ListPorts = {
  readonly rights: EffectiveRights
  /** What a sealed cursor is bound to. */
  readonly context: RequestContext
  readonly facts: Facts
  readonly seal: Seal
  /** Names that the list leaves out; absent: none. */
  readonly hidden?: ReadonlySet<string>
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
  const { n: asked, last } = request.paging
  const n = asked === undefined ? undefined : Math.min(asked, PAGE_MAX)
  const { hidden } = ports
  const mayReadAll = !isCatalog || seesEveryName(ports)
  const isWhole = mayReadAll && (hidden === undefined || hidden.size === 0)
  const mayRead = isCatalog ? visibleTo(ports, mayReadAll) : () => true
  const from = isSealed(last) ? await openCursor(last, context, seal) : undefined
  if (isSealed(last) && from === undefined) return { code: 'cursor_invalid' }
  const page = await readList({
    key: isCatalog ? 'repositories' : 'tags',
    ...(n === undefined ? {} : { n }),
    ...(from !== undefined ? { from } : last === undefined ? {} : { last }),
    // Few clients page through tags: they get all that fit.
    most: isWhole ? PAGE_MAX : CATALOG_PAGE,
    keepsPages: isCatalog && isWhole,
    isWhole,
    isVisible: hidden === undefined ? mayRead : (name) => !hidden.has(name) && mayRead(name),
    fetchPage: ports.fetchPage,
  })
  if (page instanceof Response) return { upstream: page }
  const headers = jsonHeaders()
  const cursor = await cursorOf(page, context, seal)
  if (cursor !== undefined) {
    const query = formatQuery([
      ['n', n],
      ['last', cursor],
    ])
    headers.set('link', formatNextLink(`${context.path}${query}`))
  }
  const body = isCatalog ? { repositories: page.names } : { name: request.name, tags: page.names }
  return new Response(JSON.stringify(body), { headers })
}

async function openCursor(cursor: string, context: RequestContext, seal: Seal): Promise<Position | undefined> {
  const opened = await seal.open(cursor.slice(CURSOR_MARK.length), context)
  return opened === undefined ? undefined : readPosition(opened)
}

async function cursorOf({ next }: ListPage, context: RequestContext, seal: Seal): Promise<string | undefined> {
  if (next === undefined) return undefined
  if ('last' in next) return next.last
  const cursor = CURSOR_MARK + (await seal.seal(formatPosition(next.position), context))
  if (cursor.length <= CURSOR_MAX_LENGTH) return cursor
  throw new Fault('upstream_invalid', 'the registry goes on with a list at a place that is too long to be carried')
}

/** By the right to the catalog, or by a right to every repository: then nothing has to be filtered. */
function seesEveryName({ rights, facts }: ListPorts): boolean {
  const attributes = attributesOf(rights, facts)
  return (['catalog/read', 'content/read', 'metadata/read'] as const).some(
    (action) => decide(rights, { action, attributes, now: facts.now }).effect === 'allow',
  )
}

function visibleTo({ rights, facts }: ListPorts, mayReadAll: boolean): (name: string) => boolean {
  const attributes = attributesOf(rights, facts)
  const holds = (action: 'content/read' | 'metadata/read', repository: string) =>
    decide(rights, { action, repository, attributes, now: facts.now }).effect === 'allow'
  return (name) =>
    parseRepositoryName(name).ok && (mayReadAll || holds('content/read', name) || holds('metadata/read', name))
}

function attributesOf({ caller }: EffectiveRights, { now: _, ...known }: Facts): Attributes {
  return { ...known, method: 'GET', ...(caller.claims === undefined ? {} : { claims: caller.claims }) }
}
