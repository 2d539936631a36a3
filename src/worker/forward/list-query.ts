/**
 * The query by which the gate asks its upstream for a page of a list. Written from the parameters named here alone, whatever a
 * `Link` of the upstream or an opened cursor says: what nobody here knows is never sent with the gate's credential.
 *
 * Sources: OCI distribution-spec 1.1 "Listing tags" and "Listing referrers"; Azure Container Registry (`orderby`); Quay
 * (`next_page`); Amazon ECR (`nextToken`).
 */
import { formatQuery, parseCount, parseQuery, single } from '../../registry/query.ts'
import { Fault } from '../platform/fault.ts'

/** Where a list goes on. */
const POSITIONS = [
  'last',
  'next_page',
  'nextToken',
  'next_token',
  'page',
  'pageToken',
  'page_token',
  'continuationToken',
  'continuation_token',
  'cursor',
  'marker',
  'offset',
] as const
/** How the list is made. */
const SHAPES = ['n', 'page_size', 'orderby', 'artifactType'] as const
const KNOWN: ReadonlySet<string> = new Set([...SHAPES, ...POSITIONS])

/**
 * The same query, of known parameters alone and in the order of this file: `?n=10&last=a`.
 *
 * @param query with or without its question mark
 * @throws Fault `upstream_invalid` when a known parameter is given twice, or is not UTF-8
 */
export const knownQuery = (query: string): string => formatQuery(knownPairs(query))

/**
 * The {@link knownQuery} of a further page.
 *
 * @throws Fault `upstream_invalid`, also when no known parameter says where the list goes on
 */
export function nextPageQuery(query: string): string {
  const pairs = knownPairs(query)
  const says = new Set(pairs.flatMap(([key, value]) => (value === undefined ? [] : [key])))
  if (!POSITIONS.some((key) => says.has(key))) throw misunderstood()
  return formatQuery(pairs)
}

type Pair = readonly [key: string, value: string | number | undefined]

function knownPairs(query: string): readonly Pair[] {
  const parsed = parseQuery(query.replace(/^\?/, ''), KNOWN)
  if (!parsed.ok) throw misunderstood()
  return [...SHAPES, ...POSITIONS].map((key): Pair => {
    const value = single(parsed.value, key)
    if (!value.ok) throw misunderstood()
    return [key, key === 'n' ? parseCount(value.value ?? '') : value.value]
  })
}

const misunderstood = () =>
  new Fault('upstream_invalid', 'the registry goes on with a list by query parameters that the gate does not know')
