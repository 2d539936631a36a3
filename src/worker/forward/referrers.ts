/**
 * A list of referrers that the upstream gives in pages, answered as one: a `Link` of the upstream's is not a request that the
 * gate knows, and a signature on a page that nobody can ask for would be missed. Never answers a part of the list.
 *
 * Source: OCI distribution-spec 1.1, "Listing referrers".
 */

import { isRecord } from '../../base/json.ts'
import { Fault } from '../platform/fault.ts'
import { readText } from '../platform/read-text.ts'
import { nextQuery, PAGE_MAX_BYTES, UPSTREAM_PAGES_MAX } from './pager.ts'

/** The longest list that is joined, in bytes of all its pages: they are in memory together, and a Worker has 128 MB. */
export const REFERRERS_MAX_BYTES = PAGE_MAX_BYTES

/**
 * The first answer as it is when it is all there is, which leaves its body unread. Throws `upstream_invalid` for a list that
 * breaks off, is too long or has too many pages.
 *
 * @param fetchPage asks the upstream for the page of a query
 */
export async function joinReferrers(
  first: Response,
  fetchPage: (query: string) => Promise<Response>,
): Promise<Response> {
  let next = first.status === 200 ? nextQuery(first.headers.get('link')) : undefined
  if (next === undefined) return first
  const { bytes, value: index } = await readIndex(first, REFERRERS_MAX_BYTES)
  let left = REFERRERS_MAX_BYTES - bytes
  const pagesOfManifests = [index.manifests]
  for (let pages = 1; next !== undefined; pages += 1) {
    if (pages === UPSTREAM_PAGES_MAX) {
      throw new Fault('upstream_invalid', `the registry gave more than ${UPSTREAM_PAGES_MAX} pages of referrers`)
    }
    const answer = await fetchPage(next)
    if (answer.status !== 200) {
      throw new Fault('upstream_invalid', `the registry broke off a list of referrers with status ${answer.status}`)
    }
    const page = await readIndex(answer, left)
    left -= page.bytes
    pagesOfManifests.push(page.value.manifests)
    next = nextQuery(answer.headers.get('link'))
  }
  const headers = new Headers(first.headers)
  for (const name of ['content-length', 'content-encoding', 'etag']) headers.delete(name)
  return new Response(JSON.stringify({ ...index, manifests: pagesOfManifests.flat() }), { headers })
}

type Index = { readonly manifests: readonly unknown[] }

async function readIndex(
  answer: Response,
  maxBytes: number,
): Promise<{ readonly value: Index; readonly bytes: number }> {
  const text = await readText(answer.body, maxBytes)
  let value: unknown
  try {
    value = JSON.parse(text ?? '')
  } catch (cause) {
    throw new Fault('upstream_invalid', 'the registry gave no list of referrers below 8 MiB', { cause })
  }
  if (isRecord(value) && Array.isArray(value.manifests)) {
    return { value: { ...value, manifests: value.manifests }, bytes: text?.length ?? 0 }
  }
  throw new Fault('upstream_invalid', 'the registry gave a list of referrers that is not an image index')
}
