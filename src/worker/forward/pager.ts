/**
 * Lists of names, paged by the gate: of an upstream's pages, however large, only what the caller may see, exactly `n`
 * names while more follow. Work per request is bounded. A name that the caller may not see appears nowhere: where a list
 * goes on is named by a visible name, or sealed.
 *
 * Source: OCI distribution-spec 1.1 "Listing tags"; distribution `docs/content/spec/api.md`, "Listing repositories".
 */

import { isRecord } from '../../base/json.ts'
import { nextTarget } from '../../registry/link.ts'
import { formatQuery } from '../../registry/query.ts'
import { Fault } from '../platform/fault.ts'
import { readText } from '../platform/read-text.ts'
import { discard } from '../upstream/upstream.ts'
import { nextPageQuery } from './list-query.ts'
import { isOrdered, sorted } from './name-order.ts'
import type { Position } from './position.ts'

/** A page has at most this many names, as has one whose size the gate chooses: what registries allow by default. */
export const PAGE_MAX = 1000
/** Pages of the upstream that one request reads: a Worker of the free plan may make 50 calls. */
export const UPSTREAM_PAGES_MAX = 32
/** The longest page that is read from the upstream, in bytes. */
export const PAGE_MAX_BYTES = 8_388_608

/** What a client asks of a list, and what it may see. */
export type ListQuestion = {
  /** Member of the JSON object that holds the names. */
  readonly key: 'repositories' | 'tags'
  /** Page size that the client asked for, 0 to {@link PAGE_MAX}; absent: it leaves that to the registry. */
  readonly n?: number
  /** A name after which the list begins, in the order of names; absent: at its beginning. */
  readonly last?: string
  /** Where an earlier page of the gate ended, in place of `last`. */
  readonly from?: Position
  /** The most names that are answered, 1 to {@link PAGE_MAX}. Has no effect together with `n`. */
  readonly most: number
  /** Without `n`: answer the registry's own page, and no more. */
  readonly keepsPages: boolean
  /** The caller may see every name, so that the registry's word that more follow is enough. */
  readonly isWhole: boolean
  readonly isVisible: (name: string) => boolean
  /** Asks the upstream for the page of a query. */
  readonly fetchPage: (query: string) => Promise<Response>
}

/** One page of a list. */
export type ListPage = {
  readonly names: readonly string[]
  /** There is more: after the last name, for an upstream that pages by name; else at a position to be sealed. */
  readonly next?: { readonly last: string } | { readonly position: Position }
}

/**
 * One page of a list; or the upstream's own answer when that is an error at the start.
 *
 * The registry is asked for as many names as the client asked for, so that its own limit is the client's affair. Where the
 * gate needs more names than that, because it filters or because the registry's pages are small, it asks for
 * {@link PAGE_MAX}, and leaves the size to a registry that answers 400.
 *
 * @throws {@link Fault} `upstream_invalid` for what is not a list, and for a list that breaks off or runs in a circle
 */
export async function readList(question: ListQuestion): Promise<ListPage | Response> {
  const { n, from, isWhole, isVisible } = question
  const limit = n ?? question.most
  const reader = new PageReader(question)
  const names: string[] = []
  const asked = new Set<string>()
  let position: Position = from ?? startOf(question)
  let mark = position
  let pagesByName = true
  for (let isStart = true; ; isStart = false) {
    asked.add(position.query)
    const page = await reader.read(position.query, isStart)
    if (page instanceof Response) return page
    if (limit === 0) return { names }
    const { all, next } = page
    const before = isStart ? (question.last ?? from?.after) : position.after
    // A name names a place only in a list that is in the order of names.
    pagesByName &&=
      next === undefined || (lastOf(next) !== undefined && isOrdered(before === undefined ? all : [before, ...all]))
    const rest = isStart && from === undefined ? await reader.afterLast(page) : afterName(all, position.after)
    for (const name of rest) {
      if (!isVisible(name)) continue
      if (names.length === limit) return { names, ...nextPage(names, mark, pagesByName) }
      names.push(name)
      mark = { query: position.query, after: name }
    }
    if (next === undefined) return { names }
    if (asked.has(next)) throw new Fault('upstream_invalid', 'the registry pages a list in a circle')
    const after = all.at(-1) ?? position.after
    position = { query: next, ...(after === undefined ? {} : { after }) }
    const isFull = isWhole && names.length === limit
    const isPage = question.keepsPages && n === undefined && names.length > 0
    if (isFull || isPage || reader.isExhausted)
      return { names, ...nextPage(isWhole ? names : [], position, pagesByName) }
  }
}

const startOf = ({ n, last }: ListQuestion): Position => ({ query: pageQuery(n, last) })

const pageQuery = (n: number | undefined, last: string | undefined): string =>
  formatQuery([
    ['n', n],
    ['last', last],
  ])

/** After the last name that was answered, if names do; else, and where none was answered, at `position`. */
function nextPage(names: readonly string[], position: Position, pagesByName: boolean): Pick<ListPage, 'next'> {
  const last = names.at(-1)
  return { next: pagesByName && last !== undefined ? { last } : { position } }
}

