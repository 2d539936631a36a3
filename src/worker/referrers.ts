/**
 * A list of referrers that the upstream gives in pages, answered as one: a `Link` of the upstream's is no request that the
 * gate knows, and a signature on a page that nobody can ask for would be missed. Never answers a part of the list.
 *
 * Source: OCI distribution-spec 1.1, "Listing referrers".
 */

import { Fault } from './fault.ts'
import { nextQuery, PAGE_MAX_BYTES, UPSTREAM_PAGES_MAX } from './listing.ts'
import { readText } from './read-text.ts'

/**
 * The first answer as it is when it is all there is, which leaves its body unread. Throws `upstream_invalid` for a list that
 * breaks off or has too many pages.
 *
 * @param fetchPage asks the upstream for the page of a query
 */
export async function joinReferrers(
  first: Response,
  fetchPage: (query: string) => Promise<Response>,
): Promise<Response> {
  let next = first.status === 200 ? nextQuery(first.headers.get('link')) : undefined
  if (next === undefined) return first
  const index = await readIndex(first)
  const manifests = [...index.manifests]
  for (let pages = 1; next !== undefined; pages += 1) {
    if (pages === UPSTREAM_PAGES_MAX) {
      throw new Fault('upstream_invalid', `the registry gave more than ${UPSTREAM_PAGES_MAX} pages of referrers`)
    }
    const answer = await fetchPage(next)
    if (answer.status !== 200) {
      throw new Fault('upstream_invalid', `the registry broke off a list of referrers with status ${answer.status}`)
    }
    manifests.push(...(await readIndex(answer)).manifests)
    next = nextQuery(answer.headers.get('link'))
  }
  const headers = new Headers(first.headers)
  for (const name of ['content-length', 'content-encoding', 'etag']) headers.delete(name)
  return new Response(JSON.stringify({ ...index, manifests }), { headers })
}

async function readIndex(answer: Response): Promise<{ readonly manifests: readonly unknown[] }> {
  const text = await readText(answer.body, PAGE_MAX_BYTES)
  let value: unknown
  try {
    value = JSON.parse(text ?? '')
  } catch (cause) {
    throw new Fault('upstream_invalid', 'the registry gave no list of referrers below 8 MiB', { cause })
  }
  if (typeof value === 'object' && value !== null && 'manifests' in value && Array.isArray(value.manifests)) {
    return { ...value, manifests: value.manifests }
  }
  throw new Fault('upstream_invalid', 'the registry gave a list of referrers that is no image index')
}
