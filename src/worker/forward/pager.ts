/**
 * Lists of names, paged by the gate: of an upstream's pages, however large, only what the caller may see, exactly `n`
 * names while more follow. Work per request is bounded. A name that the caller may not see appears nowhere: where a list
 * goes on is named by a visible name, or sealed.
 *
 * Source: OCI distribution-spec 1.1 "Listing tags"; distribution `docs/content/spec/api.md`, "Listing repositories".
 */

import { Fault } from '../platform/fault.ts'
import { readText } from '../platform/read-text.ts'
import { isAfterName, nextPageQuery } from './list-query.ts'
import type { Position } from './position.ts'

/** A page has at most this many names, as has the one that is asked of the upstream: what registries allow by default. */
export const PAGE_MAX = 1000
/** Pages of the upstream that one request reads: a Worker of the free plan may make 50 calls. */
export const UPSTREAM_PAGES_MAX = 32
/** The longest page that is read from the upstream, in bytes. */
export const PAGE_MAX_BYTES = 8_388_608

export type ListQuestion = {
  /** Member of the JSON object that holds the names. */
  readonly key: 'repositories' | 'tags'
  /** How many names, 0 to {@link PAGE_MAX}. */
  readonly n: number
  readonly from: Position
  /** Whether the upstream's order is that of names; then names that come before `from.after` are those of an upstream that ignores `last`. */
  readonly sorted: boolean
  readonly isVisible: (name: string) => boolean
  /** Asks the upstream for the page of a query. */
  readonly fetchPage: (query: string) => Promise<Response>
}

export type ListPage = {
  readonly names: readonly string[]
  /** There is more: after the last name, for an upstream that pages by name; else at a position to be sealed. */
  readonly next?: { readonly last: string } | { readonly position: Position }
}

/**
 * One page of a list; or the upstream's own answer when that is an error at the start. Throws `upstream_invalid` for what is
 * no list, and for a list that breaks off or runs in a circle.
 */
export async function readList(question: ListQuestion): Promise<ListPage | Response> {
  const { n, from, isVisible, fetchPage } = question
  const names: string[] = []
  const asked = new Set<string>()
  let position = from
  let mark = from
  let pagesByName = true
  for (;;) {
    asked.add(position.query)
    const answer = await fetchPage(position.query)
    if (answer.status !== 200) {
      // Only errors may pass: a part of a list (206), or a list elsewhere (3xx), would be one that nobody filtered.
      if (asked.size === 1 && answer.status >= 400) return answer
      throw new Fault('upstream_invalid', `the registry answered a list with status ${answer.status}`)
    }
    const all = await readNames(answer, question.key)
    const next = nextQuery(answer.headers.get('link'))
    pagesByName &&= next === undefined || isAfterName(next)
    for (const name of namesAfter(all, position.after, question.sorted && position === from)) {
      if (!isVisible(name)) continue
      if (names.length === n) return { names, ...nextPage(names, mark, pagesByName) }
      names.push(name)
      mark = { query: position.query, after: name }
    }
    if (next === undefined || n === 0) return { names }
    if (asked.has(next)) throw new Fault('upstream_invalid', 'the registry pages a list in a circle')
    const after = all.at(-1) ?? position.after
    position = { query: next, ...(after === undefined ? {} : { after }) }
    if (asked.size === UPSTREAM_PAGES_MAX) return { names, next: { position } }
  }
}

function nextPage(names: readonly string[], mark: Position, pagesByName: boolean): Pick<ListPage, 'next'> {
  const last = names.at(-1)
  if (last === undefined) return {}
  return { next: pagesByName ? { last } : { position: mark } }
}

/** An upstream that ignores `last`, or whose pages overlap, gives names again. */
function namesAfter(names: readonly string[], after: string | undefined, sorted: boolean): readonly string[] {
  if (after === undefined) return names
  const index = names.indexOf(after)
  if (index >= 0) return names.slice(index + 1)
  return sorted ? names.filter((name) => comesAfter(name, after)) : names
}

/** In the order of bytes, or in that of paths, in which `a/b` comes before `a-b`: registries have the one or the other. */
const comesAfter = (name: string, after: string): boolean =>
  name > after || name.replaceAll('/', '\0') > after.replaceAll('/', '\0')

async function readNames(answer: Response, key: 'repositories' | 'tags'): Promise<readonly string[]> {
  const text = await readText(answer.body, PAGE_MAX_BYTES)
  let value: unknown
  try {
    value = JSON.parse(text ?? '')
  } catch (cause) {
    throw new Fault('upstream_invalid', `the registry gave no list of ${key} below 8 MiB`, { cause })
  }
  const names = typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? Reflect.get(value, key) : []
  // A repository without tags has `null` in several registries.
  if (names === null) return []
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) {
    throw new Fault('upstream_invalid', `the registry gave a list of ${key} that is none`)
  }
  return names
}

/**
 * The query of the `Link` to the next page (RFC 8288), of known parameters alone. Its host and path are ours to know, so they
 * are not read.
 *
 * @throws Fault `upstream_invalid`
 */
export function nextQuery(link: string | null): string | undefined {
  const target = /<([^<>]*)>\s*;[^<>]*\brel\s*=\s*"?next"?/i.exec(link ?? '')?.[1]
  if (target === undefined) return undefined
  const mark = target.indexOf('?')
  return nextPageQuery(mark < 0 ? '' : (target.slice(mark).split('#', 1)[0] ?? ''))
}
