/**
 * The `Link` header of a list's page (RFC 8288 section 3 and appendix B.2). Strict: a reader that passes over what it does
 * not understand takes the middle of a list for its end.
 */
import { err, ok, type Result } from '../base/result.ts'

export type Link = {
  /** A URI reference, as it was written. */
  readonly target: string
  /** Relation types in lower case. */
  readonly relations: readonly string[]
  /** Where the link starts, if not at the page itself. */
  readonly anchor?: string
}

/** The longest header that is read, in characters: a URL as long as the platform's own bound, and its parameters. */
const MAX_LENGTH = 32_768

const TARGET = /[ \t,]*<([^<>]*)>/y
const PARAMETER =
  /[ \t]*;[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^ \t;,"<>=][^ \t;,"<>]*)))?/y
const EMPTY_PARAMETER = /[ \t]*;(?=[ \t]*(?:[;,]|$))/y
const END = /[ \t]*(?:,[ \t,]*|$)/y

/** Every link of a header; several lines of it arrive joined by commas. A link without a relation is not understood. */
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
      // Of a parameter that is repeated the first counts (RFC 8288 section 3.3).
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
 * The target of the link to the next page; `undefined` where the list ends: without a header, and where no link has the
 * relation `next`. Two different next pages, and one that belongs to another page, are not understood.
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