/** An upstream whose pages overlap gives names again. */
const afterName = (names: readonly string[], after: string | undefined): readonly string[] =>
  after === undefined ? names : names.slice(names.indexOf(after) + 1)

type Page = {
  readonly all: readonly string[]
  /** The query of the next page; absent: there is none. */
  readonly next: string | undefined
}

/** Reads pages of one list, as large as the registry lets it. */
class PageReader {
  readonly #question: ListQuestion
  #calls = 0
  /** The registry takes the page sizes that it is asked for. */
  #takesSizes = true

  constructor(question: ListQuestion) {
    this.#question = question
  }

  get isExhausted(): boolean {
    return this.#calls >= UPSTREAM_PAGES_MAX
  }

  async read(query: string, isStart: boolean): Promise<Page | Response> {
    const { isWhole, n } = this.#question
    // A page after the first is the gate's own need, unless the registry's pages are smaller than the client's.
    const isOwn = !isStart && this.#takesSizes && !(isWhole && n !== undefined)
    const wanted = (isOwn ? resized(query, PAGE_MAX) : undefined) ?? query
    let answer = await this.#ask(wanted)
    const unsized = answer.status === 400 ? (isOwn && wanted !== query ? query : resized(query, undefined)) : undefined
    if (unsized !== undefined && unsized !== wanted) {
      this.#takesSizes = false
      await discard(answer)
      answer = await this.#ask(unsized)
    }
    if (answer.status === 200) return readPage(answer, this.#question)
    // Only errors may pass: a part of a list (206), or a list elsewhere (3xx), would be one that nobody filtered.
    if (isStart && answer.status >= 400) return answer
    throw new Fault('upstream_invalid', `the registry answered a list with status ${answer.status}`)
  }

  /**
   * What comes after `last` in a first page. A registry that knows no paging gives all its names, perhaps in no order. One
   * that lists in an order of its own may give names which come before `last`, and means what it gives: where the answer
   * alone does not tell which it is, it is asked without `last`.
   */
  async afterLast({ all, next }: Page): Promise<readonly string[]> {
    const { last } = this.#question
    if (next !== undefined) return last === undefined ? all : afterName(all, last)
    const { names, isAfter } = sorted(all)
    if (last === undefined || names.includes(last)) return afterName(names, last)
    const rest = names.filter((name) => isAfter(name, last))
    if (rest.length === names.length) return names
    return (await this.#isWholeList(all)) ? rest : all
  }

  async #isWholeList(names: readonly string[]): Promise<boolean> {
    const answer = await this.#ask(pageQuery(this.#takesSizes ? this.#question.n : undefined, undefined))
    if (answer.status !== 200) {
      await discard(answer)
      return false
    }
    const { all, next } = await readPage(answer, this.#question)
    return next === undefined && JSON.stringify(all.toSorted()) === JSON.stringify(names.toSorted())
  }

  #ask(query: string): Promise<Response> {
    this.#calls += 1
    return this.#question.fetchPage(query)
  }
}

/** The same page with another size; nothing for a query that is not made of `n` and `last` alone. */
function resized(query: string, n: number | undefined): string | undefined {
  const parameters = new URLSearchParams(query)
  const isKnown = [...parameters.keys()].every((key) => key === 'n' || key === 'last')
  return isKnown ? pageQuery(n, parameters.get('last') ?? undefined) : undefined
}

const lastOf = (query: string): string | undefined => new URLSearchParams(query).get('last') ?? undefined

async function readPage(answer: Response, { key, n }: ListQuestion): Promise<Page> {
  const all = await readNames(answer, key)
  // A page of no names has no last name, so its Link says nothing of where the list goes on.
  return { all, next: n === 0 ? undefined : nextQuery(answer.headers.get('link')) }
}

async function readNames(answer: Response, key: ListQuestion['key']): Promise<readonly string[]> {
  const text = await readText(answer.body, PAGE_MAX_BYTES)
  let value: unknown
  try {
    value = JSON.parse(text ?? '')
  } catch (cause) {
    throw new Fault('upstream_invalid', `the registry gave no list of ${key} below 8 MiB`, { cause })
  }
  const names = isRecord(value) && Object.hasOwn(value, key) ? value[key] : []
  // A repository without tags has `null` in several registries.
  if (names === null) return []
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) {
    throw new Fault('upstream_invalid', `the registry gave a list of ${key} that is none`)
  }
  return names
}

/**
 * The query of the `Link` to the next page (RFC 8288), of known parameters alone; `undefined` without a next page. Its
 * host and path are ours to know, so they are not read.
 *
 * @throws {@link Fault} `upstream_invalid` for a `Link` that cannot be understood: the list would seem to end there
 */
export function nextQuery(link: string | null): string | undefined {
  const target = nextTarget(link)
  if (!target.ok) throw new Fault('upstream_invalid', 'the registry gave a list with a Link that cannot be read')
  if (target.value === undefined) return undefined
  const [reference = ''] = target.value.split('#', 1)
  const mark = reference.indexOf('?')
  return nextPageQuery(mark < 0 ? '' : reference.slice(mark))
}
