/**
 * The `Link` header of one page of a list (RFC 8288 section 3 and appendix B.2). The parser is strict: one that skips what
 * it does not understand could mistake the middle of a list for its end.
 */
import { err, ok, type Result } from '../base/result.ts'

/** One link of a header. */
export type Link = {
  /** A URI reference, as the registry wrote it. */
  readonly target: string
  /** Relation types in lower case. */
  readonly relations: readonly string[]
  /** The resource that the link starts from. Absent: the page itself. */
  readonly anchor?: string
}

/** The longest header, in characters: a URL of the platform's own limit, and parameters. */
const MAX_LENGTH = 32_768

const TARGET = /[ \t,]*<([^<>]*)>/y
const PARAMETER =
  /[ \t]*;[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^ \t;,"<>=][^ \t;,"<>]*)))?/y
const EMPTY_PARAMETER = /[ \t]*;(?=[ \t]*(?:[;,]|$))/y
const END = /[ \t]*(?:,[ \t,]*|$)/y

/**
 * Parses all links of a header. Repeated headers arrive joined by commas.
 *
 * @returns `link_invalid` for a header that is not understood, and for a link without a relation
 */
export function parseLinks(header: string): Result<readonly Link[], 'link_invalid'> {
  if (header.length > MAX_LENGTH) return err('link_invalid')
  const links: Link[] = []
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at
    const match = pattern.exec(header)
    if (match === null) return undefined
    at = pattern.lastIndex
    return match
  }
  while (at < header.length) {
    const target = take(TARGET)?.[1]
    if (target === undefined) return err('link_invalid')
    const parameters = new Map<string, string>()
    for (;;) {
      const parameter = take(PARAMETER)
      if (parameter === undefined) {
        if (take(EMPTY_PARAMETER) === undefined) break
        continue
      }
      const [, name = '', quoted, plain = ''] = parameter
      // The first of repeated parameters counts (RFC 8288 section 3.3).
      const key = name.toLowerCase()
      if (!parameters.has(key)) parameters.set(key, quoted?.replaceAll(/\\(.)/g, '$1') ?? plain)
    }
    const relations = (parameters.get('rel') ?? '')
      .toLowerCase()
      .split(/[ \t]+/)
      .filter((relation) => relation !== '')
    if (relations.length === 0 || take(END) === undefined) return err('link_invalid')
    const anchor = parameters.get('anchor')
    links.push({ target, relations, ...(anchor === undefined ? {} : { anchor }) })
  }
  return ok(links)
}

/**
 * The target of the link to the next page. Undefined at the end of the list: without a header, and if no link has the
 * relation `next`.
 *
 * @returns `link_invalid` also for two different next pages, and for a next page of another page
 */
export function nextTarget(header: string | null): Result<string | undefined, 'link_invalid'> {
  if (header === null || header === '') return ok(undefined)
  const links = parseLinks(header)
  if (!links.ok) return links
  const next = links.value.filter(({ relations }) => relations.includes('next'))
  if (next.some(({ anchor }) => anchor !== undefined)) return err('link_invalid')
  const targets = new Set(next.map(({ target }) => target))
  return targets.size > 1 ? err('link_invalid') : ok(next[0]?.target)
}

/** The header that {@link nextTarget} reads, with one link. */
export const formatNextLink = (target: string): string => `<${target}>; rel="next"`
